"""The model folder: a fitted model that loads anywhere, years later, in MLflow's layout and without pickle.

``write_model`` copies the source of `workbench.estimators` and of the loader beside the model, under a package name of
its own, so that neither the workbench nor mlflow is needed to load it. ``golden.json`` holds a few raw rows and what
the model said of them when it was written: the proof that it still says the same.
"""

from __future__ import annotations

import io
import json
import math
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import skops.io

from workbench import estimators
from workbench.documents import bundle_loader
from workbench.documents.bundle_loader import LOADER, MODEL, ModelError, predictions
from workbench.documents.files import FORMAT, insist_on_format, read_json, write_json
from workbench.documents.mlflow import write_environment, write_mlmodel
from workbench.documents.table import write_schema
from workbench.documents.why import Why, explain_rows, read_background
from workbench.errors import BadArtifact, BadParameters, BadTable
from workbench.records import TableSchema

OWN = estimators.__name__
GOLDEN = 5  # rows
ROUNDING = 1e-9  # processors differ in the order they sum in, by about 1e-15; a library upgrade by far more
FASTEST = 1  # half the time of the usual level for a tenth more bytes: 260 MB of forests in 4 s
EPOCH = (1980, 1, 1, 0, 0, 0)  # the same model gives the same bytes
README = """# A fitted model

    import sys; sys.path.insert(0, "THIS_FOLDER/code")
    import {package}.loader as loader
    loader.predictions(loader.load("THIS_FOLDER"), frame)   # frame: a pandas DataFrame of raw rows

It needs `pip install -r requirements.txt` and neither the workbench nor mlflow; `python_env.yaml` names the Python it
was made with. To MLflow it is a model like any other: `mlflow models serve -m THIS_FOLDER`. Loading it runs the source
in `code/`.
"""


@dataclass(frozen=True, slots=True)
class Model:
    """A model loaded from its folder, which takes raw rows as they stand in a file.

    `estimator` is the fitted model itself; here its verbs are guarded by a clear word about missing columns.
    """

    path: Path
    estimator: Any

    def __repr__(self) -> str:
        return "\n".join(self._about())

    def _repr_html_(self) -> str:
        return "".join(f"<p>{escape(line)}</p>" for line in self._about())

    def _about(self) -> list[str]:
        chosen = "a number" if not self.classes_ else f"one of {_some(self.classes_)}"
        needed = f"{len(self.features_)} column{'' if len(self.features_) == 1 else 's'}"
        return [f"A model that predicts {chosen} from {needed}: {_some(self.features_)}.", f"Its folder: {self.path}"]

    @property
    def classes_(self) -> list[Any]:
        """The labels it chooses among, in the order of the probabilities; empty when it predicts a number."""
        return list(getattr(self.estimator, "classes_", ()))

    @property
    def features_(self) -> list[str]:
        """The columns it needs, in any order."""
        return list(self.estimator.features_)

    def predict(self, frame: pd.DataFrame) -> npt.NDArray[Any]:
        """Predict a label or a number for each row."""
        return self.estimator.predict(self.needed(frame))

    def predict_proba(self, frame: pd.DataFrame) -> npt.NDArray[Any]:
        """Predict the probability of each class for each row, shape (n_rows, n_classes)."""
        return self.estimator.predict_proba(self.needed(frame))

    @property
    def threshold_(self) -> float | None:
        """Of two classes the probability above which a row is called the last of them; None for anything else."""
        return getattr(self.estimator, "threshold_", None)

    def predict_interval(self, frame: pd.DataFrame, coverage: float = 0.9) -> npt.NDArray[Any]:
        """Give the ends between which the true number lies as often as asked, shape (n_rows, 2): low, high."""
        with _promising():
            return self.estimator.predict_interval(self.needed(frame), coverage)

    def predict_set(self, frame: pd.DataFrame, coverage: float = 0.9) -> npt.NDArray[Any]:
        """Tell which classes are needed to hold the true one as often as asked, shape (n_rows, n_classes)."""
        with _promising():
            return self.estimator.predict_set(self.needed(frame), coverage)

    def table(self, frame: pd.DataFrame, source: str = "given", coverage: float | None = None) -> pd.DataFrame:
        """Predict under the index of `frame`; the columns are those of `bundle_loader.predictions`."""
        needed = self.needed(frame, source)
        if coverage is None:
            return predictions(self.estimator, needed)
        with _promising():
            return predictions(self.estimator, needed, coverage)

    def contributions(self, frame: pd.DataFrame, background: pd.DataFrame | None = None) -> Why:
        """Share out among the columns what sets each row's prediction apart from the average.

        It predicts every row some sixty times for each column, so a thousand rows take a while.

        Parameters
        ----------
        background : DataFrame, optional
            Raw rows to compare with, some dozens; by default those that travel with the model.

        Raises
        ------
        BadTable
            If columns are missing.
        BadArtifact
            If no rows to compare with travel with the model.
        """
        usual = read_background(self.path) if background is None else self.needed(background)
        return explain_rows(self.estimator, self.needed(frame), usual)

    def needed(self, frame: pd.DataFrame, source: str = "given") -> pd.DataFrame:
        """Give rows that have the columns it needs, each once: `frame` itself, or only those of one with names twice.

        Raises
        ------
        BadTable
            If any is missing, or stands there twice; `source` is what the error calls the table.
        """
        known, features = np.asarray(frame.columns, dtype=object).tolist(), self.features_  # list() takes its time
        there = set(known)
        if missing := [name for name in features if name not in there]:
            told = _some(missing)
            raise BadTable(source, f"lacks columns the model needs: {told}", f"It has: {_some(known) or 'none'}.")
        if len(there) == len(known):
            return frame
        if twice := [name for name in features if known.count(name) > 1]:
            raise BadTable(source, f"has more than one column named {_some(twice)}", "Give every column its own name.")
        return frame[features]


