"""Linear models: fast, smooth, easy to explain, and a good voice beside trees."""

from __future__ import annotations

from typing import Literal

import optuna

from workbench.automl.families.base import Parameters, Setting, on_both_scales, suggested_scale
from workbench.estimators.linear import LinearModel

ROUNDS = 10  # of twenty steps; few tables need more than five


class Linear:
    """Logistic or ridge regression on scaled numbers, pieces of their ranges, and one column per level."""

    name = "linear"
    style: Literal["linear"] = "linear"
    cost = 1.5
    ends_early = True
    stops_by_rows = False
    side_by_side = False  # scikit-learn sets warning filters while it fits, which are one for all threads
    most_rows = 50_000

    def portfolio(self, setting: Setting) -> list[Parameters]:
        """Try a light penalty, a lighter one that texts want, a heavy one; that first for many columns and few rows."""
        light, lighter, heavy = {"penalty": 1e-3}, {"penalty": 1e-4}, {"penalty": 1e-2}
        portfolio = [heavy, light, lighter] if setting.columns > setting.rows / 10 else [light, lighter, heavy]
        return on_both_scales(portfolio, setting, twice=1)

    def suggest(self, trial: optuna.Trial, setting: Setting) -> Parameters:
        """Vary the strength of the penalty."""
        return {"penalty": trial.suggest_float("penalty", 1e-5, 3.0, log=True), **suggested_scale(trial, setting)}

    def build(self, parameters: Parameters, setting: Setting, *, seed: int) -> LinearModel:  # noqa: ARG002 - no chance in it
        """Make a linear model with this penalty."""
        return LinearModel(float(parameters["penalty"]), setting.classes, rounds=min(ROUNDS, setting.rounds))
