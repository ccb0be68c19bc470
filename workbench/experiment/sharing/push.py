"""Push: experiments go to a URL, objects and files first and the manifest last.

One without its manifest is not there yet for anybody. What a broken push left is gone on with: of a file that is there,
with the right size, the bytes are read back and compared, for the checksums of file systems are of many kinds. Where
the manifest is, all others were there before, and sizes are enough.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from workbench.documents.experiment import LARGEST, MANIFEST, Manifest, parse_manifest
from workbench.errors import BadArtifact, BadReference
from workbench.experiment import objects, verifying
from workbench.experiment.kept import Experiment
from workbench.experiment.sharing.remote import Heard, Moved, Remote, Tally, content, covers, place_of, place_of_object


@dataclass(frozen=True, slots=True)
class Piece:
    """A file that may have to travel, and its place there."""

    file: Path
    name: str
    size: int
    digest: str


def push(experiments: Sequence[Experiment], remote: Remote, roles: Iterable[str], heard: Heard) -> Moved:
    """Bring experiments to a URL, with their objects of some `roles`; what is there already is not sent again.

    Raises
    ------
    BadReference
        If one is still running.
    BadArtifact
        If one is not what was kept, or another one lies there under the same reference.
    BadAddress
        If the URL cannot be written to.
    """
    refuse_running(experiments)
    wanted = [(experiment, pieces_of(experiment), objects_of(experiment, roles)) for experiment in experiments]
    pieces = [piece for experiment, files, kept in wanted for piece in (*files, *kept, _manifest_of(experiment))]
    tally = Tally(sum(piece.size for piece in pieces), heard)
    sent = [piece for one in wanted for piece in _push(*one, remote, tally)]
    absent = [name for experiment, _, kept in wanted for name in _absent(experiment, kept)]
    return Moved([one.reference for one in experiments], len(sent), sum(piece.size for piece in sent), absent)


def pieces_of(experiment: Experiment) -> list[Piece]:
    """Give the files of an experiment but its manifest."""
    place = place_of(experiment.reference)
    return [
        Piece(experiment.path / one["name"], f"{place}/{one['name']}", one["size"], one["digest"])
        for one in experiment.manifest["files"]
    ]


def _manifest_of(experiment: Experiment) -> Piece:
    path = experiment.path / MANIFEST
    return Piece(path, f"{place_of(experiment.reference)}/{MANIFEST}", path.stat().st_size, "")


def objects_of(experiment: Experiment, roles: Iterable[str]) -> list[Piece]:
    """Give the objects of some roles that are kept where an experiment is; one that is named twice once."""
    store = objects.home(experiment.path)
    named = {one["digest"]: one for one in objects.named(experiment.manifest, *roles)} if roles else {}
    return [
        Piece(objects.place(store, digest), place_of_object(digest), one["size"], digest)
        for digest, one in named.items()
        if objects.is_kept(store, one)
    ]


def _absent(experiment: Experiment, kept: list[Piece]) -> Iterator[str]:
    travel = {piece.digest for piece in kept}
    for one in objects.named(experiment.manifest):
        if one["digest"] not in travel:
            yield f"{one['name']} ({one['role']})"


def _push(experiment: Experiment, files: list[Piece], kept: list[Piece], remote: Remote, tally: Tally) -> list[Piece]:
    """Bring one experiment there, and give what had to be sent of it."""
    place = place_of(experiment.reference)
    there = {f"{place}/{name}": size for name, size in remote.sizes(place).items()}
    last = _manifest_of(experiment)
    manifest = _manifest_there(experiment, remote, last.name) if last.name in there else None
    finished = manifest is not None
    if manifest is not None and manifest.get("digest") != experiment.manifest["digest"]:
        tally.count(sum(one.size for one in (*files, *kept, last)))  # the whole one of a copy, or another copy
        return []
    rest = [one for one in files if there.get(one.name) != one.size or not (finished or _is_there(one, remote))]
    rest += [one for one in kept if remote.size(one.name) != one.size]
    if rest or not finished:
        verifying.insist_on_whole(experiment)
        _insist_on_objects(experiment, [one for one in rest if one in kept])
    tally.count(sum(one.size for one in (*files, *kept)) - sum(one.size for one in rest))
    sent: list[Piece] = []
    tally.carry_out([partial(_send, one, remote, tally, sent) for one in rest], remote.workers)
    if rest or not finished:
        _send(last, remote, tally, sent)
    else:
        tally.count(last.size)
    return sent


def _insist_on_objects(experiment: Experiment, pieces: Iterable[Piece]) -> None:
    """Refuse to send what is no longer what its name says: nobody could pull the experiment then."""
    sent = {one.digest for one in pieces}
    named = [one for one in objects.named(experiment.manifest) if one["digest"] in sent]
    if damaged := verifying.objects_of({"objects": named}, objects.home(experiment.path))[0]:
        problem = f"is not what was kept: {'; '.join(damaged)}"
        raise BadArtifact(str(experiment.reference), problem, "Import the same bytes again, or run with them.")


def _send(piece: Piece, remote: Remote, tally: Tally, sent: list[Piece]) -> None:
    if remote.put(piece.file, piece.name, tally.count):
        sent.append(piece)


def _is_there(piece: Piece, remote: Remote) -> bool:
    sha = hashlib.sha256()
    for chunk in remote.chunks(piece.name):
        sha.update(chunk)
    return f"sha256:{sha.hexdigest()}" == piece.digest


def _manifest_there(experiment: Experiment, remote: Remote, name: str) -> Manifest:
    """Read the manifest that lies there, and refuse to go on where it is another experiment's."""
    there = parse_manifest(content(remote, name, LARGEST), f"{remote.told}/{name}")
    if there.get("whole") == experiment.manifest["digest"]:
        problem = f"holds {experiment.reference} without its data"
        raise BadArtifact(remote.told, problem, "Push it to another URL, or remove that one first.")
    if not covers(there, experiment.manifest):
        raise BadArtifact(remote.told, f"holds another experiment under the reference {experiment.reference}")
    return there


def refuse_running(experiments: Sequence[Experiment]) -> None:
    """Refuse what has no manifest yet."""
    for experiment in experiments:
        if experiment.status == "running":
            raise BadReference(str(experiment.reference), "is still running", "Push it when it has ended.")
