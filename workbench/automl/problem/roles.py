"""The part each column plays: target, feature, id, group, time, weight, or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.dataset import Dataset, coercer_of
from workbench.errors import BadColumn, BadTable, UnknownName
from workbench.estimators.coerce import Coercer
from workbench.pages.words import count
from workbench.records import Check, ColumnSchema, Kind, Role, TableSchema

Array = npt.NDArray[Any]
LEARNABLE = ("number", "boolean", "date", "category", "text")
PARTS = {"ignore": "ignored", "group": "the group", "time": "the time", "weight": "the weight", "id": "an identifier"}


def assigned(
    dataset: Dataset,
    target: str,
    *,
    ignore: str | Sequence[str],
    id: str | Sequence[str] | None,  # noqa: A002 - the role's own name
    group: str | None,
    time: str | None,
    weight: str | None,
) -> dict[str, Role]:
    """Which role each named column was given; an unknown name or two roles for one column are refused."""
    wishes: list[tuple[str, Role]] = [(target, "target")]
    wishes += [(name, "ignore") for name in _names(ignore)]
    wishes += [(name, "id") for name in _names(id)]
    wishes += [(name, "group") for name in _names(group)]
    wishes += [(name, "time") for name in _names(time)]
    wishes += [(name, "weight") for name in _names(weight)]
    known = [column.name for column in dataset.schema.columns]
    roles: dict[str, Role] = {}
    for name, role in wishes:
        if name not in known:
            if not (said := _why_left_out(dataset, name)):
                raise UnknownName("column", name, known)
            if role in ("ignore", "id"):
                continue  # as was wished
            raise BadColumn(name, said, "Name another, or save it as plain values.")
        if roles.get(name, role) != role:
            raise BadColumn(name, f"was named as {roles[name]} and as {role}", "Give it one of the two parts.")
        roles[name] = role
    return roles


def _why_left_out(dataset: Dataset, name: str) -> str:
    """Say what the notes say of a column that is in the file and not in the table; empty when they do not name it."""
    said = (note.partition(f"column {name!r}")[2] for note in dataset.notes)
    return next((rest.strip(" ,.") for rest in said if rest), "")


def _names(given: str | Sequence[str] | None) -> list[str]:
    if given is None or given == "":
        return []
    return [given] if isinstance(given, str) else [str(name) for name in given]


def learnable(dataset: Dataset, schema: TableSchema) -> list[str]:
    """Name the columns a model can learn from: features that are no id, constant or empty column.

    A date that orders the rows is among them for its calendar: the hour and the weekday come again, the year does not.
    """
    names = [
        column.name
        for column in schema.columns
        if (column.role == "feature" and column.kind in LEARNABLE) or (column.role == "time" and column.kind == "date")
    ]
    if not names:
        others = [column for column in schema.columns if column.role != "target"]
        told = ", ".join(f"{one.name!r} is {PARTS.get(one.role) or one.kind}" for one in others[:5])
        rest = f" and {len(others) - 5} more" if len(others) > 5 else ""
        problem = f"has no column to learn from beside the target{f': {told}{rest}' if told else ''}"
        raise BadTable(dataset.source, problem, "Add columns, or give fewer of them another part.")
    return names


def rows_with_time(dataset: Dataset, schema: TableSchema, keep: Array) -> tuple[Array | None, Array, tuple[Check, ...]]:
    """Read the time of every row, and keep the rows that have one."""
    names = schema.named("time")
    if not names:
        return None, keep, ()
    times, missing = _times(dataset, schema[names[0]])
    if (missing & keep).sum() > 0.5 * keep.sum():
        problem = f"can be read as a date or number in {(~missing & keep).sum():,} of {keep.sum():,} rows only"
        raise BadColumn(names[0], problem, "Name a column that dates the rows.")
    if len(np.unique(times[keep & ~missing])) < 2:
        raise BadColumn(names[0], "holds a single time, which orders nothing", "Leave `time` out.")
    if not (missing & keep).any():
        return times, keep, ()
    message = f"{(missing & keep).sum():,} rows have no {names[0]!r}, so no place in the order; they were set aside."
    return times, keep & ~missing, (Check("missing_time", "warn", message, (names[0],)),)


def kind_of_time(column: ColumnSchema) -> Kind:
    """Say as what a time is read: a number that counts the rows, or a code of digits, orders them as well as a date."""
    return "number" if column.kind in ("number", "id", "boolean") or "width" in column.coercion else "date"


def _times(dataset: Dataset, column: ColumnSchema) -> tuple[Array, Array]:
    kind = kind_of_time(column)
    coercion = column.coercion if column.kind == kind else {}
    reader = Coercer([{**coercion, "name": column.name, "kind": kind}])
    times = reader.transform(dataset.frame[[column.name]])[column.name]
    return times.to_numpy(), times.isna().to_numpy(dtype=bool)


def groups_of(dataset: Dataset, schema: TableSchema, keep: Array) -> Array | None:
    """Read the group of each row that takes part; rows without one form a group together, the careful reading."""
    names = schema.named("group")
    if not names:
        return None
    groups = _groups(dataset, names[0], keep)
    if len(np.unique(groups)) < 2:
        raise BadColumn(names[0], "holds a single group", "Splitting by group needs at least two; leave `group` out.")
    return groups


def groups_held_back(test: Dataset, schema: TableSchema, rows: Array) -> Array | None:
    """Read the groups of these rows of a held-back table, where it has the column and more than one of them."""
    names = [name for name in schema.named("group") if name in test.frame.columns]
    if not names:
        return None
    groups = _groups(test, names[0], rows)
    return groups if len(np.unique(groups)) > 1 else None


def _groups(dataset: Dataset, name: str, keep: Array) -> Array:
    reader = Coercer([{"name": name, "kind": "category"}])
    return np.asarray(reader.transform(dataset.frame[[name]])[name].fillna("(none)").to_numpy(dtype=str)[keep])


def weights_of(dataset: Dataset, schema: TableSchema, keep: Array) -> Array | None:
    """How much each row that takes part counts: one on average, since penalties and leaf sizes take weights as rows."""
    names = schema.named("weight")
    if not names:
        return None
    column = schema[names[0]]
    number = column if column.kind == "number" else ColumnSchema(column.name, "number")
    weights = coercer_of([number]).transform(dataset.frame[[column.name]])[column.name].to_numpy(dtype=float)[keep]
    bad = ~np.isfinite(weights) | (weights < 0)
    if bad.any():
        raise BadColumn(
            column.name, f"is no weight in {count(int(bad.sum()), 'row')}", "Weights are numbers, zero or more."
        )
    if not (weights > 0).any():
        raise BadColumn(column.name, "weighs every row zero", "Leave `weight` out.")
    weights = weights / weights.max()  # the sum of very large weights would be infinite
    return np.asarray(weights / weights.mean())
