"""How much memory a search may take, how much of it is taken, and what fitted models hold."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.documents.machine import free
from workbench.documents.run_folder import here
from workbench.template import memory_bytes

if TYPE_CHECKING:
    from workbench.automl.fitting.trial import Trial

MEMORY = "70%"  # of what is free
PLANNED = 0.9  # of the run's own limit, at most
LEARNER = 2e6  # bytes of a learner beside its arrays: boosted trees, which live in their library
NODE = 64  # bytes of a node in scikit-learn's trees, without its values


@dataclass(frozen=True, slots=True)
class Room:
    """What the process may take in all, in bytes, and how the limit was stated."""

    limit: float
    stated: str

    def left(self) -> float:
        """Give what may still be taken."""
        return self.limit - resident()


def room_for(memory: str | float | None) -> Room:
    """Understand a limit: an amount is for the whole process, a share is of what is free beside it.

    Beyond the limit that a runner keeps the whole run to, a process would be ended: nothing is planned up to there.

    Raises
    ------
    BadParameters
        If it is not an amount of memory.
    """
    stated = str(MEMORY if memory is None else memory)
    share = stated.strip().endswith("%")
    limit = memory_bytes(MEMORY if memory is None else memory, of=free()) + (resident() if share else 0.0)
    allowed = _allowed()
    if allowed is not None and PLANNED * allowed < limit:
        return Room(PLANNED * allowed, f"{PLANNED:.0%} of the run's limit of {allowed / 1e9:.3g} GB")
    return Room(limit, stated)


def _allowed() -> int | None:
    """Give the bytes that the runner allows this run; None without a runner, or a limit."""
    folder = here()
    return folder.read().memory if folder is not None and folder.record_file.exists() else None


def resident() -> float:
    """Give the bytes this process holds in memory; where the system does not tell, the most it ever held."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        import resource  # not on every system

        return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # macOS counts bytes
    return float(pages * os.sysconf("SC_PAGE_SIZE"))


def held(value: Any) -> float:
    """Give the bytes of the arrays and trees in a fitted model, however deep they are."""
    if isinstance(value, np.ndarray):
        return float(value.nbytes)
    if hasattr(value, "node_count"):
        return float(NODE * value.node_count + value.value.nbytes)
    if isinstance(value, dict):
        return sum(map(held, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(held, value))
    return held(vars(value)) if hasattr(value, "get_params") else 0.0


def held_by(trial: Trial) -> float:
    """Give the bytes a trial keeps: what was predicted, and its learners; encoders are not its own."""
    members = trial.members if trial.final.members[0] in trial.members else (*trial.members, *trial.final.members)
    return held(trial.predicted) + sum(LEARNER + held(vars(member.learner)) for member in members)


def within(trials: Sequence[Trial], most: float) -> list[Trial]:
    """Leave out ranked trials that do not fit: the worst first, and the best of each family last.

    Which are left follows from the trials alone, in whatever order they came.
    """
    families = [trial.family for trial in trials]
    order = sorted(range(len(trials)), key=lambda rank: (families.index(families[rank]) != rank, rank))
    sizes = np.cumsum([held_by(trials[rank]) for rank in order])
    fitting = max(1, int(np.searchsorted(sizes, most, side="right")))
    return [trials[rank] for rank in sorted(order[:fitting])]
