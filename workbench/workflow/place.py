"""Where a verb works: the store that was named, and the experiment a reference stands for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

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
