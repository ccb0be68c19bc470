"""Who runs next, and whether anybody does: decided from values, without a clock of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from workbench.batches.known import MISSING, Known
from workbench.batches.plan import Planned
from workbench.batches.steps import fill, told
from workbench.documents.outbox import score_document
from workbench.experiment import Experiment
from workbench.records import Score

SAID = ("status", "ref", "reason", "metric", "score", "seconds", "resources")
BEGINNING = 3  # ended runs after which their own time, rather than that of earlier ones, says how long is left


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one planned run.

    `status` is that of its experiment, or ``refused`` (before it began), ``left`` (not begun) or ``skipped`` (there was
    nothing to begin for). `before` says that it was done before this batch began; `path` is its experiment's.
    """

    run: Planned
    status: str
    ref: str | None = None
    reason: str = ""
    metric: str | None = None
    score: Score | None = None
    seconds: float | None = None
    before: bool = False
    resources: Mapping[str, Any] | None = None
    path: Path | None = None

    @property
    def told(self) -> dict[str, str]:
        """What steps that come after it may refer to."""
        return told(self.status, self.reason, self.ref, self.path)

    @property
    def ran(self) -> bool:
        """Whether this batch has carried it out, rather than found it done, or not begun it."""
        return not self.before and self.status not in ("left", "skipped")

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
            "resources": self.resources,
            "before": self.before,
            "fingerprint": self.run.fingerprint,
        }


def told_by(done: Any) -> dict[str, Any]:
    """Take what a run that has ended says of itself, for an `Outcome` or to hand it on."""
    return {name: getattr(done, name) for name in SAID}


def outcome_of(run: Planned, kept: Experiment) -> Outcome:
    """Say what an experiment that was kept before means for the planned run whose work it did."""
    used = kept.manifest["resources"]
    told = (kept.status, str(kept.reference), kept.reason, kept.metric, kept.score, used.get("wall"))
    return Outcome(run, *told, True, used, kept.path)


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
        self.waiting: dict[int, Planned] = {}
        self.running: dict[int, Planned] = {}
        self.followers: dict[int, list[Planned]] = {}  # those that need a run, by its number
        self.closed = ""  # why no other run begins
        self.stopped = ""  # why none begins but what is there for failures
        self.took = 0.0  # seconds of those that ended here
        self.here = 0
        for run in runs:
            for number in run.needs.values():
                self.followers.setdefault(number, []).append(run)
            if (outcome := self._before(run, rerun_failed=rerun_failed) or self._in_vain(run)) is not None:
                self.ended[run.number] = outcome
            else:
                self.waiting[run.number] = run

    def _before(self, run: Planned, *, rerun_failed: bool) -> Outcome | None:
        """Say what became of a run's work before; None when it is still to be done."""
        kept = self.known.kept.get(run.fingerprint)
        if kept is None or is_missing(kept.status, rerun_failed=rerun_failed):
            return None
        is_settled = all(number in self.ended for number in run.needs.values()) and self._in_vain(run) is None
        if run.step.when != "completed" and not is_settled:  # what is there for failures is there for each anew
            return None
        return outcome_of(run, kept)

    def _in_vain(self, run: Planned) -> Outcome | None:
        """Say that a run never begins, for what became of the runs it needs; None when it may, or that is open."""
        needed = {name: self.ended[number] for name, number in run.needs.items() if number in self.ended}
        failed = [name for name, one in needed.items() if one.status not in ("completed", "skipped")]
        skipped = [name for name, one in needed.items() if one.status == "skipped"]
        if run.step.when == "completed":
            if failed:
                return Outcome(run, "left", reason=f"Not begun: {' and '.join(failed)} did not complete")
            return Outcome(run, "skipped", reason=f"Not needed: {skipped[0]} was not") if skipped else None
        if run.step.when == "failed" and not failed and len(needed) == len(run.needs):
            return Outcome(run, "skipped", reason="Not needed: nothing failed")
        return None

    def take(self, elapsed: float) -> Planned | None:
        """Give the next run to begin, `elapsed` seconds after the batch did, with all it is to know; None if none may.

        Runs of one row are nearest to each other, so that rows are finished before others are begun.
        """
        if not self.waiting or self.is_over(elapsed):
            return None
        left = None if self.limits.budget is None else self.limits.budget - elapsed
        run = next((one for one in self.waiting.values() if self._may_begin(one, left)), None)
        if run is None:
            return None
        self.running[run.number] = self.waiting.pop(run.number)
        return self._told(run)

    def _may_begin(self, run: Planned, left: float | None) -> bool:
        if self.stopped and run.step.when == "completed":
            return False
        is_ready = all(number in self.ended for number in run.needs.values())
        return is_ready and (left is None or (run.seconds or 0.0) <= left)

    def _told(self, run: Planned) -> Planned:
        """Give a run with what its references stand for."""
        if not run.step.later:
            return run
        needed = {name: self.ended[number].told for name, number in run.needs.items()}
        known = {name: fill(value, needed) for name, value in run.parameters.items() if name in run.step.later}
        return replace(run, parameters=run.parameters | known)

    def end(self, outcome: Outcome, seconds: float) -> None:
        """Take in what became of a run, and how long it kept its place."""
        number = outcome.run.number
        del self.running[number]
        self.ended[number] = outcome
        self.took, self.here = self.took + seconds, self.here + 1
        if outcome.status != "completed" and self.limits.on_failure == "stop":
            self.stopped = self.stopped or f"run {number} did not complete"
        self._leave(number)

    def _leave(self, number: int) -> None:
        """Let those not wait any longer that needed a run which has ended, and now never begin."""
        for run in self.followers.get(number, ()):
            if run.number in self.waiting and (outcome := self._in_vain(run)) is not None:
                del self.waiting[run.number]
                self.ended[run.number] = outcome
                self._leave(run.number)

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
        why = self.closed or self.stopped or "what is left of the batch's budget is shorter than the run's own"
        left = {run.number: Outcome(run, "left", reason=f"Not begun: {why}") for run in self.waiting.values()}
        return [outcome for _, outcome in sorted({**self.ended, **left}.items())]

    def counts(self) -> dict[str, int]:
        """Count runs by what became of them; ``waiting`` and ``running`` among them."""
        ended = Counter(outcome.status for outcome in self.ended.values())
        return {**ended, "running": len(self.running), "waiting": len(self.waiting)}

    def seconds_left(self, workers: int) -> float | None:
        """Estimate how long those that wait will take; None when nothing is known of such runs."""
        each = self.took / self.here if self.here >= BEGINNING else self.known.seconds
        told = [run.seconds or each for run in self.waiting.values() if run.step.when != "failed"]
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


def remaining(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """Count what is still to be done, and by what.

    Parameters
    ----------
    outcomes : iterable of Outcome
        In the plan's order.

    Returns
    -------
    dict
        ``left``, by the same batch again: what was cut off, refused or not begun; ``failed``, only by one that runs
        again what failed; ``after``, by the latter, too: what was not begun for want of what failed.
    """
    counts = {"left": 0, "failed": 0, "after": 0}
    stuck: set[int] = set()  # runs that failed, and those that wait for one of them
    for one in outcomes:
        if one.status in ("completed", "skipped"):
            continue
        if one.ref is not None and not is_missing(one.status, rerun_failed=False):
            kind = "failed"
        else:
            in_vain = one.run.step.when == "completed" and not stuck.isdisjoint(one.run.needs.values())
            kind = "after" if in_vain else "left"
        counts[kind] += 1
        if kind != "left":
            stuck.add(one.run.number)
    return counts
