"""What the manifests of a store say, gathered in one file, so that very many are looked through quickly.

Only the folders count. Which experiments there are is asked of the folders every time; the index tells what their
manifests say. An experiment is immutable, so what was read of it once holds; all the same every manifest that an answer
stands on is looked at, and read again when its time or size is another.

The file is never changed in place: it is written beside and renamed, when more than a few hundred experiments are
missing in it. Those that are missing are read from their folders until then. So it needs no locks (a store may lie on a
network drive), a reader sees the old one or the new, several may write it at once, and it may be deleted at any time.
What is damaged is thrown away and made again; where nothing can be written, all is read and held in memory.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from workbench.documents.experiment import FIELDS, MANIFEST, VERSION, Manifest
from workbench.errors import BadArtifact, StoreError
from workbench.experiment import notes
from workbench.experiment.finding.query import Condition, settle
from workbench.experiment.finding.schema import FORM, ORDERS, TABLES, VIEWS, Row, add, question
from workbench.experiment.kept import load
from workbench.experiment.store import Store, building
from workbench.records import Reference

NAME = f"experiments-{FORM}.sqlite"
SLACK = 500  # experiments that are read from their folders every time, before the file is written anew
PART = 10_000  # it is written after so many, too, while very many are read: Ctrl-C costs no more than these
ASKED = 500  # summaries that are fetched at once; SQLite takes no more than 999 values in a question
TRIES = 3  # answers that stand on manifests which are changed meanwhile
LONG = ("files", "children")  # what makes a manifest long

Hear = Callable[[int, int], None]
T = TypeVar("T")


class Found(NamedTuple):
    """One experiment that was asked for, and the summary of its manifest as JSON."""

    reference: Reference
    text: str

    def manifest(self) -> Manifest:
        """Read it."""
        return json.loads(self.text)


def summaries(store: Store) -> Iterator[Manifest]:
    """Give the manifest of every kept experiment, without what makes it long. Damaged ones are left out."""
    found, _ = ask(store, lambda look: look.find([], "name"))
    for one in found:
        manifest = one.manifest()
        if manifest["status"] != "damaged":
            yield manifest


def summary(manifest: Manifest) -> Manifest:
    """Leave out of a manifest what makes it long."""
    return {field: value for field, value in manifest.items() if field not in LONG}


def blank(reference: Reference, **known: Any) -> Manifest:
    """Make a manifest for what has none: every field empty but those that are known."""
    empty: Manifest = {field: kinds[-1]() for field, kinds in FIELDS.items()}
    return {**summary(empty), "ref": str(reference), "started": _time_in(reference.version), **known}


def ask(store: Store, question: Callable[[Look], T], *, runs: Iterable[Row] = (), hear: Hear | None = None) -> T:
    """Ask something of all that a store holds.

    Parameters
    ----------
    question
        What is asked. It may be asked again where the file turns out to be damaged.
    runs
        What is to be found beside the kept experiments: runs under way.
    hear
        Is told how many of how many manifests are read, when very many are.
    """
    file: Path | None = store.path / "index" / NAME
    for chance in range(TRIES):
        try:
            with closing(_caught_up(store, file, hear)) as connection:
                look = Look(store, connection)
                look.add(runs)
                return question(look)
        except sqlite3.DatabaseError:  # damaged; or, on a network drive, replaced by another machine meanwhile
            if chance:
                file = _without(file)
    raise StoreError(str(store.path), "has an index that cannot be read", "Delete its folder index/.")


class Look:
    """One look at a store: the file of the index, and in memory what the file does not know."""

    def __init__(self, store: Store, connection: sqlite3.Connection) -> None:
        self.store, self.connection = store, connection

    def add(self, runs: Iterable[Row]) -> None:
        """Add runs under way, but those that are kept by now."""
        known = "SELECT 1 FROM all_kept WHERE name = ? AND version = ?"
        for row in runs:
            if not self.connection.execute(known, (row.reference.name, row.reference.version)).fetchone():
                add(self.connection, "temp", [row])

    def find(self, conditions: Sequence[Condition], order: str, limit: int | None = None) -> tuple[list[Found], int]:
        """Find the experiments that meet all conditions: the first `limit` of them, and how many there are."""
        where, values = question(self._settled(conditions))
        asked = f"FROM all_kept WHERE {where}"
        for tries_left in reversed(range(TRIES)):
            rows = self.connection.execute(
                f"SELECT id, name, version, state {asked} ORDER BY {ORDERS[order]} LIMIT ?",
                [*values, -1 if limit is None else limit],
            ).fetchall()
            changed = [row[:3] for row in rows if row[3] not in (None, _state(self.store, *row[1:3]))]
            if not (changed and tries_left):
                break
            self._read_again(changed)
        total = len(rows)
        if limit is not None:
            (total,) = self.connection.execute(f"SELECT count(*) {asked}", values).fetchone()
        texts = _texts(self.connection, [row[0] for row in rows])
        return [Found(Reference(name, version), texts[number]) for number, name, version, _ in rows], total

    def names(self) -> tuple[list[str], list[str]]:
        """Name the metrics and the labels that there are."""
        metrics, labels = (
            [key for (key,) in self.connection.execute(f"SELECT DISTINCT key FROM all_{table}")]  # noqa: S608
            for table in ("scores", "labels")
        )
        return metrics, labels

    def _settled(self, conditions: Sequence[Condition]) -> list[Condition]:
        if any(condition.field == "tag" for condition in conditions):
            self._fetch_tags()
        if not any(condition.field.startswith(".") for condition in conditions):
            return list(conditions)
        metrics, labels = self.names()
        return [settle(condition, metrics=metrics, labels=labels) for condition in conditions]

    def _fetch_tags(self) -> None:
        """Gather the tags there are; those the file tells are believed while the notes are still the same files."""
        held = {
            row[:2]: row[2:] for row in self.connection.execute("SELECT name, version, files, tags FROM main.noted")
        }
        fresh = []
        for reference in notes.noted(self.store):
            key, files = (reference.name, reference.version), " ".join(notes.files(self.store, reference))
            told, tags = held.get(key, ("", ""))
            if told != files:
                tags = " ".join(notes.read(self.store, reference).tags)
                fresh.append((*key, files, tags))
            borne = [(tag, *key) for tag in tags.split()]
            self.connection.executemany("INSERT OR IGNORE INTO temp.tags VALUES (?, ?, ?)", borne)
        if len(fresh) > SLACK:
            _write(self.store, noted=fresh)

    def _read_again(self, changed: Collection[tuple[int, str, str]]) -> None:
        numbers = [(number,) for number, _, _ in changed]
        self.connection.executemany("INSERT OR IGNORE INTO temp.gone VALUES (?)", numbers)
        for table in ("kept", "told", "scores", "labels"):
            self.connection.executemany(f"DELETE FROM temp.{table} WHERE id = ?", numbers)  # noqa: S608
        add(self.connection, "temp", (_row(self.store, Reference(*names)) for _, *names in changed))


def _caught_up(store: Store, file: Path | None, hear: Hear | None) -> sqlite3.Connection:
    """Open the index with all that the folders hold and its file does not; write that anew when it is much."""
    connection = _open(file)
    fresh, gone = _differences(store, connection)
    if file is not None and len(fresh) + len(gone) > SLACK:
        connection.close()
        _renew(store, fresh, gone, hear)
        connection = _open(file)
        fresh, gone = _differences(store, connection)
    for one in gone:
        taken = "INSERT INTO temp.gone SELECT id FROM main.kept WHERE name = ? AND version = ?"
        connection.execute(taken, (one.name, one.version))
    add(connection, "temp", (_row(store, reference) for reference in fresh))
    return connection


def _open(file: Path | None) -> sqlite3.Connection:
    if file is not None and file.is_file():  # it is never changed, so it needs neither locks nor a journal
        connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
    else:
        connection = sqlite3.connect(":memory:", isolation_level=None)
        connection.executescript(TABLES.format(where="main"))
    connection.executescript("PRAGMA temp_store = MEMORY;" + TABLES.format(where="temp") + VIEWS)
    return connection


def _differences(store: Store, connection: sqlite3.Connection) -> tuple[list[Reference], list[Reference]]:
    """Compare the file with the folders: what is not in the file yet, and what is no longer in the store."""
    held = "SELECT name, group_concat(version) FROM main.kept GROUP BY name"
    known = {name: set(versions.split(",")) for name, versions in connection.execute(held)}
    fresh: list[Reference] = []
    gone: list[Reference] = []
    for name in store.names():
        there, before = _versions(store, name), known.pop(name, set())
        if there == before:
            continue
        gone += (Reference(name, version) for version in before - there)
        found = (Reference(name, version) for version in sorted(there - before) if VERSION.fullmatch(version))
        fresh += (one for one in found if _is_folder(store.folder(one)))
    gone += (Reference(name, version) for name, versions in known.items() for version in versions)
    return fresh, gone


def _versions(store: Store, name: str) -> set[str]:
    try:
        return set(os.listdir(f"{store.path}/experiments/{name}"))  # noqa: PTH208 - as there may be very many: names are enough, and a Path takes as long as the call
    except OSError:
        return set(store.versions(name))  # it says what is wrong


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _renew(store: Store, fresh: Sequence[Reference], gone: Sequence[Reference], hear: Hear | None) -> None:
    """Write the file anew with what is missing in it; not at all where nothing can be written."""
    left = iter(fresh)
    for done in range(0, max(1, len(fresh)), PART):
        part = islice(left, PART)
        if not _write(store, (row for row in _read(store, part, done, len(fresh), hear) if row.state), gone):
            return


def _read(store: Store, references: Iterable[Reference], done: int, total: int, hear: Hear | None) -> Iterator[Row]:
    for number, reference in enumerate(references, start=done + 1):
        yield _row(store, reference)
        if hear is not None and (number % 100 == 0 or number == total):
            hear(number, total)


def _write(
    store: Store,
    rows: Iterable[Row] = (),
    gone: Iterable[Reference] = (),
    noted: Iterable[tuple[str, ...]] = (),
) -> bool:
    """Write the file beside, and put it in place by one rename. Several may do so at once: the last one stays."""
    file = store.path / "index" / NAME
    try:
        with building(store, "index") as folder:
            file.parent.mkdir(exist_ok=True)
            part = folder / NAME
            if is_there := file.is_file():
                shutil.copyfile(file, part)
            with closing(sqlite3.connect(part, isolation_level=None)) as connection:
                connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
                if not is_there:
                    connection.executescript(TABLES.format(where="main"))
                connection.execute("BEGIN")
                _leave_out(connection, gone)
                add(connection, "main", rows)
                connection.executemany("INSERT OR REPLACE INTO main.noted VALUES (?, ?, ?, ?)", noted)
                connection.execute("COMMIT")
            part.replace(file)
    except (OSError, StoreError, sqlite3.OperationalError):  # others look at a store that they may not write to
        return False
    return True


def _leave_out(connection: sqlite3.Connection, gone: Iterable[Reference]) -> None:
    names = [(one.name, one.version) for one in gone]
    connection.executemany("DELETE FROM main.kept WHERE name = ? AND version = ?", names)
    if names:
        for table in ("told", "scores", "labels"):
            connection.execute(f"DELETE FROM main.{table} WHERE id NOT IN (SELECT id FROM main.kept)")  # noqa: S608


def _without(file: Path | None) -> Path | None:
    """Throw the file away; give the path only when it is gone."""
    if file is None:
        return None
    with suppress(OSError):
        file.unlink(missing_ok=True)
    return None if file.exists() else file


def _row(store: Store, reference: Reference) -> Row:
    state = _state(store, reference.name, reference.version)
    try:
        return Row(reference, state, summary(load(store.folder(reference)).manifest))
    except BadArtifact as error:
        return Row(reference, None, blank(reference, status="damaged", reason=str(error)))


def _state(store: Store, name: str, version: str) -> str:
    """Tell one state of a manifest from another; empty when there is none."""
    try:
        found = os.stat(f"{store.path}/experiments/{name}/{version}/{MANIFEST}")  # noqa: PTH116 - twice as fast as Path
    except OSError:
        return ""
    return f"{found.st_mtime_ns} {found.st_size}"


def _texts(connection: sqlite3.Connection, numbers: Sequence[int]) -> dict[int, str]:
    """Give the summaries of some experiments; those in memory have numbers below zero."""
    found: dict[int, str] = {}
    for where, some in (("main", [one for one in numbers if one > 0]), ("temp", [one for one in numbers if one < 0])):
        for start in range(0, len(some), ASKED):
            part = some[start : start + ASKED]
            marks = ",".join("?" * len(part))
            found.update(connection.execute(f"SELECT id, manifest FROM {where}.told WHERE id IN ({marks})", part))  # noqa: S608
    return found


def _time_in(version: str) -> str:
    day, time = version[:8], version[9:15]
    return f"{day[:4]}-{day[4:6]}-{day[6:]}T{time[:2]}:{time[2:4]}:{time[4:]}+00:00"
