"""Columns that know the answer: copies of the target, and columns that predict it too well to be true."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from workbench.automl.finders import filled_in
from workbench.automl.finders.sample import Array, Sample, as_numbers, skills
from workbench.automl.task import Task
from workbench.pages.words import share
from workbench.records import Check

TOO_GOOD = 0.95  # of the errors of a constant guess avoided by one column alone
# Less is enough to be suspect when only so much is left of the errors of the next best column. Honest columns come
# nearer to that in a regression (a job title and a salary: 0.8, and 0.31 of the errors of the next).
MUCH_BETTER = {"classes": (0.7, 0.4), "numbers": (0.8, 0.25)}
ENOUGH = 20  # rows in which a copy could hardly be chance


def leaks(sample: Sample) -> Iterator[Check]:
    """Look for columns that give the target away."""
    if len(sample.target) < ENOUGH:
        return
    classes, measured = len(sample.task.classes), skills(sample.task)
    found = suspects({name: told for name, (told, _) in measured.items()}, classes=classes)
    for name in found:
        yield (
            _copy(sample.task, name) if is_copy(sample.task, name) else _too_good(sample.task, name, measured[name][1])
        )
    yield from filled_in.filled_in(sample, known=found)


def suspects(told: dict[str, float], *, classes: int) -> list[str]:
    """Name the columns whose skill is hard to believe, the best first."""
    ranked = sorted(told, key=lambda name: -told[name])
    found = [name for name in ranked if told[name] >= TOO_GOOD]
    if not found and len(ranked) > 1:
        best, second = (1 - told[name] for name in ranked[:2])
        much, left = MUCH_BETTER["classes" if classes else "numbers"]
        found = ranked[:1] if 1 - best >= much and best <= left * second else []
    return found


def is_copy(task: Task, name: str) -> bool:
    """Whether each value of a column goes with one value of the target, and the other way round."""
    values = task.frame[name]
    known = values.notna().to_numpy(dtype=bool)
    feature, target = pd.factorize(values[known])[0], pd.factorize(task.truth[known])[0]
    if len(target) < ENOUGH:
        return False
    pairs = len(np.unique(feature.astype(np.int64) * (int(target.max()) + 1) + target))
    if not pairs == int(feature.max()) + 1 == int(target.max()) + 1:
        return False
    # Numbers that differ in every row pair off by themselves; then the order has to be the same as well.
    return pairs <= len(target) / 2 or (not task.classes and _is_monotone(task, name, known))


def _is_monotone(task: Task, name: str, known: Array) -> bool:
    if task.frame[name].dtype == object:
        return False
    steps = np.diff(task.truth[known][np.argsort(as_numbers(task.frame[name][known]), kind="stable")])
    return bool((steps >= 0).all() or (steps <= 0).all())


def _copy(task: Task, name: str) -> Check:
    message = (
        f"{name!r} is {task.target!r} in other words: each of its values goes with one value of the target. A model "
        "reads the answer off it, and fails on rows whose answer is not known yet. It was kept, so the scores below "
        "say nothing, and promotion is refused: put it into `ignore` and run again."
    )
    return Check("target_copy", "block", message, (name,))


def _too_good(task: Task, name: str, right: float) -> Check:
    if task.classes:
        guess = pd.Series(task.truth).value_counts(normalize=True).iloc[0]
        told = f"alone gets {share(right)} of the rows right (always naming the most frequent class: {share(guess)})"
    else:
        told = f"alone explains {share(right)} of the variation of {task.target!r}"
    message = (
        f"{name!r} {told}. A column that good is often only known after the outcome, or made from it; the score "
        "would then not be reached in use. It was kept: if it is not known when you predict, put it into `ignore`."
    )
    return Check("possible_leak", "warn", message, (name,))
