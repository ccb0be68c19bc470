"""Where a verb works: the store that was named, and the experiment a reference stands for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import BadReference

if TYPE_CHECKING:
    from workbench.experiment import Experiment, Store

Where = Path | str | None


def store_of(store: Where) -> Store:
    """Give the store that was named, else the one of ``WORKBENCH_STORE``, else ``./workbench-store``.

    Runs in it whose runner was killed are closed and kept first, so that whoever looks sees what became of them.
    """
    from workbench.experiment import store_at
    from workbench.workflow.stale import keep_stale

    found = store_at(store, os.environ)
    keep_stale(found)
    return found


def experiment_of(ref: str, store: Where) -> Experiment:
    """Find the experiment a reference stands for."""
    from workbench.experiment import resolve

    return resolve(ref, store_of(store))


def insist_on_data(experiment: Experiment, what: str) -> Experiment:
    """Give an experiment back when it is whole; `what` is asked of it that values of its data stand in.

    Raises
    ------
    BadReference
        If it is a copy without its data.
    """
    from workbench.experiment import is_without_data

    if is_without_data(experiment.manifest):
        problem = f"is a copy without its data, and {what} was left out with them"
        raise BadReference(str(experiment.reference), problem, "Ask its author for the whole experiment.")
    return experiment
