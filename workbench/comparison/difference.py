"""What was done differently in two experiments: parameters, data, code, environment; and what came of it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.comparison.cells import CellChange, cell_changes, code_cells
from workbench.comparison.drift import Drift, drifts
from workbench.comparison.facts import Driver, Facts, facts_of
from workbench.comparison.ranking import Comparison, compare
from workbench.comparison.sections import NOTHING, Section, as_html, as_text, words
from workbench.documents.table import read_profile
from workbench.executor import DECIDING
from workbench.experiment import Experiment, reading
from workbench.pages.words import measured
from workbench.records import Score

CELL = "# ---- cell ----"
SIDES = ("one", "other")
MACHINE = ("python", "implementation", "platform", "machine")
CORES = "CPU cores"  # sums come out otherwise where the work was shared out among another number of them
DECIDES = {*MACHINE, CORES, *DECIDING, "pandas", "scipy", "optuna", "pyarrow", "skops"}  # on which results may depend


@dataclass(frozen=True, slots=True)
class Change:
    """Something that is not the same in both; what one of them does not have is not in `values`.

    `more` is what else is known of it: where parameters came from, the intervals of scores.
    """

    name: str
    values: Mapping[str, Any]
    more: Mapping[str, Any] = field(default_factory=dict)

    def as_document(self) -> dict[str, Any]:
        """Give the change as JSON: its name, ``one`` and ``other``, without the side that lacks it."""
        return {"name": self.name, **self.values, **self.more}

    def cells(self, write: Callable[[Any], str]) -> tuple[str, str, str]:
        """Write the change as a row of a table."""
        one, other = (write(self.values[side]) if side in self.values else NOTHING for side in SIDES)
        return self.name, one, other


@dataclass(frozen=True, slots=True)
class Difference:
    """All that differs between two experiments.

    `code` is a unified diff of the template's code cells, `cells` the same cell by cell; `drift` names the columns
    whose values have moved; `compared` is the ranking of the two, with the paired test.
    """

    one: str
    other: str
    refs: Mapping[str, str]
    parameters: tuple[Change, ...]
    data: tuple[Change, ...]
    columns: tuple[Change, ...]
    code: tuple[str, ...]
    environment: tuple[Change, ...]
    scores: tuple[Change, ...]
    importance: tuple[Change, ...]
    drift: tuple[Drift, ...]
    cells: tuple[CellChange, ...]
    compared: Comparison

    @property
    def sentences(self) -> tuple[str, ...]:
        """What can be said of the two scores."""
        return self.compared.sentences

    def as_document(self) -> dict[str, Any]:
        """Give the difference as one JSON-able document."""
        told = {part: [change.as_document() for change in getattr(self, part)] for part in (*_PARTS, "drift", "cells")}
        lines = {"code": list(self.code), "sentences": list(self.sentences)}
        ranked = self.compared.as_document()
        ranking = {name: ranked[name] for name in ("comparable", "leaderboard")}
        return {"one": self.one, "other": self.other, "refs": dict(self.refs), **told, **lines, **ranking}

    def sections(self) -> list[Section]:
        """Give the parts that differ as sections; the last names the parts that do not."""
        code = [Section("Template code", self.code)] if self.code else []
        said = [Section("What this says", self.sentences)] if self.sentences else []
        before, after = ("parameters", "data", "columns"), ("environment", "scores", "importance")
        return [*self._tables(*before), *code, *self._tables(*after), *said, *self._same()]

    def _tables(self, *parts: str) -> list[Section]:
        columns = ("", self.one, self.other)
        found = {part: getattr(self, part) for part in parts if getattr(self, part)}
        return [
            Section(
                _PARTS[part],
                (),
                columns,
                tuple(one.cells(measured if part in _NUMBERS else words) for one in found[part]),
            )
            for part in found
        ]

    def _same(self) -> list[Section]:
        parts = {**_PARTS, "code": "Template code"}
        same = [title.lower() for part, title in parts.items() if not getattr(self, part)]
        return [Section("The same in both", (", ".join(same),))] if same else []

    def __repr__(self) -> str:
        return as_text(self.sections())

    def _repr_html_(self) -> str:
        return as_html(self.sections())


_PARTS = {
    "parameters": "Parameters",
    "data": "Data",
    "columns": "Columns",
    "environment": "Environment",
    "scores": "Scores",
    "importance": "Importance",
}
_NUMBERS = ("scores", "importance")


def diff(one: Experiment, other: Experiment) -> Difference:
    """Find what differs between two experiments, and test whether the difference in score is more than chance.

    Raises
    ------
    BadArtifact
        If a document of one cannot be read.
    """
    named = [each.short if one.short != other.short else str(each.reference) for each in (one, other)]
    sides = tuple(_side(each) for each in (one, other))
    before, after = (side.facts for side in sides)
    return Difference(
        one=named[0],
        other=named[1],
        refs={side: str(each.reference) for side, each in zip(SIDES, (one, other), strict=True)},
        parameters=_with_sources(changes(before.parameters, after.parameters), before, after),
        data=changes(*map(_data, (before, after))),
        columns=changes(*(side.columns for side in sides)),
        code=_code([side.code for side in sides], named),
        environment=_by_weight(_on_record(changes(*(side.environment for side in sides)))),
        scores=_with_intervals(changes(*map(_scores, (before, after))), before.scores, after.scores),
        importance=_with_intervals(changes(*map(_importance, (before, after))), *map(_drivers, (before, after))),
        drift=_drift(*sides),
        cells=tuple(cell_changes(*(side.code for side in sides))),
        compared=compare([one, other]),
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """What is read of one of the two for a difference alone."""

    facts: Facts
    columns: dict[str, str]
    environment: dict[str, str]
    profile: dict[str, Any]
    code: list[str]


def _side(experiment: Experiment) -> _Side:
    facts = facts_of(experiment)
    with reading(experiment):
        return _Side(
            facts, _columns(experiment), _environment(experiment), _profile(experiment), code_cells(experiment)
        )


def _drift(one: _Side, other: _Side) -> tuple[Drift, ...]:
    """Compare how the values are spread; of the same table there is nothing to compare."""
    if one.facts.digest is not None and one.facts.digest == other.facts.digest:
        return ()
    with reading(other.facts.experiment):
        return tuple(drifts(one.profile, other.profile))


def changes(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[Change, ...]:
    """Find what is not equal in two mappings, in their order.

    >>> [change.as_document() for change in changes({"a": 1, "b": 2}, {"b": 3, "c": 4})]
    [{'name': 'a', 'one': 1}, {'name': 'b', 'one': 2, 'other': 3}, {'name': 'c', 'other': 4}]
    """
    sides = {"one": one, "other": other}
    found = (
        Change(name, {side: values[name] for side, values in sides.items() if name in values})
        for name in dict.fromkeys([*one, *other])
    )
    return tuple(c for c in found if len(c.values) == 1 or c.values["one"] != c.values["other"])


def _with_sources(found: Sequence[Change], one: Facts, other: Facts) -> tuple[Change, ...]:
    """Add where each value came from."""
    given = {"one": one.sources, "other": other.sources}
    return tuple(
        replace(c, more={"sources": {side: given[side][c.name] for side in SIDES if side in c.values}}) for c in found
    )


def _with_intervals(
    found: Sequence[Change], one: Mapping[str, Score | Driver], other: Mapping[str, Score | Driver]
) -> tuple[Change, ...]:
    """Add the ends of each value's interval; null where there is none."""
    known = {"one": one, "other": other}
    return tuple(replace(c, more={"intervals": {side: _ends(known[side][c.name]) for side in c.values}}) for c in found)


