"""The model folder: a fitted model that loads anywhere, years later, in MLflow's layout and without pickle.

``write_model`` copies the source of `workbench.estimators` and of the loader beside the model, under a package name of
its own, so that neither the workbench nor mlflow is needed to load it. ``golden.json`` holds a few raw rows and what
the model said of them when it was written: the proof that it still says the same.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import io
import json
import math
import platform
import shutil
import tempfile
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io
import yaml

from workbench import estimators
from workbench.documents import bundle_loader
from workbench.documents.bundle_loader import LOADER, MODEL, ModelError, predictions
from workbench.documents.files import FORMAT, read_json, write_json
from workbench.errors import BadArtifact
from workbench.records import TableSchema

OWN = estimators.__name__
ALWAYS = ("numpy", "pandas", "scikit-learn", "scipy", "skops")
ON_USE = ("lightgbm", "catboost")  # pinned only when a module the model is made of imports it
MLFLOW_TYPES = {"number": "double", "boolean": "boolean"}  # every other kind travels as text
EPOCH = (1980, 1, 1, 0, 0, 0)  # the same model gives the same bytes
README = """# A fitted model

    import sys; sys.path.insert(0, "THIS_FOLDER/code")
    import {package}.loader as loader
    loader.predictions(loader.load("THIS_FOLDER"), frame)   # frame: a pandas DataFrame of raw rows

It needs Python {python} or near and `pip install -r requirements.txt`; neither the workbench nor mlflow. For MLflow it
is a model like any other: `mlflow models serve -m THIS_FOLDER`. Loading it runs the source in `code/`.
"""


@dataclass(frozen=True, slots=True)
class Golden:
    """How the predictions of a model folder, made here and now, compare with those it was written with.

    `difference` is the largest distance between two numbers, relative to the larger; 0.0 means equal to the last digit.
    """

    rows: int
    difference: float


def write_model(
    folder: Path,
    model: Any,
    *,
    schema: TableSchema,
    golden: pd.DataFrame,
    metadata: Mapping[str, Any] | None = None,
    now: datetime | None = None,
) -> None:
    """Write a fitted model as a folder that loads without the workbench, and prove that it does.

    Parameters
    ----------
    folder : Path
        Where to; a model folder already there is replaced.
    model
        A fitted model with ``features_`` (names of the raw columns it takes), ``predict`` and, for classifiers,
        ``classes_`` and ``predict_proba``; made of classes of `workbench.estimators` and scikit-learn.
    schema : TableSchema
        The columns it was fitted on.
    golden : DataFrame
        A few raw rows.
    metadata
        What MLflow shows beside the model: plain JSON values.

    Raises
    ------
    BadArtifact
        If the model holds something that cannot be stored, or predicts otherwise when it is loaded again.
    """
    now = now or datetime.now(UTC)
    with _folder(folder) as part:
        package = _write_code(part)
        modules = _write_dump(part / MODEL, model, package)
        pins = _pins(modules)
        _write_environment(part, pins)
        _write_schema(part / "schema.json", schema)
        rows = _rows(golden, model.features_)
        _write_example(part, rows)
        _write_mlmodel(part, package, model, schema, metadata or {}, now)
        (part / "README.md").write_text(README.format(package=package, python=_python()), encoding="utf-8")
        _write_golden(part / "golden.json", rows, predictions(model, _frame(rows)))
        if (proof := check_golden(part)).difference:
            raise BadArtifact(str(folder), f"predicts otherwise once it is stored (by {proof.difference:.2g})")


def load_model(folder: Path) -> Any:
    """Load the model of a model folder or bundle; this runs the source code that lies in it.

    Raises
    ------
    BadArtifact
        If the folder is damaged, was changed, or holds a type that is not allowed.
    """
    try:
        return bundle_loader.load(folder)
    except (ModelError, OSError, SyntaxError, ImportError) as error:
        raise BadArtifact(str(folder), f"cannot be loaded: {error}") from error


def check_golden(folder: Path) -> Golden:
    """Predict the golden rows again and compare.

    Raises
    ------
    BadArtifact
        If the folder cannot be loaded, or a predicted label is another one.
    """
    model = load_model(folder)
    try:
        document = read_json(folder / "golden.json")
        said = _table(predictions(model, _frame(document["rows"])))
        known = document["predictions"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadArtifact(str(folder), f"has no golden predictions that could be checked ({error})") from error
    if said["columns"] != known["columns"] or len(said["data"]) != len(known["data"]):
        raise BadArtifact(str(folder), "predicts another table than the golden one")
    pairs = list(zip(chain(*said["data"]), chain(*known["data"]), strict=True))
    if any(one != other for one, other in pairs if not isinstance(other, float)):
        raise BadArtifact(str(folder), "gives a golden row another label than when it was written")
    distances = [_distance(one, other) for one, other in pairs if isinstance(other, float)]
    return Golden(len(known["data"]), max(distances, default=0.0))


def _distance(one: float, other: float) -> float:
    return 0.0 if one == other else abs(one - other) / max(abs(one), abs(other), 1e-300)


@contextmanager
def _folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside `path`; put it in place when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield part
        part.chmod(0o755)
        if path.exists():
            shutil.rmtree(path)
        part.replace(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write_code(folder: Path) -> str:
    """Copy the classes and the loader; return the name of the package they make."""
    source = Path(estimators.__file__).parent
    sources = bundle_loader.read_sources(source)
    package = bundle_loader.name_of(sources)
    sources[f"{LOADER}.py"] = Path(bundle_loader.__file__).read_bytes()
    for path, content in sources.items():
        file = folder / "code" / package / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return package


def _write_dump(file: Path, model: Any, package: str) -> set[str]:
    """Store the model under the package's name; return the modules of our own classes in it."""
    try:
        dumped = skops.io.dumps(model)
    except Exception as error:  # skops fails in as many ways as there are types
        raise BadArtifact(type(model).__name__, f"cannot be stored as a model file: {error}") from error
    modules: set[str] = set()
    with zipfile.ZipFile(io.BytesIO(dumped)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        document = json.loads(old.read("schema.json"))
        names = _rename(document, package, modules)
        for name, renamed in names.items():
            new.writestr(_member(renamed), old.read(name), zipfile.ZIP_DEFLATED)
        new.writestr(_member("schema.json"), json.dumps(document), zipfile.ZIP_DEFLATED)
    return modules


def _rename(document: Any, package: str, modules: set[str]) -> dict[str, str]:
    """Rewrite in place our modules' names, and the ids and file names that skops takes from memory addresses."""
    ids: dict[int, int] = {}
    files: dict[str, str] = {}
    waiting = [document]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(reversed(node))
        elif isinstance(node, dict):
            module, file, identity = node.get("__module__"), node.get("file"), node.get("__id__")
            if isinstance(module, str) and (module == OWN or module.startswith(f"{OWN}.")):
                modules.add(module)
                node["__module__"] = package + module.removeprefix(OWN)
            if isinstance(file, str):
                node["file"] = files.setdefault(file, f"{len(files)}{Path(file).suffix}")
            if isinstance(identity, int):
                node["__id__"] = ids.setdefault(identity, len(ids) + 1)  # skops takes 0 for none
            waiting.extend(reversed(list(node.values())))
    return files


def _member(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, date_time=EPOCH)


def _pins(modules: set[str]) -> list[str]:
    """Pin the exact versions of what these modules need."""
    folder = Path(estimators.__file__).parent
    imported: set[str] = set()
    for module in modules:
        path = folder.joinpath(*module.removeprefix(OWN).split("."))
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        imported |= _imports(file.read_bytes())
    names = [*ALWAYS, *(name for name in ON_USE if name in imported)]
    return [f"{name}=={importlib.metadata.version(name)}" for name in sorted(names)]


def _imports(source: bytes) -> set[str]:
    nodes = list(ast.walk(ast.parse(source)))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    froms = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    return {name.split(".")[0] for name in plain | froms}


def _python() -> str:
    return platform.python_version()


def _write_environment(folder: Path, pins: list[str]) -> None:
    (folder / "requirements.txt").write_text("\n".join(pins) + "\n", encoding="utf-8")
    _write_yaml(
        folder / "python_env.yaml",
        {"python": _python(), "build_dependencies": ["pip"], "dependencies": ["-r requirements.txt"]},
    )
    dependencies = [f"python={_python()}", "pip", {"pip": ["-r requirements.txt"]}]
    _write_yaml(folder / "conda.yaml", {"name": "model", "channels": ["conda-forge"], "dependencies": dependencies})


def _write_yaml(file: Path, document: Mapping[str, Any]) -> None:
    file.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=10_000), encoding="utf-8")


