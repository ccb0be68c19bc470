"""Free text told as numbers: how it is written, its main directions, and what its words say of the target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from threading import Lock
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.linear_model import Ridge
from sklearn.utils import murmurhash3_32

from .sparse_row import SparseRow

Array = npt.NDArray[Any]
WIDTH = 2**15  # columns that words and letters share
PENALTY, PARTS = 1.0, 5  # of what words say of the target; rows of words have length 1


class Texts:
    """One column of text, each distinct one looked at once, whoever asks; no model holds one.

    Attributes
    ----------
    codes : ndarray, shape (n_rows,)
        For every row the place of its text among the distinct ones; a missing text is an empty one.
    distinct : list of str
    """

    def __init__(self, texts: pd.Series[Any] | Array) -> None:
        raw = np.asarray(texts, dtype=object)
        if len(raw) == 1:  # pandas takes its time to begin
            self.codes, distinct = np.zeros(1, dtype=np.int64), ["" if pd.isna(raw[0]) else raw[0]]
        else:
            self.codes, distinct = distinct_of(np.where(pd.isna(raw), "", raw))
        self.distinct = [str(text) for text in distinct]
        self._known: dict[Hashable, Any] = {}
        self._lock = Lock()

    @classmethod
    def of(cls, texts: pd.Series[Any] | Array | Texts) -> Texts:
        """Begin to look at texts, or go on."""
        return texts if isinstance(texts, Texts) else cls(texts)

    def written(self) -> Array:
        """How the distinct ones are written, shape (n_texts, 5)."""
        with self._lock:
            if "written" not in self._known:
                self._known["written"] = _written(self.distinct)
        return np.asarray(self._known["written"])

    def counts(self, words: HashingVectorizer) -> Any:
        """How often each of the hashed words or letters is in each of the distinct ones, sparse."""
        return self._once("counts", words, lambda: words.transform(self.distinct))

    def alone(self, words: HashingVectorizer) -> SparseRow:
        """Tell the same of the only distinct one."""
        found: SparseRow = self._once("alone", words, lambda: _hashed(words, self.distinct[0]))
        return found

    def _once(self, what: str, words: HashingVectorizer, find: Callable[[], Any]) -> Any:
        key = what, words.analyzer, words.ngram_range, words.n_features
        with self._lock:
            if key not in self._known:
                self._known[key] = find()
        return self._known[key]


def distinct_of(column: Array) -> tuple[Array, list[Any]]:
    """For every row the place of its value among the distinct ones, -1 for a gap; and those, as objects."""
    if len(column) == 1:  # a row alone need not be sorted by value
        value = column[0]
        return (np.array([-1]), []) if pd.isna(value) else (np.array([0]), [value])
    codes, distinct = pd.factorize(column.astype(object))
    return codes, distinct.tolist()


class TextFeatures(BaseEstimator):
    """Turn one column of text into numbers: how it is written, which words or letters it is made of, what they say.

    Each distinct text is looked at once, so that a column of names costs no more than its levels.

    Parameters
    ----------
    unit
        Words and pairs of words for prose; runs of 2 to 4 letters for names, where "Sr. Clerk" and "Senior Clerk"
        should look alike.
    components
        How many directions the words are condensed to (latent semantic analysis); 0 leaves them as they are, sparse.
    """

    def __init__(self, unit: Literal["word", "letters"] = "word", components: int = 30, seed: int = 0) -> None:
        self.unit = unit
        self.components = components
        self.seed = seed

    def fit(self, texts: pd.Series[Any] | Texts) -> TextFeatures:
        """Learn which words are common, how much each tells, and their main directions."""
        self._fit_words(Texts.of(texts))
        return self

    def fit_transform(
        self, texts: pd.Series[Any] | Texts, targets: Array | None = None, weight: Array | None = None
    ) -> Any:
        """Learn from training rows and encode them.

        Parameters
        ----------
        targets : ndarray, shape (n_rows, n_targets), optional
            When given, and the words are condensed, a column more for each target is what the words say of it; no row
            is told what was learned from its own target.
        weight : ndarray, shape (n_rows,), optional
            As how many rows each counts in that.
        """
        known = Texts.of(texts)
        codes, words = known.codes, self._fit_words(known)
        told = self._told(known, words)[codes]
        if targets is None or words is None or not self.components:
            return told
        self.scores_: WordScores | None = WordScores(seed=self.seed)
        return np.hstack([told, self.scores_.fit_transform(words, codes, targets, weight)])

    def transform(self, texts: pd.Series[Any] | Texts) -> Any:
        """Give one row per text: a dense array, or a sparse one when the words are not condensed."""
        known = Texts.of(texts)
        words = self._weighted(known)
        told = self._told(known, words)
        if self.scores_ is not None and words is not None:
            told = np.concatenate([told, self.scores_.transform(words)], axis=1)
        if isinstance(told, SparseRow):
            told = told.matrix()
        return told if len(known.codes) == 1 else told[known.codes]

    def row(self, texts: pd.Series[Any] | Array | Texts) -> SparseRow:
        """Encode a row alone; what is not zero is all there is to it where words are not condensed."""
        known = Texts.of(texts)
        told = self._told(known, self._weighted(known))
        return told if isinstance(told, SparseRow) else SparseRow.of(told)

    def _fit_words(self, known: Texts) -> Any:
        """Learn all that needs no target; give the weighted words, sparse, or None where there are none."""
        self.words_ = self._hashing()
        self.directions_ = self.weights_ = None
        self.scores_ = None
        counts, distinct = known.counts(self.words_), known.distinct
        seen = np.bincount(counts.indices, minlength=WIDTH)
        self.kept_ = np.flatnonzero(seen >= (2 if len(distinct) > 20 else 1))
        if not len(self.kept_):
            return None
        self.weights_ = TfidfTransformer(sublinear_tf=True).fit(counts[:, self.kept_])
        words = self.weights_.transform(counts[:, self.kept_])
        components = min(self.components, len(self.kept_) - 1, len(distinct) - 1)
        if components > 0:
            # Texts that hold all the same words have no variance, whose share scikit-learn then divides by.
            with np.errstate(invalid="ignore", divide="ignore"):
                self.directions_ = TruncatedSVD(components, n_iter=3, random_state=self.seed).fit(words)
        return words

    def _weighted(self, known: Texts) -> Any:
        if self.weights_ is None:
            return None
        if len(known.distinct) == 1:
            return self._of_one(known.alone(self.words_), self.weights_.idf_)
        return self.weights_.transform(known.counts(self.words_)[:, self.kept_])

    def _of_one(self, counts: SparseRow, telling: Array) -> SparseRow:
        """Weigh the words of a single text as `weights_` does, which takes longer to look at what it was given."""
        places = np.minimum(np.searchsorted(self.kept_, counts.indices), len(self.kept_) - 1)
        there = self.kept_[places] == counts.indices
        places = places[there]
        told = (np.log(counts.data[there]) + 1.0) * telling[places]
        told /= np.sqrt(_added_up(told * told)) if len(told) else 1.0
        return SparseRow(told, places, len(self.kept_))

    def _told(self, known: Texts, words: Any) -> Any:
        """Tell of each distinct text how it is written, and its words: condensed, or as they are."""
        written = known.written()
        if words is None or (self.components and self.directions_ is None):
            return written
        if isinstance(words, SparseRow) and self.directions_ is None:
            return SparseRow.joined([SparseRow.of(written), words])
        if self.directions_ is None:
            return sparse.hstack([sparse.csr_matrix(written), words], format="csr")
        return np.concatenate([written, _along(words, self.directions_.components_)], axis=1)

    def _hashing(self) -> HashingVectorizer:
        """Words by hash: a vocabulary would be the largest part of a stored model."""
        letters = self.unit == "letters"
        return HashingVectorizer(
            analyzer="char_wb" if letters else "word",
            ngram_range=(2, 4) if letters else (1, 2),
            n_features=WIDTH,
            alternate_sign=False,
            norm=None,
            strip_accents="unicode",
        )


class WordScores(BaseEstimator):
    """Tell what the words of a text say of the target: the prediction of a ridge regression on all of them.

    Directions hold what texts are about, which need not be what the target hangs on; a linear model of the words is
    hard to beat on prose, and trees use its prediction beside everything else they know. The rows it is fitted on are
    predicted by models that learned without them, part by part.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit_transform(self, words: Any, codes: Array, targets: Array, weight: Array | None = None) -> Array:
        """Learn from the words of distinct texts, and which of them (n_rows,) with which `targets` each row has."""
        part = np.random.default_rng(self.seed).integers(0, PARTS, len(codes))
        each = np.ones(len(codes)) if weight is None or not weight.any() else weight
        self._learn(words, codes, targets, each)
        told = np.tile(self.intercept_, (len(targets), 1))
        for number in np.unique(part):
            others = part != number
            if each[others].any():
                apart = WordScores()._learn(words, codes[others], targets[others], each[others])
                told[~others] = apart.transform(words)[codes[~others]]
        return told

    def transform(self, words: Any) -> Array:
        """Predict the targets of texts, shape (n_texts, n_targets)."""
        return np.asarray(_along(words, self.coefficients_) + self.intercept_)

    def _learn(self, words: Any, codes: Array, targets: Array, weight: Array) -> WordScores:
        """Fit on each distinct text once, by its mean target and as how many rows those that have it count."""
        counts = np.bincount(codes, weights=weight, minlength=words.shape[0])
        sums = [np.bincount(codes, weights=target * weight, minlength=len(counts)) for target in targets.T]
        seen = np.flatnonzero(counts)
        ridge = Ridge(alpha=PENALTY, solver="sparse_cg", tol=1e-2)  # closer costs more and predicts no better
        ridge.fit(words[seen], np.column_stack(sums)[seen] / counts[seen, None], sample_weight=counts[seen])
        self.coefficients_ = np.asarray(ridge.coef_).reshape(targets.shape[1], -1)
        self.intercept_ = np.asarray(ridge.intercept_).reshape(-1)
        return self


