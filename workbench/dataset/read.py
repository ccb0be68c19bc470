"""A file, by path, URL or as ``example:NAME``, becomes a table: read once, digested, and its columns looked at."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.dataset import delimited, parquet
from workbench.dataset.examples import PREFIX, example_text
from workbench.dataset.fetch import Fetched, fetch, is_elsewhere
from workbench.dataset.kinds import columns_of
from workbench.dataset.look import stand_for_missing
from workbench.dataset.sniff import PARQUET, refuse_other_files, text_of, unpacked
from workbench.dataset.table import Dataset
from workbench.documents.fetched import as_given, origin
from workbench.documents.run_folder import handing_over_errors, here
from workbench.errors import BadTable, UnknownName
from workbench.estimators.coerce import tidy
from workbench.records import Role, TableSchema

TABLES = (".csv", ".tsv", ".txt", ".gz", ".parquet", ".pq")
NO_NAME = re.compile(r"[/\\\x00-\x1f\x7f]")  # what stands in no file's name everywhere
CHANGED = "The file is not any more what it was when the run began; these are the rows that it held then."


@handing_over_errors
def read_table(source: str | os.PathLike[str], *, missing: str | float | Sequence[str | float] = ()) -> Dataset:
    """Read a table: a CSV or parquet file, a table of a database, or one shipped with the workbench.

    Parameters
    ----------
    source : str or path
        A path; the URL of a file (``https://…``, ``s3://…``) or of a table of a database
        (``sqlite:///sales.db#customers``); or ``example:NAME`` (breast_cancer, diabetes, iris, wine).
    missing : str, number, or sequence of them
        Values that mean "unknown" wherever they stand, such as ``"-200, 999"`` (commas between). Blanks and the usual
        words (NA, null, ?) mean it anyway.

    Returns
    -------
    Dataset
        The rows as they stand in the file (every CSV value as text), with the kind found for each column.

    Raises
    ------
    BadTable
        If it cannot be read as a table.
    UnknownName
        If there is no such example.
    """
    read_at = time.monotonic()
    taken, notes = _as_the_run_was_given(os.fspath(source))
    return _read(taken, missing, read_at, notes)


def read_fetched(fetched: Fetched, *, missing: str | float | Sequence[str | float] = ()) -> Dataset:
    """Read a table whose file is in hand: see `read_table`."""
    return _read(fetched, missing, time.monotonic())


def _as_the_run_was_given(source: str) -> tuple[Fetched, list[str]]:
    """Take a table, in a run as it was when that began: its file may have been changed or removed since."""
    run = here()
    given = None if run is None else as_given(run, source)
    if given is None:
        return take(source), []
    digest, kept = given
    with suppress(BadTable):
        taken = take(source)
        if taken.digest == digest:
            return taken, []
    try:
        return Fetched(source, Path(source).name, kept.read_bytes()), [CHANGED]
    except OSError:
        raise BadTable(source, "was changed or removed since the run began", "Run it again.") from None


def _read(
    taken: Fetched, missing: str | float | Sequence[str | float], read_at: float, remarked: Sequence[str] = ()
) -> Dataset:
    frame, options, notes = _parsed(taken.content, taken.source)
    unknown = codes(missing)
    columns, remarks = columns_of(frame, unknown)
    if unknown:
        options, notes = {**options, "missing": unknown}, [*notes, _about_codes(frame, unknown)]
    return Dataset(
        frame=frame,
        schema=TableSchema(columns, options),
        source=taken.source,
        digest=taken.digest,
        notes=(*remarked, *notes, *remarks),
        read_at=read_at,
        size=len(taken.content),
    )


def codes(missing: str | float | Sequence[str | float]) -> list[str]:
    """Write the values that mean "unknown" as text, each once.

    Examples
    --------
    >>> codes("-200, none"), codes(-200), codes([999, "-1"])
    (['-200', 'none'], ['-200'], ['999', '-1'])
    """
    if isinstance(missing, str):
        given: Sequence[str | float] = missing.split(",")
    else:
        given = [missing] if isinstance(missing, int | float) else missing
    return list(dict.fromkeys(text for value in given if (text := tidy(value))))


def _about_codes(frame: pd.DataFrame, unknown: Sequence[str]) -> str:
    """Say how often values that were said to mean missing were met."""
    met = {str(name): int(stand_for_missing(frame[name], unknown).sum()) for name in frame.columns}
    columns = [name for name, rows in met.items() if rows]
    said = ", ".join(map(repr, unknown))
    if not columns:
        return f"{said}, named as missing, stands in no column."
    return f"{said} counts as missing, as asked for: {sum(met.values()):,} value(s) in {len(columns)} column(s)."


def with_roles(schema: TableSchema, roles: Mapping[str, Role]) -> TableSchema:
    """Give columns their parts: target, group, time, weight, ignore.

    Raises
    ------
    UnknownName
        If there is no such column.
    """
    names = [column.name for column in schema.columns]
    for name in roles:
        if name not in names:
            raise UnknownName("column", name, names)
    columns = (replace(column, role=roles.get(column.name, column.role)) for column in schema.columns)
    return replace(schema, columns=tuple(columns))


def _parsed(content: bytes, source: str) -> tuple[pd.DataFrame, dict[str, Any], list[str]]:
    """Judge by what the file holds, not by what it is called."""
    plain = unpacked(content, source)
    if not plain.strip():
        raise BadTable(source, "is empty", "Name a file with a header line and rows.")
    if plain.startswith(PARQUET):
        frame, options, notes = parquet.parse(plain, source)
        return frame, {"format": "parquet", **options}, notes
    refuse_other_files(plain, source)
    if source.lower().endswith((".parquet", ".pq")):
        raise BadTable(source, "is called parquet and is none", "Export it again, or rename it if it is CSV.")
    text, encoding, notes = text_of(plain, source)
    frame, options, more = delimited.parse(text, source)
    return frame, {"format": "csv", "encoding": encoding, **options}, notes + more


def take(source: str) -> Fetched:
    """Take a table's bytes, once: what is parsed, digested and kept are the very same.

    Raises
    ------
    BadTable
        If it cannot be had.
    UnknownName
        If there is no such example.
    """
    if source.startswith(PREFIX):
        name = source.removeprefix(PREFIX)
        return Fetched(source, f"{name}.csv", example_text(name).encode())
    if is_elsewhere(source):
        return fetch(source)
    path = Path(source).expanduser()
    try:
        _refuse_what_is_no_file(path, source)
        place = origin(path.absolute()) or str(path.absolute())
        return Fetched(place, NO_NAME.sub("_", path.name), path.read_bytes())
    except FileNotFoundError as error:
        raise BadTable(source, "does not exist", _near(path)) from error
    except PermissionError as error:
        raise BadTable(source, "may not be read", "Ask its owner for the right to read it.") from error
    except (OSError, ValueError) as error:
        raise BadTable(source, f"cannot be opened ({getattr(error, 'strerror', None) or error})") from error


def _refuse_what_is_no_file(path: Path, source: str) -> None:
    """Look before opening: a pipe that nobody writes to would be read for ever."""
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        tables = sorted(str(file) for file in path.iterdir() if file.suffix.lower() in TABLES)
        hint = f"Name a file in it, for example {tables[0]!r}." if tables else "Name a file."
        raise BadTable(source or ".", "is a folder", hint)
    if not stat.S_ISREG(mode):
        kind = "a pipe" if stat.S_ISFIFO(mode) else "a device or socket"
        raise BadTable(source, f"is {kind}, not a file", "Save the rows to a file and name that.")


def _near(path: Path) -> str:
    """Name the file in the same folder that was probably meant."""
    folder = path.parent
    if not folder.is_dir():
        return f"There is no folder {str(folder)!r} either."
    try:
        names = {file.name.lower(): file for file in sorted(folder.iterdir()) if file.is_file()}
    except OSError:
        return ""
    near = get_close_matches(path.name.lower(), names, n=1, cutoff=0.5)
    if near:
        return f"Did you mean {str(names[near[0]])!r}?"
    tables = [file.name for name, file in names.items() if name.endswith(TABLES)]
    return f"Tables in {str(folder)!r}: {', '.join(tables[:10])}." if tables else ""
