"""Sums, differences, products and ratios of number columns: what trees can only build in many small steps."""

from __future__ import annotations

from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from sklearn.base import BaseEstimator

from .numbers import tamed
from .residuals import binned, share_explained, worth_keeping

Array = npt.NDArray[Any]
ALIKE = 0.95  # rank correlation from which two features say the same


class Arithmetic(BaseEstimator):
    """Add, subtract, multiply and divide pairs of number columns, and keep what explains most of what trees leave over.

    Parameters
    ----------
    columns
        Most columns to pair: those whose bins tell most of the target.
    most
        Most features to keep.
    least
        How many rows' worth of the residuals' variance a feature must explain to be kept, so that chance finds little.

    Attributes
    ----------
    signs_ : list of str
        One of + - * / for each feature.
    left_, right_ : ndarray of int, shape (n_features,)
        The columns that stand on each side of it.
    """

    def __init__(self, columns: int = 20, most: int = 20, least: float = 5.0) -> None:
        self.columns = columns
        self.most = most
        self.least = least

    def fit(self, numbers: Array, targets: Array, left: Array, half: Array) -> Arithmetic:
        """Choose features.

        Parameters
        ----------
        numbers : ndarray, shape (n_rows, n_columns)
        targets, left : ndarray, shape (n_rows, n_targets)
            The targets, and what trees left unexplained of them.
        half : ndarray of int, shape (n_rows,)
            0 or 1: what is learned on one half is judged on the other.
        """
        known = tamed(numbers)
        pairs = combinations(_most_telling(known, targets, half, self.columns), 2)
        candidates = [candidate for one, other in pairs for candidate in _of(one, other)]
        chosen = self._choose(known, candidates, left, half)
        self.signs_ = [sign for sign, _, _ in chosen]
        self.left_ = np.array([one for _, one, _ in chosen], dtype=np.int64)
        self.right_ = np.array([other for _, _, other in chosen], dtype=np.int64)
        return self

    def transform(self, numbers: Array) -> Array:
        """Compute the chosen features, shape (n_rows, n_features); a gap or a division by 0 gives a gap."""
        known, signs = tamed(numbers), np.array(self.signs_)
        told = np.empty((len(known), len(signs)))
        for sign in dict.fromkeys(self.signs_):
            places = np.flatnonzero(signs == sign)
            one, other = known.take(self.left_[places], axis=1), known.take(self.right_[places], axis=1)
            told[:, places] = _computed(sign, one, other)
        return told

    def _choose(
        self, known: Array, candidates: list[tuple[str, int, int]], left: Array, half: Array
    ) -> list[tuple[str, int, int]]:
        chosen: list[tuple[str, int, int]] = []
        ranks: list[Array] = []
        for sign, one, other in worth_keeping(candidates, partial(_cells, known), left, half, self.least):
            if len(chosen) == self.most:
                break
            rank = _ranks(_computed(sign, known[:, one], known[:, other]))
            if all(abs(rank @ earlier) < ALIKE for earlier in ranks):
                chosen.append((sign, one, other))
                ranks.append(rank)
        return chosen


def _of(one: int, other: int) -> list[tuple[str, int, int]]:
    return [("+", one, other), ("-", one, other), ("*", one, other), ("/", one, other), ("/", other, one)]


def _most_telling(known: Array, targets: Array, half: Array, most: int) -> list[int]:
    """Find the columns of more than two values whose bins tell most of the target, in their order."""
    spread = targets - targets.mean(axis=0)
    columns = [place for place, column in enumerate(known.T) if len(np.unique(column[~np.isnan(column)])) > 2]
    shares = [share_explained(binned(known[:, place])[0], spread, half) for place in columns]
    return sorted(columns[place] for place in np.argsort(-np.array(shares), kind="stable")[:most])


def _cells(known: Array, candidate: tuple[str, int, int]) -> Array | None:
    sign, one, other = candidate
    values = _computed(sign, known[:, one], known[:, other])
    return None if np.isnan(values).mean() > 0.5 else binned(values)[0]


def _computed(sign: str, one: Array, other: Array) -> Array:
    if sign == "/":
        return tamed(np.divide(one, other, out=np.full(one.shape, np.nan), where=(other != 0) & ~np.isnan(other)))
    return tamed(one + other if sign == "+" else one - other if sign == "-" else one * other)


def _ranks(values: Array) -> Array:
    """Ranks as a vector of length 1 around 0, so that a product of two is Spearman's correlation."""
    ranks = rankdata(np.where(np.isnan(values), -np.inf, values))
    ranks -= ranks.mean()
    return ranks / max(float(np.linalg.norm(ranks)), 1e-300)