def _along(words: Any, directions: Array) -> Array:
    """Multiply the words of texts, sparse, by each of some directions, shape (n_texts, n_directions)."""
    if not isinstance(words, SparseRow):
        return np.asarray(words @ directions.T)
    if not len(words.data):
        return np.zeros((1, len(directions)))
    return np.asarray(_added_up(words.data[:, None] * directions[:, words.indices].T)[None])


def _added_up(terms: Array) -> Any:
    """Add one after the other, as sparse products do: in another order the last digits may differ."""
    return np.cumsum(terms, axis=0)[-1]


def _hashed(words: HashingVectorizer, text: str) -> SparseRow:
    """Count the words of one text as the vectoriser does, which takes longer to begin."""
    counts = Counter(map(_place, words.build_analyzer()(text)))
    places = sorted(counts)
    return SparseRow(np.array([float(counts[place]) for place in places]), np.array(places, dtype=np.int64), WIDTH)


@lru_cache(maxsize=2**14)  # words and letters come again, text after text
def _place(word: str) -> int:
    return int(abs(murmurhash3_32(word)) % WIDTH)


def _written(texts: Sequence[str]) -> Array:
    """How texts are written: length, words, share of digits, of capitals, and of signs; shape (n_texts, 5)."""
    rows = np.zeros((len(texts), 5))
    for row, text in zip(rows, texts, strict=True):
        size = max(len(text), 1)
        digits, capitals = sum(map(str.isdigit, text)), sum(map(str.isupper, text))
        signs = len(text) - sum(map(str.isalnum, text)) - sum(map(str.isspace, text))
        row[:] = np.log1p(len(text)), np.log1p(len(text.split())), digits / size, capitals / size, signs / size
    return rows
