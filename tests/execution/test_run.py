"""Real kernels. Each run costs more than a second: a run proves what it can."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from workbench.documents.files import read_json
from workbench.documents.run_folder import RunFolder, find_stale, here, refused
from workbench.errors import BadColumn, StoreError
from workbench.execution import execute, prepare, worker
from workbench.execution.watch import signals_stop

HANDS_OVER = """
from workbench.documents.run_folder import handing_over_errors, here
from workbench.errors import BadColumn

@handing_over_errors
def verb():
    raise BadColumn("age", "is constant", "Pick another.")
"""
LOOKS_AROUND = """
import json, os, sys
from IPython.paths import get_ipython_dir
print(json.dumps([os.getcwd(), os.environ["WORKBENCH_RUN"], os.environ["FARM"], sys.executable, get_ipython_dir()]))
open("mine.txt", "w").write("kept")
from workbench.documents.run_folder import here
here().say("trial", number=0, score=0.5)
"""


def tagged(source, tag):
    return new_code_cell(source, metadata={"tags": [tag]})


def test_a_notebook_runs_in_a_folder_of_its_own_and_leaves_this_process_alone(run, tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    before = (dict(os.environ), Path.cwd(), set(threading.enumerate()))
    odd = tmp_path / "a {store} with ü and 'quotes'" / "running"
    done = run(new_markdown_cell("# Title"), LOOKS_AROUND, "1 + 1", at=odd, kernel_env={"FARM": "17"})

    assert (done.record.status, done.record.reason, done.record.cell) == ("completed", "", None)
    assert done.cells == ["completed"] * 3
    cwd, folder, farm, python, profile = json.loads(done.text)
    assert (cwd, folder, farm, python) == (
        str(done.folder.outputs),
        str(done.folder.path),
        "17",
        sys.executable,
    )
    assert (done.folder.outputs / "mine.txt").read_text() == "kept"
    assert not Path(profile).exists()
    assert done.record == done.folder.read()
    assert done.record.ended > done.record.started
    assert not done.folder.error.exists()
    assert not done.folder.kernel_log.exists()

    assert done.told == list(done.folder.heard())
    assert [(event["kind"], event.get("state"), event.get("index")) for event in done.told] == [
        ("run", "started", None),
        ("cell", "started", 1),
        ("trial", None, None),
        ("cell", "completed", 1),
        ("cell", "started", 2),
        ("cell", "completed", 2),
        ("run", "ended", None),
    ]
    assert done.notebook.metadata.papermill.input_path == "template.ipynb"  # and not the whole template
    assert (dict(os.environ), Path.cwd(), set(threading.enumerate())) == before
    assert here() is None
    assert capfd.readouterr() == ("", "")


def test_a_cell_that_raises_fails_the_run_and_what_it_wrote_is_kept(run):
    bye = "import atexit; atexit.register(lambda: open('bye.txt', 'w').close())"
    done = run(new_markdown_cell("hi"), bye, "print('before'); {}['age']", "print('never')")
    assert (done.record.status, done.record.reason) == ("failed", "KeyError: 'age' (cell 3)")
    assert done.record.cell == 2
    assert done.cells == ["completed", "completed", "failed", "pending"]
    assert done.notebook.metadata.papermill.exception is True
    assert done.text == "before\n"
    assert [event["state"] for event in done.told if event.get("index") == 2] == ["started", "failed"]
    assert (done.folder.outputs / "bye.txt").exists()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            "print('last words'); import os, time; time.sleep(0.5); os._exit(3)",
            "The kernel exited with code 3 (cell 2)",
        ),
        ("import os; os.kill(os.getpid(), 9)", "The kernel was killed by SIGKILL (cell 2)"),
    ],
)
def test_a_dead_kernel_is_noticed_at_once_and_never_completed(run, source, reason):
    began = time.monotonic()
    done = run("1", source, "2")
    assert (done.record.status, done.record.reason, done.record.cell) == ("killed", reason, 1)
    assert time.monotonic() - began < 10
    assert done.cells == ["completed", "failed", "pending"]
    assert done.notebook.metadata.papermill.exception is True
    assert done.notebook.cells[1].outputs[-1].evalue == reason
    assert [event["state"] for event in done.told][-2:] == ["failed", "ended"]


def test_a_cell_that_takes_too_long_shows_where_it_was(run):
    done = run("def slow():\n    import time; time.sleep(60)", "slow()", "2", cell_timeout=0.5)
    assert (done.record.status, done.record.cell) == ("timed_out", 1)
    assert done.record.reason == "The cell took longer than its limit of 0.5 s (cell 2)"
    assert done.cells == ["completed", "failed", "pending"]
    interrupted, why = done.notebook.cells[1].outputs
    assert "time.sleep" in "".join(interrupted.traceback)
    assert why.evalue == done.record.reason


def test_a_run_that_takes_too_long_ends_though_its_cell_will_not(run):
    stubborn = "import time\nwhile True:\n    try:\n        time.sleep(60)\n    except KeyboardInterrupt:\n        pass"
    began = time.monotonic()
    done = run("1", stubborn, "2", timeout=3)
    assert time.monotonic() - began < 3 + 5
    assert (done.record.status, done.record.cell) == ("timed_out", 1)
    assert done.record.reason == "The run took longer than its limit of 3 s (cell 2)"
    assert done.cells == ["completed", "failed", "pending"]


def test_a_cell_that_gets_over_its_interrupt_does_not_get_another_cell_run(run):
    patient = "import time\ntry:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print('over it')"
    done = run(patient, "open('next.txt', 'w').close()", cell_timeout=0.5)
    assert (done.record.status, done.record.cell) == ("timed_out", 0)
    assert done.cells == ["failed", "pending"]
    assert not (done.folder.outputs / "next.txt").exists()


def test_a_notebook_may_end_itself_in_peace(run):
    done = run("print('done'); import sys; sys.exit()", "print('never')")
    assert (done.record.status, done.record.reason) == ("completed", "")
    assert done.cells == ["completed", "pending"]
    assert done.notebook.metadata.papermill.exception is None
    assert [event["state"] for event in done.told if event["kind"] == "cell"] == ["started", "completed"]


def test_a_cell_that_may_raise_may_raise(run):
    done = run(tagged("1 / 0", "raises-exception"), "print('on')", tagged("1 / 0", "skip-execution"))
    assert (done.record.status, done.record.reason) == ("completed", "")
    assert done.cells == ["completed"] * 3
    assert done.text == "on\n"
    assert "papermill-error-cell-tag" not in str(done.notebook)


def test_an_error_of_ours_before_the_first_trial_refuses_the_request(run):
    done = run(HANDS_OVER, "verb()")
    assert (done.record.status, done.record.cell) == ("failed", 1)
    assert done.record.reason == "The column 'age' is constant. Pick another."
    assert isinstance(refused(done.folder), BadColumn)
    assert read_json(done.folder.error)["cell"] == 1


def test_an_error_of_ours_that_the_notebook_got_over_is_forgotten(run):
    done = run(HANDS_OVER, "try:\n    verb()\nexcept BadColumn:\n    pass", "1 / 0")
    assert done.record.reason == "ZeroDivisionError: division by zero (cell 3)"
    assert refused(done.folder) is None


def test_runs_in_two_threads_keep_their_own_directory_and_environment(run, tmp_path):
    meet = """
