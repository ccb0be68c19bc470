"""Kernels started before their runs: a kernel's start takes longer than many a notebook. None ever has a second run.

Of many kernels of one kind, the imports are done once: they are forked from a process that has done them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Self

from workbench.execution.fork_server import ForkServer, can_fork
from workbench.execution.kernel import Kernel, inherited
from workbench.execution.spec import Spec, at_start

MOST_SERVERS = 3  # that are kept at a time: each holds in memory what it has imported

Key = tuple[Spec, tuple[str, ...], frozenset[tuple[str, str]]]


class Kernels:
    """Kernels that wait for their runs; a context manager, at whose end none is left. Any thread may take one.

    Parameters
    ----------
    spare : int
        How many to keep waiting: each time one is taken, the next of its kind is started. It may be changed while runs
        go on, as to 0 when no more are to come. While it is 0, each kernel is a process started for itself.

    Examples
    --------
    >>> with Kernels(spare=1) as kernels:  # doctest: +SKIP
    ...     for folder, notebook in prepared:
    ...         execute(folder, notebook, kernels=kernels)
    """

    def __init__(self, spare: int = 0) -> None:
        self.spare = spare
        self._waiting: list[tuple[Key, Kernel]] = []  # oldest first
        self._servers: dict[Key, ForkServer] = {}  # likewise
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End those that wait; those that were taken belong to their runs."""
        with self._lock:
            self._closed = True
            waiting, self._waiting = self._waiting, []
            servers, self._servers = self._servers, {}
        _discard(waiting)
        for server in servers.values():
            server.close()

    def ready(self, spec: Spec, preload: Iterable[str] = (), env: Mapping[str, str] | None = None) -> None:
        """Start one ahead, for a run that is to come."""
        key = _key(spec, preload, env)
        if spec.installed is None:  # any other is given its directory and environment at its start
            self._keep([(key, self._start(key, spec, preload, env))])

    def take(self, spec: Spec, preload: Iterable[str] = (), env: Mapping[str, str] | None = None) -> Kernel:
        """Give a kernel for one run: one that waits, if there is one of its kind that lives; else a new one.

        Parameters
        ----------
        spec : Spec
            Which program.
        preload : iterable of str, optional
            Modules it has imported, or will.
        env : mapping, optional
            The run's environment. Kernels are of one kind when they were started with the same variables, those of
            this process included.
        """
        key = _key(spec, preload, env)
        with self._lock:
            dead = [one for one in self._waiting if not one[1].is_alive]
            fitting = [one for one in self._waiting if one[0] == key and one not in dead]
            self._waiting = [one for one in self._waiting if one not in dead and one not in fitting[:1]]
        _discard(dead)
        kernel = fitting[0][1] if fitting else self._start(key, spec, preload, env)
        for _ in range(self.spare - len(fitting[1:])):
            self.ready(spec, preload, env)
        return kernel

    def _start(self, key: Key, spec: Spec, preload: Iterable[str], env: Mapping[str, str] | None) -> Kernel:
        server = self._server(key, spec, preload, env) if spec.installed is None and can_fork() else None
        return Kernel(spec, preload, env, server)

    def _server(self, key: Key, spec: Spec, preload: Iterable[str], env: Mapping[str, str] | None) -> ForkServer | None:
        """Give who forks kernels of a kind, if there are to be many; one that failed at once would fail again."""
        with self._lock:
            known = self._servers.get(key)
            if known is not None and (known.is_alive or not known.has_forked):
                return known
            if self.spare < 1 or self._closed:
                return None
            for oldest in list(self._servers)[: 1 - MOST_SERVERS]:
                self._servers.pop(oldest).close()
            server = ForkServer(spec.argv, preload, {**inherited(), **at_start(env or {})})
            self._servers[key] = server
            return server

    def _keep(self, started: list[tuple[Key, Kernel]]) -> None:
        """Let kernels wait; of too many the oldest have to go, as when kernels of another kind are wanted now."""
        with self._lock:
            if not self._closed:
                self._waiting += started
                started = self._waiting[: -max(self.spare, 1)]
                self._waiting = self._waiting[len(started) :]
        _discard(started)


def _key(spec: Spec, preload: Iterable[str], env: Mapping[str, str] | None) -> Key:
    return spec, tuple(preload), frozenset({**os.environ, **at_start(env or {})}.items())


def _discard(kernels: list[tuple[Key, Kernel]]) -> None:
    for _, kernel in kernels:
        kernel.discard()