def _write_schema(file: Path, schema: TableSchema) -> None:
    write_json(file, {"format": FORMAT, **asdict(schema)})


def _write_mlmodel(
    folder: Path, package: str, model: Any, schema: TableSchema, metadata: Mapping[str, Any], now: datetime
) -> None:
    flavor = {
        "loader_module": f"{package}.{LOADER}",
        "code": "code",
        "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
        "python_version": _python(),
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


def _inputs(model: Any, schema: TableSchema) -> list[dict[str, Any]]:
    """MLflow's column specifications: columns that had blanks in training may be left out."""
    columns = [schema[name] for name in model.features_]
    return [
        {"type": MLFLOW_TYPES.get(column.kind, "string"), "name": column.name, "required": not column.missing}
        for column in columns
    ]


def _outputs(model: Any) -> list[dict[str, Any]]:
    classes = list(getattr(model, "classes_", ()))
    said = {bool: "boolean", int: "long", str: "string"}.get(type(classes[0]), "double") if classes else "double"
    names = [f"probability_{label}" for label in classes]
    return [{"type": said, "name": "prediction"}, *({"type": "double", "name": name} for name in names)]


def _write_example(folder: Path, rows: Mapping[str, Any]) -> None:
    write_json(folder / "input_example.json", {"columns": rows["columns"], "data": rows["data"][:2]})


def _write_golden(file: Path, rows: Mapping[str, Any], predicted: pd.DataFrame) -> None:
    write_json(file, {"format": FORMAT, "rows": rows, "predictions": _table(predicted)})


def _rows(frame: pd.DataFrame, columns: list[str]) -> dict[str, Any]:
    return _table(frame[list(columns)])


def _table(frame: pd.DataFrame) -> dict[str, Any]:
    """Put a small table as JSON; Python writes floats so that they are read back the same to the last digit."""
    cells = [[_cell(value) for value in frame[name].tolist()] for name in frame.columns]
    return {"columns": list(frame.columns), "data": [list(row) for row in zip(*cells, strict=True)]}


def _frame(rows: Mapping[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(rows["data"], columns=rows["columns"], dtype=object)


def _cell(value: Any) -> Any:
    """One raw value as JSON: what JSON has no word for becomes the text that a CSV file would hold."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return None
    if isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
