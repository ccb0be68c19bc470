"""The target column read as labels or numbers, just as the file holds them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.errors import BadColumn, UnknownName
from workbench.estimators.coerce import Coercer
from workbench.records import ColumnSchema, TaskKind

Array = npt.NDArray[Any]
WHOLE = re.compile(r"-?(0|[1-9]\d*)")  # "01234" is a code, not a number
MOST_CLASSES = 1000
# Words that mean yes and no, in the languages tables come in: the affirmative one is the class to look for.
YES = {"yes", "y", "true", "t", "1", "positive", "pos", "on", "ja", "j", "oui", "si", "sí", "sim", "да", "tak"}
NO = {"no", "n", "false", "f", "0", "negative", "neg", "off", "nein", "non", "não", "нет", "nie"}


def read_labels(column: ColumnSchema, raw: pd.DataFrame) -> tuple[Array, Array]:
    """Read a target column as classes.

    Digits become int, other numbers float, true and false bool; everything else stays text.

    Returns
    -------
    labels : ndarray, shape (n_rows,)
        Of int, float, bool or str; what stands where `missing` is true means nothing.
    missing : ndarray of bool, shape (n_rows,)
    """
    text = _texts(column, raw)
    missing = text.isna().to_numpy(dtype=bool)
    levels = sorted(set(text[~missing]))
    typed = _typed(levels)
    if not len(typed):
        return np.full(len(raw), "", dtype="U1"), missing
    codes = pd.Index(levels).get_indexer(text)
    return typed[codes], missing


def read_known_labels(column: ColumnSchema, raw: pd.DataFrame, classes: Sequence[Any]) -> tuple[Array, Array]:
    """Read the target of another table as the classes known from training, whatever else that table holds or lacks.

    Returns
    -------
    labels : ndarray, shape (n_rows,)
        Of `classes`; what stands where `missing` is true means nothing.
    missing : ndarray of bool, shape (n_rows,)
        Where there is no label, or an unknown one.
    """
    text = _texts(column, raw)
    levels = sorted(set(text.dropna()))
    place = {label: number for number, label in enumerate(classes)}
    places = np.array([*(place.get(_as_known(level, classes[0]), -1) for level in levels), -1])
    found = places[pd.Index(levels, dtype=object).get_indexer(text)]  # -1, a missing label, takes the last
    return np.array(classes)[found], found < 0


def _as_known(level: str, known: Any) -> Any:
    """Read a label as the type of a known one."""
    if isinstance(known, bool):
        return {"true": True, "false": False}.get(level.lower())
    if isinstance(known, str):
        return level
    return int(level) if WHOLE.fullmatch(level) else _number(level)


def _texts(column: ColumnSchema, raw: pd.DataFrame) -> pd.Series[Any]:
    reader = Coercer([{**column.coercion, "name": column.name, "kind": "category"}])
    return reader.transform(raw[[column.name]])[column.name]


def _typed(levels: Sequence[str]) -> Array:
    if all(WHOLE.fullmatch(level) and len(level) < 18 for level in levels):
        return np.array([int(level) for level in levels], dtype=np.int64)
    if {level.lower() for level in levels} <= {"true", "false"}:
        return np.array([level.lower() == "true" for level in levels])
    numbers = [_number(level) for level in levels]
    if None not in numbers:
        return np.array(numbers, dtype=float)
    return np.array(levels, dtype=str)


def _number(text: str) -> float | None:
    # A leading zero marks a code ("007", "01.50"); float() would also take "nan" and "1_000".
    return (
        float(text) if re.fullmatch(r"-?(0|[1-9]\d*)?(\.\d+)?([eE][-+]?\d+)?", text) and text not in ("", "-") else None
    )


def read_numbers(column: ColumnSchema, raw: pd.DataFrame) -> tuple[Array, Array]:
    """Read a target column as numbers; what is there but is no number refuses the column."""
    unknown: dict[str, Any] = {"unknown": column.coercion.get("unknown", [])}
    number = {**column.coercion} if column.kind == "number" else unknown
    values, written = (
        Coercer([{**number, **said, "name": column.name, "kind": "number"}]).transform(raw[[column.name]])[column.name]
        for said in (unknown, {**unknown, "unknown": []})
    )
    text = Coercer([{"name": column.name, "kind": "category"}]).transform(raw[[column.name]])[column.name]
    missing = (text.isna() | (written.notna() & values.isna())).to_numpy(dtype=bool)
    found = values.to_numpy(dtype=float)
    strange = ~missing & ~np.isfinite(found)
    if strange.any():
        rows = "1 row" if strange.sum() == 1 else f"{strange.sum():,} rows"
        example = str(text[strange].iloc[0])
        remedy = "Correct those cells, name another target, or use the classification template."
        raise BadColumn(column.name, f"is no number in {rows} (for example {example!r})", remedy)
    return found, missing


def ordered_classes(labels: Array, column: str, positive: Any = None) -> list[Any]:
    """Put the classes in order: sorted, and of two the one to look for last.

    Parameters
    ----------
    positive
        The class to look for, as the file writes it; None for the affirmative of a yes/no pair, else the later one.
    """
    classes: list[Any] = np.unique(labels).tolist()
    if positive is not None:
        return _with_last(classes, column, str(positive))
    if len(classes) == 2 and str(classes[0]).lower() in YES and str(classes[1]).lower() in NO:
        classes.reverse()
    return classes


def _with_last(classes: list[Any], column: str, positive: str) -> list[Any]:
    named = [label for label in classes if str(label) == positive]
    named = named or [label for label in classes if str(label).lower() == positive.lower()]
    if not named:
        raise UnknownName(f"class of {column!r}", positive, [str(label) for label in classes])
    if len(classes) != 2:
        problem = f"has {len(classes)} classes, so none of them is the positive one"
        raise BadColumn(column, problem, "Leave `positive` out.")
    return [label for label in classes if label != named[0]] + named[:1]


def refuse_as_classes(labels: Array, column: str) -> None:
    """Refuse a target that holds numbers to be predicted, or a name of its own for nearly every row."""
    counts = Counter(labels.tolist())
    number = labels.dtype.kind in "if"
    continuous = labels.dtype.kind == "f" and len(counts) > 20 and not np.all(labels == np.round(labels))
    if number and (continuous or len(counts) > min(100, max(20, len(labels) // 20))):
        problem = f"holds {len(counts):,} different numbers, which are amounts rather than classes"
        raise BadColumn(column, problem, "Use the regression template for it.")
    repeated = sum(count for count in counts.values() if count > 1)
    if len(counts) > MOST_CLASSES or (len(counts) > 20 and repeated < len(labels) / 2):
        problem = f"holds {len(counts):,} different values in {len(labels):,} rows, too many to be classes"
        raise BadColumn(column, problem, "Name a target with fewer classes.")


def kind_of(classes: Sequence[Any]) -> TaskKind:
    """Tell what is predicted: one of two classes, one of several, or (without classes) a number."""
    if not classes:
        return "regression"
    return "binary" if len(classes) == 2 else "multiclass"
