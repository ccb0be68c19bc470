"""The front door of the workbench: a dozen verbs and the types of parameters cells, found only when asked for.

>>> import workbench as wb
>>> "search" in dir(wb)
True
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from workbench.automl.checks import check
    from workbench.automl.explain import explain
    from workbench.automl.record import record
    from workbench.automl.search import search
    from workbench.automl.task import task
    from workbench.dataset import read_table
    from workbench.errors import WorkbenchError
    from workbench.template.types import Bounds, Column, Columns, Duration, Memory, Secret, Table
    from workbench.workflow import batch, compare, diff, experiments, load, predict, promote, reproduce, run

_FOUND_IN = {
    # inside notebooks, in the order a template uses them
    "read_table": "workbench.dataset",
    "task": "workbench.automl.task",
    "check": "workbench.automl.checks",
    "search": "workbench.automl.search",
    "explain": "workbench.automl.explain",
    "record": "workbench.automl.record",
    # driving
    "run": "workbench.workflow",
    "batch": "workbench.workflow",
    "experiments": "workbench.workflow",
    "compare": "workbench.workflow",
    "diff": "workbench.workflow",
    "reproduce": "workbench.workflow",
    "promote": "workbench.workflow",
    "predict": "workbench.workflow",
    "load": "workbench.workflow",
    # the types of a parameters cell
    **dict.fromkeys(
        ("Bounds", "Column", "Columns", "Duration", "Memory", "Secret", "Table"), "workbench.template.types"
    ),
    "WorkbenchError": "workbench.errors",
}
__all__ = [
    "Bounds",
    "Column",
    "Columns",
    "Duration",
    "Memory",
    "Secret",
    "Table",
    "WorkbenchError",
    "batch",
    "check",
    "compare",
    "diff",
    "experiments",
    "explain",
    "load",
    "predict",
    "promote",
    "read_table",
    "record",
    "reproduce",
    "run",
    "search",
    "task",
]


def __getattr__(name: str) -> Any:
    if name not in _FOUND_IN:
        raise AttributeError(f"module 'workbench' has no attribute {name!r}")
    return getattr(import_module(_FOUND_IN[name]), name)


def __dir__() -> list[str]:
    return sorted({*__all__, "__version__"})
