"""LightGBM: gradient-boosted trees, the strongest family on most tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import optuna

from workbench.automl.families.base import Parameters, Setting, bins, on_both_scales, suggested_scale
from workbench.estimators.boosting import BoostedTrees

OBJECTIVES = {"mae": "regression_l1", "mape": "mape"}
MOST_ROUNDS = 3_000  # more make predictions slow, and on no table that was tried were worth it
# The same for several classes, where each round grows a tree for each: of ten digits the loss went on falling in the
# fourth decimal for 27,000 trees.
MOST_TREES = 6_000
MOST_COLUMNS = 300  # to generate features from: each is looked at with every other
# Of many classes most are rare, and the second derivatives of a rare one all but zero: a leaf divided by them alone
# says far too much. With this weight beside them the first of the portfolio had a log loss lower by 1.8 to 5.6 % on
# four tables of 6 to 26 classes, higher by 1 % on one of 4, and less than half on one of 30, where it diverged.
CALM, CALMEST = 3.0, 30.0
# Rows from which on larger trees are tried sooner: on 183,000 flights those of 100 leaves were as good after 3 s as
# those of 31 ever became; trees of 8 had not come to an end after 26.
MANY_ROWS = 50_000


class LightGBM:
    """Boosted trees; the learning rate is the planner's, the number of rounds each fold's own."""

    name = "lightgbm"
    style: Literal["trees"] = "trees"
    cost = 1.0
    ends_early = True
    stops_by_rows = True
    side_by_side = True
    most_rows = 2_000_000

    def portfolio(self, setting: Setting) -> list[Parameters]:
        """Try what was best on most tables that were tried, then what differs from it.

        That is members of AutoGluon's portfolio of December 2025, larger trees, and categories told level by level.
        """
        fewest = max(1, min(20 if setting.classes else 10, setting.rows // 25))
        portfolio = [
            _parameters(leaves=31, fewest=fewest, features=0.7, rows=0.9),
            _parameters(leaves=8, fewest=24, features=0.94, rows=0.81, l1=0.44, l2=0.3, smooth=0.029),
            _parameters(leaves=31, fewest=5, features=0.5, rows=0.9, smooth=1.0, levels=16),
            _parameters(leaves=39, fewest=3, features=0.46, rows=0.88, extra=True, l1=0.24, l2=0.36, smooth=15.4),
            _parameters(leaves=20, fewest=2, features=0.43, rows=0.71, l1=0.51, l2=0.51, smooth=48.7),
            _parameters(leaves=100, fewest=5, features=0.6, rows=0.8),
        ]
        if setting.rows > MANY_ROWS:
            portfolio = [portfolio[0], portfolio[-1], *portfolio[1:-1]]
        return on_both_scales(calmed(portfolio, setting), setting, twice=2)

    def suggest(self, trial: optuna.Trial, setting: Setting) -> Parameters:
        """TabArena's search space without the learning rate."""
        return {
            "num_leaves": trial.suggest_int("num_leaves", 2, 252, log=True),
            "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 1, 64, log=True),
            "feature_fraction": trial.suggest_float("feature_fraction", 0.4, 1.0),
            "bagging_fraction": trial.suggest_float("bagging_fraction", 0.7, 1.0),
            "extra_trees": trial.suggest_categorical("extra_trees", [False, True]),
            "lambda_l1": trial.suggest_float("lambda_l1", 1e-4, 1.0),
            "lambda_l2": (
                trial.suggest_float("lambda_l2", CALM / 10, CALMEST, log=True)
                if setting.classes > 2
                else trial.suggest_float("lambda_l2", 1e-4, 2.0)
            ),
            "cat_smooth": trial.suggest_float("cat_smooth", 1e-3, 100.0, log=True),
            "max_cat_to_onehot": trial.suggest_int("max_cat_to_onehot", 4, 64, log=True),
            **suggested_scale(trial, setting),
        }

    def build(self, parameters: Parameters, setting: Setting, *, seed: int) -> BoostedTrees:
        """Boosted trees with these parameters."""
        settings: dict[str, Any] = {
            **_objective(setting),
            **parameters,
            "learning_rate": setting.learning_rate,
            "bagging_freq": 1,
            "min_sum_hessian_in_leaf": 1e-7,
            "max_bin": bins(setting, 255),
            "num_threads": setting.threads,
            # The same trees whatever the number of threads, and no timing of two methods that could differ by run.
            "deterministic": True,
            "force_col_wise": True,
            "verbosity": -1,
            "bagging_seed": seed + 1,
            "feature_fraction_seed": seed + 2,
            "extra_seed": seed + 3,
        }
        # A slow learner needs a longer pause before it is called stuck.
        patience = max(20, int(3 / setting.learning_rate))
        rounds = min(setting.rounds, MOST_ROUNDS, MOST_TREES // setting.classes if setting.classes > 2 else MOST_ROUNDS)
        return BoostedTrees(settings, setting.classes, rounds=rounds, patience=patience)


class LightGBMWithFeatures(LightGBM):
    """The same on a matrix with generated features beside the columns (see `workbench.estimators.prepared`)."""

    name = "lightgbm_features"
    style: Literal["prepared"] = "prepared"  # type: ignore[assignment] # a style of its own is what it is for
    cost = 1.3

    def portfolio(self, setting: Setting) -> list[Parameters]:
        """Try two members of AutoGluon's portfolio of December 2025 that are made for such features."""
        if setting.columns > MOST_COLUMNS:
            return []
        portfolio = [
            _parameters(leaves=64, fewest=28, features=0.55, rows=0.99, extra=True, l1=0.91, l2=1.9, smooth=1.9),
            _parameters(leaves=16, fewest=1, features=0.58, rows=0.96, l1=0.94, l2=0.99, smooth=0.02),
        ]
        return on_both_scales(calmed(portfolio, setting), setting, twice=0)


def calmed(portfolio: Sequence[Parameters], setting: Setting) -> list[Parameters]:
    """Keep the leaves of several classes' trees from saying too much."""
    more = CALM if setting.classes > 2 else 0.0
    return [{**parameters, "lambda_l2": parameters["lambda_l2"] + more} for parameters in portfolio]


def _objective(setting: Setting) -> dict[str, Any]:
    if setting.kind == "regression":
        return {"objective": OBJECTIVES.get(setting.metric, "regression")}
    return (
        {"objective": "binary"} if setting.classes == 2 else {"objective": "multiclass", "num_class": setting.classes}
    )


def _parameters(
    *,
    leaves: int,
    fewest: int,
    features: float,
    rows: float,
    extra: bool = False,
    l1: float = 1e-4,
    l2: float = 1e-4,
    smooth: float = 10.0,
    levels: int = 4,
) -> Parameters:
    return {
        "num_leaves": leaves,
        "min_data_in_leaf": fewest,
        "feature_fraction": features,
        "bagging_fraction": rows,
        "extra_trees": extra,
        "lambda_l1": l1,
        "lambda_l2": l2,
        "cat_smooth": smooth,
        "max_cat_to_onehot": levels,
    }
