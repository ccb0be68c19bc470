"""Runners that were killed outright, and what the next command makes of what they left."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from workbench import workflow
from workbench.documents.process import process_started
from workbench.documents.run_folder import RunFolder, claimed
from workbench.execution import prepare
from workbench.execution.close import close, end_kernel
from workbench.experiment import verify

RUNNER = """
import sys
from pathlib import Path
from nbformat.v4 import new_code_cell, new_notebook
from workbench.execution import execute, prepare
from workbench.experiment import Store, capture
store = Store(Path(sys.argv[1])).create()
notebook = new_notebook(cells=[new_code_cell(source) for source in sys.argv[2:]])
folder = prepare(store.running, name="t", template=notebook)
print(folder.path, flush=True)
execute(folder, notebook)
print("ended", flush=True)
capture(folder, store)
print("kept", flush=True)
"""
LOOK = """
import sys, time
from workbench import workflow
print("ready", flush=True)
sys.stdin.readline()
print(len(workflow.experiments(store=sys.argv[1])))
"""
READY = "import os, time; open('ready', 'w').close(); time.sleep(60)"
LEAVES = """
import sys, time
from pathlib import Path
from workbench.execution import Kernels, kernel_spec
from workbench.experiment import Store
from workbench.experiment.store import building
with building(Store(Path(sys.argv[1])).create(), "capture") as part, Kernels() as kernels:
    (part / "file").touch()
    kernels.ready(kernel_spec({}))
    print(kernels._waiting[0][1].process.pid, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def runner(store):
    """Start runners in processes of their own; none outlives the test."""
    started = []

    def start(*sources):
        command = [sys.executable, "-c", RUNNER, str(store), *sources]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return started[-1], RunFolder(folder_of(started[-1]))

    yield start
    for process in started:
        process.kill()
        process.communicate()


def folder_of(process):
    return Path(process.stdout.readline().strip())


def until(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def left_in(store):
    return [path.name for path in (store / "running").iterdir() if not path.name.startswith(".")]


def ago(seconds):
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def cells_of(path):
    return [cell.metadata.papermill.status for cell in nbformat.read(path, as_version=4).cells]


def abandoned(store, **changes):
    """A run whose second cell was under way when its runner died."""
    notebook = new_notebook(cells=[new_code_cell(source) for source in ("1", "2", "3")])
    folder = prepare(store / "running", name="t", template=notebook)
    (folder.path / "notebook.ipynb").write_bytes(folder.template.read_bytes())
    folder.say("run", state="started", total=3)
    for index, state in ((0, "started"), (0, "completed"), (1, "started")):
        folder.say("cell", index=index, total=3, state=state)
    folder.update(**{"pid_started": -1.0, **changes})
    return folder


def test_a_runner_that_was_killed_is_closed_and_kept_by_the_next_command(runner, store):
    process, folder = runner("print('so far')", READY, "3")
    until((folder.outputs / "ready").exists)
    until(lambda: folder.read().kernel)
    kernel = folder.read().kernel["pid"]
    (running,) = workflow.experiments(store=store)
    assert running.status == "running"
    process.kill()
    process.wait()
    (kept,) = workflow.experiments(store=store)
    assert kept.status == "killed"
    assert kept.reason == f"The process that ran it ({process.pid} on {folder_host()}) is gone (cell 2)"
    assert cells_of(kept.notebook) == ["completed", "failed", "pending"]
    assert process_started(kernel) is None
    assert verify(kept) == []
    assert not folder.path.exists()
    assert workflow.show("t", store=store)["status"] == "killed"
    assert kept.manifest["ended"] >= kept.manifest["started"]


def folder_host():
    return socket.gethostname()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"pid": os.getpid(), "pid_started": -1.0}, " is gone (cell 2)"),  # another process has its number
        ({"boot_id": "another"}, " was started anew while it ran (cell 2)"),
        ({"host": "elsewhere", "heartbeat": 600}, " s of the process that ran it on elsewhere (cell 2)"),
        ({"namespace": "a container", "heartbeat": 600}, f" s of the process that ran it on {folder_host()} (cell 2)"),
    ],
)
def test_however_it_is_known_that_the_runner_is_dead_the_run_is_closed(store, changes, reason):
    abandoned(store, **{key: ago(value) if key == "heartbeat" else value for key, value in changes.items()})
    (kept,) = workflow.experiments(store=store)
    assert kept.status == "killed"
    assert kept.reason.endswith(reason)
    assert cells_of(kept.notebook) == ["completed", "failed", "pending"]


