"""Notes and tags: said of an experiment after it was kept, in files beside it, never in its immutable folder.

``notes/<name>/<version>/<ulid>.json`` in the store. Nothing is ever changed there: a tag is taken off by a file that
says so. So writers never meet, and the notes of two stores are brought together by copying.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from workbench.documents.experiment import NAME, VERSION
from workbench.documents.note import LONGEST_AUTHOR, Kind, Note, new_id, problem_with, read_note, write_note
from workbench.errors import BadArtifact, BadNote
from workbench.experiment.store import Store, translated
from workbench.records import Reference

REMEDY = {
    "note": "Say what is worth knowing, in up to 10,000 letters.",
    "tag": "A tag is one word of up to 64 letters, digits and . _ - / : +, such as 'baseline'.",
}


@dataclass(frozen=True, slots=True)
class Noted:
    """All that was said of one experiment, oldest first; files that are no notes, with what is wrong with them."""

    notes: tuple[Note, ...] = ()
    damaged: Mapping[str, str] = field(default_factory=dict)

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags it bears now, in the order they were put on."""
        borne: dict[str, None] = {}
        for note in self.notes:
            if note.kind == "tag":
                borne.setdefault(note.text)
            elif note.kind == "untag":
                borne.pop(note.text, None)
        return tuple(borne)


def folder(store: Store, reference: Reference) -> Path:
    """Where what is said of an experiment lies, once something was said."""
    return store.path / "notes" / reference.name / reference.version


def noted(store: Store) -> Iterator[Reference]:
    """Find the experiments of which something was said, whether or not they are still in the store."""
    root = store.path / "notes"
    for name in filter(NAME.fullmatch, _names_in(root)):
        for version in filter(VERSION.fullmatch, _names_in(root / name)):
            yield Reference(name, version)


def files(store: Store, reference: Reference) -> list[str]:
    """Name the files that lie there, oldest first; what is just being written is left out."""
    return [name for name in _names_in(folder(store, reference)) if not name.startswith(".")]


def read(store: Store, reference: Reference) -> Noted:
    """Read what was said of an experiment. Damaged files are named, and passed over."""
    found: list[Note] = []
    damaged: dict[str, str] = {}
    for name in files(store, reference):
        try:
            found.append(read_note(folder(store, reference) / name))
        except BadArtifact as error:
            damaged[name] = error.problem
    return Noted(tuple(sorted(found, key=lambda note: note.id)), damaged)


def add(store: Store, reference: Reference, kind: Kind, *texts: str, author: str, now: datetime) -> list[Note]:
    """Say something of an experiment; nothing is said when one of the `texts` cannot be.

    Raises
    ------
    BadNote
        If it is nothing that can be said: empty, too long, no tag.
    StoreError
        If the store cannot be written to.
    """
    for text in texts:
        if problem := problem_with(kind, text):
            raise BadNote(text[:80], problem, REMEDY["note" if kind == "note" else "tag"])
    known = read(store, reference).notes
    last, added = known[-1].id if known else "", []
    with translated(store):
        folder(store, reference).mkdir(parents=True, exist_ok=True)
        for text in texts:
            last = new_id(now, after=last)
            added.append(Note(kind, text, author[:LONGEST_AUTHOR], now.astimezone(UTC), last))
            write_note(folder(store, reference), added[-1])
    return added


def _names_in(path: Path) -> list[str]:
    with suppress(OSError):
        return sorted(os.listdir(path))  # noqa: PTH208 - there may be very many, of which names are enough
    return []
