"""Experiments go to a URL and come from one."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from workbench.errors import BadAddress
from workbench.workflow.place import Where, experiment_of, store_of
from workbench.workflow.sharing import roles_of, shown

if TYPE_CHECKING:
    from workbench.experiment import Experiment
    from workbench.experiment.sharing.remote import Heard, Moved


def push(
    ref: str,
    url: str,
    *,
    with_changes: bool = False,
    without_data: bool = False,
    store: Where = None,
    heard: Heard = lambda *_: None,
) -> Moved:
    """Bring an experiment to a URL, with its tables; a batch together with its runs.

    Parameters
    ----------
    ref, url : str
        The experiment, and a folder of any file system: a path, ``s3://…``, ``gs://…``, ``abfs://…``, ``sftp://…``. It
        is laid out as a store is, and becomes one when it is copied. Or a repository of images: ``oci://…``.
    with_changes : bool, optional
        Bring along what was changed in the template's repository and not committed.
    without_data : bool, optional
        Leave the tables out, and whatever else values of them stand in.
    heard : callable, optional
        Is told the bytes that are done, and those in all.
    """
    roles = roles_of(with_changes=with_changes, without_data=without_data)
    with ExitStack() as copies:
        whole = _with_runs(experiment_of(ref, store), store)
        return _push([copies.enter_context(shown(one, without_data)) for one in whole], url, roles, heard)


def _push(experiments: list[Experiment], url: str, roles: list[str], heard: Heard) -> Moved:
    from workbench.experiment.sharing.folder import Folder
    from workbench.experiment.sharing.here import push_here
    from workbench.experiment.sharing.image import Image
    from workbench.experiment.sharing.places import remote_at
    from workbench.experiment.sharing.push import push
    from workbench.experiment.store import Store

    remote = remote_at(url)
    if isinstance(remote, Folder) and remote.local is not None:
        return push_here(experiments, Store(remote.local), roles, heard)
    if isinstance(remote, Image) and remote.tag is not None and len(experiments) > 1:
        problem = f"names the tag {remote.tag} for {len(experiments)} experiments, a batch and its runs"
        raise BadAddress(remote.told, problem, "Name none: each gets one of its own.")
    return push(experiments, remote, roles, heard)


def _with_runs(experiment: Experiment, store: Where) -> list[Experiment]:
    from workbench.experiment import children, resolve

    runs = children(experiment) if experiment.manifest["kind"] == "batch" else []
    where = store_of(store)
    return [*(resolve(run, where) for run in runs), experiment]


def pull(url: str, ref: str, *, store: Where = None, heard: Heard = lambda *_: None) -> Moved:
    """Take an experiment from a URL into the store; a batch together with its runs. Nothing of it is run.

    Parameters
    ----------
    url, ref : str
        Where experiments were pushed to, and one of them: ``churn`` (the latest), ``churn@1f3a``.
    heard : callable, optional
        Is told the bytes that are done, and those in all.
    """
    from workbench.experiment.sharing.lookup import look_up
    from workbench.experiment.sharing.places import remote_at
    from workbench.experiment.sharing.pull import pull

    remote = remote_at(url)
    return pull(remote, look_up(ref, remote), store_of(store), heard)
