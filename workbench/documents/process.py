"""Which process this is, told so that another one can see later whether it still lives.

A pid alone tells nothing: it is given again, after a restart of the machine and in each container anew.
"""

from __future__ import annotations

import functools
import os
import platform
import socket
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def this_process() -> dict[str, Any]:
    """Name the runner: its fields of ``run.json``."""
    pid, host = os.getpid(), socket.gethostname()
    started, boot = process_started(pid), boot_id()
    return {"pid": pid, "pid_started": started, "host": host, "boot_id": boot, "namespace": pid_namespace()}


def process_started(pid: int) -> float | None:
    """Look up when a process started: seconds since boot on Linux, since 1970 elsewhere; None when there is none."""
    if platform.system() != "Linux":
        return _process_started_by_ps(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # a program's name may hold spaces and brackets
    return None if fields[0] in "ZX" else int(fields[19]) / os.sysconf("SC_CLK_TCK")  # a zombie works on nothing


def _process_started_by_ps(pid: int) -> float | None:
    answer = _ask(["ps", "-o", "lstart=", "-p", str(pid)])
    return datetime.strptime(answer, "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC).timestamp() if answer else None


@functools.cache
def pid_namespace() -> str | None:
    """Name the container whose pids this process sees; None where there are no such containers."""
    with suppress(OSError):
        return str(Path("/proc/self/ns/pid").readlink())
    return None


@functools.cache
def boot_id() -> str | None:
    """Name this boot of the machine; None where that cannot be known."""
    if platform.system() == "Linux":
        path = Path("/proc/sys/kernel/random/boot_id")
        return path.read_text().strip() if path.exists() else None
    return _ask(["sysctl", "-n", "kern.bootsessionuuid"])


def _ask(command: list[str]) -> str | None:
    try:
        same_for_all = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
        done = subprocess.run(command, capture_output=True, text=True, env=same_for_all, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None
