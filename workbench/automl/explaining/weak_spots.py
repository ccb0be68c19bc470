"""Where a model is wrong: the groups of rows on which it does clearly worse than over all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.automl.explaining.values import writer
from workbench.automl.finders.sample import as_numbers
from workbench.automl.fitting.trial import as_predicted
from workbench.automl.problem.intervals import Evaluator, evaluator, samples
from workbench.automl.problem.splits import sampled
from workbench.automl.result import Result
from workbench.automl.task import Task
from workbench.metrics import METRICS, Metric, Predicted, deviation
from workbench.pages.intervals import Interval
from workbench.records import Kind

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating[Any]]
MOST_ROWS = 20_000
SAMPLES = 60
MOST_TESTED = 30
LEAST_ROWS, LEAST_SHARE = 50, 0.02
# These compare rows with each other, or with how much there is to explain. Within a group of like rows they are worse
# than over all even where every single prediction is as good, so groups are judged row by row.
ROW_BY_ROW = {
    "roc_auc": "accuracy",
    "average_precision": "accuracy",
    "f1": "accuracy",
    "balanced_accuracy": "accuracy",
    "r2": "rmse",
}
MOST_COLUMNS, LEVELS, PARTS = 25, 12, 5
MOST = 6
SURE = 2.6  # standard errors: some hundred groups are looked at, and the worst would look bad by chance alone
SAME = 0.7  # two groups that share so much of their rows are one


@dataclass(frozen=True, slots=True)
class WeakSpot(Interval):
    """A group of rows that is predicted clearly worse than the others.

    Attributes
    ----------
    bias : float or None
        Of a regression: by how much its predictions are too high (too low, where negative) on average, if that is no
        chance.
    """

    bias: float | None = None


def judged_by(task: Task) -> Metric:
    """Give the metric by which groups of rows can be compared with all rows: the task's own, or a fair one."""
    return METRICS[ROW_BY_ROW.get(task.metric.name, task.metric.name)]


def weak_spots(result: Result, features: Sequence[str]) -> tuple[WeakSpot, ...]:
    """Find groups (a category, a part of a column's range, missing values) that are predicted clearly worse.

    Parameters
    ----------
    features
        Columns to group by, the most important first.

    Returns
    -------
    tuple of WeakSpot
        `judged_by` within each group with its 95 % interval, the worst first; empty when none is clearly worse.
    """
    looked = _looked_at(result)
    overall, found = looked.losses(), []
    for name, group in _worst(looked, overall[0], _groups(result, features, looked.rows)):
        inside = looked.losses(group)
        surely = inside[0] - overall[0] - SURE * deviation((inside - overall)[1:])
        if surely > 0:
            found.append((surely, _spot(looked, name, group, inside), group))
    kept = _apart(sorted(found, key=lambda each: -each[0]))
    return tuple(sorted(kept, key=lambda spot: -looked.metric.loss(spot.value)))


@dataclass(frozen=True, slots=True)
class _Looked:
    """Rows that are looked at, what was predicted of them, and how often each counts: once, and in each sample."""

    metric: Metric
    rows: npt.NDArray[Any]
    predicted: Predicted
    evaluate: Evaluator
    counts: list[Floats]

    def losses(self, group: Mask | float = 1.0, most: int | None = None) -> Floats:
        """Measure the loss of a group over all rows, and over each sample of them (`most` - 1 of the samples)."""
        return np.array([self.metric.loss(self.evaluate(each * group)) for each in self.counts[:most]])


def _looked_at(result: Result) -> _Looked:
    task, metric, rows = result.task, judged_by(result.task), result.folds.validated
    if task.weight is not None:  # of rows that weigh nothing a group has no score
        rows = rows[task.weight[rows] > 0]
    rows = np.sort(sampled(rows, task.codes, MOST_ROWS, classes=len(task.classes), seed=result.seed))
    predicted = _predicted(result, rows)
    counts = [np.ones(len(rows), dtype=np.float32), *samples(predicted, seed=result.seed)[:SAMPLES]]
    return _Looked(metric, rows, predicted, evaluator(metric, predicted), counts)


