"""The folder of a site: what was written there before, and what is written now.

``site.json`` names every file of the site. By it a folder that holds something else is told, a file that was not
written here is neither written over nor removed, and one that is already what it is to be is left as it is. The names
are written before the files, so that a site whose writer was killed half-way is known as one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from workbench.documents.files import FORMAT, digest, insist_on_format, read_json, write_bytes, write_json
from workbench.errors import BadOutput

SITE = "site.json"
REMEDY = "Name a new or empty folder, or one that a site was written to before."


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a site: its name, with slashes, and what makes its content.

    `key` tells one content from another without making it; without a key the content itself does.
    """

    name: str
    content: Callable[[], bytes]
    key: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a file that was written; its digest is empty where it was only about to be."""

    digest: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """How many files were written, were there already as they should be, and were removed."""

    new: int
    same: int
    removed: int


def write_site(folder: Path, parts: Sequence[Part], *, maker: str, told: Callable[[int], None]) -> Written:
    """Write the files of a site in their order, then remove those it had before and has no longer.

    Each file is put in place by one rename, so a reader sees a whole page, the old or the new one: with the index last,
    every page it leads to is there.

    Parameters
    ----------
    folder : Path
        New, empty, or written to by this function before. What is hidden in it (``.git``) is left alone.
    parts : sequence of Part
    maker : str
        Who writes. Keys that another maker left count for nothing.
    told : callable
        Is told after each file how many are done.

    Raises
    ------
    BadOutput
        If the folder holds something else, or cannot be written.
    BadArtifact
        If a later version of the workbench wrote the site.
    """
    with _translated(folder):
        before = _known(folder, maker)
        _insist_on_room(folder, [part.name for part in parts], before)
        folder.mkdir(parents=True, exist_ok=True)
        _note(folder, maker, {part.name: Known() for part in parts} | before)
        now: dict[str, Known] = {}
        for done, part in enumerate(parts, 1):
            now[part.name] = _write(folder, part, before.get(part.name, Known()))
            told(done)
        removed = sum(_remove(folder, name, before[name]) for name in before if name not in now)
        _note(folder, maker, now)
    same = sum(known == before.get(name) for name, known in now.items())
    return Written(len(now) - same, same, removed)


def _known(folder: Path, maker: str) -> dict[str, Known]:
    """Read what a site's folder holds."""
    if folder.exists() and not folder.is_dir():
        raise BadOutput(str(folder), "is a file", REMEDY)
    if not folder.exists() or all(path.name.startswith(".") for path in folder.iterdir()):
        return {}
    document = _read(folder)
    if document is None:
        raise BadOutput(str(folder), "holds something else", REMEDY)
    known = {name: Known(str(one.get("digest")), str(one.get("key"))) for name, one in document["files"].items()}
    is_same = document.get("maker") == maker
    return known if is_same else {name: replace(one, key="") for name, one in known.items()}


def _read(folder: Path) -> dict[str, Any] | None:
    """Read the record of a site; None when it is none, or leads out of the folder: others may have made it."""
    try:
        document = read_json(folder / SITE)
    except (OSError, ValueError, RecursionError):
        return None
    files = document.get("files") if isinstance(document, dict) and document.get("kind") == "site" else None
    if not isinstance(files, dict):
        return None
    insist_on_format(document.get("format"), str(folder / SITE))
    is_whole = all(isinstance(one, dict) and _is_below(name) for name, one in files.items())
    return document if is_whole else None


def _is_below(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts and "\0" not in name


def _insist_on_room(folder: Path, names: Sequence[str], before: Mapping[str, Any]) -> None:
    """Refuse, before anything is written, to write over files of others, or through a link to elsewhere."""
    home = folder.resolve()
    for parent in {(folder / name).parent for name in [*names, *before]}:
        if not parent.resolve().is_relative_to(home):
            raise BadOutput(str(parent), "is a link that leads elsewhere", "Remove it, or name another folder.")
    for name in names:
        if name not in before and (folder / name).exists():
            raise BadOutput(str(folder / name), "is in the way: the site did not write it", "Move it elsewhere.")


def _note(folder: Path, maker: str, known: Mapping[str, Known]) -> None:
    files = {name: asdict(one) for name, one in known.items()}
    write_json(folder / SITE, {"format": FORMAT, "kind": "site", "maker": maker, "files": files})


def _write(folder: Path, part: Part, before: Known) -> Known:
    """Write one file, unless it is there already."""
    path = folder / part.name
    is_there = bool(before.digest) and path.is_file()
    if is_there and part.key and part.key == before.key:
        return before
    content = part.content()
    known = Known(f"sha256:{hashlib.sha256(content).hexdigest()}", part.key)
    if not is_there or known.digest != before.digest:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, content)
    return known


def _remove(folder: Path, name: str, known: Known) -> bool:
    """Remove a file of the site, and the folders it leaves empty; one that was changed since is somebody's work."""
    path = folder / name
    if path.is_symlink() or not path.is_file() or (known.digest and digest(path) != known.digest):
        return False
    path.unlink()
    with suppress(OSError):  # until one that is not empty
        for parent in [*path.parents][: len(PurePosixPath(name).parts) - 1]:
            parent.rmdir()
    return True


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadOutput(str(folder), f"cannot be written: {error.strerror or error}", "Name another folder.") from error
