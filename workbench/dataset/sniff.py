"""What the bytes of a file are: a parquet table, delimited text in some encoding, or no table at all."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

from workbench.errors import BadTable

PARQUET, GZIP = b"PAR1", b"\x1f\x8b"
KINDS_OF_FILE = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Office document"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"ARROW1", "an Arrow (feather) file"),
    (b"ORC", "an ORC file"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstandard archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"\x80\x04\x95", "a Python pickle"),
    (b"\x80\x05\x95", "a Python pickle"),
)
SAVE_AS = "Save the table as CSV or parquet and name that file."
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
CONTROL = {chr(code) for code in (*range(32), *range(127, 160))} - set("\t\n\r\f\v\x1a\x1b\x85")
SAMPLE = 256 * 1024  # characters looked at to find the delimiter
UNPACKED = 4 * 2**30  # bytes: a few kilobytes of gzip can unpack to more than any memory


def unpacked(content: bytes, source: str) -> bytes:
    """Unpack gzip, up to a size that is still a table and not an attack."""
    if not content.startswith(GZIP):
        return content
    try:
        with gzip.open(io.BytesIO(content)) as file:
            plain = file.read(UNPACKED + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise BadTable(source, f"is a damaged gzip file ({error})", "Copy or download it again.") from error
    if len(plain) > UNPACKED:
        raise BadTable(source, "unpacks to more than 4 GB", "Split it, or save it as parquet.")
    return plain


def refuse_other_files(content: bytes, source: str) -> None:
    """Raise `BadTable` when the content is some other, well-known kind of file."""
    for start, kind in KINDS_OF_FILE:
        if content.startswith(start):
            raise BadTable(source, f"is not a table but {kind}", SAVE_AS)


def text_of(content: bytes, source: str) -> tuple[str, str, list[str]]:
    """Decode the content.

    Returns
    -------
    text, encoding, notes : str, str, list of str

    Raises
    ------
    BadTable
        If the bytes are no text, or hold NUL bytes.
    """
    text, encoding, notes = _decoded(content, source)
    if (at := text.find("\x00")) >= 0:
        line = text.count("\n", 0, at) + 1
        raise BadTable(source, f"holds a NUL byte in line {line}, so it is damaged or no text", "Export it again.")
    if _is_binary(text):
        raise BadTable(source, "is not a table: its bytes are no text", SAVE_AS)
    _refuse_other_texts(text, source)
    return text, encoding, notes


def _decoded(content: bytes, source: str) -> tuple[str, str, list[str]]:
    for mark, encoding, name in MARKS:
        if content.startswith(mark):
            try:
                text = content.decode(encoding)
            except UnicodeDecodeError as error:
                remedy = "Export it again, as UTF-8."
                raise BadTable(source, f"says it is {name} and is not (at byte {error.start})", remedy) from error
            return text, encoding, [] if name == "UTF-8" else [f"The file was read as {name}."]
    if (utf16 := _utf16_without_mark(content)) is not None:
        return content.decode(utf16, errors="replace"), utf16, ["The file was read as UTF-16."]
    try:
        return content.decode("utf-8"), "utf-8", []
    except UnicodeDecodeError as error:
        return _western(content, error)


def _western(content: bytes, error: UnicodeDecodeError) -> tuple[str, str, list[str]]:
    """Read what is not UTF-8: UTF-8 with a few damaged letters, else the old western European code pages."""
    text = content.decode("utf-8", errors="replace")
    damaged = text.count("\ufffd")
    if damaged * 20 < sum(letter > "\x7f" for letter in text):
        line = content.count(b"\n", 0, error.start) + 1
        return text, "utf-8", [f"{damaged} damaged letter(s) were replaced by \ufffd, the first in line {line}."]
    encoding, name = "cp1252", "Windows-1252"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        encoding, name = "latin-1", "Latin-1"
        text = content.decode(encoding)
    return (
        text,
        encoding,
        [f"The file is not UTF-8; it was read as {name} (western European). If letters look wrong, save it as UTF-8."],
    )


def _utf16_without_mark(content: bytes) -> str | None:
    start = content[:4096]
    if len(start) < 4:
        return None
    odd, even = start[1::2].count(0) / len(start[1::2]), start[0::2].count(0) / len(start[0::2])
    if odd > 0.6 and even < 0.05:
        return "utf-16-le"
    return "utf-16-be" if even > 0.6 and odd < 0.05 else None


def _is_binary(text: str) -> bool:
    start = text[:65536]
    control = sum(letter in CONTROL for letter in start)
    return control > max(2, len(start) // 100)


def _refuse_other_texts(text: str, source: str) -> None:
    start = text[:2048].lstrip().lower()
    if start.startswith(("<!doctype", "<html", "<?xml", "<svg")):
        kind = "an XML file" if start.startswith(("<?xml", "<svg")) else "a web page"
        raise BadTable(source, f"is not a table but {kind}", "Download the data itself, as CSV or parquet.")
    if start.startswith(("{", "[{", "[[", "[\n")) and _is_json(text):
        kind = "a Jupyter notebook" if '"nbformat"' in text else "a JSON file"
        raise BadTable(source, f"is not a table but {kind}", SAVE_AS)
    if start.startswith("version https://git-lfs"):
        raise BadTable(source, "is only a Git LFS pointer to the table", "Fetch the file itself: git lfs pull.")


def _is_json(text: str) -> bool:
    lines = text.strip().splitlines()
    for candidate in (text, lines[0]):  # one document, or one object a line
        try:
            json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        return True
    return False


def delimiter_of(text: str) -> str:
    """Find the mark between columns: the one that cuts the header and most lines into equally many, and most, parts."""
    sample = text[:SAMPLE]
    if len(text) > SAMPLE:
        sample = sample[: max(sample.rfind("\n"), sample.rfind("\r")) + 1] or sample
    scored = {mark: _agreement(sample, mark) for mark in DELIMITERS}
    best = max(scored, key=lambda mark: scored[mark])
    return best if scored[best] > (0.0, 1) else ","


def _agreement(sample: str, mark: str) -> tuple[float, int]:
    """Share of lines that have as many fields as the header (0 when the header has one), and that many."""
    widths = [len(record) for record in records(sample, mark) if record]
    if not widths or widths[0] < 2:
        return 0.0, 1
    counted = Counter(widths)
    return round(counted[widths[0]] / len(widths), 1), widths[0]


def records(text: str, mark: str) -> Iterator[list[str]]:
    """Cut text into records and fields, as far as it can be read."""
    try:
        yield from reader_of(text, mark)
    except csv.Error:  # a field longer than the csv module reads
        return


def reader_of(text: str, mark: str) -> Any:
    """Cut text as pandas does, knowing the line: the standard library's reader."""
    return csv.reader(io.StringIO(text, newline=""), delimiter=mark, skipinitialspace=True)
