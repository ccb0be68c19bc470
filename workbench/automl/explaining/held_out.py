"""Rows that a fold's models never saw, with the models to ask about them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from workbench.automl.fitting.trial import as_predicted
from workbench.automl.problem.splits import Array, drawn_of_each
from workbench.automl.result import Result
from workbench.metrics import Predicted

Columns = dict[str, Array]
ROWS_PER_SECOND = 20_000  # a guess at what an ensemble predicts on a laptop, for when no clock is read
PROBES = 50, 350  # rows
MOST_CELLS = 2_000_000  # of a table that is predicted at once


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Some validated rows, each with the fold that validated it.

    Attributes
    ----------
    places, fold : ndarray of int, shape (n_rows,)
        Positions in ``Task.frame``, and the number of the fold whose models have not seen the row.
    weight : ndarray, shape (n_rows,)
        How many of all validated rows each stands for: rows of rare classes are drawn more often, or a few of them
        would decide everything.
    columns : dict of str to ndarray
        The features of these rows, coerced.
    """

    result: Result
    places: Array
    fold: Array
    weight: Array
    columns: Columns

    def predict(self, columns: Columns, copies: int = 1) -> Array:
        """Predict so many copies of these rows, one after another, every row by models that have not seen it."""
        frame, fold = pd.DataFrame(columns), np.tile(self.fold, copies)
        parts = [(rows, predictor(self.result, f)(frame.iloc[rows])) for f, rows in _by_fold(fold)]
        predicted = np.empty((len(fold), *parts[0][1].shape[1:]))
        for rows, part in parts:
            predicted[rows] = part
        calibration = self.result.model.calibration
        return predicted if calibration is None else calibration.transform(predicted)

    def predicted(self, prediction: Array) -> Predicted:
        """Set predictions of these rows beside their truth, labels as the model gives them."""
        said = as_predicted(self.result.task, prediction, self.places)
        return replace(said, prediction=self.result.model.labels(prediction)) if said.classes else said

    def first(self, rows: int) -> HeldOut:
        """Take fewer of the rows; they are in random order."""
        columns = {name: values[:rows] for name, values in self.columns.items()}
        return HeldOut(self.result, self.places[:rows], self.fold[:rows], self.weight[:rows], columns)


def held_out(result: Result, most: int) -> HeldOut:
    """Draw about so many validated rows, in random order."""
    task, validated = result.task, result.folds.validated
    random = np.random.default_rng(result.seed)
    strata = task.codes[validated] if task.classes else np.zeros(len(validated), dtype=np.int64)
    counts = np.bincount(strata, minlength=1)
    wanted = np.ceil(np.minimum(counts, np.maximum(most * counts / len(strata), most / (2 * len(counts))))).astype(int)
    places, stands_for = drawn_of_each(strata, wanted.tolist(), random)
    order = random.permutation(len(places))
    rows = validated[places[order]]
    frame = task.frame.iloc[rows]
    columns = {str(name): frame[name].to_numpy() for name in frame.columns}
    return HeldOut(result, rows, result.folds.fold_of[rows], stands_for[order], columns)


def predictor(result: Result, fold: int) -> Callable[[pd.DataFrame], Array]:
    """Give what predicts coerced rows that the models of this fold have not seen, calibrated as the model is."""
    ensemble, calibration = result.fold_models[fold], result.model.calibration
    return ensemble.predict if calibration is None else lambda frame: calibration.transform(ensemble.predict(frame))


def pace(result: Result) -> float:
    """Measure how many rows a second are predicted, beyond what a call costs by itself: 2,000 to 50,000 are usual."""
    seconds = []
    for rows in PROBES:
        frame = result.task.frame.iloc[:rows]
        began = time.perf_counter()
        result.fold_models[0].predict(frame)
        seconds.append(time.perf_counter() - began)
    return float((PROBES[1] - PROBES[0]) / max(seconds[1] - seconds[0], 1e-3))


def _by_fold(fold: Array) -> list[tuple[int, Array]]:
    return [(int(number), np.flatnonzero(fold == number)) for number in np.unique(fold)]


def repeated(columns: Columns, copies: int, replaced: dict[str, Any] | None = None) -> Columns:
    """Repeat rows so many times, some columns replaced by values for all copies."""
    replaced = replaced or {}
    return {name: replaced[name] if name in replaced else np.tile(v, copies) for name, v in columns.items()}
