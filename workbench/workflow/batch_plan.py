"""From a spec to a plan, checked whole, and what of it is done already."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadBatch, WorkbenchError
from workbench.workflow.inputs import take_in
from workbench.workflow.runs import ROLES, Listener, _check, _parameters, fingerprint

if TYPE_CHECKING:
    from workbench.batches import Known, Plan, Spec
    from workbench.experiment import Store
    from workbench.template import Template, Values


def spec_with(spec: str | Path | Mapping[str, Any], workers: int | None) -> Spec:
    """Read what a batch was asked for; `workers` wins over what it says itself."""
    from workbench.batches import read_spec, spec_of

    found = spec_of(spec, folder=Path.cwd()) if isinstance(spec, Mapping) else read_spec(Path(spec))
    return found if workers is None else replace(found, workers=workers)


def plan_of(spec: Spec, say: Listener) -> Plan:
    """Plan a batch, with every run of it checked as `run` would.

    Raises
    ------
    BadBatch
        With everything that is wrong.
    """
    from workbench.batches import plan
    from workbench.template import find

    try:
        template = find(spec.template)
    except WorkbenchError as error:
        raise BadBatch(spec.which, [f"template: {str(error).rstrip('.')}"]) from error
    return plan(spec, template, _Checker(template, say))


class _Checker:
    """Checks values as a run would; what many runs have in common is looked at once."""

    def __init__(self, template: Template, say: Listener) -> None:
        self.template, self.say = template, say
        self.seen: dict[str, dict[str, str] | WorkbenchError] = {}
        self.done = 0

    def __call__(self, values: Values) -> str:
        self.done += 1
        self.say({"kind": "checking", "done": self.done})
        key = self._key(values.values)
        if key not in self.seen:
            self.seen[key] = self._look(values)
        found = self.seen[key]
        if isinstance(found, WorkbenchError):
            raise found
        return fingerprint(self.template, values.values, found)

    def _key(self, values: Mapping[str, Any]) -> str:
        """Take of the values what a check asks about: tables, columns and their roles."""
        from workbench.template import as_json
        from workbench.template.named import ColumnsType, ColumnType, TableType

        names = {*_parameters(self.template, TableType, ColumnType, ColumnsType), *ROLES, "target", "missing"}
        return json.dumps(as_json({name: values.get(name) for name in sorted(names)}))

    def _look(self, values: Values) -> dict[str, str] | WorkbenchError:
        try:
            return _check(self.template, values.values, take_in(self.template, values).fetched)
        except WorkbenchError as error:
            return error.with_traceback(None)  # frames would hold on to the table


def done_already(plan: Plan, store: Store) -> Known:
    """Find what a store has of the work of a plan."""
    from workbench.batches import known

    return known(store, {one.fingerprint for one in plan.runs}, plan.template.name)
