"""What is to be learned from which rows and columns of a table.

Everything that could make the search pointless is refused here, in one clear line and before any time is spent; what
can be put right (a row without a target, a class seen once) is put right and noted as a `Check`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench import metrics
from workbench.automl import display
from workbench.automl.problem.copies import copies_of, stay_together
from workbench.automl.problem.costs import Costs, costs_of
from workbench.automl.problem.final_check import held_back
from workbench.automl.problem.labels import (
    kind_of,
    ordered_classes,
    read_known_labels,
    read_labels,
    read_numbers,
    refuse_as_classes,
)
from workbench.automl.problem.roles import assigned, groups_of, learnable, rows_with_time, weights_of
from workbench.automl.problem.splits import folds_of
from workbench.automl.problem.unmeasured import refuse_unmeasured
from workbench.dataset import Dataset, coercer_of, with_roles
from workbench.documents.run_folder import handing_over_errors
from workbench.errors import BadColumn, BadTable
from workbench.pages.words import count
from workbench.records import Check, ColumnSchema, TableSchema, TaskKind

if TYPE_CHECKING:
    from workbench.pages.picture import Picture

Array = npt.NDArray[Any]
FEWEST_ROWS = 4  # two folds with two rows each
FEW_ROWS = 100  # below, a score is hardly more than a guess


@dataclass(frozen=True, slots=True)
class Task:
    """A table, the column to predict, and the part every other column plays.

    Attributes
    ----------
    frame : DataFrame
        The feature columns in their kinds, for the rows that take part; its index holds their numbers in the file.
        The group and the weight are no features, and of the time only the calendar is (month, weekday, hour): a split
        by time is there because the model will meet later times, which it knows nothing of.
    truth : ndarray, shape (n_rows,)
        Labels as the file holds them (int, bool, str), or numbers.
    classes : list
        Empty for a regression. Of two classes the last is the positive one.
    groups, times, weight : ndarray, shape (n_rows,), or None
        Rows of one group stay on one side of every split; validation rows are later than training rows.
    repeats : ndarray of int, shape (n_rows,), or None
        The same number for rows that are copies of each other.
    copies : ndarray of int, shape (n_rows,), or None
        The same where they stay on one side of every split, which is then neither by group nor by time.
    test : Dataset or None
        A held-back table: the winner is measured on it once, at the end.
    costs : Costs or None
        What mistakes cost, where there are two classes and it was said: the threshold is chosen by it.
    check_share
        Which share of the rows was held back from the table itself and stands in `test`; 0 where `test` is a file.
    checks : tuple of Check
        What was noticed while the task was made.
    codes : ndarray, shape (n_rows,)
        The truth as numbers: positions in `classes`, or the numbers themselves.
    least : float or None
        What no prediction may lie below: 0 for a regression whose target is never negative (counts, prices, rates).
    """

    dataset: Dataset
    schema: TableSchema
    kind: TaskKind
    metric: metrics.Metric
    frame: pd.DataFrame
    truth: Array
    classes: list[Any]
    groups: Array | None = None
    times: Array | None = None
    weight: Array | None = None
    test: Dataset | None = None
    checks: tuple[Check, ...] = ()
    costs: Costs | None = None
    check_share: float = 0.0
    repeats: Array | None = None
    copies: Array | None = None
    codes: Array = field(init=False, repr=False)
    least: float | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "codes", _codes(self.truth, self.classes))
        never_negative = not self.classes and bool((self.truth >= 0).all())
        object.__setattr__(self, "least", 0.0 if never_negative else None)

    @property
    def target(self) -> str:
        """The column to predict."""
        return self.schema.named("target")[0]

    @property
    def features(self) -> list[str]:
        """The columns that are learned from."""
        return [str(name) for name in self.frame.columns]

    def picture(self) -> Picture:
        """Draw what there is to predict."""
        from workbench.automl import pictures  # matplotlib is slow to load, and a request is checked without

        return pictures.target_picture(self)

    def __repr__(self) -> str:
        return display.task_text(self)

    def _repr_html_(self) -> str:
        return display.task_html(self)


def _codes(truth: Array, classes: list[Any]) -> Array:
    if not classes:
        return truth
    order = {label: code for code, label in enumerate(classes)}
    return np.array([order[label] for label in truth.tolist()], dtype=np.int64)


@handing_over_errors
def task(
    dataset: Dataset,
    target: str,
    *,
    kind: Literal["classification", "regression"] = "classification",
    metric: str = "auto",
    ignore: str | Sequence[str] = (),
    id: str | Sequence[str] | None = None,  # noqa: A002 - the role's own name
    group: str | None = None,
    time: str | None = None,
    weight: str | None = None,
    positive: Any = None,
    test: Dataset | None = None,
    check_share: float = 0.0,
    cost_of_miss: float | None = None,
    cost_of_false_alarm: float | None = None,
) -> Task:
    """Say what is to be predicted from a table.

    Parameters
    ----------
    dataset
        The table, from `read_table`.
    target
        The column to predict.
    kind
        Whether to tell classes apart or to predict a number.
    metric
        A metric of `workbench.metrics`; ``auto`` is roc_auc, log_loss or rmse.
    ignore, id
        Columns to leave out; `id` says that a column names the rows.
    group
        Rows that share a value here (one customer, one machine) are never split between training and validation.
    time
        A date or number that orders the rows: validation is always later than training.
    weight
        How much each row counts.
    positive
        Which of two classes to look for; by default the affirmative one, else the later in sorted order.
    test
        A table with the same columns, for one last measurement of the winner.
    check_share
        In place of `test`: the share of the rows to hold back for that, such as 0.1.
    cost_of_miss, cost_of_false_alarm
        Of two classes: what it costs to miss a row of the positive class, and to call another row so, in any unit. The
        threshold is chosen by them; where only one is given the other is 1.

    Raises
    ------
    UnknownName, BadColumn, BadTable
        When nothing could be learned: an unknown, constant, empty or unfit column, or too few rows.
    BadParameters
        If a cost or share is none, or is given where it means nothing.
    """
    schema = with_roles(
        dataset.schema, assigned(dataset, target, ignore=ignore, id=id, group=group, time=time, weight=weight)
    )
    _refuse_few(len(dataset.frame), target)  # in a row alone every column is constant: that is not what is wrong
    features = learnable(dataset, schema)
    answer = _answer(dataset, schema, kind, positive)
    keep, classes = answer.keep, answer.classes
    made = Task(
        dataset=dataset,
        schema=schema,
        kind=kind_of(classes),
        metric=metrics.resolve(metric, kind_of(classes)),
        frame=coercer_of([schema[name] for name in features]).transform(dataset.frame)[keep],
        truth=answer.truth[keep],
        classes=classes,
        groups=groups_of(dataset, schema, keep),
        times=None if answer.times is None else answer.times[keep],
        weight=weights_of(dataset, schema, keep),
        checks=(*answer.checks, *_few_rows(int(keep.sum()))),
        costs=costs_of(cost_of_miss, cost_of_false_alarm, classes),
    )
    made = _with_repeats(made)
    made = held_back(made if test is None else _with_test(made, test), check_share)
    if any(each is not None for each in (made.groups, made.times, made.weight)):
        # Groups or times that leave no split, or rows that give no score, are refused before any time is spent.
        refuse_unmeasured(made, folds_of(made, 5, seed=0))
    return made


@dataclass(frozen=True, slots=True)
class _Answer:
    """What is to be predicted: the truth and the time of every row, which rows take part, and what was noticed."""

    truth: Array
    times: Array | None
    keep: Array
    classes: list[Any]
    checks: tuple[Check, ...]


def _answer(dataset: Dataset, schema: TableSchema, kind: str, positive: Any) -> _Answer:
    """Read the target and the time, set aside the rows that lack one, and refuse what cannot be learned."""
    target = schema.named("target")[0]
    values, keep, checks = _target(dataset, schema[target], kind)
    times, keep, late = rows_with_time(dataset, schema, keep)
    if kind == "regression":
        _refuse_numbers(values[keep], target)
        return _Answer(values, times, keep, [], (*checks, *late))
    keep, single = _without_single_rows(values, keep, target)
    _refuse_classes(values[keep], target)
    return _Answer(values, times, keep, ordered_classes(values[keep], target, positive), (*checks, *late, *single))


def _with_repeats(made: Task) -> Task:
    """Say which rows are copies of each other, where neither groups nor times split the table already."""
    if made.groups is not None or made.times is not None:
        return made
    repeats = copies_of(made.frame, made.codes)
    return replace(made, repeats=repeats, copies=stay_together(repeats))


def _target(dataset: Dataset, column: ColumnSchema, kind: str) -> tuple[Array, Array, tuple[Check, ...]]:
    """Read the target of every row, which rows have one, and a note about those that have none."""
    read = read_labels if kind == "classification" else read_numbers
    values, missing = read(column, dataset.frame)
    if missing.all():
        raise BadColumn(column.name, "has no value in any row", "Name a target that is filled in.")
    if not missing.any():
        return values, ~missing, ()
    message = (
        f"{missing.sum():,} of {len(missing):,} rows have no {column.name!r} to learn from; they were set aside, and "
        "the model was made and measured without them."
    )
    return values, ~missing, (Check("missing_target", "note", message, (column.name,)),)


def _without_single_rows(labels: Array, keep: Array, target: str) -> tuple[Array, tuple[Check, ...]]:
    """Set aside the only row of a class: it cannot be both learned from and validated on."""
    classes, counts = np.unique(labels[keep], return_counts=True)
    single = classes[counts == 1]
    if not len(single) or (counts > 1).sum() < 2:
        return keep, ()
    shown = ", ".join(repr(label) for label in single[:5].tolist()) + (", …" if len(single) > 5 else "")
    message = (
        f"{len(single)} of {len(classes)} classes of {target!r} have a single row ({shown}), now set aside: "
        "the model will never predict such a class. Collect more examples, or join rare classes into one."
    )
    return keep & ~np.isin(labels, single), (Check("single_row_class", "warn", message, (target,)),)


def _refuse_classes(labels: Array, target: str) -> None:
    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) == 1:
        raise BadColumn(target, f"is {classes.tolist()[0]!r} in every row", "There is nothing to predict in it.")
    refuse_as_classes(labels, target)
    if (counts > 1).sum() < 2:
        found = "only one class" if (counts > 1).any() else "no class"
        problem = f"has {found} with two rows or more, in {len(labels):,} rows that have a target"
        raise BadColumn(target, problem, "At least two classes need two rows each.")
    _refuse_few(len(labels), target)


def _refuse_numbers(values: Array, target: str) -> None:
    if np.all(values == values[0]):
        raise BadColumn(target, f"is {values[0]:g} in every row", "There is nothing to predict in it.")
    _refuse_few(len(values), target)


def _refuse_few(rows: int, target: str) -> None:
    if rows < FEWEST_ROWS:
        problem = f"is known in {count(rows, 'row')} only, too few to learn from some and validate on others"
        raise BadColumn(target, problem, f"At least {FEWEST_ROWS} rows are needed; a hundred make a start.")


def _few_rows(rows: int) -> tuple[Check, ...]:
    if rows >= FEW_ROWS:
        return ()
    message = f"With {rows} rows every score is uncertain: read the interval, not the number."
    return (Check("few_rows", "warn", message),)


def _with_test(made: Task, test: Dataset) -> Task:
    """Take in the held-back table, if the model can be measured on it."""
    needed = [*made.features, made.target, *made.schema.named("weight")]
    missing = [name for name in needed if name not in test.frame.columns]
    if missing:
        problem = f"lacks columns of the training table: {', '.join(missing)}"
        raise BadTable(test.source, problem, "The test file needs the same columns.")
    rows, truth = test_rows(made, test)
    checks = made.checks
    if not len(truth):
        raise BadTable(test.source, f"has no row whose {made.target!r} is known from training", "Check the test file.")
    try:
        weights_of(test, made.schema, rows)
    except BadColumn as bad:
        raise BadTable(test.source, f"has a column {bad.which!r} that {bad.problem}", bad.remedy) from bad
    if aside := len(test.frame) - len(truth):
        message = (
            f"{aside:,} of {len(test.frame):,} rows of the test file have no {made.target!r}, or one that was not in "
            "training; they were left out of the final check."
        )
        checks += (Check("test_rows_aside", "note", message, (made.target,)),)
    return replace(made, test=test, checks=checks)


def test_rows(made: Task, test: Dataset) -> tuple[Array, Array]:
    """Positions in the test file whose truth is known from training, and that truth."""
    column = made.schema[made.target]
    if made.classes:
        values, missing = read_known_labels(column, test.frame, made.classes)
    else:
        values, missing = read_numbers(column, test.frame)
    return np.flatnonzero(~missing), values[~missing]
