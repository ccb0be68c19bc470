"""Trials until the plan or the time is done: whose turn it is, what to try, and what came of it.

A search for a number of trials reads no clock: suggestions are asked for in rounds of a fixed size and told in the
order of their numbers, so it goes the same way however many work at it. A search by the clock asks whenever a worker
is free and tells what is done at once.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from workbench.automl.blending.ensemble import best_of_each
from workbench.automl.families import Family
from workbench.automl.fitting.trial import Trial
from workbench.automl.fitting.whole import expected
from workbench.automl.planning.clock import Clock
from workbench.automl.planning.memory import within
from workbench.automl.planning.planner import Estimates, Plan, Turns
from workbench.automl.result import Found
from workbench.automl.searching.progress import Progress
from workbench.automl.searching.studies import Studies
from workbench.automl.searching.trying import Asked, Outcome, Workplace, carry_out, entry, limit_for, loss_of
from workbench.automl.task import Task
from workbench.executor import Executor

ROUND = 4  # suggestions asked for before one is told, in a search for a number of trials
KEPT = 25  # trials whose models are kept for the ensemble, beside the best of every family
LONGEST_TRIAL = 0.4  # of the time that is left: a trial slower than expected may not keep the others from their turns
LONGEST_GUESS = 0.7  # the same for a family that was not tried yet and is guessed to take so long
TOO_SLOW = 1.3  # times the time that is left: a family which is guessed to take more is not begun
SEVERAL = 2.0  # times what the best trial of each family should take on all rows: a family may have several members
LATE_SECONDS = 3.0  # a worker that has not ended its trial so long after the search should end is not waited for


@dataclass(slots=True)
class Exploration:
    """A search under way.

    Attributes
    ----------
    queue
        Asked for, not yet begun.
    ready
        Done, and not yet told, by number.
    ends
        When fitting the chosen on all rows must end, too; `clock` leaves time for it.
    kept
        Most seconds that are left for that.
    """

    found: Found
    workplace: Workplace
    executor: Executor
    studies: Studies
    turns: Turns
    estimates: Estimates
    clock: Clock
    progress: Progress
    families: Sequence[Family]
    ends: Clock
    kept: float = 0.0
    queue: deque[Asked] = field(default_factory=deque)
    flight: dict[Future[Outcome], Asked] = field(default_factory=dict)
    ready: dict[int, tuple[Asked, Outcome]] = field(default_factory=dict)
    number: int = 0

    @property
    def task(self) -> Task:
        """What is to be learned."""
        return self.workplace.task

    @property
    def timed(self) -> bool:
        """Whether a clock decides."""
        return self.clock.search_ends is not None


def set_out(
    workplace: Workplace,
    plan: Plan,
    families: Sequence[Family],
    studies: Studies,
    executor: Executor,
    progress: Progress,
    ends: Clock,
    kept: float,
) -> Exploration:
    """Begin a search: no trial is known, and at most so many seconds are kept for the fits on all rows."""
    clock, estimates, setting = ends.sooner(ends.left() - kept), Estimates(families, plan.seconds), workplace.setting
    if plan.seconds > LONGEST_TRIAL * clock.left():
        families = sorted(families, key=estimates.of)  # there may be no second turn: begin with what is sure to end
    return Exploration(
        found=Found([], workplace.folds, plan, [], None),
        workplace=workplace,
        executor=executor,
        studies=studies,
        turns=Turns(families, [len(family.portfolio(setting)) for family in families], setting.rows),
        estimates=estimates,
        clock=clock,
        progress=progress,
        families=families,
        ends=ends,
        kept=kept,
    )


def explore(way: Exploration) -> Found:
    """Carry out trials until there is none left to try, or no time; an interrupt leaves what was found till then."""
    try:
        while _asks(way) or way.queue or way.flight:
            while way.queue and len(way.flight) < way.executor.workers:
                _begin(way, way.queue.popleft())
            _take(way)
            if way.timed and way.ends.left() < -LATE_SECONDS:
                break
    except KeyboardInterrupt:  # the study keeps what was under way, for who takes it up
        return replace(way.found, interrupted=True)
    for asked in way.flight.values():
        _tell(way, asked, Outcome("cut off"))
    for asked in way.queue:
        way.studies.forget(asked)
    return way.found


def go_on(way: Exploration, past: Sequence[dict[str, Any]], again: Sequence[Asked], refitted: Iterable[Trial]) -> None:
    """Take up a search where it was left: its record, its turns, and the trials that were under way."""
    by_name = {family.name: family for family in way.families}
    numbers = {asked.number for asked in again}
    way.number = max([int(one["number"]) for one in past] + list(numbers), default=0)
    size = 1 if way.timed else ROUND
    told: list[tuple[int, str, dict[str, Any] | None]] = [(int(one["number"]), str(one["family"]), one) for one in past]
    steps = sorted([*told, *((asked.number, asked.family.name, None) for asked in again)], key=lambda step: step[0])
    for first in range(1, way.number + 1, size):
        together = [step for step in steps if first <= step[0] < first + size]
        for _, name, _ in together:
            way.turns.next(lambda family: family.name == name)  # noqa: B023 - called at once
        for _, name, one in together:
            if one is not None and one["state"] == "completed":
                way.turns.saw(by_name[name], loss_of(way.task, one))
                way.estimates.saw(by_name[name], float(one["seconds"]))
    way.found = replace(way.found, log=list(past))
    for trial in refitted:
        way.found = with_trial(way.task, way.found, trial)
    way.queue.extend(again)


def with_trial(task: Task, found: Found, trial: Trial) -> Found:
    """Add a trial to those found: only the best are kept, and the best of every family."""

    def order(each: Trial) -> tuple[float, int]:
        return float(np.nan_to_num(task.metric.loss(each.value), nan=np.inf)), each.number

    ranked = sorted([*found.trials, trial], key=order)
    chosen = best_of_each([each.family for each in ranked], KEPT)
    most = math.inf if found.plan.models is None else found.plan.models
    return replace(found, trials=within([ranked[place] for place in chosen], most))


def _asks(way: Exploration) -> bool:
    """Ask for trials: as many as can be begun, or the next round when the last is told."""
    if way.timed:
        wanted = way.executor.workers - len(way.flight) - len(way.queue)
    else:
        wanted = 0 if way.queue or way.flight or way.ready else ROUND
    for _ in range(min(wanted, way.found.plan.trials - way.number)):
        tried = {str(one["family"]) for one in way.found.log} | {one.family.name for one in way.flight.values()}
        family = way.turns.next(lambda family: _affordable(way, family, tried))  # noqa: B023 - called at once
        if family is None:
            break
        way.number += 1
        limit = limit_for(way.task, way.found.log, family)
        way.queue.append(way.studies.ask(family, way.number, way.workplace.seed + way.number, limit))
    return bool(way.queue)


def _affordable(way: Exploration, family: Family, tried: set[str]) -> bool:
    """Whether a trial should end in time, or is a family's first and can be ended; the very first is begun anyway."""
    if not way.timed or not tried:
        return True
    if way.clock.is_up():
        return False
    seconds, left = way.estimates.of(family), way.clock.left()
    return seconds <= left or (family.ends_early and family.name not in tried and seconds <= TOO_SLOW * left)


