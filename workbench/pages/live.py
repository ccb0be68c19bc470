"""What a notebook shows while a search, a run or a batch works: one display, written again in its place.

It is made of plain HTML, so that it works wherever notebooks are shown, and of the same words as text.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, Protocol, TypeVar

from markupsafe import Markup

from workbench.errors import WorkbenchError
from workbench.pages.words import count, duration, family_name, measured, metric_name, sentence, step_name

P = ParamSpec("P")
R = TypeVar("R", bound="Ended")
TICK = 2.0  # seconds between two looks at the time that is left
BLOCK = Markup('<div class="wb-live">{} <span>{}</span></div>')
FILLED = Markup(' value="{:.3f}"')
BAR = Markup('<progress max="1"{} aria-label="Progress" style="width:200px;vertical-align:middle"></progress>')


class Ended(Protocol):
    """What a verb returns that is shown while it works."""

    @property
    def status(self) -> str:
        """How it ended."""

    @property
    def seconds(self) -> float:
        """How long it took."""


class Live:
    """Shows what is heard in the notebook it is made in; anywhere else it shows nothing."""

    def __init__(self, beginning: str) -> None:
        self.line = opened(_bundle(beginning, Markup()))
        self.lock = threading.Lock()  # the time left is told by a thread of its own
        self.ticker: threading.Thread | None = None
        self.search: Mapping[str, Any] | None = None  # how far the search under way was when it was last heard of
        self.heard_at = 0.0

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take one event of a search, a run or a batch."""
        told = _told(event, 0.0)
        if self.line is None or told is None:
            return
        with self.lock:
            self.search = event if event["kind"] in ("trying", "trial", "finishing") else None
            self.heard_at = time.monotonic()
            self._show(*told)
        is_counting = self.ticker is not None and self.ticker.is_alive()
        if self.search is not None and self.search.get("left") and not is_counting:
            # In the context of the running cell: by it the kernel says whose display this is.
            run = contextvars.copy_context().run
            self.ticker = threading.Thread(target=run, args=(_count_down, weakref.ref(self)), daemon=True)
            self.ticker.start()

    def tick(self) -> bool:
        """Show that time goes on; False when there is none left to tell of."""
        with self.lock:
            if self.search is None or self.search.get("left") is None:
                return False
            since = time.monotonic() - self.heard_at
            told = _told(self.search, since)
            if told is not None:
                self._show(*told)
            return bool(since < self.search["left"])

    def close(self, text: str, *, complete: bool) -> None:
        """Say how it ended: at its end, or broken off, and then without a bar."""
        with self.lock:
            self.search = None
            self._update(text, BAR.format(FILLED.format(1.0)) if complete else Markup())

    def _show(self, text: str, share: float | None = None) -> None:
        """Show a text, and a bar that is filled to a share; without one it only says that something goes on."""
        value = Markup() if share is None else FILLED.format(min(max(share, 0.0), 1.0))
        self._update(text, BAR.format(value))

    def _update(self, text: str, bar: Markup) -> None:
        if self.line is not None:
            with contextlib.suppress(Exception):  # a front end that cannot update a line must not end a search
                self.line.update(_bundle(text, bar), raw=True)


def _count_down(shown: weakref.ref[Live]) -> None:
    """Let the time that is left pass while a trial takes long; end with the search, or with what shows it."""
    goes_on = True
    while goes_on:
        time.sleep(TICK)
        live = shown()
        goes_on = live is not None and live.tick()
        del live


def shown_live(verb: Callable[P, R]) -> Callable[P, R]:
    """Have a verb that takes ``on_event`` show in a notebook how far it is, unless somebody listens already."""

    @functools.wraps(verb)
    def told(*args: P.args, **kwargs: P.kwargs) -> R:
        if kwargs.get("on_event") is not None or not in_notebook():
            return verb(*args, **kwargs)
        live = Live("It begins.")
        kwargs["on_event"] = live.hear
        try:
            done = verb(*args, **kwargs)
        except BaseException as error:
            refused = isinstance(error, WorkbenchError)
            live.close(str(error) if refused else "It did not come to an end.", complete=False)
            raise
        live.close(f"{sentence(done.status.replace('_', ' '))} in {duration(done.seconds)}.", complete=True)
        return done

    return told


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    if "IPython" not in sys.modules:  # a kernel has it; nobody else is to wait for it
        return False
    from IPython.core.getipython import get_ipython

    return hasattr(get_ipython(), "kernel")


