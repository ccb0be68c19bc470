"""What differs from run to run: the points of a grid, the entries of a list, the rows of a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from workbench.batches.spec import MOST_RUNS, Spec
from workbench.errors import BadBatch, WorkbenchError


@dataclass(frozen=True, slots=True)
class Row:
    """One run as its source has it: where it stands, its values, and those that are text as if typed."""

    place: str
    values: dict[str, Any] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """What it says something of."""
        return [*self.values, *self.texts]


def rows_of(spec: Spec) -> list[Row]:
    """List what a spec wants to be run, in its order; a single row, of which nothing is said, when it has no source.

    Raises
    ------
    BadBatch
        If its table cannot be read, or is too long.
    """
    if spec.grid is not None:
        return list(_points(spec.grid))
    if spec.runs is not None:
        return [Row(f"runs[{at}]", values) for at, values in enumerate(spec.runs, start=1)]
    return [Row("")] if spec.table is None else _of_table(spec)


def _points(grid: dict[str, list[Any]]) -> Iterator[Row]:
    for values in product(*grid.values()):
        point = dict(zip(grid, values, strict=True))
        yield Row("grid at " + ", ".join(f"{name}={value}" for name, value in point.items()), point)


def _of_table(spec: Spec) -> list[Row]:
    """Read a table: cells of CSV are texts as if typed, those of parquet values; an empty cell says nothing."""
    from workbench.dataset import read_table

    try:
        frame = read_table(str(spec.table)).frame
    except WorkbenchError as error:
        raise BadBatch(spec.which, [f"table: {str(error).rstrip('.')}"]) from error
    if len(frame) > MOST_RUNS:
        raise BadBatch(spec.which, [f"table: has {len(frame):,} rows; a batch has at most {MOST_RUNS:,}"])
    missing = frame.isna().to_numpy()
    name = spec.table.name if spec.table is not None else "table"
    return [
        _row(f"row {at} of {name}", frame.columns, cells, missing[at - 1])
        for at, cells in enumerate(frame.itertuples(index=False, name=None), start=1)
    ]


def _row(place: str, columns: Any, cells: tuple[Any, ...], missing: Any) -> Row:
    said = {str(name): cell for name, cell, empty in zip(columns, cells, missing, strict=True) if not empty}
    texts = {name: cell for name, cell in said.items() if isinstance(cell, str)}
    return Row(place, {name: cell for name, cell in said.items() if name not in texts}, texts)
