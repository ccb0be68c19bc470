"""Which works a batch is about to do, said to other batches of the same store, so that none is begun twice.

A file names the works of one batch, and its process holds a lock on it; one without a lock is of a process that died.
Who is about to begin looks at all of them and adds its own behind one door, so that two cannot do so at once.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from workbench.documents.lock import lock
from workbench.experiment import Store
from workbench.experiment.store import translated


@contextmanager
def claimed(store: Store, fingerprints: Collection[str]) -> Iterator[int | None]:
    """Claim works for this process until the block ends; gives the process that has claimed one of them before.

    Parameters
    ----------
    store : Store
        It exists.
    fingerprints : collection of str
        What the works are told by.

    Raises
    ------
    StoreError
        If the store cannot be written.
    """
    folder = store.running / ".batches"
    path, claim = folder / f"{secrets.token_hex(8)}.json", None
    with translated(store):
        folder.mkdir(exist_ok=True)
        with (folder / "door").open("a") as door:
            lock(door.fileno(), wait=True)
            other = _other(folder, fingerprints)
            if other is None:
                claim = _claim(path, fingerprints)
    try:
        yield other
    finally:
        if claim is not None:
            path.unlink(missing_ok=True)
            claim.close()


def _other(folder: Path, fingerprints: Collection[str]) -> int | None:
    """Find the process that claims one of these; a claim that nobody holds any more is removed."""
    wanted = set(fingerprints)
    for path in sorted(folder.glob("*.json")):
        with suppress(FileNotFoundError), path.open("r+", encoding="utf-8") as file:  # given up meanwhile
            if lock(file.fileno()):
                path.unlink()
            elif not wanted.isdisjoint((claim := json.load(file))["works"]):
                return int(claim["pid"])
    return None


def _claim(path: Path, fingerprints: Collection[str]) -> IO[str]:
    file = path.open("x", encoding="utf-8")
    lock(file.fileno())
    json.dump({"pid": os.getpid(), "works": sorted(fingerprints)}, file)
    file.flush()
    return file
