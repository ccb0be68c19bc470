"""One trial: a family with its parameters, fitted on every fold; and the encoded folds that trials share."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from workbench.automl.clock import Clock
from workbench.automl.families import Family, Learner, Setting
from workbench.automl.splits import Array, Folds, sampled
from workbench.automl.task import Task
from workbench.estimators.encoder import TableEncoder
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
    rounds
        What each fit came to.
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

    @property
    def name(self) -> str:
        """As it stands on the leaderboard: the family and the trial's number."""
        return f"{self.family} {self.number}"


@dataclass(frozen=True, slots=True)
class EncodedFold:
    """One fold as matrices. `shared` is where learners keep what further fits on these rows can use again."""

    encoder: TableEncoder
    train: Array
    matrix: Any
    valid: Array
    valid_matrix: Any
    shared: dict[str, dict[str, Any]] = field(default_factory=dict)


class Encodings:
    """The folds of a task, encoded within each fold's training rows, kept for the trials to come while memory allows.

    Parameters
    ----------
    most_rows
        Training rows per fold; of more, a random sample is used.
    most_bytes
        Matrices to keep; what does not fit is encoded again.
    """

    def __init__(self, task: Task, folds: Folds, *, seed: int, most_rows: int | None, most_bytes: float) -> None:
        self.task, self.folds, self.seed = task, folds, seed
        self.most_rows, self.most_bytes = most_rows, most_bytes
        self.codes = task.codes
        self._kept: dict[tuple[str, int], EncodedFold] = {}
        self._bytes = 0

    def fold(self, style: str, number: int) -> EncodedFold:
        """The matrices of one fold; the number after the last stands for all rows, none held out."""
        key = (style, number)
        if key in self._kept:
            return self._kept[key]
        encoded = self._encode(style, number)
        size = _bytes(encoded.matrix) + _bytes(encoded.valid_matrix)
        if self._bytes + size <= self.most_bytes:
            self._kept[key], self._bytes = encoded, self._bytes + size
        return encoded

    def _encode(self, style: str, number: int) -> EncodedFold:
        everything = np.arange(len(self.codes)), np.array([], dtype=np.int64)
        train, valid = self.folds.pairs[number] if number < len(self.folds) else everything
        train = sampled(train, self.codes, self.most_rows, classes=len(self.task.classes), seed=self.seed)
        kinds = {name: str(self.task.schema[name].kind) for name in self.task.features}
        encoder = TableEncoder(kinds, style, len(self.task.classes), self.seed)  # type: ignore[arg-type]
        matrix = encoder.fit_transform(self.task.frame.iloc[train], self.codes[train])
        valid_matrix = encoder.transform(self.task.frame.iloc[valid])
        return EncodedFold(encoder, train, matrix, valid, valid_matrix)


def _bytes(matrix: Any) -> int:
    return int(matrix.data.nbytes)


def fit(
    number: int,
    family: Family,
    parameters: dict[str, Any],
    *,
    encodings: Encodings,
    setting: Setting,
    clock: Clock,
    seed: int,
) -> Trial | None:
    """Fit a family on every fold; None when the clock did not let every fold be fitted.

    Each fit may take an equal share of the time that is left, so that a trial which is too slow for the clock ends
    with all its folds cut alike rather than with some of them missing.
    """
    started, folds = clock.now(), encodings.folds
    predicted = np.full((len(encodings.codes), *([setting.classes] if setting.classes else [])), np.nan)
    forward = folds.kind == "time"
    members: list[FoldModel] = []
    for fold in range(len(folds)):
        if clock.is_up():
            return None
        share = clock.sooner(clock.left() / (len(folds) - fold + forward))
        encoded = encodings.fold(family.style, fold)
        learner = family.build(parameters, setting, seed=seed)
        _fit_on(learner, encoded, encodings, family, share)
        predicted[encoded.valid] = learner.predict(encoded.valid_matrix)
        members.append(FoldModel(encoded.encoder, learner))
    if forward and clock.is_up():
        return None
    final = Bag([_latest(members[-1], family, parameters, encodings, setting, clock, seed)] if forward else members)
    fitted = [member.learner for member in (*members, *(final.members if forward else ()))]
    return Trial(
        number=number,
        family=family.name,
        parameters=parameters,
        predicted=predicted,
        members=tuple(members),
        final=final,
        seconds=clock.now() - started,
        rounds=tuple(int(learner.rounds_) for learner in fitted),
        cut=any(learner.cut_ for learner in fitted),
    )


def _latest(
    last: FoldModel,
    family: Family,
    parameters: dict[str, Any],
    encodings: Encodings,
    setting: Setting,
    clock: Clock,
    seed: int,
) -> FoldModel:
    """A model of all rows, boosted as long as the last fold was: what predicts the future must know the latest past."""
    encoded = encodings.fold(family.style, len(encodings.folds))
    learner = family.build(parameters, replace(setting, rounds=max(1, last.learner.rounds_)), seed=seed)
    _fit_on(learner, encoded, encodings, family, clock)
    return FoldModel(encoded.encoder, learner)


def _fit_on(learner: Learner, encoded: EncodedFold, encodings: Encodings, family: Family, clock: Clock) -> None:
    target, weight = encodings.codes, encodings.task.weight
    weighing = (lambda rows: None) if weight is None else (lambda rows: weight[rows])
    train, matrix = encoded.train, encoded.matrix
    if len(train) > family.most_rows:
        places = sampled(
            np.arange(len(train)),
            target[train],
            family.most_rows,
            classes=len(encodings.task.classes),
            seed=encodings.seed,
        )
        train, matrix = train[places], matrix[places]
    held = (encoded.valid_matrix, target[encoded.valid], weighing(encoded.valid))
    learner.fit(
        matrix,
        target[train],
        weight=weighing(train),
        valid=held if len(encoded.valid) else None,
        categorical=encoded.encoder.categorical_,
        out_of_time=None if clock.search_ends is None else clock.is_up,
        shared=encoded.shared.setdefault(family.name, {}),
    )


def as_predicted(task: Task, predicted: Array, rows: Array) -> Predicted:
    """What was predicted of these rows, beside their truth, as metrics want it."""
    return Predicted(
        task.truth[rows],
        np.array(task.classes)[predicted.argmax(axis=1)] if task.classes else predicted,
        predicted if task.classes else None,
        task.classes,
        None if task.weight is None else task.weight[rows],
        None if task.groups is None else task.groups[rows],
    )


def measured(task: Task, folds: Folds, trial: Trial) -> float:
    """The task's metric over all rows that some fold validates."""
    rows = folds.validated
    return measure(task.metric, as_predicted(task, trial.predicted[rows], rows))
