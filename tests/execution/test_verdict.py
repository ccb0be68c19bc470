from __future__ import annotations

import pytest
from nbclient.exceptions import DeadKernelError
from nbformat.v4 import new_output
from papermill.exceptions import PapermillExecutionError

from workbench.errors import BadColumn, as_document
from workbench.execution.notebook import settle
from workbench.execution.verdict import Evidence, Stop, Verdict, judge, one_line

FIRST, SECOND, THIRD = 0, 1, 2
BAD = BadColumn("age", "is constant", "Pick another.")


def cell_error(notebook, name="ValueError", message="no"):
    """What papermill leaves and raises when the second cell fails."""
    for cell, status in zip(notebook.cells, ("completed", "failed", "pending"), strict=True):
        cell.metadata["papermill"] = {"status": status}
    notebook.cells[SECOND].outputs = [new_output("error", ename=name, evalue=message, traceback=[])]
    return PapermillExecutionError(SECOND, 2, "code", name, message, [])


def test_a_run_that_raised_nothing_is_completed(make):
    assert judge(Evidence(make("1", "2", "3"))) == Verdict("completed")


@pytest.mark.parametrize(
    ("name", "message", "verdict"),
    [
        ("ValueError", "no", Verdict("failed", "ValueError: no (cell 2)", SECOND)),
        ("ValueError", "", Verdict("failed", "ValueError (cell 2)", SECOND)),
        ("KeyError", "'a'\n  b", Verdict("failed", "KeyError: 'a' b (cell 2)", SECOND)),
        ("E", "\x1b[0;31mred\x1b[0m", Verdict("failed", "E: red (cell 2)", SECOND)),
        ("MemoryError", "", Verdict("out_of_memory", "MemoryError (cell 2)", SECOND)),
        ("_ArrayMemoryError", "8 EiB", Verdict("out_of_memory", "_ArrayMemoryError: 8 EiB (cell 2)", SECOND)),
        ("SystemExit", "2", Verdict("failed", "SystemExit: 2 (cell 2)", SECOND)),
        ("SystemExit", "0", Verdict("completed")),
        ("SystemExit", "", Verdict("completed")),
        ("SystemExit", "None", Verdict("completed")),
        ("BadColumn", str(BAD), Verdict("failed", str(BAD), SECOND)),
        ("BadColumn", "another", Verdict("failed", "BadColumn: another (cell 2)", SECOND)),
    ],
)
def test_a_cell_that_raised_is_told_in_one_line(make, name, message, verdict):
    notebook = make("1", "2", "3")
    raised = cell_error(notebook, name, message)
    assert judge(Evidence(notebook, SECOND, raised=raised, handed_over=as_document(BAD))) == verdict


@pytest.mark.parametrize(
    ("exit_code", "out_of_memory", "status", "reason"),
    [
        (1, False, "killed", "The kernel exited with code 1 (cell 2)"),
        (0, False, "killed", "The kernel exited with code 0 (cell 2)"),
        (-9, False, "killed", "The kernel was killed by SIGKILL (cell 2)"),
        (-11, False, "killed", "The kernel was killed by SIGSEGV (cell 2)"),
        (-127, False, "killed", "The kernel was killed by signal 127 (cell 2)"),
        (None, False, "killed", "The kernel died (cell 2)"),
        (-9, True, "out_of_memory", "The machine ran out of memory and killed the kernel (cell 2)"),
    ],
)
def test_a_dead_kernel_is_never_completed(make, exit_code, out_of_memory, status, reason):
    dead = DeadKernelError("Kernel died")
    evidence = Evidence(make("1", "2", "3"), SECOND, None, dead, exit_code, out_of_memory, last_words="noise")
    assert judge(evidence) == Verdict(status, reason, SECOND)


def test_a_kernel_that_never_answered_says_why(make):
    dead = RuntimeError("Kernel died before replying to kernel_info")
    verdict = judge(Evidence(make("1"), raised=dead, exit_code=1, last_words="No module named ipykernel"))
    assert verdict == Verdict("killed", "The kernel exited with code 1: No module named ipykernel", None)


def test_what_the_runner_stopped_was_stopped_whatever_the_cell_made_of_it(make):
    notebook = make("1", "2", "3")
    raised = cell_error(notebook, "KeyboardInterrupt", "")
    evidence = Evidence(notebook, SECOND, Stop("timed_out", "Too long"), raised, exit_code=-9)
    assert judge(evidence) == Verdict("timed_out", "Too long (cell 2)", SECOND)


def test_an_error_of_the_runner_is_no_success(make):
    assert judge(Evidence(make("1"), raised=OSError("disk full"))) == Verdict("failed", "OSError: disk full")


def test_a_long_message_is_cut():
    assert len(one_line("x" * 10_000)) == 500


@pytest.mark.parametrize(
    ("verdict", "reached", "cells"),
    [
        (Verdict("completed"), 3, ["completed", "completed", "completed"]),
        (Verdict("completed"), 2, ["completed", "completed", "pending"]),  # SystemExit(0)
        (Verdict("killed", "why", SECOND), 1, ["completed", "failed", "pending"]),
        (Verdict("failed", "why", SECOND), 2, ["completed", "failed", "pending"]),
        (Verdict("killed", "why"), 0, ["pending", "pending", "pending"]),
        (Verdict("killed", "why"), 3, ["completed", "completed", "completed"]),  # after the last cell
    ],
)
def test_the_notebook_is_marked_as_the_verdict_says_not_as_papermill_did(make, verdict, reached, cells):
    notebook = make("1", "2", "3")
    for cell in notebook.cells:
        cell.metadata["papermill"] = {"status": "completed", "exception": False}
    settle(notebook, verdict, reached)
    assert [cell.metadata.papermill.status for cell in notebook.cells] == cells
    assert notebook.metadata.papermill.exception is (None if verdict.status == "completed" else True)


def test_what_is_printed_in_one_go_is_one_output_and_a_progress_bar_one_line(make):
    notebook = make("1")
    said = [("stdout", "a\n"), ("stdout", "b\n"), ("stderr", "\r 1%"), ("stderr", "\r100%\r\nx\ry"), ("stdout", "c")]
    notebook.cells[FIRST].outputs = [new_output("stream", name=name, text=text) for name, text in said]
    picture = new_output("display_data", data={"text/plain": "picture"})
    notebook.cells[FIRST].outputs += [picture, picture.copy(), new_output("stream", name="stdout", text="d")]
    settle(notebook, Verdict("completed"), 1)
    assert [output.get("text") for output in notebook.cells[FIRST].outputs] == [
        "a\nb\n",
        "100%\ny",
        "c",
        None,
        None,
        "d",
    ]
