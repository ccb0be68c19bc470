"""Tables that come with a dependency, under names people can read: a first run needs no file and no network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn import datasets

from workbench.documents.files import write_bytes
from workbench.errors import UnknownName

PREFIX = "example:"


def example_text(name: str) -> str:
    """One shipped table as CSV text.

    Raises
    ------
    UnknownName
        If there is no such example.
    """
    if name not in EXAMPLES:
        raise UnknownName("example", name, EXAMPLES)
    return EXAMPLES[name]().to_csv(index=False, lineterminator="\n")


def write_example(name: str, path: str | Path) -> Path:
    """Write one shipped table as a CSV file."""
    path = Path(path)
    write_bytes(path, example_text(name).encode())
    return path


def _breast_cancer() -> pd.DataFrame:
    return _classes(datasets.load_breast_cancer(), "diagnosis", {0: "malignant", 1: "benign"})


def _iris() -> pd.DataFrame:
    return _classes(datasets.load_iris(), "species", {0: "setosa", 1: "versicolor", 2: "virginica"})


def _wine() -> pd.DataFrame:
    return _classes(datasets.load_wine(), "cultivar", {0: "first", 1: "second", 2: "third"})


def _diabetes() -> pd.DataFrame:
    names = {
        "bp": "blood_pressure",
        "s1": "total_cholesterol",
        "s2": "ldl",
        "s3": "hdl",
        "s4": "cholesterol_ratio",
        "s5": "log_triglycerides",
        "s6": "blood_sugar",
    }
    table = datasets.load_diabetes(scaled=False)
    frame = _features(table).rename(columns=names)
    frame["sex"] = frame["sex"].astype(int)
    return frame.assign(progression=table.target.astype(int))


def _classes(table: Any, target: str, words: Mapping[int, str]) -> pd.DataFrame:
    return _features(table).assign(**{target: pd.Series(table.target).map(dict(words))})


def _features(table: Any) -> pd.DataFrame:
    return pd.DataFrame(table.data, columns=list(table.feature_names))


EXAMPLES: dict[str, Callable[[], pd.DataFrame]] = {
    "breast_cancer": _breast_cancer,
    "diabetes": _diabetes,
    "iris": _iris,
    "wine": _wine,
}
