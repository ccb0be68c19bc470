"""The types a parameters cell takes from the workbench: tables, columns, durations, amounts of memory, secrets."""

# ruff: noqa: ARG002, D102 -- every type answers the same four questions, documented once in `Type`

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from workbench.template import quantity
from workbench.template.algebra import Str, Type, read_json_text
from workbench.template.composite import List
from workbench.template.plain import Mismatch
from workbench.template.types import FROM_ENVIRONMENT, Secret

FROM_VARIABLE, FROM_FILE = "@env:", "@file:"  # keep a value out of the list of processes
_FILE_OF_A_DATABASE = re.compile(r"((?:sqlite|duckdb)(?:\+\w+)?:///)(?!/|:memory:)([^?#]+)(.*)", re.DOTALL)
_ELSEWHERE = re.compile(r"example:|[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True)
class TableType(Type):
    """A table: a path, made absolute; the URL of a file or of a database; or ``example:NAME``."""

    any_text: ClassVar[bool] = True

    def describe(self) -> str:
        return "a table: a path, a URL or example:NAME"

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "x-workbench": "table"}

    def from_value(self, value: Any, base: Path | None = None) -> str:
        if not isinstance(value, str) or not value.strip():
            raise Mismatch
        if base is None:
            return value
        if found := _FILE_OF_A_DATABASE.fullmatch(value):
            return f"{found[1]}{os.path.abspath(base / found[2])}{found[3]}"  # noqa: PTH100 -- it would follow links
        if _ELSEWHERE.match(value):
            return value
        # Path.resolve would follow links, and Path.expanduser fails for a user who does not exist
        return os.path.abspath(base / os.path.expanduser(value))  # noqa: PTH100, PTH111


@dataclass(frozen=True)
class ColumnType(Type):
    """The name of a column. Files write a column 2020 as a number."""

    any_text: ClassVar[bool] = True

    def describe(self) -> str:
        return "the name of a column"

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "x-workbench": "column"}

    def from_value(self, value: Any, base: Path | None = None) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or not value:
            raise Mismatch
        return value


@dataclass(frozen=True)
class ColumnsType(Type):
    """Names of columns; names with commas in them need the JSON form."""

    any_text: ClassVar[bool] = True

    def describe(self) -> str:
        return 'names of columns: a,b or as JSON ["a", "b"]'

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "string", "minLength": 1}, "x-workbench": "columns"}

    def from_value(self, value: Any, base: Path | None = None) -> list[str]:
        return self.from_text(value) if isinstance(value, str) else List(ColumnType()).from_value(value)

    def from_text(self, text: str, base: Path | None = None) -> list[str]:
        if text.lstrip().startswith("["):
            try:
                return self.from_value(read_json_text(text))
            except Mismatch as error:
                if str(error):
                    raise
        return [name for name in List(Str()).from_text(text) if name]


@dataclass(frozen=True)
class DurationType(Type):
    """A length of time above zero; a bare number counts seconds."""

    def describe(self) -> str:
        return quantity.DURATION

    def schema(self) -> dict[str, Any]:
        return {"type": ["string", "number"], "x-workbench": "duration"}

    def from_value(self, value: Any, base: Path | None = None) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise Mismatch
        try:
            return quantity.normal_duration(value)
        except (ValueError, OverflowError):
            raise Mismatch from None


@dataclass(frozen=True)
class MemoryType(Type):
    """An amount of memory, or a share of the machine's."""

    def describe(self) -> str:
        return quantity.MEMORY

    def schema(self) -> dict[str, Any]:
        return {"type": ["string", "number"], "x-workbench": "memory"}

    def from_value(self, value: Any, base: Path | None = None) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise Mismatch
        try:
            return quantity.normal_memory(value)
        except (ValueError, OverflowError):
            raise Mismatch from None


@dataclass(frozen=True)
class SecretType(Type):
    """A secret: a text, or where it stands: ``@env:NAME`` or ``@file:PATH``. The cell declares it without a value."""

    def describe(self) -> str:
        return "a secret: a text, @env:NAME or @file:PATH"

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "password", "writeOnly": True, "x-workbench": "secret"}

    def from_value(self, value: Any, base: Path | None = None) -> Secret:
        if isinstance(value, Secret):
            return value
        if not isinstance(value, str):
            raise Mismatch
        return self.from_text(value, base)

    def from_text(self, text: str, base: Path | None = None) -> Secret:
        if text.startswith(FROM_VARIABLE):
            return Secret(f"{FROM_ENVIRONMENT}{text.removeprefix(FROM_VARIABLE)}")
        if text.startswith(FROM_FILE):
            return Secret.of(_read(text.removeprefix(FROM_FILE), base))
        return Secret.of(text)


def _read(name: str, base: Path | None) -> str:
    """Read a secret from a file; the line's end that editors put behind it is none of it."""
    path = (base or Path()) / os.path.expanduser(name)  # noqa: PTH111 -- Path's own fails for a user who does not exist
    try:
        return path.read_text(encoding="utf-8-sig").removesuffix("\n").removesuffix("\r")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Mismatch(f"the file {name!r} cannot be read: {why}") from None
