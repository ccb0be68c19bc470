"""The templates there are, and tables to try them on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.errors import BadOutput


def templates() -> list[dict[str, Any]]:
    """List the gallery: names, titles, descriptions and paths of the templates."""
    from workbench.template import gallery

    told = ("name", "title", "description")
    return [{field: getattr(one, field) for field in told} | {"path": str(one.path)} for one in gallery()]


def template(name: str) -> dict[str, Any]:
    """Describe one template: its title, and its parameters with types, defaults and help."""
    from workbench.template import find, json_schema

    found = find(name)
    parameters = [
        {
            "name": one.name,
            "type": one.annotation,
            "takes": one.type.describe(),
            "required": one.required,
            "default": one.default_text or None,
            "help": one.help,
        }
        for one in found.parameters
    ]
    told = {field: getattr(found, field) for field in ("name", "title", "description")}
    return told | {"path": str(found.path), "parameters": parameters, "schema": json_schema(found.parameters)}


def copy_template(name: str, folder: Path) -> Path:
    """Put a copy of a template into a folder, and give its path."""
    from workbench.template import copy

    return copy(name, folder)


def write_example(name: str, file: Path) -> Path:
    """Write a table that ships with a dependency as a CSV file."""
    from workbench.dataset import write_example

    try:
        file.parent.mkdir(exist_ok=True)
        return write_example(name, file)
    except OSError as error:
        remedy = "Go to a folder you can write to, or move what is in the way."
        raise BadOutput(str(file), f"cannot be written: {error.strerror or error}", remedy) from error


def columns(data: str | Path) -> list[str]:
    """Name the columns of a table."""
    from workbench.dataset import read_table

    return [column.name for column in read_table(str(data)).schema.columns]
