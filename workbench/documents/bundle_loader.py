"""Load a model folder and predict with it; a copy of this file travels inside every one.

It stands alone: the standard library and what the folder's ``requirements.txt`` names. A fitted model lies in
``model.skops``; the classes it is made of lie beside it as source, in ``code/<package>/``, where the package's name is
the digest of that source. So folders written years apart load side by side, and folders of one source share it.

Loading a model runs the source code that lies in its folder: load folders of people you trust. The model file itself
is data: nothing in it is ever unpickled, and only what that source defines, and scikit-learn, is built.
"""

from __future__ import annotations

import hashlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import re
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io

PREFIX = "wbm_"
MODEL = "model.skops"
LOADER = "loader"
# A zip of 287 KB was seen to take 570 MB (skops has no guard of its own). Model files shrink about ten times.
LARGEST, RATIO, ALWAYS = 8 << 30, 50, 32 << 20


class ModelError(ValueError):
    """A model folder that cannot be loaded, in one line."""


def load(folder: str | Path) -> Any:
    """Load the model in `folder`: it has ``predict``, ``classes_`` and, for classifiers, ``predict_proba``.

    Raises
    ------
    ModelError
        If the folder is damaged, was changed, or holds a type that is not allowed.
    """
    path = Path(folder)
    code = package_of(path)
    sources = read_sources(code)
    if name_of(sources) != code.name:
        raise ModelError(f"the source in code/{code.name} was changed since it was written")
    register(code, sources)
    return _build(path / MODEL, classes_of(code.name, sources))


def predictions(model: Any, frame: pd.DataFrame, coverage: float | None = None) -> pd.DataFrame:
    """Predict every row of a raw table.

    Columns: `prediction` and, for classifiers, one ``probability_<class>`` a class. With a `coverage`, such as 0.9,
    also `low` and `high`, between which the number lies with that probability, or `possible`, the classes that hold
    the true one with it, as a JSON list.

    Raises
    ------
    ValueError
        If the model promises no such coverage.
    """
    labels = list(getattr(model, "classes_", ()))
    names = [f"probability_{label}" for label in labels]
    more = [] if coverage is None else ["possible"] if labels else ["low", "high"]
    if not len(frame):
        return pd.DataFrame(columns=["prediction", *names, *more], index=frame.index, dtype=float)
    if not labels:
        told = np.asarray(model.predict(frame), dtype=float)
        ends = np.empty((len(told), 0)) if coverage is None else _conformal(model).interval(told, coverage)
        columns = {"prediction": told, **dict(zip(more, ends.T, strict=True))}
        return pd.DataFrame(columns, index=frame.index)
    probability = np.asarray(model.predict_proba(frame), dtype=float)
    # `predict` would take as long again. A model of before it had thresholds calls the likeliest class.
    threshold = getattr(model, "threshold", None)
    places = probability.argmax(axis=1) if threshold is None else (probability[:, 1] > threshold).astype(int)
    said: dict[str, Any] = {"prediction": pd.Series([labels[place] for place in places]).array}
    said |= {name: probability[:, place] for place, name in enumerate(names)}
    if coverage is not None:
        inside = _conformal(model).contains(probability, coverage).tolist()
        sets = ([label for label, held in zip(labels, row, strict=True) if held] for row in inside)
        said["possible"] = [json.dumps(each, ensure_ascii=False) for each in sets]
    return pd.DataFrame(said, index=frame.index)


def _conformal(model: Any) -> Any:
    found = getattr(model, "conformal", None)
    if found is None:
        raise ValueError("The model has not learned how far it may be off: it was made without, or from too few rows")
    return found


def package_of(folder: Path) -> Path:
    """Find the one package of sources in a model folder."""
    found = sorted(path for path in (folder / "code").glob(f"{PREFIX}*") if path.is_dir())
    if len(found) != 1 or not (folder / MODEL).is_file():
        raise ModelError(f"{folder.name} is no model folder of the workbench")
    return found[0]


def read_sources(package: Path) -> dict[str, bytes]:
    """Read the source files of a package by their path in it, the loader's own left out."""
    files = sorted(path for path in package.rglob("*.py") if path.is_file())
    sources = {path.relative_to(package).as_posix(): path.read_bytes() for path in files}
    sources.pop(f"{LOADER}.py", None)
    return sources


