"""Tables of hundreds of columns: any family may learn from the best of them only."""

from __future__ import annotations

import optuna

from workbench.automl.families.base import Family, Parameters, Setting

WIDE = 200  # columns beyond which it is worth while
COLUMNS = "columns_kept"  # the parameter that says how many
ALL = "all"


def portfolio_of(family: Family, setting: Setting) -> list[Parameters]:
    """Give a family's portfolio, of a wide table with the columns that each member learns from.

    The fewest come first: they take the least time.
    """
    portfolio, sizes = family.portfolio(setting), _sizes(setting)
    if not sizes:
        return portfolio
    return [{**parameters, COLUMNS: sizes[place % len(sizes)]} for place, parameters in enumerate(portfolio)]


def suggested(family: Family, trial: optuna.Trial, setting: Setting) -> Parameters:
    """Ask the sampler for a family's parameters, and of a wide table for the columns to learn from."""
    parameters, sizes = family.suggest(trial, setting), _sizes(setting)
    return {**parameters, COLUMNS: trial.suggest_categorical(COLUMNS, sizes)} if sizes else parameters


def _sizes(setting: Setting) -> list[int | str]:
    return [*(size for size in (100, 300) if size < setting.columns), ALL] if setting.columns > WIDE else []
