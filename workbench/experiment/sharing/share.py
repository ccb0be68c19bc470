"""Sharing: an experiment as one zip, taken over elsewhere only when every byte is what its author kept.

Nothing that is imported is run or unpickled. An archive is read and compared with its manifest first; only then is it
unpacked into a hidden folder, compared again, and renamed into place.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from workbench.documents.experiment import MANIFEST, Manifest, parse_manifest, read_manifest, reference_of
from workbench.documents.files import writing
from workbench.errors import BadArtifact, BadReference
from workbench.experiment.kept import Experiment
from workbench.experiment.sharing.archive import Archive, opened
from workbench.experiment.store import Store, building, put_in_place
from workbench.experiment.verifying import compared, verify

EPOCH = (1980, 1, 1, 0, 0, 0)  # a zip's first moment: the same experiment gives the same bytes


@dataclass(frozen=True, slots=True)
class Imported:
    """The experiment in its new store, and whether it is new there."""

    experiment: Experiment
    new: bool


def export(experiment: Experiment, file: Path) -> Path:
    """Write an experiment to one zip, after checking that it is whole.

    Raises
    ------
    BadArtifact
        If the file exists already, cannot be written, or the experiment is not what was kept.
    BadReference
        If it is still running.
    """
    if experiment.status == "running":
        raise BadReference(str(experiment.reference), "is still running", "Export it when it has ended.")
    if file.exists():
        raise BadArtifact(str(file), "exists already", "Name another file, or remove it first.")
    if problems := verify(experiment):
        raise BadArtifact(str(experiment.reference), f"is not what was kept: {'; '.join(problems)}")
    names = [MANIFEST, *(entry["name"] for entry in experiment.manifest["files"])]
    try:
        with writing(file.absolute()) as part:
            _zip(experiment.path, sorted(names), part)
            _insist_on_import(part, experiment)
    except OSError as error:
        raise BadArtifact(str(file), f"cannot be written: {error.strerror or error}") from error
    return file


def _zip(folder: Path, names: Iterable[str], file: Path) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in names:
            member = zipfile.ZipInfo(name, EPOCH)
            member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, 0o100644 << 16
            with (folder / name).open("rb") as source, packed.open(member, "w", force_zip64=True) as target:
                while chunk := source.read(2**20):
                    target.write(chunk)


def _insist_on_import(file: Path, experiment: Experiment) -> None:
    """Refuse to export what `import_` would refuse: too many files, too large."""
    try:
        with opened(file):
            return
    except BadArtifact as error:
        raise BadArtifact(str(experiment.reference), f"cannot be shared as one file: it {error.problem}") from error


def import_(file: Path, store: Store) -> Imported:
    """Take an exported experiment into a store.

    Raises
    ------
    BadArtifact
        If the file is no whole, unchanged experiment, or the store holds another one under the same reference. The
        store is then what it was, to the byte.
    """
    with opened(file) as archive:
        manifest = judged(archive)
        reference = reference_of(manifest)
        place = store.folder(reference)
        if not place.exists():
            store.create()
            with building(store, "import") as part:
                archive.extract(part)
                _insist(Experiment(reference, part, manifest), file)
                if put_in_place(store, part, reference):
                    return Imported(Experiment(reference, place, manifest), new=True)
    present = Experiment(reference, place, read_manifest(place))
    if present.manifest.get("digest") != manifest.get("digest"):
        raise BadArtifact(str(file), f"holds {reference}, and the store holds another experiment of that name")
    return Imported(present, new=False)


def unpack(file: Path, folder: Path) -> None:
    """Unpack an exported experiment into an empty folder, once it was found whole and unchanged."""
    with opened(file) as archive:
        manifest = judged(archive)
        archive.extract(folder)
        _insist(Experiment(reference_of(manifest), folder, manifest), file)


def judged(archive: Archive) -> Manifest:
    """Read everything, write nothing: the manifest of an archive whose every file is what the manifest says."""
    manifest = parse_manifest(archive.manifest(), str(archive.file))
    if found := differences(archive, manifest):
        raise BadArtifact(
            str(archive.file), f"is not what was exported: {_some(found)}", "Nothing of it was taken over."
        )
    return manifest


def differences(archive: Archive, manifest: Manifest) -> list[str]:
    """Say what in an archive is extra, missing or changed, by the name of the file; nothing when it is whole."""
    read = {name: archive.digest(name) for name in archive.names}
    return compared(manifest, {name: size for name, (_, size) in read.items()}, lambda name: read[name][0])


def _insist(experiment: Experiment, file: Path) -> None:
    if problems := verify(experiment):
        raise BadArtifact(str(file), f"changed while it was read: {_some(problems)}")


def _some(problems: list[str]) -> str:
    return "; ".join(problems[:5]) + (f"; … ({len(problems)} in all)" if len(problems) > 5 else "")
