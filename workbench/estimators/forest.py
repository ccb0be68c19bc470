"""Extremely randomised trees by scikit-learn, grown step by step under a clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

Array = npt.NDArray[Any]
STEP = 20  # trees grown between two looks at the clock


class RandomTrees(BaseEstimator):
    """An ExtraTrees forest (Geurts, Ernst and Wehenkel 2006).

    Parameters
    ----------
    settings : dict
        Arguments of scikit-learn's ExtraTrees.
    classes
        Number of classes; 0 for a regression.
    trees
        How many to grow.
    """

    def __init__(self, settings: dict[str, Any], classes: int = 0, trees: int = 100, threads: int = 1) -> None:
        self.settings = settings
        self.classes = classes
        self.trees = trees
        self.threads = threads

    def fit(
        self,
        matrix: Array,
        target: Array,
        *,
        weight: Array | None = None,
        valid: Any = None,  # noqa: ARG002 - a forest does not overfit with more trees
        categorical: Sequence[int] = (),  # noqa: ARG002 - codes are ordered by the target, so they are cut as numbers
        out_of_time: Callable[[], bool] | None = None,
        shared: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> RandomTrees:
        """Grow the trees; when time is up, fewer of them."""
        kind = ExtraTreesClassifier if self.classes else ExtraTreesRegressor
        forest = kind(n_estimators=0, warm_start=True, n_jobs=self.threads, **self.settings)
        self.cut_ = False
        while forest.n_estimators < self.trees and not self.cut_:
            forest.n_estimators = min(self.trees, forest.n_estimators + STEP)
            forest.fit(matrix, target, sample_weight=weight)
            self.cut_ = out_of_time is not None and out_of_time() and forest.n_estimators < self.trees
        self.rounds_ = forest.n_estimators
        # Threads add up trees in any order, which changes the last digit from one call to the next.
        self.forest_ = forest.set_params(warm_start=False, n_jobs=None)
        return self

    def predict(self, matrix: Array) -> Array:
        """Give class probabilities, shape (n_rows, classes), or values, shape (n_rows,)."""
        if not len(matrix):
            return np.empty((0, self.classes) if self.classes else 0)
        if not self.classes:
            return np.asarray(self.forest_.predict(matrix))
        return among_all_classes(self.forest_.predict_proba(matrix), self.forest_.classes_, self.classes)


def among_all_classes(probabilities: Array, known: Array, classes: int) -> Array:
    """Spread probabilities of the classes a model knows over all there are; an unknown class gets zero."""
    if len(known) == classes:
        return probabilities
    spread = np.zeros((len(probabilities), classes))
    spread[:, known.astype(int)] = probabilities
    return spread
