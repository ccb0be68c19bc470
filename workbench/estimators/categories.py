"""Categories told as numbers: codes, and what the target was on average."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator

from .look import FEW, Look
from .sparse_row import SparseRow

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
        if len(look) <= FEW:  # which need not be sorted by value
            columns = [(*self._codes(name), look.column(name).tolist()) for name in look.columns]
            told = [[_code(known, other, value) for value in values] for known, other, values in columns]
            return np.array(told, dtype=np.float64).reshape(len(columns), len(look)).T
        coded = np.empty((len(look), len(look.columns)), order="F")  # it is written and read column by column
        for place, name in enumerate(look.columns):
            (known, other), (places, levels) = self._codes(name), look.levels(name)
            # A gap is at place -1: the last.
            coded[:, place] = np.array([*(known.get(level, other) for level in levels), np.nan])[places]
        return coded

    def _codes(self, name: str) -> tuple[dict[Any, float], float]:
        """Give the code of each level by its name, and that of all others; made once, for a row alone would wait."""
        made: dict[str, tuple[dict[Any, float], float]] = self.__dict__.setdefault("_by_level", {})
        if name not in made:
            known: dict[Any, float] = {level: float(code) for code, level in enumerate(self.levels_[name].tolist())}
            known[None] = np.nan
            made[name] = known, np.nan if self.other_[name] < 0 else float(self.other_[name])
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
        self.means_, self.places_ = self._means(codes, targets, weight)
        part = np.random.default_rng(self.seed).integers(0, self.parts, len(codes))
        encoded = np.empty((len(codes), codes.shape[1] * targets.shape[1]))
        for number in range(self.parts):
            learned, told = part != number, part == number
            known = None if weight is None else weight[learned]
            encoded[told] = _looked_up(codes[told], *self._means(codes[learned], targets[learned], known))
        return encoded

    def transform(self, codes: Array) -> Array:
        """Encode other rows with what was learned from all training rows."""
        return _looked_up(codes, self.means_, self.places_)

    def _means(self, codes: Array, targets: Array, weight: Array | None) -> tuple[Array, Array]:
        """Shrunk means of each column's codes, its last row for what was never seen; and where they stand."""
        return _stacked([np.vstack([self._of(column, targets, weight), self.overall_]) for column in _whole(codes).T])

    def _of(self, codes: Array, targets: Array, weight: Array | None) -> Array:
        """Shrunk means, shape (n_codes + 1, n_targets); the first row is for missing values."""
        size = int(codes.max(initial=0)) + 1
        counts = np.bincount(codes, weights=weight, minlength=size)[:, None]
        weighed = targets if weight is None else targets * weight[:, None]
        sums = np.column_stack([np.bincount(codes, weights=target, minlength=size) for target in weighed.T])
        return np.asarray((sums + self.strength * self.overall_) / (counts + self.strength))


class LevelColumns(BaseEstimator):
    """Give each code a column of its own, as scikit-learn's OneHotEncoder does; a code never seen gets none.

    That encoder takes many times as long over a row alone, to look at what it was given.

    Attributes
    ----------
    width_ : int
        How many columns there are.
    """

    def fit(self, codes: Array) -> LevelColumns:
        """Learn which codes each column has; a gap, where there is one, comes last."""
        tables, self.width_ = [], 0
        for column in _whole(codes).T:
            seen = np.unique(column)
            seen = np.append(seen[seen > 0], seen[seen == 0])
            tables.append(np.full(int(seen.max()) + 2, -1))
            tables[-1][seen] = np.arange(self.width_, self.width_ + len(seen))
            self.width_ += len(seen)
        columns, self.places_ = _stacked(tables)
        self.columns_ = np.where(columns < 0, self.width_, columns)
        return self

    def row(self, codes: Array) -> SparseRow:
        """Tell what a row alone has."""
        columns = _looked_up(codes, self.columns_, self.places_)
        columns = columns[columns < self.width_]
        return SparseRow(np.ones(len(columns)), columns, self.width_)

    def matrix(self, codes: Array) -> Any:
        """Give the matrix, shape (n_rows, width), of zeros and ones."""
        columns = _looked_up(codes, self.columns_, self.places_)
        there = columns < self.width_
        ends = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
        return sparse.csr_matrix((np.ones(int(ends[-1])), columns[there], ends), shape=(len(codes), self.width_))

    def dense(self, codes: Array) -> Array:
        """Give it as truth values."""
        told = np.zeros((len(codes), self.width_ + 1), dtype=bool)
        columns = _looked_up(codes, self.columns_, self.places_)
        told[np.arange(len(codes))[:, None], columns] = True
        return told[:, : self.width_]


class LevelCounts(BaseEstimator):
    """Replace codes by how often training saw them, as logarithms: rare is news, whatever the level."""

    def fit(self, codes: Array) -> LevelCounts:
        """Count the codes of each column, missing ones among them."""
        counts = [np.append(np.bincount(column), 0) for column in _whole(codes).T]
        self.told_, self.places_ = _stacked([np.log1p(column.astype(np.float64)) for column in counts])
        return self

    def transform(self, codes: Array) -> Array:
        """Give log(1 + count), shape (n_rows, n_columns); 0 for what training never saw."""
        return _looked_up(codes, self.told_, self.places_)


def _stacked(tables: list[Array]) -> tuple[Array, Array]:
    """Put the tables of several columns, a line for each code, one under the other; tell their first and last lines."""
    ends = np.cumsum([0, *map(len, tables)])
    return np.concatenate(tables), np.array([ends[:-1], ends[1:] - 1])


def _looked_up(codes: Array, table: Array, places: Array) -> Array:
    """Put what tables say of codes side by side, shape (n_rows, n_columns * n_told); beyond the last line that one."""
    told = table[np.minimum(_whole(codes) + places[0], places[1])]
    return told if told.ndim == 2 else told.reshape(len(codes), codes.shape[1] * table.shape[1])


def _code(known: dict[Any, float], other: float, value: Any) -> float:
    """Give the code of one value."""
    code = known.get(value)
    return code if code is not None else np.nan if pd.isna(value) else other


def _whole(codes: Array) -> Array:
    """Turn codes into whole numbers from 1 on; 0 is a gap."""
    return np.asarray((np.fmax(codes, -1.0) + 1.0).astype(np.int64))
