"""Which rows are copies of each other: one thing that was written down more than once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[Any]
BY_CHANCE = 0.01  # rows like it: where as many are to be expected, a second one is no copy
FEWEST_DISTINCT = 0.1  # of the rows: a table with fewer repeats itself by nature
MOST = 0.5  # of the rows, from which on a table looks as if it had been put together twice


def copies_of(frame: pd.DataFrame, codes: Array) -> Array | None:
    """Give each row a number, copies the same one; None where there are no copies.

    Copies are equal in every column and in the target. Rows that repeat by nature are none: those of few and coarse
    values, as many combinations of which occur as could; and those whose like have another target, too. To keep such
    rows together would be to ask for values that were never shown, or were shown with other targets only.

    Parameters
    ----------
    frame : DataFrame, shape (n_rows, n_features)
        What is learned from.
    codes : ndarray, shape (n_rows,)
        Class numbers, or the target of a regression.

    Returns
    -------
    ndarray of int, shape (n_rows,), or None
        For a row, the position of the first of its copies.
    """
    rows, number = _alike(frame)
    first = np.ones(len(codes), dtype=bool)  # of its kind
    first[rows] = ~pd.Series(number).duplicated().to_numpy()
    if first.sum() < FEWEST_DISTINCT * len(codes):
        return None
    targets = pd.Series(codes[rows]).groupby(number)
    same = (targets.transform("min") == targets.transform("max")).to_numpy()
    rows, number = rows[same], number[same]
    if len(rows):
        rare = _expected(frame, first, rows) < BY_CHANCE
        rows, number = rows[rare], number[rare]
    if not len(rows):
        return None
    copies = np.arange(len(codes))
    copies[rows] = pd.Series(rows).groupby(number).transform("min").to_numpy()
    return copies


def stay_together(copies: Array | None) -> Array | None:
    """Give the copies back if they are to stay on one side of every split; None where each row goes its own way.

    If half of the rows have copies, the table was doubled, and what is new will not be. If fewer have, rows may repeat
    for a reason, and new ones will do so, too: the search then learns what helps with those, and says beside the score
    what it is on rows that stand once (`workbench.automl.result.Result.checks`).

    Examples
    --------
    >>> stay_together(np.array([0, 0, 2, 2, 4])).tolist(), stay_together(np.array([0, 0, 2, 3, 4]))
    ([0, 0, 2, 2, 4], None)
    """
    return copies if copies is not None and has_copy(copies).mean() >= MOST else None


def has_copy(copies: Array) -> Array:
    """Whether each row has a copy."""
    return np.asarray(np.bincount(copies)[copies] > 1)


def _alike(frame: pd.DataFrame) -> tuple[Array, Array]:
    """Find the rows that equal another, and number them, the same number for equal ones.

    Only rows that are still equal to another need to be looked at in the next column: mostly few, soon.
    """
    rows, number = np.arange(len(frame)), np.zeros(len(frame), dtype=np.int64)
    for name in frame.columns:
        levels = pd.factorize(frame[name].iloc[rows], use_na_sentinel=False)[0]
        number = pd.factorize(number * (levels.max(initial=0) + 1) + levels)[0]
        several = np.bincount(number)[number] > 1
        rows, number = rows[several], number[several]
        if not len(rows):
            break
    return rows, number


def _expected(frame: pd.DataFrame, first: Array, rows: Array) -> Array:
    """How many rows such as each of these there would be, were the columns of the distinct rows drawn independently."""
    distinct = int(first.sum())
    expected = np.full(len(rows), float(distinct))
    for name in frame.columns:
        levels = pd.factorize(frame[name], use_na_sentinel=False)[0]
        expected *= np.bincount(levels[first])[levels[rows]] / distinct
    return expected
