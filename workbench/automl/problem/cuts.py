"""Every cut of probabilities in two, and what it costs or brings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.automl.problem.costs import Costs

if TYPE_CHECKING:
    from workbench.automl.task import Task

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
# Rows called right as positives, called wrongly so, all positives, all others → loss, smaller is better.
Loss = Callable[[Floats, Floats, float, float], Floats]
EVEN = 0.5


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


def loss_when_cut(task: Task, rows: Array, counts: Array | None = None) -> Callable[[Array], float] | None:
    """Judge probabilities of some rows by a metric that needs labels, called as the final model will call them.

    That is above the best threshold for these rows: the likelier class says next to nothing of a rare one, which no
    row may be likely to be. It flatters a little, and all alike; what is reported is of thresholds chosen elsewhere.

    Parameters
    ----------
    counts : ndarray, shape (n_rows,), optional
        How many rows each of these stands for.

    Returns
    -------
    callable or None
        Takes probabilities, shape (n_rows, 2), and gives the metric's loss. None where the metric needs no labels of
        two classes, or the rows hold one class only.
    """
    chosen, measured = loss_of(task), LOSSES.get(task.metric.name)
    hit = task.truth[rows] == task.classes[-1] if chosen else np.zeros(0, dtype=bool)
    if chosen is None or measured is None or hit.all() or not hit.any():
        return None
    weight = np.ones(len(rows)) if task.weight is None else task.weight[rows]
    weight = weight if counts is None else weight * counts

    def judged(predicted: Array) -> float:
        probability = predicted[:, 1]
        if task.costs is None:
            return float(curve(probability, hit, weight, measured)[0].min())
        called = probability > best_threshold(probability, hit, weight, chosen, plain_threshold(task.costs))
        right, wrong = (np.array([weight[called & (hit == side)].sum()]) for side in (True, False))
        return float(measured(right, wrong, float(weight[hit].sum()), float(weight[~hit].sum()))[0])

    return judged


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
