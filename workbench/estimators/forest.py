"""Forests: scikit-learn's trees, grown one by one under a clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial, reduce
from itertools import takewhile
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor
from sklearn.tree._tree import Tree

Array = npt.NDArray[Any]
MANY_ROWS = 2_000  # from here on threads that predict are worth gathering
PREDICTING_THREADS = 2
FEW_ROWS = 8  # up to here rows are repeated for each tree, so that all of them are asked by one call


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
        for made in ("_trees", "_tree"):
            self.__dict__.pop(made, None)
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
        if len(matrix) <= FEW_ROWS:
            totals = self._totals_at_once(matrix)
        else:
            rows = np.ascontiguousarray(matrix, dtype=np.float32)
            parts = [self._trees[first::PREDICTING_THREADS] for first in self._firsts()]
            if len(rows) < MANY_ROWS:
                totals = [_total(part, rows) for part in parts]
            else:
                with ThreadPoolExecutor(PREDICTING_THREADS) as hands:
                    totals = list(hands.map(partial(_total, rows=rows), parts))
        total, trees = reduce(add, totals), len(self.packed_["sizes"])
        if not self.classes:
            return np.asarray(total[:, 0] / trees)
        return (among_all_classes(total, self.known_, self.classes) + self.shares_) / (trees + 1)

    def _totals_at_once(self, matrix: Array) -> list[Array]:
        """Add up what the trees say that each thread would ask; a call takes as long as a row in dozens of trees."""
        trees = len(self.packed_["sizes"])
        rows = np.empty((trees, len(matrix), 1 + matrix.shape[1]), dtype=np.float32)
        rows[:, :, 0] = np.arange(trees)[:, None]
        rows[:, :, 1:] = matrix
        said = np.asarray(self._tree.predict(rows.reshape(-1, rows.shape[2]))).reshape(trees, len(matrix), -1)
        # Not `sum`, which adds up a single number of each tree in another order.
        return [np.add.accumulate(said[first::PREDICTING_THREADS], axis=0)[-1] for first in self._firsts()]

    def _firsts(self) -> range:
        """Give the first tree that each thread asks."""
        return range(min(PREDICTING_THREADS, len(self.packed_["sizes"])))

    @cached_property
    def _trees(self) -> list[Tree]:
        """The trees, for many rows; made when they are first asked."""
        return unpacked(self.packed_)

    @cached_property
    def _tree(self) -> Tree:
        """All trees as one, for few rows."""
        return joined(self.packed_)

    def __getstate__(self) -> dict[str, Any]:
        """Keep the trees as a few long arrays: thousands of small ones would take seconds to store."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_trees", "_tree")}

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "packed_")


def _total(trees: Sequence[Tree], rows: Array) -> Array:
    """Add up what some trees say, one after the other, shape (n_rows, n_outputs)."""
    return np.asarray(reduce(add, (tree.predict(rows) for tree in trees)))


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
    """Make scikit-learn's trees again."""
    nodes, values = _nodes(arrays)
    ends = np.cumsum(arrays["sizes"])
    return [
        _tree(nodes[end - size : end], values[end - size : end], int(depth), int(arrays["features"]))
        for end, size, depth in zip(ends, arrays["sizes"], arrays["depths"], strict=True)
    ]


def joined(arrays: dict[str, Array]) -> Tree:
    """Make one tree of all: the first number of a row is that of the tree to whose root it is led.

    Asked of a row repeated for each tree, it answers for all of them.
    """
    nodes, values = _nodes(arrays)
    sizes, inner = arrays["sizes"], nodes["left_child"] >= 0
    ways = np.zeros(len(sizes) - 1, dtype=nodes.dtype)
    roots = len(ways) + np.cumsum(sizes) - sizes
    moved = np.repeat(roots, sizes)[inner]
    for name in ("left_child", "right_child"):
        nodes[name][inner] += moved
    nodes["feature"] += 1
    _lead(ways, roots, iter(range(len(ways))))
    depth = int(arrays["depths"].max()) + len(ways)
    values = np.concatenate([np.zeros((len(ways), *values.shape[1:])), values])
    return _tree(np.concatenate([ways, nodes]), values, depth, int(arrays["features"]) + 1)


def _lead(nodes: Array, roots: Array, free: Iterator[int], first: int = 0) -> int:
    """Lead rows by halves to the roots of their trees, of which the first has that number; give where that begins."""
    if len(roots) == 1:
        return int(roots[0])
    node, half = next(free), len(roots) // 2
    nodes["threshold"][node] = first + half - 0.5
    nodes["left_child"][node] = _lead(nodes, roots[:half], free, first)
    nodes["right_child"][node] = _lead(nodes, roots[half:], free, first + half)
    return node


def _nodes(arrays: dict[str, Array]) -> tuple[Array, Array]:
    """Make all nodes again, whatever scikit-learn's version calls a node, and their values."""
    empty = DecisionTreeClassifier(random_state=0).fit([[0.0], [1.0]], [0, 1]).tree_.__getstate__()["nodes"].dtype
    nodes = np.zeros(len(arrays["feature"]), dtype=empty)
    for name in ("left_child", "right_child", "feature", "threshold", "missing_go_to_left"):
        nodes[name] = arrays[name]
    values = np.zeros((len(nodes), 1, arrays["values"].shape[1]))
    values[nodes["left_child"] < 0, 0] = arrays["values"]
    return nodes, values


def _tree(nodes: Array, values: Array, depth: int, features: int) -> Tree:
    tree = Tree(features, np.array([values.shape[2]], dtype=np.intp), 1)
    tree.__setstate__({"max_depth": depth, "node_count": len(nodes), "nodes": nodes, "values": values})
    return tree


def among_all_classes(probabilities: Array, known: Array, classes: int) -> Array:
    """Spread probabilities of the classes a model knows over all there are; an unknown class gets zero."""
    if len(known) == classes:
        return probabilities
    spread = np.zeros((len(probabilities), classes))
    spread[:, known.astype(int)] = probabilities
    return spread
