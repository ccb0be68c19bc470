"""Freeing: what lies in a store and nothing refers to is found, and removed.

Whoever puts something there names it only afterwards: a run keeps its table, and then says so. So whatever is younger
than a day is spared, and keeping what is kept already makes it young again (`workbench.experiment.objects`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.documents.experiment import NAME, VERSION, read_manifest
from workbench.documents.files import read_json
from workbench.documents.ledger import models, read_ledger
from workbench.documents.leftovers import LONGEST_SECONDS, MADE, make, remove
from workbench.errors import BadArtifact
from workbench.experiment import objects
from workbench.experiment.finding import index
from workbench.experiment.showing import COPIES
from workbench.experiment.store import Store, translated
from workbench.records import Reference

PART = re.compile(r"\..+\.json\.[a-z0-9_]{8}")  # what `documents.files.writing` writes to, before it is renamed
PULL = ".pull-"  # what a pull has loaded so far
INDEX = re.compile(r"(?:experiments|summaries)-\d+\..+")
UNNAMED = "no experiment and no run names it"
HALF = "a process that ended before its time left it"
NEVER_BEGAN = "a run that never began left it"
NO_ENTRY = "no entry of its model's ledger names it"
MADE_AGAIN = "it is made again when it is needed"
Step = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Unused:
    """A file or folder that nothing refers to, why that is known, and how many bytes it takes."""

    path: Path
    why: str
    size: int


@dataclass(frozen=True, slots=True)
class Freed:
    """What was freed, or would be; and what was left alone, and why."""

    store: Store
    dry_run: bool
    unused: list[Unused] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        """All bytes together."""
        return sum(one.size for one in self.unused)

    def as_document(self) -> dict[str, Any]:
        """Put it as JSON; paths are seen from the store."""
        told = [
            {"path": one.path.relative_to(self.store.path).as_posix(), "why": one.why, "bytes": one.size}
            for one in self.unused
        ]
        return {"dry_run": self.dry_run, "bytes": self.size, "freed": told, "left": self.left}


def gc(store: Store, *, now: float, dry_run: bool = False, on_step: Step = lambda _done, _of: None) -> Freed:
    """Free what nothing refers to; `now` is in seconds since the epoch, as files' own times are.

    Raises
    ------
    StoreError
        If the store cannot be read or written. What is not freed then is found by the next that looks.
    """
    freed = Freed(store, dry_run)
    old = now - LONGEST_SECONDS
    with translated(store):
        for find in (_objects, _bundles, _runs, _parts, _loaded, _indexes):
            freed.unused.extend(find(store, old, freed.left, on_step))
        if not dry_run:
            store.running.mkdir(exist_ok=True)
            freed.unused[:] = [one for one in freed.unused if _remove(one, store, old)]
    return freed


def _objects(store: Store, old: float, left: list[str], on_step: Step) -> Iterator[Unused]:
    """Find objects that nothing names; none where somebody may name them whose document cannot be read."""
    kept = [path for path in _files(store.path / objects.FOLDER) if _is_object(store, path)]
    if not kept:
        return
    named, unread = _named(store, on_step)
    if unread:
        told = f"cannot be read, so nobody knows which objects {'it needs' if len(unread) == 1 else 'they need'}"
        left.append(f"No object was looked at: {', '.join(sorted(unread)[:5])} {told}. See workbench fsck.")
        return
    spare = [path for path in kept if path.name not in named]
    ripe = [path for path in spare if _is_old(path, old)]
    if young := len(spare) - len(ripe):
        told = "object that nothing names is" if young == 1 else "objects that nothing names are"
        left.append(f"{young:,} {told} younger than a day, and left alone: a run may be about to name what it keeps.")
    yield from (Unused(path, UNNAMED, _size(path)) for path in ripe)


def _is_object(store: Store, path: Path) -> bool:
    with suppress(BadArtifact):
        return objects.place(store, f"sha256:{path.name}") == path
    return False


def _named(store: Store, on_step: Step) -> tuple[set[str], list[str]]:
    """Give the hex digits of all objects that are named, and whose documents cannot be read.

    Runs are read before experiments: one that is kept meanwhile is found in either place.
    """
    named: set[str] = set()
    unread: list[str] = []
    for run in sorted(store.running.glob("[!.]*/run.json")):
        try:
            named |= _marks(read_json(run).get("objects") or [])
        except FileNotFoundError:  # it was kept meanwhile
            continue
        except (OSError, ValueError, RecursionError, AttributeError, TypeError, KeyError):
            unread.append(f"running/{run.parent.name}")
    kept = [Reference(name, version) for name in store.names() for version in store.versions(name)]
    for number, reference in enumerate(kept, start=1):
        try:
            named |= _marks(objects.named(read_manifest(store.folder(reference))))
        except (BadArtifact, TypeError, KeyError):
            unread.append(str(reference))
        on_step(number, len(kept))
    return named, unread


def _marks(entries: Iterable[Any]) -> set[str]:
    """Read digests off entries with a ``digest``, or off digests alone."""
    told = (entry if isinstance(entry, str) else entry["digest"] for entry in entries)
    return {digest.removeprefix("sha256:") for digest in told}


def _bundles(store: Store, old: float, left: list[str], _: Step) -> Iterator[Unused]:
    """Find bundles whose promotion was killed before it was entered in the ledger."""
    for model in filter(NAME.fullmatch, models(store.path)):
        try:
            entered = {entry.bundle for entry in read_ledger(store.path, model)}
        except BadArtifact as error:
            left.append(f"No bundle of {model} was looked at: {error}")
            continue
        for path in _entries(store.models / model / "bundles"):
            if VERSION.fullmatch(path.name) and path.name not in entered and _is_old(path, old):
                yield Unused(path, NO_ENTRY, _size(path))


def _runs(store: Store, old: float, _left: list[str], _: Step) -> Iterator[Unused]:
    """Find run folders without a record, which nobody can close; every command closes those of dead runners."""
    for path in _entries(store.running):
        if VERSION.fullmatch(path.name) and not (path / "run.json").exists() and _is_old(path, old):
            yield Unused(path, NEVER_BEGAN, _size(path))


def _parts(store: Store, old: float, _left: list[str], _: Step) -> Iterator[Unused]:
    """Find what was being written or built when its process was killed."""
    for top in (store.models, store.path / "notes", store.path / objects.FOLDER):
        for parent, folders, files in os.walk(top):
            half = [name for name in (*folders, *files) if PART.fullmatch(name) or MADE.fullmatch(name)]
            folders[:] = [name for name in folders if name not in half]
            for path in (Path(parent) / name for name in half):
                if _is_old(path, old):
                    yield Unused(path, HALF, _size(path))


def _loaded(store: Store, old: float, _left: list[str], _: Step) -> Iterator[Unused]:
    """Find what was being built or loaded into the store, and has not grown for a day."""
    for path in _entries(store.running):
        ours = MADE.fullmatch(path.name) or path.name.startswith(PULL)
        if ours and all(_is_old(one, old) for one in (path, *_files(path))):
            yield Unused(path, HALF, _size(path))


def _indexes(store: Store, old: float, _left: list[str], _: Step) -> Iterator[Unused]:
    """Find indexes of other versions, and copies of reports: all of them are made again when they are asked for."""
    room = store.path / "index"
    indexes = (path for path in _entries(room) if INDEX.fullmatch(path.name) and path.name != index.NAME)
    for path in (*indexes, *_files(room / COPIES)):
        if _is_old(path, old):
            yield Unused(path, MADE_AGAIN, _size(path))


def _remove(one: Unused, store: Store, old: float) -> bool:
    """Remove what is still as old as it was; whoever wants it meanwhile finds it whole, or gone and makes it anew."""
    if not os.path.lexists(one.path):
        return False
    aside = make(store.running, ".gone")
    try:
        one.path.rename(aside / one.path.name)
        if one.why == UNNAMED and not _is_old(aside / one.path.name, old):
            (aside / one.path.name).rename(one.path)  # somebody has just asked for it
            return False
        return True
    finally:
        remove(aside)


def _entries(folder: Path) -> list[Path]:
    """Everything in a folder, in order; nothing where there is none."""
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, files in os.walk(folder):
        yield from (Path(parent) / name for name in sorted(files))


def _is_old(path: Path, old: float) -> bool:
    try:
        return path.lstat().st_mtime < old
    except OSError:  # somebody else has removed it
        return False


def _size(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    total = 0
    for one in (path, *(_files(path) if path.is_dir() else ())):
        with suppress(OSError):
            total += 0 if one.is_dir() else one.lstat().st_size
    return total
