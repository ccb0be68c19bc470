"""The members of an ensemble, each fitted once more on all rows, in place of the average of its folds' models."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field, replace
from math import inf, isinf
from typing import Any

import numpy as np

from workbench.automl.families import ExtraTrees, Family
from workbench.automl.families.base import MORE_TREES, TREES
from workbench.automl.fitting.trial import Bench, Trial, fit_whole
from workbench.automl.planning.clock import Clock
from workbench.errors import NoCluster
from workbench.estimators.ensemble import Bag, FoldModel
from workbench.estimators.target import LogTarget
from workbench.executor import Executor
from workbench.pages.words import model_name, shorten

SHARE = 0.12  # of the time: what the fits on all rows may take
MOST_MORE = 2.0  # times the rows of the folds, however few those had
LATE_SECONDS = 3.0  # a worker that has not ended its fit so long after the time is up is not waited for
TINY = 1e-9  # seconds
NO_TIME = "There was no time to fit {member} on all rows; a larger budget gives it."
INTERRUPTED = "The search was interrupted before it fitted {member} on all rows."
AS_BEFORE = "The search that is replayed did not fit {member} on all rows."
FAILED = "{member} could not be fitted on all rows ({why})."


@dataclass(frozen=True, slots=True)
class Fit:
    """A fit on all rows, as it is given to who carries it out.

    Attributes
    ----------
    member
        What is fitted, as people read it.
    rounds
        How many to make.
    fewest
        How many are enough where the clock ends it: a forest predicts by the trees there are.
    """

    member: str
    family: Family
    parameters: dict[str, Any]
    seed: int
    rounds: int
    fewest: int


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """A member that waits for its fit: what that should take in seconds, and what it is worth beside the others."""

    trial: Trial
    fit: Fit
    seconds: float
    worth: float

    def spends(self, hands: int) -> float:
        """Seconds of all hands; those of who may not be fitted beside others count as many times."""
        return self.seconds if self.fit.family.side_by_side else self.seconds * hands


@dataclass(frozen=True, slots=True)
class OnAllRows:
    """Where members are fitted on all rows, and which.

    Attributes
    ----------
    bench
        That of the folds; its clock ends the fits.
    crew
        Who carries them out, as many at a time as it has workers.
    submit
        Gives one to the crew.
    trees
        Most trees of a forest: as many as fit into memory.
    recorded
        The folds whose models each trial averaged in the search that is replayed, by its number; the number after the
        last is that of the fit on all rows. None fits all there is time for.
    rounds
        Of the fits that are replayed, by the trial's number.
    refused
        Why none is fitted; empty where nothing is against it.
    told
        Hears how many of how many are done.
    """

    families: Mapping[str, Family]
    bench: Bench
    crew: Executor
    submit: Callable[[Fit, Clock], Future[FoldModel | str]]
    trees: int = MORE_TREES * TREES
    recorded: Mapping[int, Sequence[int]] | None = None
    rounds: Mapping[int, int] = field(default_factory=dict)
    refused: str = ""
    told: Callable[[int, int], object] = lambda _done, _all: None

    def fit(self, trials: Sequence[Trial], worth: Iterable[float]) -> list[Trial | str]:
        """Fit trials on all rows, as much of their worth as there is time for; of each that could not be, say why.

        Those of rows in time order were fitted on all already.
        """
        if self.bench.folds.kind == "time":
            return list(trials)
        found: dict[int, Trial | str] = {trial.number: why for trial in trials if (why := self._refusal(trial))}
        wanted = self._planned([pair for pair in zip(trials, worth, strict=True) if pair[0].number not in found])
        lost = ""
        if wanted:
            self.told(0, len(wanted))
        try:
            for done, (trial, said) in enumerate(self._carried_out(wanted), start=1):
                found[trial.number] = said if isinstance(said, str) else _as_member(trial, said)
                self.told(done, len(wanted))
        except NoCluster as gone:  # the search has ended, and its folds' models are there
            lost = str(gone).rstrip(".")
        except BaseException:
            self.bench.stop.set()  # an interrupt does not reach the threads
            raise
        failed = {trial.number: FAILED.format(member=model_name(trial.name), why=lost) for trial in trials}
        return self._with_shared_encoders([(failed | found)[trial.number] for trial in trials])

    def _refusal(self, trial: Trial) -> str:
        """Say why a trial is not fitted, whatever time there is."""
        is_other = self.recorded is not None and len(self.bench.folds) not in self.recorded[trial.number]
        return (self.refused or (AS_BEFORE if is_other else "")).format(member=model_name(trial.name))

    def _planned(self, pairs: Sequence[tuple[Trial, float]]) -> list[Wanted]:
        """Put fits in order; forests have more trees where there is time for all."""
        left, hands = self.bench.clock.left(), self.crew.workers
        room = left * hands - sum({self._style(trial): self._encoding(trial) for trial, _ in pairs}.values())
        wanted = [self._wanted(trial, worth, self.trees) for trial, worth in pairs]
        if sum(one.spends(hands) for one in wanted) > room:
            wanted = [self._wanted(trial, worth, 0) for trial, worth in pairs]
        return in_order(wanted, left, room, hands)

    def _wanted(self, trial: Trial, worth: float, trees: int) -> Wanted:
        family = self.families[trial.family]
        rounds, fewest = rounds_of(self.bench, family, trial, trees)
        rounds = self.rounds.get(trial.number, rounds)
        fit = Fit(model_name(trial.name), family, trial.parameters, trial.seed, rounds, min(rounds, fewest))
        return Wanted(trial, fit, seconds_of(self.bench, family, trial, rounds), worth)

    def _style(self, trial: Trial) -> str:
        return self.families[trial.family].style

    def _encoding(self, trial: Trial) -> float:
        """Seconds that encoding will take; none where another member has encoded all rows alike."""
        is_there = self.bench.encodings.holds(self._style(trial), len(self.bench.folds))
        return 0.0 if is_there else trial.encoding * more_rows(self.bench)

    def _carried_out(self, wanted: Sequence[Wanted]) -> Iterator[tuple[Trial, FoldModel | str]]:
        """Have fits carried out in order, those that should end in time; give what came of each as it ends."""
        waiting, flight, clock = deque(wanted), dict[Future[FoldModel | str], Wanted](), self.bench.clock
        while waiting or flight:
            while waiting and self._may_begin(waiting[0], flight.values()):
                one = waiting.popleft()
                if one.seconds * one.fit.fewest / one.fit.rounds + self._encoding(one.trial) > clock.left():
                    yield one.trial, NO_TIME.format(member=one.fit.member)
                else:
                    flight[self.submit(one.fit, clock)] = one
            for future in self._first(flight):
                one = flight.pop(future)
                yield one.trial, _result(future, one.fit)
            if clock.left() < -LATE_SECONDS:
                break
        for one in (*flight.values(), *waiting):
            yield one.trial, NO_TIME.format(member=one.fit.member)

    def _may_begin(self, one: Wanted, others: Collection[Wanted]) -> bool:
        """Whether there is a hand free, and nothing against fitting this one beside the others."""
        apart = not all(each.fit.family.side_by_side for each in (one, *others))
        return not others or (len(others) < self.crew.workers and not apart)

    def _first(self, flight: Collection[Future[FoldModel | str]]) -> Collection[Future[FoldModel | str]]:
        left = self.bench.clock.left()
        return self.crew.first(list(flight), None if isinf(left) else left + LATE_SECONDS) if flight else []

    def _with_shared_encoders(self, found: list[Trial | str]) -> list[Trial | str]:
        """Let models of one style share an encoder, which learned the same of the same rows."""
        encoders: dict[str, object] = {}
        for trial in found:
            if isinstance(trial, Trial):
                (model,) = trial.final.members
                model.encoder = encoders.setdefault(self._style(trial), model.encoder)
        return found


def fitted(bench: Bench, fit: Fit, clock: Clock) -> FoldModel | str:
    """Fit a member on all rows, or say why that cannot be."""
    bench = bench if fit.family.side_by_side else bench.one_by_one()
    bench = replace(bench, clock=clock, setting=replace(bench.setting, trees=fit.rounds))
    try:
        model = fit_whole(bench, fit.family, fit.parameters, seed=fit.seed, rounds=fit.rounds)
    except Exception as error:  # a library may refuse anything; the models of the folds are there
        return _failed(fit, error)
    if model is None or (model.learner.cut_ and model.learner.rounds_ < fit.fewest):
        return NO_TIME.format(member=fit.member)
    model.learner.settle(model.learner.rounds_)  # it lets go of what the rows to stop by might have chosen among
    return model


def in_order(wanted: Sequence[Wanted], left: float, room: float, hands: int) -> list[Wanted]:
    """Put first what brings most for its seconds, as far as there is time; of those the longest, so that all end soon.

    Parameters
    ----------
    left, room
        Seconds there are, and those of all hands.
    """
    by_gain = sorted(wanted, key=lambda one: one.worth / max(one.spends(hands), TINY), reverse=True)
    first: list[Wanted] = []
    for one in by_gain:
        if one.seconds <= left and one.spends(hands) <= room:
            first.append(one)
            room -= one.spends(hands)
    first.sort(key=lambda one: (one.fit.family.side_by_side, -one.seconds))  # who is fitted alone holds up nobody then
    return [*first, *(one for one in by_gain if one not in first)]


def expected(bench: Bench, families: Mapping[str, Family], trials: Sequence[Trial]) -> float:
    """Seconds that the fits of some trials on all rows should take, one after the other."""
    encoding = {families[trial.family].style: trial.encoding * more_rows(bench) for trial in trials}
    fits = [(families[trial.family], trial) for trial in trials]
    rounds = [rounds_of(bench, family, trial, MORE_TREES * TREES)[0] for family, trial in fits]
    return sum(encoding.values()) + sum(
        seconds_of(bench, family, trial, number) for (family, trial), number in zip(fits, rounds, strict=True)
    )


def rounds_of(bench: Bench, family: Family, trial: Trial, trees: int) -> tuple[int, int]:
    """Say how many rounds a fit on all rows makes, and how many are enough: those of the folds at their median.

    Where rows told the folds when to stop, it goes on for as many more as there are more rows; a forest has more trees,
    at most so many.
    """
    usual = float(np.median(trial.rounds[: len(bench.folds)]))
    if family.stops_by_rows:
        usual *= more_rows(bench, family.most_rows)
    rounds = max(1, round(usual))
    return (max(rounds, min(MORE_TREES * rounds, trees)) if isinstance(family, ExtraTrees) else rounds), rounds


def seconds_of(bench: Bench, family: Family, trial: Trial, rounds: int) -> float:
    """Seconds that so many rounds on all rows should take, by what those of a fold took.

    A fold also made the rounds by which it found out that it got no better.
    """
    made = float(np.mean(trial.boosted[: len(bench.folds)]))
    return trial.fold_seconds * rounds / max(made, 1.0) * more_rows(bench, family.most_rows)


def more_rows(bench: Bench, most: float = inf) -> float:
    """How many times as many rows there are as a fold learned from, of which no more than some are learned from."""
    most = min(most, bench.encodings.most_rows or inf)
    learned = float(np.mean([min(len(train), most) for train, _ in bench.folds.pairs]))
    return min(min(len(bench.encodings.codes), most) / learned, MOST_MORE)


def _as_member(trial: Trial, model: FoldModel) -> Trial:
    """Let a trial predict by the model that was fitted on all rows."""
    learner, folds = model.learner, len(trial.members)
    if isinstance(learner, LogTarget):
        learner.scale = trial.members[0].learner.scale
    return replace(
        trial,
        final=Bag([model]),
        boosted=(*trial.boosted[:folds], int(learner.boosted_)),
        rounds=(*trial.rounds[:folds], int(learner.rounds_)),
    )


def _result(future: Future[FoldModel | str], fit: Fit) -> FoldModel | str:
    """Take what came of a fit, if only that the workers it was given to were lost."""
    try:
        return future.result()
    except (Exception, CancelledError) as failure:
        return _failed(fit, failure)


def _failed(fit: Fit, error: BaseException) -> str:
    said = shorten(str(error), 200).rstrip(".")
    return FAILED.format(member=fit.member, why=f"{type(error).__name__}: {said}")
