"""Kernels that wait for their runs: real ones, and what is left of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell

from workbench.errors import NoAnswer, WorkbenchError
from workbench.execution import Kernels, kernel_spec, worker
from workbench.execution import kernel as kernel_module
from workbench.workflow import run as run_template

pytestmark = pytest.mark.usefixtures("temporary")
SPEC = kernel_spec({})
ABOUT = "import json, os, sys\nprint(json.dumps([os.getpid(), os.getcwd(), os.environ['FARM'], sys.path[0]]))"


def left_of_kernels(folder):
    return [path.name for path in folder.glob("wb-*")]


def is_gone(pid):
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] in "ZX"


def until(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("spare", [0, 1], ids=["started", "forked"])
def test_a_kernel_that_waited_is_given_its_directory_environment_and_modules(run, temporary, spare):
    home = temporary / "beside"
    home.mkdir()
    (home / "mine.py").write_text("here = 'beside the template'")
    (home / "decorator.py").write_text("mine = True")  # IPython has imported another one of this name
    env = {"FARM": "17", "PYTHONPATH": str(home)}
    plot = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
    asks = new_code_cell("input('who?')", metadata={"tags": ["raises-exception"]})
    modules = "import mine, decorator\nprint(mine.here, decorator.mine)"
    names = "print([name for name in dir() if not name.startswith('_') and name not in ('In', 'Out', 'get_ipython',\n"
    names += "    'exit', 'quit', 'open')], In[1:], Out)"
    with Kernels(spare) as kernels:
        kernels.ready(SPEC, ("matplotlib.pyplot",), env)
        ((_, waiting),) = kernels._waiting
        done = run(names, ABOUT, modules, plot, asks, kernel_env=env, kernels=kernels)
        assert len(kernels._waiting) == spare
    assert (done.record.status, done.record.reason) == ("completed", "")
    clean, about, found = done.text.splitlines()
    assert clean.startswith("[] [")  # nothing of the request that handed the run over
    assert "begin" not in clean
    assert json.loads(about) == [waiting.process.pid, str(done.folder.outputs), "17", str(home)]
    assert found == "beside the template True"
    assert done.notebook.cells[0].execution_count == 1
    assert "image/png" in str(done.notebook.cells[3].outputs)
    assert done.notebook.cells[4].outputs[0].ename == "StdinNotImplementedError"
    assert left_of_kernels(temporary) == []


def test_no_kernel_has_a_second_run_though_the_next_one_waits(run, temporary):
    with Kernels(spare=1) as kernels:
        first = run("leak = 42\nimport os; print(os.getpid())", kernels=kernels)
        ((_, waiting),) = kernels._waiting
        second = run("import os; print(os.getpid(), 'leak' in globals())", kernels=kernels)
        ((_, last),) = kernels._waiting
    assert second.text == f"{waiting.process.pid} False\n"
    assert first.text != second.text.split()[0]
    assert is_gone(last.process.pid)
    assert left_of_kernels(temporary) == []


def test_many_runs_at_once_have_each_their_own_directory_and_environment(run, temporary):
    done = {}
    with Kernels(spare=1) as kernels:

        def one(farm):
            done[farm] = run(ABOUT, at=temporary / farm, kernel_env={"FARM": farm}, kernels=kernels)

        threads = [threading.Thread(target=one, args=(farm,)) for farm in ("a", "b", "c")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    told = {farm: json.loads(run.text) for farm, run in done.items()}
    assert {farm: about[1:3] for farm, about in told.items()} == {
        farm: [str(done[farm].folder.outputs), farm] for farm in ("a", "b", "c")
    }
    assert len({about[0] for about in told.values()}) == 3
    assert left_of_kernels(temporary) == []


def test_a_kernel_that_died_while_it_waited_is_replaced(temporary):
    with Kernels() as kernels:
        kernels.ready(SPEC)
        ((_, dead),) = kernels._waiting
        os.killpg(dead.process.pid, signal.SIGKILL)
        dead.process.wait()
        taken = kernels.take(SPEC)
        assert taken.is_alive
        taken.discard()
    assert left_of_kernels(temporary) == []


def test_a_kernel_of_another_kind_is_not_taken(temporary, monkeypatch):
    with Kernels() as kernels:
        kernels.ready(SPEC, (), {"OMP_NUM_THREADS": "1", "FARM": "1"})
        ((_, waiting),) = kernels._waiting
        others = [kernels.take(SPEC, (), {"OMP_NUM_THREADS": "2"}), kernels.take(SPEC, ("json",), {})]
        monkeypatch.setenv("NEW", "1")
        others.append(kernels.take(SPEC, (), {"OMP_NUM_THREADS": "1"}))
        monkeypatch.delenv("NEW")
        same = kernels.take(SPEC, (), {"OMP_NUM_THREADS": "1", "FARM": "2"})
        for kernel in [*others, same]:
            kernel.discard()
    assert waiting is same
    assert waiting not in others
    assert left_of_kernels(temporary) == []


def test_a_variable_that_is_read_once_is_in_the_process_from_its_start(run):
    cell = "print(open('/proc/self/environ').read().count('OMP_NUM_THREADS=3'))"
    done = run(cell, kernel_env={"OMP_NUM_THREADS": "3"})
    assert done.text == "1\n"


def test_what_the_process_itself_prints_is_in_the_log_of_its_run(run):
    crash = "import os, sys\nos.write(sys.stderr.fileno(), b'last words')\nos._exit(3)"
    with Kernels() as kernels:
        kernels.ready(SPEC)
        done = run(crash, kernels=kernels)
    assert (done.record.status, done.record.reason) == ("killed", "The kernel exited with code 3 (cell 1)")
    assert "last words" in done.folder.kernel_log.read_text()


def test_a_kernel_that_does_not_answer_is_told_with_what_to_do(run, monkeypatch):
    monkeypatch.setattr(worker, "START_SECONDS", 1)
    monkeypatch.setattr(kernel_module, "GOODBYE_SECONDS", 0.1)
    with Kernels() as kernels:
        kernels.ready(SPEC)
        ((_, waiting),) = kernels._waiting
        until(lambda: kernel_module._is_bound(waiting.private, sockets=waiting.sockets), 120)
        os.kill(waiting.process.pid, signal.SIGSTOP)
        done = run("1", kernels=kernels)
    assert (done.record.status, done.record.reason) == ("failed", str(NoAnswer(1)))
    assert done.record.reason.startswith("The kernel did not answer within 1 s: ")
    assert done.cells == ["pending"]


def test_of_a_request_that_is_refused_no_kernel_is_left(temporary):
    with pytest.raises(WorkbenchError, match="no_such"):
        run_template("classification", no_such=1, store=temporary / "store")
    assert left_of_kernels(temporary) == []


WAITS = """
import time
from workbench.execution import Kernels, kernel_spec
with Kernels() as kernels:
    kernels.ready(kernel_spec({}))
    print(kernels._waiting[0][1].process.pid, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_however_the_runner_ends_the_kernel_that_waits_ends_too(temporary, number):
    with subprocess.Popen([sys.executable, "-c", WAITS], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as runner:
        pid = int(runner.stdout.readline())
        if number == signal.SIGKILL:
            until(lambda: list(temporary.glob("wb-*/k-1")))  # it has begun to listen
        runner.send_signal(number)
        runner.communicate()
    until(lambda: is_gone(pid) and not left_of_kernels(temporary))
