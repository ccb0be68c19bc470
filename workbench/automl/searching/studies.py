"""Optuna's part: one study for each family, which is asked what to try next and told how it went.

The studies are kept in a journal that a later process can go on with. What the sampler suggests depends on what it was
told and on the trial's number, on nothing else: so a search that was killed and taken up again goes the same way.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from workbench.automl.families import Family, Setting
from workbench.automl.families.wide import portfolio_of, suggested
from workbench.automl.planning.clock import Clock
from workbench.automl.searching.trying import Asked, Outcome

STARTUP = 8  # trials drawn at random before the sampler's model of good and bad begins; the portfolio counts
JOURNAL = "study.journal"
ORDER, ENTRY, SEED, LIMIT, AGAIN, BEGINNING = "number", "entry", "seed", "limit", "taken_up_again", "search"


class Studies:
    """A study per family: flat spaces, so that no family pays for another's parameters.

    Parameters
    ----------
    journal : Path or None
        A file to append every trial to (``optuna-dashboard`` opens it); in memory when None. Of one that exists the
        trials are known.
    beginning
        What the search was given and planned, kept for who takes it up again.
    """

    def __init__(
        self,
        families: Sequence[Family],
        setting: Setting,
        *,
        seed: int,
        journal: Path | None,
        beginning: Mapping[str, Any] | None = None,
    ) -> None:
        self.setting, self.seed = setting, seed
        storage = _storage(journal)
        self._places = {family.name: place for place, family in enumerate(families)}
        self._studies = {
            family.name: optuna.create_study(
                storage=storage, study_name=family.name, direction="minimize", load_if_exists=True
            )
            for family in families
        }
        self._open: dict[int, optuna.Trial] = {}
        for family in families:
            study = self._studies[family.name]
            if BEGINNING not in study.user_attrs:
                study.set_user_attr(BEGINNING, json.dumps(beginning or {}))
            known = sum("origin" in trial.user_attrs for trial in study.trials)
            for parameters in portfolio_of(family, setting)[known:]:
                study.enqueue_trial(parameters, user_attrs={"origin": "portfolio"})

    def ask(self, family: Family, number: int, seed: int, limit: float | None = None) -> Asked:
        """Ask what to try next: the portfolio first, then what the sampler suggests."""
        study = self._studies[family.name]
        study.sampler = _sampler(self.seed + self._places[family.name] + 1_000 * number)
        trial = study.ask()
        self._open[number], parameters = trial, suggested(family, trial, self.setting)
        for name, value in ((ORDER, number), (SEED, seed), (LIMIT, limit)):  # the limit last: then it is all there
            trial.set_user_attr(name, value)
        return Asked(number, family, parameters, seed, Clock(), limit)

    def tell(self, asked: Asked, outcome: Outcome, loss: float | None, entry: Mapping[str, Any]) -> None:
        """How it went; the entry of the record is kept beside it."""
        study, trial = self._studies[asked.family.name], self._open.pop(asked.number)
        trial.set_user_attr(ENTRY, json.dumps(entry))
        if outcome.given_up is not None:
            trial.report(outcome.given_up.loss, step=outcome.given_up.folds)  # becomes the value of a pruned trial
            study.tell(trial, state=TrialState.PRUNED)
        elif loss is None or not math.isfinite(loss):  # NaN: a metric that is not defined on these rows
            study.tell(trial, state=TrialState.FAIL)
        else:
            study.tell(trial, loss)

    def forget(self, asked: Asked) -> None:
        """Nobody will tell how this one went."""
        self._studies[asked.family.name].tell(self._open.pop(asked.number), state=TrialState.FAIL)

    def past(self) -> list[dict[str, Any]]:
        """Entries of all trials that are known how they went, by number.

        One whose process died before the study was told counts as under way, though its entry was written already.
        """
        trials = [trial for study in self._studies.values() for trial in study.trials]
        kept = [trial.user_attrs for trial in trials if trial.state.is_finished()]
        return sorted(
            (json.loads(attrs[ENTRY]) for attrs in kept if ENTRY in attrs), key=lambda one: int(one["number"])
        )

    def left_running(self, families: Sequence[Family], *, again: bool) -> tuple[list[Asked], list[Asked]]:
        """Find the trials that were under way when their process died: those to try once more, and those to give up.

        Without `again` all are given up; and always one during which two processes died: it may be what they died of.
        """
        retried: list[Asked] = []
        dead: list[Asked] = []
        for family in families:
            study = self._studies[family.name]
            for trial in study.get_trials(states=(TrialState.RUNNING,)):
                attrs, opened = trial.user_attrs, optuna.Trial(study, trial._trial_id)
                if LIMIT not in attrs:  # hardly asked for: nobody has counted it
                    study.tell(opened, state=TrialState.FAIL)
                    continue
                self._open[attrs[ORDER]] = opened
                parameters = suggested(family, optuna.trial.FixedTrial(trial.params), self.setting)  # type: ignore[arg-type]
                asked = Asked(attrs[ORDER], family, parameters, attrs[SEED], Clock(), attrs[LIMIT])
                (retried if again and AGAIN not in attrs else dead).append(asked)
                opened.set_user_attr(AGAIN, True)
        return sorted(retried, key=lambda asked: asked.number), dead


def beginning_of(journal: Path) -> dict[str, Any] | None:
    """Read what the search of a journal was given and planned; None when it had hardly begun."""
    storage = JournalStorage(JournalFileBackend(str(journal)))
    said = (study.user_attrs.get(BEGINNING) for study in optuna.get_all_study_summaries(storage))
    return next((json.loads(one) for one in said if one), None)


def _storage(journal: Path | None) -> optuna.storages.BaseStorage:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return InMemoryStorage() if journal is None else JournalStorage(JournalFileBackend(str(journal)))


def _sampler(seed: int) -> optuna.samplers.BaseSampler:
    with warnings.catch_warnings():
        # Optuna 4 calls `multivariate` experimental and 5 does not; both know it, and their defaults differ.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True, n_startup_trials=STARTUP)
