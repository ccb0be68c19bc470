"""The dataset: rows as they stand in a file, and what is known about their columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from workbench.dataset.page import counted, page
from workbench.estimators.coerce import Coercer
from workbench.records import ColumnSchema, TableSchema


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


def coercer_of(columns: Iterable[ColumnSchema]) -> Coercer:
    """Make the step that turns these raw columns into their kinds."""
    return Coercer([{**column.coercion, "name": column.name, "kind": column.kind} for column in columns])
