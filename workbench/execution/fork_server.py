"""A process that has imported what kernels need, and forks them: a kernel's start without its imports.

Its program is `kernel_process.fork_server`. What it forks is no child of this process, so how that ended is told over
a socket; `Forked` stands for it as `subprocess.Popen` does for a child. A kernel lives on if its server dies.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from workbench.documents.process import process_started

LARGEST_MESSAGE = 65536  # bytes of a path as JSON
POLL_SECONDS = 0.01
PATIENCE = 120.0  # seconds for a server to have imported everything
GOODBYE_SECONDS = 5.0  # for what it has just forked to tell of itself, when it is ended
LOST = -signal.SIGKILL  # of a kernel whose end nobody can tell: what ended its server has most likely ended it, too


class Process(Protocol):
    """What a kernel needs to know of its process, as `subprocess.Popen` tells it."""

    @property
    def pid(self) -> int:
        """Its number."""

    def poll(self) -> int | None:
        """Give what it ended with, negative for a signal; None while it lives."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait till it has ended; raises `subprocess.TimeoutExpired`."""


class Forked:
    """A kernel's process that a server was asked for: its private folder, and what it ended with."""

    def __init__(self, server: ForkServer, private: Path) -> None:
        self.private = private
        self.returncode: int | None = None
        self._server = server
        self._pid: int | None = None
        self._started: float | None = None
        self._is_unwanted = False

    @property
    def has_begun(self) -> bool:
        """Whether it was forked."""
        if self._pid is None:
            self._server.listen()
        return self._pid is not None

    @property
    def pid(self) -> int:
        """Its number, which is waited for; raises ProcessLookupError if it was never forked."""
        while not self.has_begun and self.poll() is None:
            time.sleep(POLL_SECONDS)
        if self._pid is None:
            raise ProcessLookupError("The process was never begun")
        return self._pid

    def poll(self) -> int | None:
        """Give what it ended with, negative for a signal; None while it lives."""
        if self.returncode is None:
            self._server.listen()
        if self.returncode is None and not self._server.is_alive and not self._is_seen():
            self.returncode = LOST
        return self.returncode

    def _is_seen(self) -> bool:
        return self._pid is not None and self._started is not None and process_started(self._pid) == self._started

    def wait(self, timeout: float | None = None) -> int:
        """Wait till it has ended."""
        end = time.monotonic() + (float("inf") if timeout is None else timeout)
        while (ended := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("kernel", timeout or 0)
            time.sleep(POLL_SECONDS)
        return ended

    async def begins(self) -> bool:
        """Wait till it is forked; False when the server cannot."""
        end = time.monotonic() + PATIENCE
        while not self.has_begun and self.poll() is None:
            if time.monotonic() > end:
                self._server.process.kill()
            await asyncio.sleep(POLL_SECONDS)
        return self.has_begun or self._is_unwanted

    def give_up(self) -> None:
        """Have it ended as soon as it begins."""
        self._is_unwanted = True
        self.returncode = LOST
        if self._pid is not None:
            self._undo(self._pid)

    def is_told(self, pid: int | None, ended: int | None) -> None:
        """Take in what the server tells of it."""
        if pid is not None and self._pid is None:
            self._started = process_started(pid)
            self._pid = pid
            if self._is_unwanted:
                self._undo(pid)
        if self.returncode is None:
            self.returncode = ended

    def _undo(self, pid: int) -> None:
        """End what has just begun; it may already be filling its folder again."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        end = time.monotonic() + GOODBYE_SECONDS
        while self._is_seen() and time.monotonic() < end:
            time.sleep(POLL_SECONDS)
        shutil.rmtree(self.private, ignore_errors=True)


class ForkServer:
    """A process that forks kernels of one kind. Any thread may use it.

    Parameters
    ----------
    argv : iterable of str
        The program of a kernel.
    preload : iterable of str
        Modules to import in it.
    env : mapping
        Its environment, and that of its kernels.
    """

    def __init__(self, argv: Iterable[str], preload: Iterable[str], env: Mapping[str, str]) -> None:
        modules = tuple(preload)
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setblocking(False)
        with theirs:
            asked = ("--fork", str(theirs.fileno()), str(os.getpid()), str(len(modules)), *modules)
            self.process = subprocess.Popen(
                [*argv, *asked],
                cwd="/",
                env=env,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C in the terminal is not for it
            )
        self.is_alive = True
        self.has_forked = False
        self._kernels: dict[str, Forked] = {}  # by their folders
        self._is_closed = False
        self._lock = threading.RLock()

    def fork(self, private: Path) -> Forked:
        """Ask for a process for the kernel of a folder; raises OSError if that cannot be asked."""
        with self._lock:
            self.listen()
            self._control.send(json.dumps(str(private)).encode())
            kernel = self._kernels[str(private)] = Forked(self, private)
            return kernel

    def listen(self) -> None:
        """Take in what it has told since."""
        with self._lock:
            while (told := self._told()) is not None:
                self._take_in(*told)

    def _told(self) -> tuple[str, int | None, int | None] | None:
        """Give the next message, if there is one."""
        if not self.is_alive:
            return None
        try:
            message = self._control.recv(LARGEST_MESSAGE)
        except (BlockingIOError, TimeoutError):
            return None
        except OSError:
            message = b""
        if not message:
            self._bury()
            return None
        private, pid, ended = json.loads(message)
        return private, pid, ended

    def _take_in(self, private: str, pid: int | None, ended: int | None) -> None:
        self.has_forked = self.has_forked or pid is not None
        self._kernels[private].is_told(pid, ended)
        if ended is not None:
            del self._kernels[private]
        self._end_if_unused()

    def close(self) -> None:
        """End it, once all of its kernels have ended: nobody else can tell how they did."""
        with self._lock:
            self._is_closed = True
            self._end_if_unused()

    def _end_if_unused(self) -> None:
        if self.is_alive and self._is_closed and all(one.returncode is not None for one in self._kernels.values()):
            self.process.kill()
            self._control.settimeout(GOODBYE_SECONDS)
            while (told := self._told()) is not None:  # of a kernel that nobody wants, and that has just begun
                self._kernels[told[0]].is_told(*told[1:])
            self._bury()

    def _bury(self) -> None:
        self.is_alive = False
        self._control.close()
        self.process.kill()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(GOODBYE_SECONDS)


def can_fork() -> bool:
    """Tell whether there are such servers on this system."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open")
