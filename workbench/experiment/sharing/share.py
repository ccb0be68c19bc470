"""Sharing: an experiment as one zip, taken over elsewhere only when every byte is what its author kept.

Nothing that is imported is run or unpickled. An archive is read and compared with its manifest first; only then is it
unpacked into a hidden folder, compared again, and renamed into place.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.documents.experiment import MANIFEST, Manifest, parse_manifest, read_manifest, reference_of
from workbench.documents.files import writing
from workbench.errors import BadArtifact, BadReference
from workbench.experiment import objects
from workbench.experiment.kept import Experiment
from workbench.experiment.sharing.archive import Archive, opened
from workbench.experiment.sharing.remote import covers
from workbench.experiment.store import Store, building, put_in_place
from workbench.experiment.verifying import compared, insist_on_whole, objects_of, verify

TRAVELS = (objects.DATA,)  # what was not committed stays with its author, unless it is asked for
EPOCH = (1980, 1, 1, 0, 0, 0)  # a zip's first moment: the same experiment gives the same bytes


@dataclass(frozen=True, slots=True)
class Imported:
    """The experiment in its new store, and whether it is new there."""

    experiment: Experiment
    new: bool


def export(
    experiment: Experiment, file: Path, *, roles: Collection[str] = TRAVELS, known: Collection[str] = ()
) -> Path:
    """Write an experiment to one zip, after checking that it is whole.

    Parameters
    ----------
    experiment : Experiment
    file : Path
    roles : collection of str
        Which of its objects go along, as far as the store has them.
    known : collection of str
        Digests of objects that do not: whoever is to have the zip has them.

    Raises
    ------
    BadArtifact
        If the file exists already, cannot be written, or the experiment is not what was kept.
    BadReference
        If it is still running.
    """
    if experiment.status == "running":
        raise BadReference(str(experiment.reference), "is still running", "Export it when it has ended.")
    insist_on_new(file, experiment)
    insist_on_whole(experiment)
    names = [MANIFEST, *(entry["name"] for entry in experiment.manifest["files"])]
    members = {name: experiment.path / name for name in names}
    members |= carried(experiment, roles, known)
    try:
        with writing(file.absolute()) as part:
            with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as packed:
                pack(members, packed)
            insist_on_import(part, experiment)
    except OSError as error:
        raise BadArtifact(str(file), f"cannot be written: {error.strerror or error}") from error
    return file


def insist_on_new(file: Path, experiment: Experiment) -> None:
    """Refuse to write over what is there, a link that leads nowhere included, or into the experiment itself."""
    if os.path.lexists(file):
        raise BadArtifact(str(file), "exists already", "Name another file, or remove it first.")
    if lies_in(file, experiment.path):
        raise BadArtifact(str(file), "lies in the experiment, which never changes", "Name a file elsewhere.")


def lies_in(file: Path, folder: Path) -> bool:
    """Whether a file lies, or would lie, in a folder."""
    return Path(os.path.realpath(file)).is_relative_to(os.path.realpath(folder))


def carried(experiment: Experiment, roles: Collection[str], known: Collection[str] = ()) -> dict[str, Path]:
    """Give the objects of an experiment that travel, by their names in a zip; those the store lacks are left out.

    See `export`.

    Raises
    ------
    BadArtifact
        If one of them is not what was kept.
    """
    store = objects.home(experiment.path)
    wanted = (one for one in objects.named(experiment.manifest) if one["role"] in roles)
    named = [one for one in wanted if one["digest"] not in known]
    if damaged := objects_of({"objects": named}, store)[0]:
        raise BadArtifact(str(experiment.reference), f"is not what was kept: {_some(damaged)}")
    return {
        member_of(one["digest"]): objects.place(store, one["digest"]) for one in named if objects.is_kept(store, one)
    }


def member_of(digest: str) -> str:
    """Name an object in a zip."""
    return f"{objects.FOLDER}/{digest.replace(':', '/')}"


def pack(members: Mapping[str, Path], packed: zipfile.ZipFile, how: int = zipfile.ZIP_DEFLATED) -> None:
    """Put files into a zip under their names there, in order of name.

    What is packed already is best put in as it is: `how` is ``zipfile.ZIP_STORED`` then.
    """
    for name in sorted(members):
        member = zipfile.ZipInfo(name, EPOCH)
        member.compress_type, member.external_attr = how, 0o100644 << 16
        with members[name].open("rb") as source, packed.open(member, "w", force_zip64=True) as target:
            while chunk := source.read(2**20):
                target.write(chunk)


def insist_on_import(file: Path, experiment: Experiment) -> None:
    """Refuse to export what `import_` would refuse: too many files, too large."""
    try:
        with opened(file):
            return
    except BadArtifact as error:
        raise BadArtifact(str(experiment.reference), f"cannot be shared as one file: it {error.problem}") from error


def import_(file: Path, store: Store) -> Imported:
    """Take an exported experiment into a store, with the objects that came along.

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
        if place.exists():
            insist_on_same(manifest, place, file)
        if not place.exists() or _brings(archive, manifest, store):
            store.create()
            with building(store, "import") as room:
                part = _unpacked(archive, room, manifest)
                keep_carried(room / objects.FOLDER, objects.named(manifest), store)
                if put_in_place(store, part, reference):
                    return Imported(Experiment(reference, place, manifest), new=True)
    insist_on_same(manifest, place, file)
    return Imported(Experiment(reference, place, read_manifest(place)), new=False)


