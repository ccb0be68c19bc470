"""Free text told as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

Array = npt.NDArray[Any]


class TextFeatures(BaseEstimator):
    """Turn one column of text into numbers: how it is written, and which words or letters it is made of.

    Each distinct text is looked at once, so that a column of names costs no more than its levels.

    Parameters
    ----------
    unit
        Words and pairs of words for prose; runs of 2 to 4 letters for names, where "Sr. Clerk" and "Senior Clerk"
        should look alike.
    components
        How many directions the words are condensed to (latent semantic analysis); 0 leaves them as they are, sparse.
    """

    def __init__(
        self, unit: Literal["word", "letters"] = "word", components: int = 30, width: int = 2**15, seed: int = 0
    ) -> None:
        self.unit = unit
        self.components = components
        self.width = width
        self.seed = seed

    def fit(self, texts: pd.Series[Any]) -> TextFeatures:
        """Learn which words are common, how much each tells, and their main directions."""
        _, distinct = _distinct(texts)
        self.words_ = self._hashing()
        counts = self.words_.transform(distinct)
        seen = np.bincount(counts.indices, minlength=self.width)
        self.kept_ = np.flatnonzero(seen >= (2 if len(distinct) > 20 else 1))
        self.directions_ = self.weights_ = None
        if not len(self.kept_):
            return self
        self.weights_ = TfidfTransformer(sublinear_tf=True).fit(counts[:, self.kept_])
        components = min(self.components, len(self.kept_) - 1, len(distinct) - 1)
        if components > 0:
            weighted = self.weights_.transform(counts[:, self.kept_])
            self.directions_ = TruncatedSVD(components, n_iter=3, random_state=self.seed).fit(weighted)
        return self

    def transform(self, texts: pd.Series[Any]) -> Any:
        """Give one row per text: a dense array, or a sparse one when the words are not condensed."""
        codes, distinct = _distinct(texts)
        written = _written(distinct)
        if self.weights_ is None or (self.components and self.directions_ is None):
            return written[codes]
        words = self.weights_.transform(self.words_.transform(distinct)[:, self.kept_])
        if self.directions_ is None:
            return sparse.hstack([sparse.csr_matrix(written), words], format="csr")[codes]
        return np.hstack([written, self.directions_.transform(words)])[codes]

    def _hashing(self) -> HashingVectorizer:
        """Words by hash: a vocabulary would be the largest part of a stored model."""
        letters = self.unit == "letters"
        return HashingVectorizer(
            analyzer="char_wb" if letters else "word",
            ngram_range=(2, 4) if letters else (1, 2),
            n_features=self.width,
            alternate_sign=False,
            norm=None,
            strip_accents="unicode",
        )


def _distinct(texts: pd.Series[Any]) -> tuple[Array, list[str]]:
    """For every row the place of its text among the distinct ones; a missing text is an empty one."""
    codes, distinct = pd.factorize(texts.fillna(""))
    return codes, [str(text) for text in distinct]


def _written(texts: Sequence[str]) -> Array:
    """How texts are written: length, words, share of digits, of capitals, and of signs; shape (n_texts, 5)."""
    rows = np.zeros((len(texts), 5))
    for row, text in zip(rows, texts, strict=True):
        size = max(len(text), 1)
        digits, capitals = sum(map(str.isdigit, text)), sum(map(str.isupper, text))
        signs = sum(not (letter.isalnum() or letter.isspace()) for letter in text)
        row[:] = np.log1p(len(text)), np.log1p(len(text.split())), digits / size, capitals / size, signs / size
    return rows
