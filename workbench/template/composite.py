"""Types made of types: lists, tuples, dicts, choices, unions, bounds."""

# ruff: noqa: ARG002, D102 -- every type answers the same four questions, documented once in `Type`

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from workbench.template.algebra import (
    NONE_TEXTS,
    Anything,
    Bool,
    Date,
    Float,
    Int,
    Null,
    Str,
    Type,
    inside,
    read_json_text,
)
from workbench.template.plain import Mismatch
from workbench.template.types import Bounds


@dataclass(frozen=True)
class List(Type):
    """A list; a command line gives it as JSON or with commas."""

    item: Type

    def describe(self) -> str:
        return "a list" if self.item == Anything() else f"a list, each item {self.item.describe()}"

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.item.schema()}

    def from_value(self, value: Any, base: Path | None = None) -> list[Any]:
        if not isinstance(value, list):
            raise Mismatch
        return [_part(self.item.from_value, f"item {n}", part, base) for n, part in enumerate(value, start=1)]

    def from_text(self, text: str, base: Path | None = None) -> list[Any]:
        if (value := _json_start(text, "[")) is not None:
            return self.from_value(value, base)
        words = _words(text)
        return [_part(self.item.from_text, f"item {n}", word, base) for n, word in enumerate(words, start=1)]


@dataclass(frozen=True)
class Tuple(Type):
    """A tuple of certain items; given as JSON list or with commas."""

    items: tuple[Type, ...]

    def describe(self) -> str:
        return f"a list of {len(self.items)}: {', '.join(item.describe() for item in self.items)}"

    def schema(self) -> dict[str, Any]:
        prefix = {"prefixItems": [item.schema() for item in self.items]} if self.items else {}
        return {"type": "array", **prefix, "minItems": len(self.items), "maxItems": len(self.items)}

    def from_value(self, value: Any, base: Path | None = None) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) != len(self.items):
            raise Mismatch
        pairs = enumerate(zip(self.items, value, strict=True), start=1)
        return tuple(_part(item.from_value, f"item {n}", part, base) for n, (item, part) in pairs)

    def from_text(self, text: str, base: Path | None = None) -> tuple[Any, ...]:
        if (value := _json_start(text, "[")) is not None:
            return self.from_value(value, base)
        words = _words(text)
        if len(words) != len(self.items):
            raise Mismatch
        pairs = enumerate(zip(self.items, words, strict=True), start=1)
        return tuple(_part(item.from_text, f"item {n}", word, base) for n, (item, word) in pairs)


@dataclass(frozen=True)
class Series(Type):
    """A tuple of any length, all items alike."""

    item: Type

    def describe(self) -> str:
        return List(self.item).describe()

    def schema(self) -> dict[str, Any]:
        return List(self.item).schema()

    def from_value(self, value: Any, base: Path | None = None) -> tuple[Any, ...]:
        return tuple(List(self.item).from_value(value, base))

    def from_text(self, text: str, base: Path | None = None) -> tuple[Any, ...]:
        return tuple(List(self.item).from_text(text, base))


@dataclass(frozen=True)
class Dict(Type):
    """A mapping; a command line gives it as JSON."""

    key: Type
    value: Type

    def describe(self) -> str:
        if self.value == Anything():
            return f"a JSON object, each key {self.key.describe()}"
        return f"a JSON object, each key {self.key.describe()} and each value {self.value.describe()}"

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.value.schema()}

    def from_value(self, value: Any, base: Path | None = None) -> dict[Any, Any]:
        if not isinstance(value, dict):
            raise Mismatch
        read = self.value.from_value
        return {self._key(key): _part(read, f"key {key!r}", part, base) for key, part in value.items()}

    def from_text(self, text: str, base: Path | None = None) -> dict[Any, Any]:
        return self.from_value(read_json_text(text), base)

    def _key(self, key: Any) -> Any:
        read = self.key.from_text if isinstance(key, str) else self.key.from_value  # JSON's keys are texts
        try:
            return read(key)
        except Mismatch as error:
            raise inside("a key", key, error) from None


@dataclass(frozen=True)
class Choice(Type):
    """One of certain values."""

    options: tuple[Any, ...]

    def describe(self) -> str:
        return f"one of {', '.join(repr(option) for option in self.options)}"

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.options)}

    def from_value(self, value: Any, base: Path | None = None) -> Any:
        return self._first(lambda option: type(option) is type(value) and option == value)

    def from_text(self, text: str, base: Path | None = None) -> Any:
        try:
            return self._first(lambda option: isinstance(option, str) and option == text)
        except Mismatch:
            return self._first(lambda option: _means(option, text.strip()))

    def _first(self, fits: Callable[[Any], bool]) -> Any:
        for option in self.options:
            if fits(option):
                return option
        raise Mismatch


def _means(option: Any, text: str) -> bool:
    if option is None:
        return text.lower() in NONE_TEXTS
    return text in {str(option), json.dumps(option)}


