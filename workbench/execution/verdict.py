"""What became of a run: decided from evidence, in pure code.

papermill raises, or marks a cell, or does neither: a cell tagged ``raises-exception`` raises though it may, and
``SystemExit(0)`` is marked failed though it is none. The evidence is therefore weighed here.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError

from workbench.errors import WorkbenchError
from workbench.pages.words import size
from workbench.records import Status

ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
LONGEST_REASON = 500  # characters
LACK = re.compile(r"std::bad_alloc|\bbad allocation\b|Cannot allocate memory")  # in the words of programs


@dataclass(frozen=True, slots=True)
class Stop:
    """Why the runner itself ended a run."""

    status: Status
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a run: its status, the reason in one line, and the index of the cell it ended in."""

    status: Status
    reason: str = ""
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a run when its kernel is gone.

    `running` is the index of the cell that was under way; `raised` is what papermill raised; `handed_over` is the
    kernel's ``error.json``; `last_words` is the last line its process printed, `printed` the end of all it did.
    `started` says whether any cell was begun; `taken` is the most bytes of memory it held, `allowed` how many it was
    to hold.
    """

    notebook: NotebookNode
    running: int | None = None
    stop: Stop | None = None
    raised: BaseException | None = None
    exit_code: int | None = None
    out_of_memory: bool = False
    handed_over: Mapping[str, Any] | None = None
    last_words: str = ""
    printed: str = ""
    started: bool = False
    taken: int = 0
    allowed: int | None = None


def judge(evidence: Evidence) -> Verdict:
    """Decide what became of a run."""
    if evidence.stop is not None:
        return _verdict(evidence.stop.status, evidence.stop.reason, evidence.running)
    if evidence.raised is not None and _kernel_died(evidence):
        return _death(evidence)
    failed = _failed_cell(evidence.notebook)
    if failed is not None:
        return _failure(evidence, failed)
    if evidence.raised is None or isinstance(evidence.raised, PapermillExecutionError):  # by a cell that may raise
        return Verdict("completed")
    return _verdict("failed", _told(evidence.raised), evidence.running)


def _told(error: BaseException) -> str:
    return str(error) if isinstance(error, WorkbenchError) else f"{type(error).__name__}: {error}"


def is_same_error(handed_over: Mapping[str, Any] | None, verdict: Verdict) -> bool:
    """Tell whether the run ended by the error the kernel handed over, or that one was caught and got over."""
    return handed_over is not None and verdict.status == "failed" and verdict.reason == one_line(handed_over["message"])


def one_line(text: str) -> str:
    """Put a message on one line, without terminal colours."""
    line = " ".join(ANSI.sub("", text).split())
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1] + "…"


def place_of(cell: int | None) -> str:
    """Say in which cell it was, at the end of a sentence; people count from one."""
    return f" (cell {cell + 1})" if cell is not None else ""


def _verdict(status: Status, reason: str, cell: int | None) -> Verdict:
    return Verdict(status, one_line(reason) + place_of(cell), cell)


def _kernel_died(evidence: Evidence) -> bool:
    return isinstance(evidence.raised, DeadKernelError) or "Kernel died" in str(evidence.raised)


def _death(evidence: Evidence) -> Verdict:
    if evidence.out_of_memory:
        reason = f"The machine ran out of memory and killed the kernel{_memory(evidence)}"
        return _verdict("out_of_memory", reason, evidence.running)
    if lack := _lack(evidence.printed):
        reason = f"The kernel {_end(evidence.exit_code)}: {lack}{_memory(evidence)}"
        return _verdict("out_of_memory", reason, evidence.running)
    why = f": {evidence.last_words}" if evidence.last_words and evidence.running is None else ""  # it did not start
    return _verdict("killed", f"The kernel {_end(evidence.exit_code)}{why}", evidence.running)


def _lack(text: str) -> str | None:
    """Find the words in which a program says that it was given no memory."""
    found = LACK.search(text) or re.search(r"^MemoryError\b.*", text, re.MULTILINE)
    return found.group() if found else None


def _memory(evidence: Evidence) -> str:
    """Tell what was taken and what was allowed, as far as that is known."""
    if not evidence.taken:
        return ""
    allowed = "" if evidence.allowed is None else f" of the {size(evidence.allowed)} allowed"
    return f"; the run had taken {size(evidence.taken)}{allowed}"


def _end(exit_code: int | None) -> str:
    if exit_code is None:
        return "died"
    if exit_code >= 0:
        return f"exited with code {exit_code}"
    known = -exit_code in set(signal.Signals)
    return f"was killed by {signal.Signals(-exit_code).name if known else f'signal {-exit_code}'}"


def _failed_cell(notebook: NotebookNode) -> int | None:
    for index, cell in enumerate(notebook.cells):
        if cell.metadata.get("papermill", {}).get("status") == "failed" and not _is_exit_in_peace(cell):
            return index
    return None


def _is_exit_in_peace(cell: NotebookNode) -> bool:
    return error_of(cell) in {("SystemExit", code) for code in ("", "0", "None")}


def error_of(cell: NotebookNode) -> tuple[str, str]:
    """Name and message of the error a cell ended in."""
    errors = [output for output in cell.get("outputs", []) if output.output_type == "error"]
    return (errors[-1].ename, errors[-1].evalue) if errors else _printed_error(cell)


def _printed_error(cell: NotebookNode) -> tuple[str, str]:
    """Name and message of an error that is only printed, as IPython does for a wrong magic."""
    printed = "".join(output.text for output in cell.get("outputs", []) if output.get("name") == "stderr")
    told = re.findall(r"^(\w*Error): (.+)", ANSI.sub("", printed), re.MULTILINE)
    return told[-1] if told else ("Error", "the cell failed without saying why")


def _failure(evidence: Evidence, cell: int) -> Verdict:
    name, message = error_of(evidence.notebook.cells[cell])
    told = evidence.handed_over
    if told is not None and (told["type"], told["message"]) == (name, message):
        return Verdict("failed", one_line(message), cell)  # one of ours: a sentence that stands by itself
    said = f"{name}: {message}" if message else name
    if name.endswith("MemoryError") or LACK.search(message):  # numpy's is _ArrayMemoryError
        return _verdict("out_of_memory", said + _memory(evidence), cell)
    return _verdict("failed", said, cell)
