"""Number columns made ready for a model."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator

Array = npt.NDArray[Any]
LARGEST = 1e30  # trees of scikit-learn compute in float32, which ends at 3.4e38


def tamed(matrix: Array) -> Array:
    """Copy a matrix to float64 without infinities."""
    return np.clip(np.array(matrix, dtype=np.float64), -LARGEST, LARGEST)


class SmoothScaler(BaseEstimator):
    """Bring number columns to one scale for a linear model: centred, robustly scaled, softly clipped, gaps filled.

    A value far out counts as 3 interquartile ranges at most, so that one typing error does not steer the model (the
    smooth clip of RealMLP, arXiv 2407.04491). A column with gaps gets a second one that tells where they were.
    """

    def fit(self, matrix: Array) -> SmoothScaler:
        """Learn centre, scale and which columns have gaps."""
        known = tamed(matrix)
        gaps = np.isnan(known)
        known[:, gaps.all(axis=0)] = 0.0
        self.gaps_ = np.flatnonzero(gaps.any(axis=0) & ~gaps.all(axis=0))
        width = known.shape[1]
        quartiles = np.nanpercentile(known, [25, 50, 75], axis=0) if width else np.empty((3, 0))
        self.centre_ = quartiles[1]
        spread, deviation = quartiles[2] - quartiles[0], np.nanstd(known, axis=0)
        # A column that is mostly one value has no interquartile range.
        scale = np.where(spread > 0, spread / 1.35, deviation)
        self.scale_ = np.where(scale > 0, scale, 1.0)
        return self

    def transform(self, matrix: Array) -> Array:
        """Scale, clip, fill; give the columns and the marks of their gaps."""
        known = tamed(matrix)
        gaps = np.isnan(known)
        scaled = (known - self.centre_) / self.scale_
        scaled[gaps] = 0.0
        clipped = scaled / np.sqrt(1.0 + (scaled / 3.0) ** 2)
        return np.hstack([clipped, gaps[:, self.gaps_].astype(np.float64)])
