"""Metrics, intervals and paired tests: pure functions of arrays."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from sklearn import metrics as sk

from workbench.errors import UnknownName
from workbench.records import Score, TaskKind

Array = npt.NDArray[Any]
CLASSIFICATION: tuple[TaskKind, ...] = ("binary", "multiclass")
REGRESSION: tuple[TaskKind, ...] = ("regression",)
AUTO: dict[TaskKind, str] = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}
REPEATS = 40, 500  # bootstrap samples: of the most, the 2.5 % quantile rests on a dozen
WORK = 2_000_000  # rows times samples: what a laptop does in less than a tenth of a second for a metric made fast
FEWEST = 20  # samples that have a value: with fewer there is no interval
TELLING = 5.0  # the variance of the hits in a group, from which on their share is read as a number
ENOUGH = 200  # samples for a percentile interval; with fewer, the spread of the samples tells it better


@dataclass(frozen=True, slots=True)
class Metric:
    """A named metric: what it needs (probabilities, or predicted labels and values) and which way is better."""

    name: str
    higher_is_better: bool
    tasks: tuple[TaskKind, ...]
    needs: Literal["probability", "prediction"]
    function: Callable[[Array, Array, Sequence[Any], Array | None], float]

    def loss(self, value: float) -> float:
        """Turn a value of this metric so that smaller is better."""
        return -value if self.higher_is_better else value


@dataclass(frozen=True, slots=True)
class Predicted:
    """What a model said of the rows whose truth is known.

    Attributes
    ----------
    truth, prediction : ndarray, shape (n_rows,)
        Labels of a class, or numbers.
    probability : ndarray, shape (n_rows, n_classes), or None
        Columns in the order of `classes`; in a binary task the last class is the positive one.
    groups : ndarray, shape (n_rows,), or None
        Rows of one group are drawn together in a bootstrap, for they are not independent.
    """

    truth: Array
    prediction: Array
    probability: Array | None = None
    classes: Sequence[Any] = ()
    weight: Array | None = None
    groups: Array | None = None

    def take(self, rows: Array) -> Predicted:
        """Select some of the rows."""
        return Predicted(
            self.truth[rows],
            self.prediction[rows],
            None if self.probability is None else self.probability[rows],
            self.classes,
            None if self.weight is None else self.weight[rows],
            None if self.groups is None else self.groups[rows],
        )


Values = Callable[[Metric, Predicted, list[Array]], Array]  # over each of some samples, shape (n_samples,)


def _one_hot(truth: Array, classes: Sequence[Any]) -> Array:
    return (truth[:, None] == np.asarray(classes)[None, :]).astype(float)


def _roc_auc(truth: Array, probability: Array, classes: Sequence[Any], weight: Array | None) -> float:
    hits = _one_hot(truth, classes)
    columns = range(len(classes)) if len(classes) > 2 else [len(classes) - 1]
    seen = [column for column in columns if 0 < hits[:, column].sum() < len(truth)]
    if not seen:
        return float("nan")
    return float(np.mean([_area(hits[:, c], probability[:, c], weight) for c in seen]))


def _area(hits: Array, probability: Array, weight: Array | None) -> float:
    if weight is not None:
        return float(sk.roc_auc_score(hits, probability, sample_weight=weight))
    # By ranks (Mann and Whitney 1947): the same number in a quarter of the time; a paired test asks for 1,000.
    ranks, positive = rankdata(probability), hits.sum()
    area = ranks[hits > 0].sum() - positive * (positive + 1) / 2
    return float(area / (positive * (len(hits) - positive)))


def _average_precision(truth: Array, probability: Array, classes: Sequence[Any], weight: Array | None) -> float:
    hits = _one_hot(truth, classes)
    columns = range(len(classes)) if len(classes) > 2 else [len(classes) - 1]
    seen = [column for column in columns if hits[:, column].any()]
    if not seen:
        return float("nan")
    values = [sk.average_precision_score(hits[:, c], probability[:, c], sample_weight=weight) for c in seen]
    return float(np.mean(values))


def _log_loss(truth: Array, probability: Array, classes: Sequence[Any], weight: Array | None) -> float:
    clipped = np.clip(probability, 1e-15, 1.0)
    clipped = clipped / clipped.sum(axis=1, keepdims=True)
    surprise = -np.log((clipped * _one_hot(truth, classes)).sum(axis=1).clip(1e-15))
    return float(np.average(surprise, weights=weight))


def _brier(truth: Array, probability: Array, classes: Sequence[Any], weight: Array | None) -> float:
    squares = ((probability - _one_hot(truth, classes)) ** 2).sum(axis=1)
    return float(np.average(squares / (2 if len(classes) == 2 else 1), weights=weight))


def _f1(truth: Array, prediction: Array, classes: Sequence[Any], weight: Array | None) -> float:
    if len(classes) == 2:
        hit, said = truth == classes[1], prediction == classes[1]
        return float(sk.f1_score(hit, said, sample_weight=weight, zero_division=0.0))
    codes = {label: code for code, label in enumerate(classes)}
    true, said = ([codes[label] for label in labels] for labels in (truth, prediction))
    return float(sk.f1_score(true, said, average="macro", sample_weight=weight, zero_division=0.0))


def _accuracy(truth: Array, prediction: Array, _: Sequence[Any], weight: Array | None) -> float:
    return float(np.average(truth == prediction, weights=weight))


def _balanced_accuracy(truth: Array, prediction: Array, classes: Sequence[Any], weight: Array | None) -> float:
    weight = np.ones(len(truth)) if weight is None else weight
    rows = [truth == label for label in classes]
    recalls = [np.average(prediction[r] == truth[r], weights=weight[r]) for r in rows if weight[r].sum() > 0]
    return float(np.mean(recalls))


def _rmse(truth: Array, prediction: Array, _: Sequence[Any], weight: Array | None) -> float:
    errors = truth - prediction
    unit = power_of_two(errors)
    return float(unit * np.sqrt(np.average((errors / unit) ** 2, weights=weight)))


def _mae(truth: Array, prediction: Array, _: Sequence[Any], weight: Array | None) -> float:
    return float(np.average(np.abs(truth - prediction), weights=weight))


def _mape(truth: Array, prediction: Array, _: Sequence[Any], weight: Array | None) -> float:
    return float(sk.mean_absolute_percentage_error(truth, prediction, sample_weight=weight))


def _r2(truth: Array, prediction: Array, _: Sequence[Any], weight: Array | None) -> float:
    unit = power_of_two(truth)
    return float(sk.r2_score(truth / unit, prediction / unit, sample_weight=weight))


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("roc_auc", True, CLASSIFICATION, "probability", _roc_auc),
        Metric("log_loss", False, CLASSIFICATION, "probability", _log_loss),
        Metric("average_precision", True, CLASSIFICATION, "probability", _average_precision),
        Metric("brier", False, CLASSIFICATION, "probability", _brier),
        Metric("f1", True, CLASSIFICATION, "prediction", _f1),
        Metric("accuracy", True, CLASSIFICATION, "prediction", _accuracy),
        Metric("balanced_accuracy", True, CLASSIFICATION, "prediction", _balanced_accuracy),
        Metric("rmse", False, REGRESSION, "prediction", _rmse),
        Metric("mae", False, REGRESSION, "prediction", _mae),
        Metric("mape", False, REGRESSION, "prediction", _mape),
        Metric("r2", True, REGRESSION, "prediction", _r2),
    )
}
ALIASES = {
    "neg_log_loss": "log_loss",
    "neg_brier_score": "brier",
    "neg_root_mean_squared_error": "rmse",
    "neg_mean_absolute_error": "mae",
    "neg_mean_absolute_percentage_error": "mape",
}


def resolve(name: str, task: TaskKind) -> Metric:
    """Find the metric a user named; ``auto`` is the task's own.

    Raises
    ------
    UnknownName
        If no metric of that name fits the task.
    """
    name = AUTO[task] if name == "auto" else ALIASES.get(name, name)
    fitting = [metric.name for metric in METRICS.values() if task in metric.tasks]
    if name not in fitting:
        raise UnknownName(f"{task} metric", name, ["auto", *fitting])
    return METRICS[name]


def measure(metric: Metric, predicted: Predicted) -> float:
    """Compute one metric over all rows."""
    p = predicted
    if metric.needs == "probability":
        if p.probability is None:
            return float("nan")
        return metric.function(p.truth, p.probability, p.classes, p.weight)
    return metric.function(p.truth, p.prediction, p.classes, p.weight)


def samples(predicted: Predicted, *, seed: int, share: float = 1.0) -> list[Array]:
    """Draw bootstrap samples: how often each row is drawn in each; rows of a group are drawn together.

    Fewer samples are drawn of large tables, where the interval is narrow and a sample takes long.

    Parameters
    ----------
    share
        How many rows are drawn, relative to how many there are. Predictions of folds that learned from the same rows
        count as fewer than they are (see `workbench.automl.problem.splits.Folds.independent`).
    """
    rows = len(predicted.truth)
    repeats = int(np.clip(WORK / max(rows, 1), *REPEATS))
    return list(_counts(rows, predicted.groups, np.random.default_rng(seed), repeats, share))


def _counts(
    rows: int, groups: Array | None, random: np.random.Generator, repeats: int, share: float
) -> Iterator[Array]:
    member = np.arange(rows) if groups is None else np.unique(np.asarray(groups).astype(str), return_inverse=True)[1]
    members = int(member.max(initial=-1)) + 1
    size = max(2, round(share * members))
    for _ in range(repeats):
        drawn = np.bincount(random.integers(0, members, size), minlength=members)
        yield drawn[member].astype(np.float32)


def score(metric: Metric, predicted: Predicted, drawn: Array | None = None, *, optimism: float | None = None) -> Score:
    """Measure a metric, with the 95 % interval of its values over bootstrap samples (Efron 1979).

    Parameters
    ----------
    drawn : ndarray, shape (n_samples,), optional
        The metric over each of the `samples`; by default they are drawn as of rows that are independent.
    """
    if drawn is None:
        drawn = over_samples(metric, predicted, samples(predicted, seed=0))
    value = measure(metric, predicted)
    low, high = interval(value, drawn)
    return Score(metric.name, value, low, high, optimism, metric.higher_is_better, len(predicted.truth))


def paired_difference(
    metric: Metric, one: Predicted, other: Predicted, *, seed: int = 0, share: float = 1.0
) -> tuple[float, float, float]:
    """How much better `one` is than `other` on the same rows: gain, and its 95 % paired-bootstrap interval.

    Positive means that `one` is better, whichever way the metric points. `share` is that of `samples`.
    """
    return paired(metric, one, seed=seed)(other, share)


def over_samples(metric: Metric, predicted: Predicted, drawn: list[Array]) -> Array:
    """Measure a metric over each of the `samples`, shape (n_samples,): by its definition, row by row."""
    return np.array([measure(metric, predicted.take(rows_of(counts))) for counts in drawn])


def paired(
    metric: Metric, one: Predicted, *, seed: int = 0, values: Values = over_samples
) -> Callable[[Predicted, float], tuple[float, float, float]]:
    """Prepare `paired_difference` of one and several others, given with a `share`: `one` is measured only once.

    `values` measures a metric over samples; `workbench.automl.problem.intervals` has one that takes a fraction of the
    time.
    """

    def losses(predicted: Predicted, drawn: list[Array]) -> Array:
        return np.array([metric.loss(value) for value in values(metric, predicted, drawn)])

    @functools.cache
    def known(share: float) -> tuple[list[Array], Array]:
        drawn = samples(one, seed=seed, share=share)
        return drawn, losses(one, drawn)

    def against(other: Predicted, share: float) -> tuple[float, float, float]:
        drawn, own = known(share)
        value = metric.loss(measure(metric, other)) - metric.loss(measure(metric, one))
        low, high = interval(value, losses(other, drawn) - own)
        return value, float("nan") if low is None else low, float("nan") if high is None else high

    return against


@dataclass(frozen=True, slots=True)
class Reliability:
    """What was promised of rows, and what happened, in groups of about as many rows, the least probable first.

    Attributes
    ----------
    promised, happened, rows : ndarray, shape (n_groups,)
        The mean probability, the share that came true, and the number of rows.
    error : float
        The expected calibration error: how far the two are apart, on average over rows.
    by_chance : float
        How large that error would be on average were every probability right.
    """

    promised: Array
    happened: Array
    rows: Array
    error: float
    by_chance: float


def reliability(hit: Array, probability: Array, *, weight: Array | None = None, groups: int = 10) -> Reliability:
    """Compare probabilities with what happened (Naeini, Cooper and Hauskrecht 2015), in groups of like probability.

    Each group tells about as much: its p (1 - p) add up to the same. With equally many rows in each, one group would
    hold all that is said of a rare class.

    Parameters
    ----------
    hit : ndarray of bool, shape (n_rows,)
        Whether what was predicted with this probability came true.
    groups
        At most so many, and fewer where a group would tell too little, which takes twenty rows at the least; equal
        probabilities stay together.
    """
    weight = np.ones(len(hit)) if weight is None else weight
    told = probability * (1.0 - probability) + 1e-9  # what is certain must be somewhere, too
    order = np.argsort(probability, kind="stable")
    reached = (np.cumsum(told[order]) - told[order] / 2) / told.sum()
    parts = int(np.clip(told.sum() // TELLING, 2, groups))
    cuts = np.interp(np.linspace(0, 1, parts + 1)[1:-1], reached, probability[order])
    member = np.searchsorted(np.unique(cuts), probability, side="right")
    mass = np.bincount(member, weights=weight)
    kept = mass > 0
    rows = np.bincount(member)[kept]
    promised, happened = (
        np.bincount(member, weights=weight * each)[kept] / mass[kept] for each in (probability, hit.astype(float))
    )
    share = mass[kept] / mass.sum()
    # The mean size of a normal deviation is sqrt(2 / pi) of its standard error.
    chance = np.sqrt(2 / np.pi * np.clip(promised * (1 - promised), 0, None) / rows)
    return Reliability(promised, happened, rows, float(share @ np.abs(promised - happened)), float(share @ chance))


def power_of_two(values: Array) -> float:
    """Find a unit in which values can be squared: the power of two next below the largest size; 1 where there is none.

    Squares of 1e155 overflow, and those of 1e-170 vanish. To divide by a power of two costs no digit.

    Examples
    --------
    >>> power_of_two(np.array([-5.0, 3.0])), power_of_two(np.array([0.0]))
    (4.0, 1.0)
    """
    largest = float(np.abs(values).max(initial=0.0))
    return math.ldexp(1.0, math.frexp(largest)[1] - 1) if 0 < largest < math.inf else 1.0


def deviation(values: Array, *, ddof: int = 0) -> float:
    """Give the standard deviation of the finite values, however large or small they are; NaN where there are too few.

    Examples
    --------
    >>> deviation(np.array([1e200, 3e200, np.nan])), deviation(np.array([1.0]), ddof=1)
    (1e+200, nan)
    """
    known = values[np.isfinite(values)]
    unit = power_of_two(known)
    return unit * float((known / unit).std(ddof=ddof)) if len(known) > ddof else math.nan


def rows_of(counts: Array) -> Array:
    """Give the row numbers of a sample, each as often as it was drawn."""
    return np.repeat(np.arange(len(counts)), counts.astype(int))


def interval(value: float, drawn: Array) -> tuple[float | None, float | None]:
    """Give the 95 % interval of what was measured as `value`, from its values over bootstrap samples."""
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) < FEWEST or not np.isfinite(value):
        return None, None
    if len(drawn) >= ENOUGH:
        low, high = np.quantile(drawn, [0.025, 0.975])
        return float(low), float(high)
    half = 1.96 * deviation(drawn, ddof=1)
    return value - half, value + half
