"""The search: plan, pilot, trials, ensemble, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

from joblib import cpu_count

from workbench.automl.blending.ensemble import Deploy
from workbench.automl.families import Family, LightGBM, shipped
from workbench.automl.fitting.whole import INTERRUPTED, NO_TIME, SHARE, OnAllRows, fitted
from workbench.automl.planning.clock import Clock, clock_for, untimed
from workbench.automl.planning.memory import room_for
from workbench.automl.planning.planner import Plan, fitting, pilot_rows, plan_by_clock, plan_by_size
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
from workbench.automl.searching.exploring import Exploration, explore, go_on, set_out, with_trial
from workbench.automl.searching.pilot import Given, pilot, sample_workplace, setting_of, threads_that_help
from workbench.automl.searching.progress import Progress
from workbench.automl.searching.studies import Studies
from workbench.automl.searching.trying import Outcome, Workplace, entry, fit_on_all_rows, quiet
from workbench.automl.searching.workplaces import limited, memory_for, on_all_rows, within_memory, workplace_of
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
    trials = None if trials is None else _whole(trials)
    given = within_memory(Given(task, fitting(_families(families), setting_of(task, 1)), seed, room_for(memory)))
    replay = told_to_replay(task) if replay is None else replay
    record = None if replay is None else recorded(task, replay)
    clock = clock_for(task.dataset, budget) if trials is None and record is None else untimed()
    finish = 0.0 if clock.search_ends is None else min(seconds_to_finish(task), LONGEST_FINISH * clock.left())
    with quiet(), _executor(cluster) as executor:
        if record is None:
            kept = Kept(new_journal()) if resume is None else taken_up(task, seed, resume)
            progress = Progress(task.metric, clock, here(), trials)
            ends = clock.sooner(clock.left() - finish)
            found, place = _tried(given, trials, ends, kept, executor, progress, deploy)
        else:
            given, deploy = replace(given, seed=record.seed), record.deploy
            progress = Progress(task.metric, clock, here())
            found, place = _replayed(given, record, executor, progress)
        _refuse_without_models(found, budget, progress)
        # By then the members are chosen, which is about half of what is left to do.
        ends = clock.sooner(clock.left() - finish / 2)
        end = partial(finished, task, seed=given.seed, started=started, deadline=clock.run_ends, deploy=deploy)
        with _on_all_rows(given, found, place, ends, executor, deploy, record, progress) as refits:
            result = _ended(end, found, refits)
        progress.ended(interrupted=result.interrupted)
        return result


def _tried(
    given: Given,
    trials: int | None,
    ends: Clock,
    kept: Kept,
    executor: Executor,
    progress: Progress,
    deploy: Deploy,
) -> tuple[Found, Workplace]:
    """Carry out trials for as long as there is time, or so many; say where, too."""
    if trials is None:
        return _by_clock(given, ends, kept, executor, progress, deploy)
    return _explored(given, plan_by_size(len(given.task.frame), trials), ends, kept, executor, progress)


def _refuse_without_models(found: Found, budget: str | float, progress: Progress) -> None:
    """Go on only with what was found, and unless the runner asked for an end.

    Raises
    ------
    BudgetTooShort, WorkbenchError
        If there is no model.
    """
    if found.trials and not (found.interrupted and here() is not None):
        progress.finishing()
        return
    progress.ended(interrupted=found.interrupted)
    if found.interrupted:
        raise KeyboardInterrupt
    if found.failure is not None:
        raise WorkbenchError(f"No model could be fitted: {found.failure}") from found.failure
    raise BudgetTooShort(seconds(budget))


def _ended(end: Callable[..., Result], found: Found, refits: OnAllRows) -> Result:
    """Finish a search; by hand an interrupt leaves out the fits on all rows, as it leaves out trials."""
    try:
        return end(found, refits=refits)
    except KeyboardInterrupt:
        if here() is not None or refits.recorded is not None:  # in a run it was the runner; a replay is all or none
            raise
        return end(replace(found, interrupted=True), refits=replace(refits, refused=INTERRUPTED))


@contextmanager
def _on_all_rows(
    given: Given,
    found: Found,
    place: Workplace,
    clock: Clock,
    executor: Executor,
    deploy: Deploy,
    record: Recorded | None,
    progress: Progress,
) -> Iterator[OnAllRows]:
    """Say where the chosen are fitted on all rows: side by side in threads here, or each by a worker of the cluster."""
    place.bench().encodings.let_go_of_folds()
    bench = replace(place.bench(), clock=clock)
    hands, trees = on_all_rows(given, found.plan, executor)
    is_here = isinstance(executor, InProcess)
    with closing(InProcess(hands)) if is_here else nullcontext(executor) as crew:
        yield OnAllRows(
            {family.name: family for family in (LightGBM(), *given.families)},  # the first is the pilot's
            bench,
            crew,
            partial(crew.submit, fitted, bench) if is_here else partial(crew.submit, fit_on_all_rows, place),
            trees,
            None if record is None else record.averaged,
            {} if record is None else record.whole,
            _no_refits(found, clock, deploy),
            progress.finishing,
        )


def _no_refits(found: Found, clock: Clock, deploy: Deploy) -> str:
    """Say why nothing is fitted on all rows: who interrupts wants an end, or time was short for the folds already."""
    if found.interrupted:
        return INTERRUPTED
    once = found.plan.drawn is not None or (deploy == "full" and len(found.folds) == 1)
    return NO_TIME if once and clock.search_ends is not None else ""


@contextmanager
def _executor(cluster: str) -> Iterator[Executor]:
    """Where trials are carried out: one at a time with all cores, or one on each worker of a cluster."""
    executor: Executor = DaskCluster(cluster) if cluster else InProcess(1, cpu_count())
    try:
        yield executor
    finally:
        executor.close()


def _by_clock(
    given: Given, clock: Clock, kept: Kept, executor: Executor, progress: Progress, deploy: Deploy
) -> tuple[Found, Workplace]:
    """Measure what fits cost here, plan, explore till the clock says stop; the pilot is there if nothing else is."""
    rows = len(given.task.frame)
    given = replace(given, drawn=min(given.drawn, pilot_rows(rows, clock.left())))
    sample = sample_workplace(given, given.drawn)
    bench = replace(sample.bench(), clock=clock.sooner(PILOT_SHARE * clock.left()))
    first, cost = pilot(given, bench)
    plan = plan_by_clock(cost, rows, max((1 - SHARE) * clock.left(), 0.0), executor.threads)
    if plan.folds == 1 and isinstance(executor, InProcess):
        executor = InProcess(1, threads_that_help(bench, executor.threads), executor.cores)
    refits = deploy == "compact" or (kept.plan or plan).folds > 1
    found, place = _explored(given, plan, clock, kept, executor, progress, SHARE * clock.left() if refits else 0.0)
    if found.trials:
        return found, place
    return replace(first, log=[*first.log, *found.log], failure=found.failure, interrupted=found.interrupted), sample


def _explored(
    given: Given,
    plan: Plan,
    ends: Clock,
    kept: Kept,
    executor: Executor,
    progress: Progress,
    seconds_kept: float = 0.0,
) -> tuple[Found, Workplace]:
    """Try one family and parameter set after the other until the plan or the time is done; say where, too."""
    if kept.plan is not None:
        # The same folds and rate as before, or nothing of it could be compared; time is another today.
        plan = replace(kept.plan, trials=plan.trials, seconds=plan.seconds)
    allowed = memory_for(given, plan, executor)
    plan = limited(plan, allowed) if kept.plan is None else plan
    place = workplace_of(given, plan, executor, allowed)
    families, started = fitting(allowed.families, place.setting), beginning(given.task, given.seed, plan)
    studies = Studies(families, place.setting, seed=given.seed, journal=kept.journal, beginning=started)
    if place.folds.kind == "time":  # what predicts was fitted on all rows with the folds
        seconds_kept = 0.0
    way = set_out(executor.send(place), plan, families, studies, executor, progress, ends, seconds_kept)
    progress.started()
    if kept.plan is not None:
        _take_up(way, place)
    return explore(way), place


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


def _replayed(given: Given, record: Recorded, executor: Executor, progress: Progress) -> tuple[Found, Workplace]:
    """Fit the trials of a record again, each as it was; say where, too.

    Raises
    ------
    WorkbenchError
        If one of them cannot be.
    """
    progress.resumed(len(record.trials))
    place = executor.send(workplace_of(given, record.plan, executor, memory_for(given, record.plan, executor)))
    found = Found([], place.folds, record.plan, record.trials, None)
    asked = as_recorded(best_of(given.task, record.trials), given.families, untimed())
    missing = {one.number for one in asked}
    for trial in refitted(place, executor, asked, untimed()):
        found = with_trial(given.task, found, trial)
        missing.remove(trial.number)
    if missing:
        raise WorkbenchError(
            f"Trials {', '.join(map(str, sorted(missing)))} could not be fitted as they were. Replay with the versions "
            "that the experiment's environment names."
        )
    return found, place


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
