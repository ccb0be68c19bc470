"""The training rows most like a row tell what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.neighbors import NearestNeighbors

Array = npt.NDArray[Any]
STEP = 2.0**-12  # of the grid that numbers are rounded to: a table's scaled columns are about one wide
FARTHEST = 16.0  # from zero; scaled numbers end long before
AT_A_TIME = 4_000_000  # distances
FEW_ROWS = 8  # up to here one thread is quick enough
SOME_ROWS = 64  # from here on scikit-learn's search, which never holds all distances, is the quicker one


class NearestRows(BaseEstimator):
    """Nearest neighbours by Euclidean distance, for a matrix of scaled numbers without gaps.

    All numbers are rounded to a grid so fine that nothing is lost, and so coarse that sums of squared differences are
    exact whatever the order they are added in. So a row has the same neighbours alone as among others, and by any
    number of threads, which scikit-learn's neighbours do not promise where distances are equal.

    Parameters
    ----------
    neighbours
        How many to ask.
    weights
        ``distance``: the nearer, the more a neighbour counts; or ``uniform``.
    classes
        Number of classes; 0 for a regression.
    """

    def __init__(
        self, neighbours: int = 5, weights: Literal["distance", "uniform"] = "distance", classes: int = 0
    ) -> None:
        self.neighbours = neighbours
        self.weights = weights
        self.classes = classes

    def fit(
        self,
        matrix: Array,
        target: Array,
        *,
        weight: Array | None = None,
        valid: Any = None,  # noqa: ARG002 - nothing to stop early
        categorical: Sequence[int] = (),  # noqa: ARG002 - its encoder leaves no codes
        out_of_time: Callable[[], bool] | None = None,  # noqa: ARG002 - rows are only kept
        shared: dict[str, Any] | None = None,  # noqa: ARG002 - it makes nothing others could share
    ) -> NearestRows:
        """Keep the rows, but for those of no weight."""
        self.boosted_, self.rounds_, self.cut_ = 1, 1, False
        known = np.ones(len(target)) if weight is None else np.asarray(weight, dtype=np.float64)
        counted = known > 0
        self.rows_ = _on_grid(matrix[counted]).astype(np.float32)  # exact: the grid has fewer digits
        self.target_ = np.asarray(target)[counted]
        self.weight_ = known[counted] / known[counted].mean()
        shares = np.bincount(self.target_, weights=self.weight_, minlength=self.classes) if self.classes else None
        self.shares_ = None if shares is None else shares / shares.sum()
        self._make_ready()
        return self

    def _make_ready(self) -> None:
        """Reckon what is the same for every row that is asked for."""
        self._rows = self.rows_.astype(np.float64)
        self._squares = (self._rows**2).sum(axis=1)

    def settle(self, rounds: int) -> None:
        """Leave everything as it is: there are no rounds."""

    def predict(self, matrix: Array) -> Array:
        """Give class probabilities, shape (n_rows, classes), or values, shape (n_rows,).

        To the neighbours' votes that of one more is added, which knows only how common each class is: no class is
        impossible because a few neighbours are of another.
        """
        told = [self._told(near, weight) for near, weight in self._nearest(_on_grid(matrix))]
        return np.concatenate([np.empty((0, *([self.classes] if self.classes else []))), *told])

    def _told(self, near: Array, weight: Array) -> Array:
        """Average the neighbours' targets; both arrays are of shape (n_rows, n_neighbours)."""
        target, total = self.target_[near], weight.sum(axis=1)
        if not self.classes:
            return (weight * target).sum(axis=1) / total
        places = target + self.classes * np.arange(len(near))[:, None]
        votes = np.bincount(places.ravel(), weights=weight.ravel(), minlength=len(near) * self.classes)
        asked = near.shape[1]
        return np.asarray((asked * votes.reshape(-1, self.classes) / total[:, None] + self.shares_) / (asked + 1))

    def _nearest(self, matrix: Array) -> Iterator[tuple[Array, Array]]:
        """Find the neighbours of some rows at a time, and how much each counts; they are in the order of their rows."""
        search = self._some if len(matrix) >= SOME_ROWS and self.neighbours < len(self._rows) else self._few
        for near, squared in search(matrix):
            order, each = np.argsort(near, axis=1), np.arange(len(near))[:, None]
            near, distance = near[each, order], np.sqrt(squared[each, order])
            counts = np.ones_like(distance) if self.weights == "uniform" else 1.0 / (distance + STEP)
            yield near, counts * self.weight_[near]

    def _few(self, matrix: Array) -> Iterator[tuple[Array, Array]]:
        """Find the neighbours among all distances, and their squared ones."""
        rows = self._rows
        asked = min(self.neighbours, len(rows))
        size = max(1, AT_A_TIME // len(rows))
        for first in range(0, len(matrix), size):
            some = matrix[first : first + size]
            # A product of matrices would wait for BLAS's other threads: of a row alone 16 ms on a busy machine.
            products = np.einsum("ij,kj->ik", some, rows) if len(some) <= FEW_ROWS else some @ rows.T
            squared = (some**2).sum(axis=1)[:, None] - 2.0 * products + self._squares
            near = np.argpartition(squared, asked - 1, axis=1)[:, :asked]
            yield near, squared[np.arange(len(near))[:, None], near]

    def _some(self, matrix: Array) -> Iterator[tuple[Array, Array]]:
        """Find them by scikit-learn's search, and again where the last is as far as the next: those it draws by lot."""
        search = NearestNeighbors(n_neighbors=self.neighbours + 1, algorithm="brute", metric="sqeuclidean")
        squared, near = search.fit(self._rows).kneighbors(matrix)
        again = np.flatnonzero(squared[:, -2] == squared[:, -1])
        near, squared = near[:, :-1], squared[:, :-1]
        found = list(self._few(matrix[again]))
        if found:
            near[again], squared[again] = (np.concatenate(part) for part in zip(*found, strict=True))
        yield near, squared

    def __getstate__(self) -> dict[str, Any]:
        """Keep what was learned."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_rows", "_squares")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if "rows_" in state:
            self._make_ready()


def _on_grid(matrix: Array) -> Array:
    """Round to the grid, shape (n_rows, n_features)."""
    return np.asarray(np.rint(np.clip(matrix, -FARTHEST, FARTHEST) / STEP) * STEP, dtype=np.float64)
