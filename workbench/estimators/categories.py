"""Categories told as numbers: codes, and what the target was on average."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.preprocessing import OneHotEncoder

from .look import Look

Array = npt.NDArray[Any]


class CategoryCodes(BaseEstimator):
    """Give each level of a category column a whole number; a missing value is NaN.

    Codes go from frequent to rare. Levels seen fewer than `fewest` times share the last one, and so do levels never
    seen. (Codes in the order of the target's mean would let trees cut them better, and tell every rare level's answer.)
    """

    def __init__(self, fewest: int = 1) -> None:
        self.fewest = fewest

    def fit(self, frame: pd.DataFrame) -> CategoryCodes:
        """Learn the levels of each column."""
        self.levels_: dict[str, Array] = {}
        self.other_: dict[str, int] = {}
        for name in frame.columns:
            codes, levels = pd.factorize(frame[name])
            counts = np.bincount(codes[codes >= 0], minlength=len(levels))
            order = np.argsort(-counts, kind="stable")
            order = order[counts[order] >= self.fewest]
            self.levels_[str(name)] = np.array([str(levels[code]) for code in order], dtype=str)
            # The code of the rest is a level of its own only if training saw some; else the unseen are missing.
            self.other_[str(name)] = len(order) if len(order) < len(levels) else -1
        return self

    def transform(self, rows: pd.DataFrame | Look) -> Array:
        """Give the codes as floats, shape (n_rows, n_columns)."""
        look = Look.at(rows)
        coded = np.empty((len(look), len(look.columns)), order="F")  # it is written and read column by column
        for place, name in enumerate(look.columns):
            places, levels = look.levels(name)
            known, other = self._codes(name), np.nan if self.other_[name] < 0 else self.other_[name]
            # A gap is at place -1: the last.
            coded[:, place] = np.array([*(known.get(level, other) for level in levels), np.nan])[places]
        return coded

    def _codes(self, name: str) -> dict[str, int]:
        """Give the code of each level by its name; made once, for a row alone would wait for it."""
        made: dict[str, dict[str, int]] = self.__dict__.setdefault("_by_level", {})
        if name not in made:
            made[name] = {level: code for code, level in enumerate(self.levels_[name].tolist())}
        return made[name]

    def __getstate__(self) -> dict[str, Any]:
        """Keep what was learned."""
        return {name: value for name, value in self.__dict__.items() if name != "_by_level"}

    def sizes(self) -> list[int]:
        """How many codes each column has."""
        return [len(levels) + (self.other_[name] >= 0) for name, levels in self.levels_.items()]


class TargetMeans(BaseEstimator):
    """Replace codes by the mean of the target among training rows of that code, shrunk towards the overall mean.

    The rows it is fitted on get means that were learned without them, in `parts` parts: a row must not read its own
    target. scikit-learn's TargetEncoder does the same, but warns about rare classes and changed its arguments in 1.9.

    Parameters
    ----------
    strength
        A level seen this many times lies half way between its own mean and the overall one.
    """

    def __init__(self, strength: float = 10.0, parts: int = 5, seed: int = 0) -> None:
        self.strength = strength
        self.parts = parts
        self.seed = seed

    def fit_transform(self, codes: Array, targets: Array, weight: Array | None = None) -> Array:
        """Learn from `codes` (n_rows, n_columns) and `targets` (n_rows, n_targets); encode the same rows crosswise.

        With a `weight`, shape (n_rows,), one on average, a row counts as so many.
        """
        self.overall_ = np.average(targets, axis=0, weights=weight if weight is None or weight.any() else None)
        self.means_ = [self._means(column, targets, weight) for column in _whole(codes).T]
        part = np.random.default_rng(self.seed).integers(0, self.parts, len(codes))
        encoded = np.empty((len(codes), codes.shape[1] * targets.shape[1]))
        for number in range(self.parts):
            learned, told = part != number, part == number
            known = None if weight is None else weight[learned]
            means = [self._means(column, targets[learned], known) for column in _whole(codes[learned]).T]
            encoded[told] = self._encoded(codes[told], means)
        return encoded

    def transform(self, codes: Array) -> Array:
        """Encode other rows with what was learned from all training rows."""
        return self._encoded(codes, self.means_)

    def _means(self, codes: Array, targets: Array, weight: Array | None) -> Array:
        """Shrunk means, shape (n_codes + 1, n_targets); the first row is for missing values."""
        size = int(codes.max(initial=0)) + 1
        counts = np.bincount(codes, weights=weight, minlength=size)[:, None]
        weighed = targets if weight is None else targets * weight[:, None]
        sums = np.column_stack([np.bincount(codes, weights=target, minlength=size) for target in weighed.T])
        return np.asarray((sums + self.strength * self.overall_) / (counts + self.strength))

    def _encoded(self, codes: Array, means: list[Array]) -> Array:
        columns = []
        for column, known in zip(_whole(codes).T, means, strict=True):
            told = np.vstack([known, self.overall_])  # the last row is for what was never seen
            columns.append(told[np.minimum(column, len(known))])
        return np.hstack(columns)


def one_hot(encoder: OneHotEncoder, codes: Array) -> Any:
    """Give each code a column of its own as scikit-learn's encoder, fitted on such codes, does; sparse.

    For a row alone that encoder takes many times as long, to look at what it was given.
    """
    width, placed = one_hot_width(encoder), _placed(encoder, codes)
    there = placed < width
    ends = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
    return sparse.csr_matrix((np.ones(int(ends[-1])), placed[there], ends), shape=(len(codes), width))


def one_hot_dense(encoder: OneHotEncoder, codes: Array) -> Array:
    """Do the same as truth values, shape (n_rows, n_levels)."""
    width = one_hot_width(encoder)
    told = np.zeros((len(codes), width + 1), dtype=bool)
    np.put_along_axis(told, _placed(encoder, codes), values=True, axis=1)
    return told[:, :width]


def one_hot_width(encoder: OneHotEncoder) -> int:
    """Count the columns that codes get."""
    return sum(map(len, encoder.categories_))


def _placed(encoder: OneHotEncoder, codes: Array) -> Array:
    """Find each code's column, shape (n_rows, n_columns); beyond the last one for a code it was not fitted on."""
    known, whole = _whole(np.concatenate(encoder.categories_)), _whole(codes)
    source = np.repeat(np.arange(len(encoder.categories_)), list(map(len, encoder.categories_)))
    places = np.full((len(encoder.categories_), known.max() + 2), len(known))
    places[source, known] = np.arange(len(known))
    return np.asarray(places[np.arange(len(places)), np.minimum(whole, places.shape[1] - 1)])


class LevelCounts(BaseEstimator):
    """Replace codes by how often training saw them, as logarithms: rare is news, whatever the level."""

    def fit(self, codes: Array) -> LevelCounts:
        """Count the codes of each column, missing ones among them."""
        self.counts_ = [np.bincount(column).astype(np.float64) for column in _whole(codes).T]
        return self

    def transform(self, codes: Array) -> Array:
        """Give log(1 + count), shape (n_rows, n_columns); 0 for what training never saw."""
        told = np.empty(codes.shape)
        for place, (column, counts) in enumerate(zip(_whole(codes).T, self.counts_, strict=True)):
            told[:, place] = np.log1p(np.append(counts, 0.0))[np.minimum(column, len(counts))]
        return told


def _whole(codes: Array) -> Array:
    """Turn codes into whole numbers from 1 on; 0 is a gap."""
    return np.asarray((np.fmax(codes, -1.0) + 1.0).astype(np.int64))
