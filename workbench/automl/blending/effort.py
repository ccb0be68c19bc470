"""What a prediction costs, told without a clock, so that the same members are chosen on every machine.

The unit is 15 nanoseconds of one core for a row, when many rows are predicted. A tree of LightGBM takes about 0.6
units a level, and one of CatBoost, whose nodes of a level are all alike, an eighth of a unit. A row alone waits even
longer for its encoders than for its models.
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
        float(learner.rounds_)
        * (learner.classes if learner.classes > 2 else 1)
        * LEVEL
        * float(np.log2(max(2, learner.settings.get("num_leaves", LEAVES))))
    ),
    # One tree for all classes.
    "CategoricalBoostedTrees": lambda learner: (
        float(learner.rounds_)
        * (SYMMETRIC if learner.settings.get("grow_policy", "") in ("", "SymmetricTree") else WALKED)
    ),
    "RandomTrees": lambda learner: DEEP * float(learner.rounds_),
    "LogTarget": lambda learner: work_of(learner.learner),
    "PlainUnit": lambda learner: work_of(learner.learner),
    "ChosenColumns": lambda learner: work_of(learner.learner),
    "NearestRows": lambda learner: float(learner.rows_.size) / NUMBERS,
    "NeuralNetwork": lambda learner: _numbers(learner.layers_) / NUMBERS,
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


def effort_of(trials: Sequence[Trial], row: pd.DataFrame) -> Effort:
    """Estimate what trials take, by what one of the models that predict new rows is made of.

    Parameters
    ----------
    row : DataFrame, shape (1, n_columns)
        Of the coerced table, to see how wide it becomes.
    """
    models = [trial.final.members[0] if trial.final.members else None for trial in trials]
    encoders = {_kind_of(model.encoder): model.encoder for model in models if model is not None}
    return Effort(
        tuple(SLIGHT if model is None else work_of(model.learner) for model in models),
        tuple("" if model is None else _kind_of(model.encoder) for model in models),
        {"": ENCODING, **{kind: encoding_of(encoder, row) for kind, encoder in encoders.items()}},
        max([1, *(len(trial.final.members) for trial in trials)]),
    )


def encoding_of(encoder: Any, row: pd.DataFrame) -> float:
    """Estimate what it takes to encode one row."""
    return ENCODING + COLUMN * encoder.transform(row).shape[1] + PROSE * len(getattr(encoder, "text_", ()))


def work_of(learner: Any) -> float:
    """Estimate what a learner takes for one row; of a kind that is not known, little."""
    inner = getattr(learner, "learner", learner)  # of one that learns a transformed target
    return WORK.get(type(inner).__name__, lambda _: SLIGHT)(inner)


def _numbers(networks: Sequence[Sequence[Any]]) -> float:
    return float(sum(np.size(part) for layers in networks for part in layers))


def _kind_of(encoder: Any) -> str:
    return f"{type(encoder).__name__} {getattr(encoder, 'style', '')}"
