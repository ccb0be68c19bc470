"""What a run may take, and what it takes: time, and the memory and processor of the kernel's whole process tree.

Two guards keep a run within its memory. The resident memory of the tree is watched, which is what a machine runs out
of. Behind it stands a limit of address space in the kernel itself, for what is asked for in one piece: a watch would
come too late. Address space says little of memory (threads reserve it by the gigabyte), so that limit is far above.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from workbench.documents.process import process_started

GIB = 2**30
FAMILY_SECONDS = 1.0  # at least so long between two searches for the processes of a tree, which reads all of /proc
GONE = (psutil.Error, OSError)  # a process may end, or belong to another user, at any time


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may take: seconds for all of it and for each cell, bytes of memory; None is no limit."""

    timeout: float | None = None
    cell_timeout: float | None = None
    memory: int | None = None

    @property
    def address_space(self) -> int | None:
        """Bytes of address space for each process of a run with a limit of memory: as much again, at least 8 GiB."""
        return None if self.memory is None else self.memory + max(self.memory, 8 * GIB)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a tree of processes takes: resident bytes now and at most, and seconds of processor time so far."""

    memory: int = 0
    cpu: float = 0.0
    peak: int = 0


def confine(pid: int, most: int) -> None:
    """Limit the address space of a process and of all it will start to so many bytes, where the system can (Linux)."""
    import resource  # not on every system

    if hasattr(resource, "prlimit"):
        with suppress(OSError):  # it is gone already
            _, hard = resource.prlimit(pid, resource.RLIMIT_AS)
            soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.prlimit(pid, resource.RLIMIT_AS, (soft, hard))


class Every:
    """Tells when something is due that is done now and then; what takes long is done less often."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.next = time.monotonic() + seconds

    def is_due(self) -> bool:
        """Tell whether it is due; if so, the next time is set."""
        if (now := time.monotonic()) < self.next:
            return False
        self.next = now + self.seconds
        return True

    def rest(self, took: float) -> None:
        """Put the next time off after work that took so many seconds, so that it takes a twentieth at most."""
        self.next = max(self.next, time.monotonic() + 20 * took)


class Tree:
    """The processes that one process leads: its descendants, and all in its session. Any thread may look."""

    def __init__(self, leader: int) -> None:
        self.leader = leader
        self.named = {"pid": leader, "started": process_started(leader)}
        self.usage = Usage()
        self._family = _alive([leader])
        self._found = time.monotonic()
        self._lock = threading.Lock()

    def look(self, *, closely: bool = False) -> Usage:
        """Measure what the processes take; search for new ones now and then, or (`closely`) now."""
        with self._lock:
            if closely or time.monotonic() - self._found > FAMILY_SECONDS:
                self._family, self._found = _family(self.leader), time.monotonic()
            memory = _memory(self._family)
            # A process that ended without being waited for takes its time along: what was known of it stays.
            cpu = max(self.usage.cpu, sum(map(_cpu, self._family)))
            self.usage = Usage(memory, cpu, max(self.usage.peak, memory, *map(_highest, self._family), 0))
            return self.usage


def descendants(leader: int) -> list[psutil.Process]:
    """Find what a living process started, and what that started, in whatever session it is."""
    with suppress(*GONE):
        return list(psutil.Process(leader).children(recursive=True))
    return []


def _family(leader: int) -> list[psutil.Process]:
    found = {process.pid: process for process in [*_alive([leader]), *descendants(leader)]}
    session = [pid for pid in psutil.pids() if pid not in found and _session(pid) == leader]  # their parent has ended
    return [*found.values(), *_alive(session)]


def _alive(pids: Iterable[int]) -> list[psutil.Process]:
    found = []
    for pid in pids:
        with suppress(*GONE):
            found.append(psutil.Process(pid))
    return found


def _session(pid: int) -> int | None:
    with suppress(OSError):
        return os.getsid(pid)
    return None


def _memory(family: list[psutil.Process]) -> int:
    """Sum up resident bytes. Pages that processes share, as after a fork, are counted once where the system tells."""
    return sum(_resident(process, alone=len(family) == 1) for process in family)


def _resident(process: psutil.Process, *, alone: bool) -> int:
    with suppress(*GONE):
        if not alone:
            with suppress(*GONE):
                shares = process.memory_full_info()
                return int(getattr(shares, "pss", shares.uss))
        return int(process.memory_info().rss)
    return 0


def _cpu(process: psutil.Process) -> float:
    """Give the seconds of a process and of its children that have ended."""
    with suppress(*GONE):
        times = process.cpu_times()
        return float(sum(times[:4]))  # user, system, and both of the children
    return 0.0


def _highest(process: psutil.Process) -> int:
    """Give the most bytes a process ever held, where the system remembers: a look now and then misses peaks."""
    with suppress(OSError, ValueError):
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8", errors="replace")
        return next((1024 * int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)
    return 0
