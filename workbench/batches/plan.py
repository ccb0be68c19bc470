"""A spec becomes a plan: every run with its parameters, labels and name, checked before one of them starts."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.batches.rows import Row, rows_of
from workbench.batches.spec import Spec
from workbench.documents.redaction import without_credentials
from workbench.errors import BadBatch, BadParameters, UnknownName, WorkbenchError
from workbench.experiment import slug
from workbench.template import Template, Values, gather, seconds
from workbench.template.values import is_secret

PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
SHOWN = 3  # places named of a mistake that many runs share
Check = Callable[[Values], str]


@dataclass(frozen=True, slots=True)
class Planned:
    """One run that is to be: `parameters` are what it is given, `own` those of its row, written for people.

    `seconds` is the budget among its parameters; None when it has none.
    """

    number: int
    name: str
    parameters: dict[str, Any]
    own: dict[str, str]
    labels: dict[str, str]
    fingerprint: str
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """All runs of a batch, in the order of its spec."""

    spec: Spec
    template: Template
    runs: tuple[Planned, ...]

    @property
    def common(self) -> dict[str, str]:
        """What all runs were given alike, written for people."""
        return shown(self.template, self.spec.parameters)

    @property
    def fingerprint(self) -> str:
        """Tells batches of the same work, whatever their names and limits."""
        together = hashlib.sha256("\n".join(run.fingerprint for run in self.runs).encode())
        return f"sha256:{together.hexdigest()}"


def plan(spec: Spec, template: Template, check: Check) -> Plan:
    """Plan the runs of a batch.

    Parameters
    ----------
    spec : Spec
    template : Template
        The one it names.
    check : callable
        Checks the values of one run as the run would, and gives its fingerprint.

    Raises
    ------
    BadBatch
        With everything that is wrong, each mistake with the runs that make it.
    """
    rows = rows_of(spec)
    problems = _Problems()
    _check_names(spec, template, rows, problems)
    problems.close(spec.which)
    runs: list[Planned] = []
    for number, row in enumerate(rows, start=1):
        try:
            values = _values(spec, template, row)
            runs.append(_planned(number, spec, template, row, values, check(values)))
        except BadParameters as error:
            problems.add(row.place, *error.problems)
        except WorkbenchError as error:
            problems.add(row.place, str(error))
    problems.close(spec.which)
    _refuse_twins(spec, rows, runs, problems)
    return Plan(spec, template, tuple(runs))


class _Problems:
    """What is wrong, and where; a mistake that many runs make is told once."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}

    def add(self, place: str, *problems: str) -> None:
        for problem in problems:
            self.found.setdefault(problem.rstrip("."), []).append(place)

    def close(self, which: str) -> None:
        if self.found:
            raise BadBatch(which, [f"{_some(places)}: {problem}" for problem, places in self.found.items()])


def _some(places: list[str]) -> str:
    more = len(places) - SHOWN
    return ", ".join(places[:SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def _check_names(spec: Spec, template: Template, rows: list[Row], problems: _Problems) -> None:
    """Refuse what stands for nothing: a column that is no parameter and used by no label; a label of no column."""
    parameters = {parameter.name for parameter in template.parameters}
    used = {name for text in spec.labels.values() for name in PLACEHOLDER.findall(text)}
    said = list(dict.fromkeys(name for row in rows for name in row.names))
    source = "grid" if spec.grid is not None else "runs" if spec.runs is not None else "table"
    for name in said:
        if name not in parameters | used:
            unknown = str(UnknownName("parameter", name, parameters)).rstrip(".")
            problems.add(f"{source}.{name}", f"{unknown}. To keep it as a label only, name it under labels")
    for name in sorted(used - parameters - set(said)):
        problems.add("labels", f"{{{name}}} is neither a parameter nor in the {source}")


def _values(spec: Spec, template: Template, row: Row) -> Values:
    parameters = {parameter.name for parameter in template.parameters}
    typed = {name: text for name, text in row.texts.items() if name in parameters}
    common = {name: value for name, value in spec.parameters.items() if name not in typed}
    own = {name: value for name, value in row.values.items() if name in parameters}
    texts = [f"{name}={text}" for name, text in typed.items()]
    home = template.path.parent
    return gather(
        template.parameters,
        texts=texts,
        file=common,
        api=own,
        environment=os.environ,
        base=spec.folder,
        home=home,
    )


def _planned(number: int, spec: Spec, template: Template, row: Row, values: Values, fingerprint: str) -> Planned:
    known = shown(template, {**values.values, **row.values, **row.texts})
    labels = {name: PLACEHOLDER.sub(lambda found: known.get(found[1], ""), t) for name, t in spec.labels.items()}
    own = [labels[name] for name, text in spec.labels.items() if PLACEHOLDER.search(text) and labels[name]]
    budget = values.values.get("budget") if values.values.get("trials") is None else None
    return Planned(
        number,
        slug("-".join([spec.name, *(own or [_subject(template, values.values)])])),
        values.bound,
        {name: known[name] for name in row.names if name in known},
        {name: text for name, text in labels.items() if text},
        fingerprint,
        None if budget is None else seconds(budget),
    )


def shown(template: Template, values: Mapping[str, Any]) -> dict[str, str]:
    """Write values for people, secrets left out."""
    secret = {parameter.name for parameter in template.parameters if is_secret(parameter)}
    return {name: without_credentials(str(value)) for name, value in values.items() if name not in secret}


def _subject(template: Template, values: Mapping[str, Any]) -> str:
    """Name what a run without labels of its own is about, as a single run would be named."""
    data = values.get("data")
    return str(values.get("target") or (Path(str(data)).stem if data else template.name))


def _refuse_twins(spec: Spec, rows: Iterable[Row], runs: Iterable[Planned], problems: _Problems) -> None:
    first: dict[str, str] = {}
    for row, run in zip(rows, runs, strict=True):
        place = first.setdefault(run.fingerprint, row.place)
        if place != row.place:
            problems.add(row.place, f"is the same work as {place}: same parameters, same data. Leave one out")
    problems.close(spec.which)