import os, time
from pathlib import Path
Path("here").touch()
while not list(Path(os.environ["OTHER"]).glob("*/outputs/here")):
    time.sleep(0.05)
print(Path.cwd().parents[1].name, os.environ["MINE"])
"""
    done = {}

    def one(mine, other):
        env = {"MINE": mine, "OTHER": str(tmp_path / other)}
        done[mine] = run(meet, at=tmp_path / mine, kernel_env=env, timeout=60)

    threads = [threading.Thread(target=one, args=names) for names in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: (run.record.status, run.text) for name, run in done.items()} == {
        "a": ("completed", "a a\n"),
        "b": ("completed", "b b\n"),
    }


def test_the_notebook_is_saved_while_it_runs(run, running, monkeypatch):
    """The listener lets the cell go on only when it finds in the file what the cell has printed so far."""
    monkeypatch.setattr(worker, "SAVE_SECONDS", 0.1)
    waits = """
from pathlib import Path
import time
print("so far", flush=True)
here().say("message", text="printed")
while not Path("seen").exists(): time.sleep(0.05)
"""

    def listen(event):
        if event["kind"] == "message":
            (folder,) = (RunFolder(path) for path in running.iterdir())
            while "so far" not in str(nbformat.read(folder.notebook, as_version=4).cells[1].get("outputs")):
                time.sleep(0.05)
            (folder.outputs / "seen").touch()

    done = run("from workbench.documents.run_folder import here", waits, on_event=listen, timeout=30)
    assert (done.record.status, done.record.reason) == ("completed", "")


def test_no_line_of_a_chatty_cell_is_lost_and_all_are_one_output(run):
    done = run("for number in range(3000): print(number, flush=True)")
    (output,) = done.notebook.cells[0].outputs
    assert output.text.split() == [str(number) for number in range(3000)]


def test_a_listener_that_fails_does_not_fail_the_run(run, caplog):
    def listen(event):
        raise BrokenPipeError("the terminal is gone")

    with caplog.at_level(logging.ERROR):
        done = run("1", on_event=listen)
    assert done.record.status == "completed"
    assert caplog.text.count("Showing the progress of a run failed") == 1


def test_ctrl_c_cancels_the_run_and_a_second_one_breaks_out_of_a_listener_that_hangs(run):
    def listen(event):
        if event["kind"] == "cell" and event["state"] == "started":
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            pytest.fail("the listener still hangs")

    done = run("import time; time.sleep(60)", "1", on_event=listen)
    assert (done.record.status, done.record.reason) == ("cancelled", "Cancelled by Ctrl-C (cell 1)")
    assert done.cells == ["failed", "pending"]


RUNNER = """
import sys
from pathlib import Path
from nbformat.v4 import new_code_cell, new_notebook
from workbench.execution import execute, prepare
sleep = "import os, time; open('pid', 'w').write(str(os.getpid())); open('ready', 'w').close(); time.sleep(60)"
notebook = new_notebook(cells=[new_code_cell(sleep), new_code_cell("1")])
record = execute(prepare(Path(sys.argv[1]), name="t", template=notebook), notebook)
print(record.status)
"""


@pytest.fixture
def runner(running):
    """A runner in a process of its own, whose kernel sleeps; and that kernel's pid."""
    process = subprocess.Popen([sys.executable, "-c", RUNNER, str(running)], stdout=subprocess.PIPE, text=True)
    until(lambda: list(running.glob("*/outputs/ready")), 60)
    (pid,) = running.glob("*/outputs/pid")
    yield process, int(pid.read_text())
    process.kill()
    process.communicate()


