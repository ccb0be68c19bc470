"""Permutation importance on held-out rows: what the score loses when a column is shuffled (Breiman 2001)."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import numpy as np
import pandas as pd

from workbench.automl.explaining.held_out import MOST_CELLS, ROWS_PER_SECOND, HeldOut, held_out, repeated
from workbench.automl.finders.sample import skills
from workbench.automl.problem.intervals import evaluator, samples
from workbench.automl.problem.splits import Array
from workbench.automl.result import Result
from workbench.automl.task import Task
from workbench.metrics import deviation

LEAST_ROWS, MOST_ROWS = 200, 2_000
MOST_TURNS = 5
SECONDS_WITHOUT_CLOCK = 1.0  # a search that reads no clock is explained as if it had so long
SAMPLES = 60  # bootstrap samples: enough for a spread
COLUMNS = ["feature", "importance", "low", "high"]


def importances(result: Result, seconds: float | None, pace: float = ROWS_PER_SECOND) -> pd.DataFrame:
    """Measure how much the score suffers when the values of a column are shuffled among held-out rows.

    Every column is shuffled once, and again while there is time.

    Parameters
    ----------
    seconds
        Time to spend; with little of it, fewer rows are used, and then fewer columns. None reads no clock.
    pace
        Rows that are predicted in a second.

    Returns
    -------
    DataFrame
        feature, importance, low, high (95 %), the most important first. The unit is the metric's, and positive means
        that the column helps. Columns there was no time for are missing.
    """
    ends = float("inf") if seconds is None else time.monotonic() + seconds
    affordable = pace * (SECONDS_WITHOUT_CLOCK if seconds is None else seconds)
    rows = held_out(result, int(np.clip(affordable / len(result.task.features), LEAST_ROWS, MOST_ROWS)))
    features, costs = promising(result.task), dict[str, list[Array]]()
    for turn in range(1 if seconds is None else MOST_TURNS):
        began = time.monotonic()
        for some in _batches(features, rows, affordable):
            if costs and time.monotonic() > ends:
                break
            for name, cost in _costs(rows, some, seed=result.seed + turn):
                costs.setdefault(name, []).append(cost)
        if 2 * time.monotonic() - began > ends:  # another turn would take as long as this one
            break
    measured = [(name, *_interval(np.array(cost))) for name, cost in costs.items()]
    table = pd.DataFrame(measured, columns=COLUMNS)
    return table.sort_values("importance", ascending=False, kind="stable").reset_index(drop=True)


def promising(task: Task) -> list[str]:
    """Order the columns by what each tells of the target by itself, the best first."""
    told = skills(task)
    return sorted(told, key=lambda name: -told[name][0])


def _batches(features: list[str], rows: HeldOut, affordable: float) -> Iterator[list[str]]:
    """Columns whose shuffled copies are predicted at once: many, for a call is dear; not all, for time may run out."""
    most = min(MOST_CELLS / len(features), affordable / 2)
    size = max(1, int(most / len(rows.places)) - 1)
    return (features[start : start + size] for start in range(0, len(features), size))


def _costs(rows: HeldOut, features: list[str], *, seed: int) -> list[tuple[str, Array]]:
    """Measure what shuffling each of some columns costs, over all rows, and over each bootstrap sample of them."""
    size, copies = len(rows.places), 1 + len(features)
    columns, random = repeated(rows.columns, copies), np.random.default_rng(seed)
    for place, name in enumerate(features, start=1):
        columns[name][place * size : (place + 1) * size] = rows.columns[name][_shuffled(rows.fold, random)]
    predicted = np.split(rows.predict(columns, copies), copies)
    drawn = samples(rows.predicted(predicted[0]), seed=rows.result.seed)[:SAMPLES]
    counts = [rows.weight, *(each * rows.weight for each in drawn)]
    losses = [_losses(rows, each, counts) for each in predicted]
    return [(name, loss - losses[0]) for name, loss in zip(features, losses[1:], strict=True)]


def _shuffled(fold: Array, random: np.random.Generator) -> Array:
    """Exchange rows with others of their fold, whose models are the same."""
    order = np.arange(len(fold))
    for number in np.unique(fold):
        rows = np.flatnonzero(fold == number)
        order[rows] = random.permutation(rows)
    return order


def _losses(rows: HeldOut, prediction: Array, counts: list[Array]) -> Array:
    """Give the loss over all rows, and over each bootstrap sample."""
    metric = rows.result.task.metric
    evaluate = evaluator(metric, rows.predicted(prediction))
    return np.array([metric.loss(evaluate(drawn)) for drawn in counts])


def _interval(costs: Array) -> tuple[float, float, float]:
    """Cost and 95 % interval from one cost per shuffle (rows) and bootstrap sample (columns; the first: all rows)."""
    cost, drawn = float(costs[:, 0].mean()), deviation(costs[:, 1:].mean(axis=0))
    shuffled = deviation(costs[:, 0], ddof=1) / len(costs) ** 0.5 if len(costs) > 1 else 0.0
    half = 1.96 * math.hypot(drawn, shuffled)
    return cost, cost - half, cost + half
