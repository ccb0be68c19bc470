"""A few raw rows read value by value, for which pandas takes longer to begin with a column than to read it.

What comes out is, to the last bit, what `Coercer` makes of the same rows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .coerce import (
    PLAIN,
    Coercer,
    Column,
    as_number,
    coerce,
    is_missing,
    numbers_from,
    objects,
    texts_for_missing,
    tidy,
    tidy_number,
    truths,
    widened,
    without_unknown,
)

Array = npt.NDArray[Any]
Reader = Callable[[Any, bool], Any]  # a raw value, and whether its column is one of numbers → what its kind has for it
FEW = 8  # rows
# The values of other types (dates, categories, Arrow's, narrow floats) are told by their column.
NUMBERS = {"bool", "boolean", "float64", "Float64"} | {
    f"{name}{bits}" for name in ("int", "uint", "Int", "UInt") for bits in (8, 16, 32, 64)
}
TEXTS = {"object", "str", "string"}
NUMBER = re.compile(r"[-+]?[0-9]{1,15}(\.[0-9]{1,15})?")  # what Python and pandas read alike


class FewRows:
    """Read rows as a coercer does.

    Parameters
    ----------
    coercer
        Whose columns are read. Of many rows it reads them itself.
    """

    def __init__(self, coercer: Coercer) -> None:
        self.coercer = coercer
        self.names = [str(column["name"]) for column in coercer.columns]
        self.readers = [_reader(column) for column in coercer.columns]

    def read(self, frame: pd.DataFrame) -> pd.DataFrame | dict[str, Array]:
        """Give the coercer's columns: of a few rows as arrays by their names, of others as a frame."""
        places = self._places(frame) if 0 < len(frame) <= FEW else None
        if places is None:
            return self.coercer.transform(frame)
        rows = [frame.iloc[row] for row in range(len(frame))]
        types = frame.dtypes.tolist()
        # Numbers of several types become those of one that holds them all; as texts 3 and 3.0 are not the same.
        as_they_stand = rows[0].dtype == object or len(set(types)) == 1
        as_numbers = as_they_stand or rows[0].dtype.kind == "f"
        cells = list(zip(*(row.tolist() for row in rows), strict=True))
        read = {}
        for name, place, column, reader in zip(self.names, places, self.coercer.columns, self.readers, strict=True):
            is_number, kind = _is_number(types[place]), column["kind"]
            if is_number is None or reader is None:
                read[name] = coerce(frame.iloc[:, place], column).to_numpy()
                continue
            amount = kind in ("number", "boolean")
            raw = cells[place] if as_they_stand or (amount and as_numbers) else frame.iloc[:, place].tolist()
            values = [reader(value, is_number) for value in raw]
            found = np.array(values, dtype=np.float64) if amount else objects(values)
            read[name] = without_unknown(found, column) if column.get("unknown") else found
        return read

    def _places(self, frame: pd.DataFrame) -> list[int] | None:
        """Tell where the columns stand; None where a coercer has to look, or to say what is wrong."""
        if not self.names or not isinstance(frame, pd.DataFrame) or frame.columns.nlevels > 1:
            return None
        known = frame.columns.tolist()
        if known == self.names:
            return list(range(len(known)))
        places = {name: place for place, name in enumerate(known)}
        found = [places[name] for name in self.names if name in places]
        return found if len(places) == len(known) and len(found) == len(self.names) else None


@lru_cache  # of some: each table of categories has a type of its own
def _is_number(kind: Any) -> bool | None:
    """Whether a column of this type holds numbers; None where its values cannot be read one by one."""
    name = str(kind)
    return name in NUMBERS if name in NUMBERS or name in TEXTS else None


def _reader(column: Column) -> Reader | None:
    """Make what reads one value of a column; dates are left to pandas."""
    kind = column["kind"]
    if kind == "date":
        return None
    return {"number": _number, "boolean": _boolean}.get(kind, _text)(column)


def _number(column: Column) -> Reader:
    tidies = not PLAIN.issuperset(column)

    def read(value: Any, is_number: bool) -> float:  # noqa: ARG001 - as all readers
        if not isinstance(value, str):
            number = as_number(value)
            return number if math.isfinite(number) else np.nan
        text = tidy_number(value, column) if tidies else value
        return float(text) if NUMBER.fullmatch(text) else float(numbers_from([value], column)[0])

    return read


def _boolean(column: Column) -> Reader:
    words = truths(column)

    def read(value: Any, is_number: bool) -> float:
        if is_number:
            number = as_number(value)
            return number if number in (0.0, 1.0) else np.nan
        if not isinstance(value, str) and is_missing(value):
            return np.nan
        return words.get(tidy(value).casefold(), np.nan)

    return read


def _text(column: Column) -> Reader:
    missing, width = texts_for_missing(column), int(column.get("width", 0))

    def read(value: Any, is_number: bool) -> str | None:  # noqa: ARG001 - as all readers
        if not isinstance(value, str) and is_missing(value):
            return None
        text = widened(tidy(value), width)
        return None if text in missing else text

    return read
