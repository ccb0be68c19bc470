"""What is being tried, told while it happens: to the runner as events, by hand as a display that changes."""

from __future__ import annotations

import math
from typing import Any

from workbench.automl.fitting.trial import Trial
from workbench.automl.planning.clock import Clock
from workbench.documents.run_folder import RunFolder
from workbench.metrics import Metric
from workbench.pages.live import Live


class Progress:
    """Tells of each trial, and of what comes after them; the search does not care who listens.

    Parameters
    ----------
    clock
        It says how much time is left till the search has come to its result.
    planned
        How many trials there will be, where no clock decides.
    """

    def __init__(self, metric: Metric, clock: Clock, folder: RunFolder | None, planned: int | None = None) -> None:
        self.metric, self.clock, self.folder, self.planned = metric, clock, folder, planned
        self.best: Trial | None = None
        self.done = 0
        self._live = Live("The search begins.") if folder is None else None

    def started(self) -> None:
        """Tell that the search began."""
        self._tell("search", state="started", metric=self.metric.name, planned=self.planned)

    def resumed(self, trials: int) -> None:
        """Tell that so many trials are known from before, and the best of them are being fitted again."""
        self.done = trials
        self._tell("search", state="resumed", done=trials)

    def begins(self, number: int, family: str) -> None:
        """Tell that a trial begins: it may take a while, and who watches wants to know what is under way."""
        self._tell("trying", number=number, family=family, metric=self.metric.name, **self._standing())

    def trial(self, number: int, family: str, trial: Trial | None) -> None:
        """Tell that a trial ended; None when it failed or was not let finish."""
        self.done += 1
        if trial is not None and (self.best is None or self._better(trial, self.best)):
            self.best = trial
        told = {"number": number, "family": family, "metric": self.metric.name, "score": _plain(trial)}
        self._tell("trial", **told, **self._standing())

    def finishing(self, fitted: int | None = None, chosen: int | None = None) -> None:
        """Tell that the trials are over, and how many of the chosen models have been fitted on all rows."""
        self._tell("finishing", fitted=fitted, chosen=chosen, **self._standing())

    def ended(self, *, interrupted: bool = False) -> None:
        """Tell that the search is over."""
        elapsed, best = round(self.clock.elapsed(), 2), _plain(self.best)
        self._tell("search", state="ended", done=self.done, best=best, elapsed=elapsed, interrupted=interrupted)

    def _tell(self, kind: str, **fields: Any) -> None:
        if self.folder is not None:
            self.folder.say(kind, **fields)
        elif self._live is not None:
            self._live.hear({"kind": kind, **fields})

    def _standing(self) -> dict[str, Any]:
        """How far the search is."""
        left = self.clock.left()
        return {
            "best": _plain(self.best),
            "by": None if self.best is None else self.best.family,
            "done": self.done,
            "planned": self.planned,
            "elapsed": round(self.clock.elapsed(), 2),
            "left": None if math.isinf(left) else round(max(left, 0.0), 2),
        }

    def _better(self, one: Trial, other: Trial) -> bool:
        return not math.isfinite(other.value) or self.metric.loss(one.value) < self.metric.loss(other.value)


def _plain(trial: Trial | None) -> float | None:
    return None if trial is None or not math.isfinite(trial.value) else float(trial.value)
