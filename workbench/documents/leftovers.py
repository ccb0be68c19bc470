"""Folders that a process makes for itself, and what becomes of them when it is killed.

A folder's own name tells who made it, so that there is no moment in which nobody could tell. Whoever comes by later
removes those whose makers are dead.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import os
import re
import shutil
import socket
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from workbench.documents.process import boot_id, pid_namespace, process_started

MADE = re.compile(r"(?:\.[a-z]+|wb)-(?P<place>[0-9a-f]{4})-(?P<maker>[0-9a-f]+-[0-9a-f]+)-[0-9a-f]+")
LONGEST_SECONDS = 24 * 3600.0  # that anybody needs such a folder: of makers that cannot be looked up from here
_numbers = itertools.count()


def make(where: Path, purpose: str, mode: int = 0o777) -> Path:
    """Make a folder whose name tells that this process made it, and for what: ``.capture``; ``wb`` among others'."""
    while True:
        path = where / f"{name_begins(purpose)}{next(_numbers):x}"
        with suppress(FileExistsError):
            path.mkdir(mode)
            return path


def name_begins(purpose: str) -> str:
    """Give the beginning of such a name, before its last number."""
    return f"{purpose}-{_place()}-{_maker(os.getpid())}-"


def remove(folder: Path) -> None:
    """Remove a folder: for all who look at once, and then what is in it. What cannot be removed does no harm."""
    with suppress(OSError):  # of one that is half removed nobody could tell what it is
        folder = folder.rename(make(folder.parent, ".gone"))
    shutil.rmtree(folder, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove from a folder what processes made there that are dead. What cannot be looked at or removed stays."""
    with suppress(OSError):
        for name in os.listdir(folder):  # noqa: PTH208 - there may be thousands, of which names are enough
            if (made := MADE.fullmatch(name)) is not None and _is_left(folder / name, made):
                shutil.rmtree(folder / name, ignore_errors=True)


def temporary_folders() -> set[Path]:
    """Name where they may lie: the usual place, and the one that is taken when its path is too long for sockets."""
    return {Path(tempfile.gettempdir()), Path("/tmp")}  # noqa: S108 - only what bears our mark is touched there


def _is_left(path: Path, made: re.Match[str]) -> bool:
    if made["place"] == _place():
        return _maker(int(made["maker"].partition("-")[0], 16)) != made["maker"]
    try:
        return time.time() - path.stat().st_mtime > LONGEST_SECONDS
    except OSError:  # its maker has removed it
        return False


@functools.cache
def _place() -> str:
    """Name where pids mean what they mean here: this boot of this machine, and this container."""
    return hashlib.sha256(f"{socket.gethostname()} {boot_id()} {pid_namespace()}".encode()).hexdigest()[:4]


def _maker(pid: int) -> str:
    """Name a process by its number and its start, which tells it from another that is given the number later."""
    return f"{pid:x}-{round(100 * (process_started(pid) or 0)):x}"
