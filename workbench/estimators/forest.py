"""Forests: scikit-learn's trees, grown one by one under a clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor
from sklearn.tree._tree import Tree

Array = npt.NDArray[Any]
MANY_ROWS = 2_000  # from here on threads that predict are worth gathering
PREDICTING_THREADS = 2


class RandomTrees(BaseEstimator):
    """A forest: extremely randomised trees (Geurts, Ernst and Wehenkel 2006), or Breiman's of bootstrap samples (2001).

    scikit-learn's own forests cannot be stopped by a clock, and their workers set the interpreter's warning filters
    while others read them, so its single trees are averaged here. To the votes of the trees that of one more is added
    which knows only how common each class is: leaves of single rows would otherwise call things impossible.

    Parameters
    ----------
    settings : dict
        Arguments of scikit-learn's ExtraTree or DecisionTree.
    classes
        Number of classes; 0 for a regression.
    trees
        How many to grow.
    threads
        How many at a time.
    bootstrap
        Grow each tree, with the best cuts, on rows drawn with replacement; else with random cuts, on all rows.
    """

    def __init__(
        self,
        settings: dict[str, Any],
        classes: int = 0,
        trees: int = 100,
        threads: int = 1,
        seed: int = 0,
        bootstrap: bool = False,
    ) -> None:
        self.settings = settings
        self.classes = classes
        self.trees = trees
        self.threads = threads
        self.seed = seed
        self.bootstrap = bootstrap

    def fit(
        self,
        matrix: Array,
        target: Array,
        *,
        weight: Array | None = None,
        valid: Any = None,  # noqa: ARG002 - a forest does not overfit with more trees
        categorical: Sequence[int] = (),  # noqa: ARG002 - codes are cut as numbers
        out_of_time: Callable[[], bool] | None = None,
        shared: dict[str, Any] | None = None,  # noqa: ARG002 - it makes nothing others could share
    ) -> RandomTrees:
        """Grow the trees; when time is up, fewer of them."""
        rows = np.ascontiguousarray(matrix, dtype=np.float32)

        def grown(number: int) -> Any:
            if number and out_of_time is not None and out_of_time():
                return None
            return self._grown(number, rows, target, weight)

        if self.threads > 1:
            with ThreadPoolExecutor(self.threads) as hands:
                trees = list(hands.map(grown, range(self.trees)))
        else:
            trees = [grown(number) for number in range(self.trees)]
        # Threads may notice the end of time out of turn: only the first trees without a gap can be grown again.
        grown_trees = list(takewhile(lambda tree: tree is not None, trees))
        self.boosted_ = self.rounds_ = len(grown_trees)
        self.cut_ = self.rounds_ < self.trees
        if self.classes:
            self.known_ = grown_trees[0].classes_.astype(np.int64)
            counts = np.bincount(target, weights=weight, minlength=self.classes)
            self.shares_ = counts / counts.sum()
        self.packed_ = packed([tree.tree_ for tree in grown_trees])
        self._trees = unpacked(self.packed_)
        return self

    def _grown(self, number: int, rows: Array, target: Array, weight: Array | None) -> Any:
        """Grow one tree; what chance has in it depends on its number only."""
        seed = self.seed + 1000 * number
        if self.bootstrap:
            kind = DecisionTreeClassifier if self.classes else DecisionTreeRegressor
            drawn = np.random.default_rng(seed).integers(0, len(rows), len(rows))
            counts = np.bincount(drawn, minlength=len(rows)).astype(np.float64)
            weight = counts if weight is None else counts * weight
        else:
            kind = ExtraTreeClassifier if self.classes else ExtraTreeRegressor
        return kind(**self.settings, random_state=seed).fit(rows, target, sample_weight=weight)

    def settle(self, rounds: int) -> None:
        """Leave everything as it is: more trees never harm."""

    def predict(self, matrix: Array) -> Array:
        """Give class probabilities, shape (n_rows, classes), or values, shape (n_rows,)."""
        rows = np.ascontiguousarray(matrix, dtype=np.float32)
        shares = [self._trees[first::PREDICTING_THREADS] for first in range(min(PREDICTING_THREADS, len(self._trees)))]
        if len(rows) < MANY_ROWS:
            total = sum(self._total(trees, rows) for trees in shares)
        else:
            with ThreadPoolExecutor(PREDICTING_THREADS) as hands:
                total = sum(hands.map(lambda trees: self._total(trees, rows), shares))
        if not self.classes:
            return np.asarray(total / len(self._trees))
        votes = among_all_classes(np.asarray(total), self.known_, self.classes)
        return (votes + self.shares_) / (len(self._trees) + 1)

    def _total(self, trees: Sequence[Tree], rows: Array) -> Any:
        """Add up what some trees say."""
        total = sum(tree.predict(rows) for tree in trees)
        return total if self.classes else np.asarray(total)[:, 0]

    def __getstate__(self) -> dict[str, Any]:
        """Keep the trees as a few long arrays: thousands of small ones would take seconds to store."""
        return {name: value for name, value in self.__dict__.items() if name != "_trees"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if "packed_" in state:
            self._trees = unpacked(self.packed_)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_trees")


def packed(trees: Sequence[Tree]) -> dict[str, Array]:
    """Put the nodes of all trees one after the other, without what only growing needs; round values to float32."""
    states = [tree.__getstate__() for tree in trees]
    nodes = np.concatenate([state["nodes"] for state in states])
    values = np.concatenate([state["values"][:, 0, :] for state in states]).astype(np.float32)
    leaf = nodes["left_child"] < 0
    return {
        "sizes": np.array([state["node_count"] for state in states]),
        "depths": np.array([state["max_depth"] for state in states]),
        "features": np.array(trees[0].n_features),
        **{name: nodes[name].astype(np.int32) for name in ("left_child", "right_child", "feature")},
        **{name: nodes[name].copy() for name in ("threshold", "missing_go_to_left")},
        "values": values[leaf],
    }


def unpacked(arrays: dict[str, Array]) -> list[Tree]:
    """Make scikit-learn's trees again, whatever its version calls a node."""
    empty = DecisionTreeClassifier(random_state=0).fit([[0.0], [1.0]], [0, 1]).tree_.__getstate__()["nodes"].dtype
    nodes = np.zeros(len(arrays["feature"]), dtype=empty)
    for name in ("left_child", "right_child", "feature", "threshold", "missing_go_to_left"):
        nodes[name] = arrays[name]
    values = np.zeros((len(nodes), 1, arrays["values"].shape[1]))
    values[nodes["left_child"] < 0, 0] = arrays["values"]
    ends = np.cumsum(arrays["sizes"])
    return [
        _tree(nodes[end - size : end], values[end - size : end], int(depth), int(arrays["features"]))
        for end, size, depth in zip(ends, arrays["sizes"], arrays["depths"], strict=True)
    ]


def _tree(nodes: Array, values: Array, depth: int, features: int) -> Tree:
    tree = Tree(features, np.array([values.shape[2]], dtype=np.intp), 1)
    tree.__setstate__({"max_depth": depth, "node_count": len(nodes), "nodes": nodes.copy(), "values": values.copy()})
    return tree


def among_all_classes(probabilities: Array, known: Array, classes: int) -> Array:
    """Spread probabilities of the classes a model knows over all there are; an unknown class gets zero."""
    if len(known) == classes:
        return probabilities
    spread = np.zeros((len(probabilities), classes))
    spread[:, known.astype(int)] = probabilities
    return spread
