"""What the runs of a batch took together, whichever command ran them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.batches.queue import Outcome
from workbench.experiment.capturing.cost import total


def totals(outcomes: Sequence[Outcome], wall: float) -> dict[str, Any]:
    """Sum up what the runs of a batch took.

    Returns
    -------
    dict
        ``wall``, the batch's own, as given; ``runs``, that of all runs added up, and their ``cpu``, in seconds;
        ``peak_memory``, the most that any of them held, in bytes; ``cost``, see
        `workbench.experiment.capturing.cost.total`. None is what is not known of any run.
    """
    took = [outcome.resources for outcome in outcomes if outcome.resources]
    known = {name: [one[name] for one in took if one.get(name) is not None] for name in ("wall", "cpu", "peak_memory")}
    return {
        "wall": wall,
        "runs": round(sum(known["wall"]), 3) if known["wall"] else None,
        "cpu": round(sum(known["cpu"]), 3) if known["cpu"] else None,
        "peak_memory": max(known["peak_memory"], default=None),
        "cost": total(one.get("cost") for one in took),
    }
