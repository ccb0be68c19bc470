"""Columns that together make the target: parts of a sum, a rate and an amount."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workbench.automl.finders.sample import Array, Sample, as_numbers
from workbench.metrics import deviation
from workbench.pages.words import listing
from workbench.records import Check

EXACT = 1e-6  # of the variation may be left over: rounding, no more
MOST_PARTS = 5
MOST_ROWS, MOST_COLUMNS = 5_000, 300
ENOUGH = 50


def made_of(sample: Sample) -> Iterator[Check]:
    """Look for a few numbers that make the target when they are added up, or multiplied."""
    task = sample.task
    if task.classes:
        return
    names = [name for name in task.features if task.schema[name].kind == "number"][:MOST_COLUMNS]
    rows = slice(0, None, max(1, len(sample.places) // MOST_ROWS))
    target = task.truth[sample.places][rows].astype(float)
    columns = {name: as_numbers(sample.frame[name].iloc[rows]) for name in names}
    found = parts(columns, target)
    how = "added up or subtracted"
    if not found and (target > 0).all():
        positive = {name: np.log(values) for name, values in columns.items() if (values > 0).all()}
        found, how = parts(positive, np.log(target)), "multiplied or divided"
    if len(found) > 1:  # one alone is a copy, or too good to be true
        message = (
            f"{listing([repr(name) for name in found])}, {how} (each times a fixed number), give {task.target!r} "
            "exactly. Where the target is made from columns there is nothing to learn, and parts of an outcome are "
            "known no sooner than the outcome. They were kept: if they are not known when you predict, put them into "
            "`ignore`."
        )
        yield Check("possible_leak", "warn", message, tuple(found))


def parts(columns: dict[str, Array], target: Array) -> list[str]:
    """Name the few columns a target is a weighted sum of, up to rounding; none if it is not.

    Columns are taken one by one, each time the one closest to what is left (orthogonal matching pursuit, Pati et al.
    1993).
    """
    known = {name: values for name, values in columns.items() if np.isfinite(values).all() and deviation(values) > 0}
    if len(target) < ENOUGH or not known or deviation(target) == 0:
        return []
    names = list(known)
    matrix = np.column_stack([(known[name] - known[name].mean()) / deviation(known[name]) for name in names])
    wanted = (target - target.mean()) / deviation(target)
    chosen: list[int] = []
    left = wanted
    for _ in range(min(MOST_PARTS, len(names))):
        nearness = np.abs(matrix.T @ left)
        nearness[chosen] = -1
        chosen.append(int(nearness.argmax()))
        left = _left(matrix[:, chosen], wanted)
        if np.mean(left**2) < EXACT:
            return [names[place] for place in _needed(matrix, wanted, chosen)]
    return []


def _left(matrix: Array, wanted: Array) -> Array:
    return np.asarray(wanted - matrix @ np.linalg.lstsq(matrix, wanted, rcond=None)[0])


def _needed(matrix: Array, wanted: Array, chosen: list[int]) -> list[int]:
    """Leave out columns that were near at first, and that the sum does without in the end."""
    for place in list(chosen):
        others = [other for other in chosen if other != place]
        if others and np.mean(_left(matrix[:, others], wanted) ** 2) < EXACT:
            chosen = others
    return chosen
