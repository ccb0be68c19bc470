"""``schema.json`` and ``profile.json``: what the columns of a table are, and how their values are spread."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, get_args

from workbench.documents.files import FORMAT, insist_on_format, read_json, write_json
from workbench.errors import BadArtifact
from workbench.records import ColumnSchema, Kind, Role, TableSchema

REMEDY = "Take the artifact again from where it came from."


def write_schema(path: Path, schema: TableSchema) -> None:
    """Write ``schema.json``."""
    columns = [asdict(column) for column in schema.columns]
    write_json(path, {"format": FORMAT, "read": schema.read, "columns": columns})


def read_schema(path: Path) -> TableSchema:
    """Read ``schema.json``; fields of a later format are left out.

    Raises
    ------
    BadArtifact
        If it is no schema.
    """
    document = _document(path)
    known = {field.name for field in fields(ColumnSchema)}
    try:
        columns = [{name: value for name, value in column.items() if name in known} for column in document["columns"]]
        schema = TableSchema(tuple(ColumnSchema(**column) for column in columns), dict(document.get("read", {})))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadArtifact(str(path), "is not the schema of a table", REMEDY) from error
    return _judged(schema, path)


def write_profile(path: Path, profile: dict[str, Any]) -> None:
    """Write ``profile.json``."""
    write_json(path, {"format": FORMAT, **profile})


def read_profile(path: Path) -> dict[str, Any]:
    """Read ``profile.json``.

    Raises
    ------
    BadArtifact
        If it is no profile.
    """
    document = _document(path)
    if not isinstance(document.get("columns"), dict):
        raise BadArtifact(str(path), "is not the profile of a table", REMEDY)
    return {name: value for name, value in document.items() if name != "format"}


def _document(path: Path) -> dict[str, Any]:
    try:
        document = read_json(path)
    except (OSError, ValueError, RecursionError) as error:
        raise BadArtifact(str(path), "cannot be read as JSON", REMEDY) from error
    if not isinstance(document, dict):
        raise BadArtifact(str(path), "holds no JSON object", REMEDY)
    insist_on_format(document.get("format"), str(path))
    return document


def _judged(schema: TableSchema, path: Path) -> TableSchema:
    for column in schema.columns:
        if column.kind not in get_args(Kind) or column.role not in get_args(Role):
            raise BadArtifact(str(path), f"gives the column {column.name!r} an unknown kind or role", REMEDY)
    return schema
