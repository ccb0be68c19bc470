"""A batch that is over: how it ended, and the experiment it becomes."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from workbench.workflow.batching.stop import Stop

if TYPE_CHECKING:
    from workbench.batches import Outcome, Plan, Queue
    from workbench.experiment import Experiment, Store
    from workbench.records import Reference


def kept(
    store: Store, reference: Reference, plan: Plan, queue: Queue, stop: Stop, size: tuple[int, int], started: float
) -> Experiment:
    """Keep a batch that is over."""
    from workbench.batches import keep
    from workbench.execution import login
    from workbench.pages.batch import batch_page

    outcomes, now = queue.outcomes(), time.time()
    status, reason = verdict(outcomes, stop.reason())
    facts = {
        "status": status,
        "reason": reason,
        "started": datetime.fromtimestamp(started, UTC).isoformat(),
        "ended": datetime.fromtimestamp(now, UTC).isoformat(),
        "author": login(),
        "seconds": round(now - started, 3),
        "workers": size[0],
        "threads": size[1],
    }
    return keep(store, reference, plan, outcomes, facts=facts, page=batch_page)


def verdict(outcomes: list[Outcome], stopped: str | None) -> tuple[str, str]:
    """Say how a batch ended, and why in one line."""
    told = Counter(outcome.status for outcome in outcomes)
    left = told["left"] + told["cancelled"]
    if stopped is not None and left:
        status = "cancelled" if stopped.startswith("Cancelled") else "timed_out"
        return (
            status,
            f"{stopped}, with {left:,} of {len(outcomes):,} runs not done: the same command goes on with them",
        )
    wrong = len(outcomes) - told["completed"] - told["left"] - told["skipped"]
    if wrong:
        more = f", and {told['left']:,} were not begun" if told["left"] else ""
        return "failed", f"{wrong:,} of {len(outcomes):,} runs did not complete{more}"
    if told["left"]:
        why = next(outcome.reason for outcome in outcomes if outcome.status == "left")
        return "timed_out", f"{told['left']:,} of {len(outcomes):,} runs were left out. {why}"
    return "completed", ""
