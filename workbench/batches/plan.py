"""A spec becomes a plan: every run with its parameters, labels and name, checked before one of them starts."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.batches.rows import Row, rows_of
from workbench.batches.spec import MOST_RUNS, SOURCES, Spec
from workbench.batches.steps import Step, goes_on, in_order, stand_in
from workbench.documents.redaction import without_credentials
from workbench.errors import BadBatch, BadParameters, UnknownName, WorkbenchError
from workbench.experiment import slug
from workbench.template import Template, Values, gather, seconds
from workbench.template.values import is_secret

PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
SHOWN = 3  # places named of a mistake that many runs share
LONGEST_NAME = 64
Templates = Mapping[str, Template]  # by the names of their steps
Check = Callable[[Template, Values, Collection[str]], str]


@dataclass(frozen=True, slots=True)
class Planned:
    """One run that is to be: `parameters` are what it is given, `own` those of its row, written for people.

    `seconds` is the budget among its parameters; None when it has none. `needs` has the numbers of the runs that have
    to end before it begins, by the names of their steps.
    """

    number: int
    name: str
    parameters: dict[str, Any]
    own: dict[str, str]
    labels: dict[str, str]
    fingerprint: str
    seconds: float | None = None
    step: Step = field(default_factory=Step)
    needs: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """All runs of a batch, in the order of its spec; its templates by the names of their steps."""

    spec: Spec
    templates: Templates
    runs: tuple[Planned, ...]

    @property
    def template(self) -> str:
        """What its templates are called."""
        return ", ".join(dict.fromkeys(template.name for template in self.templates.values()))

    @property
    def title(self) -> str:
        """What its templates are titled."""
        return ", ".join(dict.fromkeys(template.title for template in self.templates.values()))

    @property
    def common(self) -> dict[str, str]:
        """What all runs were given alike, written for people."""
        return shown(self.templates, self.spec.parameters)

    @property
    def fingerprint(self) -> str:
        """Tells batches of the same work, whatever their names and limits."""
        together = hashlib.sha256("\n".join(run.fingerprint for run in self.runs).encode())
        return f"sha256:{together.hexdigest()}"


def plan(spec: Spec, templates: Templates, check: Check) -> Plan:
    """Plan the runs of a batch.

    Work that several rows have in common, such as a first step none of them says anything of, is planned once.

    Parameters
    ----------
    spec : Spec
    templates : mapping
        Those it names, by the names of their steps.
    check : callable
        Checks the values of one run as the run would, but for those of the parameters named, which are not known yet;
        and gives its fingerprint.

    Raises
    ------
    BadBatch
        With everything that is wrong, each mistake with the runs that make it.
    """
    rows, steps = rows_of(spec), in_order(spec.pipeline)
    problems = _Problems()
    _check_names(spec, templates, rows, problems)
    if len(rows) * len(steps) > MOST_RUNS:
        problems.add("steps", f"stand for {len(rows) * len(steps):,} runs; a batch has at most {MOST_RUNS:,}")
    problems.close(spec.which)
    drafts = [_drafts(_Row(spec, templates, row), steps, check, problems) for row in rows]
    problems.close(spec.which)
    _refuse_twins(rows, drafts, problems)
    problems.close(spec.which)
    return Plan(spec, templates, tuple(_planned(spec, drafts)))


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of a spec, and what its values mean for each step."""

    spec: Spec
    templates: Templates
    row: Row

    def place(self, step: Step) -> str:
        if not step.name:
            return self.row.place
        return f"{self.row.place} ({step.name})" if self.row.place else f"steps.{step.name}"

    def values(self, step: Step) -> Values:
        """Bring the values of a step together: its own win over the row's, those over what is common to all."""
        template = self.templates[step.name]
        takes = {parameter.name for parameter in template.parameters}
        typed = {name: text for name, text in self.row.texts.items() if name in takes and name not in step.parameters}
        said = {name: value for name, value in self.row.values.items() if name in takes}
        common = {name: value for name, value in self.spec.parameters.items() if name in takes and name not in typed}
        return gather(
            template.parameters,
            texts=[f"{name}={text}" for name, text in typed.items()],
            file=common,
            api=said | stand_in(step.parameters),
            environment=os.environ,
            base=self.spec.folder,
            home=template.path.parent,
        )

    def labels(self, step: Step, values: Values) -> tuple[dict[str, str], list[str]]:
        """Give the labels of a run, and the names of those that are made of its values."""
        known = self.known(values)
        texts = {**self.spec.labels, **step.labels}
        said = {name: PLACEHOLDER.sub(lambda found: known.get(found[1], ""), text) for name, text in texts.items()}
        varying = [name for name, text in texts.items() if PLACEHOLDER.search(text)]
        return {"step": step.name, **said} if step.name else said, varying

    def known(self, values: Values) -> dict[str, str]:
        everything = {**self.spec.parameters, **values.values, **self.row.values, **self.row.texts}
        return shown(self.templates, everything)


@dataclass(frozen=True, slots=True)
class _Draft:
    """One step for one row, before it is known which rows have this work in common."""

    step: Step
    values: Values
    own: dict[str, str]
    labels: dict[str, str]
    varying: list[str]
    subject: str
    fingerprint: str
    needs: dict[str, str]  # fingerprints, by the names of their steps

    @property
    def work(self) -> tuple[str, str]:
        return self.step.name, self.fingerprint


