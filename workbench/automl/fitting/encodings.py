"""The folds of a task as matrices, encoded within each fold's training rows and kept for the trials to come."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Any

import numpy as np

from workbench.automl.problem.splits import Array, Folds, folds_of, sampled
from workbench.automl.task import Task
from workbench.errors import BadColumn
from workbench.estimators.dense import DenseEncoder
from workbench.estimators.encoder import TableEncoder
from workbench.estimators.prepared import PreparedEncoder

# Which encoder serves which style of a family.
ENCODERS: dict[str, Callable[..., Any]] = {
    "trees": partial(TableEncoder, style="trees"),
    "linear": partial(TableEncoder, style="linear"),
    "dense": DenseEncoder,
    "prepared": PreparedEncoder,
}
BESIDE = 1.75  # times its matrix: what trees keep of a fold, for further fits, beside it (bins, CatBoost's pool)


@dataclass(frozen=True, slots=True)
class EncodedFold:
    """One fold as matrices.

    Attributes
    ----------
    stop
        Rows of `matrix` by which learners find out when to stop, if those are kept apart.
    shared
        Where learners keep what further fits on these rows can use again.
    """

    encoder: TableEncoder
    train: Array
    matrix: Any
    valid: Array
    valid_matrix: Any
    stop: Array | None = None
    shared: dict[str, dict[str, Any]] = field(default_factory=dict)


class Encodings:
    """The folds of a task, encoded within each fold's training rows, kept for the trials to come while memory allows.

    Parameters
    ----------
    most_rows
        Training rows per fold; of more, a random sample is used.
    most_bytes
        Of matrices to keep and what is kept beside them; what does not fit is encoded again.

    Attributes
    ----------
    seconds : dict of str to float
        What the latest fold took to encode, by style.
    """

    def __init__(self, task: Task, folds: Folds, *, seed: int, most_rows: int | None, most_bytes: float) -> None:
        self.task, self.folds, self.seed = task, folds, seed
        self.most_rows, self.most_bytes = most_rows, most_bytes
        self.codes = task.codes
        self._kept: dict[tuple[str, int], EncodedFold] = {}
        self._bytes = 0.0
        self.seconds: dict[str, float] = {}
        self._books = Lock()  # of what is kept, and of who encodes what
        self._encoding: dict[tuple[str, int], Lock] = {}

    def fold(self, style: str, number: int) -> EncodedFold:
        """Give the matrices of one fold; the number after the last stands for all rows, none held out.

        Threads encode different folds side by side; one that asks for a fold another is at waits for it.
        """
        key = (style, number)
        with self._books:
            turn = self._encoding.setdefault(key, Lock())
        with turn:
            if key not in self._kept:
                began = time.monotonic()
                encoded = self._encode(style, number)
                self.seconds[style] = time.monotonic() - began
                return self._keep(key, encoded)
            return self._kept[key]

    def holds(self, style: str, number: int) -> bool:
        """Whether a fold is kept, so that it takes no time to encode."""
        return (style, number) in self._kept

    def let_go_of_folds(self) -> None:
        """Keep all rows only: no fold is fitted any more."""
        with self._books:
            self._kept = {key: encoded for key, encoded in self._kept.items() if key[1] == len(self.folds)}
            self._bytes = sum(_size(style, encoded) for (style, _), encoded in self._kept.items())

    def _keep(self, key: tuple[str, int], encoded: EncodedFold) -> EncodedFold:
        size = _size(key[0], encoded)
        with self._books:
            if self._bytes + size <= self.most_bytes:
                self._kept[key], self._bytes = encoded, self._bytes + size
        return encoded

    def _encode(self, style: str, number: int) -> EncodedFold:
        everything = np.arange(len(self.codes)), np.array([], dtype=np.int64)
        train, valid = self.folds.pairs[number] if number < len(self.folds) else everything
        train = sampled(train, self.codes, self.most_rows, classes=len(self.task.classes), seed=self.seed)
        encoder = encoder_of(style, self.task, self.seed)
        weight = None if self.task.weight is None else self.task.weight[train]
        matrix = encoder.fit_transform(self.task.frame.iloc[train], self.codes[train], weight)
        valid_matrix = encoder.transform(self.task.frame.iloc[valid]) if len(valid) else matrix[:0]
        return EncodedFold(encoder, train, matrix, valid, valid_matrix, self._kept_apart(train, valid))

    def _kept_apart(self, train: Array, valid: Array) -> Array | None:
        """Training rows to stop by when there is a single fold, whose validation rows must have no say in it."""
        if len(self.folds) > 1 or not len(valid):
            return None
        try:
            inner = folds_of(self.task, 1, seed=self.seed, rows=train)
        except BadColumn:  # the groups or times were just enough for one split
            return None
        return np.searchsorted(train, inner.validated)


def encoder_of(style: str, task: Task, seed: int) -> Any:
    """Make the encoder that serves a family's style, to be fitted on some rows of a task."""
    columns = [task.schema[name] for name in task.features]
    kinds = {column.name: "calendar" if column.role == "time" else str(column.kind) for column in columns}
    return ENCODERS[style](kinds=kinds, classes=len(task.classes), seed=seed)


def _size(style: str, encoded: EncodedFold) -> float:
    """Bytes that a fold and what is kept beside it take."""
    beside = 1.0 if style in ("linear", "dense") else BESIDE
    return beside * (_bytes(encoded.matrix) + _bytes(encoded.valid_matrix))


def _bytes(matrix: Any) -> int:
    return int(matrix.data.nbytes)
