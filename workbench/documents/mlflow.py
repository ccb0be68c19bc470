"""What makes a model folder a model to MLflow, written without mlflow: ``MLmodel`` and the environment files.

What mlflow 3 reads was measured: column types and optional columns of the signature, ``loader_module``, and the
environment as pip and conda know it.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import io
import json
import platform
import uuid
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from workbench.documents.bundle_loader import LOADER, MODEL, package_of
from workbench.errors import BadArtifact
from workbench.records import TableSchema

ALWAYS = ("numpy", "pandas", "scikit-learn", "scipy", "skops")
ON_USE = ("lightgbm", "catboost")  # pinned only when a source file the model is made of imports it
# MLflow lets a column through only in its own type, so each is told in the type that pandas.read_csv gives it.
TYPES = {"i": "long", "u": "long", "f": "double", "b": "boolean", "M": "datetime"}  # by numpy's kind; else string
LOOKED_AT = 10_000  # rows
LARGEST = 8 * 2**20  # bytes; of ten thousand columns it is some 0.6 MB


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
    folder: Path,
    package: str,
    model: Any,
    *,
    rows: pd.DataFrame,
    schema: TableSchema,
    metadata: Mapping[str, Any],
    now: datetime,
) -> None:
    """Write ``MLmodel`` and its example: how MLflow loads the model, what it takes and what it gives.

    `rows` are raw rows of the model's columns; their types are looked at.
    """
    natural = as_pandas_reads(rows, schema)
    example = natural.iloc[:2].to_json(orient="split", index=False, date_format="iso", default_handler=str)
    (folder / "input_example.json").write_text(example, encoding="utf-8")
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
            "inputs": json.dumps(_inputs(natural, schema)),
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
    """Add to what MLflow shows beside the model.

    Raises
    ------
    BadArtifact
        If its ``MLmodel`` is not what `write_mlmodel` wrote: it may come from a stranger, and MLflow would obey it.
    """
    document = _read_mlmodel(folder)
    document["metadata"] = {**(document.get("metadata") or {}), **metadata}
    _write_yaml(folder / "MLmodel", document)


def _read_mlmodel(folder: Path) -> dict[str, Any]:
    file = folder / "MLmodel"
    try:
        if file.stat().st_size > LARGEST:
            raise BadArtifact(str(folder), f"has an MLmodel of more than {LARGEST // 2**20} MB")
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        loader = document["flavors"]["python_function"]["loader_module"]
    except (OSError, ValueError, RecursionError, yaml.YAMLError, KeyError, TypeError) as error:
        line = (str(error).splitlines() or [type(error).__name__])[0]
        raise BadArtifact(str(folder), f"has no MLmodel that can be read ({line})") from error
    if loader != f"{package_of(folder).name}.{LOADER}" or not isinstance(document.get("metadata") or {}, dict):
        raise BadArtifact(str(folder), "has an MLmodel that the workbench did not write")
    return document


def _pins(sources: Collection[Path]) -> list[str]:
    imported: set[str] = set()
    waiting, seen = list(sources), set[Path]()
    while waiting:
        source = waiting.pop()
        if source not in seen:
            seen.add(source)
            tree = ast.parse(source.read_bytes())
            imported |= _imports(tree)
            waiting += _beside(tree, source)
    names = [*ALWAYS, *(name for name in ON_USE if name in imported)]
    return [f"{name}=={importlib.metadata.version(name)}" for name in sorted(names)]


def _beside(tree: ast.Module, source: Path) -> list[Path]:
    """Find the modules that one takes from beside it: they are imported whenever it is."""
    named = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 1)
    names = {name for node in named for name in ([node.module] if node.module else [part.name for part in node.names])}
    return [file for name in sorted(names) if (file := source.with_name(f"{name}.py")).is_file()]


def _imports(tree: ast.Module) -> set[str]:
    nodes = list(ast.walk(tree))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    froms = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    return {name.split(".")[0] for name in plain | froms}


def _write_yaml(file: Path, document: Mapping[str, Any]) -> None:
    file.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=10_000), encoding="utf-8")


def as_pandas_reads(rows: pd.DataFrame, schema: TableSchema) -> pd.DataFrame:
    """Give raw text rows the types that a plain ``pandas.read_csv`` gives them; codes such as "01234" stay text."""
    step = max(1, len(rows) // LOOKED_AT)
    sample = rows.iloc[::step]
    text = [
        name for name in sample.columns if sample[name].dtype == object or str(sample[name].dtype).startswith("str")
    ]
    if not text:
        return sample
    codes = {name: str for name in text if schema[name].coercion.get("width")}
    read = pd.read_csv(
        io.StringIO(sample[text].to_csv(index=False)), dtype=codes, low_memory=False, skip_blank_lines=False
    )
    return sample.assign(**{name: read[name].to_numpy() for name in text})


def _inputs(rows: pd.DataFrame, schema: TableSchema) -> list[dict[str, Any]]:
    """Columns that had blanks in training may be left out, and whole numbers with blanks are floats to pandas."""
    told = []
    for name in rows.columns:
        optional = bool(schema[name].missing)
        kind = TYPES.get(getattr(rows[name].dtype, "kind", "O"), "string")
        told.append({"type": "double" if optional and kind == "long" else kind, "name": name, "required": not optional})
    return told


def _outputs(model: Any) -> list[dict[str, Any]]:
    classes = list(getattr(model, "classes_", ()))
    said = {bool: "boolean", int: "long", str: "string"}.get(type(classes[0]), "double") if classes else "double"
    names = [f"probability_{label}" for label in classes]
    return [{"type": said, "name": "prediction"}, *({"type": "double", "name": name} for name in names)]
