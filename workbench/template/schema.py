"""Parameters as JSON Schema, for forms and other programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from workbench.template.composite import holds
from workbench.template.named import SecretType
from workbench.template.parameter import Parameter
from workbench.template.plain import UNKNOWN, as_json

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(parameters: Iterable[Parameter]) -> dict[str, Any]:
    """Describe parameters as one JSON Schema 2020-12 object.

    ``x-workbench`` says what a text stands for (table, column, columns, duration, memory, secret), ``x-annotation``
    the annotation of a parameter whose type is not known, ``x-default`` a default that the notebook computes.
    """
    listed = tuple(parameters)
    return {
        "$schema": DIALECT,
        "type": "object",
        "properties": {parameter.name: _property(parameter) for parameter in listed},
        "required": [parameter.name for parameter in listed if parameter.required],
        "additionalProperties": False,
    }


def _property(parameter: Parameter) -> dict[str, Any]:
    described: dict[str, Any] = {"title": _title(parameter.name)}
    if parameter.help:
        described["description"] = parameter.help
    described |= parameter.type.schema()
    if holds(parameter.type, SecretType):
        return described
    if parameter.default is not UNKNOWN:
        described["default"] = as_json(parameter.default)
    elif parameter.default_text:
        described["x-default"] = parameter.default_text
    return described


def _title(name: str) -> str:
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]