def _drafts(row: _Row, steps: Sequence[Step], check: Check, problems: _Problems) -> list[_Draft]:
    found: dict[str, _Draft] = {}
    for step in steps:
        try:
            values = row.values(step)
            own = check(row.templates[step.name], values, step.later)
        except BadParameters as error:
            problems.add(row.place(step), *error.problems)
        except WorkbenchError as error:
            problems.add(row.place(step), str(error))
        else:
            needs = {name: found[name].fingerprint for name in step.needs if name in found}
            found[step.name] = _draft(row, step, values, goes_on(own, needs), needs)
    return list(found.values())


def _draft(row: _Row, step: Step, values: Values, fingerprint: str, needs: dict[str, str]) -> _Draft:
    labels, varying = row.labels(step, values)
    known = row.known(values)
    own = {name: known[name] for name in row.row.names if name in known}
    subject = step.name or _subject(row.templates[step.name], values.values)
    said = {name: text for name, text in labels.items() if text}
    return _Draft(step, values, own, said, varying, subject, fingerprint, needs)


def _planned(spec: Spec, drafts: Sequence[Sequence[_Draft]]) -> Iterator[Planned]:
    shared: dict[tuple[str, str], list[_Draft]] = {}
    for row in drafts:
        for draft in row:
            shared.setdefault(draft.work, []).append(draft)
    numbers = {work: number for number, work in enumerate(shared, start=1)}
    for work, alike in shared.items():
        draft = alike[0]
        labels = _agreed([one.labels for one in alike])
        budget = draft.values.values.get("budget") if draft.values.values.get("trials") is None else None
        yield Planned(
            numbers[work],
            _name(spec, draft, labels),
            draft.values.bound,
            _agreed([one.own for one in alike]),
            labels,
            draft.fingerprint,
            None if budget is None else seconds(budget),
            draft.step,
            {name: numbers[name, fingerprint] for name, fingerprint in draft.needs.items()},
        )


def _agreed(documents: Sequence[dict[str, str]]) -> dict[str, str]:
    """Keep what all of them say alike."""
    first, *others = documents
    return {name: text for name, text in first.items() if all(other.get(name) == text for other in others)}


def _name(spec: Spec, draft: _Draft, labels: Mapping[str, str]) -> str:
    """Name a run by its batch and the labels of its own, else what it is about; by its step in any case."""
    own = [labels[name] for name in draft.varying if name in labels]
    if not draft.step.name:
        return slug("-".join([spec.name, *(own or [draft.subject])]))
    room = LONGEST_NAME - len(draft.step.name) - 1
    return slug(f"{slug('-'.join([spec.name, *own]))[:room]}-{draft.step.name}")


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


def _check_names(spec: Spec, templates: Templates, rows: Sequence[Row], problems: _Problems) -> None:
    """Refuse what stands for nothing: a column that is no parameter and used by no label; a label of no column."""
    takes = {step.name: {parameter.name for parameter in templates[step.name].parameters} for step in spec.pipeline}
    parameters = set().union(*takes.values())
    texts = [text for labels in (spec.labels, *(step.labels for step in spec.pipeline)) for text in labels.values()]
    used = {name for text in texts for name in PLACEHOLDER.findall(text)}
    said = list(dict.fromkeys(name for row in rows for name in row.names))
    source = next((key for key in SOURCES if getattr(spec, key) is not None), "parameters")
    for name in said:
        if name not in parameters | used:
            hint = "To keep it as a label only, name it under labels"
            problems.add(f"{source}.{name}", f"{_unknown(name, parameters)}. {hint}")
    for name in spec.parameters:
        if name not in parameters:
            problems.add(f"parameters.{name}", _unknown(name, parameters))
    for step in spec.steps:
        for name in step.parameters:
            if name not in takes[step.name]:
                problems.add(f"steps.{step.name}.parameters.{name}", _unknown(name, takes[step.name]))
    for name in sorted(used - parameters - set(said)):
        problems.add("labels", f"{{{name}}} is neither a parameter nor in the {source}")


def _unknown(name: str, known: Collection[str]) -> str:
    return str(UnknownName("parameter", name, known)).rstrip(".")


def shown(templates: Templates, values: Mapping[str, Any]) -> dict[str, str]:
    """Write values for people, what is secret in one of the templates left out."""
    secret = {one.name for template in templates.values() for one in template.parameters if is_secret(one)}
    return {name: without_credentials(_text(value)) for name, value in values.items() if name not in secret}


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _subject(template: Template, values: Mapping[str, Any]) -> str:
    """Name what a run without labels of its own is about, as a single run would be named."""
    data = values.get("data")
    return str(values.get("target") or (Path(str(data)).stem if data else template.name))


def _refuse_twins(rows: Sequence[Row], drafts: Sequence[Sequence[_Draft]], problems: _Problems) -> None:
    first: dict[tuple[str, ...], str] = {}
    for row, works in zip(rows, drafts, strict=True):
        place = first.setdefault(tuple(draft.fingerprint for draft in works), row.place)
        if place != row.place:
            problems.add(row.place, f"is the same work as {place}: same parameters, same data. Leave one out")
