"""Extremely randomised trees: scikit-learn's trees, grown one by one under a clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.tree import ExtraTreeClassifier, ExtraTreeRegressor

Array = npt.NDArray[Any]


class RandomTrees(BaseEstimator):
    """A forest of extremely randomised trees (Geurts, Ernst and Wehenkel 2006).

    scikit-learn's own ExtraTrees cannot be stopped by a clock, and its workers set the interpreter's warning filters
    while others read them, so its single trees are averaged here.

    Parameters
    ----------
    settings : dict
        Arguments of scikit-learn's ExtraTree.
    classes
        Number of classes; 0 for a regression.
    trees
        How many to grow.
    threads
        How many at a time.
    """

    def __init__(
        self, settings: dict[str, Any], classes: int = 0, trees: int = 100, threads: int = 1, seed: int = 0
    ) -> None:
        self.settings = settings
        self.classes = classes
        self.trees = trees
        self.threads = threads
        self.seed = seed

    def fit(
        self,
        matrix: Array,
        target: Array,
        *,
        weight: Array | None = None,
        valid: Any = None,  # noqa: ARG002 - a forest does not overfit with more trees
        categorical: Sequence[int] = (),  # noqa: ARG002 - codes are cut as numbers
        out_of_time: Callable[[], bool] | None = None,
        shared: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> RandomTrees:
        """Grow the trees; when time is up, fewer of them."""
        rows = np.ascontiguousarray(matrix, dtype=np.float32)

        def grown(number: int) -> Any:
            if number and out_of_time is not None and out_of_time():
                return None
            kind = ExtraTreeClassifier if self.classes else ExtraTreeRegressor
            tree = kind(**self.settings, random_state=self.seed + 1000 * number)
            return tree.fit(rows, target, sample_weight=weight)

        if self.threads > 1:
            with ThreadPoolExecutor(self.threads) as hands:
                trees = list(hands.map(grown, range(self.trees)))
        else:
            trees = [grown(number) for number in range(self.trees)]
        # Threads may notice the end of time out of turn: only the first trees without a gap can be grown again.
        self.trees_ = list(takewhile(lambda tree: tree is not None, trees))
        self.rounds_ = self.boosted_ = len(self.trees_)
        self.cut_ = self.rounds_ < self.trees
        return self

    def settle(self, rounds: int) -> None:
        """Leave everything as it is: more trees never harm."""

    def predict(self, matrix: Array) -> Array:
        """Give class probabilities, shape (n_rows, classes), or values, shape (n_rows,)."""
        rows = np.ascontiguousarray(matrix, dtype=np.float32)
        if not self.classes:
            return np.asarray(sum(tree.predict(rows, check_input=False) for tree in self.trees_) / len(self.trees_))
        total = sum(tree.predict_proba(rows, check_input=False) for tree in self.trees_)
        return among_all_classes(np.asarray(total / len(self.trees_)), self.trees_[0].classes_, self.classes)


def among_all_classes(probabilities: Array, known: Array, classes: int) -> Array:
    """Spread probabilities of the classes a model knows over all there are; an unknown class gets zero."""
    if len(known) == classes:
        return probabilities
    spread = np.zeros((len(probabilities), classes))
    spread[:, known.astype(int)] = probabilities
    return spread
