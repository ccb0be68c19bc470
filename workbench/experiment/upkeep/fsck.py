"""Checking a whole store: every byte that has a digest is read, and whatever is not what was kept is named."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.documents.bundle_manifest import verify_bundle
from workbench.documents.experiment import NAME, VERSION, read_manifest
from workbench.documents.files import digest
from workbench.documents.ledger import bundle_of, read_ledger
from workbench.documents.note import ID, read_note
from workbench.documents.run_folder import RunFolder
from workbench.errors import BadArtifact, WorkbenchError
from workbench.experiment import objects
from workbench.experiment.kept import Experiment
from workbench.experiment.store import Store, translated
from workbench.experiment.verifying import verify
from workbench.records import Reference

HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)
ROOMS = ("experiments", "models", "notes", objects.FOLDER, "running", "index")
FOREIGN = "is not of the workbench"
Step = Callable[[int, int], None]
Found = Iterator[tuple[Path, str]]


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at, how many of each; what is wrong with it; and what is only worth knowing.

    `problems` and `notes` are pairs of a path, seen from the store, and a sentence.
    """

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def as_document(self) -> dict[str, Any]:
        """Put it as JSON."""
        problems, notes = (
            [{"path": path, "problem": told} for path, told in one] for one in (self.problems, self.notes)
        )
        return {"whole": self.whole, "checked": dict(self.counts), "problems": problems, "notes": notes}


def fsck(store: Store, on_step: Step = lambda _done, _of: None) -> Checked:
    """Look at everything in a store; `on_step` is told how many of its things were looked at, and of how many.

    Raises
    ------
    StoreError
        If the store cannot be read.
    """
    with translated(store, "read"):
        return _checked(store, on_step)


def _checked(store: Store, on_step: Step) -> Checked:
    checked = Checked(Counter(dict.fromkeys(KINDS, 0)))
    things = [*_things(store)]
    for number, (kind, path) in enumerate(things, start=1):
        if kind:
            checked.counts[kind] += 1
        for where, problem in KINDS.get(kind, _foreign)(store, path):
            checked.problems.append((where.relative_to(store.path).as_posix(), problem))
        if kind == "experiments":
            checked.notes.extend(_absent(store, path))
        on_step(number, len(things))
    return checked


def _things(store: Store) -> Iterator[tuple[str, Path]]:
    """Give everything that is looked at by itself, and its kind; what is hidden belongs to somebody else."""
    rooms = {
        "experiments": _two_deep(store.experiments, VERSION),
        "models": ((path, bool(NAME.fullmatch(path.name))) for path in _seen(store.models)),
        "objects": _objects(store.path / objects.FOLDER),
        "runs": ((path, bool(VERSION.fullmatch(path.name))) for path in _seen(store.running)),
        "notes": _notes(store.path / "notes"),
        "": ((path, path.name in ROOMS) for path in _seen(store.path)),
    }
    for kind, paths in rooms.items():
        for path, ours in paths:
            if not ours:
                yield "", path
            elif kind:
                yield kind, path


def _two_deep(room: Path, last: re.Pattern[str]) -> Iterator[tuple[Path, bool]]:
    """Give what lies in the folders of names, and whether it belongs there."""
    for name in _seen(room):
        if not (NAME.fullmatch(name.name) and _is_folder(name)):
            yield name, False
            continue
        yield from ((path, bool(last.fullmatch(path.name)) and _is_folder(path)) for path in _seen(name))


def _objects(room: Path) -> Iterator[tuple[Path, bool]]:
    for kind in _seen(room):
        if kind.name != "sha256" or not _is_folder(kind):
            yield kind, False
            continue
        for begin in _seen(kind):
            if not _is_folder(begin):
                yield begin, False
                continue
            yield from ((path, bool(HEX.fullmatch(path.name)) and path.name[:2] == begin.name) for path in _seen(begin))


def _notes(room: Path) -> Iterator[tuple[Path, bool]]:
    for folder, ours in _two_deep(room, VERSION):
        if not ours:
            yield folder, False
            continue
        yield from ((path, path.suffix == ".json" and bool(ID.fullmatch(path.stem))) for path in _seen(folder))


def _experiment(_store: Store, path: Path) -> Found:
    blank = Experiment(Reference(path.parent.name, path.name), path, {})
    yield from ((path, problem) for problem in verify(blank))


def _absent(store: Store, path: Path) -> Iterator[tuple[str, str]]:
    """Name objects that an experiment's manifest names and the store does not hold: not everything travels."""
    try:
        named = objects.named(read_manifest(path))
    except BadArtifact:  # told already
        return
    for entry in named:
        if not os.path.lexists(objects.place(store, entry["digest"])):
            where = path.relative_to(store.path).as_posix()
            yield where, f"its object {entry['name']} ({entry['digest'][:19]}…) is not in this store"


def _object(_store: Store, path: Path) -> Found:
    if path.is_symlink() or not path.is_file():
        yield path, "is not a regular file"
    elif digest(path) != f"sha256:{path.name}":
        yield path, "does not hold what its name says: it was changed or cut short"


def _model(store: Store, path: Path) -> Found:
    """Check the chain of a model's ledger, the bundles it names, and every other bundle."""
    named = set()
    try:
        for entry in read_ledger(store.path, path.name):
            if entry.bundle and entry.bundle not in named:
                named.add(entry.bundle)
                yield from ((path, problem) for problem in _problem(bundle_of, store.path, entry))
    except WorkbenchError as error:
        yield path, str(error)
    for bundle in _seen(path / "bundles"):
        if VERSION.fullmatch(bundle.name) and _is_folder(bundle):
            yield from ((bundle, problem) for problem in _problem(verify_bundle, bundle))
        else:
            yield bundle, FOREIGN
    known = {"bundles", "ledger"}
    yield from ((one, FOREIGN) for one in _seen(path) if one.name not in known or not _is_folder(one))
    yield from ((one, FOREIGN) for one in _seen(path / "ledger") if not re.fullmatch(r"\d{6}\.json", one.name))


def _problem(check: Callable[..., object], *what: object) -> list[str]:
    try:
        check(*what)
    except WorkbenchError as error:
        return [str(error)]
    return []


def _run(_store: Store, path: Path) -> Found:
    try:
        if (path / "run.json").exists():
            RunFolder(path).read()
    except (OSError, ValueError, TypeError, RecursionError) as error:
        yield path, f"has a damaged run.json ({error}), so nobody can close this run"


def _note(_store: Store, path: Path) -> Found:
    yield from ((path, problem) for problem in _problem(read_note, path))


def _foreign(_store: Store, path: Path) -> Found:
    yield path, FOREIGN


KINDS: dict[str, Callable[[Store, Path], Found]] = {
    "experiments": _experiment,
    "models": _model,
    "objects": _object,
    "runs": _run,
    "notes": _note,
}


def _seen(folder: Path) -> list[Path]:
    """Everything in a folder that is not hidden, in order; nothing where there is none."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
