"""How far a prediction may be off: intervals of numbers and sets of classes that hold the truth as often as asked.

The method is split conformal prediction (Vovk, Gammerman and Shafer 2005) on out-of-fold errors, as in the
cross-validation intervals of Barber, Candès, Ramdas and Tibshirani (2021): the errors of rows that a fold's model had
not seen stand for the error of a row to come. Only quantiles of these errors are kept, in tables of `TAILS`, so that
every coverage can be asked for later. Where rows come in groups a row to come belongs to a new group, so each group
counts as one, and the quantiles are those of as many groups as there are (Lee, Barber and Willett 2023).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator

Array = npt.NDArray[Any]
TAILS = np.geomspace(0.5, 1e-4, 1_000)  # shares that may lie beyond a quantile; each is within 1 % of the next
BINS, ROWS_PER_BIN = 10, 50  # along the prediction: how large errors are is known no finer
LEAST_SCALE = 1e-3  # of the mean size of an error: a stretch of predictions that are all exact may yet be wrong once


def quantiles(scores: Array, share: Array, members: float) -> Array:
    """Give for each of `TAILS` the score that at most so large a share of new rows exceeds, shape (n_tails,).

    With n rows the quantile at 1 - tail is that at (1 - tail)(n + 1) / n of those known; infinite where n is too small.

    Parameters
    ----------
    scores : ndarray, shape (n_rows,)
    share : ndarray, shape (n_rows,)
        How much each row counts.
    members
        How many rows, or groups, there are.
    """
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(share[order])
    level = (1.0 - TAILS) * (1.0 + 1.0 / members)
    place = np.searchsorted(reached / reached[-1], level - 1e-12)
    return np.append(scores[order], np.inf)[np.where(level > 1.0 + 1e-12, len(scores), np.minimum(place, len(scores)))]


def tail_of(coverage: float, sides: int) -> int:
    """Find the place in `TAILS` of the largest share that may lie beyond each of so many sides."""
    most = 1.0 - sides * TAILS[-1]
    if not 0.0 < coverage <= most:
        raise ValueError(
            f"A coverage of {coverage:.6g} cannot be asked for: give a share such as 0.9, {most:g} at most"
        )
    return int(np.searchsorted(-TAILS, -(1.0 - coverage) / sides * (1.0 + 1e-9)))


def shares(rows: int, weight: Array | None, groups: Array | None) -> tuple[Array, float]:
    """Give how much each row counts, and as how many rows or groups they count: each group as one.

    Unequal weights are worth fewer rows than there are (Kish 1965).
    """
    share = np.ones(rows) if weight is None else np.asarray(weight, dtype=float)
    if groups is None:
        return share, float(share.sum() ** 2 / (share**2).sum())
    member = np.unique(groups, return_inverse=True)[1]
    total = np.bincount(member, weights=share)
    return share / np.where(total > 0, total, 1.0)[member], float(np.count_nonzero(total))


class PredictionIntervals(BaseEstimator):
    """Intervals round predicted numbers: wider where predictions of this size were further off.

    An error is measured in the size that errors have at that prediction (Lei and others 2018), and low and high ends
    have quantiles of their own, as a skewed target asks for: half of the misses lie on each side.

    Attributes
    ----------
    at_, scale_ : ndarray, shape (n_points,)
        The mean size of an error along the prediction; straight lines between.
    above_, below_ : ndarray, shape (n_tails,)
        Quantiles of the errors upwards and downwards, in that size.
    least_ : float
        What no end of an interval lies below: 0 for a target that was never negative, else minus infinity.
    """

    def fit(
        self, truth: Array, predicted: Array, weight: Array | None = None, groups: Array | None = None
    ) -> PredictionIntervals:
        """Learn from predictions of rows that the model had not seen, each of shape (n_rows,)."""
        share, members = shares(len(truth), weight, groups)
        errors = truth - predicted
        self.at_, self.scale_ = _sizes(predicted, np.abs(errors), share)
        relative = errors / self.scale(predicted)
        self.above_, self.below_ = (quantiles(side, share, members) for side in (relative, -relative))
        self.least_ = 0.0 if truth.min() >= 0 else -np.inf
        return self

    def scale(self, predicted: Array) -> Array:
        """Give the size that errors have at these predictions, shape (n_rows,)."""
        return np.asarray(np.interp(predicted, self.at_, self.scale_))

    def interval(self, predicted: Array, coverage: float) -> Array:
        """Give low and high ends, shape (n_rows, 2).

        Raises
        ------
        ValueError
            If the rows learned from are too few for this coverage.
        """
        place = tail_of(coverage, 2)
        above, below = self.above_[place], self.below_[place]
        if not np.isfinite([above, below]).all():
            raise ValueError(_too_few(coverage))
        scale = self.scale(predicted)
        ends = np.stack([predicted - below * scale, predicted + above * scale], axis=1)
        return np.asarray(np.maximum(ends, self.least_))


class PredictionSets(BaseEstimator):
    """Sets of classes: all those that are likely enough, each by a limit of its own.

    The promise is kept for the rows of each class by themselves, however rare it is: its limit is learned from its own
    rows (Vovk 2012, "Conditional validity of inductive conformal predictors"). Of all sets that keep it these are the
    smallest on average (Sadinle, Lei and Wasserman 2019); the likeliest class is always among them. A class of fewer
    than about 1 / (1 - coverage) rows cannot be promised it: its limit is that of all rows together.

    Attributes
    ----------
    limits_ : ndarray, shape (n_tails,)
        Quantiles of one minus the probability of the true class, of all rows.
    class_limits_ : ndarray, shape (n_classes, n_tails)
        Of the rows of each class; infinite where they are too few.
    """

    def fit(
        self, probability: Array, codes: Array, weight: Array | None = None, groups: Array | None = None
    ) -> PredictionSets:
        """Learn from probabilities, shape (n_rows, n_classes), of rows that the model had not seen, and their truth."""
        scores = 1.0 - probability[np.arange(len(codes)), codes]
        self.limits_ = _limits(scores, weight, groups)
        self.class_limits_ = np.full((probability.shape[1], len(TAILS)), np.inf)
        for code in np.unique(codes):
            own = codes == code
            part = (None if each is None else each[own] for each in (weight, groups))
            self.class_limits_[code] = _limits(scores[own], *part)
        return self

    def few(self, coverage: float) -> Array:
        """Tell which classes had too few rows to be promised this coverage by themselves, shape (n_classes,)."""
        return np.isinf(self.class_limits_[:, tail_of(coverage, 1)])

    def contains(self, probability: Array, coverage: float) -> Array:
        """Tell which classes are in each row's set, shape (n_rows, n_classes).

        Raises
        ------
        ValueError
            If the rows learned from are too few for this coverage.
        """
        place = tail_of(coverage, 1)
        if not np.isfinite(self.limits_[place]):
            raise ValueError(_too_few(coverage))
        likely = 1.0 - probability <= self._each(place)
        return np.asarray(likely | (probability == probability.max(axis=1, keepdims=True)))

    def _each(self, place: int) -> Array:
        """Give the limit of each class at a place in `TAILS`.

        Where a class has too few rows it is that of all rows, or the highest of its own if that is higher: who wants to
        be surer gets no less.
        """
        own, highest = self.class_limits_[:, place], np.where(np.isinf(self.class_limits_), 0.0, self.class_limits_)
        return np.where(np.isinf(own), np.maximum(self.limits_[place], highest.max(axis=1)), own)


def _limits(scores: Array, weight: Array | None, groups: Array | None) -> Array:
    """Give quantiles of scores, shape (n_tails,); infinite ones where no row counts."""
    if weight is not None and not weight.any():
        return np.full(len(TAILS), np.inf)
    return quantiles(scores, *shares(len(scores), weight, groups))


def _sizes(predicted: Array, errors: Array, share: Array) -> tuple[Array, Array]:
    """Average the size of errors in stretches of the prediction that hold equally many rows."""
    bins = int(np.clip(len(predicted) // ROWS_PER_BIN, 1, BINS))
    parts = np.array_split(np.argsort(predicted, kind="stable"), bins)
    counted = [part for part in parts if share[part].sum() > 0]
    at = np.array([np.average(predicted[part], weights=share[part]) for part in counted])
    size = np.array([np.average(errors[part], weights=share[part]) for part in counted])
    overall = float(np.average(errors, weights=share))
    return at, np.maximum(size, LEAST_SCALE * overall) if overall > 0 else np.ones(len(at))


def _too_few(coverage: float) -> str:
    return f"Too few rows were learned from to promise a coverage of {coverage:.4g}: ask for less"
