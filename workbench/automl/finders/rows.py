"""Rows that occur twice or contradict each other, classes that are too rare, tables that are too wide."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from workbench.automl.finders.sample import Array, Sample
from workbench.automl.problem.copies import has_copy
from workbench.automl.task import Task
from workbench.dataset import coercer_of
from workbench.metrics import power_of_two
from workbench.pages.words import agree, count, listing, number, share
from workbench.records import Check, Level

RARE, UNBALANCED = 10, 0.05
MANY_TWICE, MANY_CONTRADICTIONS = 0.05, 0.01
HEAVY_TAIL = 0.5  # share of all variation that a thousandth of the rows may have
MOST_HASHED = 300_000


def duplicates(sample: Sample) -> Iterator[Check]:
    """Look for rows that occur twice, with the same target or with another one."""
    task = sample.task
    if len(task.features) < 3:  # few columns repeat by nature
        return
    rows = _signatures(task.frame.iloc[:MOST_HASHED])
    answers = pd.factorize(task.truth)[0][: len(rows)]
    together = pd.DataFrame({"row": rows, "answer": answers})
    twice = int(together.duplicated().sum())
    if twice and twice >= 0.001 * len(rows):
        fine = sum(task.frame[name].nunique() > 20 for name in task.features)
        level: Level = "warn" if twice > MANY_TWICE * len(rows) and fine >= 3 else "note"
        message = (
            f"{count(twice, 'row')} ({share(twice / len(rows))}) repeat an earlier row in every column learned from. "
            "If one thing was recorded twice, a copy in training gives away the row it is tested on, and the score is "
            f"too good. {_done(task)}; remove them from the file if they are no rows of their own."
        )
        yield Check("duplicate_rows", level, message)
    apart = together.groupby("row")["answer"].transform("nunique").to_numpy() > 1
    if task.classes and apart.sum() > MANY_CONTRADICTIONS * len(rows):
        message = (
            f"{count(int(apart.sum()), 'row')} ({share(float(apart.mean()))}) have the same features as another row "
            f"and another {task.target!r}. No model can get all of these right; what tells them apart is not in the "
            "table. They were kept."
        )
        yield Check("contradicting_rows", "note", message)


def _done(task: Task) -> str:
    """Say what was done about rows that repeat."""
    if task.groups is not None or task.times is not None:
        return f"They were kept, and split by {'time' if task.groups is None else 'group'} like all others"
    if task.repeats is None:
        return (
            "They were kept, and split like all others, for they look as if they repeat by nature: the values are "
            "coarse, or rows alike have different targets"
        )
    together = int(has_copy(task.repeats).sum())
    if task.copies is None:
        return (
            f"They were kept and split like all others, {count(together, 'row')} that agree in {task.target!r} among "
            "them, for new rows may repeat, too; with the score it is told what it is on rows that stand once"
        )
    return (
        f"They were kept, and {count(together, 'row')} that agree in {task.target!r}, too, stay together in every "
        "split, so that no copy is tested on what another one taught"
    )


def classes(sample: Sample) -> Iterator[Check]:
    """Look for classes with too few rows to learn and measure, and for a class that drowns the others."""
    task = sample.task
    if not task.classes:
        return
    rows = np.bincount(task.codes, minlength=len(task.classes))
    rare = [f"{label!r} ({count(int(n), 'row')})" for label, n in zip(task.classes, rows, strict=True) if n < RARE]
    if rare:
        message = (
            f"{agree(rare, 'The class', 'The classes')} {listing(rare)} {agree(rare, 'has', 'have')} fewer than "
            f"{RARE} rows: how well such a class is found is mostly luck. {agree(rare, 'It was', 'They were')} kept; "
            "collect more rows of it, or join rare classes into one."
        )
        yield Check("rare_class", "warn", message, (task.target,))
    least = float(rows.min() / rows.sum())
    if len(rows) == 2 and least < UNBALANCED:
        flattered = task.metric.name == "accuracy"
        label = task.classes[int(rows.argmin())]
        message = (
            f"Only {share(least)} of the rows are {label!r}. No row was left out or taken twice to even that out, so "
            "probabilities stay true. "
        )
        message += (
            f"Always saying the other scores an accuracy of {share(1 - least)}: choose metric 'roc_auc' or "
            "'average_precision', which are not flattered by that."
            if flattered
            else "That is fine for the search, but read the accuracy with care: always saying the other one reaches "
            f"{share(1 - least)}."
        )
        yield Check("imbalance", "warn" if flattered else "note", message, (task.target,))


def shape(sample: Sample) -> Iterator[Check]:
    """Look for more columns than rows."""
    rows, columns = sample.task.frame.shape
    if columns > rows:
        message = (
            f"There are more columns ({columns:,}) than rows ({rows:,}): some column will fit the target by chance. "
            "All were kept. Trust the score's interval, and do not read much into which columns matter."
        )
        yield Check("wide_table", "warn", message)


def extremes(sample: Sample) -> Iterator[Check]:
    """Look for a numeric target whose variation sits in a few rows."""
    task = sample.task
    if task.classes or len(task.truth) < 1000:
        return
    away = task.truth - np.median(task.truth)
    apart = (away / power_of_two(away)) ** 2
    few = max(1, len(apart) // 1000)
    tail = float(np.sort(apart)[-few:].sum() / max(apart.sum(), 1e-300))
    if tail > HEAVY_TAIL:
        highest = number(float(task.truth[np.argmax(apart)]))
        message = (
            f"A thousandth of the rows makes {share(tail)} of the variation of {task.target!r} (most extreme value: "
            f"{highest}). They were kept: check them, for the RMSE is decided by them; the MAE is not."
        )
        yield Check("extreme_target", "warn", message, (task.target,))


def overlap(sample: Sample) -> Iterator[Check]:
    """Look for rows of the training table in the table that was held back."""
    task = sample.task
    if task.test is None or task.check_share or len(task.features) < 3:
        return  # of rows held back here copies were kept together, and `duplicates` tells of those alike by nature
    held = coercer_of([task.schema[name] for name in task.features]).transform(task.test.frame)
    trained = task.frame.iloc[:MOST_HASHED]
    both, cut = _signatures(pd.concat([trained, held.iloc[:MOST_HASHED]])), len(trained)
    shared = float(np.isin(both[cut:], both[:cut]).mean())
    if shared > 0.01:
        message = (
            f"{share(shared)} of the rows in the test file also stand in the training table. They were kept in both, "
            "so the last check is no check on new rows; hold back rows that were not trained on."
        )
        yield Check("test_overlap", "warn", message)


def _signatures(frame: pd.DataFrame) -> Array:
    """One number for each row, equal for equal rows."""
    codes = np.zeros(len(frame), dtype=np.uint64)
    for name in frame.columns:
        values = pd.util.hash_array(pd.factorize(frame[name])[0])
        codes = codes * np.uint64(0x9E3779B97F4A7C15) + values  # wraps around, as a hash should
    return codes
