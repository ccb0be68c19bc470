"""What is asked for: the values of a run, and all that can be refused of them before a kernel starts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.documents.redaction import Redactor
from workbench.errors import BadParameters, UnknownName
from workbench.workflow.inputs import take_in

if TYPE_CHECKING:
    from workbench.dataset import Dataset, Fetched
    from workbench.template import Template, Values

TASKS = ("classification", "regression")  # templates of these kinds have their table and target checked beforehand
QUESTION = (  # what `task` is told besides the table, its target and its kind
    "metric",
    "ignore",
    "group",
    "time",
    "id",
    "weight",
    "positive",
    "check_share",
    "cost_of_miss",
    "cost_of_false_alarm",
)


def check(template: str | Path, parameters: Mapping[str, Any] | None = None, **more: Any) -> None:
    """Check a request as `run` would, without a kernel: the template, the values, the table, the target.

    Raises
    ------
    WorkbenchError
        If `run` would refuse it.
    """
    from workbench.template import find

    found = find(str(template))
    values = values_of(found, {**(parameters or {}), **more})
    check_tables(found, values.values, take_in(found, values).taken)


def labels(texts: Iterable[str]) -> dict[str, str]:
    """Read labels as typed on a command line: ``farm=17``."""
    from workbench.template import split

    return dict(split(text, "label") for text in texts)


def values_of(
    template: Template, given: Mapping[str, Any], *, texts: Iterable[str] = (), file: Path | None = None
) -> Values:
    """Gather the values of a run: from what was `given` by name, typed as ``name=value``, or written in a file.

    Raises
    ------
    BadParameters
        With all that is wrong with them.
    """
    from workbench.template import gather, read_values

    return gather(
        template.parameters,
        texts=list(texts),
        file=None if file is None else read_values(Path(file)),
        api=given,
        environment=os.environ,
        base=Path.cwd(),
        home=template.path.parent,
    )


def check_tables(template: Template, values: Mapping[str, Any], taken: Mapping[str, Fetched]) -> dict[str, str]:
    """Refuse what the notebook would refuse, before its kernel starts: tables, columns, the target.

    Parameters
    ----------
    values
        By name; those of tables, columns and the question are looked at.
    taken
        The files of the tables, by their paths, URLs and names.

    Returns
    -------
    dict of str to str
        The digest of each table, by the name of its parameter.
    """
    from workbench.template.named import ColumnsType, ColumnType, TableType

    missing = str(values.get("missing") or "")
    places = [(name, values.get(name)) for name in template.named(TableType)]
    given = {name: place for name, place in places if place and isinstance(place, str)}
    if not given:
        return {}
    from workbench.dataset import read_fetched  # with pandas: not for notebooks without tables

    tables = {name: read_fetched(taken[place], missing=missing) for name, place in given.items()}
    if template.task in TASKS and "data" in tables and "target" in values:
        _insist_on_target(template, values["target"], tables["data"])
        _task(tables, template.task, values)
    else:
        known = [column.name for column in next(iter(tables.values())).schema.columns]
        for name in template.named(ColumnType, ColumnsType):
            for column in [values[name]] if isinstance(values.get(name), str) else values.get(name) or []:
                if column not in known:
                    raise UnknownName("column", column, known)
    return {name: table.digest for name, table in tables.items()}


def _insist_on_target(template: Template, target: Any, data: Dataset) -> None:
    """Tell a target that was forgotten from a misspelt one: the template's default belongs to its example."""
    known = [column.name for column in data.schema.columns]
    default = next((one.default for one in template.parameters if one.name == "target"), None)
    if target == default and target not in known:
        absent = UnknownName("column", target, known)
        raise BadParameters([f"The parameter 'target' was not given, and its default is of another table. {absent}"])


def _task(tables: Mapping[str, Dataset], kind: Any, values: Mapping[str, Any]) -> None:
    from workbench.automl.task import task

    said = {name: values[name] for name in QUESTION if name in values}
    task(tables["data"], values["target"], kind=kind, test=tables.get("test"), **said)


def fingerprint(template: Template, values: Mapping[str, Any], digests: Mapping[str, str]) -> str:
    """Tell runs of the same work; `digests` are those of its tables, by parameter. No secret's value is part of it."""
    from workbench.experiment import fingerprint
    from workbench.template import as_json

    return fingerprint(template.path.read_bytes(), Redactor().document(as_json(values)), digests)
