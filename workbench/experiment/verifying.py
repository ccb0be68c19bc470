"""Verifying: whether every byte of an experiment is what was kept, and which file is not."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.documents.experiment import MANIFEST, Manifest, is_intact, read_manifest, reference_of
from workbench.documents.files import digest
from workbench.errors import BadArtifact
from workbench.experiment import objects
from workbench.experiment.kept import Experiment
from workbench.experiment.store import Store

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found of one experiment: `problems` are bytes that are not what was kept, `notes` what is only absent.

    `files` is how many files it should have beside its manifest.
    """

    ref: str
    path: Path
    files: int
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether every byte is what was kept."""
        return not self.problems

    def as_document(self) -> dict[str, Any]:
        """Put it as JSON."""
        told = {"ref": self.ref, "path": str(self.path), "whole": self.whole, "files": self.files}
        return told | {"problems": list(self.problems), "notes": list(self.notes)}


def verified(experiment: Experiment, store: Store) -> Verified:
    """Compare an experiment's folder with its manifest, and the objects it names in a store with their digests."""
    damaged, absent = objects_of(experiment.manifest, store)
    problems = (*verify(experiment), *damaged)
    files = len(experiment.manifest["files"])
    return Verified(str(experiment.reference), experiment.path, files, problems, tuple(absent))


def insist_on_whole(experiment: Experiment) -> None:
    """Refuse an experiment that is not what was kept.

    Raises
    ------
    BadArtifact
        With all that is wrong with it.
    """
    if problems := verify(experiment):
        raise BadArtifact(str(experiment.reference), f"is not what was kept: {'; '.join(problems)}")


def verify(experiment: Experiment) -> list[str]:
    """Compare an experiment's folder with its manifest; one sentence for each file that is extra, missing or changed.

    An empty list means that every byte is what was kept.
    """
    try:
        manifest = read_manifest(experiment.path)
    except BadArtifact as error:
        return [str(error)]
    found = _files_below(experiment.path)
    regular = {name: path for name, path in found.items() if path is not None}
    sizes = {name: size for name, path in regular.items() if (size := _size(path)) is not None}
    problems = compared(manifest, sizes, lambda name: _digest(regular[name]))
    odd = [f"{name} is not a regular file" for name in found if name not in regular]
    moved = [] if reference_of(manifest) == experiment.reference else [f"it was kept as {manifest['ref']}"]
    return sorted([*problems, *odd, *moved])


def compared(manifest: Manifest, sizes: Mapping[str, int], digest_of: Callable[[str], str]) -> list[str]:
    """Say which files are missing, extra or not what a manifest says, and whether that itself was changed.

    `digest_of` is asked only for files of the right size.
    """
    named: dict[str, Entry] = {entry["name"]: entry for entry in manifest["files"]}
    missing = [f"{name} is missing" for name in named if name not in sizes]
    extra = [f"{name} is extra" for name in sizes if name not in named and name != MANIFEST]
    there = ((name, sizes[name], entry) for name, entry in named.items() if name in sizes)
    changed = [f"{name} {how}" for name, size, entry in there if (how := _difference(name, size, entry, digest_of))]
    sealed = [] if is_intact(manifest) else [f"{MANIFEST} was changed"]
    return sorted([*missing, *extra, *changed, *sealed])


def objects_of(manifest: Manifest, store: Store) -> tuple[list[str], list[str]]:
    """Say which of the objects that a manifest names are damaged in a store, and which are not there at all."""
    damaged, absent = [], []
    for entry in objects.named(manifest):
        path = objects.place(store, entry["digest"])
        if not os.path.lexists(path):
            absent.append(f"{called(entry)} is not in the store {store.path}")
        elif how := _oddity(entry["name"], path, entry):
            damaged.append(f"{called(entry)} {how}")
    return damaged, absent


def called(entry: Entry) -> str:
    """Name an object as people tell it from others."""
    return f"{entry['name']} (the object {entry['digest'][:19]}…)"


def _oddity(name: str, path: Path, entry: Entry) -> str | None:
    if path.is_symlink() or not path.is_file():
        return "is not a regular file"
    return _difference(name, path.stat().st_size, entry, lambda _: _digest(path))


def _difference(name: str, size: int, entry: Entry, digest_of: Callable[[str], str]) -> str | None:
    if size < entry["size"]:
        return f"was cut short: {size:,} of {entry['size']:,} bytes"
    return None if size == entry["size"] and digest_of(name) == entry["digest"] else "was changed"


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # it was removed just now
        return None


def _digest(path: Path) -> str:
    try:
        return digest(path)
    except OSError:
        return ""


def _files_below(folder: Path) -> dict[str, Path | None]:
    """Every file by its name; None in place of the path for a link, a pipe, a device."""
    found: dict[str, Path | None] = {}
    for parent, folders, files in os.walk(folder):
        for name in (*files, *(one for one in folders if (Path(parent) / one).is_symlink())):
            path = Path(parent) / name
            found[path.relative_to(folder).as_posix()] = path if path.is_file() and not path.is_symlink() else None
    return found
