"""Fitted models joined: folds averaged, families weighted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator

from .look import Look

Array = npt.NDArray[Any]
MANY_ROWS = 2_000  # from here on threads are worth gathering: a fold's encoder and model for each
SIDE_BY_SIDE = 2


class FoldModel(BaseEstimator):
    """What was fitted on the training rows of one fold: the encoder, and the model on its matrix."""

    def __init__(self, encoder: Any, learner: Any) -> None:
        self.encoder = encoder
        self.learner = learner

    def predict(self, rows: pd.DataFrame | Look) -> Array:
        """Predict coerced rows; a `Look` remembers matrices, for models often share an encoder."""
        look = Look.at(rows)
        matrix = look.once(("matrix", id(self.encoder)), lambda: self.encoder.transform(look))
        return np.asarray(self.learner.predict(matrix))


class Bag(BaseEstimator):
    """The average of one configuration's fold models."""

    def __init__(self, members: list[FoldModel]) -> None:
        self.members = members

    def predict(self, rows: pd.DataFrame | Look) -> Array:
        """Average the members' predictions; they are added up in one order, however many are made at a time."""
        look = Look.at(rows)
        if len(look) < MANY_ROWS or len(self.members) == 1:
            said = [member.predict(look) for member in self.members]
        else:
            with ThreadPoolExecutor(SIDE_BY_SIDE) as hands:
                said = list(hands.map(lambda member: member.predict(look), self.members))
        total = said[0]
        for one in said[1:]:
            total = total + one
        return total / len(said)


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

    def predict(self, rows: pd.DataFrame | Look) -> Array:
        """Give class probabilities, shape (n_rows, n_classes), or values, shape (n_rows,), of coerced rows."""
        look = Look.at(rows)
        parts = (weight * bag.predict(look) for weight, bag in zip(self.weights, self.bags, strict=True))
        return np.sum(np.array(list(parts)), axis=0)
