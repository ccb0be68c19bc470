"""The dataset: rows as they stand in a file, and what is known about their columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.dataset.page import counted, page
from workbench.estimators.coerce import Coercer
from workbench.records import TableSchema


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """A table as it was read, and what was found by looking at it.

    Parameters
    ----------
    frame : DataFrame, shape (n_rows, n_columns)
        Raw: the values of a CSV file as text, blank ones missing; those of a parquet file as typed there.
    schema : TableSchema
        The kind of each column and how its raw values are turned into that kind.
    source : str
        Absolute path, or ``example:NAME``.
    digest : str
        SHA-256 of the file's bytes.
    notes : tuple of str
        What a reader should know about how the file was read.
    read_at : float
        When reading began, in seconds of `time.monotonic`: the clock of a notebook run by hand.
    size : int
        Bytes of the file.
    """

    frame: pd.DataFrame
    schema: TableSchema
    source: str
    digest: str
    notes: tuple[str, ...]
    read_at: float
    size: int = 0

    def __repr__(self) -> str:
        rows, columns = self.frame.shape
        return f"<Dataset {self.source}: {counted(rows, 'row')} × {counted(columns, 'column')}>"

    def _repr_html_(self) -> str:
        return page(self.frame, self.schema, source=self.source, size=self.size, notes=self.notes)


def coercer(schema: TableSchema, names: Sequence[str] | None = None) -> Coercer:
    """Make the step that turns raw rows into typed ones, for all columns or those named."""
    chosen = [column.name for column in schema.columns] if names is None else list(names)
    return Coercer([_wanted(schema, name) for name in chosen])


def coerced(dataset: Dataset, names: Sequence[str] | None = None) -> pd.DataFrame:
    """Give the rows typed by their kinds: see `Coercer`."""
    return coercer(dataset.schema, names).transform(dataset.frame)


def _wanted(schema: TableSchema, name: str) -> dict[str, Any]:
    column = schema[name]
    return {"name": column.name, "kind": column.kind, **column.coercion}
