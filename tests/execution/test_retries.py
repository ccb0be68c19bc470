from __future__ import annotations

import signal

import pytest
from nbclient.exceptions import DeadKernelError
from nbformat.v4 import new_output
from papermill.exceptions import PapermillExecutionError

from workbench.documents.files import read_json
from workbench.errors import BadColumn, as_document
from workbench.execution import retry
from workbench.execution.retry import is_transient
from workbench.execution.verdict import Evidence, Stop, judge

ONCE = """
import os, sys
from pathlib import Path
mark = Path.cwd().parent.parent / "tried"
first = not mark.exists()
mark.touch()
assert not list(Path.cwd().iterdir())
Path("left").touch()
from workbench.documents.run_folder import here
assert not list(here().outbox.iterdir())
(here().outbox / "left.json").write_text("{}")
"""


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setattr(retry, "FIRST_PAUSE", 0.2)


@pytest.mark.parametrize(
    ("accident", "reason"),
    [
        ("os.kill(os.getpid(), 9)", "The kernel was killed by SIGKILL (cell 2)"),
        ("raise ConnectionResetError('peer')", "ConnectionResetError: peer (cell 2)"),
    ],
)
def test_what_need_not_happen_again_is_tried_again_in_an_empty_folder(run, accident, reason):
    done = run(ONCE, f"if first: {accident}", "print('made it')", retries=2)
    assert (done.record.status, done.record.reason, done.record.attempts) == ("completed", "", 2)
    assert done.text == "made it\n"
    assert done.cells == ["completed"] * 3
    told = [
        (event["state"], event.get("attempt"), event.get("reason")) for event in done.told if event["kind"] == "run"
    ]
    assert told == [("started", 1, None), ("retrying", 1, reason), ("started", 2, None), ("ended", None, "")]
    assert read_json(done.folder.record_file)["attempts"] == 2


def test_after_the_last_attempt_the_failure_stands(run):
    done = run("import os; os.kill(os.getpid(), 9)", "2", retries=1)
    assert (done.record.status, done.record.attempts) == ("killed", 2)
    assert done.cells == ["failed", "pending"]


def test_an_error_of_the_notebooks_own_is_tried_once(run):
    done = run("1 / 0", retries=3)
    assert (done.record.status, done.record.attempts) == ("failed", 1)


def test_a_run_that_is_cancelled_while_it_waits_ends_so(run, monkeypatch):
    monkeypatch.setattr(retry, "FIRST_PAUSE", 60.0)
    waits = []

    def listen(event):
        if event.get("state") == "retrying":
            waits.append(event["pause"])
            signal.raise_signal(signal.SIGINT)

    done = run("import os; os.kill(os.getpid(), 9)", retries=1, on_event=listen)
    assert waits == [60.0]
    assert (done.record.status, done.record.attempts) == ("cancelled", 1)


def test_no_attempt_is_begun_that_has_no_time_left(run, monkeypatch):
    monkeypatch.setattr(retry, "FIRST_PAUSE", 60.0)
    done = run("import os; os.kill(os.getpid(), 9)", retries=1, timeout=50)
    assert (done.record.status, done.record.attempts) == ("killed", 1)


def failed(notebook, name, message="no"):
    notebook.cells[0].metadata["papermill"] = {"status": "failed"}
    notebook.cells[0].outputs = [new_output("error", ename=name, evalue=message, traceback=[])]
    return PapermillExecutionError(0, 1, "code", name, message, [])


@pytest.mark.parametrize(
    ("name", "again"),
    [
        ("ConnectionError", True),
        ("TimeoutError", True),
        ("URLError", True),
        ("HTTPError", False),  # the server has answered
        ("ValueError", False),
        ("KeyboardInterrupt", False),
        ("MemoryError", False),
        ("SystemExit", False),
    ],
)
def test_of_errors_in_cells_those_of_connections_are_tried_again(make, name, again):
    notebook = make("1")
    evidence = Evidence(notebook, 0, raised=failed(notebook, name), started=True)
    assert is_transient(evidence, judge(evidence)) is again


def test_an_error_of_ours_is_never_tried_again(make):
    notebook, bad = make("1"), BadColumn("age", "is constant")
    raised = failed(notebook, "ConnectionError", str(bad))
    told = {**as_document(bad), "type": "ConnectionError"}
    evidence = Evidence(notebook, 0, raised=raised, handed_over=told, started=True)
    assert not is_transient(evidence, judge(evidence))


@pytest.mark.parametrize(
    ("started", "exit_code", "out_of_memory", "again"),
    [
        (True, -signal.SIGKILL, False, True),
        (True, -signal.SIGTERM, False, True),
        (True, -signal.SIGKILL, True, False),
        (True, -signal.SIGSEGV, False, False),
        (True, 3, False, False),
        (False, 1, False, True),  # it did not start
        (False, -signal.SIGSEGV, False, True),
        (False, None, False, True),
    ],
)
def test_of_dead_kernels_those_killed_from_outside_or_at_their_start_are_tried_again(
    make, started, exit_code, out_of_memory, again
):
    dead = DeadKernelError("Kernel died")
    evidence = Evidence(make("1"), None, None, dead, exit_code, out_of_memory, started=started)
    assert is_transient(evidence, judge(evidence)) is again


@pytest.mark.parametrize("status", ["timed_out", "cancelled", "out_of_memory", "failed"])
def test_what_the_runner_stopped_is_never_tried_again(make, status):
    evidence = Evidence(make("1"), 0, Stop(status, "why"), DeadKernelError("Kernel died"), -9, started=True)
    assert not is_transient(evidence, judge(evidence))
