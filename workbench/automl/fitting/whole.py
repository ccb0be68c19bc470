"""The members of an ensemble, each fitted once more on all rows, in place of the average of its folds' models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Event

import numpy as np

from workbench.automl.families import Family
from workbench.automl.fitting.trial import Bench, Trial, fit_whole
from workbench.estimators.ensemble import Bag
from workbench.estimators.target import LogTarget
from workbench.pages.words import model_name, shorten

SHARE = 0.12  # of the time: what the fits on all rows may take
MOST_MORE = 2.0  # times the rounds of the folds, however few rows those had
NO_TIME = "There was no time to fit {member} on all rows; a larger budget gives it."
INTERRUPTED = "The search was interrupted before it fitted {member} on all rows."
AS_BEFORE = "The search that is replayed did not fit {member} on all rows."


@dataclass(frozen=True, slots=True)
class OnAllRows:
    """Where members are fitted on all rows, and which.

    Attributes
    ----------
    bench
        Its clock ends the fits.
    recorded
        The folds whose models each trial averaged in the search that is replayed, by its number; the number after the
        last is that of the fit on all rows. None fits all there is time for.
    refused
        Why none is fitted; empty where nothing is against it.
    """

    families: Mapping[str, Family]
    bench: Bench
    recorded: Mapping[int, Sequence[int]] | None = None
    refused: str = ""

    def fit(self, trials: Sequence[Trial]) -> list[Trial | str]:
        """Fit trials on all rows, those that learn fastest first; of each that could not be, say why.

        Those of rows in time order were fitted on all already.
        """
        if self.bench.folds.kind == "time":
            return list(trials)
        bench = replace(self.bench, stop=Event())
        found: dict[int, Trial | str] = {}
        with ThreadPoolExecutor(bench.workers) as pool:
            try:
                first = sorted(trials, key=lambda trial: (trial.seconds, trial.number))
                beside = [trial for trial in first if self.families[trial.family].side_by_side]
                alone = [trial for trial in first if trial not in beside]
                found |= {trial.number: self._fitted(bench.one_by_one(), trial) for trial in alone}
                said = pool.map(lambda trial: self._fitted(bench, trial), beside)
                found |= {trial.number: one for trial, one in zip(beside, said, strict=True)}
            except BaseException:
                bench.stop.set()  # an interrupt does not reach the threads
                raise
        return self._with_shared_encoders([found[trial.number] for trial in trials])

    def _fitted(self, bench: Bench, trial: Trial) -> Trial | str:
        """Fit a trial, or say why that cannot be."""
        family, member = self.families[trial.family], model_name(trial.name)
        if self.refused:
            return self.refused.format(member=member)
        if self.recorded is not None and len(bench.folds) not in self.recorded[trial.number]:
            return AS_BEFORE.format(member=member)
        more = _more(bench)
        longer = more if family.stops_by_rows else 1.0
        encoding = 0.0 if family.style in bench.encodings.seconds else trial.encoding
        if (_alone(bench, trial) * longer + encoding) * more > bench.clock.left():
            return NO_TIME.format(member=member)
        rounds = max(1, round(float(np.median(trial.rounds[: len(bench.folds)])) * longer))
        try:
            model = fit_whole(bench, family, trial.parameters, seed=trial.seed, rounds=rounds)
        except Exception as error:  # a library may refuse anything; the models of the folds are there
            said = shorten(str(error), 200).rstrip(".")
            return f"{member} could not be fitted on all rows ({type(error).__name__}: {said})."
        if model is None or model.learner.cut_:
            return NO_TIME.format(member=member)
        learner = model.learner
        learner.settle(learner.rounds_)  # it lets go of what the rows to stop by might have chosen among
        if isinstance(learner, LogTarget):
            learner.scale = trial.members[0].learner.scale
        return replace(
            trial,
            final=Bag([model]),
            boosted=(*trial.boosted[: len(bench.folds)], int(learner.boosted_)),
            rounds=(*trial.rounds[: len(bench.folds)], int(learner.rounds_)),
        )

    def _with_shared_encoders(self, found: list[Trial | str]) -> list[Trial | str]:
        """Let models of one style share an encoder, which learned the same of the same rows."""
        encoders: dict[str, object] = {}
        for trial in found:
            if isinstance(trial, Trial):
                (model,) = trial.final.members
                model.encoder = encoders.setdefault(self.families[trial.family].style, model.encoder)
        return found


def _alone(bench: Bench, trial: Trial) -> float:
    """Seconds that one fold of a trial took by itself, where several were fitted side by side."""
    return trial.seconds * min(bench.workers, len(bench.folds)) / len(bench.folds)


def _more(bench: Bench) -> float:
    """How many times as many rows there are as a fold learned from: boosting goes on for as many rounds more."""
    most = bench.encodings.most_rows or np.inf
    learned = min(float(np.mean([len(train) for train, _ in bench.folds.pairs])), most)
    return min(min(len(bench.encodings.codes), most) / learned, MOST_MORE)
