"""A few raw rows read value by value, for which pandas takes longer to begin with a column than to read it.

What comes out is, to the last bit, what `Coercer` makes of the same rows. A value that says too little of the column it
stands in is left to the coercer, with its column.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .coerce import (
    MISSING,
    PLAIN,
    Coercer,
    Column,
    as_number,
    coerce,
    moment,
    numbers_from,
    texts_for_missing,
    tidy,
    tidy_number,
    truths,
    unknown_values,
    widened,
)
from .look import FEW

Array = npt.NDArray[Any]
# A raw value, and up to which size whole numbers are written as in their column: what its kind has.
Reader = Callable[[Any, float], Any]
# Whatever column these stand in, it is read alike; not so narrow floats, decimals, spans and periods.
NUMBERS = {
    bool,
    int,
    float,
    np.bool_,
    np.float64,
    *(np.dtype(f"{kind}{size}").type for kind in "iu" for size in "1248"),
}
NOTHING = {type(None), type(pd.NA), type(pd.NaT)}
BLANKS = {"", *MISSING}
NUMBER = re.compile(r"[-+]?[0-9]{1,15}(\.[0-9]{1,15})?")  # what Python and pandas read alike
NAT = np.datetime64("NaT", "ns")
# Dates of fixed width are read by Python; others, and those that are none, by pandas.
FIELDS = {
    "%Y": "(?P<year>1[7-9][0-9]{2}|2[01][0-9]{2})",
    "%m": "(?P<month>0[1-9]|1[0-2])",
    "%d": "(?P<day>0[1-9]|[12][0-9]|3[01])",
    "%H": "(?P<hour>[01][0-9]|2[0-3])",
    "%M": "(?P<minute>[0-5][0-9])",
    "%S": "(?P<second>[0-5][0-9])",
}
ISO = "%Y-%m-%d(?:[ T]%H:%M(?::%S)?)?"
MOMENT, MIDNIGHT = "{year}-{month}-{day}T{hour}:{minute}:{second}", dict.fromkeys(("hour", "minute", "second"), "00")


class Untold(Exception):
    """A value does not say by itself how its column is read."""


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
        self.readers = [_but_unknown(_reader(column), column) for column in coercer.columns]
        kinds = [column["kind"] for column in coercer.columns]
        # Columns of one type are put into arrays together.
        self.types = [
            (np.dtype(kept), [place for place, kind in enumerate(kinds) if TYPES.get(kind, "object") == kept])
            for kept in ("float64", "datetime64[ns]", "object")
        ]
        self._seen: tuple[Any, list[int] | None] = None, None

    def read(self, frame: pd.DataFrame) -> pd.DataFrame | dict[str, Array]:
        """Give the coercer's columns: of a few rows as arrays by their names, of others as a frame."""
        places = self._places(frame) if 0 < len(frame) <= FEW else None
        if places is None:
            return self.coercer.transform(frame)
        rows = [frame.iloc[row] for row in range(len(frame))]
        whole = _whole(rows[0].dtype, frame)
        cells = [row.tolist() for row in rows]
        asked: dict[str, Array] = {}
        found: list[list[Any]] = []
        for name, place, column, read in zip(self.names, places, self.coercer.columns, self.readers, strict=True):
            try:
                found.append([read(row[place], whole) for row in cells])
            except Untold:
                asked[name] = coerce(frame.iloc[:, place], column).to_numpy()
                found.append([None] * len(cells))
        told: dict[str, Array] = dict.fromkeys(self.names, np.empty(0))
        for kept, columns in self.types:
            values = np.array([found[place] for place in columns], dtype=kept)
            told.update(zip([self.names[place] for place in columns], values, strict=True))
        return told | asked

    def _places(self, frame: pd.DataFrame) -> list[int] | None:
        """Tell where the columns stand; None where a coercer has to look, or to say what is wrong."""
        if not self.names or not isinstance(frame, pd.DataFrame):
            return None
        names, places = self._seen
        if names is None or not frame.columns.is_(names):  # rows of one frame share their index of names
            names, places = frame.columns, self._found(frame.columns)
            self._seen = names, places
        return places

    def _found(self, columns: pd.Index[Any]) -> list[int] | None:
        if columns.nlevels > 1:
            return None
        known = columns.tolist()
        places = {name: place for place, name in enumerate(known)}
        found = [places[name] for name in self.names if name in places]
        return found if len(places) == len(known) and len(found) == len(self.names) else None


