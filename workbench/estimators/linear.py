"""Regularised linear models by scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression, Ridge

from .forest import among_all_classes

Array = npt.NDArray[Any]


class LinearModel(BaseEstimator):
    """Logistic regression, or ridge regression whose predictions stay near what was seen in training.

    Parameters
    ----------
    penalty
        Strength of the L2 penalty, relative to the number of rows.
    classes
        Number of classes; 0 for a regression.
    """

    def __init__(self, penalty: float = 1e-3, classes: int = 0, steps: int = 200) -> None:
        self.penalty = penalty
        self.classes = classes
        self.steps = steps

    def fit(
        self,
        matrix: Any,
        target: Array,
        *,
        weight: Array | None = None,
        valid: Any = None,  # noqa: ARG002 - nothing to stop early
        categorical: Sequence[int] = (),  # noqa: ARG002 - its encoder leaves no codes
        out_of_time: Callable[[], bool] | None = None,  # noqa: ARG002 - one short fit
        shared: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> LinearModel:
        """Fit the coefficients."""
        strength = self.penalty * len(target)
        self.cut_ = False
        self.rounds_ = self.boosted_ = 1
        if self.classes:
            self.linear_ = LogisticRegression(C=1.0 / strength, max_iter=self.steps, tol=1e-4)
        else:
            self.linear_ = Ridge(alpha=strength)
            margin = 0.1 * (target.max() - target.min())
            self.low_, self.high_ = float(target.min() - margin), float(target.max() + margin)
        self.linear_.fit(matrix, target, sample_weight=weight)
        return self

    def settle(self, rounds: int) -> None:
        """Leave everything as it is: there are no rounds."""

    def predict(self, matrix: Any) -> Array:
        """Give class probabilities, shape (n_rows, classes), or values, shape (n_rows,)."""
        if not self.classes:
            return np.clip(self.linear_.predict(matrix), self.low_, self.high_)
        return among_all_classes(self.linear_.predict_proba(matrix), self.linear_.classes_, self.classes)
