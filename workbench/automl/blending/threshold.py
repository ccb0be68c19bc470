"""From which probability on a row is called the class looked for: by what mistakes cost, or by the metric.

A threshold is only kept when it beats the plain one on rows it was not chosen on, and the reported scores are of
thresholds chosen on the other folds, that decision included.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from workbench.automl.blending.ensemble import parts
from workbench.automl.problem.cuts import EVEN, Loss, best_threshold, loss_of, plain_threshold
from workbench.automl.problem.splits import Array, Folds
from workbench.automl.task import Task

MOST_ROWS = 50_000  # that a threshold is chosen on: more move it in the third digit


@dataclass(frozen=True, slots=True)
class Decision:
    """How probabilities of two classes become a label.

    Attributes
    ----------
    threshold : float or None
        A row is called positive above it; None calls the likeliest class.
    called : ndarray of bool, shape (n_validated,), or None
        What each validated row is called by a threshold that the other folds chose.
    plain : float
        What a threshold has to beat: 0.5, or what the costs ask for if every probability is right.
    """

    threshold: float | None = None
    called: Array | None = None
    plain: float = EVEN


def decision(task: Task, folds: Folds, predicted: Array, *, seed: int) -> Decision:
    """Choose the threshold of a task of two classes, where its costs or its metric ask for one.

    Parameters
    ----------
    predicted : ndarray, shape (n_rows, 2)
        Cross-fitted probabilities.
    """
    loss = loss_of(task)
    if loss is None:
        return Decision()
    rows, plain = folds.validated, plain_threshold(task.costs)
    sample = _Rows.of(task, predicted, rows, parts(task, folds, rows, seed))
    called = np.zeros(len(rows), dtype=bool)
    for number in np.unique(sample.part):
        own = sample.part == number
        called[own] = sample.probability[own] > settled(sample.take(~own), loss, plain, seed)
    return Decision(settled(sample, loss, plain, seed), called, plain)


def called(task: Task, folds: Folds, predicted: Array, *, seed: int) -> Array | None:
    """Call each validated row by the threshold that is best on the other folds; None where none is chosen."""
    loss = loss_of(task)
    if loss is None or task.costs is not None:
        return None
    rows = folds.validated
    return _crossed(_Rows.of(task, predicted, rows, parts(task, folds, rows, seed)), loss, EVEN, seed)


def seconds(task: Task) -> float:
    """Guess how long choosing thresholds takes: one choice is timed; the ensemble takes 31, each of 25 trials five."""
    loss = loss_of(task)
    if loss is None:
        return 0.0
    probability = np.random.default_rng(0).random(min(len(task.truth), MOST_ROWS))
    hit, began = probability > EVEN, time.perf_counter()
    best_threshold(probability, hit, np.ones(len(hit)), loss, EVEN)
    return (31 + 5 * 25) * (time.perf_counter() - began)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Validated rows: the positive class's probability, whether they are of it, how much they count, their fold."""

    probability: Array
    hit: Array
    weight: Array
    part: Array

    @staticmethod
    def of(task: Task, predicted: Array, rows: Array, part: Array) -> _Rows:
        weight = np.ones(len(rows)) if task.weight is None else task.weight[rows]
        return _Rows(predicted[rows, 1], task.codes[rows] == 1, weight, part)

    def take(self, some: Array) -> _Rows:
        return _Rows(self.probability[some], self.hit[some], self.weight[some], self.part[some])


def settled(rows: _Rows, loss: Loss, plain: float, seed: int) -> float:
    """Give the best threshold if choosing one pays on rows it was not chosen on, else the plain one."""
    if len(rows.part) > MOST_ROWS:
        rows = rows.take(np.sort(np.random.default_rng(seed).choice(len(rows.part), MOST_ROWS, replace=False)))
    if len(np.unique(rows.part)) < 2:
        return plain
    gain = _measured(rows, rows.probability > plain, loss) - _measured(rows, _crossed(rows, loss, plain, seed), loss)
    return best_threshold(rows.probability, rows.hit, rows.weight, loss, plain) if gain > 0 else plain


def _crossed(rows: _Rows, loss: Loss, plain: float, seed: int) -> Array:
    called = np.zeros(len(rows.part), dtype=bool)
    for number in np.unique(rows.part):
        own = rows.part == number
        others = rows.take(~own)
        if len(others.part) > MOST_ROWS:
            some = np.random.default_rng(seed).choice(len(others.part), MOST_ROWS, replace=False)
            others = others.take(some)
        chosen = best_threshold(others.probability, others.hit, others.weight, loss, plain)
        called[own] = rows.probability[own] > chosen
    return called


def _measured(rows: _Rows, called: Array, loss: Loss) -> float:
    right, wrong = (float(rows.weight[called & (rows.hit == hit)].sum()) for hit in (True, False))
    positives, others = (float(rows.weight[rows.hit == hit].sum()) for hit in (True, False))
    return float(loss(np.array([right]), np.array([wrong]), positives, others)[0])
