"""What the machine has for a run: the memory that is free.

The operating system is asked by its files, for what a container may take stands nowhere else.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

OTHERS = 0.5  # of the machine, left to other programs where the system does not tell what is free
UNLIMITED = 2**60  # a container without a limit tells a number near 2**63


def free(root: Path = Path("/")) -> float:
    """Give the bytes a process may still take: of the machine, or of the containers it is in, if those have less."""
    return max(0.0, min([_of_machine(root), *_of_containers(root)]))


def _of_machine(root: Path) -> float:
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
        known = {name: 1024.0 * int(rest.split()[0]) for name, rest in (line.split(":", 1) for line in lines)}
        return known["MemAvailable"] if "MemAvailable" in known else known["MemFree"]
    except (OSError, ValueError, LookupError):  # it is not there; or empty, as in some containers
        return OTHERS * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _of_containers(root: Path) -> Iterator[float]:
    """Give what each control group round this process has left: version 2, then version 1."""
    try:
        entries = [line.split(":", 2) for line in (root / "proc/self/cgroup").read_text().splitlines()]
    except OSError:
        return
    for _, controllers, name in entries:
        if not controllers:
            top, limit, used, cached = root / "sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            top, limit, used, cached = (
                root / "sys/fs/cgroup/memory",
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
                "total_inactive_file",
            )
        else:
            continue
        folder = top / name.lstrip("/")
        # Inside a container its own group is the top, and the name may lead nowhere.
        for group in (folder, *folder.parents):
            if (left := _left(group, limit, used, cached)) is not None:
                yield left
            if group == top:
                break


def _left(group: Path, limit: str, used: str, cached: str) -> float | None:
    """Give what a control group may still take; what it keeps of files is given up when asked for."""
    try:
        most = (group / limit).read_text().strip()
        if most == "max" or int(most) >= UNLIMITED:
            return None
        told = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return float(int(most) - int((group / used).read_text()) + int(told.get(cached, 0)))
    except (OSError, ValueError):
        return None
