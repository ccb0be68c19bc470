"""Locks on files between processes. The system gives a lock up with the process that holds it, however that ends."""

from __future__ import annotations


def lock(file: int, *, wait: bool = False) -> bool:
    """Lock an open file for this process alone; False when another has it, or (`wait`) only when it is ours.

    Where there are no locks, as on some network file systems and on Windows, every lock is given at once.
    """
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
