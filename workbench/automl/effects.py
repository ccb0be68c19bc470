"""Partial dependence: how the average prediction moves with one column (Friedman 2001)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from workbench.automl.held_out import Columns, HeldOut, held_out, repeated, seconds_per_row
from workbench.automl.result import Result
from workbench.automl.splits import Array
from workbench.pages.figures import Effect

LEAST_ROWS, MOST_ROWS = 30, 200
POINTS, LEVELS = 12, 6
MOST = 6
WITHOUT_CLOCK = 30_000  # predictions of a search that reads no clock


def effects(result: Result, features: Sequence[str], seconds: float | None) -> tuple[Effect, ...]:
    """Set a column to one value in all rows, average the predictions, and go on to the next value.

    Parameters
    ----------
    features
        The columns, the most important first; as many are done as there is time for.
    seconds
        Time to spend; None reads no clock.

    Returns
    -------
    tuple of Effect
        Of a regression the average prediction, of two classes the average probability of the positive one, of several
        the one that moves most, which is then named beside the column. The band is the range over the folds' models.
    """
    ends = None if seconds is None else time.monotonic() + seconds
    rows, models = held_out(result, MOST_ROWS), len(result.fold_models)
    budget = WITHOUT_CLOCK if seconds is None else seconds / max(seconds_per_row(rows), 1e-9)
    wanted = [name for name in features if result.task.schema[name].kind != "text"][:MOST]
    used = int(np.clip(budget / (POINTS * models * max(1, len(wanted))), LEAST_ROWS, MOST_ROWS))
    rows, found = rows.first(used), []
    for name in wanted:
        if ends is not None and time.monotonic() > ends:
            break
        if (effect := _effect(rows, name)) is not None:
            found.append(effect)
    return tuple(found)


def _effect(rows: HeldOut, name: str) -> Effect | None:
    at, shown = _grid(rows.result.task.frame[name])
    if len(at) < 2:
        return None
    size = len(rows.places)
    columns = repeated(rows.columns, len(at), {name: np.repeat(at, size)})
    moved = _average(rows.result, columns, len(at))
    title, lines = _of_one_class(rows.result, name, moved)
    band = len(lines) > 1
    return Effect(
        title,
        shown,
        lines.mean(axis=0).tolist(),
        lines.min(axis=0).tolist() if band else None,
        lines.max(axis=0).tolist() if band else None,
    )


def _average(result: Result, columns: Columns, points: int) -> Array:
    """Average prediction, shape (n_models, n_points) or (n_models, n_points, n_classes)."""
    frame = pd.DataFrame(columns)
    return np.array(
        [[part.mean(axis=0) for part in np.split(model.predict(frame), points)] for model in result.fold_models]
    )


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
        levels = present.value_counts().index[:LEVELS].to_numpy(dtype=object)
        return levels, [str(level) for level in levels]
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        days = np.unique(present.quantile(np.linspace(0.02, 0.98, LEVELS), interpolation="nearest").to_numpy())
        return days, [str(day)[:10] for day in days]
    at = np.unique(np.quantile(present.to_numpy(dtype=float), np.linspace(0.02, 0.98, POINTS), method="nearest"))
    is_yes_no = set(np.unique(present)) <= {0.0, 1.0}
    return at, ["no" if value == 0 else "yes" for value in at] if is_yes_no else at.tolist()
