"""Fitted models joined: folds averaged, families weighted."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator

Array = npt.NDArray[Any]


class FoldModel(BaseEstimator):
    """What was fitted on the training rows of one fold: the encoder, and the model on its matrix."""

    def __init__(self, encoder: Any, learner: Any) -> None:
        self.encoder = encoder
        self.learner = learner

    def predict(self, frame: pd.DataFrame, encoded: dict[int, Any] | None = None) -> Array:
        """Predict coerced rows; `encoded` remembers matrices, for models often share an encoder."""
        encoded = {} if encoded is None else encoded
        key = id(self.encoder)
        if key not in encoded:
            encoded[key] = self.encoder.transform(frame)
        return self.learner.predict(encoded[key])


class Bag(BaseEstimator):
    """The average of one configuration's fold models."""

    def __init__(self, members: list[FoldModel]) -> None:
        self.members = members

    def predict(self, frame: pd.DataFrame, encoded: dict[int, Any] | None = None) -> Array:
        """Average the members' predictions."""
        encoded = {} if encoded is None else encoded
        total = self.members[0].predict(frame, encoded)
        for member in self.members[1:]:
            total = total + member.predict(frame, encoded)
        return total / len(self.members)


class Ensemble(BaseEstimator):
    """A weighted average of bags.

    Parameters
    ----------
    bags : list of Bag
    weights : list of float
        One for each; they sum to 1.
    """

    def __init__(self, bags: list[Bag], weights: list[float]) -> None:
        self.bags = bags
        self.weights = weights

    def predict(self, frame: pd.DataFrame) -> Array:
        """Give class probabilities, shape (n_rows, n_classes), or values, shape (n_rows,), of coerced rows."""
        encoded: dict[int, Any] = {}
        parts = (weight * bag.predict(frame, encoded) for weight, bag in zip(self.weights, self.bags, strict=True))
        return np.sum(np.array(list(parts)), axis=0)
