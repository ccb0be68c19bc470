"""Values from outside made plain: only None, bool, int, float, str, date, datetime, list and dict go on."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, Literal

from workbench.template.types import Secret

DEEPEST = 60  # Python's parser takes 200 nested brackets, JSON readers a few hundred
MOST_DIGITS = 4000  # Python converts no number of more than 4300 digits from or to text
MOST_PARTS = 250_000  # beyond that, it belongs in a table


class Unknown(Enum):
    """The default of a parameter that has none, or whose default is computed when the notebook runs."""

    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Literal[Unknown.UNKNOWN] = Unknown.UNKNOWN


@dataclass(frozen=True, slots=True)
class FromEnvironment:
    """A text the notebook looks up in its environment, for it may not be written down."""

    variable: str


class Mismatch(ValueError):
    """A value does not fit a type; the text says why, where the type's description does not say it."""


def plain(value: Any) -> Any:
    """Turn a value into plain JSON-like parts, dates kept as dates.

    Raises
    ------
    Mismatch
        If it holds something else, nests too deep or is too large.
    """
    return _plain(value, 0, [0])


def _plain(value: Any, depth: int, seen: list[int]) -> Any:
    seen[0] += 1
    if depth > DEEPEST:
        raise Mismatch(f"it is nested more than {DEEPEST} levels deep")
    if seen[0] > MOST_PARTS:
        raise Mismatch(f"it has more than {MOST_PARTS:,} parts")
    value = _native(value)
    if isinstance(value, Mapping):
        return {_scalar(_native(key)): _plain(part, depth + 1, seen) for key, part in value.items()}
    if isinstance(value, list):
        return [_plain(part, depth + 1, seen) for part in value]
    return _scalar(value)


def _native(value: Any) -> Any:
    """Turn what numpy and pandas call numbers and lists, and Python's other sequences, into Python's own."""
    package = type(value).__module__.partition(".")[0]
    if package == "numpy" and type(value).__name__ == "datetime64":
        return str(value)  # its own item() gives nanoseconds since 1970
    if package in {"numpy", "pandas"} and hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Set):
        return sorted(value, key=repr)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
        return list(value)
    return value


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, bool | Secret):
        return value
    if isinstance(value, str | PurePath):
        return str.__str__(value) if isinstance(value, str) else str(value)
    if isinstance(value, Decimal):
        whole = value.is_finite() and value.adjusted() < MOST_DIGITS and value == value.to_integral_value()
        value = int(value) if whole else float(value)
    if isinstance(value, int):
        return _number(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, date):
        return _date(value)
    raise Mismatch(f"{type(value).__name__} is not a kind of value a notebook can be given")


def _number(value: int) -> int:
    if value.bit_length() > MOST_DIGITS * math.log2(10):
        raise Mismatch(f"it has more than {MOST_DIGITS} digits")
    return int(value)


def _date(value: date) -> date:
    kind = datetime if isinstance(value, datetime) else date
    try:
        return kind.fromisoformat(value.isoformat())  # a pandas Timestamp becomes a datetime; NaT becomes an error
    except ValueError:
        raise Mismatch("it is not a date") from None


def as_json(value: Any) -> Any:
    """Write a value as JSON can hold it: dates as ISO 8601, tuples as lists, nan and infinity as text, secrets not."""
    if isinstance(value, Mapping):
        return {_key(key): as_json(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Secret | Unknown | FromEnvironment):
        return None
    return value.isoformat() if isinstance(value, date) else value


def _key(key: Any) -> str:
    return key if isinstance(key, str) else str(as_json(key))


def shortened(value: Any, width: int = 60) -> str:
    """Show a value of any size in one line of at most about `width` characters."""
    shortener = reprlib.Repr()
    shortener.maxstring = shortener.maxother = width
    try:
        text = shortener.repr(str(value) if isinstance(value, date | PurePath) else value)
    except Exception:  # numbers of too many digits, and objects whose own repr fails
        return f"a {type(value).__name__} that cannot be shown"
    text = " ".join(text.split())
    return text if len(text) <= width else f"{text[: width - 1]}…"
