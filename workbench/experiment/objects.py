"""Objects: what belongs to experiments without being one of their files, kept once for all of them, by its content.

``objects/sha256/<first two hex>/<all 64 hex>`` in the store. A manifest names what its experiment needs: the tables it
was given (role ``data``), what was changed in the template's repository and not committed (role ``changes``). An object
that is named may be absent: not everything travels.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from workbench.documents.experiment import DIGEST
from workbench.documents.files import digest as digest_of
from workbench.errors import BadArtifact
from workbench.experiment.store import Store, building

DATA, CHANGES = "data", "changes"
FOLDER = "objects"
CHUNK = 2**20
Entry = dict[str, Any]


def place(store: Store, digest: str) -> Path:
    """Say where the object of a digest (``sha256:<hex>``) is, or would be.

    Raises
    ------
    BadArtifact
        If that is no such digest.
    """
    if not DIGEST.fullmatch(digest):
        raise BadArtifact(digest[:100], "is not the digest of an object")
    kind, _, mark = digest.partition(":")
    return store.path / FOLDER / kind / mark[:2] / mark


def keep_bytes(store: Store, content: bytes, digest: str | None = None) -> Entry:
    """Keep some bytes, and give their ``digest`` and ``size``; what is kept whole already is not written again.

    Whoever knows their `digest` spares its being reckoned.
    """
    mark = digest or f"sha256:{hashlib.sha256(content).hexdigest()}"
    return _known(store, mark, len(content)) or keep_chunks(store, [content])


def keep_file(store: Store, path: Path) -> Entry:
    """Keep what a file holds, and give its ``digest`` and ``size``; what is kept whole already is not written again."""
    return _known(store, digest_of(path), path.stat().st_size) or keep_chunks(store, chunks_of(path))


def keep_chunks(store: Store, chunks: Iterable[bytes]) -> Entry:
    """Keep what comes piece by piece; the ``digest`` and ``size`` are of the bytes that were really written.

    Raises
    ------
    StoreError
        If the store cannot be written. Nothing is left behind then.
    """
    with building(store, "object") as folder:
        part, sha, size = folder / "object", hashlib.sha256(), 0
        with part.open("xb") as file:
            for chunk in chunks:
                file.write(chunk)
                sha.update(chunk)
                size += len(chunk)
            file.flush()
            os.fsync(file.fileno())  # a machine that loses power must leave no empty file under a name that is known
        mark = f"sha256:{sha.hexdigest()}"
        target = place(store, mark)
        target.parent.mkdir(parents=True, exist_ok=True)
        part.chmod(0o444)  # shared by many experiments, and read by colleagues
        part.replace(target)
    return {"digest": mark, "size": size}


def chunks_of(path: Path) -> Iterator[bytes]:
    """Read a file piece by piece."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def home(folder: Path) -> Store:
    """Give the store an experiment's folder lies in; a folder that lies in none is its own, and holds no objects."""
    return Store(folder.parents[2] if folder.parent.parent.name == "experiments" else folder)


def named(manifest: Mapping[str, Any], *roles: str) -> list[Entry]:
    """Give the objects a manifest names: ``role``, ``name``, ``digest``, ``size``; those of some roles, or all."""
    return [entry for entry in manifest.get("objects", []) if not roles or entry["role"] in roles]


def missing(store: Store, manifest: Mapping[str, Any]) -> list[Entry]:
    """Give the objects a manifest names that the store does not hold."""
    return [entry for entry in named(manifest) if not is_kept(store, entry)]


def is_kept(store: Store, entry: Mapping[str, Any]) -> bool:
    """Whether the store holds an object, of the size it should have: a quick look."""
    try:
        return place(store, entry["digest"]).stat().st_size == entry["size"]
    except OSError:
        return False


def is_whole(store: Store, digest: str, size: int) -> bool:
    """Whether the store holds an object to the byte: it is read for that."""
    path = place(store, digest)
    try:
        is_file = path.is_file() and not path.is_symlink()
        return is_file and path.stat().st_size == size and digest_of(path) == digest
    except OSError:
        return False


def _known(store: Store, mark: str, size: int) -> Entry | None:
    """Give the entry of an object that is kept whole, once it looks as new as if it had been written just now.

    For no experiment may name it yet, and whoever frees what nothing names spares what is new. One that was damaged is
    none: who has the right bytes at hand writes it anew.
    """
    if not is_whole(store, mark, size):
        return None
    try:
        os.utime(place(store, mark))
    except FileNotFoundError:  # it was freed just now
        return None
    except OSError:  # a colleague wrote it
        pass
    return {"digest": mark, "size": size}
