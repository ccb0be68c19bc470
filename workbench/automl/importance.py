"""Permutation importance on held-out rows: what the score loses when a column is shuffled (Breiman 2001)."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.automl.finders.sample import draw, skill
from workbench.automl.held_out import HeldOut, held_out, repeated, seconds_per_row
from workbench.automl.intervals import evaluator, samples
from workbench.automl.result import Result
from workbench.automl.splits import Array
from workbench.automl.task import Task

LEAST_ROWS, MOST_ROWS = 200, 2_000
MOST_REPEATS = 5
SAMPLES = 60  # bootstrap samples: enough for a spread
BATCH = 20_000  # rows that are predicted at once
WITHOUT_CLOCK = 60_000  # predictions of a search that reads no clock
COLUMNS = ["feature", "importance", "low", "high"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Which columns are shuffled, on how many rows, how often."""

    features: list[str]
    rows: int
    repeats: int


def importances(result: Result, seconds: float | None) -> pd.DataFrame:
    """Measure how much the score suffers when the values of a column are shuffled among held-out rows.

    Parameters
    ----------
    seconds
        Time to spend; with little of it, fewer rows and columns are measured. None reads no clock.

    Returns
    -------
    DataFrame
        feature, importance, low, high (95 %), the most important first. The unit is the metric's, and positive means
        that the column helps. Columns there was no time for are missing.
    """
    ends = None if seconds is None else time.monotonic() + seconds
    rows = held_out(result, MOST_ROWS)
    budget = WITHOUT_CLOCK if seconds is None else seconds / max(seconds_per_row(rows), 1e-9)
    plan = planned(result.task, budget, len(rows.places))
    rows = rows.first(plan.rows)
    measured: list[tuple[str, float, float, float]] = []
    shuffled = max(1, BATCH // (plan.rows * plan.repeats))
    for start in range(0, len(plan.features), shuffled):
        if measured and ends is not None and time.monotonic() > ends:
            break
        measured += _measure(rows, plan.features[start : start + shuffled], plan.repeats)
    table = pd.DataFrame(measured, columns=COLUMNS)
    return table.sort_values("importance", ascending=False, kind="stable").reset_index(drop=True)


def planned(task: Task, budget: float, rows: int) -> Plan:
    """Plan for a number of predictions: all columns on few rows before few columns on many."""
    each = budget / len(task.features)
    used = int(np.clip(each, min(LEAST_ROWS, rows), rows))
    features = task.features
    if each < used:
        features = promising(task)[: max(1, int(budget / used))]
    return Plan(features, used, int(np.clip(each / used, 1, MOST_REPEATS)))


def promising(task: Task) -> list[str]:
    """Order the columns by what each tells of the target by itself, the best first."""
    sample = draw(task)
    told = {n: skill(sample.bins(n), sample.target, classes=len(task.classes))[0] for n in task.features}
    return sorted(told, key=lambda name: -told[name])


def _measure(rows: HeldOut, features: list[str], repeats: int) -> list[tuple[str, float, float, float]]:
    """Shuffle each of some columns, predict all of it at once, and compare with the columns as they are."""
    size, copies = len(rows.places), 1 + len(features) * repeats
    columns = repeated(rows.columns, copies)
    random = np.random.default_rng(rows.result.seed)
    for place, name in enumerate(np.repeat(features, repeats).tolist(), start=1):
        columns[name][place * size : (place + 1) * size] = rows.columns[name][_shuffled(rows.fold, random)]
    predicted = np.split(rows.predict(columns, copies), copies)
    counts = [np.ones(size, dtype=np.float32), *samples(rows.predicted(predicted[0]), seed=rows.result.seed)[:SAMPLES]]
    losses = np.array([_losses(rows, each, counts) for each in predicted])
    costs = np.split(losses[1:] - losses[0], len(features))
    return [(name, *_interval(cost)) for name, cost in zip(features, costs, strict=True)]


def _shuffled(fold: Array, random: np.random.Generator) -> Array:
    """Exchange rows with others of their fold, whose models are the same."""
    order = np.arange(len(fold))
    for number in np.unique(fold):
        rows = np.flatnonzero(fold == number)
        order[rows] = random.permutation(rows)
    return order


def _losses(rows: HeldOut, prediction: Array, counts: list[Array]) -> Array:
    """Give the loss of all rows, and of each bootstrap sample."""
    metric = rows.result.task.metric
    evaluate = evaluator(metric, rows.predicted(prediction))
    return np.array([metric.loss(evaluate(drawn)) for drawn in counts])


def _interval(costs: Array) -> tuple[float, float, float]:
    """Cost and 95 % interval from one cost per shuffle (rows) and bootstrap sample (columns; the first: all rows)."""
    cost = float(costs[:, 0].mean())
    drawn = costs[:, 1:].mean(axis=0)
    variance = float(np.nanvar(drawn)) + (float(costs[:, 0].var(ddof=1)) / len(costs) if len(costs) > 1 else 0.0)
    return cost, cost - 1.96 * variance**0.5, cost + 1.96 * variance**0.5
