"""Secrets on their way to a worker of a cluster: a `Secret` itself does not travel, lest it be written to a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.template.types import Secret

if TYPE_CHECKING:
    from workbench.template import Template


@dataclass(frozen=True, slots=True, repr=False)
class Veiled:
    """The text of a secret, shown to nobody."""

    text: str

    def __repr__(self) -> str:
        return "***"


def veiled(parameters: Mapping[str, Any], template: Template, environ: Mapping[str, str]) -> dict[str, Any]:
    """Make the parameters of a run fit to travel.

    A secret that is to be read from a variable of this process's environment is looked up here, also when it is the
    template's own default: workers have an environment of their own. One that is not set here may be set there.
    """
    from workbench.template.plain import UNKNOWN
    from workbench.template.values import is_secret

    hidden = {one.name: one.default for one in template.parameters if is_secret(one) and one.default is not UNKNOWN}
    looked_up = {name: _each(value, Secret, lambda one: _veil(one, environ)) for name, value in hidden.items()}
    given = {name: _each(value, Secret, lambda one: _veil(one, environ)) for name, value in parameters.items()}
    return {name: value for name, value in looked_up.items() if value != hidden[name]} | given


def unveiled(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Make secrets of what has arrived."""
    return {name: _each(value, Veiled, lambda one: Secret.of(one.text)) for name, value in parameters.items()}


def _veil(secret: Secret, environ: Mapping[str, str]) -> Any:
    if secret.variable is None:
        return Veiled(secret.reveal()) if secret else secret
    return Veiled(environ[secret.variable]) if secret.variable in environ else secret


def _each(value: Any, kind: type, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, kind):
        return change(value)
    if isinstance(value, list | tuple):
        return type(value)(_each(part, kind, change) for part in value)
    return {key: _each(part, kind, change) for key, part in value.items()} if isinstance(value, dict) else value
