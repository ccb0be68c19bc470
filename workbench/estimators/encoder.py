"""A table of many kinds of column becomes one matrix of numbers."""

from __future__ import annotations

import sys
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator

from .categories import CategoryCodes, LevelColumns, TargetMeans
from .dates import DateFeatures
from .look import Look
from .numbers import PiecewiseLinear, SmoothScaler, side_by_side, unit_of
from .sparse_row import SparseRow
from .texts import TextFeatures

Array = npt.NDArray[Any]
MANY_LEVELS = 100  # above, a category is told by target means, not by a code or column for each level
SEVERAL_LEVELS = 8  # above, trees get target means beside the codes: random cuts through codes say little
# Above, the letters of a category's names tell something, too (skrub's threshold), and so does what they say of the
# target: with it LightGBM's error fell by 12 % on salaries by job title, and its loss by 15 and 3 % on the
# Titanic, split twice. A linear model that is given words and levels, too, erred by 7,700 in place of 12,900.
# Not where a level is seen so often that its own mean tells more: without the letters of airports and tail numbers, 45
# rows each and more, LightGBM took half the time for 183,000 flights, and its loss was lower by 4 %.
DIRTY_LEVELS, SEEN_OFTEN = 40, 30
DENSE_WIDTH = 200  # levels and words up to which a matrix stays dense: beside amounts, their zeros are few
MOST_CLASSES = 10  # target means give a column per class; beyond, they would crowd out everything else
# A bend for every few rows at most, and few enough columns in all. Measured on four tables (70 % of 8,000 rows): 8
# pieces lower a linear model's loss by 3 to 21 %; 20 are slightly better on three of them.
MOST_PIECES, FEWEST_PIECES, ROWS_PER_PIECE, PIECES_IN_ALL = 12, 3, 5, 400


