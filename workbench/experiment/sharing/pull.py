"""Pull: experiments come from a URL into a store, as carefully as from a zip. Nothing of them is run.

The manifests are judged first. What they name is then loaded into a hidden folder, each file judged by its digest
before it gets its name there, and at the end renamed into place. A pull that was broken off goes on with what that
folder holds; two at once share it, for its name is the digest of the manifest: what they put there is the same.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from workbench.documents.experiment import LARGEST, MANIFEST, Manifest, parse_manifest, read_manifest, reference_of
from workbench.documents.files import digest
from workbench.errors import BadAddress, BadArtifact, StoreError
from workbench.experiment import objects
from workbench.experiment.kept import Experiment
from workbench.experiment.names import clashes, problem_with
from workbench.experiment.sharing.archive import MOST_BYTES, MOST_FILES
from workbench.experiment.sharing.remote import Heard, Moved, Source, Tally, content, covers, place_of, place_of_object
from workbench.experiment.store import Store, building, put_in_place
from workbench.experiment.verifying import compared, verify
from workbench.records import Reference

NOTHING = "Nothing of it was taken over."
TRIES, PAUSE = 20, 0.02  # seconds: while other pulls of the same remove what they had loaded
REMEDY = f"{NOTHING} Remove that file there, and push the experiment again from where it is whole."


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An experiment at a URL whose manifest was judged, and where it is gathered before it gets its place."""

    reference: Reference
    manifest: Manifest
    content: bytes
    objects: list[dict[str, Any]]
    new: bool
    part: Path

    @property
    def files(self) -> Path:
        return self.part / "files"

    @property
    def size(self) -> int:
        files = [*self.manifest["files"], {"size": len(self.content)}] if self.new else []
        return sum(int(one["size"]) for one in (*files, *self.objects))


def pull(remote: Source, references: Sequence[Reference], store: Store, heard: Heard) -> Moved:
    """Take experiments from a URL into a store: all of them, or on any doubt none.

    Raises
    ------
    BadArtifact
        If one of them is no whole, unchanged experiment, or the store holds another one under the same reference. The
        store is then what it was.
    BadAddress
        If the URL cannot be read. What was loaded is kept, hidden, for the next try.
    StoreError
        If the store cannot be written.
    """
    is_whole = cache(partial(objects.is_whole, store))  # runs of a batch name the same table
    wanted = [_judged(remote, reference, store, is_whole) for reference in references]
    absent = [told for one in wanted for told in _absent(one, store)]
    missing = [one for one in _each_object_once(wanted) if one.new or one.objects]
    if missing:
        store.create()
        _insist_on_room(missing, store, remote)
        loaded = _load(missing, remote, store, Tally(sum(one.size for one in missing), heard))
    else:
        loaded = []
    return Moved(list(references), len(loaded), sum(loaded), absent)


def _each_object_once(wanted: Iterable[_Wanted]) -> Iterator[_Wanted]:
    """Leave an object to the first that names it: the runs of a batch were given the same table."""
    seen: set[str] = set()
    for one in wanted:
        fresh = [entry for entry in one.objects if entry["digest"] not in seen]
        seen |= {entry["digest"] for entry in fresh}
        yield replace(one, objects=fresh)


def _judged(remote: Source, reference: Reference, store: Store, is_whole: Callable[[str, int], bool]) -> _Wanted:
    """Read one manifest, and write nothing."""
    place = place_of(reference)
    told = f"{remote.told}/{place}"
    sizes = remote.sizes(place)
    if MANIFEST not in sizes:
        raise BadAddress(told, f"has no {MANIFEST}", "It was not pushed to its end: push it again.")
    read = content(remote, f"{place}/{MANIFEST}", LARGEST)
    manifest = parse_manifest(read, told)
    named = {one["name"]: one["digest"] for one in manifest["files"]}  # what they should be
    sizes = {name: size for name, size in sizes.items() if name in named}  # what else lies there is not loaded
    if problem := _problem_of(manifest) or "; ".join(compared(manifest, sizes, named.__getitem__)[:5]):
        raise BadArtifact(told, f"is not what was pushed: {problem}", NOTHING)
    if reference_of(manifest) != reference:
        raise BadArtifact(told, f"holds {reference_of(manifest)}", NOTHING)
    new = not _is_kept(manifest, store, remote)
    part = store.running / f".pull-{hashlib.sha256(read).hexdigest()[:32]}"
    lacking = [one for one in objects.named(manifest) if not is_whole(one["digest"], one["size"])]
    return _Wanted(reference, manifest, read, _objects_there(lacking, remote), new, part)


def _problem_of(manifest: Manifest) -> str | None:
    """Say what forbids taking over what a manifest names; the rules of a zip."""
    named = manifest["files"]
    if len(named) > MOST_FILES or len(manifest["objects"]) > MOST_FILES:
        return f"it names more than {MOST_FILES:,} files"
    names = [one["name"] for one in named]
    for name in names:
        if problem := problem_with(name):
            return f"it names {name[:200]!r}: {problem}"
    if twice := clashes([MANIFEST, *names]):
        return f"it names {twice[0][:200]!r} twice, or once as a file and once as a folder"
    if any(one["size"] < 0 for one in (*named, *manifest["objects"])):
        return "it names a file of less than no bytes"
    if sum(one["size"] for one in named) > MOST_BYTES:
        return f"it names files of more than {MOST_BYTES / 2**30:,.0f} GB"
    return None


