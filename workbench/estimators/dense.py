"""A table of many kinds of column becomes one dense, scaled matrix for networks and neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.feature_selection import r_regression

from .categories import LevelCounts
from .encoder import MOST_CLASSES, TableEncoder
from .look import Look
from .texts import TextFeatures

Array = npt.NDArray[Any]
FEW_LEVELS = 10  # up to here a level has a column of its own; beyond, target means and counts say it in fewer columns
SOME_LEVELS = 50  # the same where there are too many classes for target means
DIRECTIONS = 30  # what the words of a text column are condensed to
WIDEST = 600  # columns; a network's time grows with them


class DenseEncoder(TableEncoder):
    """Learn from training rows how to turn a coerced table into a dense matrix of small numbers, and do it.

    The parts are those of a linear model's encoding. Categories of more than ten levels are told by target means, how
    often training saw them, and the letters of their names; texts by the main directions of their words. Of a matrix
    wider than 600 columns, those that go most along with the target are kept.

    Parameters
    ----------
    kinds : dict of str to str
        The columns to use and their kinds, as for `TableEncoder`.
    classes
        Number of classes; 0 for a regression.

    Attributes
    ----------
    categorical_ : list of int
        Empty: no column holds codes.
    """

    def __init__(self, kinds: dict[str, str], classes: int = 0, seed: int = 0) -> None:
        super().__init__(kinds, "linear", classes, seed)

    def fit_transform(self, frame: pd.DataFrame, target: Array, weight: Array | None = None) -> Array:
        """Learn from training rows and encode them, shape (n_rows, n_features), as float32.

        Parameters
        ----------
        target : ndarray, shape (n_rows,)
            Class numbers, or the values of a regression.
        weight : ndarray, shape (n_rows,), optional
            As for `TableEncoder`.
        """
        self.kept_: Array | None = None
        matrix: Array = super().fit_transform(frame, target, weight)
        if matrix.shape[1] <= WIDEST:
            return matrix
        self.kept_ = _telling(matrix, self._target_columns(target))
        return matrix[:, self.kept_]

    def _share_out_columns(self, frame: pd.DataFrame) -> None:
        super()._share_out_columns(frame)
        self.condensed_, self.spelled_ = [*self.text_, *self.dirty_], []

    def _most_levels(self) -> int:
        return FEW_LEVELS if self.classes <= MOST_CLASSES else SOME_LEVELS

    def _fewest_averaged(self) -> int:
        return self._most_levels()

    def _fit_categories(self, look: Look) -> Array:
        codes = super()._fit_categories(look)
        self.often_ = LevelCounts().fit(codes[:, self.wide_]) if len(self.wide_) else None
        return codes

    def _text_features(self, name: str) -> TextFeatures:
        return super()._text_features(name) if name in self.dirty_ else TextFeatures("word", DIRECTIONS, seed=self.seed)

    def _dense(self, look: Look, codes: Array, means: Array | None, texts: list[Array]) -> Array:
        dense = super()._dense(look, codes, means, texts)
        if self.often_ is None:
            return dense
        return np.concatenate([dense, self.often_.transform(codes[:, self.wide_])], axis=1)

    def _joined(self, look: Look, dense: Array, codes: Array) -> Array:  # noqa: ARG002 - texts are in `dense`
        joined = self._filled(dense, codes, [], np.float32)
        return joined if self.kept_ is None else joined[:, self.kept_]


def _telling(matrix: Array, targets: Array) -> Array:
    """Find the columns that are most correlated with the target, or with any class of it; in their order."""
    along = np.max([np.abs(r_regression(matrix, target)) for target in targets.T], axis=0)
    return np.sort(np.argsort(-along, kind="stable")[:WIDEST])
