"""A zip verified where it lies: every byte of it is read and compared, and nothing of it is taken over."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from workbench.documents.experiment import Manifest, parse_manifest, reference_of
from workbench.errors import BadArtifact
from workbench.experiment import objects
from workbench.experiment.kept import Experiment
from workbench.experiment.sharing.archive import Archive, opened
from workbench.experiment.sharing.share import differences, member_of
from workbench.experiment.sharing.together import RUNS, children
from workbench.experiment.verifying import Verified

Named = dict[str, tuple[str, int]]


def verified_zip(file: Path) -> Verified:
    """Compare every file in a zip with the manifest in it; of a batch also those of its runs."""
    try:
        with opened(file) as archive:
            manifest = parse_manifest(archive.manifest(), str(file))
            problems = _of_batch(archive, manifest) if manifest["kind"] == "batch" else differences(archive, manifest)
            return Verified(str(manifest["ref"]), file, len(manifest["files"]), tuple(problems))
    except BadArtifact as error:
        return Verified(str(file), file, 0, (str(error),))


def _of_batch(archive: Archive, manifest: Manifest) -> Iterator[str]:
    """Verify a batch's own files, its runs, and the objects that lie beside them once for all."""
    runs = [f"{RUNS}{ref}.zip" for ref in children(Experiment(reference_of(manifest), archive.file, manifest))]
    along: Named = {}
    for name in runs:
        if name in archive.names:
            yield from (f"{name}: {problem}" for problem in _of_run(archive, name, along))
        else:
            yield f"{name} is missing"
    belonging = {f"{name} is extra" for name in (*runs, *along)}
    yield from (told for told in differences(archive, manifest) if told not in belonging)
    there = (name for name in along if name in archive.names)
    yield from (f"{name} was changed" for name in there if archive.digest(name) != along[name])


def _of_run(archive: Archive, name: str, along: Named) -> list[str]:
    """Verify a run that lies in a batch's zip, and add the objects it names to `along`; a run is no batch."""
    with tempfile.TemporaryDirectory() as folder:
        alone = Path(folder) / "run.zip"
        archive.copy(name, alone)
        try:
            with opened(alone) as run:
                manifest = parse_manifest(run.manifest(), name)
                along |= {member_of(one["digest"]): (one["digest"], one["size"]) for one in objects.named(manifest)}
                return differences(run, manifest)
        except BadArtifact as error:
            return [f"it {error.problem}"]