def until(true, seconds):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_signal_to_the_runner_stops_the_kernel_and_leaves_a_terminal_status(runner, running):
    process, kernel = runner
    process.send_signal(signal.SIGTERM)
    until(lambda: is_gone(kernel), 3)
    assert process.communicate(timeout=10)[0] == "cancelled\n"
    (folder,) = (RunFolder(path) for path in running.iterdir())
    assert folder.read().reason == "Cancelled by SIGTERM (cell 1)"
    cells = nbformat.read(folder.notebook, as_version=4).cells
    assert [cell.metadata.papermill.status for cell in cells] == ["failed", "pending"]


def test_a_runner_killed_outright_takes_its_kernel_along_and_is_found(runner, running):
    process, kernel = runner
    assert find_stale(running) == []
    process.kill()
    process.wait()
    until(lambda: is_gone(kernel), 10)
    (stale,) = find_stale(running)
    assert stale.read().status == "running"


@pytest.mark.parametrize("stop", [None, "timed_out"])
def test_a_signal_that_came_too_late_to_cancel_is_not_lost(stop):
    run = SimpleNamespace(asked=None, stop=stop and SimpleNamespace(status=stop), over=True)
    written = []

    def conclude():
        with signals_stop(run):
            signal.raise_signal(signal.SIGINT)
            written.append("the outcome")

    with pytest.raises(KeyboardInterrupt):
        conclude()
    assert written
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_store_that_went_away_is_one_clear_line(make, running):
    notebook = make("import shutil, pathlib; shutil.rmtree(pathlib.Path.cwd().parent)")
    folder = prepare(running, name="t", template=notebook)
    with pytest.raises(StoreError, match="cannot be written"):
        execute(folder, notebook)
