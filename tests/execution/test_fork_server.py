"""Kernels that are forked from a process that did their imports: real ones, and what is left of them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from workbench.execution import Kernels, kernel_spec, prepare
from workbench.execution.fork_server import can_fork

pytestmark = [
    pytest.mark.skipif(not can_fork(), reason="kernels are forked on Linux only"),
    pytest.mark.usefixtures("temporary"),
]
SPEC = kernel_spec({})
WHO = "import os; print(os.getpid(), os.getppid())"


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """Write modules that note which process imports them, and do something else besides."""
    home = tmp_path / "modules"
    home.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(home))

    def write(name, also=""):
        noted = home / f"{name}.txt"
        (home / f"{name}.py").write_text(f"import os\nprint(os.getpid(), file=open({str(noted)!r}, 'a'))\n{also}\n")
        return lambda: [int(line) for line in noted.read_text().split()] if noted.exists() else []

    return write


def server_of(kernels):
    (server,) = kernels._servers.values()
    return server


def is_gone(pid):
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] in "ZX"


def until(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def processes_of(runner):
    """Servers of a runner, and what they forked."""
    found = []
    for process in psutil.process_iter():
        try:
            line = process.cmdline()
        except psutil.Error:
            continue
        if "--fork" in line and str(runner) in line and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process.pid)
    return found


def test_what_one_run_leaves_behind_no_other_finds(run, temporary):
    cell = """
