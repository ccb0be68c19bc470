"""ExtraTrees: many random trees averaged; cheap, hard to overfit, and wrong where boosting is right."""

from __future__ import annotations

from typing import Literal

import optuna

from workbench.automl.families.base import Parameters, Setting
from workbench.estimators.forest import RandomTrees

MOST_LEAVES = 4_000  # a tree of more leaves takes megabytes of memory and hardly predicts better


class ExtraTrees:
    """Extremely randomised trees on the encoding that LightGBM uses."""

    name = "extra_trees"
    style: Literal["trees"] = "trees"
    cost = 4.0
    ends_early = True
    stops_by_rows = False
    side_by_side = True
    most_rows = 50_000

    def portfolio(self, setting: Setting) -> list[Parameters]:  # noqa: ARG002 - the same for all
        """Trees to the last row, which find the near-duplicates that many tables hold, and calmer ones for noise."""
        return [
            {"max_features": 0.5, "min_samples_leaf": 1},
            {"max_features": 0.5, "min_samples_leaf": 5},
            {"max_features": 1.0, "min_samples_leaf": 1},
            {"max_features": "sqrt", "min_samples_leaf": 1},
        ]

    def suggest(self, trial: optuna.Trial, setting: Setting) -> Parameters:  # noqa: ARG002 - the same for all
        """How many features a tree looks at, and how many rows a leaf holds."""
        return {
            "max_features": trial.suggest_categorical("max_features", ["sqrt", 0.25, 0.5, 0.75, 1.0]),
            "min_samples_leaf": trial.suggest_int("min_samples_leaf", 1, 32, log=True),
        }

    def build(self, parameters: Parameters, setting: Setting, *, seed: int) -> RandomTrees:
        """Make a forest with these parameters."""
        settings = grown_settings(parameters, setting, self.most_rows)
        return RandomTrees(
            settings, setting.classes, trees=min(setting.trees, setting.rounds), threads=setting.threads, seed=seed
        )


def grown_settings(parameters: Parameters, setting: Setting, most_rows: int) -> Parameters:
    """Give scikit-learn's arguments: impurity is that of the log loss, and leaves hold rows enough to be few."""
    fewest = min(setting.rows, most_rows) // (2 * MOST_LEAVES)
    settings = {**parameters, "min_samples_leaf": max(parameters["min_samples_leaf"], fewest)}
    return {**settings, "criterion": "log_loss"} if setting.classes else settings
