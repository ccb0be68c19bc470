"""How far predictions may be off, and whether that holds on rows it was not learned from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from workbench.automl.blending.ensemble import parts
from workbench.automl.problem.splits import Array, Folds
from workbench.automl.task import Task
from workbench.estimators.conformal import PredictionIntervals, PredictionSets, shares

USUAL = 0.9  # the coverage a report shows
LEAST_ROWS = 40  # validated rows, or groups: fewer promise nothing
LEAST_OF_CLASS = 20  # of fewer, how often their set held them tells nothing
Conformal = PredictionIntervals | PredictionSets


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was promised, and how it held on rows it was not learned from.

    Attributes
    ----------
    asked, measured : float
        The share of rows whose truth is to lie in the interval or set, and does. Where there are groups each counts the
        same, as in the promise.
    size : float
        Half of the intervals are narrower; of sets, how many classes they hold on average.
    rows : int
    least : float
        Of classes: the measured share of the class it is smallest of, `least_of`; NaN where no class has rows enough.
    low, high : ndarray
        The cross-fitted ends of each validated row; empty for sets.
    few : tuple
        Of classes: those of too few rows to be promised it by themselves.
    sizes : ndarray of int, shape (n_classes + 1,)
        How many sets hold so many classes; empty for intervals.
    """

    asked: float
    measured: float
    size: float
    rows: int
    least: float = float("nan")
    least_of: str = ""
    few: tuple[str, ...] = ()
    low: Array | tuple[()] = ()
    high: Array | tuple[()] = ()
    sizes: Array | tuple[()] = ()


def uncertainty(task: Task, folds: Folds, predicted: Array, *, seed: int) -> tuple[Conformal | None, Coverage | None]:
    """Learn how far predictions may be off, and measure it; nothing where there are too few rows.

    Parameters
    ----------
    predicted : ndarray, shape (n_rows,) or (n_rows, n_classes)
        Cross-fitted predictions.
    """
    rows, groups = folds.validated, task.groups
    if (len(rows) if groups is None else len(np.unique(groups[rows]))) < LEAST_ROWS:
        return None, None
    conformal = learned(task, predicted, rows)
    found = _coverage(task, predicted, rows, parts(task, folds, rows, seed))
    if found is not None and isinstance(conformal, PredictionSets):
        few = conformal.few(USUAL)
        found = replace(found, few=tuple(str(label) for label, told in zip(task.classes, few, strict=True) if told))
    return conformal, found


def learned(task: Task, predicted: Array, rows: Array) -> Conformal:
    """Learn from these rows."""
    weight, groups = (None if each is None else each[rows] for each in (task.weight, task.groups))
    if task.classes:
        return PredictionSets().fit(predicted[rows], task.codes[rows], weight, groups)
    return PredictionIntervals().fit(task.truth[rows], predicted[rows], weight, groups)


def _coverage(task: Task, predicted: Array, rows: Array, part: Array) -> Coverage | None:
    """Ask each fold's rows of what the other folds taught."""
    measure = _intervals if not task.classes else _sets
    told = np.empty((len(rows), len(task.classes)), dtype=bool) if task.classes else np.empty((len(rows), 2))
    for number in np.unique(part):
        own, others = part == number, rows[part != number]
        conformal = learned(task, predicted, others)
        ask = conformal.interval if isinstance(conformal, PredictionIntervals) else conformal.contains
        try:
            told[own] = ask(predicted[rows[own]], USUAL)
        except ValueError:  # the other folds are too few, though all of them would do
            return None
    return measure(task, rows, told)


def _intervals(task: Task, rows: Array, ends: Array) -> Coverage:
    held = (ends[:, 0] <= task.truth[rows]) & (task.truth[rows] <= ends[:, 1])
    size = float(np.median(ends[:, 1] - ends[:, 0]))
    return Coverage(USUAL, _share(task, rows, held), size, len(rows), low=ends[:, 0], high=ends[:, 1])


def _sets(task: Task, rows: Array, inside: Array) -> Coverage:
    codes = task.codes[rows]
    held, sizes = inside[np.arange(len(rows)), codes], inside.sum(axis=1)
    known = np.flatnonzero(np.bincount(codes, minlength=len(task.classes)) >= LEAST_OF_CLASS)
    each = {str(task.classes[code]): float(held[codes == code].mean()) for code in known}
    least = min(each, key=lambda name: each[name], default="")
    return Coverage(
        USUAL,
        _share(task, rows, held),
        float(sizes.mean()),
        len(rows),
        each.get(least, float("nan")),
        least,
        sizes=np.bincount(sizes, minlength=len(task.classes) + 1),
    )


def _share(task: Task, rows: Array, held: Array) -> float:
    weight, groups = (None if each is None else each[rows] for each in (task.weight, task.groups))
    return float(np.average(held, weights=shares(len(rows), weight, groups)[0]))
