"""Time, order and groups in a table that were declared, or were not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from workbench.automl.finders.sample import Array, Sample, as_numbers, binned, ranks, skill
from workbench.automl.task import Task
from workbench.dataset import coercer_of
from workbench.metrics import deviation, power_of_two
from workbench.pages.words import agree, listing, number, share
from workbench.records import Check

DRIFTED = 0.25  # population stability index, by custom
LATER = 0.3  # the last part of the rows, compared with the first
ENOUGH = 200  # rows on either side
ALIKE = 0.5  # how much more alike rows of a group are than any two rows
ALIKE_BY_NAME = 0.15
NEARLY_SAME = 0.95  # no column of a table without groups was seen to come near: a job title and a salary have 0.87
FOLLOWS = 0.99  # rank correlation with time above which a column is the time in other words
ORDERED = 0.5
THINGS = """
    id ids uuid guid key customer client patient subject person user member account household family student employee
    device machine sensor turbine farm vehicle car store shop site session serial ticket group owner player
"""
MOMENTS = {"date", "time", "day", "datetime", "timestamp", "utc", "when", "at", "week", "month"}
PAST = {"birth", "born", "dob", "founded", "built"}  # dates of a thing, not of its row


def drift(sample: Sample) -> Iterator[Check]:
    """Compare the first rows in time with the last."""
    task = sample.task
    if task.times is None:
        return
    times = as_numbers(pd.Series(task.times[sample.places]))
    late = times > np.quantile(times, 1 - LATER)
    if min(late.sum(), (~late).sum()) < ENOUGH:
        return
    # Later rows are later: that alone is no drift.
    moving = [name for name in task.features if not _is_clock(sample, name, times)]
    moved = {name: stability_index(sample.bins(name), late) for name in moving}
    drifted = sorted((name for name in moved if moved[name] > DRIFTED), key=lambda name: -moved[name])
    if drifted:
        index = f"population stability index {number(moved[drifted[0]], 2)}; above {DRIFTED} counts as drifted"
        most = f"{drifted[0]!r}: {index}"
        message = (
            f"{listing([repr(name) for name in drifted])} {agree(drifted, 'is', 'are')} spread differently in the "
            f"latest {share(LATER)} of the rows than before ({most}). What was learned from the past holds less for "
            "the present. All rows were kept, and models are measured on later rows than they learned from, so the "
            "score knows of it; training on recent rows only may be better."
        )
        yield Check("drift", "warn", message, tuple(drifted))
    yield from _target_drift(task, task.codes[sample.places], late)


def _is_clock(sample: Sample, name: str, times: Array) -> bool:
    values = sample.frame[name]
    if name in sample.task.schema.named("time") or values.dtype == object:
        return name in sample.task.schema.named("time")
    return abs(float(pd.Series(ranks(times)).corr(pd.Series(ranks(as_numbers(values)))))) > FOLLOWS


def _target_drift(task: Task, target: Array, late: Array) -> Iterator[Check]:
    if task.classes:
        before, after = (np.bincount(target[rows], minlength=len(task.classes)) / rows.sum() for rows in (~late, late))
        most = int(np.abs(after - before).argmax()) if len(task.classes) > 2 else 1
        gap = abs(after[most] - before[most])
        if gap > 0.1 or gap > 0.5 * max(before[most], after[most], 0.02):
            told = f"{task.classes[most]!r} goes from {share(before[most])} to {share(after[most])} of the rows"
            yield _moved_target(task, told)
    else:
        before, after = float(np.mean(target[~late])), float(np.mean(target[late]))
        if abs(after - before) > 0.5 * deviation(target):
            yield _moved_target(task, f"its mean goes from {number(before)} to {number(after)}")


def _moved_target(task: Task, told: str) -> Check:
    message = (
        f"{task.target!r} moves with time: in the latest {share(LATER)} of the rows {told}. The score is measured on "
        "later rows than were learned from, as it will be in use; expect it to fall further, and retrain often."
    )
    return Check("target_drift", "warn", message, (task.target,))


def undated(sample: Sample) -> Iterator[Check]:
    """Look for dates along which the target moves, when no time was named."""
    task = sample.task
    if task.times is not None or len(sample.places) < ENOUGH:
        return
    classes = len(task.classes)
    for name in task.features:
        if task.schema[name].kind != "date" or sample.frame[name].isna().mean() > 0.2:
            continue
        told, _ = skill(sample.bins(name), sample.target, classes=classes)
        words = _words(name)
        named = words[-1:] != [] and words[-1] in MOMENTS and not PAST & set(words)
        if (named and told > 0.05) or _counts_rows(task, name):
            message = (
                f"{name!r} dates the rows, and rows are split at random: the model is tested on rows from among those "
                f"it learned from. If it is to predict what comes later, run again with time={name!r}, and the score "
                "will say how well that works."
            )
            yield Check("undeclared_time", "note", message, (name,))


def row_order(sample: Sample) -> Iterator[Check]:
    """Look for a target that follows the order of the file, and for columns that do as well."""
    task = sample.task
    if task.times is not None or len(sample.places) < ENOUGH:
        return
    place = np.arange(len(sample.places))
    told, _ = skill(place * 50 // len(place), sample.target, classes=len(task.classes))
    if told < ORDERED:
        return
    counting = [n for n in task.features if task.schema[n].kind == "number" and _counts_rows(task, n)]
    if not counting and not _is_sorted(sample.target):
        return
    message = (
        f"Where a row stands in the file tells its {task.target!r}. Rows are shuffled before they are split, so that "
        "does no harm by itself."
    )
    if counting:
        message += (
            f" But {listing([repr(name) for name in counting])} {agree(counting, 'follows', 'follow')} the order of "
            "the rows, and so gives the target away; in new rows it will not. It was kept: put it into `ignore`."
        )
    yield Check("row_order", "warn" if counting else "note", message, tuple(counting))


def _is_sorted(target: Array) -> bool:
    steps = np.diff(target)
    return bool(max((steps >= 0).mean(), (steps <= 0).mean()) > 0.99)


def _counts_rows(task: Task, name: str) -> bool:
    if task.frame[name].dtype == object:
        return False
    values = as_numbers(task.frame[name])
    steps = np.diff(values[np.isfinite(values)])
    many = len(np.unique(values)) > 0.5 * len(values)
    return many and bool(max((steps >= 0).mean(), (steps <= 0).mean()) > 0.99)


def groups(sample: Sample) -> Iterator[Check]:
    """Look for a column that names things with several rows each, whose rows have the same target."""
    task = sample.task
    if task.groups is not None or task.times is not None or len(task.frame) < ENOUGH:
        return
    for name in _candidates(task):
        if _is_group(task, name):
            message = (
                f"{name!r} looks like the name of something with several rows, and rows of one share their "
                f"{task.target!r}. It was not named as a group, so rows of one are on both sides of a split, and the "
                f"score is better than it will be for new ones. If new rows bring new values of it, run again with "
                f"group={name!r}."
            )
            yield Check("undeclared_group", "warn", message, (name,))


def _candidates(task: Task) -> list[str]:
    """Name the columns that may name groups: also one that was said to name its row, and names several."""
    return [*task.features, *task.schema.named("id")]


def _values(task: Task, name: str) -> pd.Series[Any]:
    if name in task.frame:
        return task.frame[name]
    raw = task.dataset.frame[[name]].loc[task.frame.index]
    return coercer_of([replace(task.schema[name], kind="category")]).transform(raw)[name]


def _is_group(task: Task, name: str) -> bool:
    """Whether a column names many things with a few rows each, which share their target and more."""
    values, named = _values(task, name), _is_named_thing(name)
    if values.dtype != object and not _is_whole(values):
        return False
    codes = pd.factorize(values)[0]
    levels = np.bincount(codes[codes >= 0]) if (codes >= 0).any() else np.zeros(1)
    if len(levels) < max(20, len(codes) / 50) or levels[levels >= 2].sum() < 0.5 * len(codes):
        return False
    alike = _agreement(codes, task)
    if alike > NEARLY_SAME:  # an amount may tell as much, by its size; a number that is a name has none
        return values.dtype == object or _by_size(task, values) < ALIKE
    if values.dtype != object and not named:
        return False
    # A job title or a town tells much of a salary too. Unless its name says so, a group also fixes other columns.
    return alike > ALIKE_BY_NAME if named else alike > ALIKE and _fixes_others(codes, task, name)


def _by_size(task: Task, values: pd.Series[Any]) -> float:
    target = task.codes if task.classes else ranks(task.codes)
    return skill(binned(values), target, classes=len(task.classes))[0]


def _fixes_others(codes: Array, task: Task, name: str) -> bool:
    fixed = 0
    for other in task.features:
        values = pd.factorize(task.frame[other])[0]
        if other != name and len(np.unique(values)) > 2:
            pairs = len(np.unique(codes.astype(np.int64) * (int(values.max()) + 2) + values + 1))
            fixed += pairs <= 1.05 * len(np.unique(codes))
    return fixed >= 2


def _is_named_thing(name: str) -> bool:
    return bool(set(THINGS.split()) & set(_words(name)[-1:]))


def _is_whole(values: pd.Series[Any]) -> bool:
    if values.dtype != float:  # a date
        return False
    present = values.dropna().to_numpy()
    return bool(np.all(present == np.floor(present)))


def _words(name: str) -> list[str]:
    """Split a name at underscores, blanks and inner capitals."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


