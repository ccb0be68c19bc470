"""What a batch shows while it works."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from workbench.cli.batches import Progress

PLANNED = {"kind": "planned", "name": "farms", "total": 12, "workers": 2, "asked": 8, "threads": 1, "left": None}
FAILED = {
    "number": 1, "name": "farms-a", "labels": {"farm": "a"}, "parameters": {}, "status": "failed", "seconds": 2.0,
    "reason": "[b]farm[/b] is broken", "metric": None, "score": None,
}  # fmt: skip


def shown(progress: Progress) -> str:
    console = Console(file=StringIO(), width=120)
    console.print(progress.table())
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.fixture
def progress() -> Progress:
    return Progress(quiet=True)


def test_the_table_has_what_runs_what_failed_and_the_time_left(progress: Progress) -> None:
    progress.hear({"kind": "checking", "done": 7})
    assert "checking run 7" in shown(progress)
    progress.hear({**PLANNED, "counts": {"completed": 3, "running": 0, "waiting": 9}})
    for number, name in ((1, "farms-a"), (2, "farms-b")):
        progress.hear({"kind": "began", "number": number, "name": name})
    progress.hear({"kind": "heard", "number": 2, "event": {"kind": "cell", "state": "started", "index": 1, "total": 4}})
    counts = {"completed": 3, "failed": 1, "running": 1, "waiting": 7}
    progress.hear({"kind": "ended", "run": FAILED, "counts": counts, "total": 12, "left": 300.0})
    text = shown(progress)
    assert "farms-b" in text
    assert "cell 2 of 4" in text
    assert "farms-a" not in text
    assert "4 of 12 done, 1 of them did not complete · about 5 min left" in text


def test_off_a_terminal_every_run_that_ended_has_a_line(capfd: pytest.CaptureFixture[str]) -> None:
    plain = Progress()
    plain.hear({**PLANNED, "counts": {"running": 0, "waiting": 12}})
    counts: dict[str, Any] = {"failed": 1, "running": 1, "waiting": 10}
    plain.hear({"kind": "ended", "run": FAILED, "counts": counts, "total": 12, "left": None})
    first, second = capfd.readouterr().err.splitlines()
    assert first.endswith("12 runs; 2 at a time, 1 thread each (8 were asked for; this machine has no more cores)")
    assert second == "[ 1/12] farms-a (farm=a) failed in 2.0 s: [b]farm[/b] is broken"