def name_of(sources: Mapping[str, bytes]) -> str:
    """Name the package of these sources: a prefix and 16 hex digits of their digest."""
    parts = [f"{path}:{hashlib.sha256(content).hexdigest()}" for path, content in sorted(sources.items())]
    return PREFIX + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def classes_of(package: str, sources: Mapping[str, bytes]) -> frozenset[str]:
    """List the full names of the classes that the sources define; what they import is not among them."""
    # By pattern, for models are loaded in threads, where ast.parse of Python 3.11 may raise SystemError (seen in our
    # tests; cpython#106905).
    return frozenset(
        f"{_dotted(package, path)}.{name.decode()}"
        for path, content in sources.items()
        for name in re.findall(rb"^class\s+(\w+)", content, re.MULTILINE)
    )


def register(package: Path, sources: Mapping[str, bytes]) -> None:
    """Make the package importable under its name, from memory: no path is added, nothing is written beside it."""
    if package.name not in sys.modules:
        sys.meta_path.insert(0, _Sources(package, sources))  # before the one that looks in folders
        importlib.import_module(package.name)


class _Sources(importlib.abc.SourceLoader):
    """Finds and runs the modules of one package from sources that were read, and judged, before."""

    def __init__(self, package: Path, sources: Mapping[str, bytes]) -> None:
        self._files = {_dotted(package.name, path): package / path for path in sources}
        self._contents = {str(package / path): content for path, content in sources.items()}

    def find_spec(self, fullname: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        """Answer for the modules of this package."""
        if fullname not in self._files:
            return None
        is_package = self._files[fullname].name == "__init__.py"
        return importlib.util.spec_from_file_location(
            fullname, self._files[fullname], loader=self, submodule_search_locations=[] if is_package else None
        )

    def get_filename(self, fullname: str) -> str:
        """Name the file for a traceback."""
        return str(self._files[fullname])

    def get_data(self, path: str) -> bytes:
        """Give the source as it was read; no bytecode is cached, for `path_stats` is left out."""
        try:
            return self._contents[path]
        except KeyError:
            raise OSError(path) from None


def _dotted(package: str, path: str) -> str:
    parts = path.removesuffix(".py").split("/")
    return ".".join([package, *parts[:-1], *([parts[-1]] if parts[-1] != "__init__" else [])])


def _build(file: Path, trusted: frozenset[str]) -> Any:
    try:
        _check_sizes(file)
        # What may be built, beside what skops knows of scikit-learn, is told by the sources, never by the file: one
        # that could name its own types would be no safer than a pickle (CVE-2024-37065, GHSA-w582-9x45-8mpx).
        return skops.io.load(file, trusted=sorted(trusted))
    except ModelError:
        raise
    except (MemoryError, RecursionError) as error:
        raise ModelError(f"{file.name} is nested or sized as no model is") from error
    except Exception as error:
        # skops builds what the file says; a damaged file fails in as many ways as there are types.
        unknown = re.search(r"Untrusted types found in the file: (\[.*?\])", str(error))
        why = f"holds types that are not allowed: {unknown[1]}" if unknown else f"cannot be read ({_line(error)})"
        raise ModelError(f"{file.name} {why}") from error


def _check_sizes(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
    if len({member.filename for member in members}) != len(members):
        raise ModelError(f"{file.name} names a member twice")
    # zipfile reads no more of a member than it declares, so what is declared bounds what is read.
    if sum(member.file_size for member in members) > min(LARGEST, RATIO * file.stat().st_size + ALWAYS):
        raise ModelError(f"{file.name} would grow beyond every measure when it is unpacked")


def _line(error: BaseException) -> str:
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


class _Served:
    """What MLflow calls: raw rows in, a table of predictions out."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002 -- MLflow's signature
        frame = pd.DataFrame(model_input)
        absent = [name for name in self.model.features_ if name not in frame.columns]
        # MLflow has asked for the required columns; the optional ones may be left out.
        return predictions(self.model, frame.assign(**dict.fromkeys(absent)) if absent else frame)


def _load_pyfunc(path: str) -> _Served:
    """MLflow's entry: `path` is the model folder."""
    return _Served(load(path))


def main(arguments: Sequence[str]) -> None:
    """Predict a CSV file written like the one it was fitted on: ``python -m <package>.loader ROWS.csv OUT.csv``."""
    source, out = arguments
    folder = Path(__file__).resolve().parents[2]
    read = json.loads((folder / "schema.json").read_text(encoding="utf-8")).get("read", {})
    how = {"sep": read.get("delimiter", ","), "encoding": read.get("encoding", "utf-8")}
    rows = pd.read_csv(source, dtype=str, keep_default_na=False, **how)  # as text, like the rows it was fitted on
    predictions(load(folder), rows).to_csv(out, index=False)


if __name__ == "__main__":
    main(sys.argv[1:])
