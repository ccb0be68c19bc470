"""Columns that are written down after the outcome: filled in, or left out, for rows of one class alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import pandas as pd

from workbench.automl.finders.sample import Array, Sample
from workbench.automl.task import Task
from workbench.pages.words import share
from workbench.records import Check

BY_CHANCE = 30  # rows of other classes that would be expected where there are (next to) none
STRAY = 0.05  # of them may be there all the same: a slip of the pen
COVERED = 0.15  # of the class; a rare sign of one class (an @ in a link) is an honest one
MOSTLY = 0.5  # of the rows hold the value that stands for nothing: a blank, a zero, "none"


def filled_in(sample: Sample, *, known: Collection[str]) -> Iterator[Check]:
    """Look for columns that hold something almost only where the target is one class, beside those already known."""
    task = sample.task
    if not task.classes:
        return
    for name in task.features:
        absent = None if name in known else _absent(sample.frame[name])
        if absent is None:
            continue
        if (code := sole_class(sample.target, ~absent, len(task.classes))) is not None:
            yield _only_for(task, name, "holds a value of its own", code, float(np.mean(~absent)))
        elif (code := sole_class(sample.target, absent, len(task.classes))) is not None:
            yield _only_for(task, name, "is left blank, or at its usual value,", code, float(np.mean(absent)))


def sole_class(target: Array, rows: Array, classes: int) -> int | None:
    """Find the class that has these rows all but for itself, far beyond chance, and much of whose rows they are."""
    everywhere, here = (np.bincount(target[some], minlength=classes) for some in (slice(None), rows))
    most = int(here.argmax())
    others = (1 - everywhere[most] / len(target)) * here.sum()
    if others < BY_CHANCE or here.sum() - here[most] > STRAY * others or here[most] < COVERED * everywhere[most]:
        return None
    return most


def _absent(values: pd.Series[Any]) -> Array | None:
    """Tell which rows hold nothing: no value, or else the one that most rows hold."""
    codes = pd.factorize(values)[0]
    if (codes < 0).any():
        return np.asarray(codes < 0)
    counts = np.bincount(codes)
    return np.asarray(codes == counts.argmax()) if counts.max() >= MOSTLY * len(codes) and len(counts) > 1 else None


def _only_for(task: Task, name: str, what: str, code: int, rows: float) -> Check:
    message = (
        f"{name!r} {what} in {share(rows)} of the rows, and in nearly all of them {task.target!r} is "
        f"{task.classes[code]!r}. A column that is filled in like that is often written down after the outcome; the "
        "score would then not be reached in use. It was kept: if it is not known when you predict, put it into "
        "`ignore`."
    )
    return Check("possible_leak", "warn", message, (name,))
