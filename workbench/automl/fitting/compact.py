"""A small model: the members that a search chose, each fitted once on all rows in place of its bag of folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from workbench.automl.families import Family
from workbench.automl.fitting.trial import Bench, Trial, fit_whole
from workbench.automl.problem.splits import Folds
from workbench.estimators.ensemble import Bag
from workbench.estimators.target import LogTarget
from workbench.pages.words import model_name, shorten

Deploy = Literal["full", "compact"]
COMPACT_SHARE = 0.15  # of the time: what fitting the members on all rows may take
MOST_MORE = 2.0  # times the rounds of the folds, however few rows those had
NO_TIME = "There was no time to fit the members of the compact model on all rows. Give it a larger budget."
AS_BEFORE = "The search that is replayed did not fit the members of its compact model on all rows."


@dataclass(frozen=True, slots=True)
class Whole:
    """Trials fitted on all rows; none of them, and why, where that could not be done for each."""

    trials: list[Trial] = field(default_factory=list)
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Compact:
    """How to make a small model: where to fit, and whether to.

    Attributes
    ----------
    bench
        Its clock ends the fits.
    why_not
        Keeps the bags of folds, for this reason; empty fits on all rows.
    """

    families: Mapping[str, Family]
    bench: Bench
    why_not: str = ""

    def on_all_rows(self, trials: Sequence[Trial]) -> Whole:
        """Fit trials on all rows, all or none; those of rows in time order were fitted on all already."""
        if self.bench.folds.kind == "time":
            return Whole(list(trials))
        if self.why_not:
            return Whole(why_not=self.why_not)
        encoders: dict[str, object] = {}
        made = []
        for trial in trials:
            model = self._on_all_rows(trial, encoders)
            if isinstance(model, str):
                return Whole(why_not=model)
            made.append(model)
        return Whole(made)

    def _on_all_rows(self, trial: Trial, encoders: dict[str, object]) -> Trial | str:
        """Fit a trial, or say why that cannot be."""
        family, folds = self.families[trial.family], self.bench.folds
        more = _more(self.bench, folds)
        if more * trial.seconds / len(folds) > self.bench.clock.left():
            return NO_TIME
        rounds = float(np.median(trial.rounds[: len(folds)])) * (more if family.stops_by_rows else 1.0)
        try:
            member = fit_whole(self.bench, family, trial.parameters, seed=trial.seed, rounds=max(1, round(rounds)))
        except Exception as error:  # a library may refuse anything; the bag is there
            return _refused(trial, error)
        if member is None or member.learner.cut_:
            return NO_TIME
        member.encoder = encoders.setdefault(family.style, member.encoder)
        learner = member.learner
        if isinstance(learner, LogTarget):
            learner.scale = trial.members[0].learner.scale
        return replace(
            trial,
            final=Bag([member]),
            boosted=(*trial.boosted[: len(folds)], int(learner.boosted_)),
            rounds=(*trial.rounds[: len(folds)], int(learner.rounds_)),
        )


def _refused(trial: Trial, error: Exception) -> str:
    said = shorten(str(error), 200).rstrip(".")
    what = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return f"{model_name(trial.name)}, a member of the compact model, could not be fitted on all rows ({what})."


def _more(bench: Bench, folds: Folds) -> float:
    """How many times as many rows there are as a fold learned from: boosting goes on for as many rounds more."""
    most = bench.encodings.most_rows or np.inf
    learned = min(float(np.mean([len(train) for train, _ in folds.pairs])), most)
    return min(min(len(bench.encodings.codes), most) / learned, MOST_MORE)
