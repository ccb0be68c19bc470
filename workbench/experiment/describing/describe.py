"""What a folder becomes readable by: the documents of other tools, written beside our own."""

from __future__ import annotations

from pathlib import Path

from workbench.documents.experiment import Manifest
from workbench.experiment.describing.bill import write_bill
from workbench.experiment.describing.crate import write_crate
from workbench.experiment.describing.croissant import write_croissant
from workbench.experiment.describing.workflow_crate import write_workflow_crate


def describe(folder: Path, manifest: Manifest) -> None:
    """Describe an experiment that is being built, for other tools.

    Parameters
    ----------
    folder : Path
        Everything but the manifest, which is written last.
    manifest : Manifest
        What it will say, but for its list of files.
    """
    write_croissant(folder, manifest)
    write_bill(folder, manifest)
    crate = write_workflow_crate if manifest["kind"] == "batch" else write_crate
    crate(folder, manifest)
