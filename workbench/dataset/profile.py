"""How the values of a table are spread, small enough to keep: drift is measured against it later."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from workbench.dataset.table import coercer_of
from workbench.records import ColumnSchema, TableSchema

BINS = 10  # deciles
LEVELS = 50  # of a category; the rest is counted together


def profile(frame: pd.DataFrame, schema: TableSchema) -> dict[str, Any]:
    """Describe how the values of each column are spread.

    Parameters
    ----------
    frame : DataFrame, shape (n_rows, n_columns)
        Raw rows.
    schema : TableSchema
        Their columns, with roles.

    Returns
    -------
    dict
        JSON-able: ``rows``, and for each column ``kind``, ``missing`` (a share), and by kind ``edges`` and
        ``counts`` (numbers, dates as ISO 8601), or ``values`` (the most frequent, with counts) and ``other``.
    """
    typed = coercer_of(schema.columns).transform(frame)
    return {
        "rows": len(typed),
        "columns": {column.name: _column(typed[column.name], column) for column in schema.columns},
    }


def _column(values: pd.Series[Any], column: ColumnSchema) -> dict[str, Any]:
    present = values.dropna()
    described: dict[str, Any] = {"kind": column.kind, "missing": round(1 - len(present) / max(len(values), 1), 6)}
    if column.kind in ("text", "id", "empty") or present.empty:
        return described
    if column.kind == "number":
        return described | _binned(present.to_numpy())
    if column.kind == "date":
        moments = _binned(present.astype("int64").to_numpy() / 1e9)
        edges = [pd.Timestamp(edge, unit="s").isoformat() for edge in moments["edges"]]
        return described | {"edges": edges, "counts": moments["counts"]}
    return described | _levels(present)


def _binned(values: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Count values between deciles; equal deciles (many zeros, say) make one bin."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)))
    if len(edges) == 1:
        edges = np.repeat(edges, 2)
    counts, _ = np.histogram(values, bins=edges)
    return {"edges": [float(edge) for edge in edges], "counts": [int(count) for count in counts]}


def _levels(values: pd.Series[Any]) -> dict[str, Any]:
    counted = values.value_counts()
    top = {str(level): int(count) for level, count in counted.head(LEVELS).items()}
    return {"values": top, "other": int(counted.iloc[LEVELS:].sum())}
