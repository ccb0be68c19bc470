"""What a batch shows: while it works, what runs and what failed; when it is over, what became of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from workbench.cli import text
from workbench.pages.words import count, duration, step_name

SHOWN = 40  # runs in a listing for people; --json has all of them
SAYS = {"left": "not begun", "skipped": "not needed"}
FINE = ("completed", "left", "skipped")


class Progress:
    """Draw a batch's events: on a terminal as a live table, elsewhere one line for each run that ended."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.console = Console(stderr=True, quiet=quiet, highlight=False)
        self.live: Live | None = None
        if not quiet and sys.stderr.isatty():
            self.live = Live(console=self.console, get_renderable=self.table, refresh_per_second=4, transient=True)
        self.running: dict[int, list[Any]] = {}  # number: name, when it began, what it does
        self.counts: Mapping[str, int] = {}
        self.left: float | None = None
        self.total, self.told_at, self.checked = 0, 0.0, 0

    def __enter__(self) -> Self:
        if self.live is not None:
            self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live is not None:
            self.live.stop()

    def hear(self, event: dict[str, Any]) -> None:
        """Take one event of the batch."""
        match event["kind"]:
            case "checking":
                self.checked = event["done"]
            case "planned":
                self._stands(event)
                self._line(_begins(event))
            case "began":
                self.running[event["number"]] = [event["name"], time.monotonic(), "waiting"]
            case "heard" if event["number"] in self.running:
                self.running[event["number"]][2] = _doing(event["event"], self.running[event["number"]][2])
            case "ended":
                self.running.pop(event["run"]["number"], None)
                self._stands(event)
                if self.live is None or event["run"]["status"] != "completed":
                    self._line(self._ended(event["run"]))

    def table(self) -> Group:
        """Lay out where the batch stands: the runs under way, and the sum of the others."""
        runs = Table(box=None, pad_edge=False, show_header=False)
        now = time.monotonic()
        for number, (name, began, doing) in self.running.items():
            runs.add_row(f"{number:,}", escape(name), doing, duration(now - began))
        return Group(runs, Text(self._sum()))

    def _stands(self, event: Mapping[str, Any]) -> None:
        self.counts, self.total, self.left, self.told_at = (
            event["counts"],
            event["total"],
            event["left"],
            time.monotonic(),
        )

    def _done(self) -> int:
        return self.total - self.counts.get("waiting", 0) - self.counts.get("running", 0)

    def _sum(self) -> str:
        if not self.total:
            return f"checking run {self.checked:,}"
        wrong = self._done() - sum(self.counts.get(status, 0) for status in FINE)
        failed = f", {wrong:,} of them did not complete" if wrong else ""
        return f"{self._done():,} of {self.total:,} done{failed}{self._time_left()}"

    def _time_left(self) -> str:
        if self.left is None:
            return ""
        left = self.left - (time.monotonic() - self.told_at)
        return f" · about {duration(left)} left" if left > 0 else ""

    def _ended(self, run: Mapping[str, Any]) -> str:
        width = len(f"{self.total:,}")
        score = f" {text.score(run['metric'], run['score'])}" if run["score"] else ""
        why = f": {run['reason']}" if run["reason"] else ""
        took = "" if run["seconds"] is None else f" in {duration(run['seconds'])}"
        return f"[{self._done():{width},}/{self.total:,}] {run['name']}{_own(run)} {run['status']}{took}{score}{why}"

    def _line(self, line: str) -> None:
        self.console.print(escape(line), soft_wrap=True)


def _begins(event: Mapping[str, Any]) -> str:
    counts = event["counts"]
    if not counts["waiting"]:
        return f"{event['name']}: {count(event['total'], 'run')}, nothing left to do"
    known = event["total"] - counts["waiting"]
    done = f", {known:,} of them done already" if known else ""
    capped = event["asked"] is not None and event["asked"] > event["workers"] and counts["waiting"] > event["workers"]
    place = "the cluster has no more workers" if event.get("cluster") else "this machine has no more cores"
    fewer = f" ({event['asked']} were asked for; {place})" if capped else ""
    threads = count(event["threads"], "thread")
    return f"{event['name']}: {count(event['total'], 'run')}{done}; {event['workers']} at a time, {threads} each{fewer}"


def _own(run: Mapping[str, Any]) -> str:
    told = {**run["parameters"], **run["labels"]}
    return f" ({', '.join(f'{name}={value}' for name, value in list(told.items())[:4])})" if told else ""


def _doing(event: Mapping[str, Any], before: str) -> str:
    match event["kind"]:
        case "step":
            return step_name(event["name"])
        case "cell" if event["state"] == "started":
            return f"cell {event['index'] + 1} of {event['total']}"
        case "trial":
            return f"{count(event['done'], 'trial')} done"
    return before


def batch(document: Mapping[str, Any], again: str) -> None:
    """Tell how a batch ended, and by which command, `again`, to go on; the first line is its reference alone."""
    text.line(document["ref"])
    text.line(_outcome(document))
    troubled = [run for run in document["runs"] if run["status"] not in FINE]
    _runs(troubled, ("status", "reason"))
    if document["reason"]:
        text.line(document["reason"])
    if hint := _hint(document["remaining"], again):
        text.line(hint)
    text.line(f"report: {document['report']}")


def _outcome(document: Mapping[str, Any]) -> str:
    told = ", ".join(f"{number:,} {SAYS.get(status, status)}" for status, number in document["counts"].items())
    if document["ran"] or document["remaining"]["left"]:
        return f"{document['status']} in {duration(document['seconds'])}{text.paid(document)}: {told}"
    total = document["counts"].get("completed", 0)
    if total == len(document["runs"]):
        done = f"all {total:,} runs were" if total > 1 else "the one run was"
        return f"Nothing ran: {done} done already."
    return f"Nothing ran, for nothing is left to do: {told}."


def _hint(remaining: Mapping[str, int], again: str) -> str:
    """Say the one command that does what is still to be done; nothing when there is no such thing."""
    failed = "what failed" + (", and what needs it" if remaining["after"] else "")
    if remaining["left"]:
        more = f" (with --rerun failed, {failed} is run again as well)" if remaining["failed"] else ""
        return f"To go on with what is left: {again}{more}"
    return f"To run again {failed}: {again} --rerun failed" if remaining["failed"] else ""


def foreseen(document: Mapping[str, Any]) -> None:
    """Show a plan."""
    runs = [{**run, "after": ", ".join(run["after"])} for run in document["runs"]]
    _runs(runs, ("state", *(["after"] if any(run["after"] for run in runs) else []), "ref"))
    told = ", ".join(f"{number:,} {state}" for state, number in document["counts"].items())
    text.line(
        f"{document['name']}: {told}; {document['workers']} at a time, {count(document['threads'], 'thread')} each"
    )
    seconds = document["seconds"]
    unknown = "It is not known how long that takes: no such run is kept yet."
    text.line(
        unknown if seconds is None else f"That takes about {duration(seconds)}." if seconds else "Nothing is left."
    )


def _runs(runs: Sequence[Mapping[str, Any]], told: tuple[str, ...]) -> None:
    if runs:
        rows = [
            (f"{run['number']:,}", run["name"], _own(run).strip(" ()"), *(run[name] for name in told)) for run in runs
        ]
        text.rows(("", "run", "", *told), rows[:SHOWN])
    if len(runs) > SHOWN:
        text.line(f"… and {len(runs) - SHOWN:,} more")
