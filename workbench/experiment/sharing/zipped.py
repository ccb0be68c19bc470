"""A zip verified where it lies: every byte of it is read and compared, and nothing of it is taken over."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from workbench.documents.experiment import Manifest, parse_manifest, reference_of
from workbench.errors import BadArtifact
from workbench.experiment import objects
from workbench.experiment.kept import Experiment
from workbench.experiment.objects import Entry
from workbench.experiment.sharing.archive import Archive, opened
from workbench.experiment.sharing.share import differences, member_of
from workbench.experiment.sharing.together import RUNS, children
from workbench.experiment.verifying import Verified, called


def verified_zip(file: Path) -> Verified:
    """Compare every file in a zip with the manifest in it, of a batch also those of its runs; note absent objects."""
    try:
        with opened(file) as archive:
            manifest = parse_manifest(archive.manifest(), str(file))
            named = {str(one["digest"]): one for one in objects.named(manifest)}
            is_batch = manifest["kind"] == "batch"
            problems = tuple(_of_batch(archive, manifest, named) if is_batch else differences(archive, manifest))
            there = set(archive.names)
            absent = (one for digest, one in named.items() if member_of(digest) not in there)
            notes = tuple(f"{called(one)} is not in the zip {file}" for one in absent)
            return Verified(str(manifest["ref"]), file, len(manifest["files"]), problems, notes)
    except BadArtifact as error:
        return Verified(str(file), file, 0, (str(error),))


def _of_batch(archive: Archive, manifest: Manifest, named: dict[str, Entry]) -> Iterator[str]:
    """Verify a batch's own files, its runs, and the objects beside them, which are added to those `named` already."""
    runs = [f"{RUNS}{ref}.zip" for ref in children(Experiment(reference_of(manifest), archive.file, manifest))]
    own = set(named)
    for name in runs:
        if name in archive.names:
            yield from (f"{name}: {problem}" for problem in _of_run(archive, name, named))
        else:
            yield f"{name} is missing"
    along = {member_of(digest): one for digest, one in named.items() if digest not in own}
    belonging = {f"{name} is extra" for name in (*runs, *along)}
    yield from (told for told in differences(archive, manifest) if told not in belonging)
    there = ((name, one) for name, one in along.items() if name in archive.names)
    yield from (f"{name} was changed" for name, one in there if archive.digest(name) != (one["digest"], one["size"]))


def _of_run(archive: Archive, name: str, named: dict[str, Entry]) -> list[str]:
    """Verify a run that lies in a batch's zip, and add the objects it names; a run is no batch."""
    with tempfile.TemporaryDirectory() as folder:
        alone = Path(folder) / "run.zip"
        archive.copy(name, alone)
        try:
            with opened(alone) as run:
                manifest = parse_manifest(run.manifest(), name)
                named |= {str(one["digest"]): one for one in objects.named(manifest)}
                return differences(run, manifest)
        except BadArtifact as error:
            return [f"it {error.problem}"]
