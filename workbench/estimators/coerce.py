"""Raw columns become the types a model is fitted on, row by row, the same at training and at prediction.

A column arrives as CSV text or typed (integers, floats, booleans, dates, categories, Arrow types) and leaves in the one
form its kind has, so that a model never sees how its rows were stored. Nothing is learned from the rows: what
there is to know (a decimal mark, a date format, the words for true) is written beside the column's name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

Array = npt.NDArray[Any]
Column = Mapping[str, Any]

# Words that stand for a missing value, besides blank. "None" is not among them: as often it is a level of its own
# (no fence, no cover), and a level lost from a target is worse than a level too many in a feature.
MISSING = ("NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "NaN", "nan", "NAN", "NULL", "Null", "null", "NaT", "?", "#REF!")
TRUE = ("true", "t", "yes", "y", "on")
FALSE = ("false", "f", "no", "n", "off")
SPACES = " \u00a0\u202f\u2009"  # ordinary, no-break, narrow no-break and thin: all are seen between thousands
PLAIN = {"name", "kind", "unknown"}  # a column that says no more is read as a program writes numbers
HOUR = r"(?:[01]?\d|2[0-3])"
CLOCK = re.compile(rf"({HOUR}):([0-5]\d)(?::([0-5]\d(?:\.\d+)?))?|({HOUR})\.([0-5]\d)\.([0-5]\d)")
TRUTH = {"True": 1.0, "TRUE": 1.0, "true": 1.0, "False": 0.0, "FALSE": 0.0, "false": 0.0}
FIRST, LAST = pd.Timestamp("1678-01-01"), pd.Timestamp("2261-12-31 23:59:59")  # what nanoseconds can count


class Coercer(TransformerMixin, BaseEstimator):
    """Take the columns a model was fitted on out of a raw frame, each in the form of its kind.

    Parameters
    ----------
    columns : list of dict
        Each with ``name`` and ``kind`` (number, boolean, date, category, text, id, constant, empty), and what the
        kind needs: ``decimal``, ``thousands``, ``symbols``, ``clock`` (number), ``true``, ``false`` (boolean),
        ``formats`` (date), ``width`` and ``missing`` (all other kinds), and for every kind ``unknown``: values, as
        text, that stand for a missing one ("-200").

    Examples
    --------
    >>> raw = pd.DataFrame({"price": ["2,5", " "], "paid": ["yes", "no"], "shop": [3.0, 4.0]})
    >>> columns = [{"name": "price", "kind": "number", "decimal": ","}, {"name": "shop", "kind": "category"}]
    >>> Coercer(columns).transform(raw).to_dict("list")
    {'price': [2.5, nan], 'shop': ['3', '4']}
    """

    def __init__(self, columns: list[dict[str, Any]]) -> None:
        self.columns = columns

    def fit(self, X: pd.DataFrame, y: object = None) -> Coercer:  # noqa: ARG002 (scikit-learn's signature)
        """Learn nothing."""
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Give the named columns, in the order they were named.

        Returns
        -------
        DataFrame
            number and boolean: float64; date: datetime64[ns] in UTC without zone; other kinds: object, str or None.

        Raises
        ------
        ValueError
            If columns are missing, or a name stands for two columns.
        TypeError
            If the rows are no DataFrame.
        """
        if not isinstance(X, pd.DataFrame):
            raise TypeError(f"The rows must be a pandas DataFrame with named columns, not {type(X).__name__}")
        names = [str(column["name"]) for column in self.columns]
        if missing := [name for name in names if name not in X.columns]:
            raise ValueError(f"The rows lack {len(missing)} column(s) the model needs: {', '.join(map(repr, missing))}")
        if not X.columns.is_unique and (twice := [name for name in names if isinstance(X[name], pd.DataFrame)]):
            raise ValueError(f"The rows have more than one column named {', '.join(map(repr, twice))}")
        series = {name: coerce(X[name], column) for name, column in zip(names, self.columns, strict=True)}
        return pd.DataFrame(series, index=X.index, columns=names)

    def get_feature_names_out(self, input_features: object = None) -> Array:  # noqa: ARG002 (scikit-learn's signature)
        """Names of the columns given by `transform`."""
        return np.array([column["name"] for column in self.columns], dtype=object)

    def __sklearn_is_fitted__(self) -> bool:
        return True


