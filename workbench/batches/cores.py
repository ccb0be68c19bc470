"""How the cores of a machine are shared out: so many runs at a time, so many threads for each."""

from __future__ import annotations

import math
import os
from pathlib import Path

ASKED = "LOKY_MAX_CPU_COUNT"  # joblib's, by which a search counts its cores
# What numerical libraries read when they are loaded.
VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_MAX_THREADS", "POLARS_MAX_THREADS", "PYTHON_CPU_COUNT", ASKED,
)  # fmt: skip
CONTAINER = Path("/sys/fs/cgroup")
# A container may take so many microseconds of time in each so many: of the second version, and of the first.
QUOTAS = (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"))


def cores() -> int:
    """Count the cores this process may use: of the machine, the container and the affinity, whichever is fewest.

    As joblib counts, by which a search does, without importing it: most of what a start takes is imports.
    """
    machine = os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else machine
    asked = int(os.environ.get(ASKED, machine))
    return max(1, min(machine, allowed, _of_container() or machine, asked))


def _of_container() -> int | None:
    """Read the limit of the container; None when there is none."""
    for files in QUOTAS:
        try:
            quota, period = " ".join((CONTAINER / file).read_text() for file in files).split()
        except (OSError, ValueError):  # another version's, or an empty file
            continue
        limited = quota != "max" and int(quota) > 0 and int(period) > 0
        return math.ceil(int(quota) / int(period)) if limited else None
    return None


def shared_out(available: int, runs: int, asked: int | None = None) -> tuple[int, int]:
    """Share cores out: runs at a time, and threads for each, together never more than there are.

    Parameters
    ----------
    available : int
        Cores.
    runs : int
        How many there are to do.
    asked : int, optional
        Runs at a time that were asked for; by default one for each core.

    Examples
    --------
    >>> shared_out(8, 100), shared_out(8, 100, asked=3), shared_out(2, 100, asked=16), shared_out(8, 1)
    ((8, 1), (3, 2), (2, 1), (1, 8))
    """
    workers = max(1, min(asked or available, available, runs))
    return workers, max(1, available // workers)


def thread_limits(threads: int) -> dict[str, str]:
    """Give the environment in which a kernel takes no more than its share."""
    return dict.fromkeys(VARIABLES, str(threads))
