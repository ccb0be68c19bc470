"""Small neural networks: smooth where trees have steps, and so the best partner trees have in an ensemble."""

from __future__ import annotations

from typing import Literal

import optuna

from workbench.automl.families.base import Parameters, Setting
from workbench.estimators.network import ROUND_ROWS, NeuralNetwork

ROUNDS = 96
MANY_ROWS = 5_000  # beyond, one network: a second costs more than it gains beside other members
MOST_ROUNDS = 480  # what tables of 50,000 rows need for as many looks at each row


class Network:
    """Multi-layer perceptrons on scaled numbers, pieces of their ranges, and one column a level."""

    name = "network"
    style: Literal["dense"] = "dense"
    cost = 12.0
    ends_early = True
    stops_by_rows = True
    side_by_side = True
    most_rows = 100_000

    def portfolio(self, setting: Setting) -> list[Parameters]:
        """Try what was best on most of seven tables first, then what differs from it at little loss."""
        if setting.classes:
            return [
                _parameters(rate=2e-3, decay=0.03, drop=0.1),
                _parameters(rate=2e-3, decay=0.03, activation="tanh"),
                _parameters(rate=4e-3, decay=0.03, width=64),
            ]
        return [
            _parameters(rate=3e-3, decay=0.01, batch=128),
            _parameters(rate=4e-3, decay=0.03),
            _parameters(rate=2e-3, decay=0.01, depth=3),
        ]

    def suggest(self, trial: optuna.Trial, setting: Setting) -> Parameters:  # noqa: ARG002 - the same for all
        """Vary size, rate, decay, batch, and how many inputs are blotted out."""
        return {
            "width": trial.suggest_int("width", 32, 256, log=True),
            "depth": trial.suggest_int("depth", 1, 3),
            "activation": trial.suggest_categorical("activation", ["relu", "tanh"]),
            "learning_rate": trial.suggest_float("learning_rate", 5e-4, 8e-3, log=True),
            "decay": trial.suggest_float("decay", 1e-3, 0.1, log=True),
            "batch": trial.suggest_categorical("batch", [64, 128, 256]),
            "drop": trial.suggest_float("drop", 0.0, 0.3),
        }

    def build(self, parameters: Parameters, setting: Setting, *, seed: int) -> NeuralNetwork:
        """Make networks with these parameters."""
        settings = {name: value for name, value in parameters.items() if name not in ("width", "depth")}
        settings["layers"] = [int(parameters["width"])] * int(parameters["depth"])
        passes = -(-min(setting.rows, self.most_rows) // ROUND_ROWS)
        rounds = min(setting.rounds, MOST_ROUNDS, ROUNDS * passes)
        networks = 2 if setting.rows <= MANY_ROWS else 1
        return NeuralNetwork(
            settings, setting.classes, rounds=rounds, patience=10 * passes, networks=networks, seed=seed
        )


def _parameters(
    *,
    rate: float,
    decay: float,
    drop: float = 0.0,
    width: int = 128,
    depth: int = 2,
    batch: int = 256,
    activation: str = "relu",
) -> Parameters:
    return {
        "width": width,
        "depth": depth,
        "activation": activation,
        "learning_rate": rate,
        "decay": decay,
        "batch": batch,
        "drop": drop,
    }
