"""A split or weights that leave the metric without a value, refused before a search is spent on it."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from workbench.automl.problem.intervals import evaluator
from workbench.automl.problem.splits import Array, Folds
from workbench.errors import BadColumn
from workbench.metrics import Metric, Predicted, measure
from workbench.pages.words import listing

if TYPE_CHECKING:
    from workbench.automl.task import Task


def refuse_unmeasured(task: Task, folds: Folds) -> None:
    """Refuse the group, time or weight that leaves no row of a class to measure on where the metric needs one.

    Raises
    ------
    BadColumn
        Naming the column that is the cause.
    """
    rows = folds.validated
    right = _all_right(task, rows)
    if task.weight is not None and not (task.weight[rows] > 0).any():
        problem = "weighs all rows zero that models are measured on"
        raise BadColumn(task.schema.named("weight")[0], problem, "Leave `weight` out, or split another way.")
    if _has_value(task.metric, right):
        return
    if task.weight is not None and _has_value(task.metric, replace(right, weight=None)):
        role = "weight"
    else:
        role = "group" if task.times is None else "time"
    counted = rows if task.weight is None else rows[task.weight[rows] > 0]
    absent = [repr(label) for label in task.classes if label not in task.truth[counted].tolist()]
    problem = f"leaves no row of {listing(absent)} to measure models on, so {task.metric.name} has no value"
    column = task.schema.named(role)[0]  # type: ignore[arg-type] # one of the roles above
    raise BadColumn(column, problem, f"Choose metric=log_loss, or leave `{role}` out.")


def _all_right(task: Task, rows: Array) -> Predicted:
    """Predict every one of these rows right."""
    truth = task.truth[rows]
    probability = np.eye(len(task.classes))[task.codes[rows]] if task.classes else None
    weight = None if task.weight is None else task.weight[rows]
    return Predicted(truth, truth, probability, task.classes, weight)


def _has_value(metric: Metric, predicted: Predicted) -> bool:
    if not predicted.classes:
        return True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of what is found out here
        values = measure(metric, predicted), evaluator(metric, predicted)(np.ones(len(predicted.truth)))
    return bool(np.isfinite(values).all())
