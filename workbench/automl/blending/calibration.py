"""Probabilities that mean what they say: calibrated where that pays on rows the calibration did not see."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from workbench.automl.blending.ensemble import parts
from workbench.automl.problem.splits import Array, Folds
from workbench.automl.task import Task
from workbench.estimators.calibration import TemperatureScaling

LEAST_ROWS, LEAST_OF_OTHERS = 500, 50  # validated rows, and those of them that are not of the commonest class
MOST_BIASED = 10  # classes: a bias for each of many costs more luck than it brings
MOST_CELLS = 60_000  # rows times classes that a temperature is learned on: a single number needs no more
SURE = 2.0  # standard errors of the gain


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What was made of the probabilities.

    Attributes
    ----------
    calibration : TemperatureScaling or None
        Learned on all validated rows; None where it did not pay, or there were too few rows to tell.
    predicted : ndarray
        Cross-fitted: each row's probabilities are calibrated by what the other folds taught.
    gain : float
        By how much the log loss of rows the calibration had not seen got smaller; 0 without one.
    """

    calibration: TemperatureScaling | None
    predicted: Array
    gain: float = 0.0


def calibrated(task: Task, folds: Folds, predicted: Array, *, seed: int) -> Calibrated:
    """Calibrate cross-fitted probabilities, shape (n_rows, n_classes), if that makes them truer beyond luck.

    One sharpness is tried first, then a bias for each class with it. Each is kept when the log loss of rows it was not
    learned on falls by more than two standard errors, of rows or, where there are groups, of groups.
    """
    rows, best = folds.validated, Calibrated(None, predicted)
    if not task.classes or not _tells(task, rows):
        return best
    part, before = parts(task, folds, rows, seed), predicted
    for biased in (False, True)[: 1 + (len(task.classes) <= MOST_BIASED)]:
        crossed = _crossed(task, predicted, rows, part, biased, seed)
        gain, error = _gain(task, rows, best.predicted, crossed)
        if gain <= SURE * error / np.sqrt(folds.independent):
            break
        total, _ = _gain(task, rows, before, crossed)
        best = Calibrated(_learned(task, predicted, rows, biased, seed), crossed, total)
    return best


def seconds(task: Task) -> float:
    """Guess how long `calibrated` takes: one fit is timed, and up to a dozen are made."""
    rows = np.arange(len(task.truth))
    if not task.classes or not _tells(task, rows):
        return 0.0
    random = np.random.default_rng(0).random((len(rows), len(task.classes)))
    began = time.perf_counter()
    _learned(task, random / random.sum(axis=1, keepdims=True), rows, False, 0)
    kinds = 1 + (len(task.classes) <= MOST_BIASED)
    return 6 * kinds * kinds * (time.perf_counter() - began)


def _tells(task: Task, rows: Array) -> bool:
    counts = np.bincount(task.codes[rows])
    return len(rows) >= LEAST_ROWS and len(rows) - int(counts.max()) >= LEAST_OF_OTHERS


def _learned(task: Task, predicted: Array, rows: Array, biased: bool, seed: int) -> TemperatureScaling:
    most = MOST_CELLS // len(task.classes)
    some = rows if len(rows) <= most else np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    weight = None if task.weight is None else task.weight[some]
    return TemperatureScaling(biased).fit(predicted[some], task.codes[some], weight)


def _crossed(task: Task, predicted: Array, rows: Array, part: Array, biased: bool, seed: int) -> Array:
    crossed = predicted.copy()
    for number in np.unique(part):
        told = rows[part == number]
        crossed[told] = _learned(task, predicted, rows[part != number], biased, seed).transform(predicted[told])
    return crossed


def _gain(task: Task, rows: Array, before: Array, after: Array) -> tuple[float, float]:
    """Give the mean by which the log loss falls, and its standard error."""
    truth = task.codes[rows]
    each = _surprise(before[rows], truth) - _surprise(after[rows], truth)
    weight = np.ones(len(rows)) if task.weight is None else task.weight[rows]
    mean = float(np.average(each, weights=weight))
    apart: Array = weight * (each - mean)
    if task.groups is not None:
        apart = np.bincount(np.unique(task.groups[rows], return_inverse=True)[1], weights=apart)
    return mean, float(np.sqrt((apart**2).sum()) / weight.sum())


def _surprise(probability: Array, truth: Array) -> Array:
    likely = probability[np.arange(len(truth)), truth]
    return np.asarray(-np.log(np.maximum(likely, 1e-7)))
