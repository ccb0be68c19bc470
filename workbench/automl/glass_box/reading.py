"""Read a table as it was read for the search: its source is written into the notebooks, so it stands alone."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq


def read_csv(path: str, columns: Sequence[str], *, delimiter: str, encoding: str) -> pd.DataFrame:
    """Read a CSV file, every value as text, under these names; a gzip file is unpacked."""
    content = Path(path).read_bytes()
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    return from_text(content.decode(encoding, errors="replace"), columns, delimiter=delimiter)


def from_text(text: str, columns: Sequence[str], *, delimiter: str) -> pd.DataFrame:
    """Cut delimited text into rows and columns; blank values are missing."""
    text = re.sub(r'\A"?sep=([^\w\s"]|\t)"?[ \t]*(\r\n|\n|\r)', "", text.lstrip("\r\n\ufeff"), flags=re.IGNORECASE)
    width = len(next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)))
    cells = pd.read_csv(
        io.StringIO(text, newline=""),
        sep=delimiter,
        header=None,
        names=list(range(width + 1)),
        index_col=False,
        skipinitialspace=True,
        dtype=str,
        keep_default_na=False,
        na_values=[""],
        skip_blank_lines=width > 1,  # in a table of one column a blank line is a missing value
        low_memory=False,
    ).iloc[:, :width]
    named = (cells.iloc[0].fillna("").str.strip() != "").to_numpy()
    values = cells.iloc[1:].reset_index(drop=True)
    for place in values.columns:
        values[place] = values[place].mask(values[place].str.isspace().eq(True))
    values = values.loc[:, named | values.notna().any().to_numpy()]  # a column without name and value is none
    filled = values.notna().any(axis=1).to_numpy().nonzero()[0]  # nor are empty rows at the end
    # What is too many is a saved index, at the front, which only numbered the rows.
    return values.iloc[: filled[-1] + 1, len(values.columns) - len(columns) :].set_axis(list(columns), axis=1)


def read_parquet(path: str, columns: Sequence[str]) -> pd.DataFrame:
    """Read the named columns of a parquet file, typed as they are there; whole numbers with gaps stay whole."""
    content = Path(path).read_bytes()
    table = pq.read_table(pa.BufferReader(gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content))
    names = [name.strip() for name in table.column_names]
    names = ["index" if name == "__index_level_0__" and name not in columns else name for name in names]
    table = table.rename_columns(names).select(list(columns))
    gaps = {field.type for field, column in zip(table.schema, table.columns, strict=True) if column.null_count}
    whole = {kind for kind in gaps if pa.types.is_integer(kind)}
    nullable = {kind: pd.Series([], dtype=str(kind).replace("int", "Int").replace("uI", "UI")).dtype for kind in whole}
    nullable |= {pa.bool_(): pd.BooleanDtype()} if pa.bool_() in gaps else {}
    return table.to_pandas(types_mapper=nullable.get, ignore_metadata=True, date_as_object=False)
