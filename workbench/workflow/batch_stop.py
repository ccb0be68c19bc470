"""When a batch is to end before its work is done: a signal, or its budget."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


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

    The second Ctrl-C is as it always was. A program that has handlers of its own keeps them.
    """
    stop = Stop(budget, started)
    before: dict[int, Any] = {}

    def ask(number: int, _frame: object) -> None:
        name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        if number == signal.SIGINT and stop.asked is not None:
            raise KeyboardInterrupt
        stop.asked = f"Cancelled by {name}"

    if threading.current_thread() is threading.main_thread():
        for caught in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(caught) in (signal.SIG_DFL, signal.default_int_handler):
                before[caught] = signal.signal(caught, ask)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