def coerce(series: pd.Series[Any], column: Column) -> pd.Series[Any]:
    """Turn one raw column into the form of its kind."""
    form = FORMS.get(column["kind"], _texts)
    values = form(series, column)
    if column.get("unknown"):
        values = without_unknown(values, column)
    return pd.Series(values, index=series.index, name=column["name"], dtype=values.dtype)


def _numbers(series: pd.Series[Any], column: Column) -> Array:
    if _is_numeric(series):
        return _finite(series.to_numpy(dtype="float64", na_value=np.nan))
    if pd.api.types.is_timedelta64_dtype(series):
        return np.asarray(series.dt.total_seconds().to_numpy(dtype="float64", na_value=np.nan))
    return _spread(series, lambda values: numbers_from(values, column), np.nan)


def _booleans(series: pd.Series[Any], column: Column) -> Array:
    if _is_numeric(series):
        values = series.to_numpy(dtype="float64", na_value=np.nan)
        return np.where((values == 0) | (values == 1), values, np.nan)
    words = truths(column)
    return _spread(
        series, lambda values: np.array([words.get(tidy(value).casefold(), np.nan) for value in values]), np.nan
    )


def _dates(series: pd.Series[Any], column: Column) -> Array:
    if isinstance(series.dtype, pd.PeriodDtype):
        series = series.dt.to_timestamp()
    if str(series.dtype).startswith(("date32", "date64")):  # Arrow's days have no zone to ask for
        series = series.astype("timestamp[ms][pyarrow]")
    if pd.api.types.is_datetime64_any_dtype(series):
        return _nanoseconds(series)
    missing = np.datetime64("NaT", "ns")
    return _spread(series, lambda values: dates_from(values, column.get("formats", ())), missing)


def _texts(series: pd.Series[Any], column: Column) -> Array:
    missing, width = texts_for_missing(column), int(column.get("width", 0))

    def clean(values: Sequence[Any]) -> Array:
        texts = (widened(tidy(value), width) for value in values)
        return objects([None if text in missing else text for text in texts])

    return _spread(series, clean, None)


def without_unknown(values: Array, column: Column) -> Array:
    """Make values that stand for a missing one missing: -200 is so however it is written, -200.0 or -200,00."""
    unknown = unknown_values(column)
    if column["kind"] in ("number", "boolean"):
        return np.where(np.isin(values, unknown), np.nan, values)
    if column["kind"] == "date":
        return np.where(np.isin(values, unknown), np.datetime64("NaT", "ns"), values)
    texts = set(unknown.tolist())
    return objects([None if value in texts else value for value in values])


def unknown_values(column: Column) -> Array:
    """Give the values that stand for a missing one as the column's kind has them."""
    said = [tidy(str(value)) for value in column["unknown"]]
    if column["kind"] in ("number", "boolean"):
        return numbers_from(said, {})
    if column["kind"] == "date":  # a number is no date: 2000 is not the first day of that year
        moments = dates_from([text for text in said if not text.isdigit()], column.get("formats", ()))
        return np.asarray(moments[~np.isnat(moments)])
    return objects([*said, *(text.zfill(int(column.get("width", 0))) for text in said)])


FORMS: dict[str, Callable[[pd.Series[Any], Column], Array]] = {"number": _numbers, "boolean": _booleans, "date": _dates}


