"""What a runner that was killed left half done, set right by whoever finds it: the kernel, the notebook, the record.

The record says ``running`` and nobody works on it any more. The events tell what ran last; the notebook, or what of it
had changed, was saved some seconds before.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import nbformat
import psutil

from workbench.documents.process import process_started
from workbench.documents.run_folder import VARIABLE, RunFolder, RunRecord, death_of, is_of_here
from workbench.execution.notebook import clean, drop_marks, save, settle
from workbench.execution.saving import put_back
from workbench.execution.verdict import Verdict, place_of

PATIENCE = 5.0  # seconds for processes that were killed to be gone


@dataclass(frozen=True, slots=True)
class Traces:
    """What the events tell of the last attempt at a run.

    `running` is the index of the cell under way; `reached` that of the first cell that was not finished; `verdict` is
    what became of the run, if that was said; `last` is the time of the last word.
    """

    running: int | None = None
    reached: int = 0
    verdict: Verdict | None = None
    last: str | None = None
    used: dict[str, Any] | None = None


def close(folder: RunFolder) -> RunRecord:
    """Close a run whose runner is dead: end its kernel, set its notebook right, and write down what became of it.

    A run that had ended is left as it is. The time it ended is the last that was heard of it.
    """
    record = folder.read()
    why = death_of(record)
    if record.status != "running" or why is None:
        return record
    end_kernel(folder, record)
    traces = read_traces(folder)
    verdict = traces.verdict or Verdict("killed", why + place_of(traces.running), traces.running)
    if verdict.status == "completed" and record.secrets and not record.is_clean:  # most of it cannot be kept
        verdict = Verdict("killed", f"{why}, before what the run had made was cleaned of secrets")
    _set_right(folder, verdict, traces.reached)
    if verdict.status != "failed":
        folder.error.unlink(missing_ok=True)  # of an error that the notebook got over
    if verdict != traces.verdict:
        folder.say("run", state="ended", status=verdict.status, reason=verdict.reason)
    ended = max(filter(None, (record.started, record.heartbeat, traces.last)), key=datetime.fromisoformat)
    return folder.update(**asdict(verdict), ended=ended, resources=_resources(record, ended, traces.used or {}))


def read_traces(folder: RunFolder) -> Traces:
    """Gather what the events tell, of the last attempt alone."""
    traces = Traces()
    for event in folder.heard():
        last = event.get("time", traces.last)
        traces = Traces(traces.running, traces.reached, traces.verdict, last, traces.used)
        match event:
            case {"kind": "run", "state": "started" | "retrying"}:
                traces = Traces(last=last)
            case {"kind": "run", "state": "ended", "status": status, "reason": reason}:
                verdict = Verdict(status, reason, None if status == "completed" else event.get("cell"))
                traces = Traces(traces.running, traces.reached, verdict, last, traces.used)
            case {"kind": "cell", "state": "started", "index": int(index)}:
                traces = Traces(index, index, None, last, traces.used)
            case {"kind": "cell", "state": "completed", "index": int(index)}:
                traces = Traces(None, index + 1, None, last, traces.used)
            case {"kind": "resources"}:
                traces = Traces(traces.running, traces.reached, None, last, event)
    return traces


def _set_right(folder: RunFolder, verdict: Verdict, reached: int) -> None:
    """Mark the cells of the notebook; one that was never saved is the template, of which no cell ran."""
    saved = folder.notebook if folder.notebook.exists() else folder.template
    try:
        notebook = nbformat.read(saved, as_version=4)
    except (OSError, ValueError, nbformat.validator.ValidationError):  # the template need not be one that can be read
        return
    if saved == folder.template:
        notebook, reached = clean(notebook), 0
    else:
        put_back(folder, notebook)
    drop_marks(notebook)
    cell = verdict.cell if verdict.cell is not None and verdict.cell < len(notebook.cells) else None
    settle(notebook, Verdict(verdict.status, verdict.reason, cell), reached)
    save(folder, notebook)


def _resources(record: RunRecord, ended: str, used: dict[str, Any]) -> dict[str, Any]:
    wall = datetime.fromisoformat(ended) - datetime.fromisoformat(record.started)
    return {"wall": wall.total_seconds(), "cpu": used.get("cpu"), "peak_memory": used.get("peak_memory")}


def end_kernel(folder: RunFolder, record: RunRecord) -> None:
    """End the kernel of a run whose runner is dead, and what it started; only processes that are really its own."""
    if record.kernel is None or not is_of_here(record):
        return
    pid = int(record.kernel["pid"])
    ours = list(_own(folder, pid, record.kernel.get("started")))
    for process in ours:
        with suppress(psutil.Error):  # each by its own number and start: psutil tells it from a successor
            process.send_signal(signal.SIGKILL)
    end = time.monotonic() + PATIENCE
    while any(map(_works, ours)) and time.monotonic() < end:
        time.sleep(0.05)


def _own(folder: RunFolder, leader: int, started: float | None) -> Iterator[psutil.Process]:
    """Give the processes of the kernel's group: all if it still leads it, else those that name the run folder."""
    leads = started is not None and process_started(leader) == started
    for pid in psutil.pids():
        with suppress(psutil.Error, OSError):
            if os.getpgid(pid) == leader:
                process = psutil.Process(pid)
                if leads or process.environ().get(VARIABLE) == str(folder.path.absolute()):
                    yield process


def _works(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False
