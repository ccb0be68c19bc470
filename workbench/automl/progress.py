"""What is being tried, told while it happens: to the runner as events, by hand as one line that changes."""

from __future__ import annotations

import contextlib
import math
from typing import Any

from workbench.automl.clock import Clock
from workbench.automl.fitting import Trial
from workbench.documents.run_folder import RunFolder
from workbench.metrics import Metric


class Progress:
    """Tells of each trial; the search does not care who listens."""

    def __init__(self, metric: Metric, clock: Clock, folder: RunFolder | None, planned: int | None) -> None:
        self.metric, self.clock, self.folder, self.planned = metric, clock, folder, planned
        self.best: Trial | None = None
        self.done = 0
        self._line = None if folder is not None else _notebook_line()

    def started(self) -> None:
        """Tell that the search began."""
        if self.folder is not None:
            self.folder.say("search", state="started", metric=self.metric.name, planned=self.planned)

    def trial(self, number: int, family: str, trial: Trial | None) -> None:
        """Tell that a trial ended; None when it failed or was not let finish."""
        self.done += 1
        if trial is not None and (self.best is None or self._better(trial, self.best)):
            self.best = trial
        score, best = _plain(trial), _plain(self.best)
        if self.folder is not None:
            left = self.clock.left()
            self.folder.say(
                "trial",
                number=number,
                family=family,
                metric=self.metric.name,
                score=score,
                best=best,
                done=self.done,
                planned=self.planned,
                elapsed=round(self.clock.elapsed(), 2),
                left=None if math.isinf(left) else round(max(left, 0.0), 2),
            )
        self._show(self._sentence(family))

    def ended(self) -> None:
        """Tell that the search is over."""
        if self.folder is not None:
            self.folder.say("search", state="ended", done=self.done, best=_plain(self.best))
        self._show(f"{self.done} trials in {self.clock.elapsed():.0f} s.")

    def _better(self, one: Trial, other: Trial) -> bool:
        return not math.isfinite(other.value) or self.metric.loss(one.value) < self.metric.loss(other.value)

    def _sentence(self, family: str) -> str:
        left = self.clock.left()
        rest = f"{self.planned} planned" if math.isinf(left) else f"{max(left, 0):.0f} s left"
        best = "" if self.best is None else f"best {self.metric.name} {self.best.value:.4f} ({self.best.family}) · "
        return f"{self.done} trials · {best}last tried {family} · {rest}"

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
