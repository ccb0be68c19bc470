"""Optuna's part: one study for each family, which is asked what to try next and told how it went."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from workbench.automl.families import Family, Setting

STARTUP = 8  # trials drawn at random before the sampler's model of good and bad begins; the portfolio counts


class Studies:
    """A study per family: flat spaces, so that no family pays for another's parameters.

    Parameters
    ----------
    journal : Path or None
        A file to append every trial to (``optuna-dashboard`` opens it); in memory when None.
    """

    def __init__(self, families: Sequence[Family], setting: Setting, *, seed: int, journal: Path | None) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        storage = InMemoryStorage() if journal is None else JournalStorage(JournalFileBackend(str(journal)))
        self.setting = setting
        self._studies = {
            family.name: _study(family.name, storage, seed + place) for place, family in enumerate(families)
        }
        for family in families:
            for parameters in family.portfolio(setting):
                self._studies[family.name].enqueue_trial(parameters, user_attrs={"origin": "portfolio"})

    def ask(self, family: Family) -> tuple[optuna.Trial, dict[str, Any]]:
        """Ask what to try next: the portfolio first, then what the sampler suggests."""
        trial = self._studies[family.name].ask()
        return trial, family.suggest(trial, self.setting)

    def tell(self, family: Family, trial: optuna.Trial, loss: float | None) -> None:
        """How it went: a loss, or None for a trial that failed or was not let finish."""
        study = self._studies[family.name]
        if loss is None or loss != loss:  # NaN: a metric that is not defined on these rows
            study.tell(trial, state=TrialState.FAIL)
        else:
            study.tell(trial, loss)


def _study(name: str, storage: optuna.storages.BaseStorage, seed: int) -> optuna.Study:
    with warnings.catch_warnings():
        # Optuna 4 calls `multivariate` experimental and 5 does not; both know it, and their defaults differ.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True, n_startup_trials=STARTUP)
    return optuna.create_study(storage=storage, sampler=sampler, study_name=name, direction="minimize")
