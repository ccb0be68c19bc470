"""Values for a template's parameters: from the command line, a file or a caller to checked Python values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.documents.redaction import without_credentials
from workbench.errors import BadParameters, UnknownName
from workbench.template.composite import holds
from workbench.template.named import SecretType, TableType
from workbench.template.parameter import Parameter
from workbench.template.plain import UNKNOWN, Mismatch, plain, shortened

TEXT, FILE, API, ENVIRONMENT, DEFAULT = "-p", "file", "api", "environment", "default"
VARIABLE = "WORKBENCH_PARAM_"  # and the parameter's name, in capitals or as it is
Reader = Callable[[Parameter, Any, Path | None], Any]


@dataclass(frozen=True, slots=True)
class Values:
    """The values of one run.

    `bound` is what the notebook is given; `values` adds the defaults that are known; `sources` says of each of `values`
    where it came from: ``default``, ``environment``, ``file``, ``api`` or ``-p``.
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
    environment: Mapping[str, str] | None = None,
    base: Path | None = None,
    home: Path | None = None,
) -> Values:
    """Bring together what was given for a template, and check all of it at once.

    Parameters
    ----------
    parameters : iterable of Parameter
        What the template takes.
    texts : sequence of str
        ``name=value`` as typed after ``-p``; they win over `api`, that over `file`, that over `environment`.
    file, api : mapping
        JSON values from a parameters file, and values from a caller in Python.
    environment : mapping of str to str
        The process's environment, of which ``WORKBENCH_PARAM_<NAME>`` are read as texts.
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
    told = door.variables(environment or {})
    bound: dict[str, Any] = {}
    sources: dict[str, str] = {}
    places: tuple[tuple[str, Mapping[str, Any] | None, Reader], ...] = (
        (ENVIRONMENT, told, _read_text), (FILE, file, _read_value), (API, api, _read_value), (TEXT, typed, _read_text),
    )  # fmt: skip
    for source, values, reader in places:
        read = door.read(values or {}, reader, source)
        bound |= read
        sources |= dict.fromkeys(read, source)
    door.miss({*told, *(file or {}), *(api or {}), *typed})
    door.close()
    known = defaults(door.parameters, home)
    moved = {name: value for name, value in known.items() if value != door.default(name) and door.is_table(name)}
    sources = dict.fromkeys(known, DEFAULT) | sources
    hidden = {one.name: one.default for one in door.parameters if is_secret(one) and one.default is not UNKNOWN}
    sources = dict.fromkeys(hidden, DEFAULT) | sources
    return Values(moved | bound, known | hidden | bound, sources)


def defaults(parameters: Iterable[Parameter], home: Path | None = None) -> dict[str, Any]:
    """Give the defaults that are known; secrets and computed ones are left out."""
    return {
        parameter.name: parameter.type.from_value(plain(parameter.default), home)
        for parameter in parameters
        if parameter.default is not UNKNOWN and not holds(parameter.type, SecretType)
    }


def split(text: str, what: str = "parameter") -> tuple[str, str]:
    """Split ``name=value`` at the first ``=``; `what` it is called in errors.

    Raises
    ------
    BadParameters
        If there is no ``=``, or nothing before it.
    """
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals:
        raise BadParameters([f"The {what} {shortened(text)} has no value: write name=value."])
    if not name:
        raise BadParameters([f"The {what} {shortened(text)} has no name: write name=value."])
    return name, value


def is_secret(parameter: Parameter) -> bool:
    """Whether a parameter is a secret, or made of some."""
    return holds(parameter.type, SecretType)


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

    def variables(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Find the values in the environment: names in capitals, as is the custom there, or as they are."""
        capitals: dict[str, list[str]] = {}
        for name in self.by_name:
            capitals.setdefault(name.upper(), []).append(name)
        found: dict[str, str] = {}
        for variable, text in sorted(environment.items(), reverse=True):  # small letters first: they are exact
            if variable.startswith(VARIABLE):
                asked = variable.removeprefix(VARIABLE)
                alike = capitals.get(asked, [])
                name = asked if asked in self.by_name or len(alike) != 1 else alike[0]
                found.setdefault(name, text)
        return found

    def read(self, values: Mapping[str, Any], reader: Reader, source: str) -> dict[str, Any]:
        read = {}
        for name, value in values.items():
            if name not in self.by_name:
                self.problems.append(self._unknown(name) + _from(source, name))
                continue
            try:
                read[name] = reader(self.by_name[name], value, self.base)
            except Mismatch as error:
                self.problems.append(_wrong(self.by_name[name], value, str(error)) + _from(source, name))
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
    return parameter.type.from_value(plain(value), base)


def _read_text(parameter: Parameter, text: str, base: Path | None) -> Any:
    return parameter.type.from_text(text, base)


def _wrong(parameter: Parameter, value: Any, reason: str) -> str:
    if is_secret(parameter):  # a reason may show a part of the value
        why = f" ({reason})" if reason.startswith("the file ") else ""
        return f"The parameter {parameter.name!r} cannot be what was given{why}: it takes {parameter.type.describe()}."
    takes = f"it takes {parameter.type.describe()}{f' ({reason})' if reason else ''}"
    return without_credentials(f"The parameter {parameter.name!r} cannot be {shortened(value)}: {takes}.")


def _from(source: str, name: str) -> str:
    """Say where a value came from that nobody typed just now."""
    told = {FILE: "the parameters file", ENVIRONMENT: f"the environment variable {VARIABLE}{name.upper()}"}
    return f" It is from {told[source]}." if source in told else ""
