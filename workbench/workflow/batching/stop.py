"""When a batch is to end before its work is done: a signal, or its budget."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stop:
    """Whether the batch is to end before its work is done, and why."""

    def __init__(self, budget: float | None, started: float) -> None:
        self.ends = None if budget is None else started + budget
        self.asked: str | None = None

    def reason(self) -> str | None:
        """Say why; None as long as it is to go on."""
        if self.asked is None and self.ends is not None and time.time() > self.ends:
            return "The batch's budget is used up"
        return self.asked


@contextmanager
def stops(budget: float | None, started: float) -> Iterator[Stop]:
    """Turn Ctrl-C, SIGTERM and SIGHUP into a wish, so that every run under way is ended and kept.

    The second Ctrl-C is as it always was.
    """
    from workbench.execution.signals import cancelled_by, signals_to

    stop = Stop(budget, started)

    def ask(number: int) -> None:
        if number == signal.SIGINT and stop.asked is not None:
            raise KeyboardInterrupt
        stop.asked = cancelled_by(number)

    with signals_to(ask):
        yield stop
