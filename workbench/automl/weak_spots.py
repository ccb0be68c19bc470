"""Where a model is wrong: the groups of rows on which it does clearly worse than over all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.automl.finders.sample import as_numbers
from workbench.automl.fitting import as_predicted
from workbench.automl.intervals import evaluator, samples
from workbench.automl.result import Result
from workbench.automl.splits import sampled
from workbench.automl.task import Task
from workbench.dataset.years import are_years
from workbench.metrics import METRICS, Metric
from workbench.pages.figures import Interval
from workbench.pages.words import number, shorten
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


def judged_by(task: Task) -> Metric:
    """Give the metric by which groups of rows can be compared with all rows: the task's own, or a fair one."""
    return METRICS[ROW_BY_ROW.get(task.metric.name, task.metric.name)]


def weak_spots(result: Result, features: Sequence[str]) -> tuple[Interval, ...]:
    """Find groups (a category, a part of a column's range, missing values) that are predicted clearly worse.

    Parameters
    ----------
    features
        Columns to group by, the most important first.

    Returns
    -------
    tuple of Interval
        `judged_by` within each group with its 95 % interval, the worst first; empty when none is clearly worse.
    """
    task, metric = result.task, judged_by(result.task)
    rows = np.sort(sampled(result.folds.validated, task.codes, MOST_ROWS, classes=len(task.classes), seed=result.seed))
    predicted = as_predicted(task, _prediction(result, rows), rows)
    evaluate = evaluator(metric, predicted)
    counts = [np.ones(len(rows), dtype=np.float32), *samples(predicted, seed=result.seed)[:SAMPLES]]

    def losses(group: Mask | float, drawn: list[Floats]) -> Floats:
        return np.array([metric.loss(evaluate(each * group)) for each in drawn])

    overall = losses(1.0, counts)
    groups = [
        (name, group, losses(group, counts[:1])[0] - overall[0]) for name, group in _groups(result, features, rows)
    ]
    worst = sorted((each for each in groups if each[2] > 0), key=lambda each: -each[2])[:MOST_TESTED]
    found: list[tuple[float, Interval, Mask]] = []
    for name, group, gap in worst:
        inside = losses(group, counts)
        surely = gap - SURE * float(np.nanstd((inside - overall)[1:]))
        if surely > 0:
            half = 1.96 * float(np.nanstd(inside[1:]))
            low, high = sorted(metric.loss(inside[0] + sign * half) for sign in (-1, 1))
            found.append((surely, Interval(name, metric.loss(inside[0]), low, high, int(group.sum())), group))
    return _apart(sorted(found, key=lambda each: -each[0]))


def _apart(found: list[tuple[float, Interval, Mask]]) -> tuple[Interval, ...]:
    """Leave out groups that are nearly the same rows as a worse one."""
    kept: list[tuple[Interval, Mask]] = []
    for _, spot, group in found:
        if all((group & other).sum() < SAME * (group | other).sum() for _, other in kept) and len(kept) < MOST:
            kept.append((spot, group))
    return tuple(spot for spot, _ in kept)


def _prediction(result: Result, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Cross-fitted predictions of these rows, as they were kept."""
    places = np.searchsorted(result.folds.validated, rows)
    kept = result.predictions.iloc[places]
    if not result.task.classes:
        return kept["prediction"].to_numpy()
    return kept[[f"probability_{label}" for label in result.task.classes]].to_numpy()


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
    if values.dtype == object:
        for level in values.value_counts().index[:LEVELS]:
            yield f"{feature} = {shorten(level, 24)}", (values == level).to_numpy(dtype=bool)
        return
    numbers = as_numbers(values)
    present = np.unique(numbers[np.isfinite(numbers)])
    if len(present) <= PARTS + 1:
        for value in present:
            yield f"{feature} = {_written(feature, value, kind)}", numbers == value
        return
    edges = np.unique(np.nanquantile(numbers, np.linspace(0, 1, PARTS + 1)[1:-1], method="nearest"))
    shown = [_written(feature, edge, kind) for edge in edges]
    yield f"{feature} up to {shown[0]}", numbers <= edges[0]
    for (low, high), (above, up_to) in zip(pairwise(edges), pairwise(shown), strict=True):
        yield f"{feature} above {above} to {up_to}", (numbers > low) & (numbers <= high)
    yield f"{feature} above {shown[-1]}", numbers > edges[-1]


def _written(feature: str, value: float, kind: Kind) -> str:
    if kind == "date":
        return str(pd.Timestamp(0) + pd.Timedelta(seconds=value))[:10]
    if kind == "boolean":
        return "yes" if value else "no"
    return f"{value:.0f}" if are_years(feature, value, value) else number(value)
