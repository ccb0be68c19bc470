"""What a parameter may be: a small algebra of types that reads values, describes itself, and says its JSON Schema.

`from_text` reads what was typed after ``-p name=``; `from_value` reads a plain value (see `plain`) from a file or a
caller. Both give the Python value the notebook receives, or raise `Mismatch`. `base` is the folder that relative
paths of tables start from; None leaves them as they are.
"""

# ruff: noqa: ARG002, D102 -- every type answers the same four questions, documented once in `Type`

from __future__ import annotations

import json
import math
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, ClassVar

from workbench.template.plain import DEEPEST, MOST_DIGITS, Mismatch, as_json, plain, shortened

NONE_TEXTS = {"", "none", "null"}


class Type(ABC):
    """One member of the algebra."""

    any_text: ClassVar[bool] = False
    """Whether nearly every text fits, so that a union tries its other members first."""

    def __str__(self) -> str:
        return self.describe()

    @abstractmethod
    def describe(self) -> str:
        """Say in words what values it takes."""

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """Say the same as JSON Schema 2020-12."""

    @abstractmethod
    def from_value(self, value: Any, base: Path | None = None) -> Any:
        """Read a plain value."""

    def from_text(self, text: str, base: Path | None = None) -> Any:
        """Read a value as typed on a command line."""
        return self.from_value(text, base)


@dataclass(frozen=True)
class Anything(Type):
    """Any JSON value. `annotation` is what the cell says, where the algebra does not know it."""

    annotation: str = ""
    any_text: ClassVar[bool] = True

    def describe(self) -> str:
        return "any JSON value"

    def schema(self) -> dict[str, Any]:
        return {"x-annotation": self.annotation} if self.annotation else {}

    def from_value(self, value: Any, base: Path | None = None) -> Any:
        _refuse_what_is_not_json(value)
        return as_json(value)

    def from_text(self, text: str, base: Path | None = None) -> Any:
        if text.strip() in {"None", "True", "False"}:
            return {"None": None, "True": True, "False": False}[text.strip()]
        try:
            return self.from_value(read_json_text(text, constants=False))
        except Mismatch as error:
            if str(error):  # JSON, but too deep or too large; what is not JSON is text
                raise
            return text


@dataclass(frozen=True)
class Null(Type):
    """None."""

    def describe(self) -> str:
        return "none"

    def schema(self) -> dict[str, Any]:
        return {"type": "null"}

    def from_value(self, value: Any, base: Path | None = None) -> None:
        if value is not None:
            raise Mismatch

    def from_text(self, text: str, base: Path | None = None) -> None:
        if text.strip().lower() not in NONE_TEXTS:
            raise Mismatch


@dataclass(frozen=True)
class Bool(Type):
    """True or false."""

    def describe(self) -> str:
        return "true or false"

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}

    def from_value(self, value: Any, base: Path | None = None) -> bool:
        if not isinstance(value, bool):
            raise Mismatch
        return value

    def from_text(self, text: str, base: Path | None = None) -> bool:
        words = {
            "true": True,
            "yes": True,
            "on": True,
            "1": True,
            "false": False,
            "no": False,
            "off": False,
            "0": False,
        }
        if (word := text.strip().lower()) not in words:
            raise Mismatch
        return words[word]


@dataclass(frozen=True)
class Int(Type):
    """A whole number."""

    def describe(self) -> str:
        return "a whole number"

    def schema(self) -> dict[str, Any]:
        return {"type": "integer"}

    def from_value(self, value: Any, base: Path | None = None) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
            raise Mismatch
        return int(value)

    def from_text(self, text: str, base: Path | None = None) -> int:
        text = text.strip()
        if not re.fullmatch(r"[+-]?\d+(_\d+)*", text, re.ASCII):
            return self.from_value(Float().from_text(text))
        if len(text) > MOST_DIGITS:
            raise Mismatch(f"it has more than {MOST_DIGITS} digits")
        return int(text)


@dataclass(frozen=True)
class Float(Type):
    """A number. JSON has no nan and infinity: they are the texts ``NaN``, ``Infinity`` and ``-Infinity`` there."""

    def describe(self) -> str:
        return "a number"

    def schema(self) -> dict[str, Any]:
        return {"type": "number"}

    def from_value(self, value: Any, base: Path | None = None) -> float:
        if isinstance(value, str) and value.lower().lstrip("+-") in {"nan", "inf", "infinity"}:
            return float(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Mismatch
        try:
            return float(value)
        except OverflowError:
            raise Mismatch("it is too large") from None

    def from_text(self, text: str, base: Path | None = None) -> float:
        try:
            value = float(text.encode("ascii"))
        except ValueError:
            raise Mismatch from None
        if not math.isfinite(value) and re.search(r"\d", text):
            raise Mismatch("it is too large")
        return value


@dataclass(frozen=True)
class Str(Type):
    """Text; a command line's text is taken as it is."""

    any_text: ClassVar[bool] = True

    def describe(self) -> str:
        return "text"

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}

    def from_value(self, value: Any, base: Path | None = None) -> str:
        if isinstance(value, date):
            return value.isoformat()
        if not isinstance(value, str):
            raise Mismatch("put it in quotes" if isinstance(value, int | float) else "")
        return value

    def from_text(self, text: str, base: Path | None = None) -> str:
        return text


@dataclass(frozen=True)
class DateTime(Type):
    """A date with a time of day."""

    def describe(self) -> str:
        return "a date and time such as 2026-01-31T12:30"

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date-time"}

    def from_value(self, value: Any, base: Path | None = None) -> datetime:
        if isinstance(value, str):
            try:
                return datetime.fromisoformat(value.strip())
            except ValueError:
                raise Mismatch from None
        if not isinstance(value, date):
            raise Mismatch
        return value if isinstance(value, datetime) else datetime.combine(value, time())


@dataclass(frozen=True)
class Date(Type):
    """A date."""

    def describe(self) -> str:
        return "a date such as 2026-01-31"

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date"}

    def from_value(self, value: Any, base: Path | None = None) -> date:
        moment = DateTime().from_value(value)
        if moment.timetz() != time():
            raise Mismatch("it has a time of day")
        return moment.date()


def read_json_text(text: str, *, constants: bool = True) -> Any:
    """Read JSON typed on a command line; `constants` are NaN and Infinity, which are Python's JSON only.

    Raises
    ------
    Mismatch
        Without a reason if it is not JSON; with one if it is, but too deep or too large.
    """
    try:
        value = json.loads(text, parse_constant=None if constants else _refuse_constant)
    except RecursionError:
        raise Mismatch(f"it is nested more than {DEEPEST} levels deep") from None
    except ValueError as error:
        raise Mismatch("it has a number of too many digits" if "digits" in str(error) else "") from None
    return plain(value)


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _refuse_what_is_not_json(value: Any) -> None:
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise Mismatch("its keys are not all text")
        for part in value.values():
            _refuse_what_is_not_json(part)
    elif isinstance(value, list):
        for part in value:
            _refuse_what_is_not_json(part)
    elif isinstance(value, float) and not math.isfinite(value):
        raise Mismatch(f"{value} is not JSON: declare the parameter as float")


def inside(where: str, value: Any, error: Mismatch) -> Mismatch:
    """Say which part of a value does not fit."""
    reason = str(error)
    return Mismatch(reason if reason.startswith(("item ", "key ")) else f"{where} is {shortened(value, 30)}")
