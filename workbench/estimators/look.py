"""Rows that several encoders are to encode: what is the same for all of them is found out once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .numbers import tamed
from .texts import Texts, distinct_of

Array = npt.NDArray[Any]
FEW = 8  # rows, up to which Python takes less time to look at each value than NumPy and pandas to begin


class Look:
    """Coerced rows, and a memory of what was found out about them; no model holds one.

    The folds of an ensemble have an encoder each, which all ask the same of the rows: which values a column has, what
    its words are, what a date is made of. Threads may ask side by side.

    Parameters
    ----------
    frame : DataFrame, or dict of str to ndarray
        Coerced rows, which must not change meanwhile; of a few rows better the arrays of their columns.
    columns
        Those that are looked at; by default all.
    """

    def __init__(self, frame: Any, columns: Sequence[str] | None = None) -> None:
        self.frame = frame
        self.columns = [str(name) for name in frame] if columns is None else list(columns)
        self._known: dict[Hashable, Any] = {}
        self._locks: dict[Hashable, Lock] = {}

    @classmethod
    def at(cls, rows: pd.DataFrame | Mapping[str, Array] | Look) -> Look:
        """Begin to look at rows, or go on."""
        return rows if isinstance(rows, Look) else cls(rows)

    def __len__(self) -> int:
        return len(self.frame if isinstance(self.frame, pd.DataFrame) else next(iter(self.frame.values())))

    def only(self, columns: Sequence[str]) -> Look:
        """Look at some columns, with the same memory."""
        part = Look(self.frame, columns)
        part._known, part._locks = self._known, self._locks
        return part

    def once(self, key: Hashable, find: Callable[[], Any]) -> Any:
        """Give what is known by this key; find it out if nobody has yet. Who gets it must not change it."""
        if key not in self._known:
            with self._locks.setdefault(key, Lock()):
                if key not in self._known:
                    self._known[key] = find()
        return self._known[key]

    def column(self, name: str) -> Array:
        """Give a column as an array."""
        return np.asarray(self.frame[name])

    def levels(self, name: str) -> tuple[Array, list[Any]]:
        """For every row the place of its value among the distinct ones of a column, -1 for a gap; and those."""
        return self.once(("levels", name), lambda: distinct_of(self.column(name)))

    def numbers(self) -> Array:
        """Give the columns as one matrix of numbers without infinities, shape (n_rows, n_columns)."""
        key = "numbers", *self.columns
        found: Array = self.once(key, self._numbers)
        return found

    def _numbers(self) -> Array:
        if isinstance(self.frame, pd.DataFrame):
            return tamed(self.frame[self.columns].to_numpy(dtype=np.float64))
        columns = [np.empty(0), *(self.frame[name] for name in self.columns)]
        return tamed(np.concatenate(columns).reshape(len(self.columns), len(self)).T)

    def texts(self, name: str) -> Texts:
        """Give the texts of a column."""
        return self.once(("texts", name), lambda: Texts(self.column(name)))
