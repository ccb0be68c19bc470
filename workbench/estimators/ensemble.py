"""Fitted models joined: folds averaged, families weighted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, reduce
from itertools import islice
from operator import add
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped] # ships no types

from .look import Look

Array = npt.NDArray[Any]
MANY_ROWS = 500  # from here on threads are worth gathering: the encoder and the model of each fold take milliseconds
_LIMITED = Lock()


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
        return next(_averages([self.members], Look.at(rows)))


class Ensemble(BaseEstimator):
    """A weighted average of bags.

    Parameters
    ----------
    bags : list of Bag
    weights : list of float
        One for each; they sum to 1.
    least
        What no prediction lies below: 0 where a number is predicted that was never negative. None sets no bound.
    """

    def __init__(self, bags: list[Bag], weights: list[float], least: float | None = None) -> None:
        self.bags = bags
        self.weights = weights
        self.least = least

    def predict(self, rows: pd.DataFrame | Look) -> Array:
        """Give class probabilities, shape (n_rows, n_classes), or values, shape (n_rows,), of coerced rows."""
        averages = _averages([bag.members for bag in self.bags], Look.at(rows))
        average = reduce(add, (weight * said for weight, said in zip(self.weights, averages, strict=True)))
        return average if self.least is None else np.maximum(average, self.least)


def _averages(bags: list[list[FoldModel]], look: Look) -> Iterator[Array]:
    """Average each bag, one after the other, while threads predict what is asked next."""
    models = [model for bag in bags for model in bag]
    hands = min(_cores(), len(models)) if len(look) >= MANY_ROWS else 1
    if hands == 1:
        yield from _averaged(bags, (model.predict(look) for model in models))
        return
    with _one_blas_thread(), ThreadPoolExecutor(hands) as pool:
        yield from _averaged(bags, pool.map(lambda model: model.predict(look), models))


def _averaged(bags: list[list[FoldModel]], said: Iterator[Array]) -> Iterator[Array]:
    for bag in bags:
        yield reduce(add, islice(said, len(bag))) / len(bag)


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Let BLAS work by one thread: its others wait for work in a loop, and would take the cores from the models.

    The limit is the process's. While it holds for one prediction others leave it alone: what overlaps would put back
    what it found, one thread, when the first is long over.
    """
    if not _LIMITED.acquire(blocking=False):
        yield
        return
    try:
        with _libraries().limit(limits=1, user_api="blas"):
            yield
    finally:
        _LIMITED.release()


@cache
def _libraries() -> Any:
    """Find the libraries that have threads of their own; to look for them each time takes milliseconds."""
    return ThreadpoolController()


def _cores() -> int:
    """Count the processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
