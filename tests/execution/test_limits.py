"""Memory: real kernels, real processes, real allocations."""

from __future__ import annotations

import contextlib
import ctypes.util
import subprocess
import sys

import psutil
import pytest

from workbench.automl.planning.memory import room_for
from workbench.execution import kernel, prepare
from workbench.execution.limits import Limits, Tree
from workbench.execution.verdict import Evidence, judge

MB = 1_000_000
ALONE = "import time; kept = b'1' * 400_000_000; time.sleep(60)"
IN_A_CHILD = """
import subprocess, sys
subprocess.run([sys.executable, "-c", "import time; kept = b'1' * 400_000_000; time.sleep(60)"])
"""
OF_A_CHILD_THAT_IS_GONE = """
import subprocess, sys, time
holds = "import time; kept = b'1' * 400_000_000; time.sleep(60)"
starts = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {holds!r}])"
subprocess.run([sys.executable, "-c", starts])
time.sleep(60)
"""
IN_A_SESSION_OF_ITS_OWN = """
import subprocess, sys
from pathlib import Path
holds = "import time; kept = b'1' * 400_000_000; time.sleep(600)"
apart = subprocess.Popen([sys.executable, "-c", holds], start_new_session=True)
Path({said!r}).write_text(str(apart.pid))
apart.wait()
"""
THROWS = "import ctypes; ctypes.CDLL('libstdc++.so.6')._Znwm(ctypes.c_size_t(1 << 46))"  # new char[1 << 46]
HOLDS = "import sys; kept = b'1' * 200_000_000; print('ready', flush=True); sys.stdin.read()"


@pytest.mark.parametrize("source", [ALONE, IN_A_CHILD, OF_A_CHILD_THAT_IS_GONE])
def test_a_run_that_takes_more_memory_than_it_may_is_ended(run, source):
    done = run("1", source, "2", memory=300 * MB)
    assert (done.record.status, done.record.cell) == ("out_of_memory", 1)
    assert "; its limit is 300 MB (cell 2)" in done.record.reason
    assert done.cells == ["completed", "failed", "pending"]
    assert done.notebook.cells[1].outputs[-1].evalue == done.record.reason
    assert done.record.resources["peak_memory"] > 300 * MB


def test_what_went_into_a_session_of_its_own_is_ended_with_the_run(run, tmp_path):
    said = tmp_path / "pid"
    done = run(IN_A_SESSION_OF_ITS_OWN.format(said=str(said)), "2", memory=300 * MB)
    assert done.record.status == "out_of_memory"
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(int(said.read_text())).wait(10)


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has no limit of address space")
def test_what_is_asked_for_in_one_piece_is_refused_in_the_cell(run):
    done = run("kept = bytearray(16 * 2**30)", "2", memory=300 * MB)
    assert done.record.status == "out_of_memory"
    assert done.record.reason.startswith("MemoryError; the run had taken ")
    assert done.record.reason.endswith(" MB of the 300 MB allowed (cell 1)")
    assert done.cells == ["failed", "pending"]
    assert "bytearray" in "".join(done.notebook.cells[0].outputs[0].traceback)


@pytest.mark.skipif(not ctypes.util.find_library("stdc++"), reason="there is no C++ here")
def test_memory_that_is_refused_to_code_in_another_language_is_told_as_such(run):
    done = run(THROWS, "2")
    assert done.record.status == "out_of_memory"
    assert done.record.reason.startswith("The kernel was killed by SIGABRT: std::bad_alloc; the run had taken ")
    assert done.cells == ["failed", "pending"]


@pytest.mark.skipif(sys.platform != "linux", reason="macOS does not remember the most a process held")
def test_what_a_run_held_for_a_moment_counts_too(run):
    done = run("len(b'1' * 300_000_000)")
    assert done.record.resources["peak_memory"] > 300 * MB


def test_a_run_within_its_limit_is_not_disturbed_and_says_what_it_took(run):
    busy = "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass"
    done = run("kept = b'1' * 100_000_000", busy, memory=2_000 * MB)
    assert done.record.status == "completed"
    assert done.record.memory == 2_000 * MB
    assert 100 * MB < done.record.resources["peak_memory"] < 2_000 * MB
    assert done.record.resources["cpu"] >= 0.5
    assert done.record.resources["wall"] > 0.5


def test_what_a_run_takes_is_told_while_it_takes_it(run, monkeypatch):
    monkeypatch.setattr("workbench.execution.watch.TELL_SECONDS", 0.2)
    done = run("import time; time.sleep(2)")
    told = [event for event in done.told if event["kind"] == "resources"]
    assert told
    assert all(event["memory"] > 0 and event["cpu"] >= 0 for event in told)
    assert 10 * MB < told[-1]["peak_memory"] <= done.record.resources["peak_memory"]


@pytest.mark.parametrize(
    ("taken", "allowed", "reason"),
    [
        (0, None, "The machine ran out of memory and killed the kernel"),
        (1_234 * MB, None, "The machine ran out of memory and killed the kernel; the run had taken 1.23 GB"),
        (
            81 * MB,
            2_000 * MB,
            "The machine ran out of memory and killed the kernel; the run had taken 81 MB of the 2 GB allowed",
        ),
    ],
)
def test_a_kernel_that_the_machine_killed_for_memory_says_what_it_took(make, taken, allowed, reason):
    dead = RuntimeError("Kernel died")
    evidence = Evidence(make("1"), raised=dead, exit_code=-9, out_of_memory=True, taken=taken, allowed=allowed)
    assert (judge(evidence).status, judge(evidence).reason) == ("out_of_memory", reason)


def test_a_kernel_that_is_killed_while_the_system_kills_for_memory_has_run_out_of_it(run, monkeypatch, tmp_path):
    counters = tmp_path / "memory.events"
    counters.write_text("oom 0\noom_kill 3\n")
    monkeypatch.setattr(kernel, "_oom_kills", lambda: kernel._count(counters))
    killed = f"import os\nopen({str(counters)!r}, 'w').write('oom 1\\noom_kill 4\\n')\nos.kill(os.getpid(), 9)"
    done = run("1", killed, "2")
    assert (done.record.status, done.record.cell) == ("out_of_memory", 1)
    assert done.record.reason.startswith("The machine ran out of memory and killed the kernel; the run had taken ")


@pytest.mark.parametrize("memory", [None, 10**8, 10**11])
def test_the_limit_of_address_space_is_far_above_the_limit_of_memory(memory):
    space = Limits(memory=memory).address_space
    assert space is None if memory is None else space >= max(2 * memory, memory + 8 * 2**30)


@pytest.mark.parametrize(
    ("allowed", "planned", "limit"),
    [(10 * MB, "3GB", 9 * MB), (10**13, "3GB", 3_000 * MB), (None, "3GB", 3_000 * MB), (10 * MB, "5MB", 5 * MB)],
)
def test_of_a_limit_and_a_plan_the_tighter_rules(make, running, monkeypatch, allowed, planned, limit):
    folder = prepare(running, name="t", template=make("1"))
    folder.update(memory=allowed)
    monkeypatch.setenv("WORKBENCH_RUN", str(folder.path))
    assert room_for(planned).limit == limit


def test_a_tree_of_processes_counts_what_its_children_take():
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLDS!r}])"
    process = subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    tree = Tree(process.pid)
    process.stdout.readline()
    alone, whole = tree.look().memory, tree.look(closely=True)
    assert alone < 150 * MB < 200 * MB < whole.memory <= whole.peak
    process.communicate()
    after = tree.look(closely=True)
    assert after.memory == 0
    assert (after.peak, after.cpu) >= (whole.peak, whole.cpu)