def _brings(archive: Archive, manifest: Manifest, store: Store) -> bool:
    """Whether an object came along that the store does not hold, or no longer as it was."""
    names = set(archive.names)
    carried = (one for one in objects.named(manifest) if member_of(one["digest"]) in names)
    return not all(objects.is_whole(store, one["digest"], one["size"]) for one in carried)


def _unpacked(archive: Archive, room: Path, manifest: Manifest) -> Path:
    """Unpack an archive in two folders: the experiment, whose folder is given, and the objects beside it."""
    part = room / "experiment"
    part.mkdir()
    archive.extract(part)
    if (part / objects.FOLDER).is_dir():
        (part / objects.FOLDER).rename(room / objects.FOLDER)
    _insist(Experiment(reference_of(manifest), part, manifest), archive.file)
    return part


def keep_carried(folder: Path, named: Iterable[objects.Entry], store: Store) -> None:
    """Keep those of the objects that are `named` that were unpacked into a folder, each once."""
    for digest in dict.fromkeys(one["digest"] for one in named):
        path = folder.parent / member_of(digest)
        if path.is_file():
            objects.keep_file(store, path)


def insist_on_same(manifest: Manifest, place: Path, file: Path) -> None:
    """Refuse an experiment when another one is kept in its place; one without its data is the same as the whole one.

    Raises
    ------
    BadArtifact
        If it is another one, or the whole one of which only a part is kept.
    """
    kept, ours = read_manifest(place), reference_of(manifest)
    if covers(kept, manifest):
        return
    if kept.get("whole") == manifest.get("digest"):
        remedy = f"Remove {place} first, then import it again."
        raise BadArtifact(str(file), f"holds {ours}, of which the store holds a copy without its data", remedy)
    raise BadArtifact(str(file), f"holds {ours}, and the store holds another experiment of that name")


def judged(archive: Archive) -> Manifest:
    """Read everything, write nothing: the manifest of an archive whose every file is what the manifest says."""
    manifest = parse_manifest(archive.manifest(), str(archive.file))
    if found := differences(archive, manifest):
        raise BadArtifact(
            str(archive.file), f"is not what was exported: {_some(found)}", "Nothing of it was taken over."
        )
    return manifest


def differences(archive: Archive, manifest: Manifest) -> list[str]:
    """Say what in an archive is extra, missing or changed, by the name of the file; nothing when it is whole.

    An object may be missing: not all that are named travel.
    """
    read = {name: archive.digest(name) for name in archive.names}
    along = {member_of(one["digest"]): (one["digest"], one["size"]) for one in objects.named(manifest)}
    sizes = {name: size for name, (_, size) in read.items() if name not in along}
    return sorted([*compared(manifest, sizes, lambda name: read[name][0]), *_changed(read, along)])


def _changed(read: Mapping[str, tuple[str, int]], along: Mapping[str, tuple[str, int]]) -> Iterator[str]:
    return (f"{name} was changed" for name, told in along.items() if read.get(name, told) != told)


def _insist(experiment: Experiment, file: Path) -> None:
    if problems := verify(experiment):
        raise BadArtifact(str(file), f"changed while it was read: {_some(problems)}")


def _some(problems: list[str]) -> str:
    return "; ".join(problems[:5]) + (f"; … ({len(problems)} in all)" if len(problems) > 5 else "")
