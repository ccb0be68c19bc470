"""A task with as many of its rows as can be looked at in a second or two, its columns cut into few bins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import ReferenceType, ref

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.automl.task import Task

Array = npt.NDArray[Any]
MOST_ROWS, MOST_CELLS = 50_000, 3_000_000
BINS, LEVELS = 64, 256
_LAST: list[tuple[ReferenceType[pd.DataFrame], dict[str, tuple[float, float]]]] = []


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows drawn at random, in file order.

    Attributes
    ----------
    task : Task
        All of it.
    places : ndarray of int
        Positions of the drawn rows in ``task.frame``.
    frame : DataFrame
        The features of the drawn rows.
    target : ndarray
        Codes of the classes, or the numbers' ranks scaled to 0..1: outliers then count like other rows.
    """

    task: Task
    places: Array
    frame: pd.DataFrame
    target: Array

    def bins(self, name: str) -> Array:
        """Give a feature of the drawn rows as small whole numbers; missing values have one of their own."""
        return binned(self.frame[name])


def draw(task: Task, *, seed: int = 0) -> Sample:
    """Draw rows without replacement: fewer where there are many columns."""
    rows = len(task.frame)
    most = int(min(MOST_ROWS, max(2_000, MOST_CELLS / max(1, task.frame.shape[1]))))
    places = np.arange(rows)
    if rows > most:
        places = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    target = task.codes[places]
    return Sample(task, places, task.frame.iloc[places], target if task.classes else ranks(target))


def binned(values: pd.Series[Any]) -> Array:
    """Turn values into whole numbers from 0: levels of a category, quantiles of a number or date, 0 for missing."""
    if values.dtype == object:
        codes, _ = pd.factorize(values)
        rank = np.argsort(np.argsort(-np.bincount(codes[codes >= 0]), kind="stable")) if (codes >= 0).any() else codes
        return np.where(codes < 0, 0, 1 + np.minimum(rank[codes], LEVELS))
    numbers = as_numbers(values)
    present = np.isfinite(numbers)
    distinct = np.unique(numbers[present])
    if len(distinct) > BINS:
        distinct = np.unique(np.quantile(numbers[present], np.linspace(0, 1, BINS + 1)[:-1], method="lower"))
    return np.where(present, np.searchsorted(distinct, np.where(present, numbers, 0), side="right"), 0)


def as_numbers(values: pd.Series[Any]) -> npt.NDArray[np.float64]:
    """Give numbers as they are, dates as seconds; NaN where missing."""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        seconds = (values - pd.Timestamp(0)) / pd.Timedelta(seconds=1)
        return np.asarray(seconds.to_numpy(dtype=float, na_value=np.nan))
    return np.asarray(values.to_numpy(dtype=float, na_value=np.nan))


def ranks(values: Array) -> Array:
    """Rank numbers from 0 to 1, equal ones alike."""
    return np.asarray(pd.Series(values).rank(method="average").to_numpy()) / max(1, len(values))


def skill(bins: Array, target: Array, *, classes: int, seed: int = 0) -> tuple[float, float]:
    """Measure what a column alone tells of the target, on rows that were not counted on.

    Every bin predicts its most frequent class, or its mean; two halves of the rows predict each other.

    Returns
    -------
    skill : float
        Share of the errors of a constant guess that the column avoids: 0 tells nothing, 1 tells all.
    right : float
        Share of rows predicted right, or of the variation explained.
    """
    half = np.random.default_rng(seed).permutation(len(target)) % 2
    told = np.empty(len(target))
    for side in (0, 1):
        counted, asked = half != side, half == side
        told[asked] = _table(bins[counted], target[counted], classes, int(bins.max()) + 1)[bins[asked]]
    if classes:
        right = float(np.mean(told == target))
        guess = float(np.bincount(target.astype(int)).max() / len(target))
        return (right - guess) / max(1 - guess, 1 / len(target)), right
    left = float(np.mean((target - told) ** 2)) / max(float(np.var(target)), 1e-300)
    return 1 - left, 1 - left


def skills(task: Task) -> dict[str, tuple[float, float]]:
    """Measure every feature's `skill`; of a table of 1,500 columns it takes a second, and checks and explanations ask.

    What was measured is remembered for the last table only, as long as somebody holds it.
    """
    for known, told in _LAST:
        if known() is task.frame:
            return told
    sample, classes = draw(task), len(task.classes)
    told = {name: skill(sample.bins(name), sample.target, classes=classes) for name in task.features}
    _LAST[:] = [(ref(task.frame), told)]
    return told


def _table(bins: Array, target: Array, classes: int, size: int) -> Array:
    """Say what each bin predicts; an empty one predicts as all rows together."""
    rows = np.bincount(bins, minlength=size)
    if classes:
        counts = np.bincount(bins * classes + target, minlength=size * classes).reshape(size, classes)
        return np.where(rows > 0, counts.argmax(axis=1), counts.sum(axis=0).argmax())
    with np.errstate(invalid="ignore"):
        means = np.bincount(bins, weights=target, minlength=size) / rows
    return np.where(rows > 0, means, target.mean())
