"""Partial dependence: how the average prediction moves with one column (Friedman 2001)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from workbench.automl.held_out import ROWS_PER_SECOND, HeldOut, held_out, repeated
from workbench.automl.result import Result
from workbench.automl.splits import Array
from workbench.pages.figures import Effect

LEAST_ROWS, MOST_ROWS = 30, 200
POINTS, LEVELS = 12, 6
MOST = 6
SPOKEN_FOR = 0.3
SECONDS_WITHOUT_CLOCK = 1.0  # a search that reads no clock is explained as if it had so long


def effects(
    result: Result, features: Sequence[str], seconds: float | None, pace: float = ROWS_PER_SECOND
) -> tuple[Effect, ...]:
    """Set a column to one value in all rows, average the predictions, and go on to the next value.

    Parameters
    ----------
    features
        The columns, the most important first: six are done, with little time fewer.
    seconds
        Time to spend: with little of it, fewer rows are averaged over. None reads no clock.
    pace
        Rows that are predicted in a second.

    Returns
    -------
    tuple of Effect
        Of a regression the average prediction, of two classes the average probability of the positive one, of several
        the one that moves most, which is then named beside the column. The band is the range over the folds' models.
    """
    task, models = result.task, len(result.fold_models)
    usable = (name for name in features if task.schema[name].kind != "text")
    grids = {name: grid for name in usable if len(grid := _grid(task.frame[name])[0]) > 1}
    affordable = pace * (SECONDS_WITHOUT_CLOCK if seconds is None else seconds)
    most = int(np.clip(affordable / (POINTS * LEAST_ROWS * models), 1, MOST))
    grids = dict(islice(grids.items(), most))
    points = sum(map(len, grids.values()))
    rows = held_out(result, int(np.clip(affordable / max(1, points * models), LEAST_ROWS, MOST_ROWS)))
    if not grids:
        return ()
    moved = _average(rows, pd.concat([_set(rows, name, at) for name, at in grids.items()]), points)
    parts = np.split(moved, np.cumsum([len(at) for at in grids.values()])[:-1], axis=1)
    return tuple(_effect(result, name, part) for name, part in zip(grids, parts, strict=True))


def _set(rows: HeldOut, name: str, at: Array) -> pd.DataFrame:
    """Copy the rows once for each value, the column set to it."""
    return pd.DataFrame(repeated(rows.columns, len(at), {name: np.repeat(at, len(rows.places))}))


def _average(rows: HeldOut, frame: pd.DataFrame, points: int) -> Array:
    """Average prediction, shape (n_models, n_points) or (n_models, n_points, n_classes)."""
    models = rows.result.fold_models
    said = (np.split(model.predict(frame), points) for model in models)
    return np.array([[np.average(part, axis=0, weights=rows.weight) for part in parts] for parts in said])


def _effect(result: Result, name: str, moved: Array) -> Effect:
    title, lines = _of_one_class(result, name, moved)
    low, high = (lines.min(axis=0).tolist(), lines.max(axis=0).tolist()) if len(lines) > 1 else (None, None)
    return Effect(title, _grid(result.task.frame[name])[1], lines.mean(axis=0).tolist(), low, high)


def _of_one_class(result: Result, name: str, moved: Array) -> tuple[str, Array]:
    classes = result.task.classes
    if not classes:
        return name, moved
    if len(classes) == 2:
        return name, moved[:, :, 1]
    most = int(np.ptp(moved.mean(axis=0), axis=0).argmax())
    return f"{name} → {classes[most]}", moved[:, :, most]


def _grid(values: pd.Series[Any]) -> tuple[Array, list[Any]]:
    """Values to set, and how they are shown: the most frequent names, or places along the middle 96 % of numbers."""
    present = values.dropna()
    if values.dtype == object:
        counts = present.value_counts().iloc[:LEVELS]
        levels = counts.index.to_numpy(dtype=object)
        if counts.sum() < SPOKEN_FOR * len(present):
            return levels[:0], []  # of hundreds of names, six say nothing of the column
        return levels, [str(level) for level in levels]
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        days = np.unique(present.quantile(np.linspace(0.02, 0.98, LEVELS), interpolation="nearest").to_numpy())
        return days, [str(day)[:10] for day in days]
    at = np.unique(np.quantile(present.to_numpy(dtype=float), np.linspace(0.02, 0.98, POINTS), method="nearest"))
    is_yes_no = set(np.unique(present)) <= {0.0, 1.0}
    return at, ["no" if value == 0 else "yes" for value in at] if is_yes_no else at.tolist()
