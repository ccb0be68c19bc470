"""How much time is left, told to everyone who plans.

The budget is the wall time of a whole run, from the command's start to its end. In a run the runner wrote the
deadline; by hand the clock starts when the table is read. Time is that of `time.monotonic`: the machine's clock may be
set while a search goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from workbench.dataset import Dataset
from workbench.documents.process import boot_id
from workbench.documents.run_folder import here
from workbench.template import seconds

LEAST_RESERVE, RESERVE_SHARE = 4.0, 0.08  # explain, record, report and capture take their time after the search
LEAST_SEARCH = 2.0  # a search that was promised nothing still gets this: a late first model beats none


@dataclass(frozen=True, slots=True)
class Clock:
    """Two moments, in seconds of `time.monotonic`: when the search must end, and when the whole run must.

    A clock without moments never runs out: a search for a number of trials reads no clock. One that is sent to another
    machine, whose seconds begin elsewhere, ends there at the same time of day.
    """

    search_ends: float | None = None
    run_ends: float | None = None
    started: float = 0.0
    now: Callable[[], float] = time.monotonic

    def left(self) -> float:
        """Seconds the search still has; infinite without a deadline."""
        return float("inf") if self.search_ends is None else self.search_ends - self.now()

    def elapsed(self) -> float:
        """Seconds since the search began."""
        return self.now() - self.started

    def sooner(self, seconds: float) -> Clock:
        """Give the same clock, ending `seconds` from now if that is sooner."""
        if self.search_ends is None:
            return self
        return replace(self, search_ends=min(self.search_ends, self.now() + seconds))

    def is_up(self) -> bool:
        """Whether the time of the search is over."""
        return self.search_ends is not None and self.now() >= self.search_ends

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel with the machine's own time and the time of day."""
        return _arrived, (self.search_ends, self.run_ends, self.started, boot_id(), _time_of_day())


def _arrived(search_ends: float | None, run_ends: float | None, started: float, boot: str | None, day: float) -> Clock:
    """Set up a clock that was sent, if need be by this machine's own time."""
    later = 0.0 if boot is not None and boot == boot_id() else day - _time_of_day()
    search_ends, run_ends = (None if moment is None else moment + later for moment in (search_ends, run_ends))
    return Clock(search_ends, run_ends, started + later)


def _time_of_day() -> float:
    """Give what is to be added to a moment for its time of day."""
    return time.time() - time.monotonic()


def run_deadline(dataset: Dataset, budget: str | float) -> float:
    """When the whole run must end, in seconds of `time.monotonic`."""
    folder = here()
    left = None if folder is None else folder.seconds_left()
    return dataset.read_at + seconds(budget) if left is None else time.monotonic() + left


def clock_for(dataset: Dataset, budget: str | float) -> Clock:
    """Give a search what is left of the run, less what comes after the search."""
    now, ends = time.monotonic(), run_deadline(dataset, budget)
    reserve = max(LEAST_RESERVE, RESERVE_SHARE * seconds(budget))
    return Clock(max(ends - reserve, now + LEAST_SEARCH), ends, now)


def untimed() -> Clock:
    """Give a clock that never runs out."""
    return Clock(started=time.monotonic())