def _is_kept(manifest: Manifest, store: Store, remote: Source) -> bool:
    reference = reference_of(manifest)
    place = store.folder(reference)
    if not os.path.lexists(place):
        return False
    present = read_manifest(place)
    if present.get("whole") == manifest.get("digest"):
        raise BadArtifact(
            remote.told, f"holds {reference} as a whole, and the store holds it without its data", NOTHING
        )
    if not covers(present, manifest):
        raise BadArtifact(
            remote.told, f"holds {reference}, and the store holds another experiment of that name", NOTHING
        )
    return True


def _objects_there(lacking: Iterable[objects.Entry], remote: Source) -> list[objects.Entry]:
    """Give the objects that the store lacks, or holds damaged, and the URL has."""
    by_digest = {one["digest"]: one for one in lacking}
    return [one for digest, one in by_digest.items() if remote.size(place_of_object(digest)) is not None]


def _absent(wanted: _Wanted, store: Store) -> list[str]:
    coming = {one["digest"] for one in wanted.objects}
    lacking = objects.missing(store, wanted.manifest)
    return [f"{one['name']} ({one['role']})" for one in lacking if one["digest"] not in coming]


def _insist_on_room(wanted: list[_Wanted], store: Store, remote: Source) -> None:
    needed, free = sum(one.size for one in wanted), shutil.disk_usage(store.path).free
    if needed > free:
        problem = (
            f"has no room: {remote.told} would bring {needed / 2**30:,.1f} GB, and {free / 2**30:,.1f} GB are free"
        )
        raise StoreError(str(store.path), problem, NOTHING)


def _load(wanted: list[_Wanted], remote: Source, store: Store, tally: Tally) -> list[int]:
    """Load all, then put all in place; give the sizes of what had to be loaded."""
    loaded: list[int] = []
    try:
        with building(store, "load") as scratch:
            for one in wanted:
                loaded += _gather(one, remote, scratch, tally)
            for one in wanted:
                _keep_objects(one, store)
            for one in wanted:
                _put_in_place(one, store, remote)
    except BadArtifact:
        for one in wanted:
            shutil.rmtree(one.part, ignore_errors=True)
        raise
    for one in wanted:
        shutil.rmtree(one.part, ignore_errors=True)
    return loaded


def _gather(wanted: _Wanted, remote: Source, scratch: Path, tally: Tally) -> list[int]:
    """Load what the hidden folder of an experiment does not hold yet, several files at a time."""
    place, files = place_of(wanted.reference), wanted.manifest["files"] if wanted.new else []
    targets = [(wanted.files / one["name"], f"{place}/{one['name']}", one) for one in files]
    targets += [
        (wanted.part / "objects" / one["digest"][7:], place_of_object(one["digest"]), one) for one in wanted.objects
    ]
    rest = [target for target in targets if not _is_loaded(target[0], target[2])]
    tally.count(sum(one["size"] for *_, one in targets) - sum(one["size"] for *_, one in rest))
    jobs = [partial(_fetch, remote, name, one, target, scratch, tally) for target, name, one in rest]
    tally.carry_out(jobs, remote.workers)
    if not wanted.new:
        return [one["size"] for *_, one in rest]
    manifest = scratch / MANIFEST
    manifest.write_bytes(wanted.content)
    _settle(manifest, wanted.files / MANIFEST)
    tally.count(len(wanted.content))
    return [*(one["size"] for *_, one in rest), len(wanted.content)]


def _is_loaded(path: Path, entry: dict[str, Any]) -> bool:
    try:
        return path.is_file() and path.stat().st_size == entry["size"] and digest(path) == entry["digest"]
    except FileNotFoundError:  # another pull has just put it in place
        return False


def _fetch(remote: Source, name: str, entry: dict[str, Any], target: Path, scratch: Path, tally: Tally) -> None:
    """Load one file; it gets its name when it has the right digest. More bytes than were named are not read."""
    part, sha, size = scratch / hashlib.sha256(name.encode()).hexdigest(), hashlib.sha256(), 0
    with part.open("wb") as file:
        for chunk in remote.chunks(name):
            size += len(chunk)
            if size > entry["size"]:
                break
            sha.update(chunk)
            file.write(chunk)
            tally.count(len(chunk))
    if size != entry["size"] or f"sha256:{sha.hexdigest()}" != entry["digest"]:
        raise BadArtifact(f"{remote.told}/{name}", "is not what was pushed: it was changed", REMEDY)
    _settle(part, target)


def _settle(part: Path, target: Path) -> None:
    """Give a whole file its name in the hidden folder; made again where another pull has just put that in place."""
    for _ in range(TRIES):
        with suppress(FileNotFoundError, FileExistsError):  # the latter of a folder that is gone when it is looked at
            target.parent.mkdir(parents=True, exist_ok=True)
            part.replace(target)
            return
        time.sleep(PAUSE)
    part.replace(target)


def _keep_objects(wanted: _Wanted, store: Store) -> None:
    for one in wanted.objects:
        try:
            objects.keep_file(store, wanted.part / "objects" / one["digest"][7:])
        except (FileNotFoundError, StoreError):  # another pull of the same has kept it, and removed what was loaded
            if not objects.is_whole(store, one["digest"], one["size"]):
                raise


def _put_in_place(wanted: _Wanted, store: Store, remote: Source) -> None:
    problems = verify(Experiment(wanted.reference, wanted.files, wanted.manifest)) if wanted.new else []
    if not wanted.new or store.folder(wanted.reference).exists():  # by another pull of the same
        return
    if problems:
        raise BadArtifact(remote.told, f"changed while it was read: {'; '.join(problems[:5])}", NOTHING)
    put_in_place(store, wanted.files, wanted.reference)
