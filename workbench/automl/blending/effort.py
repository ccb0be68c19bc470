"""What a prediction costs, told without a clock, so that the same members are chosen on every machine.

The unit is what a row takes in one boosted tree when many rows are predicted, taken as 15 nanoseconds, for on four
tables of 11 to 136 columns it was 9 to 61. To encode a row took as long as 10 to 500 of them. A row alone waits even
longer for its encoders than for its models.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.automl.fitting.trial import Trial

ENCODING = 200.0
# Trees of a forest are walked node by node, till leaves are pure; so are CatBoost's where they are not symmetric.
DEEP, WALKED, SYMMETRIC = 4.0, 1.5, 0.3
NUMBERS = 200.0  # products of so many weights, or of so many numbers of rows that may be neighbours
SLIGHT = 5.0  # anything else: a product with one vector
# By name: CatBoost takes a while to import, and may not be here.
WORK: dict[str, Callable[[Any], float]] = {
    "BoostedTrees": lambda learner: float(learner.rounds_) * (learner.classes if learner.classes > 2 else 1),
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
    """What each trial's models take for a row, and how each encodes it: those that encode alike share that."""

    work: tuple[float, ...]
    encoders: tuple[str, ...]

    def of(self, places: Collection[int]) -> float:
        """Add up what an ensemble of these trials takes."""
        return ENCODING * len({self.encoders[place] for place in places}) + sum(self.work[place] for place in places)


def effort_of(trials: Sequence[Trial]) -> Effort:
    """Estimate what trials take, by what one of the models that predict new rows is made of."""
    models = [trial.final.members[0] if trial.final.members else None for trial in trials]
    return Effort(
        tuple(SLIGHT if model is None else work_of(model.learner) for model in models),
        tuple("" if model is None else _kind_of(model.encoder) for model in models),
    )


def work_of(learner: Any) -> float:
    """Estimate what a learner takes for one row; of a kind that is not known, little."""
    inner = getattr(learner, "learner", learner)  # of one that learns a transformed target
    return WORK.get(type(inner).__name__, lambda _: SLIGHT)(inner)


def _numbers(networks: Sequence[Sequence[Any]]) -> float:
    return float(sum(np.size(part) for layers in networks for part in layers))


def _kind_of(encoder: Any) -> str:
    return f"{type(encoder).__name__} {getattr(encoder, 'style', '')}"
