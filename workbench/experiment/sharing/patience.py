"""Doing something far away: again after a moment where it failed, and told in one line where it fails for good."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from workbench.dataset.addresses import trouble
from workbench.documents.redaction import without_credentials
from workbench.errors import BadAddress, WorkbenchError

PAUSES: tuple[float, ...] = (0.5, 2.0)  # seconds before trying again
LASTING = (FileNotFoundError, PermissionError, NotADirectoryError, IsADirectoryError, ImportError, NotImplementedError)
T = TypeVar("T")


def tried(do: Callable[[], T], url: str, verb: str = "read") -> T:
    """Do something, and again after a pause where it failed.

    Raises
    ------
    FileNotFoundError
        If that is the answer.
    BadAddress
        If it fails for good; `verb` says what was to be done with the URL.
    """
    for pause in (*PAUSES, None):
        try:
            return do()
        except FileNotFoundError:
            raise
        except Exception as error:  # each library has errors of its own
            wait_or_raise(error, pause, url, verb)
    raise AssertionError("the last error was raised")


def wait_or_raise(error: Exception, pause: float | None, url: str, verb: str = "read", name: str = "") -> None:
    """Wait where an error may pass by; raise it in our own words where it will not, or where there is no `pause`."""
    if isinstance(error, WorkbenchError):
        raise error
    if pause is None or isinstance(error, LASTING):
        told = without_credentials(url) + (f"/{name}" if name else "")
        raise BadAddress(told, *trouble(error, url, verb)) from None
    time.sleep(pause)


def read_on(read_from: Callable[[int], Iterator[bytes]], url: str, name: str) -> Iterator[bytes]:
    """Read piece by piece with a reader that begins at any byte: after a break from where it ended.

    However often it breaks, it goes on as long as each try brings something; without that it ends like `tried`.
    """
    read, pauses = 0, iter(PAUSES)
    while True:
        before = read
        try:
            for chunk in read_from(read):
                read += len(chunk)
                yield chunk
            return
        except Exception as error:
            pauses = iter(PAUSES) if read > before else pauses
            wait_or_raise(error, next(pauses, None), url, name=name)
