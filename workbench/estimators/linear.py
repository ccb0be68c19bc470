"""Regularised linear models by scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge

from .forest import among_all_classes
from .link import probabilities_of

Array = npt.NDArray[Any]
STEPS = 20  # of a round: short enough for the clock, long enough for L-BFGS, which learns curvature anew each round


class LinearModel(BaseEstimator):
    """Logistic regression, or ridge regression whose predictions stay near what was seen in training.

    Parameters
    ----------
    penalty
        Strength of the L2 penalty, relative to the number of rows.
    classes
        Number of classes; 0 for a regression.
    rounds
        Most rounds of twenty steps towards the best coefficients of a logistic regression; it ends when they are found.

    Attributes
    ----------
    rounds_, boosted_ : int
        Rounds made; for a regression those it was allowed, which limit its solver and so its digits.
    cut_ : bool
        Whether the clock ended it.
    """

    def __init__(self, penalty: float = 1e-3, classes: int = 0, rounds: int = 10) -> None:
        self.penalty = penalty
        self.classes = classes
        self.rounds = rounds

    def fit(
        self,
        matrix: Any,
        target: Array,
        *,
        weight: Array | None = None,
        valid: Any = None,  # noqa: ARG002 - nothing to stop early
        categorical: Sequence[int] = (),  # noqa: ARG002 - its encoder leaves no codes
        out_of_time: Callable[[], bool] | None = None,
        shared: dict[str, Any] | None = None,  # noqa: ARG002 - it makes nothing others could share
    ) -> LinearModel:
        """Fit the coefficients; the clock is asked after each round."""
        strength = self.penalty * len(target)
        self.cut_, self.rounds_ = False, 1
        # To stop before the end is what rounds are; families fit it one fold at a time, for filters are everyone's.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            if self.classes:
                self._fit_in_rounds(matrix, target, weight, strength, out_of_time)
            else:
                self.rounds_ = self.rounds
                self.linear_ = Ridge(alpha=strength, max_iter=STEPS * self.rounds)
                self.linear_.fit(matrix, target, sample_weight=weight)
                margin = 0.1 * (target.max() - target.min())
                low = target.min() - margin
                self.low_ = float(low if target.min() < 0 else max(low, 0.0))  # a price is never negative
                self.high_ = float(target.max() + margin)
        self.boosted_ = self.rounds_
        return self

    def _fit_in_rounds(
        self,
        matrix: Any,
        target: Array,
        weight: Array | None,
        strength: float,
        out_of_time: Callable[[], bool] | None,
    ) -> None:
        """Go on from the last coefficients until they are found, the rounds are over, or time is up."""
        self.linear_ = LogisticRegression(C=1.0 / strength, max_iter=STEPS, tol=1e-4, warm_start=True)
        for made in range(1, self.rounds + 1):
            self.linear_.fit(matrix, target, sample_weight=weight)
            self.rounds_ = made
            if int(np.max(self.linear_.n_iter_)) < STEPS or made == self.rounds:
                return
            if out_of_time is not None and out_of_time():
                self.cut_ = True
                return

    def settle(self, rounds: int) -> None:
        """Leave everything as it is: there are no rounds."""

    def predict(self, matrix: Any) -> Array:
        """Give class probabilities, shape (n_rows, classes), or values, shape (n_rows,)."""
        # As scikit-learn's own methods do, which check so much that a row alone waits ten times as long.
        scores = matrix @ self.linear_.coef_.T + self.linear_.intercept_
        if not self.classes:
            return np.minimum(np.maximum(scores, self.low_), self.high_)
        told = probabilities_of(scores[:, 0] if scores.shape[1] == 1 else scores)
        return among_all_classes(told, self.linear_.classes_, self.classes)