def _whole(held: Any, frame: pd.DataFrame) -> float:
    """Tell up to which size whole numbers of a row, held by one type, are written as they are in their columns.

    Of another type they may be written otherwise (3 and 3.0, 1 and True), and parts of numbers always may.
    """
    if isinstance(held, np.dtype):
        return math.inf if held.kind in "Oiub" else 2.0**24 if held.kind == "f" else 0.0
    return math.inf if isinstance(held, pd.StringDtype) or len(set(frame.dtypes)) == 1 else 0.0


TYPES = {"number": "float64", "boolean": "float64", "date": "datetime64[ns]"}


def _reader(column: Column) -> Reader:
    """Make what reads one value of a column."""
    return {"number": _number, "boolean": _boolean, "date": _date}.get(column["kind"], _text)(column)


def _but_unknown(read: Reader, column: Column) -> Reader:
    """Make values that stand for a missing one missing."""
    if not column.get("unknown"):
        return read
    unknown = set(unknown_values(column))
    missing = {"float64": math.nan, "datetime64[ns]": NAT}.get(TYPES.get(column["kind"], ""))

    def known(value: Any, whole: float) -> Any:
        found = read(value, whole)
        return missing if found in unknown else found

    return known


def _number(column: Column) -> Reader:
    tidies = not PLAIN.issuperset(column)

    def read(value: Any, whole: float) -> float:  # noqa: ARG001 - as all readers
        kind = type(value)
        if kind in NUMBERS:
            number = as_number(value) if kind is int else float(value)
            return number if math.isfinite(number) else math.nan
        if kind is str:
            text = tidy_number(value, column) if tidies else value
            if NUMBER.fullmatch(text):
                return float(text)
            return math.nan if text.strip() in BLANKS else float(numbers_from([value], column)[0])
        if kind in NOTHING:
            return math.nan
        raise Untold

    return read


def _boolean(column: Column) -> Reader:
    words = truths(column)
    plain = [words[word] for word in ("false", "0", "true", "1")] == [0.0, 0.0, 1.0, 1.0]

    def read(value: Any, whole: float) -> float:  # noqa: ARG001 - as all readers
        kind = type(value)
        if kind is str:
            return words.get(tidy(value).casefold(), math.nan)
        if kind in NOTHING or (kind in NUMBERS and value != value):
            return math.nan
        # Two columns say otherwise of other numbers: one of numbers, and one that holds a number among words.
        if plain and kind in NUMBERS and value in (0, 1) and math.copysign(1.0, value) > 0:
            return float(value)
        raise Untold

    return read


def _text(column: Column) -> Reader:
    missing, width = texts_for_missing(column), int(column.get("width", 0))

    def read(value: Any, whole: float) -> str | None:
        if (written := value if type(value) is str else _written(value, whole)) is None:
            return None
        text = widened(tidy(written), width)
        return None if text in missing else text

    return read


def _date(column: Column) -> Reader:
    formats = (*column.get("formats", ()), "ISO8601")
    shape = _shape(formats[0])

    def read(value: Any, whole: float) -> np.datetime64:
        if isinstance(value, date):
            return moment(value).astype(NAT.dtype)
        if (written := value if type(value) is str else _written(value, whole)) is None:
            return NAT
        text = tidy(written)
        if shape is not None and (fields := shape.fullmatch(text)):
            try:
                return np.datetime64(MOMENT.format(**(MIDNIGHT | fields.groupdict("00"))), "ns")
            except ValueError:  # the 31st of February
                pass
        stamps = (pd.to_datetime(text, format=form, errors="coerce", utc=True) for form in formats)
        return next((found for each in stamps if not np.isnat(found := moment(each).astype(NAT.dtype))), NAT)

    return read


def _shape(form: str) -> re.Pattern[str] | None:
    """Write a date's format as a pattern; None where it has other parts than numbers of fixed width."""
    shape = ISO if form == "ISO8601" else re.escape(form)
    for field, pattern in FIELDS.items():
        shape = shape.replace(field, pattern, 1)
    told = "%" not in shape and all(f"<{part}>" in shape for part in ("year", "month", "day"))
    return re.compile(shape) if told else None


def _written(value: Any, whole: float) -> Any:
    """Give what `tidy` takes for a value that is no text; None for a gap."""
    kind = type(value)
    if kind in NOTHING:
        return None
    if kind not in NUMBERS:
        raise Untold
    if value != value:
        return None
    if whole < math.inf and not (kind is float and value.is_integer() and abs(value) < whole):
        raise Untold
    return value
