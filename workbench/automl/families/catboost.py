"""CatBoost: boosted trees that are good as they come, above all where categories decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import optuna

from workbench.automl.families.base import Parameters, Setting, bins

if TYPE_CHECKING:
    from workbench.estimators.catboost import CategoricalBoostedTrees

LOSSES = {"mae": "MAE", "mape": "MAPE"}
# Its rounds are dear, so it learns faster than LightGBM does; but its symmetric trees lose more by a high rate.
SLOWEST, FASTEST = 0.05, 0.1


class CatBoost:
    """Boosted symmetric trees; the learning rate is the planner's, the number of rounds each fold's own."""

    name = "catboost"
    style: Literal["trees"] = "trees"
    cost = 15.0
    ends_early = True
    stops_by_rows = True
    side_by_side = True
    most_rows = 1_000_000

    def portfolio(self, setting: Setting) -> list[Parameters]:
        """CatBoost's defaults, which tuning hardly betters, then two of AutoGluon's portfolio that differ most.

        But that the first takes no crosses of categories and tells up to ten levels one by one: on 80 columns of houses
        that took 11 s in place of 86, and on two tables of three it predicted better.
        """
        steps = 10 if setting.kind == "binary" else 1
        return [
            _parameters(depth=6, l2=3.0, steps=steps, one_hot=10, crosses=1),
            _parameters(depth=8, l2=2.8, steps=steps, grow="Depthwise", one_hot=3, crosses=2),
            _parameters(depth=4, l2=4.56, steps=steps, one_hot=3, crosses=3),
        ]

    def suggest(self, trial: optuna.Trial, setting: Setting) -> Parameters:  # noqa: ARG002 - the same for all
        """TabArena's search space without the learning rate, a little wider so that it holds the portfolio."""
        return {
            "depth": trial.suggest_int("depth", 4, 8),
            "grow_policy": trial.suggest_categorical("grow_policy", ["SymmetricTree", "Depthwise"]),
            "l2_leaf_reg": trial.suggest_float("l2_leaf_reg", 1e-4, 5.0, log=True),
            "subsample": trial.suggest_float("subsample", 0.7, 1.0),
            "colsample_bylevel": trial.suggest_float("colsample_bylevel", 0.85, 1.0),
            "leaf_estimation_iterations": trial.suggest_int("leaf_estimation_iterations", 1, 20, log=True),
            "one_hot_max_size": trial.suggest_int("one_hot_max_size", 2, 100, log=True),
            "model_size_reg": trial.suggest_float("model_size_reg", 0.1, 1.5, log=True),
            "max_ctr_complexity": trial.suggest_int("max_ctr_complexity", 1, 4),
        }

    def build(self, parameters: Parameters, setting: Setting, *, seed: int) -> CategoricalBoostedTrees:
        """Boosted trees with these parameters."""
        # Here, for it takes a while to import, and a machine without it has the other families.
        from workbench.estimators.catboost import CategoricalBoostedTrees

        rate = min(max(1.5 * setting.learning_rate, SLOWEST), FASTEST)
        settings: dict[str, Any] = {
            "loss_function": _loss(setting),
            **parameters,
            "learning_rate": rate,
            "boosting_type": "Plain",
            "bootstrap_type": "MVS",
            "border_count": bins(setting, 254),
            "random_seed": seed,
            "thread_count": setting.threads,
        }
        # A slow learner needs a longer pause before it is called stuck.
        patience = max(20, int(3 / rate))
        return CategoricalBoostedTrees(settings, setting.classes, rounds=setting.rounds, patience=patience)


def _loss(setting: Setting) -> str:
    if setting.kind == "regression":
        return LOSSES.get(setting.metric, "RMSE")
    return "Logloss" if setting.classes == 2 else "MultiClass"


def _parameters(
    *, depth: int, l2: float, steps: int, grow: str = "SymmetricTree", one_hot: int = 2, crosses: int = 4
) -> Parameters:
    return {
        "depth": depth,
        "grow_policy": grow,
        "l2_leaf_reg": l2,
        "subsample": 0.8,
        "colsample_bylevel": 1.0,
        "leaf_estimation_iterations": steps,
        "one_hot_max_size": one_hot,
        "model_size_reg": 0.5,
        "max_ctr_complexity": crosses,
    }