def opened(data: Mapping[str, str]) -> Any:
    """Open a display in a notebook that can be written again; None outside of one."""
    if not in_notebook():
        return None
    from IPython.display import display

    return display(data, raw=True, display_id=True)


def _bundle(text: str, bar: Markup) -> dict[str, str]:
    return {"text/plain": text, "text/html": str(BLOCK.format(bar, text))}


def _told(event: Mapping[str, Any], since: float) -> tuple[str, float | None] | None:
    """Say what an event of some seconds ago tells of, and which share is done; None of one that is not for people."""
    match event["kind"]:
        case "trying" | "trial":
            return _search(event, since)
        case "finishing":
            return _counted_down([sentence(finishing(event))], event, since)
        case "search" if event["state"] == "resumed":
            return f"{count(event['done'], 'trial')} known from before; the best are fitted again.", None
        case "search" if event["state"] == "ended":
            return _ended(event), 1.0
        case "cell" if event["state"] == "started":
            return f"cell {event['index'] + 1} of {event['total']}", None
        case "step":
            return step_name(event["name"]), None
        case "planned" | "ended":
            return _batch(event)
    return None


def _search(event: Mapping[str, Any], since: float) -> tuple[str, float | None]:
    """Say how far a search is, and which share of it is done."""
    done, planned, best = event["done"], event.get("planned"), event.get("best")
    told = [f"{count(done, 'trial')} done"]
    if best is not None:
        by = f" ({family_name(event['by'])})" if event.get("by") else ""
        told.append(f"best {metric_name(event['metric'])} {measured(best)}{by}")
    if event["kind"] == "trying":
        told.append(f"trying {family_name(event['family'])} {event['number']}")
    if event.get("left") is None:
        return " · ".join([*told, *([f"{planned} planned"] if planned else [])]), done / planned if planned else None
    return _counted_down(told, event, since)


def _counted_down(told: Sequence[str], event: Mapping[str, Any], since: float) -> tuple[str, float | None]:
    """Add the time that is left, where a clock decides; the share that is done is one of time."""
    if event.get("left") is None:
        return " · ".join(told), None
    left = max(event["left"] - since, 0.0)
    elapsed = (event.get("elapsed") or 0.0) + since
    return " · ".join([*told, f"{_span(left)} left"]), elapsed / (elapsed + left) if elapsed + left else None


def finishing(event: Mapping[str, Any]) -> str:
    """Say what is done after the trials: models are chosen, fitted on all rows, and measured."""
    fitted, chosen = event.get("fitted"), event.get("chosen")
    if chosen is None or fitted is None:
        return "choosing what the model is made of"
    if fitted == chosen:
        return "measuring the model"
    which = "the chosen model" if chosen == 1 else f"the {chosen} chosen models"
    return f"fitting {which} on all rows" + (f": {fitted} done" if fitted else "")


def _ended(event: Mapping[str, Any]) -> str:
    how = "Interrupted: the best is kept of " if event.get("interrupted") else ""
    took = "" if event.get("elapsed") is None else f" in {_span(event['elapsed'])}"
    return f"{how}{count(event['done'], 'trial')}{took}."


def _batch(event: Mapping[str, Any]) -> tuple[str, float]:
    """Say how many runs of a batch are done."""
    counts, total = event["counts"], event["total"]
    done = total - counts["waiting"] - counts["running"]
    wrong = done - sum(counts.get(status, 0) for status in ("completed", "skipped", "left"))
    failed = f", {wrong:,} of them did not complete" if wrong else ""
    left = f" · about {_span(event['left'])} left" if event.get("left") else ""
    return f"{done:,} of {count(total, 'run')} done{failed}{left}", done / total if total else 1.0


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 60 else duration(seconds)
