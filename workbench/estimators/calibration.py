"""Probabilities made to mean what they say: one temperature for all classes, and a bias for each where that pays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.base import BaseEstimator

from .link import probabilities_of

Array = npt.NDArray[Any]
LEAST = 1e-7  # a probability below is read as this: a class is never impossible because no tree had seen it there
SHARPEST, FLATTEST = 5.0, 0.2


class TemperatureScaling(BaseEstimator):
    """Sharpen or flatten probabilities: softmax(sharpness · log p + bias).

    The sharpness is one over the temperature of Guo, Pleiss, Sun and Weinberger (2017); with a bias for two classes
    this is Platt's (1999) scaling. A row's order of classes only changes where there is a bias.

    Parameters
    ----------
    biased
        Whether `fit` also learns a bias for each class.

    Attributes
    ----------
    sharpness_ : float
        Above 1 where the probabilities were too timid, below 1 where they were too sure.
    bias_ : ndarray, shape (n_classes,)
        Added to the logarithms; the mean is 0.
    """

    def __init__(self, biased: bool = False) -> None:
        self.biased = biased

    def fit(self, probability: Array, codes: Array, weight: Array | None = None) -> TemperatureScaling:
        """Find the sharpness, and the bias if asked for, by which the log loss is least.

        As in Platt's scaling a class of n rows aims at (n + 1) / (n + 2), not at 1: rows that are all told apart
        would else be called certain.

        Parameters
        ----------
        probability : ndarray, shape (n_rows, n_classes)
            Of rows that the model did not learn from.
        codes : ndarray of int, shape (n_rows,)
            The true class of each row, as its place among the columns.
        weight : ndarray, shape (n_rows,), optional
        """
        logs, classes = _logs(probability), probability.shape[1]
        share = np.ones(len(codes)) if weight is None else weight
        share = share / share.sum()
        aim = _aim(codes, classes)

        def loss(parameters: Array) -> tuple[float, Array]:
            scores = parameters[0] * logs + (parameters[1:] if self.biased else 0.0)
            told = log_softmax(scores, axis=1)
            apart = share[:, None] * (np.exp(told) - aim)
            slope = [(apart * logs).sum(), *(apart.sum(axis=0) if self.biased else ())]
            return -float(share @ (aim * told).sum(axis=1)), np.array(slope)

        start = np.zeros(1 + classes * self.biased)
        start[0] = 1.0
        bounds = [(FLATTEST, SHARPEST), *[(-5.0, 5.0)] * (classes * self.biased)]
        found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 25}).x
        self.sharpness_ = float(found[0])
        self.bias_ = found[1:] - found[1:].mean() if self.biased else np.zeros(classes)
        return self

    def transform(self, probability: Array) -> Array:
        """Give the calibrated probabilities, shape (n_rows, n_classes)."""
        if not len(probability):
            return probability
        return probabilities_of(self.sharpness_ * _logs(probability) + self.bias_)


def _logs(probability: Array) -> Array:
    return np.asarray(np.log(np.minimum(np.maximum(probability, LEAST), 1.0)))


def _aim(codes: Array, classes: int) -> Array:
    """Set what each row aims at, shape (n_rows, n_classes): nearly 1 for its class, the rest for the others."""
    rows = np.bincount(codes, minlength=classes)
    left = (1.0 / (rows + 2.0))[codes]
    aim = np.repeat((left / (classes - 1))[:, None], classes, axis=1)
    aim[np.arange(len(codes)), codes] = 1.0 - left
    return aim
