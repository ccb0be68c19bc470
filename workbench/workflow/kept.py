"""What can be asked of kept experiments: which there are, and what they say."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadReference
from workbench.workflow.place import Where, experiment_of, store_of

if TYPE_CHECKING:
    from workbench.experiment import Experiment


def experiments(name: str | None = None, *, store: Where = None) -> list[Experiment]:
    """List the experiments of a store, newest first; a run under way is listed as ``running``."""
    from workbench.experiment import experiments

    return experiments(store_of(store), name)


def show(ref: str, *, store: Where = None) -> dict[str, Any]:
    """Tell what is known of one experiment: scores, checks, parameters, data."""
    experiment = experiment_of(ref, store)
    return {
        **experiment.as_document(),
        "author": experiment.manifest["author"],
        "ended": experiment.manifest["ended"],
        "data": experiment.manifest["data"],
        "resources": experiment.manifest["resources"],
        "parameters": experiment.parameters(),
        "checks": [asdict(check) for check in experiment.checks()],
        "path": str(experiment.path),
    }


def report(ref: str, *, store: Where = None) -> Path:
    """Find an experiment's report."""
    experiment = experiment_of(ref, store)
    if not experiment.report.is_file():
        raise BadReference(ref, "has no report", f"Its files are in {experiment.path}.")
    return experiment.report
