"""The caller's thread of a run: it keeps watch while a worker executes the notebook.

It passes events on, notices limits, Ctrl-C and its like, and writes the heartbeat. It stops a run by ending the kernel,
which papermill notices within a second.
"""

from __future__ import annotations

import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from workbench.documents.run_folder import HEARTBEAT_SECONDS
from workbench.execution.attempt import Attempt, Spent, utc_now
from workbench.execution.limits import Every
from workbench.execution.signals import cancelled_by, signals_to
from workbench.execution.verdict import Stop
from workbench.execution.worker import Worker
from workbench.pages.words import size

TICK = 0.1  # seconds between two looks at a run
GRACE = 1.0  # seconds between asking a kernel to stop and killing it: with the second papermill needs, under three
PATIENCE = 15.0  # seconds to wait for the worker after its kernel was killed
LOOK_SECONDS = 1.0  # between two looks at what a run without a limit of memory takes
TELL_SECONDS = 5.0  # between two events that tell it

Listener = Callable[[dict[str, Any]], None]
log = logging.getLogger(__name__)


class Watch:
    """Keeps watch over one attempt: `on_event` hears of it, and `cancelled` may end it by a reason."""

    def __init__(
        self, attempt: Attempt, spent: Spent, on_event: Listener | None, cancelled: Callable[[], str | None]
    ) -> None:
        self.attempt, self.folder, self.limits = attempt, attempt.folder, attempt.limits
        self.spent, self.on_event, self.cancelled = spent, on_event, cancelled
        self.stopped = math.inf  # when it was
        self.is_kernel_known = False  # to the record
        self.beat, self.tell = Every(HEARTBEAT_SECONDS), Every(TELL_SECONDS)
        self.look = Every(TICK if self.limits.memory else LOOK_SECONDS)

    def keep(self, env: Mapping[str, str]) -> None:
        """Have the notebook executed in a worker's thread; return when it is over."""
        work = Worker(self.attempt).work
        worker = threading.Thread(target=work, args=(env,), name=f"run {self.folder.path.name}", daemon=True)
        worker.start()
        self.folder.say("run", state="started", total=len(self.attempt.notebook.cells), attempt=self.spent.attempts)
        while worker.is_alive():
            try:
                worker.join(TICK)
                if not self._goes_on(time.monotonic()):
                    break
                self._tell()
            except KeyboardInterrupt:  # raised in a listener
                self.attempt.asked = Stop("cancelled", "Cancelled by Ctrl-C")
            except OSError as error:
                told = f"The run folder cannot be written: {error.strerror or error}"
                self.attempt.asked = Stop("failed", told)

    def rest(self, seconds: float) -> None:
        """Let time pass, or less when the run is to stop."""
        self.pass_on_events()  # who hears of it may cancel
        end, beat = time.monotonic() + seconds, Every(HEARTBEAT_SECONDS)
        while time.monotonic() < end and not self._is_asked_to_stop():
            time.sleep(TICK)
            self.pass_on_events()
            if beat.is_due():
                self.folder.update(heartbeat=utc_now())

    def pass_on_events(self) -> None:
        """Tell the listener what is new."""
        if self.on_event is None:
            return
        events, self.spent.heard = self.folder.heard_from(self.spent.heard)
        try:
            for event in events:
                self.on_event(event)
        except Exception:
            log.exception("Showing the progress of a run failed; the run goes on without.")
            self.on_event = None

    def _goes_on(self, now: float) -> bool:
        """Stop what is to be stopped; False when even a kernel that was killed does not end the run."""
        if self.attempt.stop is None and not self.attempt.over:
            if self.look.is_due():
                self._look()
                self.look.rest(time.monotonic() - now)
            self._stop_if_due(now)
            self.stopped = now
        elif self.attempt.stop is not None and now - self.stopped > GRACE:
            self.attempt.kernel.kill()
            return now - self.stopped < PATIENCE
        return True

    def _tell(self) -> None:
        """Write down that the run goes on, and what it takes."""
        tree = self.attempt.tree
        if tree is not None and not self.is_kernel_known:
            self.folder.update(kernel=tree.named)  # for who has to end it if this process cannot
            self.is_kernel_known = True
        if self.beat.is_due():
            self.folder.update(heartbeat=utc_now())
        if self.tell.is_due() and tree is not None and not self.attempt.over:
            used = tree.usage
            self.folder.say("resources", memory=used.memory, cpu=round(used.cpu, 3), peak_memory=used.peak)
        self.pass_on_events()

    def _look(self) -> None:
        """Measure what the kernel's processes take, and end them at once when that is too much."""
        if self.attempt.tree is None:
            return
        taken, allowed = self.attempt.tree.look().memory, self.limits.memory
        if allowed is not None and taken > allowed:
            told = f"The run took {size(taken)} of memory; its limit is {size(allowed)}"
            self.attempt.stop = Stop("out_of_memory", told)
            self.attempt.kernel.kill()  # to be asked first would give it time to take more

    def _stop_if_due(self, now: float) -> None:
        if self.attempt.stop is None:
            self.attempt.stop = self.attempt.asked if self._is_asked_to_stop() else self._over_time(now)
            if self.attempt.stop is not None:
                self.attempt.kernel.interrupt()

    def _is_asked_to_stop(self) -> bool:
        if self.attempt.asked is None and (reason := self.cancelled()) is not None:
            self.attempt.asked = Stop("cancelled", reason)
        return self.attempt.asked is not None

    def _over_time(self, now: float) -> Stop | None:
        timeout, cell_timeout = self.limits.timeout, self.limits.cell_timeout
        if timeout is not None and now - self.spent.began > timeout:
            return Stop("timed_out", f"The run took longer than its limit of {timeout:g} s")
        if cell_timeout is not None and now - self.attempt.cell_began > cell_timeout:
            return Stop("timed_out", f"The cell took longer than its limit of {cell_timeout:g} s")
        return None


@contextmanager
def signals_stop(attempt: Attempt) -> Iterator[None]:
    """Turn Ctrl-C, SIGTERM and SIGHUP into a request to stop.

    One that came too late to change the run is sent again when its outcome is written.
    """
    unanswered: set[int] = set()

    def ask(number: int) -> None:
        unanswered.add(number)
        if number == signal.SIGINT and attempt.asked is not None and not attempt.over:
            raise KeyboardInterrupt  # the second one: a listener may hang
        attempt.asked = Stop("cancelled", cancelled_by(number))

    try:
        with signals_to(ask):
            yield
    finally:
        if attempt.stop is None or attempt.stop.status != "cancelled":
            for late in unanswered:
                signal.raise_signal(late)
