"""A batch and its runs as one zip: the batch's own files, and each run as the zip it would be alone, under ``runs/``.

So every run is judged by the rules of a single one, however many there are.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.documents.experiment import Manifest, parse_manifest, read_manifest, reference_of
from workbench.documents.files import writing
from workbench.errors import BadArtifact
from workbench.experiment.kept import Experiment
from workbench.experiment.sharing.archive import Archive, opened
from workbench.experiment.sharing.share import Imported, export, import_, judged
from workbench.experiment.store import Store, building

RUNS = "runs/"


def export_batch(batch: Experiment, runs: Iterable[Experiment], file: Path) -> Path:
    """Write a batch and its `runs` to one zip, after checking that each is whole.

    Raises
    ------
    BadArtifact
        If the file exists already or cannot be written, or one of them is not what was kept.
    """
    if file.exists():
        raise BadArtifact(str(file), "exists already", "Name another file, or remove it first.")
    try:
        with writing(file.absolute()) as part:
            part.unlink()
            export(batch, part)
            _add(part, runs)
            with opened(part):  # what `import_batch` would refuse is not written
                return file
    except OSError as error:
        raise BadArtifact(str(file), f"cannot be written: {error.strerror or error}") from error


def children(batch: Experiment) -> list[str]:
    """Name the runs of a kept batch, in the order of its plan."""
    refs = batch.manifest.get("children", [])
    return [str(ref) for ref in refs] if isinstance(refs, list) else []


def _add(file: Path, runs: Iterable[Experiment]) -> None:
    """Append each run's own zip; one at a time, so that a thousand take the room of one."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(file, "a") as packed:
        for run in runs:
            alone = export(run, Path(folder) / "run.zip")
            member = zipfile.ZipInfo(f"{RUNS}{run.reference}.zip", (1980, 1, 1, 0, 0, 0))
            member.external_attr = 0o100644 << 16
            with alone.open("rb") as source, packed.open(member, "w", force_zip64=True) as target:
                while chunk := source.read(2**20):
                    target.write(chunk)
            alone.unlink()


def is_batch(file: Path) -> bool:
    """Whether a zip holds a batch with its runs."""
    with opened(file) as archive:
        return parse_manifest(archive.manifest(), str(file))["kind"] == "batch"


def import_batch(file: Path, store: Store) -> Imported:
    """Take a batch and its runs into a store: all of them, or on any doubt none.

    Raises
    ------
    BadArtifact
        If one of them is no whole, unchanged experiment, or the store holds another one under the same reference.
    """
    store.create()
    with opened(file) as archive, _unpacked(archive, store) as (own, runs):
        _judge(own, runs, file, store)
        for run in runs:
            import_(run, store)
        return import_(own, store)


def _judge(own: Path, runs: list[Path], file: Path, store: Store) -> None:
    """Read everything, write nothing: the batch and every run it names, each whole, and none at odds with the store."""
    told = [_manifest(one, store) for one in (own, *runs)]
    named = set(map(str, told[0].get("children", [])))
    inside = {run.name.removesuffix(".zip") for run in runs}
    if wrong := sorted(named ^ inside):
        problem = f"holds {'no' if wrong[0] in named else 'a'} run {wrong[0]!r}, and its batch says otherwise"
        raise BadArtifact(str(file), problem, "Nothing of it was taken over.")
    for run, manifest in zip(runs, told[1:], strict=True):
        if f"{reference_of(manifest)}.zip" != run.name:
            problem = f"holds {reference_of(manifest)} under the name {run.name!r}"
            raise BadArtifact(str(file), problem, "Nothing of it was taken over.")


def _manifest(file: Path, store: Store) -> Manifest:
    with opened(file) as archive:
        manifest = judged(archive)
    place = store.folder(reference_of(manifest))
    if place.exists() and read_manifest(place).get("digest") != manifest.get("digest"):
        problem = f"holds {reference_of(manifest)}, and the store holds another experiment of that name"
        raise BadArtifact(str(file), problem, "Nothing of it was taken over.")
    return manifest


@contextmanager
def _unpacked(archive: Archive, store: Store) -> Iterator[tuple[Path, list[Path]]]:
    """Give the batch's own files as a zip again, and those of its runs, in a hidden folder of the store."""
    with building(store, "import") as part:
        own, inside = part / "batch.zip", _runs(archive)
        with zipfile.ZipFile(own, "w", zipfile.ZIP_DEFLATED) as packed:
            for name in archive.names:
                if name not in inside:
                    with packed.open(name, "w", force_zip64=True) as target:
                        for chunk in archive.chunks(name):
                            target.write(chunk)
        runs = [part / Path(name).name for name in inside]
        for name, run in zip(inside, runs, strict=True):
            with run.open("xb") as out:
                for chunk in archive.chunks(name):
                    out.write(chunk)
        yield own, runs


def _runs(archive: Archive) -> list[str]:
    return [name for name in archive.names if name.startswith(RUNS) and name.count("/") == 1 and name.endswith(".zip")]
