"""How the cores of a machine are shared out: so many runs at a time, so many threads for each."""

from __future__ import annotations

# What numerical libraries read when they are loaded; the last is joblib's, by which a search counts its cores.
VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_MAX_THREADS", "POLARS_MAX_THREADS", "PYTHON_CPU_COUNT", "LOKY_MAX_CPU_COUNT",
)  # fmt: skip


def cores() -> int:
    """Count the cores this process may use: of the machine, the container and the affinity, whichever is fewest."""
    from joblib import cpu_count

    return int(cpu_count())


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
