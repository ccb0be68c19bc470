"""Experiments go to a URL and come from one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.workflow.place import Where, experiment_of, store_of

if TYPE_CHECKING:
    from workbench.experiment import Experiment
    from workbench.experiment.sharing.remote import Heard, Moved


def push(
    ref: str, url: str, *, store: Where = None, with_changes: bool = False, heard: Heard = lambda *_: None
) -> Moved:
    """Bring an experiment to a URL, with its tables; a batch together with its runs.

    Parameters
    ----------
    ref, url : str
        The experiment, and a folder of any file system: a path, ``s3://…``, ``gs://…``, ``abfs://…``, ``sftp://…``.
        It is laid out as a store is, and becomes one when it is copied.
    with_changes : bool
        Bring along what was changed in the template's repository and not committed.
    heard : callable
        Is told the bytes that are done, and those in all.
    """
    from workbench.experiment.sharing.folder import folder_at
    from workbench.experiment.sharing.here import push_here
    from workbench.experiment.sharing.push import push
    from workbench.experiment.store import Store

    experiments = _with_runs(experiment_of(ref, store), store)
    roles = ["data", *(["changes"] if with_changes else [])]
    folder = folder_at(url)
    if folder.local is not None:
        return push_here(experiments, Store(folder.local), roles, heard)
    return push(experiments, folder, roles, heard)


def _with_runs(experiment: Experiment, store: Where) -> list[Experiment]:
    from workbench.experiment import children, resolve

    runs = children(experiment) if experiment.manifest["kind"] == "batch" else []
    return [*(resolve(run, store_of(store)) for run in runs), experiment]


def pull(url: str, ref: str, *, store: Where = None, heard: Heard = lambda *_: None) -> Moved:
    """Take an experiment from a URL into the store; a batch together with its runs. Nothing of it is run.

    Parameters
    ----------
    url, ref : str
        A folder experiments were pushed to, and one of them: ``churn`` (the latest), ``churn@1f3a``.
    heard : callable
        Is told the bytes that are done, and those in all.
    """
    from workbench.experiment.sharing.folder import folder_at
    from workbench.experiment.sharing.lookup import look_up
    from workbench.experiment.sharing.pull import pull

    folder = folder_at(url)
    return pull(folder, look_up(ref, folder), store_of(store), heard)
