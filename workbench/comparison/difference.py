"""What was done differently in two experiments: parameters, data, code, environment; and what came of it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.comparison.ranking import compare
from workbench.comparison.sections import NOTHING, Section, as_html, as_text, words
from workbench.experiment import Experiment
from workbench.pages.words import measured

CELL = "# ---- cell ----"


@dataclass(frozen=True, slots=True)
class Change:
    """Something that is not the same in both; what one of them does not have is not in `values`."""

    name: str
    values: Mapping[str, Any]

    def as_document(self) -> dict[str, Any]:
        """Give the change as JSON: its name, ``one`` and ``other``, without the side that lacks it."""
        return {"name": self.name, **self.values}

    def cells(self, write: Callable[[Any], str]) -> tuple[str, str, str]:
        """Write the change as a row of a table."""
        one, other = (write(self.values[side]) if side in self.values else NOTHING for side in ("one", "other"))
        return self.name, one, other


@dataclass(frozen=True, slots=True)
class Difference:
    """All that differs between two experiments; `code` is a unified diff of the template's code cells."""

    one: str
    other: str
    parameters: tuple[Change, ...]
    data: tuple[Change, ...]
    columns: tuple[Change, ...]
    code: tuple[str, ...]
    environment: tuple[Change, ...]
    scores: tuple[Change, ...]
    importance: tuple[Change, ...]
    sentences: tuple[str, ...]

    def as_document(self) -> dict[str, Any]:
        """Give the difference as one JSON-able document."""
        told = {part: [change.as_document() for change in getattr(self, part)] for part in _PARTS}
        lines = {"code": list(self.code), "sentences": list(self.sentences)}
        return {"one": self.one, "other": self.other, **told, **lines}

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
    """Find what differs between two experiments, and test whether the difference in score is more than chance."""
    return Difference(
        one=one.short if one.short != other.short else str(one.reference),
        other=other.short if one.short != other.short else str(other.reference),
        parameters=changes(_values(one), _values(other)),
        data=changes(_data(one), _data(other)),
        columns=changes(_columns(one), _columns(other)),
        code=_code(one, other),
        environment=changes(_environment(one), _environment(other)),
        scores=changes(_scores(one), _scores(other)),
        importance=changes(_importance(one), _importance(other)),
        sentences=compare([one, other]).sentences,
    )


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


def _values(experiment: Experiment) -> dict[str, Any]:
    return {name: told["value"] for name, told in experiment.parameters().items()}


def _data(experiment: Experiment) -> dict[str, Any]:
    task, data = experiment.task(), experiment.manifest["data"]
    told = {
        "source": task.get("data", {}).get("source"),
        "digest": data.get("digest"),
        "rows": data.get("rows"),
        "target": task.get("target"),
        "kind of task": task.get("kind"),
        "classes": task.get("classes"),
        "metric": experiment.metric,
    }
    return {name: value for name, value in told.items() if value is not None}


def _columns(experiment: Experiment) -> dict[str, str]:
    return {column["name"]: f"{column['kind']}, {column['role']}" for column in experiment.columns()}


def _code(one: Experiment, other: Experiment) -> tuple[str, ...]:
    return tuple(difflib.unified_diff(_cells(one), _cells(other), one.short, other.short, n=2, lineterm=""))


def _cells(experiment: Experiment) -> list[str]:
    """Read the source of the template's code cells as lines, a mark between cells."""
    if not experiment.template.exists():
        return []
    notebook = json.loads(experiment.template.read_text(encoding="utf-8"))
    sources = ["".join(cell["source"]) for cell in notebook.get("cells", []) if cell["cell_type"] == "code"]
    return [line for source in sources for line in (CELL, *source.splitlines())]


def _environment(experiment: Experiment) -> dict[str, str]:
    told, ours = experiment.environment(), experiment.workbench()
    plain = {name: told[name] for name in ("python", "implementation", "platform", "machine") if name in told}
    itself = {f"workbench {name}": ours[name] for name in ("version", "commit") if ours.get(name)}
    return plain | itself | told.get("packages", {})


def _scores(experiment: Experiment) -> dict[str, float]:
    return {name: score.value for name, score in experiment.scores().items()}


def _importance(experiment: Experiment) -> dict[str, float]:
    table = experiment.importance()
    if table.empty:
        return {}
    known = table.dropna(subset=["importance"])
    return dict(zip(known["feature"].astype(str), known["importance"].astype(float), strict=True))
