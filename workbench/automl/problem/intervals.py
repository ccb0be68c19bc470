"""Bootstrap intervals and tests, fast enough for every row of a leaderboard.

`workbench.metrics` defines what a metric is, how samples are drawn and what interval they give. Here each metric is
prepared once (sorted, counted, squared) and then evaluated for many bootstrap samples, a sample being how often each
row was drawn: a leaderboard of thirty models over 50,000 rows takes seconds in place of minutes. A metric that is not
known here is measured the plain way.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from workbench.metrics import Array, Metric, Predicted, interval, measure, power_of_two, rows_of, samples
from workbench.metrics import score as scored

Evaluator = Callable[[Array], float]  # how much each row counts, shape (n_rows,) → the metric's value

__all__ = ["evaluator", "is_tied", "samples", "scored", "takes_shares", "values"]


def evaluator(metric: Metric, predicted: Predicted) -> Evaluator:
    """Prepare a metric for many evaluations on the same rows."""
    prepare = PREPARED.get(metric.name)
    if prepare is None or (metric.needs == "probability" and predicted.probability is None):
        return lambda counts: measure(metric, predicted.take(rows_of(counts)))
    evaluate, weight = prepare(predicted), predicted.weight
    return evaluate if weight is None else lambda counts: evaluate(counts * weight)


def takes_shares(metric: Metric) -> bool:
    """Whether a row may stand for two and a half: a metric that is measured the plain way wants whole rows."""
    return metric.name in PREPARED


def values(metric: Metric, predicted: Predicted, counts: list[Array]) -> Array:
    """Evaluate the metric over each bootstrap sample, shape (n_samples,)."""
    evaluate = evaluator(metric, predicted)
    return np.array([evaluate(drawn) for drawn in counts])


def is_tied(metric: Metric, best: Array, other: Array) -> bool:
    """Whether samples drawn for both leave it open which is better: the 95 % interval of the gain holds zero."""
    gains = np.array([metric.loss(value) for value in other]) - np.array([metric.loss(value) for value in best])
    gains = gains[np.isfinite(gains)]
    low, _ = interval(float(gains.mean()), gains) if len(gains) else (None, None)
    return low is None or low <= 0


def _mean_of(losses: Array) -> Evaluator:
    return lambda counts: float(counts @ losses / counts.sum())


def _hits(predicted: Predicted) -> Array:
    return (predicted.truth[:, None] == np.asarray(predicted.classes)[None, :]).astype(np.float64)


def _probability(predicted: Predicted) -> Array:
    assert predicted.probability is not None  # for mypy: `evaluator` has looked
    return predicted.probability


def _log_loss(predicted: Predicted) -> Evaluator:
    clipped = np.clip(_probability(predicted), 1e-15, 1.0)
    likelihood = (clipped * _hits(predicted)).sum(axis=1) / clipped.sum(axis=1)
    return _mean_of(-np.log(likelihood.clip(1e-15)))


def _brier(predicted: Predicted) -> Evaluator:
    squares = ((_probability(predicted) - _hits(predicted)) ** 2).sum(axis=1)
    return _mean_of(squares / (2 if len(predicted.classes) == 2 else 1))


def _by_class(predicted: Predicted, curve: Callable[[Array, Array], Evaluator]) -> Evaluator:
    """Average a ranking metric over classes; of two classes, take the positive one's."""
    classes = len(predicted.classes)
    columns = range(classes) if classes > 2 else [classes - 1]
    hits, probability = _hits(predicted), _probability(predicted)
    each = [curve(hits[:, column], probability[:, column]) for column in columns]

    def evaluate(counts: Array) -> float:
        values = np.array([one(counts) for one in each])
        known = values[~np.isnan(values)]
        return float(known.mean()) if len(known) else float("nan")

    return evaluate


