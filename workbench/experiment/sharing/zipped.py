"""A zip verified where it lies: every byte of it is read and compared, and nothing of it is taken over."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from workbench.documents.experiment import Manifest, parse_manifest, reference_of
from workbench.errors import BadArtifact
from workbench.experiment.kept import Experiment
from workbench.experiment.sharing.archive import Archive, opened
from workbench.experiment.sharing.share import differences
from workbench.experiment.sharing.together import RUNS, children
from workbench.experiment.verifying import Verified


def verified_zip(file: Path) -> Verified:
    """Compare every file in a zip with the manifest in it; of a batch also those of its runs."""
    try:
        with opened(file) as archive:
            manifest = parse_manifest(archive.manifest(), str(file))
            problems = [*_problems(archive, manifest)]
            return Verified(str(manifest["ref"]), file, len(manifest["files"]), tuple(problems))
    except BadArtifact as error:
        return Verified(str(file), file, 0, (str(error),))


def _problems(archive: Archive, manifest: Manifest) -> Iterator[str]:
    batch = Experiment(reference_of(manifest), archive.file, manifest)
    runs = [f"{RUNS}{ref}.zip" for ref in children(batch)] if manifest["kind"] == "batch" else []
    belonging = {f"{name} is extra" for name in runs}
    yield from (told for told in differences(archive, manifest) if told not in belonging)
    for name in runs:
        if name in archive.names:
            yield from (f"{name}: {problem}" for problem in _of_run(archive, name))
        else:
            yield f"{name} is missing"


def _of_run(archive: Archive, name: str) -> list[str]:
    """Verify a run that lies in a batch's zip; no batch lies in another's."""
    with tempfile.TemporaryDirectory() as folder:
        alone = Path(folder) / "run.zip"
        archive.copy(name, alone)
        try:
            with opened(alone) as run:
                return differences(run, parse_manifest(run.manifest(), name))
        except BadArtifact as error:
            return [f"it {error.problem}"]
