"""Nearest neighbours: slow and coarse on most tables, and hard to beat where rows nearly repeat each other."""

from __future__ import annotations

from typing import Literal

import optuna

from workbench.automl.families.base import Parameters, Setting
from workbench.estimators.neighbours import NearestRows

MOST_COLUMNS = 100  # among more, all rows are about equally far away


class Neighbours:
    """The nearest training rows, on scaled numbers; only for small tables, for they are kept and searched whole."""

    name = "neighbours"
    style: Literal["dense"] = "dense"
    cost = 0.5
    ends_early = False
    stops_by_rows = False
    side_by_side = True
    most_rows = 5_000

    def portfolio(self, setting: Setting) -> list[Parameters]:
        """Few neighbours, which find rows that nearly repeat, then many; nothing for a table too large."""
        if setting.rows > self.most_rows or setting.columns > MOST_COLUMNS:
            return []
        return [{"neighbours": 5, "weights": "distance"}, {"neighbours": 30, "weights": "distance"}]

    def suggest(self, trial: optuna.Trial, setting: Setting) -> Parameters:  # noqa: ARG002 - the same for all
        """Vary how many neighbours are asked, and whether the nearer count more."""
        return {
            "neighbours": trial.suggest_int("neighbours", 1, 64, log=True),
            "weights": trial.suggest_categorical("weights", ["distance", "uniform"]),
        }

    def build(self, parameters: Parameters, setting: Setting, *, seed: int) -> NearestRows:  # noqa: ARG002 - no chance in it
        """Make a model that asks so many neighbours."""
        return NearestRows(int(parameters["neighbours"]), parameters["weights"], setting.classes)