@pytest.mark.parametrize("changes", [{"host": "elsewhere"}, {"namespace": "a container"}])
def test_a_run_of_another_host_is_left_alone_while_it_is_heard_of(store, changes):
    folder = abandoned(store, **changes, heartbeat=ago(5))
    (running,) = workflow.experiments(store=store)
    assert (running.path, folder.read().status) == (folder.path, "running")


def test_a_run_that_had_ended_is_kept_as_it_ended(runner, store):
    process, folder = runner("print('done')")
    while process.stdout.readline() != "ended\n":
        pass
    process.send_signal(signal.SIGSTOP)  # it may have kept it by now; if not, it never will
    process.kill()
    process.wait()
    (kept,) = workflow.experiments(store=store)
    assert (kept.status, cells_of(kept.notebook)) == ("completed", ["completed"])
    assert not folder.path.exists()


@pytest.mark.parametrize("status", ["completed", "failed", "timed_out"])
def test_a_finished_run_folder_is_kept_by_whoever_looks(store, status):
    folder = abandoned(store)
    folder.update(status=status, reason="why", ended=ago(0))
    (kept,) = workflow.experiments(store=store)
    assert (kept.status, kept.reason) == (status, "why")
    assert left_in(store) == []


def test_what_the_events_said_of_the_end_is_believed(store):
    folder = abandoned(store)
    folder.say("cell", index=1, total=3, state="failed")
    folder.say("run", state="ended", status="timed_out", reason="Too long (cell 2)", cell=1)
    (kept,) = workflow.experiments(store=store)
    assert (kept.status, kept.reason) == ("timed_out", "Too long (cell 2)")
    assert cells_of(kept.notebook) == ["completed", "failed", "pending"]


@pytest.mark.parametrize(("is_clean", "status", "kept_of_it"), [(True, "completed", ["a.txt"]), (False, "killed", [])])
def test_a_run_is_not_completed_when_its_files_cannot_be_kept_for_its_secrets(store, is_clean, status, kept_of_it):
    folder = abandoned(store, secrets=["token"], is_clean=is_clean)
    (folder.outputs / "a.txt").write_text("nobody knows any more whether this is the token")
    folder.say("cell", index=1, total=3, state="completed")
    folder.say("cell", index=2, total=3, state="completed")
    folder.say("run", state="ended", status="completed", reason="", cell=None)
    (kept,) = workflow.experiments(store=store)
    assert (kept.status, cells_of(kept.notebook)) == (status, ["completed"] * 3)
    assert [path.name for path in kept.path.glob("outputs/*")] == kept_of_it
    assert is_clean or kept.reason.endswith(" is gone, before what the run had made was cleaned of secrets")


def test_a_run_that_never_came_to_its_notebook_is_kept_with_its_template(store):
    folder = prepare(store / "running", name="t", template=new_notebook(cells=[new_code_cell("1")]))
    folder.update(pid_started=-1.0)
    (kept,) = workflow.experiments(store=store)
    assert (kept.status, cells_of(kept.notebook)) == ("killed", ["pending"])


def test_an_experiment_that_is_kept_already_is_not_kept_twice(store, tmp_path):
    folder = abandoned(store)
    shutil.copytree(folder.path, tmp_path / "copy")
    (kept,) = workflow.experiments(store=store)
    before = kept.path.stat().st_mtime_ns
    shutil.copytree(tmp_path / "copy", folder.path)  # killed between keeping it and tidying up
    (still,) = workflow.experiments(store=store)
    assert (still.reference, still.path.stat().st_mtime_ns) == (kept.reference, before)
    assert not folder.path.exists()


