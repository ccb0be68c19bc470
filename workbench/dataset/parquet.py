"""A parquet file becomes a frame, typed as it was saved; what no model can read is left out and said."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workbench.dataset.delimited import free_name, is_saved_index, refuse_twins
from workbench.errors import BadTable

WHOLE = {pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()}


def parse(content: bytes, source: str) -> tuple[pd.DataFrame, dict[str, Any], list[str]]:
    """Read parquet.

    Returns
    -------
    frame : DataFrame
        Typed as in the file; whole numbers and booleans with gaps are nullable, so that no digit is lost.
    options : dict
        Empty: a parquet file says itself how it is read.
    notes : list of str
        What was left out, in plain words.

    Raises
    ------
    BadTable
        If the file is damaged, has no row, no usable column, or a name stands twice.
    """
    try:
        table = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise BadTable(source, f"is a damaged parquet file ({reason})", "Copy or export it again.") from error
    refuse_twins([name.strip() for name in table.column_names], source)
    if not table.num_rows:
        raise BadTable(source, "has columns and no rows", "Name a file that has rows.")
    table, notes = _without_nested(table, source)
    frame = table.to_pandas(types_mapper=_mapper(table), ignore_metadata=True, date_as_object=False)
    return _without_saved_index(frame, notes), {}, notes


def _without_nested(table: pa.Table, source: str) -> tuple[pa.Table, list[str]]:
    """Leave out columns of lists, structures, maps and bytes."""
    odd = [field for field in table.schema if _is_odd(field.type)]
    if len(odd) == table.num_columns:
        raise BadTable(source, "has no column of plain values, only nested ones", "Flatten it first.")
    notes = [f"The column {field.name.strip()!r} holds {field.type} values; it was left out." for field in odd]
    return table.drop_columns([field.name for field in odd]), notes


def _is_odd(kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_nested(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


def _mapper(table: pa.Table) -> Any:
    """Choose nullable types where the file has gaps: pandas would make floats of whole numbers, objects of booleans."""
    gaps = {field.type for field, column in zip(table.schema, table.columns, strict=True) if column.null_count}
    nullable = {
        kind: pd.Series([], dtype=str(kind).replace("int", "Int").replace("uI", "UI")).dtype for kind in WHOLE & gaps
    }
    if pa.bool_() in gaps:
        nullable[pa.bool_()] = pd.BooleanDtype()
    return nullable.get


def _without_saved_index(frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Drop a saved index that only counts the rows; give another saved index a readable name."""
    for name in [name for name in frame.columns if is_saved_index(name, frame[name]) and frame.shape[1] > 1]:
        notes.append(f"The saved index column {name!r}, which only numbers the rows, was dropped.")
        frame = frame.drop(columns=name)
    names = [str(name).strip() for name in frame.columns]
    named = [free_name("index", names) if name == "__index_level_0__" else name for name in names]
    named = [name or free_name(f"column_{place}", named) for place, name in enumerate(named, start=1)]
    return frame.set_axis(pd.Index(named, dtype=object), axis=1)
