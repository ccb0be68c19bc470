"""From which probability on a row is called the class looked for: by what mistakes cost, or by the metric.

A threshold is only kept when it beats the plain one on rows it was not chosen on, and the reported scores are of
thresholds chosen on the other folds, that decision included.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.automl.costs import Costs
from workbench.automl.ensemble import parts
from workbench.automl.splits import Array, Folds
from workbench.automl.task import Task

Floats = npt.NDArray[np.float64]
# Rows called right as positives, called wrongly so, all positives, all others → loss, smaller is better.
Loss = Callable[[Floats, Floats, float, float], Floats]
MOST_ROWS = 50_000  # that a threshold is chosen on: more move it in the third digit
EVEN = 0.5


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


def loss_of(task: Task) -> Loss | None:
    """Find what a threshold is chosen by: stated costs, else a metric that needs labels; None if there is neither."""
    if len(task.classes) != 2:
        return None
    return LOSSES.get(task.metric.name) if task.costs is None else cost_of(task.costs)


def plain_threshold(costs: Costs | None) -> float:
    """Where right probabilities are best cut (Elkan 2001): the share of the two costs that a false alarm has."""
    return EVEN if costs is None else costs.false_alarm / (costs.false_alarm + costs.miss)


def cost_of(costs: Costs) -> Loss:
    """Measure what mistakes cost for an average row."""
    return lambda right, wrong, positives, others: (
        (costs.miss * (positives - right) + costs.false_alarm * wrong) / (positives + others)
    )


def _f1(right: Floats, wrong: Floats, positives: float, others: float) -> Floats:  # noqa: ARG001 - one form for all
    return np.asarray(-2 * right / np.maximum(right + wrong + positives, 1e-300))


def _accuracy(right: Floats, wrong: Floats, positives: float, others: float) -> Floats:
    return np.asarray(-(right + others - wrong) / (positives + others))


def _balanced_accuracy(right: Floats, wrong: Floats, positives: float, others: float) -> Floats:
    return np.asarray(-(right / max(positives, 1e-300) + 1 - wrong / max(others, 1e-300)) / 2)


LOSSES: dict[str, Loss] = {"f1": _f1, "accuracy": _accuracy, "balanced_accuracy": _balanced_accuracy}


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


def best_threshold(probability: Array, hit: Array, weight: Array, loss: Loss, plain: float) -> float:
    """Find the threshold with the least loss on these rows; of equals, the one nearest to `plain`.

    Between two probabilities that follow each other every threshold is as good: it is `plain` if that lies there, else
    the middle.
    """
    if not len(probability) or hit.all() or not hit.any():
        return plain
    losses, low, high = curve(probability, hit, weight, loss)
    middle = np.where((low <= plain) & (plain < high), plain, (low + high) / 2)
    equal = losses <= losses.min() + 1e-12
    return float(middle[equal][np.argmin(np.abs(middle[equal] - plain))])


def curve(probability: Array, hit: Array, weight: Array, loss: Loss) -> tuple[Floats, Floats, Floats]:
    """Measure every cut: losses, and from where to where (exclusive) a threshold makes the same cut."""
    order = np.argsort(probability, kind="stable")
    values, steps = np.unique(probability[order], return_index=True)
    hits, all_of = weight * hit, weight
    # What lies above each cut: all rows, then fewer and fewer.
    below_hits, below = (np.concatenate([[0.0], np.cumsum(each[order])]) for each in (hits, all_of))
    at = np.append(steps, len(order))
    right = below_hits[-1] - below_hits[at]
    wrong = below[-1] - below[at] - right
    losses = loss(right, wrong, float(below_hits[-1]), float(below[-1] - below_hits[-1]))
    low, high = np.append(min(0.0, values[0]), values), np.append(values, 1.0)
    usable = high > low  # nothing lies between, such as above a probability of 1
    usable[-1] = True  # but that no row is called positive is always possible
    return losses[usable], low[usable], np.maximum(high, low)[usable]