def _worst(looked: _Looked, overall: float, groups: Iterator[tuple[str, Mask]]) -> list[tuple[str, Mask]]:
    """Choose the groups that are worth a test: those with the largest losses above that of all rows."""
    gaps = [(looked.losses(group, 1)[0] - overall, name, group) for name, group in groups]
    worse = sorted((each for each in gaps if each[0] > 0), key=lambda each: -each[0])
    return [(name, group) for _, name, group in worse[:MOST_TESTED]]


def _spot(looked: _Looked, name: str, group: Mask, inside: Floats) -> WeakSpot:
    """Tell of a group what its losses, over all its rows and over the samples, come to."""
    metric, half = looked.metric, 1.96 * deviation(inside[1:])
    low, high = sorted(metric.loss(inside[0] + sign * half) for sign in (-1, 1))
    bias = None if looked.predicted.classes else _bias(looked.predicted, group, looked.counts)
    return WeakSpot(name, metric.loss(inside[0]), low, high, int(group.sum()), bias)


def _bias(predicted: Predicted, group: Mask, counts: list[Floats]) -> float | None:
    """Give the mean error of a group's predictions, where its 95 % interval leaves out zero."""
    error, weight = predicted.prediction - predicted.truth, predicted.weight
    drawn = [each * group * (1.0 if weight is None else weight) for each in counts]
    means = np.array([each @ error / each.sum() if each.sum() > 0 else np.nan for each in drawn])
    return float(means[0]) if abs(means[0]) > 1.96 * deviation(means[1:]) else None


def _apart(found: list[tuple[float, WeakSpot, Mask]]) -> list[WeakSpot]:
    """Leave out groups that are nearly the same rows as one that is more surely worse."""
    kept: list[tuple[WeakSpot, Mask]] = []
    for _, spot, group in found:
        if all((group & other).sum() < SAME * (group | other).sum() for _, other in kept) and len(kept) < MOST:
            kept.append((spot, group))
    return [spot for spot, _ in kept]


def _predicted(result: Result, rows: npt.NDArray[Any]) -> Predicted:
    """Give cross-fitted predictions of these rows, as they were kept: labels by the threshold, if there is one."""
    kept = result.predictions.iloc[np.searchsorted(result.folds.validated, rows)]
    labels = kept["prediction"].to_numpy()
    if not result.task.classes:
        return as_predicted(result.task, labels, rows)
    probability = kept[[f"probability_{label}" for label in result.task.classes]].to_numpy()
    return replace(as_predicted(result.task, probability, rows), prediction=labels)


def _groups(result: Result, features: Sequence[str], rows: npt.NDArray[Any]) -> Iterator[tuple[str, Mask]]:
    task = result.task
    least = max(LEAST_ROWS, LEAST_SHARE * len(rows))
    for feature in features[:MOST_COLUMNS]:
        values = task.frame[feature].iloc[rows]
        kind = task.schema[feature].kind
        for name, group in [(f"{feature} is missing", values.isna().to_numpy()), *_parts(feature, values, kind)]:
            if least <= group.sum() <= 0.8 * len(rows):
                yield name, group


def _parts(feature: str, values: pd.Series[Any], kind: Kind) -> Iterator[tuple[str, Mask]]:
    if kind == "text":
        return
    write = writer(values, kind)
    if values.dtype == object:
        for level in values.value_counts().index[:LEVELS]:
            yield f"{feature} = {write(level)}", (values == level).to_numpy(dtype=bool)
        return
    numbers = as_numbers(values)
    present = np.unique(numbers[np.isfinite(numbers)])
    if len(present) <= PARTS + 1:
        for value in present.tolist():
            yield f"{feature} = {write(value)}", numbers == value
        return
    yield from _along(feature, numbers, write, beyond="after" if kind == "date" else "above")


def _along(feature: str, numbers: Floats, write: Callable[[Any], str], *, beyond: str) -> Iterator[tuple[str, Mask]]:
    """Cut the range of a column into parts of about as many rows."""
    edges = np.unique(np.nanquantile(numbers, np.linspace(0, 1, PARTS + 1)[1:-1], method="nearest")).tolist()
    shown = [write(edge) for edge in edges]
    yield f"{feature} is up to {shown[0]}", numbers <= edges[0]
    for (low, high), (low_end, up_to) in zip(pairwise(edges), pairwise(shown), strict=True):
        yield f"{feature} is {beyond} {low_end}, up to {up_to}", (numbers > low) & (numbers <= high)
    yield f"{feature} is {beyond} {shown[-1]}", numbers > edges[-1]
