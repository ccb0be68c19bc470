"""A first fit on a sample: what fits cost here, and a model that is there from the first seconds on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from workbench.automl.families import Family, LightGBM, Setting
from workbench.automl.families.base import is_skewed
from workbench.automl.families.wide import portfolio_of
from workbench.automl.fitting.trial import Bench
from workbench.automl.planning.memory import Room
from workbench.automl.planning.planner import MOST_PILOT_ROWS, PILOT_ROUNDS, Cost, Plan
from workbench.automl.problem.splits import folds_of, sampled
from workbench.automl.result import Found
from workbench.automl.searching.exploring import with_trial
from workbench.automl.searching.trying import Asked, Workplace, entry, tried
from workbench.automl.task import Task
from workbench.estimators.numbers import unit_of

MEANS = ("rmse", "r2")  # metrics that ask for the mean, to which a logarithm can be taken back


@dataclass(frozen=True, slots=True)
class Given:
    """What a search was given, and the memory it may take.

    Attributes
    ----------
    drawn
        How large the pilot's sample may be.
    widths
        How many bytes a row becomes by each style, once some were encoded to see.
    """

    task: Task
    families: Sequence[Family]
    seed: int
    room: Room
    drawn: int = MOST_PILOT_ROWS
    widths: dict[str, float] = field(default_factory=dict)


def setting_of(task: Task, threads: int) -> Setting:
    """Give what is the same for every trial of a task."""
    centre, spread = (0.0, 1.0) if task.classes else unit_of(task.truth)
    bends = centre == 0.0 and spread >= 1.0  # the logarithm of tiny numbers, or of those far from zero, is a line
    return Setting(
        kind=task.kind,
        metric=task.metric.name,
        classes=len(task.classes),
        rows=len(task.frame),
        columns=len(task.features),
        threads=threads,
        skewed=task.metric.name in MEANS and bends and is_skewed(task.truth),
        extreme=(centre, spread) != (0.0, 1.0),
    )


def sample_workplace(given: Given, drawn: int) -> Workplace:
    """Set up a sample of the rows, a part of it held out, and few rounds."""
    task, seed = given.task, given.seed
    rows = sampled(np.arange(len(task.truth)), task.codes, drawn, classes=len(task.classes), seed=seed)
    setting = replace(setting_of(task, 1), rounds=PILOT_ROUNDS, rows=len(rows))
    folds = folds_of(task, 1, seed=seed, rows=rows)
    return Workplace(task, folds, setting, seed=seed, most_rows=None, most_bytes=math.inf, hands=1)


def pilot(given: Given, bench: Bench) -> tuple[Found, Cost]:
    """Boost a few rounds on a sample: what that costs, and a model should there be time for no other."""
    family, setting = LightGBM(), bench.setting
    began = bench.clock.now()
    encoded = bench.encodings.fold(family.style, 0)
    encoding = (bench.clock.now() - began) / setting.rows
    asked = Asked(0, family, portfolio_of(family, setting)[0], given.seed, bench.clock)
    outcome = tried(bench, asked)
    plan = Plan(1, setting.learning_rate, setting.rounds, 1, setting.rows, drawn=given.drawn)
    log = [entry(bench.task, bench.folds, asked, outcome)]
    found, trial = Found([], bench.folds, plan, log, outcome.failure), outcome.trial
    if trial is None:
        return found, Cost(encoding, np.inf)
    # A first fit does once what the fits after it need not do again: the second tells what one costs.
    again = tried(bench, asked).trial or trial
    each = min(trial.seconds, again.seconds) / max(trial.boosted[0], 1) / len(encoded.train)
    return with_trial(bench.task, found, trial), Cost(encoding, float(each))


def threads_that_help(bench: Bench, most: int) -> int:
    """All threads for one fit at a time, if that is quicker than one: where others are at work it is often slower."""
    family, quick = LightGBM(), replace(bench.setting, rounds=PILOT_ROUNDS // 3)
    seconds = {}
    for threads in (1, most):
        here = replace(bench, setting=replace(quick, threads=threads))
        trial = tried(here, Asked(0, family, portfolio_of(family, quick)[0], 0, bench.clock)).trial
        seconds[threads] = np.inf if trial is None else trial.seconds
    return min(seconds, key=lambda threads: seconds[threads])