import json, os, random, uuid
import numpy
print(json.dumps([os.getppid(), getattr(json, "left", None), "left" in globals(), os.environ.get("LEFT")]))
print(random.random(), numpy.random.rand(), uuid.uuid4().hex)
json.left = left = os.environ["LEFT"] = "behind"
numpy.random.seed(0)
"""
    with Kernels(spare=1) as kernels:
        runs = [run(cell, kernels=kernels) for _ in range(3)]
        server = server_of(kernels).process.pid
    found, numbers = zip(*[one.text.splitlines() for one in runs], strict=True)
    assert [json.loads(line) for line in found] == [[server, None, False, None]] * 3
    assert all(len(set(drawn)) == 3 for drawn in zip(*[line.split() for line in numbers], strict=True))
    assert is_gone(server)
    assert not list(temporary.glob("wb-*"))


@pytest.mark.parametrize(
    ("death", "told"),
    [
        ("os._exit(3)", "The kernel exited with code 3 (cell 1)"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "The kernel was killed by SIGKILL (cell 1)"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "The kernel was killed by SIGSEGV (cell 1)"),
    ],
)
def test_how_a_kernel_ended_is_told_truly(run, death, told):
    with Kernels(spare=1) as kernels:
        done = run(f"import os, signal\n{death}", kernels=kernels)
        assert server_of(kernels).has_forked
    assert (done.record.status, done.record.reason) == ("killed", told)


def test_a_run_goes_on_though_the_server_of_its_kernel_is_killed_and_the_next_has_another(run):
    with Kernels(spare=1) as kernels:

        def kill(event):
            if (event["kind"], event.get("state")) == ("cell", "started") and server_of(kernels).is_alive:
                server_of(kernels).process.kill()
                server_of(kernels).process.wait()

        first = run("import time; time.sleep(1)", "print('went on')", WHO, kernels=kernels, on_event=kill)
        killed = server_of(kernels)
        second = run(WHO, kernels=kernels)  # whose kernel had been forked before
        third = run(WHO, kernels=kernels)
        again = server_of(kernels)
    assert (first.record.status, first.record.reason) == ("completed", "")
    went_on, who = first.text.splitlines()
    assert went_on == "went on"
    assert is_gone(int(who.split()[0]))
    assert again is not killed
    assert second.record.status == "completed"
    assert (third.record.status, third.text.split()[1]) == ("completed", str(again.process.pid))


def test_a_kernel_that_dies_without_its_server_is_dead_all_the_same(run):
    kill = "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)"
    with Kernels(spare=1) as kernels:
        done = run(kill, "os.kill(os.getpid(), signal.SIGKILL)", kernels=kernels)
    assert (done.record.status, done.record.reason) == ("killed", "The kernel was killed by SIGKILL (cell 2)")


def test_where_a_server_dies_of_an_import_kernels_are_started_without_one(modules, running, make):
    noted = modules("ends", "import sys\nif '--fork' in sys.argv: os._exit(1)")
    notebook = make("1")
    folder = prepare(running, name="t", template=notebook)
    with Kernels(spare=1) as kernels:
        kernel = kernels.take(SPEC, ("ends",))
        asyncio.run(kernel.start(folder, {}))
        assert kernel.is_alive
        assert psutil.Process(kernel.process.pid).ppid() == os.getpid()
        until(lambda: kernel.process.pid in noted())
        asyncio.run(kernel.stop(now=True))


def test_a_module_that_leaves_a_thread_is_imported_by_the_kernel_with_those_after_it(modules):
    before, after = modules("before"), modules("after")
    leaves = modules("leaves", "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()")
    with Kernels(spare=1) as kernels:
        kernel = kernels.take(SPEC, ("before", "leaves", "after"))
        server, forked = server_of(kernels).process.pid, kernel.process.pid
        until(lambda: forked in after())
        assert len(list(Path(f"/proc/{server}/task").iterdir())) == 1
        kernel.discard()
    assert set(before()) == {server}
    assert set(leaves()) >= {server, forked}
    assert server not in after()


def test_a_kernel_that_is_given_up_before_it_begins_leaves_nothing(temporary):
    with Kernels(spare=1) as kernels:
        kernel = kernels.take(SPEC)
        assert not kernel.process.has_begun
        kernel.discard()
        assert (kernel.is_alive, kernel.exit_code) == (False, -signal.SIGKILL)
        other = kernels.take(SPEC)
        assert other.process.pid  # by now the first one has begun, too
        other.discard()
    until(lambda: not processes_of(os.getpid()))
    assert not list(temporary.glob("wb-*"))


def test_a_server_stays_till_the_last_of_its_kernels_has_ended(temporary):
    with Kernels(spare=1) as kernels:
        kernel = kernels.take(SPEC)
        assert psutil.Process(kernel.process.pid).ppid() == server_of(kernels).process.pid
        server = server_of(kernels)
    assert kernel.is_alive
    assert server.process.poll() is None
    kernel.discard()
    assert kernel.exit_code == -signal.SIGKILL
    assert is_gone(server.process.pid)
    assert not list(temporary.glob("wb-*"))


def test_what_a_fork_takes_is_measured_and_limited(run):
    holds = "import time\nheld = b'x' * 600_000_000\ntime.sleep(60)"
    with Kernels(spare=1) as kernels:
        small = run(WHO, kernels=kernels, memory=1_000_000_000)
        large = run(holds, kernels=kernels, memory=400_000_000)
        assert small.text.split()[1] == str(server_of(kernels).process.pid)
    assert small.record.status == "completed"
    assert 20e6 < small.record.resources["peak_memory"] < 300e6
    assert large.record.status == "out_of_memory"
    assert large.record.reason.startswith("The run took ")


def test_variables_that_are_read_once_are_a_matter_of_the_server(run):
    cell = "import os\nprint(open('/proc/self/environ').read().count(f'OMP_NUM_THREADS={os.environ[\"WANTED\"]}\\0'))"
    with Kernels(spare=1) as kernels:
        done = [
            run(cell, kernel_env={"OMP_NUM_THREADS": wanted, "WANTED": wanted}, kernels=kernels)
            for wanted in ("3", "2", "3")
        ]
        assert len(kernels._servers) == 2
    assert [one.text for one in done] == ["1\n"] * 3


def test_of_many_kinds_only_a_few_servers_are_kept():
    with Kernels(spare=1) as kernels:
        for threads in range(5):
            kernels.take(SPEC, (), {"OMP_NUM_THREADS": str(threads)}).discard()
        assert len(kernels._servers) == 3
    until(lambda: not processes_of(os.getpid()))


RUNS = """
import os, sys
from pathlib import Path
from nbformat.v4 import new_code_cell, new_notebook
from workbench.execution import Kernels, execute, prepare
notebook = new_notebook(cells=[new_code_cell("import time; print('here'); time.sleep(600)")])
folder = prepare(Path(sys.argv[1]), name="t", template=notebook)