def test_an_orphaned_kernel_is_ended_but_nobody_elses_process(store):
    orphan = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    try:
        folder = abandoned(store)
        for started in (process_started(orphan.pid) - 5, None):
            folder.update(kernel={"pid": orphan.pid, "started": started})
            end_kernel(folder, folder.read())
            assert orphan.poll() is None  # its number alone says nothing
        folder.update(kernel={"pid": orphan.pid, "started": process_started(orphan.pid)})
        close(folder)
        assert orphan.wait(10) == -signal.SIGKILL
    finally:
        orphan.kill()
        orphan.wait()


def test_what_a_dead_kernel_had_started_is_ended_if_it_names_the_run(store):
    folder = abandoned(store)
    sleep = "[sys.executable, '-c', 'import time; time.sleep(60)']"
    spawn = f"import subprocess, sys; print(subprocess.Popen({sleep}, stdout=subprocess.DEVNULL).pid)"
    env = {**os.environ, "WORKBENCH_RUN": str(folder.path)}
    leader = subprocess.Popen(
        [sys.executable, "-c", spawn], env=env, stdout=subprocess.PIPE, start_new_session=True, text=True
    )
    child = psutil.Process(int(leader.communicate()[0]))
    assert child.status() != psutil.STATUS_ZOMBIE
    folder.update(kernel={"pid": leader.pid, "started": 1.0})
    close(folder)
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 10)


def test_a_run_is_claimed_by_one(store):
    folder = abandoned(store)
    with claimed(folder) as first, claimed(folder) as second:
        assert (first, second) == (True, False)
    with claimed(folder) as again:
        assert again


def test_of_two_commands_at_once_one_alone_keeps_the_run(store):
    for _ in range(4):
        abandoned(store)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen([sys.executable, "-c", LOOK, str(store)], **pipes) for _ in range(2)]
    assert [process.stdout.readline() for process in both] == ["ready\n"] * 2
    said = [process.communicate("\n", timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    kept = workflow.experiments(store=store)
    assert [experiment.status for experiment in kept] == ["killed"] * 4
    assert [verify(experiment) for experiment in kept] == [[]] * 4
    assert left_in(store) == []


def test_a_store_that_cannot_be_written_to_can_still_be_looked_at(store, monkeypatch):
    abandoned(store)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("workbench.execution.close.close", refuse)
    (left,) = workflow.experiments(store=store)
    assert (left.status, left.reason) == ("killed", "the process that ran it is gone, and what it left was never kept")


def test_a_document_that_was_just_being_written_is_not_kept(store):
    folder = abandoned(store)
    (folder.outbox / "scores.json").write_text("{}")
    (folder.outbox / ".task.json.x1y2z3w4").write_text("{")
    (folder.outbox / ".model.x1y2z3w4").mkdir()
    (folder.outbox / ".model.x1y2z3w4" / "MLmodel").write_text("{")
    (folder.outputs / ".mine").write_text("the notebook's own")
    (kept,) = workflow.experiments(store=store)
    hidden = {path.relative_to(kept.path).as_posix() for path in kept.path.rglob(".*")}
    assert hidden == {"outputs/.mine"}
    assert (kept.path / "scores.json").exists()


def test_what_a_killed_process_was_building_and_its_kernels_folder_are_gone_after_the_next_command(
    store, short, monkeypatch
):
    monkeypatch.setenv("TMPDIR", str(short))
    monkeypatch.setattr("tempfile.tempdir", str(short))
    process = subprocess.Popen([sys.executable, "-c", LEAVES, str(store)], stdout=subprocess.PIPE)
    kernel = psutil.Process(int(process.stdout.readline()))
    workflow.experiments(store=store)
    assert len(list((store / "running").glob(".capture-*/file"))) == len(list(short.glob("wb-*"))) == 1  # in use
    kernel.suspend()  # it can clean up no more than a kernel that is killed together with its runner
    process.kill()
    process.communicate()
    kernel.kill()
    workflow.experiments(store=store)
    assert list((store / "running").iterdir()) == list(short.glob("wb-*")) == []
