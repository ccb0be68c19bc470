"""Experiments leave a store and come to another."""

from __future__ import annotations

from pathlib import Path

from workbench.workflow.place import Where, experiment_of, store_of


def export(ref: str, file: Path, *, store: Where = None) -> Path:
    """Write one experiment to one zip file; a batch together with its runs."""
    from workbench.experiment import children, export, export_batch, resolve

    experiment = experiment_of(ref, store)
    if experiment.manifest["kind"] == "batch":
        runs = (resolve(run, store_of(store)) for run in children(experiment))
        return export_batch(experiment, runs, Path(file))
    return export(experiment, Path(file))


def import_(file: Path, *, store: Where = None) -> str:
    """Take an experiment, or a batch with its runs, from a zip file into the store, and give its reference.

    Nothing in it is run.
    """
    from workbench.experiment import import_, import_batch, is_batch

    take = import_batch if is_batch(Path(file)) else import_
    return str(take(Path(file), store_of(store)).experiment.reference)
