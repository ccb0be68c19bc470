"""What looks wrong with a task's data, said before any time is spent on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from workbench.automl.finders import columns, leaks, made_of, order, rows
from workbench.automl.finders.sample import Sample, draw
from workbench.automl.task import Task
from workbench.documents.run_folder import handing_over_errors
from workbench.pages.blocks import LOOKS, check_notice, folded, join, paragraph
from workbench.pages.words import count
from workbench.records import Check

FINDERS: tuple[Callable[[Sample], Iterator[Check]], ...] = (
    leaks.leaks,
    made_of.made_of,
    order.groups,
    order.row_order,
    order.drift,
    order.undated,
    rows.duplicates,
    rows.classes,
    rows.shape,
    rows.extremes,
    rows.overlap,
    columns.sentinels,
    columns.mixed,
    columns.gaps,
    columns.left_out,
)
LEVELS = ("block", "warn", "note")
NOTHING = (
    "Nothing looks wrong: no column gives the target away, and no odd columns, duplicate rows, thin classes, "
    "undeclared groups or drift were found."
)
FEW = 4  # notes that are shown before the rest is folded


@dataclass(frozen=True, slots=True)
class Checks(Sequence[Check]):
    """What was found, the gravest first."""

    found: tuple[Check, ...] = ()

    @overload
    def __getitem__(self, place: int) -> Check: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Check]: ...
    def __getitem__(self, place: int | slice) -> Check | Sequence[Check]:
        return self.found[place]

    def __len__(self) -> int:
        return len(self.found)

    @property
    def blocking(self) -> tuple[Check, ...]:
        """The checks that stop a promotion."""
        return tuple(check for check in self.found if check.level == "block")

    def __repr__(self) -> str:
        return "\n".join(f"{LOOKS[c.level].word}: {c.message}" for c in self.found) or NOTHING

    def _repr_html_(self) -> str:
        if not self.found:
            return str(paragraph(NOTHING))
        grave = [check_notice(check) for check in self.found if check.level != "note"]
        notes = [check_notice(check) for check in self.found if check.level == "note"]
        if len(notes) > FEW:
            notes = [folded(f"Show {count(len(notes), 'note')}", join(notes))]
        return str(join([*grave, *notes]))


@handing_over_errors
def check(task: Task) -> Checks:
    """Look for what would make a model worthless or a score untrue: leaks, duplicates, thin classes, odd columns.

    Large tables are looked at in a sample of their rows; it takes seconds, not minutes.

    Returns
    -------
    Checks
        The gravest first. A ``block`` lets the run finish, and stops a promotion.
    """
    sample = draw(task)
    found = [*task.checks, *(check for finder in FINDERS for check in finder(sample))]
    return Checks(tuple(sorted(found, key=lambda check: LEVELS.index(check.level))))
