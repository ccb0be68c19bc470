"""Delimited text becomes a frame of text: nothing is converted, nothing is shifted, nothing is lost unsaid."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from workbench.dataset.sniff import DELIMITERS, delimiter_of, reader_of
from workbench.errors import BadTable

OTHER_DELIMITERS = {":": "colons", "^": "carets", "~": "tildes", "\x01": "control characters", " ": "spaces"}
EMPTY_ROWS = "empty_rows_at_end"  # serving puts them back: every row gets its prediction
RAGGED = "Quote values that hold the delimiter, and delete lines that stand above the header."


def parse(text: str, source: str) -> tuple[pd.DataFrame, dict[str, Any], list[str]]:
    """Read delimited text, every value as text.

    Returns
    -------
    frame : DataFrame
        All columns of dtype str; blank values are missing.
    options : dict
        How it was read: the delimiter, and how many empty rows at the end were left out, if any.
    notes : list of str
        What was noticed or left out, in plain words.

    Raises
    ------
    BadTable
        If there is no header or no row, a name stands twice, a row is longer than the header, or a quote stays open.
    """
    text, mark, notes = _without_preamble(text)
    if not text.strip():
        raise BadTable(source, "is empty", "Name a file with a header line and rows.")
    mark = mark or delimiter_of(text)
    if mark != ",":
        notes.append(f"The columns are separated by {DELIMITERS.get(mark, repr(mark))}.")
    raw = _raw(text, mark, source)
    header = ["" if pd.isna(name) else str(name).strip() for name in raw.iloc[0]]
    frame = raw.iloc[1:].reset_index(drop=True)
    frame, header = _without_overhang(frame, header, text, mark, source)
    _refuse_one_column(frame, header, source)
    frame = _blanks_missing(frame)
    rows = len(frame)
    frame, header = _without_empty_edges(frame, header, notes)
    options = {"delimiter": mark} | ({EMPTY_ROWS: rows - len(frame)} if len(frame) < rows else {})
    if frame.empty:
        raise BadTable(source, "has a header and no rows", "Name a file that has rows.")
    frame, header = _named(frame, header, notes)
    refuse_twins(header, source)
    notes += _short_rows(text, mark, raw)
    return frame.set_axis(pd.Index(header, dtype=object), axis=1), options, notes


def refuse_twins(header: Sequence[str], source: str) -> None:
    """Raise `BadTable` when a name stands for two columns."""
    if twins := sorted({name for name in header if header.count(name) > 1}):
        shown = ", ".join(map(repr, twins[:10]))
        remedy = "Give every column a name of its own; if the file has no header line, add one."
        raise BadTable(source, f"has more than one column named {shown}", remedy)


def _without_preamble(text: str) -> tuple[str, str, list[str]]:
    """Take off Excel's ``sep=;`` line and blank lines at the start."""
    text = text.lstrip("\r\n\ufeff")
    if match := re.match(r'"?sep=([^\w\s"]|\t)"?[ \t]*(\r\n|\n|\r)', text, re.IGNORECASE):
        return text[match.end() :], match[1], ["The line 'sep=' at the top was left out."]
    return text, "", []


def _raw(text: str, mark: str, source: str) -> pd.DataFrame:
    """Read header and rows alike, with one column more than the header has, so that a longer row shows."""
    try:
        width = len(next(reader_of(text, mark))) + 1
        return pd.read_csv(
            io.StringIO(text, newline=""),
            sep=mark,
            header=None,
            names=list(range(width)),
            index_col=False,
            skipinitialspace=True,  # a quote after a comma and a space is a quote
            dtype=str,
            keep_default_na=False,
            na_values=[""],
            skip_blank_lines=width > 2,  # in a table of one column a blank line is a missing value
            low_memory=False,
        )
    except pd.errors.ParserError as error:
        raise _explained(error, text, mark, source) from error
    except csv.Error as error:
        raise BadTable(source, f"has a first line that is no header ({error})", RAGGED) from error


def _explained(error: pd.errors.ParserError, text: str, mark: str, source: str) -> BadTable:
    if match := re.search(r"EOF inside string starting at row (\d+)", str(error)):
        line = _line_of_record(text, mark, int(match[1]))
        return BadTable(source, f"has a quote that is opened in line {line} and never closed", "Close or delete it.")
    if longer := _longer_row(text, mark, source):
        return longer
    return BadTable(source, f"cannot be cut into columns ({str(error).strip()})", RAGGED)


