"""What lies at a URL: files by the names they have in a store, so that it can be copied down and used as one.

Of every kind of place only a few verbs are asked. Whatever it holds was written by others, and is judged by who reads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from workbench.documents.experiment import Manifest
from workbench.errors import WorkbenchError
from workbench.records import Reference

EXPERIMENTS = "experiments"
CHUNK = 2**20
Heard = Callable[[int, int], None]  # bytes that are done, and bytes in all


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of a transfer.

    Parameters
    ----------
    references : list of Reference
        The experiments, the runs of a batch before the batch.
    files, bytes : int
        What really had to travel.
    absent : list of str
        Tables and changes that the manifests name and that did not travel: they are not kept where it came from, or
        were not to go along.
    """

    references: list[Reference]
    files: int
    bytes: int
    absent: list[str]


class Source(Protocol):
    """Files to be had. A name is relative to where: ``experiments/churn/20261121T183000Z-1f3ac09e/scores.json``."""

    @property
    def told(self) -> str:
        """The URL, without what is secret in it."""

    @property
    def workers(self) -> int:
        """How many files may be on their way at a time."""

    def folders(self, name: str) -> list[str]:
        """Give the names of the folders in a folder; none of one that is not there."""

    def sizes(self, name: str) -> dict[str, int]:
        """Give the size of every file below a folder, by its name in it; none of one that is not there."""

    def size(self, name: str) -> int | None:
        """Give the size of one file; None where there is none."""

    def chunks(self, name: str) -> Iterator[bytes]:
        """Read a file piece by piece."""


class Remote(Source, Protocol):
    """Files at a URL that may be written to."""

    def put(self, file: Path, name: str, sent: Callable[[int], None]) -> bool:
        """Write a file as a whole: whoever reads sees the old content, or the new, or none. Tell the bytes sent.

        Whether it had to be sent: what is known by its content may be there already.
        """


class Stopped(WorkbenchError):
    """Another part of the same transfer failed."""


class Tally:
    """Counts bytes over all that are on their way, and stops them all when one fails."""

    def __init__(self, total: int, heard: Heard) -> None:
        self.total, self.done, self._heard = total, 0, heard
        self._lock, self._stopped = threading.Lock(), threading.Event()

    def count(self, size: int) -> None:
        """Count bytes; raises where the transfer has failed elsewhere."""
        if self._stopped.is_set():
            raise Stopped
        with self._lock:
            self.done += size
            self._heard(self.done, self.total)

    def carry_out(self, jobs: Iterable[Callable[[], None]], workers: int) -> None:
        """Carry out jobs, so many at a time; the first error ends them all, and so does Ctrl-C."""
        with ThreadPoolExecutor(workers) as pool:
            try:
                for future in as_completed([pool.submit(job) for job in jobs]):
                    future.result()
            except BaseException:
                self._stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def place_of(reference: Reference) -> str:
    """Name the folder of an experiment."""
    return f"{EXPERIMENTS}/{reference.name}/{reference.version}"


def place_of_object(digest: str) -> str:
    """Name the file of an object."""
    kind, _, mark = digest.partition(":")
    return f"objects/{kind}/{mark[:2]}/{mark}"


def content(remote: Source, name: str, most: int) -> bytes:
    """Read a small file, and at most one piece more of it than `most` bytes."""
    read = bytearray()
    for chunk in remote.chunks(name):
        read += chunk
        if len(read) > most:
            break
    return bytes(read)


def covers(there: Manifest, ours: Manifest) -> bool:
    """Whether what is there is the same experiment; the whole one is the same as a copy of it without its data."""
    return there.get("digest") == ours.get("digest") or ours.get("whole") in (
        there.get("digest"),
        there.get("whole", ""),
    )
