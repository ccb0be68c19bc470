"""Ctrl-C and its like as a wish, for work that has to be ended in order and kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def signals_to(ask: Callable[[int], None]) -> Iterator[None]:
    """Hand SIGINT, SIGTERM and SIGHUP to `ask`, where they would otherwise end this process at any line.

    A program that has handlers of its own keeps them, and only the main thread may set any.
    """
    before: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                before[number] = signal.signal(number, lambda caught, _frame: ask(caught))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def cancelled_by(number: int) -> str:
    """Say in one line what a signal did.

    >>> cancelled_by(signal.SIGINT), cancelled_by(signal.SIGTERM)
    ('Cancelled by Ctrl-C', 'Cancelled by SIGTERM')
    """
    return f"Cancelled by {'Ctrl-C' if number == signal.SIGINT else signal.Signals(number).name}"
