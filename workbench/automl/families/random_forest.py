"""Random forest: trees with the best cuts on rows drawn with replacement; a calmer voice beside ExtraTrees."""

from __future__ import annotations

from typing import Literal

import optuna

from workbench.automl.families.base import Parameters, Setting
from workbench.automl.families.extra_trees import ExtraTrees, grown_settings
from workbench.estimators.forest import RandomTrees


class RandomForest(ExtraTrees):
    """Breiman's random forest; what can be set is the same as for ExtraTrees."""

    name = "random_forest"
    style: Literal["trees"] = "trees"
    cost = 7.0

    def portfolio(self, setting: Setting) -> list[Parameters]:
        """Few features for classes, half of them for numbers; then the other way round."""
        few, half = {"max_features": "sqrt", "min_samples_leaf": 1}, {"max_features": 0.5, "min_samples_leaf": 1}
        return [few, half] if setting.classes else [half, few]

    def suggest(self, trial: optuna.Trial, setting: Setting) -> Parameters:
        """How many features a cut looks at, and how many rows a leaf holds."""
        return super().suggest(trial, setting)

    def build(self, parameters: Parameters, setting: Setting, *, seed: int) -> RandomTrees:
        """Make a forest with these parameters."""
        settings = grown_settings(parameters, setting, self.most_rows)
        return RandomTrees(
            settings,
            setting.classes,
            trees=min(setting.trees, setting.rounds),
            threads=setting.threads,
            seed=seed,
            bootstrap=True,
        )
