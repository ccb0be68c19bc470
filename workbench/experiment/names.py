"""Names: of experiments, and of the files inside one, so that a folder made here can be unpacked anywhere."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from urllib.parse import unquote

from workbench.documents.experiment import NAME
from workbench.errors import BadReference

DRIVE = re.compile(r"[A-Za-z]:")
LONGEST_PART, LONGEST_NAME = 255, 1000  # bytes; common file systems end at 255 and 1024


def slug(text: str) -> str:
    """Make a name out of any text: of a target column or a file.

    >>> slug("Default Payment Next Month?"), slug("_Größe"), slug("???")
    ('default-payment-next-month', 'grosse', 'run')
    """
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9._-]+", "-", plain).lstrip("._-")[:64].rstrip("._-") or "run"


def checked_name(name: str) -> str:
    """Give the name back when an experiment may have it.

    Raises
    ------
    BadReference
        If it may not; the message proposes one.
    """
    if not NAME.fullmatch(name):
        raise BadReference(
            name,
            "is not a name an experiment can have",
            f"Use up to 64 small letters, digits, '.', '_' and '-', a letter or digit first, such as {slug(name)!r}.",
        )
    return name


def problem_with(name: str) -> str | None:
    """Say why a file of this name (parts joined by ``/``) cannot be kept in a folder that travels; None when it can.

    The name is judged as written and again with its percent signs decoded, for the next reader may decode it.
    """
    for spelled in _spellings(name):
        if problem := _problem(spelled):
            return problem
    return None


def _spellings(name: str) -> Iterator[str]:
    for _ in range(5):
        yield name
        decoded = unquote(name)
        if decoded == name:
            return
        name = decoded


def _problem(name: str) -> str | None:
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "its name is not Unicode"
    parts = name.split("/")
    if not name or size > LONGEST_NAME or any(len(part.encode()) > LONGEST_PART for part in parts):
        return "its name is empty or too long"
    if "\\" in name or any(unicodedata.category(letter) == "Cc" for letter in name):
        return "its name holds a backslash or a control character"
    if name.startswith(("/", "~")) or any(DRIVE.match(part) for part in parts):
        return "its name is not relative"
    if any(part in ("", ".", "..") or part != part.rstrip(". ") for part in parts):
        return "a part of its name is empty or ends in a dot or space"
    return None


def clashes(names: Iterable[str]) -> list[str]:
    """Names that another name would overwrite on some file system: twice, in other case, as a file and a folder."""
    taken: dict[str, str] = {}
    found = []
    for name in names:
        key = _folded(name)
        above = {_folded(str(parent)) for parent in PurePosixPath(name).parents} - {"."}
        if key in taken or any(taken.get(folder) == "file" for folder in above):
            found.append(name)
            continue
        taken[key] = "file"
        taken.update(dict.fromkeys(above, "folder"))
    return found


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", name).casefold())