def _auc(hit: Array, score: Array) -> Evaluator:
    order = np.argsort(score, kind="stable")
    hit = hit[order]
    starts = np.flatnonzero(np.diff(score[order], prepend=-np.inf))  # equal scores are one step of the curve

    def evaluate(counts: Array) -> float:
        drawn = counts[order].astype(np.float64)
        hits = np.add.reduceat(drawn * hit, starts)
        misses = np.add.reduceat(drawn, starts) - hits
        all_hits, all_misses = hits.sum(), misses.sum()
        if all_hits <= 0 or all_misses <= 0:
            return float("nan")
        return float(hits @ (np.cumsum(misses) - 0.5 * misses) / (all_hits * all_misses))

    return evaluate


def _precision(hit: Array, score: Array) -> Evaluator:
    order = np.argsort(-score, kind="stable")
    hit = hit[order]
    starts = np.flatnonzero(np.diff(-score[order], prepend=-np.inf))

    def evaluate(counts: Array) -> float:
        drawn = counts[order].astype(np.float64)
        hits, all_of = np.add.reduceat(drawn * hit, starts), np.add.reduceat(drawn, starts)
        if hits.sum() <= 0:
            return float("nan")
        found = np.cumsum(all_of)
        return float(hits @ (np.cumsum(hits) / np.maximum(found, 1e-300)) / hits.sum())

    return evaluate


def _confusion(predicted: Predicted, summary: Callable[[Array], float]) -> Evaluator:
    """Prepare a metric of the table of true against predicted classes."""
    order = {label: code for code, label in enumerate(predicted.classes)}
    true, said = ([order[label] for label in labels.tolist()] for labels in (predicted.truth, predicted.prediction))
    size = len(predicted.classes)
    cell = np.array(true) * size + np.array(said)
    return lambda counts: summary(np.bincount(cell, weights=counts, minlength=size * size).reshape(size, size))


def _f1(table: Array) -> float:
    right, all_of = np.diag(table), table.sum(axis=0) + table.sum(axis=1)
    if len(table) == 2:
        return float(2 * right[1] / all_of[1]) if all_of[1] > 0 else 0.0
    seen = all_of > 0
    return float(np.mean(2 * right[seen] / all_of[seen]))


def _balanced_accuracy(table: Array) -> float:
    rows = table.sum(axis=1)
    return float(np.mean(np.diag(table)[rows > 0] / rows[rows > 0]))


def _root_mean_square(predicted: Predicted) -> Evaluator:
    errors = predicted.truth - predicted.prediction
    unit = power_of_two(errors)
    mean = _mean_of((errors / unit) ** 2)
    return lambda counts: float(unit * np.sqrt(mean(counts)))


def _relative_error(predicted: Predicted) -> Evaluator:
    size = np.maximum(np.abs(predicted.truth), np.finfo(np.float64).eps)
    return _mean_of(np.abs(predicted.truth - predicted.prediction) / size)


def _explained(predicted: Predicted) -> Evaluator:
    unit = power_of_two(predicted.truth)
    truth, squares = predicted.truth / unit, ((predicted.truth - predicted.prediction) / unit) ** 2

    def evaluate(counts: Array) -> float:
        spread = counts @ (truth - counts @ truth / counts.sum()) ** 2
        return float(1.0 - counts @ squares / spread) if spread > 0 else float("nan")

    return evaluate


PREPARED: dict[str, Callable[[Predicted], Evaluator]] = {
    "roc_auc": lambda p: _by_class(p, _auc),
    "average_precision": lambda p: _by_class(p, _precision),
    "log_loss": _log_loss,
    "brier": _brier,
    "accuracy": lambda p: _mean_of((p.truth == p.prediction).astype(np.float64)),
    "balanced_accuracy": lambda p: _confusion(p, _balanced_accuracy),
    "f1": lambda p: _confusion(p, _f1),
    "rmse": _root_mean_square,
    "mae": lambda p: _mean_of(np.abs(p.truth - p.prediction)),
    "mape": _relative_error,
    "r2": _explained,
}