def _begin(way: Exploration, asked: Asked) -> None:
    left, expected = way.clock.left(), way.estimates.of(asked.family)
    # What was seen is more than a guess; the very first is needed however long it takes.
    known = not way.found.log or asked.family.name in {str(one["family"]) for one in way.found.log}
    seconds = max(LONGEST_TRIAL * left, 2 * expected if known else min(1.3 * expected, LONGEST_GUESS * left))
    asked = replace(asked, clock=way.clock.sooner(seconds))
    way.progress.begins(asked.number, asked.family.name)
    way.flight[way.executor.submit(carry_out, way.workplace, asked)] = asked


def _take(way: Exploration) -> None:
    """Wait for what is done first, and tell what is next to be told."""
    seconds = way.ends.left() + LATE_SECONDS if way.timed else None
    for future in way.executor.first(list(way.flight), seconds):
        asked = way.flight.pop(future)
        way.ready[asked.number] = asked, _outcome(future)
    for number in sorted(way.ready):
        behind = [asked.number for asked in (*way.queue, *way.flight.values())]
        if way.timed or number < min(behind, default=number + 1):
            _tell(way, *way.ready.pop(number))


def _for_all_rows(way: Exploration) -> float:
    """Guess how long fitting the chosen on all rows will take, as many side by side as folds are."""
    if not way.kept:
        return 0.0
    best: dict[str, Trial] = {}
    for trial in way.found.trials:
        best.setdefault(trial.family, trial)
    families = {family.name: family for family in way.families}
    seconds = expected(way.workplace.bench(), families, list(best.values()))
    return min(way.kept, SEVERAL * seconds / way.workplace.hands)


def _outcome(future: Future[Outcome]) -> Outcome:
    """Take what came of a trial, if only that the workers it was given to were lost."""
    try:
        return future.result()
    except (Exception, CancelledError) as failure:
        return Outcome(
            "failed", failure=RuntimeError(f"The trial's worker was lost: {failure or type(failure).__name__}")
        )


def _tell(way: Exploration, asked: Asked, outcome: Outcome) -> None:
    """Tell everyone who decides what is next, and the record, how a trial went."""
    one, trial = entry(way.task, way.found.folds, asked, outcome), outcome.trial
    way.studies.tell(asked, outcome, None if trial is None else way.task.metric.loss(trial.value), one)
    found = replace(way.found, log=[*way.found.log, one], failure=outcome.failure or way.found.failure)
    if trial is not None:
        way.turns.saw(asked.family, way.task.metric.loss(trial.value))
        way.estimates.saw(asked.family, trial.seconds)
        found = with_trial(way.task, found, way.workplace.at_home(asked.family, trial))
    way.found = found
    way.clock = way.ends.sooner(way.ends.left() - _for_all_rows(way))
    way.progress.trial(asked.number, asked.family.name, trial)