def told(event):
    if (event["kind"], event.get("state")) == ("cell", "started"):
        print(os.getpid(), flush=True)

with Kernels(spare=1) as kernels:
    execute(folder, notebook, kernels=kernels, on_event=told)
"""


WAITS = """
import time
from workbench.execution import Kernels, kernel_spec
with Kernels(spare=1) as kernels:
    kernels.take(kernel_spec({}), ("slow",))
    print("asked", flush=True)
    time.sleep(600)
"""


def test_of_a_runner_that_is_killed_while_the_server_imports_nothing_is_left(modules, temporary):
    noted = modules("slow", "import time; time.sleep(2)")
    with subprocess.Popen([sys.executable, "-c", WAITS], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as runner:
        assert runner.stdout.readline() == b"asked\n"
        until(noted)
        runner.kill()
        runner.communicate()
    until(lambda: not processes_of(runner.pid))
    assert not list(temporary.glob("wb-*"))


def test_of_a_runner_that_is_killed_no_process_is_left(temporary):
    command = [sys.executable, "-c", RUNS, str(temporary / "running")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as runner:
        assert int(runner.stdout.readline()) == runner.pid
        until(lambda: len(processes_of(runner.pid)) == 3)  # the server, the kernel, the next one
        runner.kill()
        runner.communicate()
    until(lambda: not processes_of(runner.pid))
    until(lambda: not list(temporary.glob("wb-*")))


def test_a_forked_kernel_picks_ports_where_the_path_of_its_folder_is_too_long_for_sockets(run, tmp_path, monkeypatch):
    deep = tmp_path / ("d" * 60)
    deep.mkdir()
    monkeypatch.setattr("workbench.execution.kernel._short_folder", lambda: deep)
    transport = "import json; from ipykernel.connect import get_connection_file\n"
    transport += "print(json.load(open(get_connection_file()))['transport'])"
    with Kernels(spare=1) as kernels:
        done = run(WHO, transport, kernels=kernels)
        server = server_of(kernels).process.pid
    assert (done.record.status, done.text.split()[1:]) == ("completed", [str(server), "tcp"])
    assert not list(deep.iterdir())


def test_libraries_with_threads_work_in_every_fork(run):
    cell = """
import os
import lightgbm, numpy, pandas
import matplotlib.pyplot as plt
table = pandas.DataFrame({"name": ["a", "b"] * 500, "number": numpy.arange(1000.0)})
table.to_parquet("table.parquet")
model = lightgbm.LGBMRegressor(n_estimators=5, n_jobs=2, verbose=-1)
model.fit(pandas.read_parquet("table.parquet")[["number"]], table["number"] @ numpy.eye(1000))
plt.plot(model.predict(table[["number"]]))
plt.show()
print(os.getppid())
"""
    with Kernels(spare=1) as kernels:
        runs = [run(cell, kernels=kernels) for _ in range(2)]
        server = server_of(kernels).process.pid
        assert len(list(Path(f"/proc/{server}/task").iterdir())) == 1
    for done in runs:
        assert (done.record.status, done.text) == ("completed", f"{server}\n")
        assert "image/png" in str(done.notebook.cells[0].outputs)


def test_a_run_is_cancelled_though_the_server_still_imports(modules, run, monkeypatch, temporary):
    noted = modules("slow", "import time; time.sleep(30)")
    monkeypatch.setattr("workbench.execution.run.preload", lambda *_: ("slow",))
    with Kernels(spare=1) as kernels:
        done = run("1", kernels=kernels, cancelled=lambda: "not wanted" if noted() else None)
        assert not server_of(kernels).has_forked
    assert (done.record.status, done.record.reason) == ("cancelled", "not wanted")
    until(lambda: not processes_of(os.getpid()))
    assert not list(temporary.glob("wb-*"))
