"""The model that is handed out: raw rows in, labels or numbers out."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator

from .coerce import Coercer
from .ensemble import Ensemble

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

    Attributes
    ----------
    classes_ : list
        The same labels.
    features_ : list of str
        Columns that the rows must have.
    """

    def __init__(self, coercer: Coercer, ensemble: Ensemble, classes: list[Any]) -> None:
        self.coercer = coercer
        self.ensemble = ensemble
        self.classes = classes

    @property
    def classes_(self) -> list[Any]:
        """Labels in the order of the probabilities; empty for a regression."""
        return list(self.classes)

    @property
    def features_(self) -> list[str]:
        """Columns that the rows must have."""
        return [str(column["name"]) for column in self.coercer.columns]

    def predict(self, frame: pd.DataFrame) -> Array:
        """Predict the label or the number of each row, shape (n_rows,).

        Raises
        ------
        ValueError
            If columns are missing; all are named.
        """
        predicted = self._predicted(frame)
        return np.array(self.classes)[predicted.argmax(axis=1)] if self.classes else predicted

    def predict_proba(self, frame: pd.DataFrame) -> Array:
        """Give the probability of each class, shape (n_rows, n_classes), in the order of `classes_`."""
        if not self.classes:
            raise ValueError("The model predicts a number, so there are no classes to give probabilities of")
        return self._predicted(frame)

    def _predicted(self, frame: pd.DataFrame) -> Array:
        if not isinstance(frame, pd.DataFrame):
            raise TypeError(f"The rows must be a pandas DataFrame, not {type(frame).__name__}")
        coerced = self.coercer.transform(frame)
        if not len(coerced):
            return np.empty((0, len(self.classes)) if self.classes else 0)
        return self.ensemble.predict(coerced)

    def __sklearn_is_fitted__(self) -> bool:
        return True
