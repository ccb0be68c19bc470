"""Pairs of columns told by what the target was, on average, where the two came together."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator

from .categories import TargetMeans
from .residuals import bin_of, binned, share_explained, worth_keeping

Array = npt.NDArray[Any]
WIDTH = 2**31  # more than any column has codes


class Bins(BaseEstimator):
    """Turn number columns into few whole numbers: the values themselves where they are few, else sixteen quantiles."""

    def fit(self, numbers: Array) -> Bins:
        """Learn the edges."""
        self.edges_ = [binned(column)[1] for column in numbers.T]
        return self

    def transform(self, numbers: Array) -> Array:
        """Give the bins, from 1 on, shape (n_rows, n_columns); 0 for a gap."""
        columns = [bin_of(column, edges) for column, edges in zip(numbers.T, self.edges_, strict=True)]
        return np.column_stack([np.empty((len(numbers), 0), dtype=np.int64), *columns])


class Crosses(BaseEstimator):
    """Find pairs of columns that tell together what trees could not make of each, and tell their target means.

    Parameters
    ----------
    columns
        Most columns to pair: those that tell most of the target by themselves.
    most
        Most pairs to keep.
    least
        How many rows' worth of the residuals' variance a pair must explain to be kept, so that chance finds little.

    Attributes
    ----------
    pairs_ : list of list of int
        The columns of each pair.
    """

    def __init__(self, columns: int = 30, most: int = 10, least: float = 5.0, seed: int = 0) -> None:
        self.columns = columns
        self.most = most
        self.least = least
        self.seed = seed

    def choose(self, codes: Array, targets: Array, left: Array, half: Array) -> Crosses:
        """Choose pairs by a sample of rows.

        Parameters
        ----------
        codes : ndarray of int, shape (n_rows, n_columns)
            Not negative.
        targets, left : ndarray, shape (n_rows, n_targets)
            The targets, and what trees left unexplained of them.
        half : ndarray of int, shape (n_rows,)
            0 or 1: what is learned on one half is judged on the other.
        """
        spread = targets - targets.mean(axis=0)
        alone = np.array([share_explained(column, spread, half) for column in codes.T])
        columns = sorted(np.argsort(-alone, kind="stable")[: self.columns].tolist())
        pairs = list(combinations(columns, 2))
        kept = worth_keeping(pairs, lambda pair: _dense(_cells(codes, pair))[1], left, half, self.least)
        self.pairs_ = [list(pair) for pair in kept[: self.most]]
        return self

    def fit_transform(self, codes: Array, targets: Array, weight: Array | None = None) -> Array:
        """Learn the means of the chosen pairs from all training rows; no row is told its own target."""
        found = [_dense(_cells(codes, pair)) for pair in self.pairs_]
        self.cells_ = [cells for cells, _ in found]
        self.means_ = TargetMeans(seed=self.seed)
        return self.means_.fit_transform(_columns(len(codes), [places for _, places in found]), targets, weight)

    def transform(self, codes: Array) -> Array:
        """Give the means, shape (n_rows, n_pairs * n_targets); the overall one where training saw no such pair."""
        places = [_place(_cells(codes, pair), cells) for pair, cells in zip(self.pairs_, self.cells_, strict=True)]
        return self.means_.transform(_columns(len(codes), places))


def _cells(codes: Array, pair: tuple[int, int] | list[int]) -> Array:
    return codes[:, pair[0]].astype(np.int64) * WIDTH + codes[:, pair[1]]


def _dense(cells: Array) -> tuple[Array, Array]:
    distinct, places = np.unique(cells, return_inverse=True)
    return distinct, places


def _place(cells: Array, known: Array) -> Array:
    places = np.searchsorted(known, cells).clip(max=len(known) - 1)
    return np.where(known[places] == cells, places, np.nan)


def _columns(rows: int, columns: list[Array]) -> Array:
    return np.column_stack([np.empty((rows, 0)), *columns])
