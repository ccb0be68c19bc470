"""What a prediction costs, told without a clock, so that the same members are chosen on every machine.

The unit is 15 nanoseconds of one core for a row, when many rows are predicted. A tree of LightGBM takes about 0.6
units a level, and one of CatBoost, whose nodes of a level are all alike, an eighth of a unit.

A row alone is another matter: there it is not the trees that take long but how a library is called, so it is told in
microseconds of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.automl.fitting.trial import Trial

# To encode a row: whatever it is, for each column of the matrix (on five tables 9 to 18 ns of 10,000 rows, in all
# styles), and for each column of prose, whose words are looked up.
ENCODING, COLUMN, PROSE = 100.0, 1.0, 1_000.0
# Trees of a forest are walked node by node, till leaves are pure; so are CatBoost's where they are not symmetric. On
# five tables LightGBM's trees of 8 leaves were seen to take about 20 ns, of 20 to 31 from 27 to 55 (most where they cut
# through categories), of 64 about 60; CatBoost's 2.
DEEP, WALKED, SYMMETRIC, LEVEL = 3.0, 1.5, 0.13, 0.6
LEAVES = 31  # of LightGBM's trees, unless it is told otherwise
NUMBERS = 200.0  # products of so many weights, or of so many numbers of rows that may be neighbours
SLIGHT = 5.0  # anything else: a product with one vector
# By name: CatBoost takes a while to import, and may not be here.
WORK: dict[str, Callable[[Any], float]] = {
    "BoostedTrees": lambda learner: (
        _trees(learner) * LEVEL * float(np.log2(max(2, learner.settings.get("num_leaves", LEAVES))))
    ),
    # One tree for all classes.
    "CategoricalBoostedTrees": lambda learner: (
        float(learner.rounds_)
        * (SYMMETRIC if learner.settings.get("grow_policy", "") in ("", "SymmetricTree") else WALKED)
    ),
    "RandomTrees": lambda learner: DEEP * float(learner.rounds_),
    "NearestRows": lambda learner: float(learner.rows_.size) / NUMBERS,
    "NeuralNetwork": lambda learner: _numbers(learner.layers_) / NUMBERS,
}
# Microseconds for a row alone, seen on ten tables: to encode it, for each column of the matrix and each of prose; and
# to call a library, beside what its trees, weights or rows take.
ROW_ENCODING, ROW_COLUMN, ROW_PROSE = 15.0, 0.5, 150.0
ROW_SLIGHT = 5.0
MOST_COLUMNS = 300  # beyond, a matrix is of words and levels, of which only those are looked at that a row has
ROW_WORK: dict[str, Callable[[Any], float]] = {
    "BoostedTrees": lambda learner: 25.0 + 0.03 * _trees(learner),
    "CategoricalBoostedTrees": lambda learner: 130.0 + 0.05 * float(learner.rounds_),
    "RandomTrees": lambda learner: 5.0 + 0.15 * float(learner.rounds_),
    "NearestRows": lambda learner: 50.0 + float(learner.rows_.size) / 4_000.0,
    "NeuralNetwork": lambda learner: 25.0 + _numbers(learner.layers_) / 10_000.0,
}


@dataclass(frozen=True, slots=True)
class Effort:
    """What one of each trial's models takes for a row, and how it encodes it: those that encode alike share that.

    Attributes
    ----------
    encoding
        What each way to encode takes.
    models
        How many models each trial averages.
    """

    work: tuple[float, ...]
    encoders: tuple[str, ...]
    encoding: Mapping[str, float]
    models: int = 1

    def of(self, places: Collection[int]) -> float:
        """Add up what an ensemble of these trials takes."""
        encoding = sum(self.encoding[encoder] for encoder in {self.encoders[place] for place in places})
        return self.models * (encoding + sum(self.work[place] for place in places))


def effort_of(trials: Sequence[Trial], row: pd.DataFrame, *, alone: bool = False) -> Effort:
    """Estimate what trials take, by what one of the models that predict new rows is made of.

    Parameters
    ----------
    row : DataFrame, shape (1, n_columns)
        Of the coerced table, to see how wide it becomes.
    alone
        Whether rows will come one at a time, each to one model of a trial, and not by the thousands.
    """
    models = [trial.final.members[0] if trial.final.members else None for trial in trials]
    encoders = {_kind_of(model.encoder): model.encoder for model in models if model is not None}
    slight, work, encoding = (ROW_SLIGHT, row_work_of, row_encoding_of) if alone else (SLIGHT, work_of, encoding_of)
    return Effort(
        tuple(slight if model is None else work(model.learner) for model in models),
        tuple("" if model is None else _kind_of(model.encoder) for model in models),
        {
            "": ROW_ENCODING if alone else ENCODING,
            **{kind: encoding(encoder, row) for kind, encoder in encoders.items()},
        },
        1 if alone else max([1, *(len(trial.final.members) for trial in trials)]),
    )


def encoding_of(encoder: Any, row: pd.DataFrame) -> float:
    """Estimate what it takes to encode one row of many."""
    return ENCODING + COLUMN * encoder.transform(row).shape[1] + PROSE * len(getattr(encoder, "text_", ()))


def row_encoding_of(encoder: Any, row: pd.DataFrame) -> float:
    """Estimate what it takes to encode a row alone; words and letters that are looked up take longest."""
    spelled = len(getattr(encoder, "texts_", ())) + len(getattr(encoder, "words_", ()))
    columns = encoder.transform(row).shape[1]
    return ROW_ENCODING + ROW_COLUMN * min(columns, MOST_COLUMNS) + ROW_PROSE * spelled


def work_of(learner: Any) -> float:
    """Estimate what a learner takes for one row; of a kind that is not known, little."""
    inner = _inner(learner)
    return WORK.get(type(inner).__name__, lambda _: SLIGHT)(inner)


def row_work_of(learner: Any) -> float:
    """Estimate what a learner takes for a row alone; of a kind that is not known, little."""
    inner = _inner(learner)
    return ROW_WORK.get(type(inner).__name__, lambda _: ROW_SLIGHT)(inner)


def _inner(learner: Any) -> Any:
    """Give the learner inside those that transform a target or choose columns for it."""
    while hasattr(learner, "learner"):
        learner = learner.learner
    return learner


def _trees(learner: Any) -> float:
    """Count the trees that LightGBM walks for a row: one for each of several classes and round."""
    return float(learner.rounds_) * (learner.classes if learner.classes > 2 else 1)


def _numbers(networks: Sequence[Sequence[Any]]) -> float:
    return float(sum(np.size(part) for layers in networks for part in layers))


def _kind_of(encoder: Any) -> str:
    return f"{type(encoder).__name__} {getattr(encoder, 'style', '')}"
