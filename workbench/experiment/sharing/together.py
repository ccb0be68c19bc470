"""A batch and its runs as one zip: the batch's own files, and each run as the zip it would be alone, under ``runs/``.

So every run is judged by the rules of a single one, however many there are. Their tables lie in it once for all.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from workbench.documents.experiment import Manifest, parse_manifest, reference_of
from workbench.documents.files import writing
from workbench.errors import BadArtifact
from workbench.experiment import objects
from workbench.experiment.kept import Experiment
from workbench.experiment.sharing.archive import Archive, opened, tightest
from workbench.experiment.sharing.share import (
    TRAVELS,
    Imported,
    carried,
    export,
    import_,
    insist_on_import,
    insist_on_new,
    insist_on_same,
    judged,
    keep_carried,
    member_of,
    pack,
)
from workbench.experiment.store import Store, building

RUNS = "runs/"


def export_batch(
    batch: Experiment, runs: Iterable[Experiment], file: Path, *, roles: Collection[str] = TRAVELS
) -> Path:
    """Write a batch and its `runs` to one zip, after checking that each is whole; `roles` of their objects go along.

    Raises
    ------
    BadArtifact
        If the file exists already or cannot be written, or one of them is not what was kept.
    """
    insist_on_new(file, batch)
    try:
        with writing(file.absolute()) as part:
            part.unlink()
            export(batch, part, roles=())
            _add(part, runs, carried(batch, roles), roles)
            insist_on_import(part, batch)
    except OSError as error:
        raise BadArtifact(str(file), f"cannot be written: {error.strerror or error}") from error
    return file


def children(batch: Experiment) -> list[str]:
    """Name the runs of a kept batch, in the order of its plan."""
    refs = batch.manifest.get("children", [])
    return [str(ref) for ref in refs] if isinstance(refs, list) else []


def _add(file: Path, runs: Iterable[Experiment], along: dict[str, Path], roles: Collection[str]) -> None:
    """Append each run's own zip, one at a time, so that a thousand take the room of one; and all objects, each once."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(file, "a") as packed:
        for run in runs:
            alone = export(run, Path(folder) / "run.zip", roles=())
            along |= carried(run, roles, {f"sha256:{path.name}" for path in along.values()})
            pack({f"{RUNS}{run.reference}.zip": alone}, packed, zipfile.ZIP_STORED)
            alone.unlink()
        pack(along, packed)


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
    with opened(file) as archive, _unpacked(archive, store) as (own, runs):
        manifests = _judge(own, runs, file, store)
        _judge_objects(archive, manifests)
        named = [one for manifest in manifests for one in objects.named(manifest)]
        keep_carried(own.parent / objects.FOLDER, named, store)
        return _take_over(own, runs, store)


def _take_over(own: Path, runs: Iterable[Path], store: Store) -> Imported:
    """Import the runs and then their batch; when one cannot be written, those before it are taken out again."""
    with ExitStack() as undo:
        for run in runs:
            if (done := import_(run, store)).new:
                undo.callback(_take_out, done.experiment, own.parent)
        batch = import_(own, store)
        undo.pop_all()
        return batch


def _take_out(run: Experiment, room: Path) -> None:
    with suppress(OSError):  # of a disk that cannot even do this; what is there is whole
        run.path.rename(room / str(run.reference))


def _judge(own: Path, runs: list[Path], file: Path, store: Store) -> list[Manifest]:
    """Read everything, write nothing: the batch and every run it names, each whole, and none at odds with the store."""
    _insist_on_size(file, runs)
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
    return told


def _judge_objects(archive: Archive, manifests: Iterable[Manifest]) -> None:
    """Insist that every object is one that is named, and is what its name says."""
    named = {member_of(one["digest"]): one for manifest in manifests for one in objects.named(manifest)}
    for name in _objects(archive):
        one = named.get(name)
        if one is None or archive.digest(name) != (one["digest"], one["size"]):
            problem = f"is not what was exported: {name} {'is extra' if one is None else 'was changed'}"
            raise BadArtifact(str(archive.file), problem, "Nothing of it was taken over.")


def _insist_on_size(file: Path, runs: Iterable[Path]) -> None:
    """Refuse small files that together would unpack to more than one of the size of all may."""
    total = 0
    for run in runs:
        with opened(run) as archive:
            total += archive.size
        if total > tightest(file):
            problem = f"holds runs that would unpack to more than {tightest(file) / 2**20:,.0f} MB"
            raise BadArtifact(str(file), problem, "Nothing of it was taken over.")


def _manifest(file: Path, store: Store) -> Manifest:
    with opened(file) as archive:
        manifest = judged(archive)
    place = store.folder(reference_of(manifest))
    if place.exists():
        insist_on_same(manifest, place, file)
    return manifest


@contextmanager
def _unpacked(archive: Archive, store: Store) -> Iterator[tuple[Path, list[Path]]]:
    """Give the batch's own files as a zip again, and those of its runs, in a hidden folder; the objects lie beside."""
    with building(store, "import") as part:
        own, inside, along = part / "batch.zip", _runs(archive), _objects(archive)
        with zipfile.ZipFile(own, "w", zipfile.ZIP_DEFLATED) as packed:
            for name in archive.names:
                if name not in inside and name not in along:
                    with packed.open(name, "w", force_zip64=True) as target:
                        for chunk in archive.chunks(name):
                            target.write(chunk)
        runs = [part / Path(name).name for name in inside]
        for name, run in zip(inside, runs, strict=True):
            archive.copy(name, run)
        for name in along:
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            archive.copy(name, part / name)
        yield own, runs


def _runs(archive: Archive) -> list[str]:
    return [name for name in archive.names if name.startswith(RUNS) and name.count("/") == 1 and name.endswith(".zip")]


def _objects(archive: Archive) -> list[str]:
    return [name for name in archive.names if name.startswith(f"{objects.FOLDER}/")]
