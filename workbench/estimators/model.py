"""The model that is handed out: raw rows in, labels or numbers out, and how sure they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator

from .calibration import TemperatureScaling
from .coerce import Coercer
from .conformal import PredictionIntervals, PredictionSets
from .ensemble import Ensemble
from .few import FewRows
from .look import Look

Array = npt.NDArray[Any]


class TabularModel(BaseEstimator):
    """A fitted model of a table.

    It takes rows as they stand in a file: text or typed, columns in any order, more columns than it needs. The rows
    handed in are never changed.

    Parameters
    ----------
    coercer
        Turns raw columns into their kinds.
    ensemble
        Predicts coerced rows.
    classes : list
        Labels in the order of the probabilities; empty for a regression.
    calibration
        What makes the ensemble's probabilities mean what they say; None where they do.
    threshold
        The probability above which a row is called the last of two classes; None calls the likeliest class.
    conformal
        How far predictions may be off; None where that was not learned.

    Attributes
    ----------
    classes_ : list
        The same labels.
    threshold_ : float or None
        Of two classes: the probability above which a row is called the last of them. None for anything else.
    features_ : list of str
        Columns that the rows must have.
    """

    def __init__(
        self,
        coercer: Coercer,
        ensemble: Ensemble,
        classes: list[Any],
        calibration: TemperatureScaling | None = None,
        threshold: float | None = None,
        conformal: PredictionIntervals | PredictionSets | None = None,
    ) -> None:
        self.coercer = coercer
        self.ensemble = ensemble
        self.classes = classes
        self.calibration = calibration
        self.threshold = threshold
        self.conformal = conformal

    @property
    def classes_(self) -> list[Any]:
        """Labels in the order of the probabilities; empty for a regression."""
        return list(self.classes)

    @property
    def threshold_(self) -> float | None:
        """Of two classes the probability above which a row is called the last of them; None for anything else."""
        if len(self.classes) != 2:
            return None
        return 0.5 if self.threshold is None else self.threshold

    @property
    def features_(self) -> list[str]:
        """Columns that the rows must have."""
        return [str(column["name"]) for column in self.coercer.columns]

    @property
    def levels_(self) -> dict[str, set[str]]:
        """Of each column of categories those that are told from others; what training hardly ever saw is not."""
        known: dict[str, set[str]] = {}
        for codes in (member.encoder.codes_ for bag in self.ensemble.bags for member in bag.members):
            for name, levels in ({} if codes is None else codes.levels_).items():
                known.setdefault(name, set()).update(levels.tolist())
        return known

    def predict(self, frame: pd.DataFrame) -> Array:
        """Predict the label or the number of each row, shape (n_rows,).

        Raises
        ------
        ValueError
            If columns are missing; all are named.
        """
        predicted = self._predicted(frame)
        return self.labels(predicted) if self.classes else predicted

    def predict_proba(self, frame: pd.DataFrame) -> Array:
        """Give the probability of each class, shape (n_rows, n_classes), in the order of `classes_`."""
        if not self.classes:
            raise ValueError("The model predicts a number, so there are no classes to give probabilities of")
        return self._predicted(frame)

    def predict_interval(self, frame: pd.DataFrame, coverage: float = 0.9) -> Array:
        """Give the ends between which the true number lies as often as asked, shape (n_rows, 2): low, high.

        The promise holds on average over rows like those learned from, not for each kind of row by itself.

        Raises
        ------
        ValueError
            If the model predicts classes, or learned from too few rows for this coverage.
        """
        if not isinstance(self.conformal, PredictionIntervals):
            why = "predicts classes: ask for predict_set" if self.classes else "was made without intervals"
            raise ValueError(f"The model {why}")
        return self.conformal.interval(self._predicted(frame), coverage)

    def predict_set(self, frame: pd.DataFrame, coverage: float = 0.9) -> Array:
        """Tell which classes are needed for the true one to be among them as often as asked, shape (n_rows, n_classes).

        The promise holds on average over the rows of each class, if they are like those learned from and those were not
        too few to tell.

        Raises
        ------
        ValueError
            If the model predicts a number, or learned from too few rows for this coverage.
        """
        if not isinstance(self.conformal, PredictionSets):
            why = "was made without sets" if self.classes else "predicts a number: ask for predict_interval"
            raise ValueError(f"The model {why}")
        return self.conformal.contains(self._predicted(frame), coverage)

    def labels(self, probability: Array) -> Array:
        """Name the class that each row's probabilities speak for, shape (n_rows,)."""
        if self.threshold is None:
            return np.array(self.classes)[probability.argmax(axis=1)]
        return np.array(self.classes)[(probability[:, 1] > self.threshold).astype(int)]

    def _predicted(self, frame: pd.DataFrame) -> Array:
        if not isinstance(frame, pd.DataFrame):
            raise TypeError(f"The rows must be a pandas DataFrame, not {type(frame).__name__}")
        if not len(frame):
            self.coercer.transform(frame)
            return np.empty((0, len(self.classes)) if self.classes else 0)
        predicted = self.ensemble.predict(Look(self._reader().read(frame)))
        return predicted if self.calibration is None else self.calibration.transform(predicted)

    def _reader(self) -> FewRows:
        """Give what reads a few rows; made once, for a row alone would wait for it."""
        made: FewRows | None = self.__dict__.get("_few_rows")
        if made is None or made.coercer is not self.coercer:
            made = self.__dict__["_few_rows"] = FewRows(self.coercer)
        return made

    def __getstate__(self) -> dict[str, Any]:
        """Keep what was learned."""
        return {name: value for name, value in self.__dict__.items() if name != "_few_rows"}

    def __sklearn_is_fitted__(self) -> bool:
        return True
