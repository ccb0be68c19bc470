"""A note: what somebody said of an experiment after it was kept, in a small file of its own.

A file is written once and never changed, so notes of two stores are brought together by copying. Its name is a ULID:
the time in milliseconds and chance, in letters that sort as they were made. To change the form: raise `FORMAT`, add a
reader that lifts the older form.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from workbench.documents.files import FORMAT, insist_on_format, write_json
from workbench.errors import BadArtifact

Kind = Literal["note", "tag", "untag"]
LONGEST = 10_000  # letters of a note
LONGEST_AUTHOR = 200
LARGEST = 2**18  # bytes of a file; the longest note takes a quarter of it
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32
ID = re.compile(f"[{LETTERS}]{{26}}", re.ASCII)
TAG = re.compile(r"\w[\w./:+-]{0,63}")


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that was said: a note, a tag put on, a tag taken off."""

    kind: Kind
    text: str
    author: str
    at: datetime
    id: str

    def as_document(self) -> dict[str, Any]:
        """Give it for ``--json``, its time in UTC."""
        said = {"kind": self.kind, "text": self.text, "author": self.author}
        return {"id": self.id, **said, "at": self.at.astimezone(UTC).isoformat()}


def new_id(now: datetime, after: str = "") -> str:
    """Make a ULID that sorts after another, even where the clock was set back meanwhile.

    Examples
    --------
    >>> first = new_id(datetime(2026, 11, 21, tzinfo=UTC))
    >>> len(first), first < new_id(datetime(2025, 1, 1, tzinfo=UTC), after=first)
    (26, True)
    """
    fresh = int(now.timestamp() * 1000) << 80 | secrets.randbits(80)
    later = _number(after) + 1 + secrets.randbits(64)  # by chance, too: another writer may come after the same one
    number = max(fresh, later)
    return "".join(LETTERS[number >> shift & 31] for shift in range(125, -1, -5))


def _number(text: str) -> int:
    number = 0
    for letter in text:
        number = number << 5 | LETTERS.index(letter)
    return number


def write_note(folder: Path, note: Note) -> None:
    """Write a note under its own name."""
    write_json(folder / f"{note.id}.json", {"format": FORMAT, **note.as_document()})


def read_note(path: Path) -> Note:
    """Read one note.

    Raises
    ------
    BadArtifact
        If it is damaged, or a later version of the workbench wrote it.
    """
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(LARGEST + 1))
    except OSError as error:
        raise BadArtifact(str(path), f"cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise BadArtifact(str(path), "is no note: it is damaged or too large") from error
    if not isinstance(document, dict):
        raise BadArtifact(str(path), "is no note: it is no JSON object")
    insist_on_format(document.get("format"), str(path), "is a note")
    try:
        return READERS[document["format"]](document, path.stem)
    except (KeyError, TypeError, ValueError) as error:
        raise BadArtifact(str(path), f"is no whole note ({error!r:.100})") from error


def problem_with(kind: str, text: str) -> str | None:
    """Say why this cannot be noted; None when it can."""
    if kind != "note":
        return None if TAG.fullmatch(text) else "is no tag"
    if not text.strip():
        return "is empty"
    return f"is longer than {LONGEST:,} letters" if len(text) > LONGEST else None


def _read_v1(document: Mapping[str, Any], name: str) -> Note:
    kind, text, author = (document[field] for field in ("kind", "text", "author"))
    if not all(isinstance(one, str) for one in (kind, text, author)):
        raise TypeError("kind, text and author are texts")
    if kind not in get_args(Kind) or problem_with(kind, text) or len(author) > LONGEST_AUTHOR:
        raise ValueError(f"a {kind:.20} that cannot be")
    if not ID.fullmatch(name):
        raise ValueError("its name is no ULID")
    at = datetime.fromisoformat(document["at"])
    if at.tzinfo is None:
        raise ValueError("its time is of no zone")
    return Note(kind, text, author, at.astimezone(UTC), name)


READERS: dict[int, Callable[[Mapping[str, Any], str], Note]] = {0: _read_v1, 1: _read_v1}
