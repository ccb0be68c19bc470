"""A small model: the members that a search chose, each fitted once on all rows in place of its bag of folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from workbench.automl.families import Family
from workbench.automl.fitting.trial import Bench, Trial, fit_whole
from workbench.automl.problem.splits import Folds
from workbench.estimators.ensemble import Bag
from workbench.estimators.target import LogTarget

Deploy = Literal["full", "compact"]
COMPACT_SHARE = 0.15  # of the time: what fitting the members on all rows may take
MOST_MORE = 2.0  # times the rounds of the folds, however few rows those had


@dataclass(frozen=True, slots=True)
class Compact:
    """How to make a small model: where to fit, and whether to.

    Attributes
    ----------
    bench
        Its clock ends the fits.
    refits
        False keeps the bags of folds: so it was in a search that is replayed.
    """

    families: Mapping[str, Family]
    bench: Bench
    refits: bool = True

    def on_all_rows(self, trials: Sequence[Trial]) -> list[Trial] | None:
        """Fit trials on all rows; None when there was no time for all of them, or one cannot be fitted so.

        Of rows in time order they were fitted on all already.
        """
        if self.bench.folds.kind == "time":
            return list(trials)
        if not self.refits:
            return None
        encoders: dict[str, object] = {}
        made = []
        for trial in trials:
            model = self._on_all_rows(trial, encoders)
            if model is None:
                return None
            made.append(model)
        return made

    def _on_all_rows(self, trial: Trial, encoders: dict[str, object]) -> Trial | None:
        family, folds = self.families[trial.family], self.bench.folds
        more = _more(self.bench, folds)
        if more * trial.seconds / len(folds) > self.bench.clock.left():
            return None
        rounds = float(np.median(trial.rounds[: len(folds)])) * (more if family.stops_by_rows else 1.0)
        try:
            member = fit_whole(self.bench, family, trial.parameters, seed=trial.seed, rounds=max(1, round(rounds)))
        except Exception:  # a library may refuse anything; the bag is there
            return None
        if member is None or member.learner.cut_:
            return None
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


def _more(bench: Bench, folds: Folds) -> float:
    """How many times as many rows there are as a fold learned from: boosting goes on for as many rounds more."""
    most = bench.encodings.most_rows or np.inf
    learned = min(float(np.mean([len(train) for train, _ in folds.pairs])), most)
    return min(min(len(bench.encodings.codes), most) / learned, MOST_MORE)