def _agreement(codes: Array, task: Task) -> float:
    """One-way intraclass correlation of the target (Fisher 1925), over levels with two rows or more; classes as 0/1."""
    rows = codes >= 0
    group, target = codes[rows], task.codes[rows].astype(float)
    size = np.bincount(group)
    kept = size[group] >= 2
    group, target = pd.factorize(group[kept])[0], target[kept]
    columns = [(target == code).astype(float) for code in range(len(task.classes))] if task.classes else [target]
    return float(np.mean([_intraclass(group, column) for column in columns if deviation(column) > 0]))


def _intraclass(group: Array, value: Array) -> float:
    size, value = np.bincount(group), value / power_of_two(value)
    mean = np.bincount(group, weights=value) / size
    levels, rows = len(size), len(value)
    between = float((size * (mean - value.mean()) ** 2).sum() / max(1, levels - 1))
    within = float(((value - mean[group]) ** 2).sum() / max(1, rows - levels))
    typical = (rows - float((size**2).sum()) / rows) / max(1, levels - 1)
    return (between - within) / max(between + (typical - 1) * within, 1e-300)


def stability_index(bins: Array, late: Array) -> float:
    """Measure how far late rows have moved from early ones (population stability index), half a row added to a bin."""
    if bins.max() > 10:  # sixty bins of few rows differ by chance: ten do not
        order = np.cumsum(np.bincount(bins)) / len(bins)
        bins = np.minimum(9, (order[bins] * 10).astype(int))
    counts = np.array([np.bincount(bins[rows], minlength=int(bins.max()) + 1) for rows in (~late, late)]) + 0.5
    before, after = counts / counts.sum(axis=1, keepdims=True)
    return float(((after - before) * np.log(after / before)).sum())
