"""How cores and memory are shared out: what a plan may take, and the place where its trials are carried out."""

from __future__ import annotations

from dataclasses import replace

from workbench.automl.families.base import MORE_TREES
from workbench.automl.planning.planner import Plan, shared_out
from workbench.automl.problem.splits import folds_of
from workbench.automl.searching.allowance import Allowance, allowance
from workbench.automl.searching.pilot import Given, sample_workplace, setting_of
from workbench.automl.searching.trying import Workplace
from workbench.errors import BadParameters
from workbench.executor import Executor


def within_memory(given: Given) -> Given:
    """Refuse a memory that is too little for anything, and take so many rows for the pilot as fit."""
    rows = allowance(given.task, given.families, given.room, folds=1, hands=1, widths=given.widths).rows
    return given if rows is None else replace(given, drawn=min(given.drawn, rows))


def memory_for(given: Given, plan: Plan, executor: Executor, times: int = 1) -> Allowance:
    """Plan for what is left of the memory, with so many times as many fits side by side as there will be."""
    return allowance(
        given.task,
        given.families,
        given.room,
        folds=plan.folds,
        hands=times * max(1, min(executor.threads, plan.folds)),
        shares=executor.workers,  # those of a cluster may well be on one machine, this one
        widths=given.widths,
    )


def on_all_rows(given: Given, plan: Plan, executor: Executor) -> tuple[int, int]:
    """Say how many fits on all rows there is memory for at a time, and for how many trees of a forest there.

    A forest of more trees takes as much while it grows as that many forests side by side.
    """
    try:
        once, more = memory_for(given, plan, executor), memory_for(given, plan, executor, MORE_TREES)
    except BadParameters:  # models have taken it meanwhile: one takes the place of the encoded folds, which are gone
        return 1, 0
    is_enough = more.hands == MORE_TREES * once.hands
    return once.hands, MORE_TREES * more.trees if is_enough else once.trees


def limited(plan: Plan, allowed: Allowance) -> Plan:
    """Take no more rows, and keep no larger models, than there is memory for."""
    rows = min((rows for rows in (plan.rows, allowed.rows) if rows is not None), default=None)
    return replace(plan, rows=rows, models=allowed.models)


def workplace_of(given: Given, plan: Plan, executor: Executor, allowed: Allowance) -> Workplace:
    """Share out the cores between trials, folds and the fits of a fold."""
    if plan.drawn is not None:
        return sample_workplace(given, plan.drawn)
    task = given.task
    folds = folds_of(task, plan.folds, seed=given.seed)
    side_by_side = min(len(folds), allowed.hands)
    hands, each = shared_out(executor.cores, executor.workers, executor.threads, side_by_side)
    setting = replace(
        setting_of(task, each),
        learning_rate=plan.learning_rate,
        rounds=plan.rounds,
        rows=min(len(task.truth), plan.rows or len(task.truth)),
        trees=allowed.trees,
    )
    return Workplace(task, folds, setting, seed=given.seed, most_rows=plan.rows, most_bytes=allowed.cache, hands=hands)
