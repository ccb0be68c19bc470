"""A store is looked after: an experiment is verified, a store checked, and what nothing refers to freed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import BadArtifact, StoreError
from workbench.workflow.place import Where, experiment_of, store_of

if TYPE_CHECKING:
    from workbench.experiment import Store
    from workbench.experiment.upkeep.fsck import Checked
    from workbench.experiment.upkeep.gc import Freed
    from workbench.experiment.verifying import Verified

Step = Callable[[int, int], None]


def verify(ref: str, *, store: Where = None) -> Verified:
    """Read every byte of an experiment, of a folder or of a zip, and say which file is not what was kept.

    Raises
    ------
    BadReference
        If it names no experiment.
    """
    from workbench.experiment.finding.reference import is_file
    from workbench.experiment.objects import home
    from workbench.experiment.sharing.zipped import verified_zip
    from workbench.experiment.verifying import Verified, verified

    where = store_of(store)
    if is_file(ref, where):
        return verified_zip(Path(ref))
    try:
        experiment = experiment_of(ref, store)
    except BadArtifact as error:
        return Verified(ref, Path(error.which), 0, (str(error),))
    inside = home(experiment.path)
    return verified(experiment, inside if inside.experiments.is_dir() else where)


def gc(*, dry_run: bool = False, store: Where = None, on_step: Step = lambda _done, _of: None) -> Freed:
    """Free what nothing in a store refers to; a dry run only says what that is.

    What is younger than a day is left alone: a run under way may be about to name it.
    """
    from workbench.experiment.upkeep.gc import gc

    return gc(_there(store), now=time.time(), dry_run=dry_run, on_step=on_step)


def fsck(*, store: Where = None, on_step: Step = lambda _done, _of: None) -> Checked:
    """Read every byte of a store that has a digest, and name whatever is not what was kept."""
    from workbench.experiment.upkeep.fsck import fsck

    return fsck(_there(store), on_step=on_step)


def _there(store: Where) -> Store:
    """Give a store that exists: another folder must not be called whole, and nothing in it be freed."""
    from workbench.experiment import store_at
    from workbench.experiment.store import translated

    named = store_at(store, os.environ)
    remedy = "Name it with --store or WORKBENCH_STORE."
    if not os.path.isdir(named.path):  # noqa: PTH112 - Path raises where a name is too long
        raise StoreError(str(named.path), "does not exist", remedy)
    with translated(named, "read"):
        inside = {path.name for path in named.path.iterdir()}
    if inside and not inside & {"experiments", "models"}:
        raise StoreError(str(named.path), "is no store: it holds neither experiments nor models", remedy)
    return store_of(store)
