"""What a run shows while it works: one bar on stderr with trials, best score and time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.text import Text

from workbench.pages.live import finishing
from workbench.pages.words import measured, step_name

LINE_SECONDS = 10  # a log file gets a line every ten seconds, not one a trial


class TimeLeft(ProgressColumn):
    """Counts down by itself: a long trial says nothing for a while, and the clock runs on."""

    def render(self, task: Task) -> Text:
        """Show the time till the search ends, where a clock ends it."""
        ends = task.fields.get("ends")
        return Text("" if ends is None else f"· {_clock(ends - time.monotonic())} left")


class Progress:
    """Draw a run's events; on a terminal as a bar, elsewhere as a line now and then; `quiet` draws nothing."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.console = Console(stderr=True, quiet=quiet)
        self.bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[facts]}"),
            TimeLeft(),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
            disable=quiet or not sys.stderr.isatty(),
        )
        self.task = self.bar.add_task("reading the table", total=None, facts="", ends=None)
        self.said = 0.0
        self.facts = self.printed = ""

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def hear(self, event: dict[str, Any]) -> None:
        """Take one event of the run."""
        match event["kind"]:
            case "trial" | "trying":
                self._search(event)
            case "finishing":
                self._finishing(event)
            case "search" if event["state"] == "resumed":
                self._show(f"{event['done']} trials are known; fitting the best of them again")
            case "step":
                self._show(step_name(event["name"]))
            case "cell" if event["state"] == "started":
                self._show(f"cell {event['index'] + 1} of {event['total']}")
            case "search" if event["state"] == "ended":
                self._line(self.facts)
                self._show("finishing and explaining the winner")

    def _show(
        self, text: str, facts: str = "", *, done: float = 0.0, total: float | None = None, ends: float | None = None
    ) -> None:
        """Show a text and a bar; without a total it only says that something goes on."""
        (task,) = self.bar.tasks
        task.total, task.finished_time = total, None  # an update would leave both as they are
        self.bar.update(self.task, description=text, completed=done, facts=facts, ends=ends)

    def _search(self, event: dict[str, Any]) -> None:
        """Tell how far the search is, and what is being tried while it is."""
        done, left, best = event["done"], event.get("left"), event.get("best")
        facts = f"{done} trial{'' if done == 1 else 's'} done · " + (
            f"best {event['metric']} {measured(best)}" if best is not None else "no score yet"
        )
        elapsed = event.get("elapsed") or 0.0
        ends = None if left is None else time.monotonic() + left
        if event.get("planned"):
            rest = f" · {event['planned'] - done} to go"
            position, total = float(done), float(event["planned"])
        elif left is not None:
            rest = f" · {_clock(left)} left"
            position, total = elapsed, elapsed + max(left, 0.0)
        else:
            rest, position, total = "", 0.0, 1.0
        trying = event["kind"] == "trying"
        now = f"trying {event['family']} {event['number']}" if trying else "searching"
        told = facts if ends is not None else facts + rest  # the bar counts down by itself
        self._show(now, told, done=position, total=total, ends=ends)
        self.facts = facts + rest
        if not trying and (done == 1 or elapsed - self.said >= LINE_SECONDS):
            self.said = elapsed
            self._line(self.facts)

    def _finishing(self, event: dict[str, Any]) -> None:
        """Tell what is done after the trials, and by the time that is left how far it is."""
        text, left, elapsed = finishing(event), event.get("left"), event.get("elapsed") or 0.0
        ends = None if left is None else time.monotonic() + left
        total = None if left is None else elapsed + left
        self._line(self.facts)
        self.facts = ""
        self._show(text, done=elapsed, total=total, ends=ends)
        if event.get("fitted") == 0:
            self._line(text)

    def _line(self, facts: str) -> None:
        """Print one line where there is no bar; none twice."""
        if self.bar.disable and facts and facts != self.printed:
            self.printed = facts
            self.console.print(facts, highlight=False)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(max(seconds, 0)), 60)
    return f"{minutes}:{rest:02d}"


@contextmanager
def files(doing: str, *, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Draw a bar on stderr while many files are done; what it gives is told how many of how many are."""
    quiet = quiet or not sys.stderr.isatty()
    bar = Bar(
        TextColumn(doing),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("files"),
        console=Console(stderr=True, quiet=quiet),
        transient=True,
        disable=quiet,
    )
    task = bar.add_task("", total=None)
    with bar:
        yield lambda done, total: bar.update(task, completed=done, total=total)
