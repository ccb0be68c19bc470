"""What can be asked of kept experiments: which there are, what they say, how they differ; and sharing them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from workbench.errors import BadOutput, BadReference
from workbench.workflow.place import Where, experiment_of, store_of

if TYPE_CHECKING:
    from workbench.comparison import Comparison, Difference
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


def compare(*refs: str, store: Where = None, html: Path | None = None) -> Comparison:
    """Rank experiments, and say which differences are real; with `html`, write the comparison as a page as well."""
    from workbench import comparison
    from workbench.documents.files import write_bytes

    found = {ref: experiment_of(ref, store) for ref in refs}
    compared = comparison.compare([*found.values()])
    if html is not None:
        from workbench.pages.comparison import comparison_page

        document = compared.as_document()
        reports = _reports(found, html)
        board = [row | {"report": reports.get(row["ref"])} for row in document["leaderboard"]]
        try:
            write_bytes(html, comparison_page(document | {"leaderboard": board}).encode())
        except OSError as error:
            raise BadOutput(str(html), f"cannot be written: {error.strerror or error}", "Name another file.") from error
    return compared


def _reports(found: Mapping[str, Experiment], page: Path) -> dict[str, str]:
    """Say where reports lie, seen from a page; an experiment of a zip has one for as long as this command only."""
    lasting = [one for ref, one in found.items() if one.report.is_file() and not Path(ref).is_file()]
    here = page.absolute().parent
    return {str(one.reference): quote(os.path.relpath(one.report.absolute(), here)) for one in lasting}


def diff(one: str, other: str, *, store: Where = None) -> Difference:
    """Tell what differs between two experiments: parameters, data, code, environment, scores."""
    from workbench import comparison

    return comparison.diff(experiment_of(one, store), experiment_of(other, store))


def export(ref: str, file: Path, *, store: Where = None) -> Path:
    """Write one experiment to one zip file; a batch together with its runs."""
    from workbench.experiment import export, export_batch

    experiment = experiment_of(ref, store)
    if experiment.manifest["kind"] == "batch":
        return export_batch(experiment, store_of(store), Path(file))
    return export(experiment, Path(file))


def import_(file: Path, *, store: Where = None) -> str:
    """Take an experiment, or a batch with its runs, from a zip file into the store, and give its reference.

    Nothing in it is run.
    """
    from workbench.experiment import import_, import_batch, is_batch

    take = import_batch if is_batch(Path(file)) else import_
    return str(take(Path(file), store_of(store)).experiment.reference)
