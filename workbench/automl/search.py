"""The search: plan, pilot, trials, ensemble, and what came of it."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from joblib import cpu_count
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # ships no types

from workbench.automl.clock import Clock, clock_for, untimed
from workbench.automl.encodings import Encodings
from workbench.automl.families import Family, LightGBM, Setting, shipped
from workbench.automl.fitting import Bench, Trial, fit, measured
from workbench.automl.glass_box.realised import realised
from workbench.automl.planner import PILOT_ROUNDS, PILOT_ROWS, Cost, Estimates, Plan, Turns, plan_by_clock, plan_by_size
from workbench.automl.progress import Progress
from workbench.automl.result import Found, Result, finished, seconds_to_finish
from workbench.automl.splits import folds_of, sampled
from workbench.automl.studies import Studies
from workbench.automl.task import Task
from workbench.documents.run_folder import handing_over_errors, here
from workbench.errors import BadParameters, BudgetTooShort, UnknownName, WorkbenchError
from workbench.template import memory_bytes, seconds

KEPT = 25  # trials whose models are kept for the ensemble; it looks at fewer
MEMORY = "70%"  # of what is free
CACHE_SHARE = 0.25  # of the memory, for encoded folds
LONGEST_TRIAL = 0.4  # of the time that is left: a trial slower than expected may not keep the others from their turns
PILOT_SHARE = 0.15  # of the time, for measuring what fits cost
LONGEST_FINISH = 0.25  # of the time: what the ensemble and the intervals may take


@handing_over_errors
def search(
    task: Task,
    *,
    budget: str | float = "60s",
    trials: int | None = None,
    seed: int = 0,
    memory: str | float | None = None,
    families: Sequence[str | Family] | None = None,
) -> Result:
    """Search for the best model of a task.

    Parameters
    ----------
    budget
        Wall time of the whole run: ``60s``, ``5m``, ``1h``. By hand the clock started when the table was read.
    trials
        A number of trials in place of a budget: no clock is read, and the same seed gives the same result to the bit.
    memory
        What the search may use for its caches: ``4GB``, or bytes; by default 70 % of what is free.
    families
        Families to choose from, by name or your own (see `workbench.automl.families.Family`); by default all.

    Raises
    ------
    BudgetTooShort
        If not one model could be fitted in time.
    """
    started = time.time()
    given = Given(task, _families(families), seed, CACHE_SHARE * memory_bytes(memory or MEMORY, of=_free_memory()))
    clock = clock_for(task.dataset, budget) if trials is None else untimed()
    with _quiet():
        if trials is None:
            found = _by_clock(given, clock)
        else:
            found = _explore(given, plan_by_size(len(task.frame), _whole(trials)), clock, min(2, cpu_count()))
        if not found.trials:
            if found.failure is not None:
                raise WorkbenchError(f"No model could be fitted: {found.failure}") from found.failure
            raise BudgetTooShort(seconds(budget))
        return finished(task, found, seed=seed, started=started, deadline=clock.run_ends)


@dataclass(frozen=True, slots=True)
class Given:
    """What a search was given."""

    task: Task
    families: Sequence[Family]
    seed: int
    cache: float


@contextmanager
def _quiet() -> Iterator[None]:
    """One thread per fit for linear algebra, too; and no word about coefficients that settle slowly.

    Filters of warnings are one for all threads, so they are set here, outside of the threads that fit.
    """
    with warnings.catch_warnings(), threadpool_limits(1, user_api="blas"):
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _by_clock(given: Given, clock: Clock) -> Found:
    """Measure what fits cost here, plan, explore till the clock says stop; the pilot is there if nothing else is."""
    task, workers = given.task, cpu_count()
    bench = _pilot_bench(given, clock.sooner(PILOT_SHARE * clock.left()))
    pilot, cost = _pilot(given, bench)
    finish = min(seconds_to_finish(task), LONGEST_FINISH * clock.left())
    clock = replace(clock, search_ends=(clock.search_ends or 0.0) - finish)
    plan = plan_by_clock(cost, len(task.frame), max(clock.left(), 0.0), workers)
    found = _explore(given, plan, clock, workers if plan.folds > 1 else _threads_that_help(bench, workers))
    return found if found.trials else replace(pilot, log=[*pilot.log, *found.log], failure=found.failure)


def _pilot_bench(given: Given, clock: Clock) -> Bench:
    """Set up a sample of the rows, a part of it held out, and few rounds."""
    task, seed = given.task, given.seed
    rows = sampled(np.arange(len(task.truth)), task.codes, PILOT_ROWS, classes=len(task.classes), seed=seed)
    encodings = Encodings(
        task, folds_of(task, 1, seed=seed, rows=rows), seed=seed, most_rows=None, most_bytes=given.cache
    )
    return Bench(encodings, replace(_setting(task, 1), rounds=PILOT_ROUNDS, rows=len(rows)), clock)


def _pilot(given: Given, bench: Bench) -> tuple[Found, Cost]:
    """Boost a few rounds on a sample: what that costs, and a model should there be time for no other."""
    family, setting = LightGBM(), bench.setting
    began = bench.clock.now()
    encoded = bench.encodings.fold(family.style, 0)
    encoding = (bench.clock.now() - began) / setting.rows
    parameters = family.portfolio(setting)[0]
    trial, failure = _tried(bench, 0, family, parameters, given.seed)
    plan = Plan(1, setting.learning_rate, setting.rounds, 1, setting.rows, drawn=PILOT_ROWS)
    nothing = Found([], bench.folds, plan, [], None)
    found = _with(nothing, bench.task, 0, family, parameters, trial, failure)
    rounds = 0 if trial is None else trial.members[0].learner.boosted_
    each = np.inf if trial is None else trial.seconds / max(rounds, 1) / len(encoded.train)
    return found, Cost(encoding, float(each))


def _threads_that_help(bench: Bench, most: int) -> int:
    """All threads for one fit at a time, if that is quicker than one: where others are at work it is often slower."""
    family, quick = LightGBM(), replace(bench.setting, rounds=PILOT_ROUNDS // 3)
    parameters, seconds = family.portfolio(quick)[0], {}
    for threads in (1, most):
        trial, _ = _tried(replace(bench, setting=replace(quick, threads=threads)), 0, family, parameters, 0)
        seconds[threads] = np.inf if trial is None else trial.seconds
    return min(seconds, key=lambda threads: seconds[threads])


def _explore(given: Given, plan: Plan, clock: Clock, workers: int) -> Found:
    """Try one family and parameter set after the other until the plan or the time is done."""
    task, families, seed, folder = given.task, given.families, given.seed, here()
    folds = folds_of(task, plan.folds, seed=seed)
    hands = min(workers, len(folds))
    setting = replace(
        _setting(task, max(1, workers // hands)),
        learning_rate=plan.learning_rate,
        rounds=plan.rounds,
        rows=min(len(task.truth), plan.rows or len(task.truth)),
    )
    encodings = Encodings(task, folds, seed=seed, most_rows=plan.rows, most_bytes=given.cache)
    bench = Bench(encodings, setting, clock, hands)
    journal = None if folder is None else folder.outbox / "study.journal"
    studies = Studies(families, setting, seed=seed, journal=journal)
    estimates = Estimates(families, plan.seconds)
    if plan.seconds > LONGEST_TRIAL * clock.left():
        families = sorted(families, key=estimates.of)  # there may be no second turn: begin with what is sure to end
    turns = Turns(families, [len(family.portfolio(setting)) for family in families])
    progress = Progress(task.metric, clock, folder, plan.trials)
    progress.started()
    found = Found([], folds, plan, [], None)
    for number in range(1, plan.trials + 1):
        tried = {str(entry["family"]) for entry in found.log}
        family = turns.next(lambda family: _affordable(family, estimates, clock, tried))  # noqa: B023 - called at once
        if family is None:
            break
        asked, parameters = studies.ask(family)
        at_most = clock.sooner(max(LONGEST_TRIAL * clock.left(), 2 * estimates.of(family)))
        trial, failure = _tried(replace(bench, clock=at_most), number, family, parameters, seed + number)
        studies.tell(family, asked, None if trial is None else task.metric.loss(trial.value))
        if trial is not None:
            turns.saw(family, task.metric.loss(trial.value))
            estimates.saw(family, trial.seconds)
        found = _with(found, task, number, family, parameters, trial, failure)
        progress.trial(number, family.name, trial)
    progress.ended()
    return found


def _affordable(family: Family, estimates: Estimates, clock: Clock, tried: set[str]) -> bool:
    """Whether a trial should end in time, or is a family's first and can be ended; the very first is begun anyway."""
    if clock.search_ends is None or not tried:
        return True
    if clock.is_up():
        return False
    return estimates.of(family) <= clock.left() or (family.ends_early and family.name not in tried)


