"""What a prediction costs, told without a clock, so that the same members are chosen on every machine.

The unit is 15 nanoseconds of one core for a row, when many rows are predicted. A tree of LightGBM takes about half a
unit a level, and one of CatBoost, whose nodes of a level are all alike, an eighth of a unit; to encode a row takes 10
to 3,000. A row alone waits even longer for its encoders than for its models.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.automl.fitting.trial import Trial

ENCODING = 200.0
# Trees of a forest are walked node by node, till leaves are pure; so are CatBoost's where they are not symmetric. On
# five tables LightGBM's trees of 8 leaves were seen to take about 20 ns, of 31 about 40, of 64 about 60; CatBoost's
# 2.
DEEP, WALKED, SYMMETRIC, LEVEL = 3.0, 1.5, 0.13, 0.45
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
    "ChosenColumns": lambda learner: work_of(learner.learner),
    "NearestRows": lambda learner: float(learner.rows_.size) / NUMBERS,
    "NeuralNetwork": lambda learner: _numbers(learner.layers_) / NUMBERS,
}


@dataclass(frozen=True, slots=True)
class Effort:
    """What one of each trial's models takes for a row, and how it encodes it: those that encode alike share that.

    Attributes
    ----------
    models
        How many models each trial averages.
    """

    work: tuple[float, ...]
    encoders: tuple[str, ...]
    models: int = 1

    def of(self, places: Collection[int]) -> float:
        """Add up what an ensemble of these trials takes."""
        each = ENCODING * len({self.encoders[place] for place in places}) + sum(self.work[place] for place in places)
        return self.models * each


def effort_of(trials: Sequence[Trial]) -> Effort:
    """Estimate what trials take, by what one of the models that predict new rows is made of."""
    models = [trial.final.members[0] if trial.final.members else None for trial in trials]
    return Effort(
        tuple(SLIGHT if model is None else work_of(model.learner) for model in models),
        tuple("" if model is None else _kind_of(model.encoder) for model in models),
        max([1, *(len(trial.final.members) for trial in trials)]),
    )


def work_of(learner: Any) -> float:
    """Estimate what a learner takes for one row; of a kind that is not known, little."""
    inner = getattr(learner, "learner", learner)  # of one that learns a transformed target
    return WORK.get(type(inner).__name__, lambda _: SLIGHT)(inner)


def _numbers(networks: Sequence[Sequence[Any]]) -> float:
    return float(sum(np.size(part) for layers in networks for part in layers))


def _kind_of(encoder: Any) -> str:
    return f"{type(encoder).__name__} {getattr(encoder, 'style', '')}"
