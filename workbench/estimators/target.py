"""Learning a target on another scale: a skewed amount by its logarithm, one of an extreme unit by another unit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator

from .numbers import unit_of
from .rounds import Around, Held

Array = npt.NDArray[Any]
MARGIN = 0.1  # of the range of what was seen: predictions stay within it, for a logarithm a little too high is a lot


class LogTarget(Around, BaseEstimator):
    """A learner of log(1 + y), for a target that is never negative.

    Taken back, the mean of a logarithm lies below the mean. A scale makes up for it: the mean of rows that were held
    out over that of what was predicted of them, in the manner of Duan's smearing (1983).

    Parameters
    ----------
    learner
        Any regression that is fitted on a matrix.
    scale
        What predictions are multiplied by.
    """

    def __init__(self, learner: Any, scale: float = 1.0) -> None:
        self.learner = learner
        self.scale = scale

    def fit(
        self,
        matrix: Any,
        target: Array,
        *,
        weight: Array | None = None,
        valid: Held | None = None,
        categorical: Sequence[int] = (),
        out_of_time: Callable[[], bool] | None = None,
        shared: dict[str, Any] | None = None,
    ) -> LogTarget:
        """Fit the learner; what it shares with further fits it shares with those on this scale only."""
        self.high_ = float(target.max() + MARGIN * (target.max() - target.min()))
        self.learner.fit(
            matrix,
            np.log1p(target),
            weight=weight,
            valid=None if valid is None else (valid[0], np.log1p(valid[1]), valid[2]),
            categorical=categorical,
            out_of_time=out_of_time,
            shared=None if shared is None else shared.setdefault("log", {}),
        )
        return self

    def predict(self, matrix: Any) -> Array:
        """Give values, shape (n_rows,), none of them negative."""
        return np.clip(np.expm1(self.learner.predict(matrix)), 0.0, self.high_) * self.scale


class PlainUnit(Around, BaseEstimator):
    """A learner of (y - centre) / spread, for a target of a tiny or huge unit, or one that lies far from zero.

    Parameters
    ----------
    learner
        Any regression that is fitted on a matrix.
    """

    def __init__(self, learner: Any) -> None:
        self.learner = learner

    def fit(
        self,
        matrix: Any,
        target: Array,
        *,
        weight: Array | None = None,
        valid: Held | None = None,
        categorical: Sequence[int] = (),
        out_of_time: Callable[[], bool] | None = None,
        shared: dict[str, Any] | None = None,
    ) -> PlainUnit:
        """Fit the learner in a unit that the target itself tells."""
        self.centre_, self.spread_ = unit_of(target)
        self.learner.fit(
            matrix,
            self._told(target),
            weight=weight,
            valid=None if valid is None else (valid[0], self._told(valid[1]), valid[2]),
            categorical=categorical,
            out_of_time=out_of_time,
            shared=shared,
        )
        return self

    def _told(self, target: Array) -> Array:
        return np.asarray((target - self.centre_) / self.spread_)

    def predict(self, matrix: Any) -> Array:
        """Give values in the target's own unit, shape (n_rows,)."""
        return np.asarray(self.learner.predict(matrix) * self.spread_ + self.centre_)