def truths(column: Column) -> dict[str, float]:
    """Give the words for false and true, in small letters, as 0 and 1."""
    words = dict.fromkeys(FALSE, 0.0) | dict.fromkeys(TRUE, 1.0) | {"0": 0.0, "1": 1.0}
    words |= {word.casefold(): 0.0 for word in column.get("false", ())}
    return words | {word.casefold(): 1.0 for word in column.get("true", ())}


def texts_for_missing(column: Column) -> set[str]:
    """Give the texts that stand for no value."""
    return {"", *column.get("missing", MISSING)}


def widened(text: str, width: int) -> str:
    """Put the zeros back that a code of digits has lost."""
    return text.zfill(width) if width and text.isdigit() else text


def numbers_from(values: Sequence[Any], column: Column) -> Array:
    """Read numbers out of raw values; what is no number becomes NaN."""
    raw = objects(values)
    is_text = np.fromiter((isinstance(value, str) for value in raw), dtype=bool, count=len(raw))
    found = np.full(len(raw), np.nan)
    found[~is_text] = [as_number(value) for value in raw[~is_text]]
    found[is_text] = _numbers_in(raw[is_text], column)
    return _finite(found)


def _numbers_in(texts: Array, column: Column) -> Array:
    if not PLAIN.issuperset(column):
        texts = objects([tidy_number(text, column) for text in texts])
    # to_numeric judges what is a number (no underscores, no hexadecimal); float reads it to the last bit, as
    # to_numeric does not, and a CSV file then gives the very numbers its parquet twin holds.
    judged = np.array(pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").notna())
    found = np.full(len(texts), np.nan)
    found[judged] = texts[judged].astype("float64")
    found[~judged] = [TRUTH.get(text.strip(), np.nan) for text in texts[~judged]]
    return found


def tidy_number(text: str, column: Column) -> str:
    """Rewrite a number as a program writes it; give a blank when the text breaks its own notation."""
    text = text.strip()
    for symbol in column.get("symbols", ()):
        text = text.replace(symbol, "").strip(SPACES)
    if column.get("clock"):
        return _hours(text)
    decimal, thousands = column.get("decimal", "."), column.get("thousands")
    if thousands:
        text = _without_thousands(text, thousands, decimal)
    return text.replace(decimal, ".") if decimal != "." and "." not in text else text


def dates_from(values: Sequence[Any], formats: Sequence[str]) -> Array:
    """Read dates out of raw values, by the first format that fits; ISO 8601 always does.

    What is no date, or lies outside the years 1678 to 2261, becomes NaT. A date with an offset is turned to UTC.
    """
    raw = objects(values)
    typed = np.fromiter((isinstance(value, date | np.datetime64) for value in raw), dtype=bool, count=len(raw))
    found = np.full(len(raw), np.datetime64("NaT"), dtype="datetime64[ns]")
    found[typed] = [moment(value) for value in raw[typed]]
    for form in (*formats, "ISO8601"):
        if (todo := np.isnat(found) & ~typed).any():
            texts = pd.Series([tidy(value) for value in raw[todo]], dtype=object)
            found[todo] = _nanoseconds(pd.to_datetime(texts, format=form, errors="coerce", utc=True))
    return found


def tidy(value: Any) -> str:
    """Write one value as text in the one way it is compared: 3, 3.0 and " 3 " are all "3"."""
    text = value.strip() if isinstance(value, str) else str(value)
    if text.endswith("0"):
        text = re.sub(r"^(\d{4}-\d\d-\d\d)[ T]00:00:00$|^(-?(?:0|[1-9]\d*))\.0+$", r"\1\2", text)
    return text


def _spread(series: pd.Series[Any], read: Callable[[Sequence[Any]], Array], missing: Any) -> Array:
    """Read each distinct value once, and put the result on every row that has it."""
    codes, distinct = _distinct(series)
    if not len(distinct):
        return np.full(len(series), missing, dtype=object if missing is None else np.asarray(missing).dtype)
    spread = read(distinct)[codes]
    spread[codes < 0] = missing
    return spread


def _distinct(series: pd.Series[Any]) -> tuple[Array, list[Any]]:
    if isinstance(series.dtype, pd.CategoricalDtype):
        return series.cat.codes.to_numpy(), series.cat.categories.tolist()
    if len(series) == 1 and isinstance(series.dtype, pd.StringDtype):  # a row alone need not be sorted by value
        value = series.iat[0]
        return (np.array([-1]), []) if is_missing(value) else (np.array([0]), [value])
    if series.dtype == object and pd.api.types.infer_dtype(series, skipna=True) != "string":
        # True, 1 and 1.0 are one key to a hash table and three texts here; a list is no key at all.
        there = np.array([not is_missing(value) for value in series], dtype=bool)
        return np.where(there, np.arange(len(series)), -1), list(series)
    codes, distinct = pd.factorize(series)
    # A narrow float keeps its own shortest text, as it is written to a file: 0.1, not 0.10000000149.
    return codes, list(distinct) if distinct.dtype == np.float32 else distinct.tolist()


def _is_numeric(series: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(series) and not pd.api.types.is_complex_dtype(series)


def _finite(values: Array) -> Array:
    """Infinities become missing: no model here can be fitted on one."""
    return np.where(np.isfinite(values), values, np.nan)


def _nanoseconds(series: pd.Series[Any]) -> Array:
    if series.dt.tz is not None:
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    if isinstance(series.dtype, np.dtype):
        moments = series.to_numpy()
        inside = (moments >= FIRST.to_datetime64()) & (moments <= LAST.to_datetime64())
        return np.where(inside, moments, np.datetime64("NaT")).astype("datetime64[ns]")
    kept = series.where((series >= FIRST) & (series <= LAST))
    return kept.astype("datetime64[ns]").to_numpy()


def moment(value: Any) -> np.datetime64:
    """Read a date, or a moment of one, in UTC; NaT outside the years that nanoseconds can count."""
    stamp = pd.Timestamp(value)
    stamp = stamp if stamp.tz is None else stamp.tz_convert("UTC").tz_localize(None)
    return stamp.to_datetime64() if FIRST <= stamp <= LAST else np.datetime64("NaT")


def as_number(value: Any) -> float:
    """Read what is no text: a number, or a time as hours, or a span as seconds; NaN of anything else."""
    if isinstance(value, time):
        return value.hour + value.minute / 60 + (value.second + value.microsecond / 1e6) / 3600
    if isinstance(value, timedelta):
        return value.total_seconds()
    try:
        return float(value) if isinstance(value, Real | Decimal | np.bool_) else np.nan
    except (OverflowError, ValueError):  # a whole number of more than 308 digits, or a decimal's signalling NaN
        return np.nan


def _hours(text: str) -> str:
    """Write a time of day as hours: 18.30.00 is 18.5. A number stays a number."""
    if not (match := CLOCK.fullmatch(text)):
        return text
    hours, minutes, *seconds = (part for part in match.groups() if part is not None)
    return repr(int(hours) + int(minutes) / 60 + float(seconds[0] if seconds else 0) / 3600)


def _without_thousands(text: str, thousands: str, decimal: str) -> str:
    marks = "".join(f"\\{mark}" if mark in r"\]^-" else mark for mark in (SPACES if thousands == " " else thousands))
    whole, mark, rest = text.partition(decimal)
    if re.search(f"[{marks}]", whole) and not re.fullmatch(rf"[-+]?[1-9]\d{{0,2}}([{marks}]\d{{3}})+", whole):
        return ""
    return re.sub(f"[{marks}]", "", whole) + mark + rest


def is_missing(value: Any) -> bool:
    """Whether a value is None, NaN or any other of pandas' words for nothing."""
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def objects(values: Sequence[Any]) -> Array:
    """Put values of any kind into an array as they are, shape (n_values,)."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
