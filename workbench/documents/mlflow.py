"""What makes a model folder a model to MLflow, written without mlflow: ``MLmodel`` and the environment files.

What mlflow 3 reads was measured: column types and optional columns of the signature, ``loader_module``, and the
environment as pip and conda know it.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import json
import platform
import uuid
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from workbench.documents.bundle_loader import LOADER, MODEL
from workbench.records import TableSchema

ALWAYS = ("numpy", "pandas", "scikit-learn", "scipy", "skops")
ON_USE = ("lightgbm", "catboost")  # pinned only when a source file the model is made of imports it
TYPES = {"number": "double", "boolean": "boolean"}  # every other kind travels as text


def write_environment(folder: Path, sources: Collection[Path]) -> None:
    """Write the exact versions that a model made of classes of these `sources` needs, and nothing more."""
    pins = _pins(sources)
    (folder / "requirements.txt").write_text("\n".join(pins) + "\n", encoding="utf-8")
    _write_yaml(
        folder / "python_env.yaml",
        {"python": platform.python_version(), "build_dependencies": ["pip"], "dependencies": ["-r requirements.txt"]},
    )
    dependencies = [f"python={platform.python_version()}", "pip", {"pip": ["-r requirements.txt"]}]
    _write_yaml(folder / "conda.yaml", {"name": "model", "channels": ["conda-forge"], "dependencies": dependencies})


def write_mlmodel(
    folder: Path, package: str, model: Any, schema: TableSchema, metadata: Mapping[str, Any], now: datetime
) -> None:
    """Write ``MLmodel``: how MLflow loads the model, what it takes and what it gives."""
    flavor = {
        "loader_module": f"{package}.{LOADER}",
        "code": "code",
        "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
        "python_version": platform.python_version(),
        "streamable": False,
    }
    identity = hashlib.sha256((folder / MODEL).read_bytes()).hexdigest()
    document = {
        "utc_time_created": now.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" "),
        "flavors": {"python_function": flavor},
        "signature": {
            "inputs": json.dumps(_inputs(model, schema)),
            "outputs": json.dumps(_outputs(model)),
            "params": None,
        },
        "saved_input_example_info": {
            "artifact_path": "input_example.json",
            "type": "dataframe",
            "pandas_orient": "split",
        },
        "model_uuid": uuid.UUID(identity[:32]).hex,
        "metadata": dict(metadata),
    }
    _write_yaml(folder / "MLmodel", document)


def describe(folder: Path, metadata: Mapping[str, Any]) -> None:
    """Add to what MLflow shows beside the model."""
    document = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))
    document["metadata"] = {**(document.get("metadata") or {}), **metadata}
    _write_yaml(folder / "MLmodel", document)


def _pins(sources: Collection[Path]) -> list[str]:
    imported = {name for source in sources for name in _imports(source.read_bytes())}
    names = [*ALWAYS, *(name for name in ON_USE if name in imported)]
    return [f"{name}=={importlib.metadata.version(name)}" for name in sorted(names)]


def _imports(source: bytes) -> set[str]:
    nodes = list(ast.walk(ast.parse(source)))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    froms = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    return {name.split(".")[0] for name in plain | froms}


def _write_yaml(file: Path, document: Mapping[str, Any]) -> None:
    file.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=10_000), encoding="utf-8")


def _inputs(model: Any, schema: TableSchema) -> list[dict[str, Any]]:
    """MLflow's column specifications: columns that had blanks in training may be left out."""
    columns = [schema[name] for name in model.features_]
    return [
        {"type": TYPES.get(column.kind, "string"), "name": column.name, "required": not column.missing}
        for column in columns
    ]


def _outputs(model: Any) -> list[dict[str, Any]]:
    classes = list(getattr(model, "classes_", ()))
    said = {bool: "boolean", int: "long", str: "string"}.get(type(classes[0]), "double") if classes else "double"
    names = [f"probability_{label}" for label in classes]
    return [{"type": said, "name": "prediction"}, *({"type": "double", "name": name} for name in names)]
