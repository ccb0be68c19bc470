"""Values bound to a notebook: one cell of our own, in which names are names and values are literals, never code."""

from __future__ import annotations

import copy
import keyword
import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from workbench.errors import BadParameters, BadTemplate
from workbench.template.notebook import INJECTED, PARAMETERS, has_tag, is_python, source
from workbench.template.plain import FromEnvironment, Mismatch, as_json, plain
from workbench.template.types import FROM_ENVIRONMENT, Secret

if TYPE_CHECKING:
    from nbformat import NotebookNode

DATES = "_datetime"  # the cell's own name for the module: `datetime` and `date` may mean something in the template
ENVIRONMENT, SECRET = "_environ", "_Secret"  # and for what it looks up there
RESERVED = {DATES, ENVIRONMENT, SECRET, "float", "__debug__"}  # the cell needs them; Python refuses the last
IMPORTS = {
    f"{DATES}.": f"import datetime as {DATES}",
    f"{ENVIRONMENT}[": f"from os import environ as {ENVIRONMENT}",
    f"{SECRET}(": f"from workbench import Secret as {SECRET}",
}


def bind(notebook: Mapping[str, Any], values: Mapping[str, Any]) -> NotebookNode:
    """Give a copy of a notebook with a cell that sets `values`, behind its parameters cell or at the top.

    A cell injected before is replaced. The values are also noted in ``metadata.papermill.parameters``, where other
    tools look for them.

    Raises
    ------
    BadParameters
        If a name is not a Python name, or a value cannot be written as a literal.
    BadTemplate
        If values are given and the notebook's language is not Python.
    """
    import nbformat

    bound = nbformat.from_dict(copy.deepcopy(dict(notebook)))
    for cell in bound.cells:
        cell["source"] = source(cell)
    place = _place(bound.cells)
    kept = [cell for cell in bound.cells if not has_tag(cell, INJECTED)]
    bound.cells = kept
    if values:
        if not is_python(notebook):
            raise BadTemplate(
                "notebook", "is not in Python, so it can be given no values", "Run it without parameters."
            )
        bound.cells = [*kept[:place], _cell(bound, values), *kept[place:]]
    _note(bound, values)
    return bound


def injected_source(values: Mapping[str, Any]) -> str:
    """Write the text of the injected cell.

    Raises
    ------
    BadParameters
        If a name is not a Python name, or a value cannot be written as a literal.
    """
    problems, lines = [], ["# The values given for this run"]
    for name, value in values.items():
        try:
            lines.append(f"{_name(name)} = {literal(value)}")
        except Mismatch as error:
            problems.append(f"The parameter {name!r} cannot be bound: {error}.")
    if problems:
        raise BadParameters(problems)
    imports = [line for use, line in IMPORTS.items() if any(use in written for written in lines)]
    return "\n".join([lines[0], *imports, *lines[1:]])


def literal(value: Any) -> str:
    """Write a value as a Python literal, or as a look into the environment.

    `repr` of a text escapes what a source file cannot hold.

    Raises
    ------
    Mismatch
        If it has none.
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(key)}: {literal(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(literal(part) for part in value) + "]"
    if isinstance(value, tuple):
        return "(" + "".join(f"{literal(part)}, " for part in value).rstrip() + ")"
    if isinstance(value, FromEnvironment):
        return f"{ENVIRONMENT}[{value.variable!r}]"
    if isinstance(value, Secret) and (value.variable is not None or not value):
        return f"{SECRET}({FROM_ENVIRONMENT + value.variable if value.variable is not None else ''!r})"
    value = plain(value)
    if isinstance(value, date):
        kind = "datetime" if isinstance(value, datetime) else "date"
        return f"{DATES}.{kind}.fromisoformat({value.isoformat()!r})"
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    return literal(value) if isinstance(value, dict | list) else _no_literal(value)


def _no_literal(value: Any) -> str:
    raise Mismatch(f"a {type(value).__name__} is never written into a notebook")


def _name(name: str) -> str:
    if not name.isidentifier() or keyword.iskeyword(name) or name in RESERVED:
        raise Mismatch("it is not a name that a variable may have here")
    return name


def _place(cells: list[Any]) -> int:
    """Find the cell's place among the cells that stay: behind the parameters, or where one was, or on top."""
    at = {tag: next((i for i, cell in enumerate(cells) if has_tag(cell, tag)), None) for tag in (PARAMETERS, INJECTED)}
    declared = at[PARAMETERS]
    first = declared + 1 if declared is not None else at[INJECTED] or 0
    return first - sum(has_tag(cell, INJECTED) for cell in cells[:first])


def _cell(notebook: NotebookNode, values: Mapping[str, Any]) -> NotebookNode:
    import nbformat

    cell = nbformat.v4.new_code_cell(injected_source(values), metadata={"tags": [INJECTED]})
    if notebook.get("nbformat_minor", 0) < 5:
        cell.pop("id", None)  # ids came with 4.5, and older notebooks may not have them
    elif INJECTED not in {other.get("id") for other in notebook.cells}:
        cell["id"] = INJECTED  # the same values give the same notebook
    return cell


def _note(notebook: NotebookNode, values: Mapping[str, Any]) -> None:
    import nbformat

    if not values and "papermill" not in notebook.metadata:
        return
    noted = nbformat.from_dict({name: _writable(as_json(value)) for name, value in values.items()})
    notebook.metadata.setdefault("papermill", nbformat.from_dict({}))["parameters"] = noted


def _writable(value: Any) -> Any:
    """Escape lone surrogates, which no UTF-8 file can hold: the note is for readers, the cell has the true value."""
    if isinstance(value, dict):
        return {_writable(key): _writable(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_writable(part) for part in value]
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
