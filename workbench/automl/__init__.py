"""Table, task and budget in; study, trials and the best model out. Optuna is the engine.

The verbs are imported here, at once, because modules bear their names: found later, ``workbench.automl.task`` would be
the module or the verb depending on who asked first.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # Optuna's progress bar misses a widget library in notebooks; ours needs none.
    warnings.filterwarnings("ignore", message="IProgress not found")
    import optuna  # noqa: F401

from workbench.automl.checks import check
from workbench.automl.explain import explain
from workbench.automl.record import record
from workbench.automl.search import search
from workbench.automl.task import task

__all__ = ["check", "explain", "record", "search", "task"]
