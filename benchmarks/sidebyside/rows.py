"""The rows that measurements leave behind: one JSON document per line, appended and never changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "results"
QUIET = 0.15  # of the machine; above it a row was measured beside somebody else's work

Row = dict[str, Any]


def read(*files: Path) -> list[Row]:
    """Read the rows of files, in order; a file that is not there has none, and a torn last line counts for nothing."""
    rows = []
    for file in files:
        lines = file.read_text().splitlines() if file.is_file() else []
        for number, line in enumerate(lines, start=1):
            try:
                rows.append(json.loads(line))
            except ValueError:
                if number < len(lines):
                    raise ValueError(f"{file}, line {number} is no JSON document: mend or remove it.") from None
    return rows


def append(row: Row, file: Path) -> None:
    """Add one row; after a torn line it starts on a line of its own."""
    file.parent.mkdir(parents=True, exist_ok=True)
    whole = file.read_bytes() if file.is_file() else b""
    if whole and not whole.endswith(b"\n"):
        file.write_bytes(whole[: whole.rfind(b"\n") + 1])
    with file.open("a") as out:
        out.write(json.dumps(row) + "\n")


def done(rows: Iterable[Row], wanted: Row) -> bool:
    """Tell whether a measurement was made already, while nobody else was working."""
    return any(alike(row, wanted) for row in quiet(rows))


def alike(row: Row, wanted: Row) -> bool:
    """Tell whether every field of `wanted` is the same in a row."""
    return all(row.get(field) == value for field, value in wanted.items())


def quiet(rows: Iterable[Row]) -> list[Row]:
    """Keep the rows that were measured while nobody else was working."""
    return [row for row in rows if row["others"] <= QUIET]


def newest(rows: Iterable[Row], *fields: str) -> list[Row]:
    """Keep the last row of those that agree in the fields."""
    return list({tuple(row[field] for field in fields): row for row in rows}.values())


def last_version(rows: Sequence[Row], commits: Sequence[str]) -> str | None:
    """Find the version of the latest of these commits (newest first, whole hashes) that has rows."""
    kept = {row["version"] for row in rows}
    return next((short for one in commits for short in kept if one.startswith(short)), None)
