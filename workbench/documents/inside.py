"""Secrets looked for inside a file: its bytes, and what is compressed in them (zip, gzip, parquet, PDF, PNG)."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.documents.redaction import Redactor

CHUNK = 2**20
DEEPEST = 3  # an archive in an archive in an archive
MOST = 2**33  # bytes: eight gigabytes, unpacked
ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")  # how zlib's streams begin, in PDF, PNG, HDF5, joblib
PACKED: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}
CLOSED = (b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"7z\xbc\xaf\x27\x1c", b"Rar!")  # zstandard, lz4, 7z, rar


class Unreadable(Exception):
    """A file whose inside cannot be looked through."""


def secrets_inside(content: bytes | IO[bytes], redactor: Redactor) -> set[str]:
    """Name the secrets that stand in a file or in what is compressed in it.

    Raises
    ------
    Unreadable
        If it is compressed in a way that is not known here, encrypted, damaged, or too large to look through.
    """
    file = io.BytesIO(content) if isinstance(content, bytes) else content
    try:
        return _look(file, redactor, 0, [0])
    except Unreadable:
        raise
    except Exception as error:  # a damaged archive fails in a hundred ways, and is none that was looked through
        raise Unreadable(f"{type(error).__name__}") from error


def _look(file: IO[bytes], redactor: Redactor, depth: int, seen: list[int]) -> set[str]:
    if depth > DEEPEST:
        raise Unreadable("it is packed too deeply")
    file.seek(0)
    head = file.read(512)
    file.seek(0)
    if head.startswith(CLOSED):
        raise Unreadable("its compression is not known here")
    found = _raw(file, redactor, seen)
    file.seek(0)
    for part in _unpacked(file, head):
        found |= _look(part, redactor, depth + 1, seen)
    if head.startswith((b"PAR1", b"ARROW1")):
        found |= _look_at_table(file, head, redactor)
    return found


def _raw(file: IO[bytes], redactor: Redactor, seen: list[int]) -> set[str]:
    found: set[str] = set()
    rest = b""
    while chunk := file.read(CHUNK):
        seen[0] += len(chunk)
        if seen[0] > MOST:
            raise Unreadable("it is too large to be looked through")
        found |= redactor.names_in(rest + chunk)
        rest = (rest + chunk)[-redactor.longest :]
    return found


def _unpacked(file: IO[bytes], head: bytes) -> Iterator[IO[bytes]]:
    """Open what is compressed in a file."""
    if head.startswith((b"PK\3\4", b"PK\5\6")):
        yield from _zip_members(file)
    elif opener := next((opener for magic, opener in PACKED.items() if head.startswith(magic)), None):
        yield opener(file)
    elif head[257:262] == b"ustar":
        with tarfile.open(fileobj=file) as archive:
            yield from (part for one in archive if one.isfile() and (part := archive.extractfile(one)) is not None)
    elif not head.startswith((b"PAR1", b"ARROW1")):
        yield from _zlib_streams(file)


def _zip_members(file: IO[bytes]) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            if member.flag_bits & 1:
                raise Unreadable("it is encrypted")
            with archive.open(member) as part:
                yield part
            yield io.BytesIO(f"{member.filename}\n".encode("utf-8", "replace") + member.comment + archive.comment)


def _zlib_streams(file: IO[bytes]) -> Iterator[IO[bytes]]:
    file.seek(0)
    content = file.read(CHUNK)
    if b"\0" not in content and not content.startswith(b"%PDF"):
        return  # text
    content += file.read()
    end = 0
    for start in (match.start() for match in ZLIB.finditer(content)):
        if start >= end and (unpacked := _inflated(content, start)) is not None:
            plain, length = unpacked
            end = start + length
            yield io.BytesIO(plain)


def _inflated(content: bytes, start: int) -> tuple[bytes, int] | None:
    """Unpack one stream, of which the bytes may merely look like its beginning."""
    stream = zlib.decompressobj()
    view = memoryview(content)[start:]
    try:
        plain = stream.decompress(view[:4096])
        plain += stream.decompress(view[4096:], 2**30)
    except zlib.error:
        return None
    if stream.unconsumed_tail:
        raise Unreadable("it is too large to be looked through")
    return plain, len(view) - len(stream.unused_data)


def _look_at_table(file: IO[bytes], head: bytes, redactor: Redactor) -> set[str]:
    """Look at the texts of a parquet or arrow file, whose pages are compressed."""
    import pyarrow as pa
    from pyarrow import feather
    from pyarrow import parquet as pq

    file.seek(0)
    table = pq.ParquetFile(file).iter_batches() if head.startswith(b"PAR1") else feather.read_table(file).to_batches()
    found: set[str] = set()
    for batch in table:
        found |= redactor.names_in("\n".join(batch.schema.names).encode("utf-8", "surrogatepass"))
        for kind, column in zip(batch.schema.types, batch.columns, strict=True):
            if not _is_number(pa, kind):
                found |= redactor.names_in("\n".join(_texts(column.to_pylist())).encode("utf-8", "surrogatepass"))
    return found


def _is_number(pa: Any, kind: Any) -> bool:
    return bool(pa.types.is_primitive(kind))


def _texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, bytes):
            yield value.decode("utf-8", "replace")
        elif isinstance(value, list):
            yield from _texts(value)
        elif isinstance(value, dict):
            yield from _texts([*value, *value.values()])
        elif value is not None:
            yield str(value)
