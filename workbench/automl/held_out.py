"""Rows that a fold's models never saw, with the models to ask about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.automl.fitting import as_predicted
from workbench.automl.result import Result
from workbench.automl.splits import Array, sampled
from workbench.metrics import Predicted

Columns = dict[str, Array]
ROWS_PER_SECOND = 20_000  # a careful guess at what an ensemble predicts on a laptop
MOST_CELLS = 2_000_000  # of a table that is predicted at once


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Some validated rows, each with the fold that validated it.

    Attributes
    ----------
    places, fold : ndarray of int, shape (n_rows,)
        Positions in ``Task.frame``, and the number of the fold whose models have not seen the row.
    columns : dict of str to ndarray
        The features of these rows, coerced.
    """

    result: Result
    places: Array
    fold: Array
    columns: Columns

    def predict(self, columns: Columns, copies: int = 1) -> Array:
        """Predict so many copies of these rows, one after another, every row by models that have not seen it."""
        frame, fold = pd.DataFrame(columns), np.tile(self.fold, copies)
        parts = [(rows, self.result.fold_models[f].predict(frame.iloc[rows])) for f, rows in _by_fold(fold)]
        predicted = np.empty((len(fold), *parts[0][1].shape[1:]))
        for rows, part in parts:
            predicted[rows] = part
        return predicted

    def predicted(self, prediction: Array) -> Predicted:
        """Set predictions of these rows beside their truth."""
        return as_predicted(self.result.task, prediction, self.places)

    def first(self, rows: int) -> HeldOut:
        """Take fewer of the rows; they are in random order."""
        columns = {name: values[:rows] for name, values in self.columns.items()}
        return HeldOut(self.result, self.places[:rows], self.fold[:rows], columns)


def held_out(result: Result, most: int) -> HeldOut:
    """Draw at most about so many validated rows, in random order; the rows of rare classes are all among them."""
    task, fold_of = result.task, result.folds.fold_of
    rows = sampled(result.folds.validated, task.codes, most, classes=len(task.classes), seed=result.seed)
    rows = np.random.default_rng(result.seed).permutation(rows)
    frame = task.frame.iloc[rows]
    return HeldOut(result, rows, fold_of[rows], {str(name): frame[name].to_numpy() for name in frame.columns})


def _by_fold(fold: Array) -> list[tuple[int, Array]]:
    return [(int(number), np.flatnonzero(fold == number)) for number in np.unique(fold)]


def repeated(columns: Columns, copies: int, replaced: dict[str, Any] | None = None) -> Columns:
    """Repeat rows so many times, some columns replaced by values for all copies."""
    replaced = replaced or {}
    return {name: replaced[name] if name in replaced else np.tile(v, copies) for name, v in columns.items()}
