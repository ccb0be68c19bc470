"""The families of models the search chooses from: one file each, one small protocol."""

from __future__ import annotations

from workbench.automl.families.base import Family, Held, Learner, Setting
from workbench.automl.families.extra_trees import ExtraTrees
from workbench.automl.families.lightgbm import LightGBM
from workbench.automl.families.linear import Linear
from workbench.automl.families.network import Network


def shipped() -> list[Family]:
    """List the families a search uses unless told otherwise, in the order of their first turns."""
    return [LightGBM(), ExtraTrees(), Linear()]


__all__ = ["ExtraTrees", "Family", "Held", "Learner", "LightGBM", "Linear", "Network", "Setting", "shipped"]
