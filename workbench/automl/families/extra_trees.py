"""ExtraTrees: many random trees averaged; cheap, hard to overfit, and wrong where boosting is right."""

from __future__ import annotations

from typing import Any, Literal

import optuna

from workbench.automl.families.base import Parameters, Setting
from workbench.estimators.forest import RandomTrees

TREES = 50  # a fold; the bag of folds then has hundreds
MOST_LEAVES = 1500  # a tree of more leaves takes megabytes in a stored model and hardly predicts better


class ExtraTrees:
    """Extremely randomised trees on the encoding that LightGBM uses."""

    name = "extra_trees"
    style: Literal["trees"] = "trees"
    cost = 2.0
    ends_early = True
    stops_by_rows = False
    side_by_side = True
    most_rows = 50_000

    def portfolio(self, setting: Setting) -> list[Parameters]:
        """Half of the features and leaves of a few rows, then the two ways away from it."""
        if setting.classes:
            return [{"max_features": 0.5, "min_samples_leaf": 5}, {"max_features": "sqrt", "min_samples_leaf": 2}]
        return [{"max_features": 0.5, "min_samples_leaf": 2}, {"max_features": 1.0, "min_samples_leaf": 1}]

    def suggest(self, trial: optuna.Trial, setting: Setting) -> Parameters:  # noqa: ARG002 - the same for all
        """How many features a tree looks at, and how many rows a leaf holds."""
        return {
            "max_features": trial.suggest_categorical("max_features", ["sqrt", 0.25, 0.5, 0.75, 1.0]),
            "min_samples_leaf": trial.suggest_int("min_samples_leaf", 1, 32, log=True),
        }

    def build(self, parameters: Parameters, setting: Setting, *, seed: int) -> RandomTrees:
        """Make a forest with these parameters."""
        settings: dict[str, Any] = dict(parameters)
        settings["min_samples_leaf"] = max(
            settings["min_samples_leaf"], min(setting.rows, self.most_rows) // (2 * MOST_LEAVES)
        )
        return RandomTrees(settings, setting.classes, trees=TREES, threads=setting.threads, seed=seed)
