"""One trial: a family with its parameters, fitted on every fold."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from math import ceil
from threading import Event
from typing import Any

import numpy as np

from workbench.automl.families import Family, Held, Learner, Setting
from workbench.automl.families.base import SCALE
from workbench.automl.families.wide import ALL, COLUMNS
from workbench.automl.fitting.encodings import EncodedFold, Encodings
from workbench.automl.planning.clock import Clock
from workbench.automl.problem.cuts import loss_when_cut
from workbench.automl.problem.splits import Array, Folds, sampled
from workbench.automl.task import Task
from workbench.estimators.chosen import ChosenColumns
from workbench.estimators.ensemble import Bag, FoldModel
from workbench.estimators.target import LogTarget, PlainUnit
from workbench.metrics import Predicted, measure

PROBED = 2  # folds that decide whether a trial is given up: a fixed number, so that it is the same on any machine


@dataclass(frozen=True, slots=True)
class Trial:
    """A completed trial: every fold was fitted.

    Attributes
    ----------
    predicted : ndarray, shape (n_rows, n_classes) or (n_rows,)
        What each row's own fold model says of it; NaN for rows no fold validates.
    members : tuple of FoldModel
        One for each fold.
    final : Bag
        What predicts new rows: the folds' average, or a model fitted on all rows. Of rows in time order each trial has
        one, of others those that were chosen.
    seed
        What the family was given to build with.
    rounds
        What each fit came to, once the folds had settled; of the latest fit last, where there is one.
    boosted
        How many rounds each fit really made.
    cut
        Whether the clock ended a fit early.
    encoding
        Seconds that a fold takes to encode, of which trials of one style share the matrices.
    fold_seconds
        Seconds that one fold took, beside those that were fitted with it.
    """

    number: int
    family: str
    parameters: dict[str, Any]
    predicted: Array
    members: tuple[FoldModel, ...]
    final: Bag
    seconds: float
    rounds: tuple[int, ...]
    cut: bool
    value: float = float("nan")
    seed: int = 0
    boosted: tuple[int, ...] = ()
    encoding: float = 0.0
    fold_seconds: float = 0.0

    @property
    def name(self) -> str:
        """As it stands on the leaderboard: the family and the trial's number."""
        return f"{self.family} {self.number}"


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A trial that was not worth finishing: what it came to on the folds that were fitted."""

    loss: float
    folds: int = PROBED


@dataclass(frozen=True, slots=True)
class Rounds:
    """How many rounds the fits of an earlier trial made and predict by; one for each fold, then of the latest fit."""

    boosted: Sequence[int]
    settled: Sequence[int]


@dataclass(frozen=True, slots=True)
class Job:
    """What to fit on every fold; with `again`, as an earlier trial was fitted."""

    family: Family
    parameters: dict[str, Any]
    seed: int
    again: Rounds | None = None

    def learner(self, setting: Setting, rounds: int | None) -> Learner:
        """Build a learner, to make so many rounds if they are given."""
        setting = setting if rounds is None else replace(setting, rounds=rounds)
        parameters = {name: value for name, value in self.parameters.items() if name not in (SCALE, COLUMNS)}
        most = self.parameters.get(COLUMNS, ALL)
        if most == ALL:
            learner = self.family.build(parameters, setting, seed=self.seed)
        else:
            built = self.family.build(parameters, replace(setting, columns=most), seed=self.seed)
            learner = ChosenColumns(built, most, setting.classes, setting.threads)
        learner = PlainUnit(learner) if setting.extreme else learner
        return LogTarget(learner) if self.parameters.get(SCALE) == "log" else learner


@dataclass(frozen=True, slots=True)
class Bench:
    """Where trials are fitted: the encoded folds, what is the same for every trial, and the hands at work.

    Folds are fitted side by side in threads, each by one thread of its own: threads inside a fit wait for each other
    at every split, which on a busy machine made LightGBM ten to thirty times slower than one thread (569 rows, 100
    rounds: 0.3 s and 10 s).
    """

    encodings: Encodings
    setting: Setting
    clock: Clock
    workers: int = 1
    stop: Event = field(default_factory=Event, compare=False)

    @property
    def task(self) -> Task:
        """The task."""
        return self.encodings.task

    @property
    def folds(self) -> Folds:
        """How its rows are split."""
        return self.encodings.folds

    def is_over(self) -> bool:
        """Whether fits should end with what there is: by the clock, or because nobody wants them any more."""
        return self.stop.is_set() or self.clock.is_up()

    def one_by_one(self) -> Bench:
        """Give the same with all threads for one fit at a time."""
        setting = replace(self.setting, threads=self.setting.threads * self.workers)
        return replace(self, setting=setting, workers=1)


def fit(
    bench: Bench,
    number: int,
    family: Family,
    parameters: dict[str, Any],
    *,
    seed: int,
    limit: float | None = None,
    again: Rounds | None = None,
) -> Trial | GivenUp | None:
    """Fit a family on every fold; None when the clock did not let every fold be fitted.

    Each fit may take an equal share of the time that is left, so that a trial which is too slow for the clock ends
    with all its folds cut alike rather than with some of them missing.

    Parameters
    ----------
    limit
        A loss: a trial whose mean over the first folds is beyond it is given up (the "forgiving" rule of Bergman and
        others, 2024, when it is the best trial's worst fold).
    again
        Rounds of an earlier trial, to be made as they were: its predictions come out the same.
    """
    started, job = bench.clock.now(), Job(family, parameters, seed, again)
    bench = replace(bench if family.side_by_side else bench.one_by_one(), stop=Event())
    with ThreadPoolExecutor(bench.workers) as pool:
        spread = pool.map if bench.workers > 1 else map
        try:
            fitted = iter(spread(lambda fold: _fit_fold(bench, job, fold), range(len(bench.folds))))
            found = list(islice(fitted, PROBED))
            if limit is not None and (loss := _loss_so_far(bench, job, found)) > limit:
                bench.stop.set()  # folds that are being fitted end at their next round, the others do not begin
                return GivenUp(loss)
            members = [member for member in (*found, *fitted) if member is not None]
            latest = _fit_latest(bench, job, members) if bench.folds.kind == "time" else None
            if len(members) < len(bench.folds) or (latest is None and bench.folds.kind == "time"):
                return None
            _settle([member.learner for member in members], again)
            said = list(spread(lambda fold: _predict_fold(bench, job, members[fold], fold), range(len(members))))
            said = _brought_to_the_mean(bench, said, [*members, *([] if latest is None else [latest])])
        except BaseException:
            bench.stop.set()  # an interrupt does not reach the threads
            raise
    learners = [member.learner for member in (members if latest is None else (*members, latest))]
    seconds = bench.clock.now() - started
    return Trial(
        number=number,
        family=family.name,
        parameters=parameters,
        predicted=_out_of_fold(bench, said),
        members=tuple(members),
        final=Bag(members if latest is None else [latest]),
        seconds=seconds,
        rounds=tuple(int(learner.rounds_) for learner in learners),
        cut=any(learner.cut_ for learner in learners),
        seed=seed,
        boosted=tuple(int(learner.boosted_) for learner in learners),
        encoding=bench.encodings.seconds.get(family.style, 0.0),
        fold_seconds=seconds / ceil(len(bench.folds) / bench.workers),
    )


def _fit_fold(bench: Bench, job: Job, fold: int) -> FoldModel | None:
    """Fit one fold's model; none when time was up before it began."""
    if bench.is_over():
        return None
    encoded = bench.encodings.fold(job.family.style, fold)
    learner = job.learner(bench.setting, None if job.again is None else job.again.boosted[fold])
    _learn(bench, job, learner, encoded, _share(bench, fold))
    return FoldModel(encoded.encoder, learner)


def _loss_so_far(bench: Bench, job: Job, members: Sequence[FoldModel | None]) -> float:
    """Average the loss over the first folds; NaN when there are no others, or not all of them were fitted."""
    if len(members) == len(bench.folds) or None in members:
        return float("nan")
    losses = []
    for fold, member in enumerate(members):
        assert member is not None
        said = _predict_fold(bench, job, member, fold)
        losses.append(bench.task.metric.loss(judged(bench.task, said, bench.folds.pairs[fold][1])))
    return float(np.mean(losses))


def _settle(learners: Sequence[Learner], again: Rounds | None) -> None:
    """Let every fold keep the rounds that the others found best, or those it kept before.

    A fold stops by the rows it is measured on; were it to keep the round at which it did best on them, its score would
    be flattered: by 0.05 of AUC on 200 rows of pure noise.
    """
    best = [learner.rounds_ for learner in learners]
    for place, learner in enumerate(learners):
        others = best[:place] + best[place + 1 :]
        median = round(float(np.median(others))) if others else best[place]
        learner.settle(median if again is None else again.settled[place])


def _share(bench: Bench, fold: int) -> Clock:
    """Share out the time that is left among this fit, the folds after it, and the latest rows if those are fitted."""
    following = ceil((len(bench.folds) - fold) / bench.workers) + (bench.folds.kind == "time")
    return bench.clock.sooner(bench.clock.left() / following)


def _fit_latest(bench: Bench, job: Job, members: Sequence[FoldModel]) -> FoldModel | None:
    """Fit all rows, boosting as long as the folds did: what predicts the future must know the latest past."""
    if len(members) < len(bench.folds):
        return None
    rounds = max(1, round(float(np.median([member.learner.rounds_ for member in members]))))
    return _fit_all(bench, job, rounds if job.again is None else job.again.boosted[-1])


def fit_whole(bench: Bench, family: Family, parameters: dict[str, Any], *, seed: int, rounds: int) -> FoldModel | None:
    """Fit a family once on all rows, with so many rounds; None when time is up."""
    return _fit_all(bench, Job(family, parameters, seed), rounds)


def _fit_all(bench: Bench, job: Job, rounds: int) -> FoldModel | None:
    if bench.is_over():
        return None
    encoded = bench.encodings.fold(job.family.style, len(bench.folds))
    learner = job.learner(bench.setting, rounds)
    _learn(bench, job, learner, encoded, bench.clock)
    return FoldModel(encoded.encoder, learner)


def _learn(bench: Bench, job: Job, learner: Learner, encoded: EncodedFold, clock: Clock) -> None:
    codes, weight, family = bench.encodings.codes, bench.task.weight, job.family
    train, matrix, stop = encoded.train, encoded.matrix, None
    if family.stops_by_rows and encoded.stop is not None:
        stop = _some(encoded.matrix, encoded.stop, train, codes, weight)
        kept = np.setdiff1d(np.arange(len(train)), encoded.stop)
        train, matrix = train[kept], matrix[kept]
    elif family.stops_by_rows and len(encoded.valid):
        stop = _some(encoded.valid_matrix, slice(None), encoded.valid, codes, weight)
    if len(train) > family.most_rows:
        classes, seed = len(bench.task.classes), bench.encodings.seed
        places = sampled(np.arange(len(train)), codes[train], family.most_rows, classes=classes, seed=seed)
        train, matrix = train[places], matrix[places]
    # What is kept for fits that stop by rows holds those rows; a fit of given rounds has none, and keeps its own.
    kind = family.name if job.again is None else f"{family.name} again"
    learner.fit(
        matrix,
        codes[train],
        weight=None if weight is None else weight[train],
        valid=stop if job.again is None else None,
        categorical=encoded.encoder.categorical_,
        out_of_time=replace(bench, clock=clock).is_over,
        shared=encoded.shared.setdefault(kind, {}),
    )


def _some(matrix: Any, places: Any, rows: Array, codes: Array, weight: Array | None) -> Held:
    """Take some rows of a matrix with their targets and weights."""
    return matrix[places], codes[rows[places]], None if weight is None else weight[rows[places]]


def _predict_fold(bench: Bench, job: Job, member: FoldModel, fold: int) -> Array:
    """Predict the rows a fold held out."""
    return member.learner.predict(bench.encodings.fold(job.family.style, fold).valid_matrix)


def _brought_to_the_mean(bench: Bench, said: Sequence[Array], members: Sequence[FoldModel]) -> list[Array]:
    """Scale what was learned as a logarithm so that held-out rows are right on average: one number for all folds."""
    if not isinstance(members[0].learner, LogTarget):
        return list(said)
    rows, weight = np.concatenate([valid for _, valid in bench.folds.pairs]), bench.task.weight
    heavy = None if weight is None else weight[rows]
    predicted = float(np.average(np.concatenate(said), weights=heavy))
    scale = float(np.average(bench.encodings.codes[rows], weights=heavy)) / predicted if predicted > 0 else 1.0
    for member in members:
        member.learner.scale = scale
    return [part * scale for part in said]


def _out_of_fold(bench: Bench, said: Sequence[Array]) -> Array:
    """Put what each fold said of its rows in the place of the rows; NaN for rows no fold validates."""
    predicted = np.full((len(bench.encodings.codes), *said[0].shape[1:]), np.nan)
    for (_, valid), part in zip(bench.folds.pairs, said, strict=True):
        predicted[valid] = part
    return predicted


def not_below(task: Task, predicted: Array) -> Array:
    """Raise what lies below the least that may be predicted, as `workbench.estimators.ensemble.Ensemble` does."""
    return predicted if task.least is None else np.maximum(predicted, task.least)


def as_predicted(task: Task, predicted: Array, rows: Array) -> Predicted:
    """Put what was predicted of these rows, as a model would serve it, beside their truth, as metrics want it."""
    predicted = not_below(task, predicted)
    return Predicted(
        task.truth[rows],
        np.array(task.classes)[predicted.argmax(axis=1)] if task.classes else predicted,
        predicted if task.classes else None,
        task.classes,
        None if task.weight is None else task.weight[rows],
        None if task.groups is None else task.groups[rows],
    )


def judged(task: Task, predicted: Array, rows: Array) -> float:
    """Measure the task's metric of what was predicted of these rows, labels being called as is best for them."""
    cut = loss_when_cut(task, rows)
    if cut is None:
        return measure(task.metric, as_predicted(task, predicted, rows))
    return -cut(predicted)  # of metrics that need labels more is better


def measured(task: Task, folds: Folds, trial: Trial) -> float:
    """Judge a trial by all rows that some fold validates."""
    rows = folds.validated
    return judged(task, trial.predicted[rows], rows)


def fold_values(task: Task, folds: Folds, trial: Trial) -> list[float]:
    """Judge a trial by each fold's validated rows; NaN where a fold's rows cannot tell."""
    return [judged(task, trial.predicted[valid], valid) for _, valid in folds.pairs]