@dataclass(frozen=True, slots=True)
class Golden:
    """How the predictions of a model folder, made here and now, compare with those it was written with.

    `difference` is the largest distance between two numbers, relative to the larger; 0.0 means equal to the last digit.
    """

    rows: int
    difference: float

    @property
    def holds(self) -> bool:
        """Whether it is the same model, up to the rounding of another processor."""
        return self.difference <= ROUNDING


def write_model(
    folder: Path,
    model: Any,
    *,
    schema: TableSchema,
    golden: pd.DataFrame,
    metadata: Mapping[str, Any] | None = None,
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
    golden : DataFrame, shape (n_rows, n_columns)
        Raw rows, best all it was fitted on: five of them are kept as golden rows, and MLflow is told their types.
    metadata
        What MLflow shows beside the model: plain JSON values.

    Raises
    ------
    BadArtifact
        If the model holds something that cannot be stored, or predicts otherwise when it is loaded again.
    """
    with _folder(folder) as part:
        package = _write_code(part)
        modules = _write_dump(part / MODEL, model, package)
        write_environment(part, [_source(module) for module in sorted(modules)])
        write_schema(part / "schema.json", schema)
        raw = golden[list(model.features_)]
        write_mlmodel(part, package, model, rows=raw, schema=schema, metadata=metadata or {}, now=datetime.now(UTC))
        (part / "README.md").write_text(README.format(package=package), encoding="utf-8")
        chosen = _table(raw.iloc[:: max(1, -(-len(raw) // GOLDEN))])
        predicted = _table(predictions(model, _frame(chosen)))
        write_json(part / "golden.json", {"format": FORMAT, "rows": chosen, "predictions": predicted})
        if (proof := check_golden(part)).difference:
            raise BadArtifact(str(folder), f"predicts otherwise once it is stored (by {proof.difference:.2g})")


def load_model(folder: Path) -> Model:
    """Load the model of a model folder or bundle; this runs the source code that lies in it.

    Raises
    ------
    BadArtifact
        If the folder is damaged, was changed, or holds a type that is not allowed.
    """
    try:
        return Model(folder, bundle_loader.load(folder))
    except (ModelError, OSError, SyntaxError, ImportError) as error:
        raise BadArtifact(str(folder), f"cannot be loaded: {error}") from error


def check_golden(folder: Path, model: Model | None = None) -> Golden:
    """Predict the golden rows again and compare; `model` is what was loaded from `folder`, if it was.

    Raises
    ------
    BadArtifact
        If the folder cannot be loaded, or a predicted label is another one.
    """
    model = model or load_model(folder)
    try:
        document = read_json(folder / "golden.json")
        insist_on_format(document["format"], str(folder / "golden.json"))
        said = _table(model.table(_frame(document["rows"])))
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


@contextmanager
def _promising() -> Iterator[None]:
    """Tell in the words of a user's error that the model cannot promise such a coverage."""
    try:
        yield
    except (ValueError, AttributeError) as error:  # models of before coverages have no such verb
        told = str(error) if isinstance(error, ValueError) else "The model is of before coverages: train it again"
        raise BadParameters([f"coverage: {told}."]) from error


def _some(names: Sequence[Any]) -> str:
    return ", ".join(repr(str(name)) for name in names[:10]) + (f", … ({len(names)} in all)" if len(names) > 10 else "")


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
    if foreign := [name for name in skops.io.get_untrusted_types(data=dumped) if not name.startswith(f"{OWN}.")]:
        problem = f"cannot be stored: it holds {_some(foreign)}, and a bundle carries the workbench's classes only"
        raise BadArtifact(type(model).__name__, problem, "Make a learner of your own of those and scikit-learn's.")
    modules: set[str] = set()
    with zipfile.ZipFile(io.BytesIO(dumped)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        document = json.loads(old.read("schema.json"))
        names = _rename(document, package, modules)
        for name, renamed in names.items():
            new.writestr(_member(renamed), old.read(name), zipfile.ZIP_DEFLATED, FASTEST)
        new.writestr(_member("schema.json"), json.dumps(document), zipfile.ZIP_DEFLATED, FASTEST)
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


def _source(module: str) -> Path:
    """Find the source file of one of our modules."""
    path = Path(estimators.__file__).parent.joinpath(*module.removeprefix(OWN).split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _member(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, date_time=EPOCH)


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
