"""A paired test of two experiments: by what was predicted of the same rows, none of which their models had seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from workbench.automl.problem.intervals import values
from workbench.automl.problem.splits import Folds
from workbench.documents.outbox import PROBABILITY
from workbench.experiment import Experiment
from workbench.metrics import METRICS, Predicted, measure, paired
from workbench.records import Score

ROUNDING = 1e-12  # of a score: it is summed up from thousands of rows, each to about 1e-16


@dataclass(frozen=True, slots=True)
class Gain:
    """How much better the best of a group is on the same rows, with the 95 % interval of a paired bootstrap.

    The bootstrap draws fewer rows than there are, as for the interval of a score: folds learn from the same rows.
    """

    value: float
    low: float
    high: float
    rows: int

    @property
    def tied(self) -> bool:
        """Whether the difference may be chance: its interval holds zero, or there is none."""
        return not self.low > 0

    def as_score(self) -> Score:
        """Give it in the form in which numbers with an interval are written."""
        ends = (None, None) if math.isnan(self.low) or math.isnan(self.high) else (self.low, self.high)
        return Score("", self.value, *ends)


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """What was predicted out of fold, and as how large a share of the rows it counts."""

    predicted: Predicted
    share: float


def out_of_fold(experiment: Experiment, metric: str) -> OutOfFold | None:
    """Read the out-of-fold predictions as a metric takes them, in order of row.

    None when they were not kept, or do not give the score (it was weighted, say): a test of them would be of another
    quantity than the one that is ranked.
    """
    kept, task = experiment.predictions(), experiment.task()
    if kept is None or metric not in METRICS:
        return None
    predicted = _columns(kept.sort_values("row", kind="stable"), task.get("classes") or [])
    measured, stated = measure(METRICS[metric], predicted), experiment.scores()[metric].value
    same = math.isclose(measured, stated, rel_tol=1e-6, abs_tol=1e-9 * min(1.0, float(np.ptp(predicted.truth))))
    return OutOfFold(predicted, independent_share(kept, task)) if same else None


def independent_share(kept: pd.DataFrame, task: dict[str, Any]) -> float:
    """As how large a share of the rows the predictions count, found from the folds as when their score was judged."""
    if "fold" not in kept:
        return 1.0
    validated, kind = kept["fold"].to_numpy(), task.get("folds", {}).get("kind", "random")
    never = max(task.get("rows", 0) - len(kept), 0)
    fold = np.concatenate([validated, np.full(never, -1)])
    pairs = (
        (fold < number_ if kind == "time" else fold != number_, fold == number_) for number_ in np.unique(validated)
    )
    places = ((np.flatnonzero(train), np.flatnonzero(valid)) for train, valid in pairs)
    # A fold that has all rows was learned for elsewhere: it shares none with another.
    return Folds(tuple(pair for pair in places if len(pair[0])), kind, len(fold)).independent


def _columns(kept: pd.DataFrame, classes: Sequence[Any]) -> Predicted:
    weight, group = (kept[name].to_numpy() if name in kept else None for name in ("weight", "group"))
    # Labels as numbers: comparing them as texts, sample after sample, takes half of a paired test's time.
    truth, prediction = (
        pd.Categorical(kept[name], categories=list(classes)).codes.astype(int)
        if classes
        else kept[name].to_numpy(float)
        for name in ("truth", "prediction")
    )
    return Predicted(
        truth,
        prediction,
        kept[[f"{PROBABILITY}{label}" for label in classes]].to_numpy(float) if classes else None,
        range(len(classes)),
        weight,
        group,
    )


def tester(metric: str, best: Experiment) -> Callable[[Experiment], Gain | None]:
    """Prepare the test of the best of a group against the others: what it does on a sample is measured once for all.

    The test gives None where what was kept of either does not give the score it stands with.
    """
    own = out_of_fold(best, metric)
    prepared = None if own is None else paired(METRICS[metric], own.predicted, values=values)

    def test(experiment: Experiment) -> Gain | None:
        other = None if own is None else out_of_fold(experiment, metric)
        if own is None or other is None or prepared is None:
            return None
        against, groups = prepared, other.predicted.groups
        if own.predicted.groups is None and groups is not None:  # rows that either knows to belong together do
            against = paired(METRICS[metric], replace(own.predicted, groups=groups), values=values)
        gain = against(other.predicted, min(own.share, other.share))
        value, low, high = (_without_rounding(each, best.scores()[metric].value) for each in gain)
        return Gain(value, low, high, rows=len(own.predicted.truth))

    return test


def _without_rounding(gain: float, score: float) -> float:
    """Give a difference that is nothing but rounding as nothing: scores of a tiny unit differ by tiny numbers, too."""
    return 0.0 if abs(gain) < ROUNDING * abs(score) else gain