def _ends(value: Score | Driver) -> list[float] | None:
    return None if value.low is None or value.high is None else [value.low, value.high]


def _on_record(found: Sequence[Change]) -> tuple[Change, ...]:
    """Leave out the cores that only one tells of: earlier versions did not note them."""
    return tuple(one for one in found if one.name != CORES or len(one.values) == len(SIDES))


def _by_weight(found: Sequence[Change]) -> tuple[Change, ...]:
    """Tell what results depend on (Python, the machine, some packages) from all others."""
    return tuple(replace(c, more={"decides": c.name.startswith("workbench ") or c.name in DECIDES}) for c in found)


def _data(facts: Facts) -> dict[str, Any]:
    told = {
        "source": facts.source,
        "digest": facts.digest,
        "rows": facts.table_rows,
        "target": facts.target,
        "kind of task": facts.kind,
        "classes": list(facts.classes) or None,
        "metric": facts.experiment.metric,
    }
    return {name: value for name, value in told.items() if value is not None}


def _columns(experiment: Experiment) -> dict[str, str]:
    return {str(column["name"]): f"{column['kind']}, {column['role']}" for column in experiment.columns()}


def _profile(experiment: Experiment) -> dict[str, Any]:
    file = experiment.path / "data" / "profile.json"
    return dict(read_profile(file)) if file.is_file() else {}


def _code(code: Sequence[Sequence[str]], named: Sequence[str]) -> tuple[str, ...]:
    """Compare the source of code cells line by line, a mark between cells."""
    one, other = ([line for source in cells for line in (CELL, *source.split("\n"))] for cells in code)
    return tuple(difflib.unified_diff(one, other, named[0], named[1], n=2, lineterm=""))


def _environment(experiment: Experiment) -> dict[str, str]:
    told, ours = experiment.environment(), experiment.workbench()
    plain = {name: told[name] for name in MACHINE if name in told}
    plain |= {CORES: told["cores"]} if isinstance(told.get("cores"), int) else {}
    itself = {f"workbench {name}": ours[name] for name in ("version", "commit") if ours.get(name)}
    return {name: str(value) for name, value in (plain | itself | told.get("packages", {})).items()}


def _scores(facts: Facts) -> dict[str, float]:
    return {name: score.value for name, score in facts.scores.items()}


def _importance(facts: Facts) -> dict[str, float]:
    return {driver.feature: driver.value for driver in facts.drivers}


def _drivers(facts: Facts) -> dict[str, Driver]:
    return {driver.feature: driver for driver in facts.drivers}
