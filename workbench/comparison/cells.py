"""Which code cells of two notebooks are the same, which were changed, and which only one of them has."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from workbench.documents.files import read_json
from workbench.experiment import Experiment

State = Literal["added", "removed", "changed"]
ALIKE = 0.5  # of two cells' text, from which on one is the other, changed
MOST_PAIRS = 2_500  # cells times cells that are looked at for likeness
MANY = 2_000  # lines, or cells, from which on those that recur are no place to begin: each pair of them would be tried
MOST_TEXT = 2_000  # characters of a cell that tell what it is like


@dataclass(frozen=True, slots=True)
class CellChange:
    """A code cell that is not the same in both: its number among the code cells of each, from 1, and its lines.

    A side that does not have the cell has neither. `lines` is the whole cell, each line with what it is: ``" "`` in
    both, ``"-"`` only in the one, ``"+"`` only in the other.
    """

    state: State
    one: int | None
    other: int | None
    lines: tuple[tuple[str, str], ...]

    def as_document(self) -> dict[str, Any]:
        """Give the change as JSON."""
        lines = ["".join(line) for line in self.lines]
        return {"state": self.state, "one": self.one, "other": self.other, "lines": lines}


def code_cells(experiment: Experiment) -> list[str]:
    """Read the source of the template's code cells; none when the template is not there."""
    if not experiment.template.exists():
        return []
    cells = read_json(experiment.template).get("cells", [])
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return [source.replace("\r\n", "\n").replace("\r", "\n") for source in sources]


def cell_changes(one: Sequence[str], other: Sequence[str]) -> Iterator[CellChange]:
    """Find the code cells that are not the same, in the order of the notebooks.

    >>> [(c.state, c.one, c.other) for c in cell_changes(["a = 1", "b = 2"], ["import x", "a = 1", "b = 3"])]
    [('added', None, 1), ('changed', 2, 3)]
    """
    for how, i, i_end, j, j_end in _opcodes(one, other):
        if how != "equal":
            for a, b in _pairs(one[i:i_end], other[j:j_end]):
                yield _change(one, other, None if a is None else i + a, None if b is None else j + b)


def _opcodes(one: Sequence[str], other: Sequence[str]) -> Sequence[tuple[str, int, int, int, int]]:
    return difflib.SequenceMatcher(None, one, other, autojunk=len(other) > MANY).get_opcodes()


def _pairs(one: Sequence[str], other: Sequence[str]) -> Iterator[tuple[int | None, int | None]]:
    """Find which cell became which, in order; the others were removed or added."""
    begin = 0
    few = len(one) * len(other) <= MOST_PAIRS
    for i, source in enumerate(one):
        found = next((j for j in range(begin, len(other)) if few and _alike(source, other[j])), None)
        if found is None:
            yield i, None
            continue
        yield from ((None, j) for j in range(begin, found))
        yield i, found
        begin = found + 1
    yield from ((None, j) for j in range(begin, len(other)))


def _alike(one: str, other: str) -> bool:
    matcher = difflib.SequenceMatcher(None, one[:MOST_TEXT], other[:MOST_TEXT])
    return matcher.real_quick_ratio() >= ALIKE and matcher.quick_ratio() >= ALIKE and matcher.ratio() >= ALIKE


def _change(one: Sequence[str], other: Sequence[str], i: int | None, j: int | None) -> CellChange:
    before, after = ([] if i is None else one[i].split("\n")), ([] if j is None else other[j].split("\n"))
    state: State = "added" if i is None else "removed" if j is None else "changed"
    first, second = (None if place is None else place + 1 for place in (i, j))
    return CellChange(state, first, second, tuple(_lines(before, after)))


def _lines(one: Sequence[str], other: Sequence[str]) -> Iterator[tuple[str, str]]:
    for how, i, i_end, j, j_end in _opcodes(one, other):
        if how == "equal":
            yield from ((" ", line) for line in one[i:i_end])
        else:
            yield from (("-", line) for line in one[i:i_end])
            yield from (("+", line) for line in other[j:j_end])
