"""Runs that nobody works on any more, found and kept by the next command that looks at their store.

A runner that is killed outright can close nothing. Its run folder stays: of a run under way, which becomes an
experiment with the status ``killed``, or of one that had ended and was not kept yet, which is kept as it ended. What
it was just building, and the folder of its kernel's sockets, are of no use to anybody.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from workbench.documents.leftovers import remove, sweep, temporary_folders
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.documents.run_folder import RunFolder
    from workbench.experiment import Store

log = logging.getLogger(__name__)


def keep_stale(store: Store) -> None:
    """Close and keep the runs of a store whose runners are dead. A store that cannot be written to is left alone."""
    for place in (store.running, *temporary_folders()):
        sweep(place)
    if not _holds_runs(store):
        return
    from workbench.documents.run_folder import claimed, find_stale

    for folder in find_stale(store.running):
        try:
            with claimed(folder) as ours:
                if ours:
                    _keep(folder, store)
        except (OSError, WorkbenchError):  # it may be a colleague's; the listing says what is not kept
            log.debug("The run in %s cannot be kept here.", folder.path, exc_info=True)
        except Exception:
            log.exception("The run in %s could not be kept.", folder.path)


def _holds_runs(store: Store) -> bool:
    """Tell whether there is anything to look at, by one look at a folder: this is asked by every command."""
    try:
        return any(not name.startswith(".") for name in os.listdir(store.running))  # noqa: PTH208 - names are enough
    except OSError:
        return False


def _keep(folder: RunFolder, store: Store) -> None:
    from workbench.documents.run_folder import refused
    from workbench.execution.close import close
    from workbench.workflow.keep import keep

    record = close(folder)
    is_kept = store.folder(record.reference).exists()  # its runner died while tidying up
    if is_kept or (record.status == "failed" and refused(folder) is not None):
        remove(folder.path)
    else:
        keep(folder, store, _title(folder) or record.template)


def _title(folder: RunFolder) -> str | None:
    from workbench.template import find

    try:
        return find(str(folder.template)).title
    except WorkbenchError:  # it was executed, but can be no template any more
        return None