@dataclass(frozen=True)
class Union(Type):
    """One type or another."""

    options: tuple[Type, ...]

    def describe(self) -> str:
        return " or ".join(option.describe() for option in self.options)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [option.schema() for option in self.options]}

    def from_value(self, value: Any, base: Path | None = None) -> Any:
        options = sorted(self.options, key=_turn)
        found = _accepted(partial(option.from_value, value, base) for option in options)
        exact = (read for read in found if not isinstance(value, str) and type(read) is type(value))
        return next(exact, found[0])

    def from_text(self, text: str, base: Path | None = None) -> Any:
        """Read none first (unless plain text is allowed, which "none" is too), lists only when they look like JSON."""
        plain_text = any(isinstance(_inner(option), Str) for option in self.options)
        if Null() in self.options and not plain_text and text.strip().lower() in NONE_TEXTS:
            return None
        options = sorted((o for o in self.options if o != Null()), key=lambda option: _turn(option, text))
        return _accepted(partial(option.from_text, text, base) for option in options)[0]


def _turn(option: Type, text: str = "") -> int:
    """When a union tries this member: what takes any text comes late, lists of bare words last."""
    kind = _inner(option)
    if isinstance(kind, List | Tuple | Series | Dict):
        return 0 if text.lstrip().startswith(("[", "{")) else 6
    late: dict[type[Type], int] = {Bool: 2, Str: 4, Anything: 5}  # a bool takes 1 and 0, which a number does better
    return late.get(type(kind), 3 if kind.any_text else 1)


def _inner(option: Type) -> Type:
    return option.of if isinstance(option, Bounded) else option


def _accepted(reads: Iterable[Callable[[], Any]]) -> list[Any]:
    found, reasons = [], []
    for read in reads:
        try:
            found.append(read())
        except Mismatch as error:
            reasons.append(str(error))
    if not found:
        raise Mismatch(next((reason for reason in reasons if reason), ""))
    return found


@dataclass(frozen=True)
class Bounded(Type):
    """A number within bounds, or a text, list or dict of a certain length."""

    of: Type
    bounds: Bounds

    def describe(self) -> str:
        words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below",
                 "min_length": "of length at least", "max_length": "of length at most"}  # fmt: skip
        limits = [f"{words[name]} {limit}" for name, limit in asdict(self.bounds).items() if limit is not None]
        return f"{self.of.describe()} ({' and '.join(limits)})"

    def schema(self) -> dict[str, Any]:
        length = {"string": "Length", "array": "Items", "object": "Properties"}.get(
            self.of.schema().get("type", ""), ""
        )
        names = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum",
                 "min_length": f"min{length}", "max_length": f"max{length}"}  # fmt: skip
        limits = {names[name]: limit for name, limit in asdict(self.bounds).items() if limit is not None}
        return {**self.of.schema(), **limits}

    def from_value(self, value: Any, base: Path | None = None) -> Any:
        return self._within(self.of.from_value(value, base))

    def from_text(self, text: str, base: Path | None = None) -> Any:
        return self._within(self.of.from_text(text, base))

    def _within(self, value: Any) -> Any:
        limits, size = self.bounds, len(value) if isinstance(value, str | list | tuple | dict) else None
        fits = {  # written so that nan fits no bound
            "ge": lambda limit: value >= limit,
            "gt": lambda limit: value > limit,
            "le": lambda limit: value <= limit,
            "lt": lambda limit: value < limit,
            "min_length": lambda limit: size is not None and size >= limit,
            "max_length": lambda limit: size is not None and size <= limit,
        }
        if not all(fit(getattr(limits, name)) for name, fit in fits.items() if getattr(limits, name) is not None):
            raise Mismatch
        return value


KEYS = (Str, Int, Float, Bool, Date, Choice)
"""What the keys of a `Dict` may be: what can be told back from JSON's keys, which are texts."""


def union(options: Iterable[Type]) -> Type:
    """Join types: unions in unions are one union, and a union of one is that one."""
    flat = [part for option in options for part in (option.options if isinstance(option, Union) else (option,))]
    distinct = tuple(dict.fromkeys(flat))
    return distinct[0] if len(distinct) == 1 else Union(distinct)


def bounded(of: Type, bounds: Bounds) -> Type:
    """Put bounds on a type, in a union on the members they fit.

    Raises
    ------
    Mismatch
        If no member can have such bounds.
    """
    members = of.options if isinstance(of, Union) else (of,)
    numeric = any(limit is not None for limit in (bounds.ge, bounds.gt, bounds.le, bounds.lt))
    fitting = (Int, Float) if numeric else (Str, List, Series, Dict)
    if not any(isinstance(_inner(member), fitting) for member in members):
        raise Mismatch(f"bounds do not fit {of.describe()}")
    return union(Bounded(member, bounds) if isinstance(_inner(member), fitting) else member for member in members)


def parts(kind: Type) -> tuple[Type, ...]:
    """List the types a type is made of."""
    match kind:
        case List() | Series():
            return (kind.item,)
        case Tuple():
            return kind.items
        case Dict():
            return (kind.key, kind.value)
        case Union():
            return kind.options
        case Bounded():
            return (kind.of,)
    return ()


def holds(kind: Type, wanted: type) -> bool:
    """Whether a type is, or is made of, a `wanted`."""
    return isinstance(kind, wanted) or any(holds(part, wanted) for part in parts(kind))


def _part(read: Callable[[Any, Path | None], Any], where: str, part: Any, base: Path | None) -> Any:
    try:
        return read(part, base)
    except Mismatch as error:
        raise inside(where, part, error) from None


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")] if text.strip() else []


def _json_start(text: str, bracket: str) -> Any:
    """Read `text` as JSON if it begins like a list; None if it is not one."""
    if not text.lstrip().startswith(bracket):
        return None
    try:
        return read_json_text(text)
    except Mismatch as error:
        if str(error):
            raise
        return None
