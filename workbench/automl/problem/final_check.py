"""Rows held back from everything, for one last measurement of the winner.

The same rows are held back whatever the seed, so that no one can look for a seed whose rows flatter. They are never
learned from, not even afterwards: see docs/decisions/0007.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.automl.problem.splits import folds_of, held_apart
from workbench.errors import BadParameters
from workbench.records import Check

if TYPE_CHECKING:
    from workbench.automl.task import Task

LARGEST = 0.5
FEWEST = 20  # rows: fewer would check nothing


def held_back(task: Task, share: float) -> Task:
    """Take a share of the rows out of a task and make them its held-back table.

    They are whole groups where there are groups, the latest where there is a time, else of each class, or size of the
    target, its share.

    Raises
    ------
    BadParameters
        If the share is no number from 0 to 0.5, rows are held back already, or too few would be.
    """
    _refuse(task, share)
    if not share:
        return task
    folds_of(task, 2, seed=0)  # groups or times that leave no split are refused
    train, valid = held_apart(
        task.codes, share, classes=len(task.classes), groups=task.groups, times=task.times, copies=task.copies
    )
    if task.classes:
        # A class must keep rows to learn from: of a rare one none is held back.
        kept = np.bincount(task.codes[train], minlength=len(task.classes)) >= 2
        back = valid[~kept[task.codes[valid]]]
        train, valid = np.sort(np.append(train, back)), np.setdiff1d(valid, back)
    if len(valid) < FEWEST:
        raise BadParameters([f"check_share={share:g} holds back {len(valid)} rows, too few to check by: leave it out."])
    rows = task.frame.index[valid]
    told = f"{len(valid):,} of {len(task.truth):,} rows"
    test = replace(
        task.dataset, frame=task.dataset.frame.loc[rows].reset_index(drop=True), source=f"check_share={share:g}"
    )
    message = (
        f"{told} were held back from the search, for one last measurement of the winner; it never learns from them."
    )
    checks = (*task.checks, Check("held_back", "note", message))
    return replace(_only(task, train), test=test, checks=checks, check_share=share)


def _only(task: Task, rows: Any) -> Task:
    """Keep some rows of a task."""
    return replace(
        task,
        frame=task.frame.iloc[rows],
        truth=task.truth[rows],
        groups=None if task.groups is None else task.groups[rows],
        times=None if task.times is None else task.times[rows],
        weight=None if task.weight is None else task.weight[rows],
        repeats=None if task.repeats is None else task.repeats[rows],
        copies=None if task.copies is None else task.copies[rows],
    )


def _refuse(task: Task, share: float) -> None:
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= LARGEST:
        raise BadParameters([f"check_share={share!r}: give a share from 0 to {LARGEST:g}, such as 0.1."])
    if share and task.test is not None:
        raise BadParameters(["check_share and test: both hold rows back for a last check; give one of them."])
