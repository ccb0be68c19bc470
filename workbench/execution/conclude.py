"""The end of a run: what became of it is decided from evidence, and written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.documents.cleaning import clean as clean_up
from workbench.documents.files import read_json, write_json
from workbench.documents.run_folder import RunFolder, RunRecord
from workbench.execution.attempt import Attempt, Spent
from workbench.execution.notebook import drop_marks, save, settle, without_secrets
from workbench.execution.verdict import Evidence, Verdict, is_same_error, judge

LAST_WORDS = 4096  # bytes of what a process that died had printed


def conclude(attempt: Attempt, spent: Spent) -> RunRecord:
    """Decide what became of a run and write it down: in the notebook, the events, the record."""
    folder = attempt.folder
    drop_marks(attempt.notebook)
    attempt.outputs.write()
    attempt.notebook = without_secrets(folder, attempt.notebook)
    evidence = evidence_of(attempt)
    verdict = judge(evidence)
    if verdict.status in ("completed", "failed"):
        folder.kernel_log.unlink(missing_ok=True)  # the notebook has it all
    settle(attempt.notebook, verdict, attempt.reached)
    save(folder, attempt.notebook)
    _keep_error(folder, evidence.handed_over, verdict)
    spent.add(attempt.tree)
    _say_the_end(attempt, verdict)
    clean_up(folder)
    ended = datetime.now(UTC)
    now = ended.isoformat()
    return folder.update(**asdict(verdict), ended=now, heartbeat=now, resources=_resources(folder, spent, ended))


def evidence_of(attempt: Attempt) -> Evidence:
    """Gather what is known of an attempt whose kernel is gone."""
    folder = attempt.folder
    return Evidence(
        notebook=attempt.notebook,
        running=attempt.running,
        stop=attempt.stop,
        raised=attempt.raised,
        exit_code=attempt.kernel.exit_code,
        out_of_memory=attempt.kernel.out_of_memory,
        last_words=folder.redactor.text(_last_line(_tail(folder.kernel_log))),
        printed=_printed(attempt),
        handed_over=folder.redactor.document(read_json(folder.error)) if folder.error.exists() else None,
        started=attempt.started,
        taken=attempt.tree.usage.peak if attempt.tree is not None else 0,
        allowed=attempt.limits.memory,
    )


def _printed(attempt: Attempt) -> str:
    """Give the end of what the kernel's process wrote: to its own streams, and to stderr in its last cell."""
    outputs = attempt.notebook.cells[attempt.running].outputs if attempt.running is not None else []
    streams = [output.text[-LAST_WORDS:] for output in outputs[-3:] if output.get("name") == "stderr"]
    return "\n".join([_tail(attempt.folder.kernel_log), *streams, attempt.unheard])


def _tail(file: Path) -> str:
    """Give the end of a file; nothing when there is none."""
    if not file.exists():
        return ""
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - LAST_WORDS))
        return opened.read().decode(errors="replace")


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")


def _keep_error(folder: RunFolder, handed_over: Mapping[str, Any] | None, verdict: Verdict) -> None:
    if is_same_error(handed_over, verdict):
        write_json(folder.error, {**(handed_over or {}), "cell": verdict.cell})
    else:
        folder.error.unlink(missing_ok=True)  # the notebook caught it and went on


def _say_the_end(attempt: Attempt, verdict: Verdict) -> None:
    if attempt.running is not None:
        attempt.say_cell("completed" if verdict.status == "completed" else "failed", attempt.running)
    attempt.folder.say("run", state="ended", status=verdict.status, reason=verdict.reason, cell=verdict.cell)


def _resources(folder: RunFolder, spent: Spent, ended: datetime) -> dict[str, Any]:
    wall = ended - datetime.fromisoformat(folder.read().started)
    known = spent.peak > 0
    return {
        "wall": wall.total_seconds(),
        "cpu": round(spent.cpu, 3) if known else None,
        "peak_memory": spent.peak if known else None,
    }