def _longer_row(text: str, mark: str, source: str) -> BadTable | None:
    """Find the first row with more values than the header has names; pandas would shift it or cut it off."""
    reader = reader_of(text, mark)
    header, first, shorter, line = len(next(reader)), None, False, reader.line_num + 1
    try:
        for record in reader:
            overhang = any(map(str.strip, record[header:]))
            first = first or ((line, len(record)) if overhang else None)
            shorter = shorter or (bool(record) and not overhang)
            line = reader.line_num + 1
    except csv.Error:
        pass
    if first is None:
        return None
    line, values = first
    names = f"only {header} name{'' if header == 1 else 's'} in its header"
    if not shorter:
        return BadTable(source, f"has {values} values in every row and {names}", "Add the missing names to the header.")
    return BadTable(source, f"has {values} values in line {line} and {names}", RAGGED)


def _line_of_record(text: str, mark: str, number: int) -> int:
    reader = reader_of(text, mark)
    line = 1
    try:
        for done, _ in enumerate(reader):
            if done == number:
                break
            line = reader.line_num + 1
    except csv.Error:
        pass
    return line


def _without_overhang(
    frame: pd.DataFrame, header: list[str], text: str, mark: str, source: str
) -> tuple[pd.DataFrame, list[str]]:
    """Drop the extra column, or refuse the table when it holds a value."""
    extra = frame.iloc[:, -1]
    if (extra.notna() & (extra.str.strip() != "")).any():
        raise _longer_row(text, mark, source) or BadTable(source, "has rows longer than its header", RAGGED)
    return frame.iloc[:, :-1], header[:-1]


def _refuse_one_column(frame: pd.DataFrame, header: list[str], source: str) -> None:
    if len(header) != 1:
        return
    rows = frame.iloc[:200, 0].dropna()
    for mark, name in OTHER_DELIMITERS.items():
        times = header[0].count(mark)
        if times >= (2 if mark == " " else 1) and len(rows) and (rows.str.count(re.escape(mark)) == times).mean() > 0.9:
            problem = f"has one column, because its values are separated by {name}"
            raise BadTable(source, problem, "Save it with commas, semicolons, tabs or bars between the columns.")


def _blanks_missing(frame: pd.DataFrame) -> pd.DataFrame:
    """Values of nothing but spaces are missing too."""
    spaces = {name: frame[name].str.isspace().eq(True) for name in frame.columns}
    for name, blank in spaces.items():
        if blank.any():
            frame[name] = frame[name].mask(blank)
    return frame


def _without_empty_edges(frame: pd.DataFrame, header: list[str], notes: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """Drop columns without a name and a value, and rows without a value at the end."""
    present = frame.notna()
    keep = [i for i, name in enumerate(header) if name or present.iloc[:, i].any()]
    if dropped := len(header) - len(keep):
        notes.append(f"{dropped} column(s) without a name or a value were dropped.")
    filled = present.any(axis=1).to_numpy().nonzero()[0]
    rows = int(filled[-1]) + 1 if len(filled) else 0
    if (blank := len(frame) - rows) and rows:
        notes.append(f"{blank} empty row(s) at the end were dropped.")
    return frame.iloc[:rows, keep], [header[i] for i in keep]


def _named(frame: pd.DataFrame, header: list[str], notes: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """Drop a saved index; name the other columns that have no name by their place in the file."""
    skipped = int(len(header) > 1 and is_saved_index(header[0], frame.iloc[:, 0]))
    if skipped:
        called = repr(header[0]) if header[0] else "without a name"
        notes.append(f"The saved index column {called}, which only numbers the rows, was dropped.")
    named: list[str] = []
    for place, name in enumerate(header[skipped:], start=1 + skipped):
        named.append(name or free_name(f"column_{place}", [*header, *named]))
        if not name:
            notes.append(f"Column {place} has no name; it is called {named[-1]!r}.")
    return frame.iloc[:, skipped:], named


def is_saved_index(name: str, values: pd.Series[Any]) -> bool:
    """Tell whether a column only numbers the rows, under the name a saved index gets; it may have been shuffled."""
    if not re.fullmatch(r"(Unnamed: 0|level_0|__index_level_0__|)", name):
        return False
    numbers = pd.to_numeric(values, errors="coerce")
    return bool((numbers >= 0).all() and (numbers % 1 == 0).all() and (numbers.is_unique or name))


def free_name(name: str, taken: Sequence[str]) -> str:
    """Give the name, lengthened while it is taken."""
    while name in taken:
        name += "_"
    return name


def _short_rows(text: str, mark: str, raw: pd.DataFrame) -> list[str]:
    """Say how many rows end before the header does. Finding out costs a second reading: made only if marks lack."""
    rows, width = raw.shape
    if text.count(mark) == rows * (width - 2) and '"' not in text:
        return []
    reader = reader_of(text, mark)
    try:
        header = len(next(reader))
        lengths = [(len(record), reader.line_num) for record in reader if 0 < len(record) < header]
    except csv.Error:
        return []
    if not lengths:
        return []
    return [f"{len(lengths)} row(s), the first in line {lengths[0][1]}, end early; the values they lack are missing."]
