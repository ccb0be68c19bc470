"""The trees' matrix, and beside it features that trees would need many splits to find."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .arithmetic import Arithmetic
from .categories import TargetMeans
from .crosses import Bins, Crosses
from .encoder import MOST_CLASSES, SEVERAL_LEVELS, TableEncoder
from .look import Look
from .residuals import sampled_rows, unexplained

Array = npt.NDArray[Any]
FEWEST_ROWS = 100  # of fewer, nothing is chosen: chance would choose


class PreparedEncoder(TableEncoder):
    """Encode a coerced table for trees, with features made of several columns; all is learned from training rows.

    Added are target means of categories of few levels (`TableEncoder` tells those of many), arithmetic of number
    columns and, when asked for, target means of pairs of columns. Arithmetic and pairs are chosen by how much they tell
    of what small boosted trees could not explain, on a sample of the training rows. (The kinds of feature are those of
    TabPrep, arXiv 2606.02384.)

    Parameters
    ----------
    kinds : dict of str to str
        The columns to use and their kinds, as for `TableEncoder`.
    classes
        Number of classes; 0 for a regression.
    crosses
        Whether to look for pairs of columns; see docs/decisions on why it is not the rule.

    Attributes
    ----------
    categorical_ : list of int
        Columns of the matrix that hold category codes.
    """

    def __init__(self, kinds: dict[str, str], classes: int = 0, seed: int = 0, crosses: bool = False) -> None:
        super().__init__(kinds, "trees", classes, seed)
        self.crosses = crosses

    def fit_transform(self, frame: pd.DataFrame, target: Array, weight: Array | None = None) -> Array:
        """Learn from training rows and encode them, shape (n_rows, n_features); no row reads its own target.

        Parameters
        ----------
        target : ndarray, shape (n_rows,)
            Class numbers, or the values of a regression.
        weight : ndarray, shape (n_rows,), optional
            As for `TableEncoder`; what is chosen is chosen without.
        """
        matrix: Array = super().fit_transform(frame, target, weight)
        look = Look.at(frame)
        self.few_ = np.empty(0, dtype=np.int64)
        self.few_means_: TargetMeans | None = None
        self.crosses_: Crosses | None = None
        self.arithmetic_: Arithmetic | None = None
        if self.classes > MOST_CLASSES:
            return matrix
        targets, codes, numbers = self._target_columns(target), self._codes(look), look.only(self.plain_).numbers()
        self.bins_ = Bins().fit(numbers)
        parts = self._parts(codes, numbers)
        self.crosses_, self.arithmetic_ = self._choose(matrix, parts, numbers, targets)
        blocks = [matrix]
        sizes = np.array(self._sizes())
        self.few_ = np.flatnonzero((sizes > 2) & (sizes <= SEVERAL_LEVELS))
        if len(self.few_):
            self.few_means_ = TargetMeans(seed=self.seed)
            blocks.append(self.few_means_.fit_transform(codes[:, self.few_], targets, weight))
        if self.crosses_ is not None:
            blocks.append(self.crosses_.fit_transform(parts, targets, weight))
        if self.arithmetic_ is not None:
            blocks.append(self.arithmetic_.transform(numbers))
        return np.hstack(blocks)

    def _encoded(self, look: Look, codes: Array) -> Array:
        blocks, numbers = [super()._encoded(look, codes)], look.only(self.plain_).numbers()
        if self.few_means_ is not None:
            blocks.append(self.few_means_.transform(codes[:, self.few_]))
        if self.crosses_ is not None:
            blocks.append(self.crosses_.transform(self._parts(codes, numbers)))
        if self.arithmetic_ is not None:
            blocks.append(self.arithmetic_.transform(numbers))
        return np.concatenate(blocks, axis=1)

    def _choose(
        self, matrix: Array, parts: Array, numbers: Array, targets: Array
    ) -> tuple[Crosses | None, Arithmetic | None]:
        """Choose pairs and arithmetic by what they tell beyond what trees make of the matrix."""
        if len(matrix) < FEWEST_ROWS or parts.shape[1] < 2:
            return None, None
        rows = sampled_rows(len(matrix), self.seed)
        left = unexplained(matrix[rows], targets[rows], self.classes, self.seed)
        half = np.random.default_rng(self.seed + 1).permutation(np.arange(len(rows)) % 2)
        crosses = Crosses(seed=self.seed).choose(parts[rows], targets[rows], left, half) if self.crosses else None
        arithmetic = Arithmetic().fit(numbers[rows], targets[rows], left, half)
        return crosses if crosses and crosses.pairs_ else None, arithmetic if arithmetic.signs_ else None

    def _sizes(self) -> list[int]:
        return self.codes_.sizes() if self.codes_ is not None else []

    def _parts(self, codes: Array, numbers: Array) -> Array:
        """Give what pairs are made of as whole numbers: categories, then bins of numbers; 0 for a gap."""
        whole = np.where(np.isnan(codes), -1, codes).astype(np.int64) + 1
        return np.hstack([whole, self.bins_.transform(numbers)])
