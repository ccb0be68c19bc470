"""From a spec to a plan, checked whole, and what of it is done already."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadBatch, WorkbenchError
from workbench.workflow.inputs import take_in
from workbench.workflow.request import QUESTION, TASKS, check_tables, fingerprint
from workbench.workflow.runs import Listener

if TYPE_CHECKING:
    from workbench.batches import Known, Plan, Spec
    from workbench.experiment import Store
    from workbench.template import Template, Values


def spec_with(spec: str | Path | Mapping[str, Any], workers: int | None, price: str | None) -> Spec:
    """Read what a batch was asked for; `workers` and `price` win over what it says itself."""
    from workbench.batches import read_spec, spec_of
    from workbench.experiment import price_of

    found = spec_of(spec, folder=Path.cwd()) if isinstance(spec, Mapping) else read_spec(Path(spec))
    paid = price_of(price, found.price, environ=os.environ)
    return replace(found, workers=found.workers if workers is None else workers, price=paid)


def plan_of(spec: Spec, say: Listener) -> Plan:
    """Plan a batch, with every run of it checked as `run` would.

    Raises
    ------
    BadBatch
        With everything that is wrong.
    """
    from workbench.batches import plan

    return plan(spec, _templates(spec), Checker(say))


def _templates(spec: Spec) -> dict[str, Template]:
    """Find the templates of a batch, by the names of their steps."""
    from workbench.template import find

    found, problems = {}, []
    for step in spec.pipeline:
        try:
            found[step.name] = find(step.template)
        except WorkbenchError as error:
            place = f"steps.{step.name}.template" if step.name else "template"
            problems.append(f"{place}: {str(error).rstrip('.')}")
    if problems:
        raise BadBatch(spec.which, problems)
    return found


class Checker:
    """Checks values as a run would; what many runs have in common is looked at once."""

    def __init__(self, say: Listener) -> None:
        self.say = say
        self.seen: dict[str, dict[str, str] | WorkbenchError] = {}
        self.done = 0

    def __call__(self, template: Template, values: Values, later: Collection[str]) -> str:
        """Check the values of one run, but for those that are known `later`, and give its fingerprint."""
        from workbench.template import as_json

        self.done += 1
        self.say({"kind": "checking", "done": self.done})
        asked = self._asked(template, values.values, later)
        key = json.dumps([str(template.path), as_json(asked)])
        if key not in self.seen:
            self.seen[key] = self._look(template, values, asked)
        found = self.seen[key]
        if isinstance(found, WorkbenchError):
            raise found
        return fingerprint(template, values.values, found)

    def _asked(self, template: Template, values: Mapping[str, Any], later: Collection[str]) -> dict[str, Any]:
        """Take of the values what a check asks about: tables, columns, and what the search is asked.

        While the table they are columns of is not there, there is nothing to look for them in.
        """
        from workbench.template.named import ColumnsType, ColumnType, TableType

        tables, columns = template.named(TableType), template.named(ColumnType, ColumnsType)
        names = {*tables, *columns, *QUESTION, "target", "missing"} - set(later)
        looked_in = "data" if template.task in TASKS else next(iter(tables), None)
        if looked_in in later:
            names -= {*columns, *QUESTION, "target"}
        return {name: value for name, value in values.items() if name in names}

    def _look(self, template: Template, values: Values, asked: Mapping[str, Any]) -> dict[str, str] | WorkbenchError:
        try:
            return check_tables(template, asked, take_in(template, values, asked).taken)
        except WorkbenchError as error:
            return error.with_traceback(None)  # frames would hold on to the table


def done_already(plan: Plan, store: Store) -> Known:
    """Find what a store has of the work of a plan."""
    from workbench.batches import known

    templates = {template.name for template in plan.templates.values()}
    return known(store, {one.fingerprint for one in plan.runs}, templates)