class TableEncoder(BaseEstimator):
    """Learn from training rows how to turn a coerced table into a matrix, and do it.

    Parameters
    ----------
    kinds : dict of str to str
        The columns to use and their kinds: number, boolean, date, calendar (a date whose year is not to be learned
        from), category, text.
    style
        ``trees`` keeps gaps and codes categories by whole numbers; ``linear`` scales, fills and gives each level and
        each word a column of its own.
    classes
        Number of classes; 0 for a regression.

    Attributes
    ----------
    categorical_ : list of int
        Columns of the matrix that hold category codes.
    """

    def __init__(
        self, kinds: dict[str, str], style: Literal["trees", "linear"] = "trees", classes: int = 0, seed: int = 0
    ) -> None:
        self.kinds = kinds
        self.style = style
        self.classes = classes
        self.seed = seed

    def fit_transform(self, frame: pd.DataFrame, target: Array, weight: Array | None = None) -> Any:
        """Learn from training rows and encode them; what uses the target never lets a row read its own.

        Parameters
        ----------
        target : ndarray, shape (n_rows,)
            Class numbers, or the values of a regression.
        weight : ndarray, shape (n_rows,), optional
            As how many rows each counts in what is told of the target; one on average.
        """
        look = Look.at(frame)
        self._share_out_columns(frame)
        calendar = [name for name, kind in self.kinds.items() if kind == "calendar"]
        self.dates_ = DateFeatures(calendar, self.style == "linear").fit(frame[self.date_]) if self.date_ else None
        codes = self._fit_categories(look)
        targets = self._target_columns(target)
        texts = self._fit_texts(look, targets, weight)
        means = self.means_.fit_transform(codes[:, self.averaged_], targets, weight) if self.means_ else None
        dense = self._dense(look, codes, means, texts)
        self.scaler_ = SmoothScaler().fit(dense) if self.style == "linear" else None
        self.pieces_ = self._fit_pieces(dense) if self.style == "linear" else None
        first = dense.shape[1] - len(self.narrow_)
        self.categorical_ = [] if self.scaler_ else list(range(first, dense.shape[1]))
        return self._joined(look, dense, codes)

    def transform(self, rows: pd.DataFrame | Look) -> Any:
        """Encode other rows, shape (n_rows, n_features); sparse when it is wide and most of it is zero."""
        look = Look.at(rows)
        return self._encoded(look, self._codes(look))

    def _encoded(self, look: Look, codes: Array) -> Any:
        """Encode rows whose categories are coded."""
        means = self.means_.transform(codes[:, self.averaged_]) if self.means_ else None
        texts = [features.transform(look.texts(name)) for name, features in self.texts_.items()]
        return self._joined(look, self._dense(look, codes, means, texts), codes)

    def _codes(self, look: Look) -> Array:
        """Give the codes of categories as floats, shape (n_rows, n_categories)."""
        return self.codes_.transform(look.only(self.category_)) if self.codes_ else np.empty((len(look), 0))

    def _share_out_columns(self, frame: pd.DataFrame) -> None:
        self.plain_ = [name for name, kind in self.kinds.items() if kind in ("number", "boolean")]
        self.date_ = [name for name, kind in self.kinds.items() if kind in ("date", "calendar")]
        self.category_ = [name for name, kind in self.kinds.items() if kind == "category"]
        self.text_ = [name for name, kind in self.kinds.items() if kind == "text"]
        self.dirty_ = [name for name in self.category_ if _is_dirty(frame[name])]
        self.spelled_ = [*self.text_, *self.dirty_] if self.style == "linear" else []
        self.condensed_ = self.dirty_ if self.spelled_ else [*self.text_, *self.dirty_]

    def _fit_categories(self, look: Look) -> Array:
        """Learn codes, and which columns have too many levels to be told by codes alone."""
        self.codes_ = self.means_ = self.one_hot_ = None
        self.narrow_ = self.wide_ = self.averaged_ = np.empty(0, dtype=np.int64)
        if not self.category_:
            return np.empty((len(look), 0))
        fewest = 1 if len(look) < 1000 else 3
        self.codes_ = CategoryCodes(fewest).fit(look.frame[self.category_])
        codes = self._codes(look)
        sizes = np.array(self.codes_.sizes())
        self.narrow_ = np.flatnonzero(sizes <= self._most_levels())
        self.wide_ = np.flatnonzero(sizes > self._most_levels())
        self.averaged_ = np.flatnonzero(sizes > self._fewest_averaged())
        if len(self.averaged_) and self.classes <= MOST_CLASSES:
            self.means_ = TargetMeans(seed=self.seed)
        if self.style == "linear" and len(self.narrow_):
            self.one_hot_ = LevelColumns().fit(codes[:, self.narrow_])
        return codes

    def _most_levels(self) -> int:
        """Up to how many levels each gets a code or column of its own; columns of zeros cost a linear model nothing."""
        return MANY_LEVELS if self.style == "trees" else sys.maxsize

    def _fewest_averaged(self) -> int:
        """Beyond how many levels target means are told."""
        return SEVERAL_LEVELS if self.style == "trees" else MANY_LEVELS

    def _fit_pieces(self, dense: Array) -> PiecewiseLinear | None:
        """Learn bends for numbers and dates, if there are rows enough to learn from."""
        self.amounts_ = len(self.plain_) + (len(self.dates_.names_) if self.dates_ is not None else 0)
        each = min(len(dense) // ROWS_PER_PIECE, PIECES_IN_ALL) // max(self.amounts_, 1)
        if each < FEWEST_PIECES:
            return None
        return PiecewiseLinear(min(each, MOST_PIECES)).fit(dense[:, : self.amounts_])

    def _target_columns(self, target: Array) -> Array:
        if self.classes <= 2:
            told = target.astype(np.float64)
            centre, spread = (0.0, 1.0) if self.classes else unit_of(told)
            return ((told - centre) / spread)[:, None]
        return (target[:, None] == np.arange(self.classes)).astype(np.float64)

    def _text_features(self, name: str) -> TextFeatures:
        if name in self.dirty_:
            return TextFeatures("letters", components=10, seed=self.seed)
        return TextFeatures("word", components=40, seed=self.seed)

    def _fit_texts(self, look: Look, targets: Array, weight: Array | None) -> list[Array]:
        """Learn words and letters; give what of texts and names is condensed, and what it says of the target."""
        self.words_ = {name: TextFeatures("word", components=0).fit(look.texts(name)) for name in self.spelled_}
        self.texts_ = {name: self._text_features(name) for name in self.condensed_}
        told = targets if self.classes <= MOST_CLASSES else None
        return [features.fit_transform(look.texts(name), told, weight) for name, features in self.texts_.items()]

    def _dense(self, look: Look, codes: Array, means: Array | None, texts: list[Array]) -> Array:
        """Everything that is an amount: numbers, dates, means, what texts are made of; for trees codes, too."""
        blocks: list[Array] = [look.only(self.plain_).numbers()]
        if self.dates_ is not None:
            blocks.append(self.dates_.transform(look.only(self.date_)))
        if means is not None:
            blocks.append(means)
        if self.style == "trees":
            return np.concatenate([*blocks, codes[:, self.wide_], *texts, codes[:, self.narrow_]], axis=1)
        return np.concatenate([*blocks, *texts], axis=1)

    def _joined(self, look: Look, dense: Array, codes: Array) -> Any:
        """Give trees what they have; scale the amounts for a linear model, a column a level and words beside them."""
        if self.scaler_ is None:
            return dense
        row, texts = len(look) == 1, [(words, look.texts(name)) for name, words in self.words_.items()]
        words = [words.row(text) if row else sparse.csr_matrix(words.transform(text)) for words, text in texts]
        width = 0 if self.one_hot_ is None else self.one_hot_.width_
        if width + sum(block.shape[1] for block in words) <= DENSE_WIDTH:
            return self._filled(dense, codes, [block.toarray() for block in words])
        amounts, narrow = side_by_side(len(dense), lambda part: self._scaled(dense[part])), codes[:, self.narrow_]
        if row:
            levels = [] if self.one_hot_ is None else [self.one_hot_.row(narrow)]
            return SparseRow.joined([SparseRow.of(amounts), *levels, *words]).matrix()
        levels = [] if self.one_hot_ is None else [self.one_hot_.matrix(narrow)]
        return sparse.hstack([sparse.csr_matrix(amounts), *levels, *words], format="csr")

    def _filled(self, dense: Array, codes: Array, beside: list[Array], dtype: Any = np.float64) -> Array:
        """Give scaled amounts, levels and what stands beside them as one dense matrix."""
        narrow = codes[:, self.narrow_]

        def blocks(part: slice) -> list[Array]:
            levels = [] if self.one_hot_ is None else [self.one_hot_.dense(narrow[part])]
            return [*self._scaled(dense[part]), *levels, *(block[part] for block in beside)]

        return side_by_side(len(dense), blocks, dtype)

    def _scaled(self, dense: Array) -> list[Array]:
        """Bring amounts to one scale, and put the pieces of numbers and dates beside them."""
        scaled = [dense if self.scaler_ is None else self.scaler_.transform(dense)]
        return scaled if self.pieces_ is None else [*scaled, self.pieces_.transform(dense[:, : self.amounts_])]


def _is_dirty(column: pd.Series) -> bool:
    """Whether names are so many, and each so rare, that their letters tell more than which of them it is."""
    levels = column.nunique()
    return bool(levels > DIRTY_LEVELS and len(column) < SEEN_OFTEN * levels)
