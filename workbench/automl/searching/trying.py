"""One trial carried out: what is asked for, and what came of it."""

from __future__ import annotations

import math
import pickle
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Literal

from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # ships no types

from workbench.automl.blending.ensemble import EACH_FAMILY
from workbench.automl.families import Family, Setting
from workbench.automl.fitting.encodings import Encodings
from workbench.automl.fitting.trial import Bench, GivenUp, Rounds, Trial, fit, fold_values, measured
from workbench.automl.fitting.whole import Fit, fitted
from workbench.automl.glass_box.realised import realised
from workbench.automl.planning.clock import Clock
from workbench.automl.problem.splits import Folds
from workbench.automl.task import Task
from workbench.estimators.ensemble import FoldModel

State = Literal["completed", "pruned", "cut off", "failed"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A trial to be carried out.

    Attributes
    ----------
    clock
        When it has to end.
    limit
        A loss beyond which its first folds make it hopeless; None for a trial that is finished in any case.
    again
        The rounds of an earlier trial, which is to be fitted as it was.
    """

    number: int
    family: Family
    parameters: dict[str, Any]
    seed: int
    clock: Clock
    limit: float | None = None
    again: Rounds | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a trial: a `Trial`, or why there is none."""

    state: State
    trial: Trial | None = None
    given_up: GivenUp | None = None
    failure: Exception | None = None
    fold_values: tuple[float, ...] = ()


class Workplace:
    """Where trials are carried out: the task, its folds, and what their fits share.

    It is sent once to each process that works; each encodes the folds for itself, and keeps them for its next trial.

    Parameters
    ----------
    most_bytes
        Of encoded folds to keep.
    hands
        Folds fitted side by side, each by `Setting.threads`.
    """

    def __init__(
        self,
        task: Task,
        folds: Folds,
        setting: Setting,
        *,
        seed: int,
        most_rows: int | None,
        most_bytes: float,
        hands: int,
    ) -> None:
        self.task, self.folds, self.setting, self.hands = task, folds, setting, hands
        self.seed, self.most_rows, self.most_bytes = seed, most_rows, most_bytes
        self._bench: Bench | None = None
        self._busy = Lock()
        self._encoders: dict[tuple[str, int], Any] = {}

    def bench(self) -> Bench:
        """Set up once, without a clock: each trial brings its own."""
        if self._bench is None:
            encodings = Encodings(
                self.task, self.folds, seed=self.seed, most_rows=self.most_rows, most_bytes=self.most_bytes
            )
            self._bench = Bench(encodings, self.setting, Clock(), self.hands)
        return self._bench

    def carry_out(self, asked: Asked) -> Outcome:
        """Fit one trial; trials that meet in one process wait for each other."""
        with self._busy:
            return tried(replace(self.bench(), clock=asked.clock), asked)

    def fit_on_all_rows(self, fit: Fit, clock: Clock) -> FoldModel | str:
        """Fit a member on all rows with all threads, or say why that cannot be; one waits for the other here, too."""
        with self._busy:
            bench = self.bench()
            bench.encodings.let_go_of_folds()
            return fitted(bench.one_by_one(), fit, clock)

    def at_home(self, family: Family, trial: Trial) -> Trial:
        """Let a trial's models use the encoders of the trials before it: what each worker made is the same.

        A model is as large, and predicts as slowly, as it has encoders that are not shared.
        """
        latest = trial.final.members if self.folds.kind == "time" else []
        for fold, member in enumerate((*trial.members, *latest)):
            member.encoder = self._encoders.setdefault((family.style, fold), member.encoder)
        return trial

    def __getstate__(self) -> dict[str, Any]:
        """Travel without what was set up here, and without rows of the file that no fit asks for."""
        data = self.task.dataset
        task = replace(self.task, dataset=replace(data, frame=data.frame.iloc[:0]), test=None)
        return {**self.__dict__, "task": task, "_bench": None, "_busy": None, "_encoders": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _busy=Lock())


def carry_out(workplace: Workplace, asked: Asked) -> Outcome:
    """Fit one trial in another process: what it hands back must be able to travel."""
    with quiet():
        outcome = workplace.carry_out(asked)
    return replace(outcome, failure=None if outcome.failure is None else _able_to_travel(outcome.failure))


def fit_on_all_rows(workplace: Workplace, fit: Fit, clock: Clock) -> FoldModel | str:
    """Fit a member on all rows in another process, or say why that cannot be."""
    with quiet():
        return workplace.fit_on_all_rows(fit, clock)


@contextmanager
def quiet() -> Iterator[None]:
    """One thread per fit for linear algebra, too; and no word about coefficients that settle slowly.

    Filters of warnings are one for all threads, so they are set here, outside of the threads that fit.
    """
    with warnings.catch_warnings(), threadpool_limits(1, user_api="blas"):
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def tried(bench: Bench, asked: Asked) -> Outcome:
    """Fit one trial; a library's refusal of some parameters ends the trial and not the search."""
    try:
        found = fit(
            bench,
            asked.number,
            asked.family,
            asked.parameters,
            seed=asked.seed,
            limit=asked.limit,
            again=asked.again,
        )
        if found is None:
            return Outcome("cut off")
        if isinstance(found, GivenUp):
            return Outcome("pruned", given_up=found)
        trial = replace(found, value=measured(bench.task, bench.folds, found))
        return Outcome("completed", trial, fold_values=tuple(fold_values(bench.task, bench.folds, trial)))
    except Exception as failure:
        return Outcome("failed", failure=failure)


def entry(task: Task, folds: Folds, asked: Asked, outcome: Outcome) -> dict[str, Any]:
    """Write down one trial for the record."""
    trial = outcome.trial
    return {
        "number": asked.number,
        "family": asked.family.name,
        "params": asked.parameters,
        "state": outcome.state,
        "score": None if trial is None else _finite(trial.value),
        "fold_scores": [_finite(value) for value in outcome.fold_values],
        "seconds": None if trial is None else round(trial.seconds, 3),
        "cut": trial is not None and trial.cut,
        "reason": _reason(task, folds, asked, outcome),
        **realised(asked.family, trial),
    }


def completed(log: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those entries of a record that came to a score, in the order of their numbers."""
    done = [entry for entry in log if entry["state"] == "completed"]
    return sorted(done, key=lambda entry: int(entry["number"]))


def loss_of(task: Task, entry: dict[str, Any]) -> float:
    """Give a completed trial's loss; infinite where the metric could not tell."""
    return math.inf if entry["score"] is None else task.metric.loss(float(entry["score"]))


def limit_for(task: Task, log: Sequence[dict[str, Any]], family: Family) -> float | None:
    """Say what the next trial of a family has to reach on its first folds: the best trial's worst fold.

    None for the first few trials of a family, which the ensemble may need however they compare.
    """
    done = completed(log)
    if sum(entry["family"] == family.name for entry in done) < EACH_FAMILY:
        return None
    best = min(done, key=lambda entry: loss_of(task, entry))
    values = best.get("fold_scores") or [None]
    return None if None in values else max(task.metric.loss(float(value)) for value in values)


def _reason(task: Task, folds: Folds, asked: Asked, outcome: Outcome) -> str:
    if outcome.failure is not None:
        return f"{type(outcome.failure).__name__}: {outcome.failure}"
    if outcome.given_up is None or asked.limit is None:
        return ""
    value, limit = (abs(loss) for loss in (outcome.given_up.loss, asked.limit))
    return (
        f"Given up after {outcome.given_up.folds} of {len(folds)} folds: their mean {task.metric.name} of {value:.4g} "
        f"is worse than the best trial's worst fold, {limit:.4g}"
    )


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _able_to_travel(failure: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(failure))  # noqa: S301 - made on the line itself
    except Exception:
        return RuntimeError(f"{type(failure).__name__}: {failure}")
    return failure
