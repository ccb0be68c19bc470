"""One trial: a family with its parameters, fitted on every fold."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np

from workbench.automl.clock import Clock
from workbench.automl.encodings import EncodedFold, Encodings
from workbench.automl.families import Family, Held, Learner, Setting
from workbench.automl.splits import Array, Folds, sampled
from workbench.automl.task import Task
from workbench.estimators.ensemble import Bag, FoldModel
from workbench.metrics import Predicted, measure


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
        What predicts new rows: the folds' average, or for rows in time order a model fitted on all of them.
    seed
        What the family was given to build with.
    rounds
        What each fit came to, once the folds had settled; of the latest fit last, where there is one.
    boosted
        How many rounds each fit really made.
    cut
        Whether the clock ended a fit early.
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

    @property
    def name(self) -> str:
        """As it stands on the leaderboard: the family and the trial's number."""
        return f"{self.family} {self.number}"


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

    @property
    def task(self) -> Task:
        """The task."""
        return self.encodings.task

    @property
    def folds(self) -> Folds:
        """How its rows are split."""
        return self.encodings.folds

    def one_by_one(self) -> Bench:
        """Give the same with all threads for one fit at a time."""
        setting = replace(self.setting, threads=self.setting.threads * self.workers)
        return replace(self, setting=setting, workers=1)


def fit(bench: Bench, number: int, family: Family, parameters: dict[str, Any], *, seed: int) -> Trial | None:
    """Fit a family on every fold; None when the clock did not let every fold be fitted.

    Each fit may take an equal share of the time that is left, so that a trial which is too slow for the clock ends
    with all its folds cut alike rather than with some of them missing.
    """
    started, folds = bench.clock.now(), range(len(bench.folds))
    bench = bench if family.side_by_side else bench.one_by_one()
    with ThreadPoolExecutor(bench.workers) as hands:
        spread = hands.map if bench.workers > 1 else map
        fitted = list(spread(lambda fold: _fit_fold(bench, family, parameters, fold, seed), folds))
        members = [member for member in fitted if member is not None]
        latest = _fit_latest(bench, family, parameters, members, seed) if bench.folds.kind == "time" else None
        if len(members) < len(bench.folds) or (latest is None and bench.folds.kind == "time"):
            return None
        _settle([member.learner for member in members])
        said = list(spread(lambda fold: _predict_fold(bench, family, members[fold], fold), folds))
    learners = [member.learner for member in (members if latest is None else (*members, latest))]
    return Trial(
        number=number,
        family=family.name,
        parameters=parameters,
        predicted=_out_of_fold(bench, said),
        members=tuple(members),
        final=Bag(members if latest is None else [latest]),
        seconds=bench.clock.now() - started,
        rounds=tuple(int(learner.rounds_) for learner in learners),
        cut=any(learner.cut_ for learner in learners),
        seed=seed,
        boosted=tuple(int(learner.boosted_) for learner in learners),
    )


def _fit_fold(bench: Bench, family: Family, parameters: dict[str, Any], fold: int, seed: int) -> FoldModel | None:
    """Fit one fold's model; none when time was up before it began."""
    if bench.clock.is_up():
        return None
    encoded = bench.encodings.fold(family.style, fold)
    learner = family.build(parameters, bench.setting, seed=seed)
    _learn(bench, family, learner, encoded, _share(bench, fold))
    return FoldModel(encoded.encoder, learner)


def _settle(learners: Sequence[Learner]) -> None:
    """Let every fold keep the rounds that the others found best.

    A fold stops by the rows it is measured on; were it to keep the round at which it did best on them, its score would
    be flattered: by 0.05 of AUC on 200 rows of pure noise.
    """
    best = [learner.rounds_ for learner in learners]
    for place, learner in enumerate(learners):
        others = best[:place] + best[place + 1 :]
        learner.settle(round(float(np.median(others))) if others else best[place])


def _share(bench: Bench, fold: int) -> Clock:
    """Share out the time that is left among this fit, the folds after it, and the latest rows if those are fitted."""
    following = ceil((len(bench.folds) - fold) / bench.workers) + (bench.folds.kind == "time")
    return bench.clock.sooner(bench.clock.left() / following)


def _fit_latest(
    bench: Bench, family: Family, parameters: dict[str, Any], members: Sequence[FoldModel], seed: int
) -> FoldModel | None:
    """Fit all rows, boosting as long as the folds did: what predicts the future must know the latest past."""
    if bench.clock.is_up() or len(members) < len(bench.folds):
        return None
    encoded = bench.encodings.fold(family.style, len(bench.folds))
    rounds = round(float(np.median([member.learner.rounds_ for member in members])))
    setting = replace(bench.setting, rounds=max(1, rounds))
    learner = family.build(parameters, setting, seed=seed)
    _learn(bench, family, learner, encoded, bench.clock)
    return FoldModel(encoded.encoder, learner)


def _learn(bench: Bench, family: Family, learner: Learner, encoded: EncodedFold, clock: Clock) -> None:
    codes, weight = bench.encodings.codes, bench.task.weight
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
    learner.fit(
        matrix,
        codes[train],
        weight=None if weight is None else weight[train],
        valid=stop,
        categorical=encoded.encoder.categorical_,
        out_of_time=None if clock.search_ends is None else clock.is_up,
        shared=encoded.shared.setdefault(family.name, {}),
    )


def _some(matrix: Any, places: Any, rows: Array, codes: Array, weight: Array | None) -> Held:
    """Take some rows of a matrix with their targets and weights."""
    return matrix[places], codes[rows[places]], None if weight is None else weight[rows[places]]


def _predict_fold(bench: Bench, family: Family, member: FoldModel, fold: int) -> Array:
    """Predict the rows a fold held out."""
    return member.learner.predict(bench.encodings.fold(family.style, fold).valid_matrix)


def _out_of_fold(bench: Bench, said: Sequence[Array]) -> Array:
    """Put what each fold said of its rows in the place of the rows; NaN for rows no fold validates."""
    predicted = np.full((len(bench.encodings.codes), *said[0].shape[1:]), np.nan)
    for (_, valid), part in zip(bench.folds.pairs, said, strict=True):
        predicted[valid] = part
    return predicted


def as_predicted(task: Task, predicted: Array, rows: Array) -> Predicted:
    """Put what was predicted of these rows beside their truth, as metrics want it."""
    return Predicted(
        task.truth[rows],
        np.array(task.classes)[predicted.argmax(axis=1)] if task.classes else predicted,
        predicted if task.classes else None,
        task.classes,
        None if task.weight is None else task.weight[rows],
        None if task.groups is None else task.groups[rows],
    )


def measured(task: Task, folds: Folds, trial: Trial) -> float:
    """Measure the task's metric over all rows that some fold validates."""
    rows = folds.validated
    return measure(task.metric, as_predicted(task, trial.predicted[rows], rows))
