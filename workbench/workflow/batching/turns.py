"""The runs of one worker of a cluster: one after the other, and between them the next kernel waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.execution import Kernels

TICK = 0.2  # seconds between two looks at whether a run is still to begin
IDLE_SECONDS = 30.0  # after which no further run is expected


class Turns:
    """Gives runs their turn, each with the kernels of this process; when none comes for a while they are ended."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._kernels: Kernels | None = None
        self._timer: threading.Timer | None = None

    @contextmanager
    def next(self, cancelled: Callable[[], str | None]) -> Iterator[Kernels | None]:
        """Wait for the turn; gives None when the run was cancelled before it came."""
        while not self._turn.acquire(timeout=TICK):
            if cancelled() is not None:
                yield None
                return
        try:
            yield self._kept()
        finally:
            self._end_later()
            self._turn.release()

    def _kept(self) -> Kernels:
        from workbench.execution import Kernels

        if self._timer is not None:
            self._timer.cancel()
        if self._kernels is None:
            self._kernels = Kernels(spare=1)
        return self._kernels

    def _end_later(self) -> None:
        self._timer = threading.Timer(IDLE_SECONDS, self._end)
        self._timer.daemon = True
        self._timer.start()

    def _end(self) -> None:
        if self._turn.acquire(blocking=False):  # else a run has them
            try:
                if self._kernels is not None:
                    self._kernels.close()
                self._kernels = None
            finally:
                self._turn.release()
