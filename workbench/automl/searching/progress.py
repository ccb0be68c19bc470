"""What is being tried, told while it happens: to the runner as events, by hand as one line that changes."""

from __future__ import annotations

import contextlib
import math
from typing import Any

from workbench.automl.fitting.trial import Trial
from workbench.automl.planning.clock import Clock
from workbench.documents.run_folder import RunFolder
from workbench.metrics import Metric
from workbench.pages.words import count, measured


class Progress:
    """Tells of each trial; the search does not care who listens."""

    def __init__(self, metric: Metric, clock: Clock, folder: RunFolder | None, planned: int | None) -> None:
        self.metric, self.clock, self.folder, self.planned = metric, clock, folder, planned
        self.best: Trial | None = None
        self.done = 0
        self.trying = ""  # what is under way
        self._line = None if folder is not None else _notebook_line()

    def started(self) -> None:
        """Tell that the search began."""
        if self.folder is not None:
            self.folder.say("search", state="started", metric=self.metric.name, planned=self.planned)

    def resumed(self, trials: int) -> None:
        """Tell that so many trials are known from before, and the best of them are being fitted again."""
        self.done = trials
        if self.folder is not None:
            self.folder.say("search", state="resumed", done=trials)
        self._show(f"{trials} trials are known from before; the best are fitted again.")

    def begins(self, number: int, family: str) -> None:
        """Tell that a trial begins: it may take a while, and who watches wants to know what is under way."""
        self.trying = f"{family} {number}"
        if self.folder is not None:
            self.folder.say("trying", number=number, family=family, metric=self.metric.name, **self._standing())
        self._show(self._sentence())

    def trial(self, number: int, family: str, trial: Trial | None) -> None:
        """Tell that a trial ended; None when it failed or was not let finish."""
        self.done += 1
        if trial is not None and (self.best is None or self._better(trial, self.best)):
            self.best = trial
        self.trying = ""
        if self.folder is not None:
            told = {"number": number, "family": family, "metric": self.metric.name, "score": _plain(trial)}
            self.folder.say("trial", **told, **self._standing())
        self._show(self._sentence())

    def ended(self, *, interrupted: bool = False) -> None:
        """Tell that the search is over."""
        if self.folder is not None:
            self.folder.say("search", state="ended", done=self.done, best=_plain(self.best), interrupted=interrupted)
        how = "Interrupted: the best is kept of" if interrupted else ""
        self._show(f"{how} {count(self.done, 'trial')} in {self.clock.elapsed():.0f} s.".strip())

    def _standing(self) -> dict[str, Any]:
        """How far the search is."""
        left = self.clock.left()
        return {
            "best": _plain(self.best),
            "done": self.done,
            "planned": self.planned,
            "elapsed": round(self.clock.elapsed(), 2),
            "left": None if math.isinf(left) else round(max(left, 0.0), 2),
        }

    def _better(self, one: Trial, other: Trial) -> bool:
        return not math.isfinite(other.value) or self.metric.loss(one.value) < self.metric.loss(other.value)

    def _sentence(self) -> str:
        left = self.clock.left()
        rest = f"{self.planned} planned" if math.isinf(left) else f"{max(left, 0):.0f} s left"
        best = (
            "" if self.best is None else f"best {self.metric.name} {measured(self.best.value)} ({self.best.family}) · "
        )
        now = f"trying {self.trying} · " if self.trying else ""
        return f"{count(self.done, 'trial')} done · {best}{now}{rest}"

    def _show(self, text: str) -> None:
        if self._line is not None:
            with contextlib.suppress(Exception):  # a front end that cannot update a line must not end a search
                self._line.update({"text/plain": text}, raw=True)


def _plain(trial: Trial | None) -> float | None:
    return None if trial is None or not math.isfinite(trial.value) else float(trial.value)


def _notebook_line() -> Any:
    """Open a line in a notebook that can be written again; None outside of one."""
    try:
        from IPython.core.getipython import get_ipython
        from IPython.display import display
    except ImportError:
        return None
    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return None
    return display({"text/plain": "The search begins."}, raw=True, display_id=True)
