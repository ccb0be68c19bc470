"""What learners that are made round by round have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy.typing as npt
from sklearn.base import BaseEstimator

Array = npt.NDArray[Any]
Held = tuple[Any, Array, Array | None]  # rows to stop by: matrix, target, weight
Clock = Callable[[], bool]  # whether time is up


class Boosted(BaseEstimator):
    """Boosted trees that stop by themselves when validation rows get no better, or when time is up.

    Parameters
    ----------
    settings : dict
        The library's own parameters (objective, depth, …).
    classes
        Number of classes; 0 for a regression.
    rounds
        Most rounds of boosting.
    patience
        Rounds without progress before it stops; three tenths of the best round are added.
    """

    rounds_: int
    boosted_: int
    cut_: bool

    def __init__(self, settings: dict[str, Any], classes: int = 0, rounds: int = 1000, patience: int = 30) -> None:
        self.settings = settings
        self.classes = classes
        self.rounds = rounds
        self.patience = patience

    def fit(
        self,
        matrix: Array,
        target: Array,
        *,
        weight: Array | None = None,
        valid: Held | None = None,
        categorical: Sequence[int] = (),
        out_of_time: Clock | None = None,
        shared: dict[str, Any] | None = None,
    ) -> Self:
        """Fit trees.

        Parameters
        ----------
        matrix : ndarray, shape (n_rows, n_features)
            Numbers; NaN is missing.
        target : ndarray, shape (n_rows,)
            Class numbers 0 … classes-1, or values.
        valid
            Rows to stop by. Without them all rounds are boosted.
        categorical
            Columns of the matrix that hold whole numbers for levels.
        out_of_time
            Asked after each round; when true, fitting ends with the rounds there are.
        shared
            Kept between fits on the same rows: binning them is a large part of a short fit.
        """
        rows = (matrix, target, weight)
        self._boost(rows, valid, list(map(int, categorical)), out_of_time, {} if shared is None else shared)
        return self

    def _boost(
        self, rows: Held, valid: Held | None, categorical: list[int], out_of_time: Clock | None, shared: dict[str, Any]
    ) -> None:
        raise NotImplementedError

    def settle(self, rounds: int) -> None:
        """Predict by so many rounds, as far as they were boosted."""
        self.rounds_ = max(1, min(rounds, self.boosted_))


class Around:
    """What a learner that is fitted round another tells of the one inside."""

    learner: Any

    @property
    def rounds_(self) -> int:
        """Rounds the learner predicts by."""
        return int(self.learner.rounds_)

    @property
    def boosted_(self) -> int:
        """Rounds it made."""
        return int(self.learner.boosted_)

    @property
    def cut_(self) -> bool:
        """Whether the clock ended it."""
        return bool(self.learner.cut_)

    def settle(self, rounds: int) -> None:
        """Predict by so many rounds."""
        self.learner.settle(rounds)