def _tried(
    bench: Bench, number: int, family: Family, parameters: dict[str, Any], seed: int
) -> tuple[Trial | None, Exception | None]:
    """Fit one trial; a library's refusal of some parameters ends the trial and not the search."""
    try:
        trial = fit(bench, number, family, parameters, seed=seed)
    except Exception as failure:
        return None, failure
    return (None, None) if trial is None else (replace(trial, value=measured(bench.task, bench.folds, trial)), None)


def _with(
    found: Found,
    task: Task,
    number: int,
    family: Family,
    parameters: dict[str, Any],
    trial: Trial | None,
    failure: Exception | None,
) -> Found:
    """Add a trial to what was found: of the models only the best are kept, of the record everything."""
    state = "completed" if trial is not None else "cut off" if failure is None else "failed"
    entry = _entry(number, family, parameters, state, trial, failure)
    trials = found.trials if trial is None else [*found.trials, trial]
    trials = sorted(trials, key=lambda each: np.nan_to_num(task.metric.loss(each.value), nan=np.inf))[:KEPT]
    return replace(found, trials=trials, log=[*found.log, entry], failure=failure or found.failure)


def _entry(
    number: int,
    family: Family,
    parameters: dict[str, Any],
    state: str,
    trial: Trial | None,
    failure: Exception | None = None,
) -> dict[str, Any]:
    return {
        "number": number,
        "family": family.name,
        "params": parameters,
        "state": state,
        "score": None if trial is None or not np.isfinite(trial.value) else trial.value,
        "seconds": None if trial is None else round(trial.seconds, 3),
        "cut": trial is not None and trial.cut,
        "reason": "" if failure is None else f"{type(failure).__name__}: {failure}",
        **realised(family, trial),
    }


def _setting(task: Task, threads: int) -> Setting:
    return Setting(
        kind=task.kind,
        metric=task.metric.name,
        classes=len(task.classes),
        rows=len(task.frame),
        columns=len(task.features),
        threads=threads,
    )


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


def _free_memory() -> float:
    pages = (
        "SC_AVPHYS_PAGES" if "SC_AVPHYS_PAGES" in os.sysconf_names else "SC_PHYS_PAGES"
    )  # macOS tells the total only
    return float(os.sysconf(pages) * os.sysconf("SC_PAGE_SIZE"))
