"""A first look at a column: its distinct values, how often each stands, and the words that stand for a missing one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.estimators.coerce import MISSING, tidy

SAMPLE = 1000  # distinct values looked at one by one; a notation that shows in fewer than 1 in 100 is an odd value
NAME_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass(frozen=True)
class Look:
    """One column before its kind is decided.

    Parameters
    ----------
    name : str
    series : Series
        The raw column.
    distinct : Series
        Its distinct values in the order they first stand, blanks and words for missing left out.
    counts : array of int
        How many rows have each of `distinct`.
    tokens : dict of str to int
        The words for a missing value that were met, and in how many rows.
    blank : int
        Rows whose text is nothing but spaces.
    """

    name: str
    series: pd.Series[Any]
    distinct: pd.Series[Any]
    counts: npt.NDArray[np.int64]
    tokens: dict[str, int]
    blank: int

    @cached_property
    def present(self) -> int:
        """Number of rows that have a value."""
        return int(self.counts.sum())

    @cached_property
    def missing(self) -> int:
        """Number of rows that have none."""
        return len(self.series) - self.present

    @cached_property
    def sample(self) -> list[str]:
        """Up to `SAMPLE` distinct values as tidy text, evenly spread over the column."""
        step = max(1, -(-len(self.distinct) // SAMPLE))
        return [tidy(value) for value in self.distinct.iloc[::step].tolist()]

    @cached_property
    def words(self) -> list[str]:
        """The column's name cut into lower-case words: ``customerID`` is ``customer``, ``id``."""
        return [word.lower() for word in NAME_WORDS.findall(self.name)]

    def with_value(self, token: str) -> Look:
        """Give the same look with one word for missing counted as a value."""
        others = {word: rows for word, rows in self.tokens.items() if word != token}
        distinct = pd.concat([self.distinct, pd.Series([token], dtype=object)], ignore_index=True)
        return replace(self, distinct=distinct, counts=np.append(self.counts, self.tokens[token]), tokens=others)


def look(name: str, series: pd.Series[Any], unknown: Sequence[str] = ()) -> Look:
    """Count the distinct values of a column; missing ones, and words and codes for missing, are set aside."""
    codes, distinct = _factorized(series)
    counts = np.bincount(codes[codes >= 0], minlength=len(distinct))
    distinct, counts = pd.Series(distinct)[counts > 0], counts[counts > 0]  # a category may have no row
    if unknown:
        known = ~stand_for_missing(distinct, unknown)
        distinct, counts = distinct[known], counts[known]
    if not is_text(series):
        return Look(name, series, distinct, counts, {}, 0)
    stripped = distinct.str.strip() if pd.api.types.infer_dtype(distinct) == "string" else distinct.astype(object)
    aside = stripped.isin([*MISSING, ""]).to_numpy(dtype=bool)
    met: Counter[str] = Counter()
    for token, count in zip(stripped[aside], counts[aside], strict=True):
        met[token] += int(count)
    blank = met.pop("", 0)
    return Look(name, series, distinct[~aside], counts[~aside], dict(met), blank)


def stand_for_missing(values: pd.Series[Any], unknown: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Tell which values were said to mean missing: as they are written, or as numbers with either decimal mark."""
    numbers = pd.to_numeric(pd.Series(list(unknown), dtype=object), errors="coerce").dropna()
    if not is_text(values):
        types = pd.api.types
        return values.isin(numbers).to_numpy(bool) if types.is_numeric_dtype(values) else np.zeros(len(values), bool)
    texts = values.astype(str).str.strip()
    amounts = pd.to_numeric(texts.str.replace(",", ".", regex=False), errors="coerce")
    return np.asarray(texts.isin([tidy(value) for value in unknown]) | amounts.isin(numbers), dtype=bool)


def is_text(series: pd.Series[Any]) -> bool:
    """Tell whether the kind must be read out of text."""
    types = pd.api.types
    return not (
        types.is_numeric_dtype(series)
        or types.is_datetime64_any_dtype(series)
        or types.is_timedelta64_dtype(series)
        or isinstance(series.dtype, pd.PeriodDtype)
    )


def _factorized(series: pd.Series[Any]) -> tuple[Any, Any]:
    if isinstance(series.dtype, pd.CategoricalDtype):
        return series.cat.codes.to_numpy(), series.cat.categories
    try:
        return pd.factorize(series)
    except TypeError:  # lists cannot be hashed
        return pd.factorize(series.map(str, na_action="ignore"))
