"""Experiments leave a store and come to another."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import BadParameters
from workbench.workflow.place import Where, store_of

if TYPE_CHECKING:
    from workbench.experiment import Experiment


def export(
    ref: str, file: Path, *, with_changes: bool = False, without_data: bool = False, store: Where = None
) -> Path:
    """Write one experiment to one zip file; a batch together with its runs. The tables they were given go along.

    Parameters
    ----------
    ref : str
    file : Path
        Where to; it must not exist.
    with_changes : bool, optional
        Take along what was changed in the template's repository and not committed, too.
    without_data : bool, optional
        Leave the tables out, and whatever else values of them stand in; the zip says what was left out.

    Raises
    ------
    WorkbenchError
        If it cannot be written, or the experiment is not what was kept.
    """
    from workbench.experiment import children, export, export_batch, resolve

    roles = roles_of(with_changes=with_changes, without_data=without_data)
    where = store_of(store)
    with shown(resolve(ref, where), without_data) as experiment:
        if experiment.manifest["kind"] != "batch":
            return export(experiment, Path(file), roles=roles)
        runs = (resolve(run, where) for run in children(experiment))
        return export_batch(experiment, _each_shown(runs, without_data), Path(file), roles=roles)


def roles_of(*, with_changes: bool, without_data: bool) -> list[str]:
    """Choose which objects of an experiment travel.

    Raises
    ------
    BadParameters
        If both are asked for.
    """
    from workbench.experiment import objects

    if with_changes and without_data:
        raise BadParameters(["What was not committed may quote values of the data: take it along, or leave them out."])
    return [] if without_data else [objects.DATA, *([objects.CHANGES] if with_changes else [])]


@contextmanager
def shown(experiment: Experiment, without_data: bool) -> Iterator[Experiment]:
    """Give an experiment as it is to be shared: itself, or a copy without its data that is gone afterwards."""
    from workbench.experiment import without_data as copy
    from workbench.workflow.site_pages import page_without_data

    if not without_data:
        yield experiment
        return
    with tempfile.TemporaryDirectory() as folder:
        yield copy(experiment, Path(folder) / "experiment", report=page_without_data)


def _each_shown(experiments: Iterable[Experiment], without_data: bool) -> Iterator[Experiment]:
    for experiment in experiments:
        with shown(experiment, without_data) as one:
            yield one


def import_(file: Path, *, store: Where = None) -> str:
    """Take an experiment, or a batch with its runs, from a zip file into the store, and give its reference.

    Nothing in it is run.
    """
    from workbench.experiment import import_, import_batch, is_batch

    take = import_batch if is_batch(Path(file)) else import_
    return str(take(Path(file), store_of(store)).experiment.reference)
