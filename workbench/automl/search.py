"""The search: plan, pilot, trials, ensemble, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

from joblib import cpu_count

from workbench.automl.blending.ensemble import Deploy
from workbench.automl.families import Family, LightGBM, shipped
from workbench.automl.families.base import TREES
from workbench.automl.fitting.whole import INTERRUPTED, SHARE, OnAllRows
from workbench.automl.planning.clock import Clock, clock_for, untimed
from workbench.automl.planning.memory import room_for
from workbench.automl.planning.planner import (
    Estimates,
    Plan,
    Turns,
    fitting,
    pilot_rows,
    plan_by_clock,
    plan_by_size,
    shared_out,
)
from workbench.automl.problem.splits import folds_of
from workbench.automl.result import Found, Result, finished, seconds_to_finish
from workbench.automl.searching.again import (
    REFIT_SHARE,
    Kept,
    Recorded,
    as_recorded,
    beginning,
    best_of,
    new_journal,
    recorded,
    refitted,
    taken_up,
    told_to_replay,
)
from workbench.automl.searching.allowance import CACHE, Allowance, allowance
from workbench.automl.searching.exploring import LONGEST_TRIAL, Exploration, explore, go_on, with_trial
from workbench.automl.searching.pilot import Given, pilot, sample_workplace, setting_of, threads_that_help
from workbench.automl.searching.progress import Progress
from workbench.automl.searching.studies import Studies
from workbench.automl.searching.trying import Outcome, Workplace, entry, quiet
from workbench.automl.task import Task
from workbench.documents.run_folder import handing_over_errors, here
from workbench.errors import BadParameters, BudgetTooShort, UnknownName, WorkbenchError
from workbench.executor import DaskCluster, Executor, InProcess
from workbench.template import seconds

PILOT_SHARE = 0.15  # of the time, for measuring what fits cost
LONGEST_FINISH = 0.12  # of the time: what the ensemble and the intervals may take


@handing_over_errors
def search(
    task: Task,
    *,
    budget: str | float = "60s",
    trials: int | None = None,
    seed: int = 0,
    memory: str | float | None = None,
    families: Sequence[str | Family] | None = None,
    deploy: Deploy = "full",
    cluster: str = "",
    resume: str | Path | None = None,
    replay: str | Path | Mapping[str, Any] | None = None,
) -> Result:
    """Search for the best model of a task.

    An interrupt (Ctrl-C, or the notebook's stop button) ends a search by hand with the best it has found.

    Parameters
    ----------
    budget
        Wall time of the whole run: ``60s``, ``5m``, ``1h``. By hand the clock started when the table was read.
    trials
        A number of trials in place of a budget: no clock is read, and the same seed gives the same result to the bit,
        however many cores or workers there are.
    memory
        What the process may take in all, what it holds already among it: ``4GB``, or bytes; or a share of what is
        free beside it, by default 70 %. Rows of a fold, folds fitted at a time, forests, kept trials and families are
        chosen to stay within it.
    families
        Families to choose from, by name or your own (see `workbench.automl.families.Family`); by default all.
    deploy
        ``compact`` gives up to one hundredth of the loss for a model that is small and fast: only the cheapest members
        that are needed.
    cluster
        Address of a Dask scheduler (``tcp://host:8786``): trials are carried out by its workers. On other machines
        their clocks should agree with this one's, for a trial's end is a time of day there.
    resume
        The folder of a run that was killed: its trials are taken over and the search goes on. By hand any folder; one
        that holds no study begins one, to be taken up later.
    replay
        The folder of an experiment (or its ``task.json`` with ``trials``): its trials are fitted again as they were,
        with the rounds they came to, in place of a search.

    Raises
    ------
    BadParameters
        If the memory is too little for any model.
    BudgetTooShort
        If not one model could be fitted in time.
    NoCluster
        If the cluster cannot be worked with.
    BadReference
        If what is to be resumed or replayed is of another search.
    """
    started = time.monotonic()
    if deploy not in get_args(Deploy):
        raise BadParameters([f"deploy={deploy!r}: give full or compact."])
    given = Given(task, fitting(_families(families), setting_of(task, 1)), seed, room_for(memory))
    given = _within_memory(given)
    replay = told_to_replay(task) if replay is None else replay
    clock = clock_for(task.dataset, budget) if trials is None and replay is None else untimed()
    finish = 0.0 if clock.search_ends is None else min(seconds_to_finish(task), LONGEST_FINISH * clock.left())
    averaged = None
    with quiet(), _executor(cluster) as executor:
        if replay is not None:
            record = recorded(task, replay)
            deploy, averaged = record.deploy, record.averaged
            given, found = replace(given, seed=record.seed), _replayed(given, record, executor)
        else:
            kept = Kept(new_journal()) if resume is None else taken_up(task, seed, resume)
            found = (
                _by_clock(given, clock.sooner(clock.left() - finish), kept, executor, deploy)
                if trials is None
                else _explored(given, plan_by_size(len(task.frame), _whole(trials)), clock, kept, executor)
            )
        if found.interrupted and (here() is not None or not found.trials):
            raise KeyboardInterrupt  # in a run it was the runner who asked for an end
        if not found.trials:
            if found.failure is not None:
                raise WorkbenchError(f"No model could be fitted: {found.failure}") from found.failure
            raise BudgetTooShort(seconds(budget))
        # By then the members are chosen, which is about half of what is left to do.
        ends = clock.sooner(clock.left() - finish / 2)
        refits = _on_all_rows(given, found, ends, executor, deploy, averaged)
        end = partial(finished, task, seed=given.seed, started=started, deadline=clock.run_ends, deploy=deploy)
        return _ended(end, found, refits)


def _ended(end: Callable[..., Result], found: Found, refits: OnAllRows) -> Result:
    """Finish a search; by hand an interrupt leaves out the fits on all rows, as it leaves out trials."""
    try:
        return end(found, refits=refits)
    except KeyboardInterrupt:
        if here() is not None or refits.recorded is not None:  # in a run it was the runner; a replay is all or none
            raise
        return end(replace(found, interrupted=True), refits=replace(refits, refused=INTERRUPTED))


def _on_all_rows(
    given: Given,
    found: Found,
    clock: Clock,
    executor: Executor,
    deploy: Deploy,
    recorded: Mapping[int, Sequence[int]] | None,
) -> OnAllRows:
    """Say where the chosen are fitted on all rows: here, with the folds and the rate of the search."""
    families = {family.name: family for family in (LightGBM(), *given.families)}  # the first is the pilot's
    hands = _side_by_side(given, found.plan, executor)
    allowed = Allowance(None, hands, TREES, max(0.0, CACHE * given.room.left()), 0.0, tuple(given.families))
    bench = _workplace(given, found.plan, executor, None, allowed).bench()
    # There is none where there was time for a sample or one fold only.
    short = found.plan.drawn is not None or (deploy == "full" and len(found.folds) == 1)
    refused = INTERRUPTED if found.interrupted else ""  # whoever interrupts wants an end
    return OnAllRows(families, replace(bench, clock=clock.sooner(0.0) if short else clock), recorded, refused)


def _side_by_side(given: Given, plan: Plan, executor: Executor) -> int:
    """Say how many fits on all rows there is memory for at a time."""
    try:
        return _allowed(given, plan, executor, None).hands
    except BadParameters:  # models have taken it meanwhile: one takes the place of the encoded folds, which are gone
        return 1


@contextmanager
def _executor(cluster: str) -> Iterator[Executor]:
    """Where trials are carried out: one at a time with all cores, or one on each worker of a cluster."""
    executor: Executor = DaskCluster(cluster) if cluster else InProcess(1, cpu_count())
    try:
        yield executor
    finally:
        executor.close()


def _by_clock(given: Given, clock: Clock, kept: Kept, executor: Executor, deploy: Deploy) -> Found:
    """Measure what fits cost here, plan, explore till the clock says stop; the pilot is there if nothing else is."""
    task = given.task
    given = replace(given, drawn=min(given.drawn, pilot_rows(len(task.frame), clock.left())))
    bench = replace(sample_workplace(given, given.drawn).bench(), clock=clock.sooner(PILOT_SHARE * clock.left()))
    first, cost = pilot(given, bench)
    plan = plan_by_clock(cost, len(task.frame), max((1 - SHARE) * clock.left(), 0.0), executor.threads)
    refits = deploy == "compact" or (kept.plan or plan).folds > 1
    threads = executor.threads
    if plan.folds == 1 and isinstance(executor, InProcess):
        threads = threads_that_help(bench, threads)
    found = _explored(given, plan, clock, kept, executor, threads, SHARE * clock.left() if refits else 0.0)
    if found.trials:
        return found
    return replace(first, log=[*first.log, *found.log], failure=found.failure, interrupted=found.interrupted)


def _explored(
    given: Given,
    plan: Plan,
    ends: Clock,
    kept: Kept,
    executor: Executor,
    threads: int | None = None,
    seconds_kept: float = 0.0,
) -> Found:
    """Try one family and parameter set after the other until the plan or the time is done."""
    clock = ends.sooner(ends.left() - seconds_kept)
    if kept.plan is not None:
        # The same folds and rate as before, or nothing of it could be compared; time is another today.
        plan = replace(kept.plan, trials=plan.trials, seconds=plan.seconds)
    task, seed, folder = given.task, given.seed, here()
    allowed = _allowed(given, plan, executor, threads)
    if kept.plan is None:
        plan = replace(plan, rows=_fewer(plan.rows, allowed.rows), models=allowed.models)
    workplace = _workplace(given, plan, executor, threads, allowed)
    families = fitting(allowed.families, workplace.setting)
    started = beginning(task, seed, plan)
    studies = Studies(families, workplace.setting, seed=seed, journal=kept.journal, beginning=started)
    estimates = Estimates(families, plan.seconds)
    if plan.seconds > LONGEST_TRIAL * clock.left():
        families = sorted(families, key=estimates.of)  # there may be no second turn: begin with what is sure to end
    progress = Progress(task.metric, clock, folder, None if clock.search_ends is not None else plan.trials)
    way = Exploration(
        found=Found([], workplace.folds, plan, [], None),
        workplace=executor.send(workplace),
        executor=executor,
        studies=studies,
        turns=Turns(
            families, [len(family.portfolio(workplace.setting)) for family in families], workplace.setting.rows
        ),
        estimates=estimates,
        clock=clock,
        progress=progress,
        families=families,
        ends=ends,
        kept=seconds_kept,
    )
    progress.started()
    if kept.plan is not None:
        _take_up(way, workplace)
    found = explore(way)
    progress.ended(interrupted=found.interrupted)
    return found


def _take_up(way: Exploration, workplace: Workplace) -> None:
    """Go on from the study: what is known counts as done, and the best of it is fitted again first."""
    retried, dead = way.studies.left_running(way.families, again=not way.timed)
    for asked in dead:
        outcome = Outcome("failed", failure=RuntimeError("its process died"))
        way.studies.tell(asked, outcome, None, entry(way.task, way.found.folds, asked, outcome))
    past, at_most = way.studies.past(), way.clock.sooner(REFIT_SHARE * way.clock.left())
    way.progress.resumed(len(past))
    again = as_recorded(best_of(way.task, past), way.families, at_most)
    go_on(way, past, retried, refitted(workplace, way.executor, again, at_most))


def _replayed(given: Given, record: Recorded, executor: Executor) -> Found:
    """Fit the trials of a record again, each as it was.

    Raises
    ------
    WorkbenchError
        If one of them cannot be.
    """
    given = replace(given, seed=record.seed)
    allowed = _allowed(given, record.plan, executor, None)
    workplace = executor.send(_workplace(given, record.plan, executor, None, allowed))
    found = Found([], workplace.folds, record.plan, record.trials, None)
    asked = as_recorded(best_of(given.task, record.trials), given.families, untimed())
    missing = {one.number for one in asked}
    for trial in refitted(workplace, executor, asked, untimed()):
        found = with_trial(given.task, found, trial)
        missing.remove(trial.number)
    if missing:
        raise WorkbenchError(
            f"Trials {', '.join(map(str, sorted(missing)))} could not be fitted as they were. Replay with the versions "
            "that the experiment's environment names."
        )
    return found


def _within_memory(given: Given) -> Given:
    """Refuse a memory that is too little for anything, and take so many rows for the pilot as fit."""
    rows = allowance(given.task, given.families, given.room, folds=1, hands=1, widths=given.widths).rows
    return given if rows is None else replace(given, drawn=min(given.drawn, rows))


def _allowed(given: Given, plan: Plan, executor: Executor, threads: int | None) -> Allowance:
    hands = max(1, min(threads or executor.threads, plan.folds))
    # Workers of a cluster may well be on one machine, this one.
    return allowance(
        given.task,
        given.families,
        given.room,
        folds=plan.folds,
        hands=hands,
        shares=executor.workers,
        widths=given.widths,
    )


def _fewer(one: int | None, other: int | None) -> int | None:
    return min((rows for rows in (one, other) if rows is not None), default=None)


def _workplace(given: Given, plan: Plan, executor: Executor, threads: int | None, allowed: Allowance) -> Workplace:
    """Share out the cores between trials, folds and the fits of a fold."""
    if plan.drawn is not None:
        return sample_workplace(given, plan.drawn)
    task = given.task
    folds = folds_of(task, plan.folds, seed=given.seed)
    side_by_side = min(len(folds), allowed.hands)
    hands, each = shared_out(executor.cores, executor.workers, threads or executor.threads, side_by_side)
    setting = replace(
        setting_of(task, each),
        learning_rate=plan.learning_rate,
        rounds=plan.rounds,
        rows=min(len(task.truth), plan.rows or len(task.truth)),
        trees=allowed.trees,
    )
    return Workplace(task, folds, setting, seed=given.seed, most_rows=plan.rows, most_bytes=allowed.cache, hands=hands)


def _families(given: Sequence[str | Family] | None) -> list[Family]:
    known = {family.name: family for family in shipped()}
    if given is None:
        return list(known.values())
    for name in given:
        if isinstance(name, str) and name not in known:
            raise UnknownName("model family", name, list(known))
    return [known[family] if isinstance(family, str) else family for family in given]


def _whole(trials: int) -> int:
    if trials != int(trials) or trials < 1:
        raise BadParameters([f"trials={trials!r}: give a whole number above zero."])
    return int(trials)
