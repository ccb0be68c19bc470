"""Values made fit to be written down: secrets go to the kernel's environment, and cell and record only name them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.documents.redaction import CREDENTIALS, MARK, credentials_of, without_credentials
from workbench.errors import BadParameters
from workbench.template.plain import FromEnvironment
from workbench.template.types import FROM_ENVIRONMENT, Secret
from workbench.template.values import Values

VARIABLE = "WORKBENCH_SECRET_"  # and the parameter's name


@dataclass(frozen=True, slots=True)
class Sealed:
    """The values of one run, apart from what is secret in them.

    Parameters
    ----------
    bound : dict
        What the notebook is given: a secret is a `Secret` that names its environment variable, a URL with a password a
        `FromEnvironment`.
    shown : dict
        What may be told of each value: ``[secret:NAME]`` for a secret that was given, None for one that is empty.
    environment : dict of str to str
        What the kernel's environment is given.
    variables : dict of str to str
        The environment variable of each secret, by its name: what the kernel has to keep out of its files.
    secrets : dict of str to str
        The value of each.
    """

    bound: dict[str, Any]
    shown: dict[str, Any]
    environment: dict[str, str] = field(repr=False)
    variables: dict[str, str]
    secrets: dict[str, str] = field(repr=False)


def seal(values: Values, environment: Mapping[str, str]) -> Sealed:
    """Take the secrets out of the values of a run.

    Parameters
    ----------
    values : Values
        As they were gathered.
    environment : mapping of str to str
        This process's environment, in which secrets that name a variable are looked up.

    Raises
    ------
    BadParameters
        If such a variable is not set.
    """
    sealing = _Sealing(environment)
    shown, bound = {}, {}
    for name, value in values.values.items():
        given = name in values.bound
        shown[name], held = sealing.take(name, name, value, given=given)
        if given:
            bound[name] = held
    if sealing.problems:
        raise BadParameters(sealing.problems)
    return Sealed(bound, shown, sealing.given, sealing.variables, sealing.secrets)


class _Sealing:
    """Collects secrets, and what is wrong with them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.given: dict[str, str] = {}
        self.variables: dict[str, str] = {}
        self.secrets: dict[str, str] = {}
        self.problems: list[str] = []

    def take(self, parameter: str, name: str, value: Any, *, given: bool) -> tuple[Any, Any]:
        """Give what may be told of a value, and what the notebook is given; a part of a value has a name of its own."""
        if isinstance(value, Secret):
            return self._secret(parameter, name, value, given=given)
        if isinstance(value, str) and CREDENTIALS.search(value):
            return self._url(name, value)
        if isinstance(value, dict):
            pairs = {key: self.take(parameter, f"{name}_{n}", part, given=given) for n, (key, part) in _numbered(value)}
            return {key: told for key, (told, _) in pairs.items()}, {key: held for key, (_, held) in pairs.items()}
        if isinstance(value, list | tuple):
            items = [self.take(parameter, f"{name}_{n}", part, given=given) for n, part in enumerate(value, start=1)]
            return [told for told, _ in items], type(value)(held for _, held in items)
        return value, value

    def _secret(self, parameter: str, name: str, value: Secret, *, given: bool) -> tuple[Any, Any]:
        if value.variable is not None and value.variable not in self.environment:
            self.problems.append(
                f"The secret {parameter!r} is read from the environment variable {value.variable!r}, which is not set: "
                f"set it, or give it as -p {parameter}=@env:NAME or @file:PATH."
            )
            return None, value
        text = value.reveal() if value.variable is None else self.environment[value.variable]
        if not text:
            return None, Secret()
        variable = f"{VARIABLE}{name}" if given or value.variable is None else value.variable
        if variable != value.variable:
            self.given[variable] = text
        self._keep(name, variable, text)
        return MARK.format(name), Secret(f"{FROM_ENVIRONMENT}{variable}")

    def _url(self, name: str, value: str) -> tuple[str, FromEnvironment]:
        variable = f"{VARIABLE}{name}"
        self.given[variable] = value
        for number, password in enumerate(credentials_of(value)):
            self.given[f"{variable}_password{number or ''}"] = password
            self._keep(name if not number else f"{name}_{number}", f"{variable}_password{number or ''}", password)
        return without_credentials(value), FromEnvironment(variable)

    def _keep(self, name: str, variable: str, text: str) -> None:
        self.variables[name], self.secrets[name] = variable, text


def _numbered(value: dict[Any, Any]) -> Iterator[tuple[int, tuple[Any, Any]]]:
    return enumerate(value.items(), start=1)
