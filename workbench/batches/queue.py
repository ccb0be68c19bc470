"""Who runs next, and whether anybody does: decided from values, without a clock of its own."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from workbench.batches.known import MISSING, Known
from workbench.batches.plan import Planned
from workbench.documents.outbox import score_document
from workbench.experiment import Experiment
from workbench.records import Score

BEGINNING = 3  # ended runs after which their own time, rather than that of earlier ones, says how long is left


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one planned run.

    `status` is that of its experiment, or ``refused`` (before it began) or ``left`` (not begun). `before` says that it
    was done before this batch began.
    """

    run: Planned
    status: str
    ref: str | None = None
    reason: str = ""
    metric: str | None = None
    score: Score | None = None
    seconds: float | None = None
    before: bool = False

    def as_document(self) -> dict[str, Any]:
        """Give the run's line of ``batch --json``."""
        return {
            "number": self.run.number,
            "name": self.run.name,
            "labels": self.run.labels,
            "parameters": self.run.own,
            "status": self.status,
            "ref": self.ref,
            "reason": self.reason,
            "metric": self.metric,
            "score": None if self.score is None else score_document(self.score),
            "seconds": None if self.seconds is None else round(self.seconds, 3),
            "before": self.before,
            "fingerprint": self.run.fingerprint,
        }


def outcome_of(run: Planned, kept: Experiment, *, before: bool = True) -> Outcome:
    """Say what a kept experiment means for the planned run whose work it did."""
    score = kept.scores().get(kept.metric or "")
    wall = kept.manifest["resources"].get("wall")
    return Outcome(run, kept.status, str(kept.reference), kept.reason, kept.metric, score, wall, before)


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop: at the first failure, or `budget` seconds after the batch began."""

    on_failure: Literal["continue", "stop"] = "continue"
    budget: float | None = None


class Queue:
    """The runs of a plan: those that wait, those that run, and what became of the others.

    Parameters
    ----------
    runs : iterable of Planned
    known : Known
        What the store knows of them.
    limits : Limits
    rerun_failed : bool
        Whether those that failed before wait, too.
    """

    def __init__(
        self, runs: Iterable[Planned], known: Known, limits: Limits | None = None, *, rerun_failed: bool = False
    ) -> None:
        self.limits, self.known = limits or Limits(), known
        self.ended: dict[int, Outcome] = {}
        self.waiting: deque[Planned] = deque()
        self.running: dict[int, Planned] = {}
        self.closed = ""  # why no other run begins
        self.took = 0.0  # seconds of those that ended here
        self.here = 0
        for run in runs:
            before = known.kept.get(run.fingerprint)
            if before is None or is_missing(before.status, rerun_failed=rerun_failed):
                self.waiting.append(run)
            else:
                self.ended[run.number] = outcome_of(run, before)

    def take(self, elapsed: float) -> Planned | None:
        """Give the next run to begin, `elapsed` seconds after the batch did; None when none may."""
        if not self.waiting or self.is_over(elapsed):
            return None
        left = None if self.limits.budget is None else self.limits.budget - elapsed
        run = next((one for one in self.waiting if left is None or (one.seconds or 0.0) <= left), None)
        if run is not None:
            self.waiting.remove(run)
            self.running[run.number] = run
        return run

    def end(self, outcome: Outcome, seconds: float) -> None:
        """Take in what became of a run, and how long it kept its place."""
        del self.running[outcome.run.number]
        self.ended[outcome.run.number] = outcome
        self.took, self.here = self.took + seconds, self.here + 1
        if outcome.status != "completed" and self.limits.on_failure == "stop" and not self.closed:
            self.closed = f"run {outcome.run.number} did not complete"

    def close(self, reason: str) -> None:
        """Let no other run begin."""
        self.closed = self.closed or reason

    def is_over(self, elapsed: float) -> bool:
        """Whether no other run may begin."""
        if self.limits.budget is not None and elapsed >= self.limits.budget:
            self.close("the batch's budget is used up")
        return bool(self.closed)

    def outcomes(self) -> list[Outcome]:
        """List what became of every run, in the plan's order; those that never began are ``left``."""
        why = self.closed or "what is left of the batch's budget is shorter than the run's own"
        left = {run.number: Outcome(run, "left", reason=f"Not begun: {why}") for run in self.waiting}
        return [outcome for _, outcome in sorted({**self.ended, **left}.items())]

    def counts(self) -> dict[str, int]:
        """Count runs by what became of them; ``waiting`` and ``running`` among them."""
        ended = Counter(outcome.status for outcome in self.ended.values())
        return {**ended, "running": len(self.running), "waiting": len(self.waiting)}

    def seconds_left(self, workers: int) -> float | None:
        """Estimate how long those that wait will take; None when nothing is known of such runs."""
        each = self.took / self.here if self.here >= BEGINNING else self.known.seconds
        told = [run.seconds or each for run in self.waiting]
        if not told:
            return 0.0
        return None if any(one is None for one in told) else sum(one or 0.0 for one in told) / workers


def is_missing(status: str, *, rerun_failed: bool) -> bool:
    """Tell whether work that ended so is still to be done.

    Examples
    --------
    >>> [is_missing(status, rerun_failed=False) for status in ("completed", "failed", "cancelled", "killed")]
    [False, False, True, True]
    """
    return status in MISSING or (rerun_failed and status != "completed")
