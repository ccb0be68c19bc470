"""Values for a template's parameters: from the command line, a file or a caller to checked Python values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import BadParameters, UnknownName
from workbench.template.composite import holds
from workbench.template.named import NO_SECRETS, SecretType, TableType
from workbench.template.parameter import Parameter
from workbench.template.plain import UNKNOWN, Mismatch, plain, shortened

TEXT, FILE, API, DEFAULT = "-p", "file", "api", "default"


@dataclass(frozen=True, slots=True)
class Values:
    """The values of one run.

    `bound` is what the notebook is given; `values` adds the defaults that are known; `sources` says of each of `values`
    where it came from: ``default``, ``file``, ``api`` or ``-p``.
    """

    bound: dict[str, Any]
    values: dict[str, Any]
    sources: dict[str, str]


def gather(
    parameters: Iterable[Parameter],
    *,
    texts: Sequence[str] = (),
    file: Mapping[str, Any] | None = None,
    api: Mapping[str, Any] | None = None,
    base: Path | None = None,
    home: Path | None = None,
) -> Values:
    """Bring together what was given for a template, and check all of it at once.

    Parameters
    ----------
    parameters : iterable of Parameter
        What the template takes.
    texts : sequence of str
        ``name=value`` as typed after ``-p``; they win over `api`, which wins over `file`.
    file, api : mapping
        JSON values from a parameters file, and values from a caller in Python.
    base : Path
        The folder that relative paths of tables start from.
    home : Path
        The template's own folder, which relative paths among its defaults start from: so they work by hand, too.

    Raises
    ------
    BadParameters
        With everything that is wrong.
    """
    door = _Door(tuple(parameters), base)
    typed = door.split(texts)
    bound: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, values, reader in ((FILE, file, _read_value), (API, api, _read_value), (TEXT, typed, _read_text)):
        read = door.read(values or {}, reader)
        bound |= read
        sources |= dict.fromkeys(read, source)
    door.miss({*(file or {}), *(api or {}), *typed})
    door.close()
    known = defaults(door.parameters, home)
    moved = {name: value for name, value in known.items() if value != door.default(name) and door.is_table(name)}
    sources = dict.fromkeys(known, DEFAULT) | sources
    return Values(moved | bound, known | bound, sources)


def parse_text(
    parameters: Iterable[Parameter], texts: Mapping[str, str], *, base: Path | None = None
) -> dict[str, Any]:
    """Convert texts by the type each parameter declares; those missing are not asked for.

    Raises
    ------
    BadParameters
        With everything that is wrong.
    """
    door = _Door(tuple(parameters), base)
    read = door.read(texts, _read_text)
    door.close()
    return read


def validate(parameters: Iterable[Parameter], values: Mapping[str, Any], *, base: Path | None = None) -> dict[str, Any]:
    """Check values, bring each to its declared type, and ask for those that are required.

    Raises
    ------
    BadParameters
        With everything that is wrong.
    """
    door = _Door(tuple(parameters), base)
    read = door.read(values, _read_value)
    door.miss(set(values))
    door.close()
    return read


def defaults(parameters: Iterable[Parameter], home: Path | None = None) -> dict[str, Any]:
    """Give the defaults that are known; secrets and computed ones are left out."""
    return {
        parameter.name: parameter.type.from_value(plain(parameter.default), home)
        for parameter in parameters
        if parameter.default is not UNKNOWN and not holds(parameter.type, SecretType)
    }


def split(text: str) -> tuple[str, str]:
    """Split ``name=value`` at the first ``=``.

    Raises
    ------
    BadParameters
        If there is no ``=``, or nothing before it.
    """
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals:
        raise BadParameters([f"The parameter {shortened(text)} has no value: write name=value."])
    if not name:
        raise BadParameters([f"The parameter {shortened(text)} has no name: write name=value."])
    return name, value


class _Door:
    """Where values come in: reads them, and collects what is wrong until `close`."""

    def __init__(self, parameters: tuple[Parameter, ...], base: Path | None) -> None:
        self.parameters = parameters
        self.by_name = {parameter.name: parameter for parameter in parameters}
        self.base = base
        self.problems: list[str] = []

    def split(self, texts: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for text in texts:
            try:
                name, value = split(text)
            except BadParameters as error:
                self.problems += error.problems
                continue
            if name in found:
                self.problems.append(f"The parameter {name!r} is given twice.")
            found.setdefault(name, value)
        return found

    def read(self, values: Mapping[str, Any], reader: Callable[[Parameter, Any, Path | None], Any]) -> dict[str, Any]:
        read = {}
        for name, value in values.items():
            if name not in self.by_name:
                self.problems.append(self._unknown(name))
                continue
            try:
                read[name] = reader(self.by_name[name], value, self.base)
            except Mismatch as error:
                self.problems.append(_wrong(self.by_name[name], value, str(error)))
        return read

    def miss(self, given: set[str]) -> None:
        for parameter in self.parameters:
            if parameter.required and parameter.name not in given:
                takes = parameter.type.describe()
                self.problems.append(f"The parameter {parameter.name!r} is required: it takes {takes}.")

    def close(self) -> None:
        if self.problems:
            raise BadParameters(list(dict.fromkeys(self.problems)))

    def default(self, name: str) -> Any:
        return self.by_name[name].default

    def is_table(self, name: str) -> bool:
        return holds(self.by_name[name].type, TableType)

    def _unknown(self, name: str) -> str:
        if not self.parameters:
            return f"The notebook takes no parameters, so {shortened(name)} cannot be given."
        return str(UnknownName("parameter", name, self.by_name))


def _read_value(parameter: Parameter, value: Any, base: Path | None) -> Any:
    _refuse_secret(parameter)
    return parameter.type.from_value(plain(value), base)


def _read_text(parameter: Parameter, text: str, base: Path | None) -> Any:
    _refuse_secret(parameter)
    return parameter.type.from_text(text, base)


def _refuse_secret(parameter: Parameter) -> None:
    if holds(parameter.type, SecretType):
        raise Mismatch(NO_SECRETS)


def _wrong(parameter: Parameter, value: Any, reason: str) -> str:
    if reason == NO_SECRETS:
        return f"The parameter {parameter.name!r} {reason}."
    takes = f"it takes {parameter.type.describe()}{f' ({reason})' if reason else ''}"
    return f"The parameter {parameter.name!r} cannot be {shortened(value)}: {takes}."
