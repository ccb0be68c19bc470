"""The families of models the search chooses from: one file each, one small protocol."""

from __future__ import annotations

from importlib import import_module

from workbench.automl.families.base import Family, Learner, Setting
from workbench.automl.families.catboost import CatBoost
from workbench.automl.families.extra_trees import ExtraTrees
from workbench.automl.families.lightgbm import LightGBM, LightGBMWithFeatures
from workbench.automl.families.linear import Linear
from workbench.automl.families.neighbours import Neighbours
from workbench.automl.families.network import Network
from workbench.automl.families.random_forest import RandomForest
from workbench.estimators.rounds import Held


def shipped() -> list[Family]:
    """List the families a search uses unless told otherwise, in the order of their first turns.

    CatBoost is left out on a machine where it cannot be imported.
    """
    families: list[Family] = [LightGBM(), ExtraTrees(), Linear(), Neighbours()]
    families += [CatBoost()] if can_be_imported("catboost") else []
    return [*families, Network(), RandomForest(), LightGBMWithFeatures()]


def can_be_imported(library: str) -> bool:
    """Whether a library is here and whole; a broken one fails in as many ways as there are to build it."""
    try:
        import_module(library)
    except Exception:
        return False
    return True


__all__ = [
    "CatBoost",
    "ExtraTrees",
    "Family",
    "Held",
    "Learner",
    "LightGBM",
    "LightGBMWithFeatures",
    "Linear",
    "Neighbours",
    "Network",
    "RandomForest",
    "Setting",
    "shipped",
]
