"""A row alone, of which little is not zero: SciPy's matrices take longer to make than it takes to use them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

Array = npt.NDArray[Any]


class SparseRow(NamedTuple):
    """What of one row is not zero.

    Attributes
    ----------
    data, indices : ndarray, shape (n_values,)
        The values, and the columns they stand in.
    width
        How many columns there are.
    """

    data: Array
    indices: Array
    width: int

    @classmethod
    def of(cls, row: Array) -> SparseRow:
        """Leave out the zeros of a matrix of one row."""
        there = np.flatnonzero(row[0])
        return cls(row[0, there], there, row.shape[1])

    @classmethod
    def joined(cls, rows: Sequence[SparseRow]) -> SparseRow:
        """Put some side by side."""
        starts = np.cumsum([0, *(row.width for row in rows)])
        indices = [row.indices + start for row, start in zip(rows, starts[:-1], strict=True)]
        return cls(np.concatenate([row.data for row in rows]), np.concatenate(indices), int(starts[-1]))

    @property
    def shape(self) -> tuple[int, int]:
        """That of the matrix."""
        return 1, self.width

    def toarray(self) -> Array:
        """Give the matrix with its zeros."""
        matrix = np.zeros(self.shape)
        matrix[0, self.indices] = self.data
        return matrix

    def matrix(self) -> Any:
        """Give SciPy's matrix."""
        ends = np.array([0, len(self.data)], dtype=np.int32)
        return sparse.csr_matrix((self.data, self.indices.astype(np.int32), ends), shape=self.shape)
