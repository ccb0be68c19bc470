"""How a kernel ends when its notebook has: by itself, and with all that the end of a program does."""

from __future__ import annotations

import pytest

from workbench.execution import Kernels
from workbench.execution import kernel as module

LEAVES = """
import atexit, sys, threading, time, types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

def later(name):
    time.sleep(0.3)
    Path(name).write_text("done")

atexit.register(lambda: Path("handler").write_text("done"))
threading.Thread(target=later, args=("thread",)).start()
never_shut_down = ThreadPoolExecutor(1)
never_shut_down.submit(later, "pool")
never_closed = open("file", "w")
never_closed.write("done")
cycle = types.SimpleNamespace(file=open("cycle", "w"))
cycle.file.write("done")
cycle.me = cycle
sys.of_a_module = open("module", "w")
sys.of_a_module.write("done")
"""
WAITS = """
import sys, threading

class Waits:
    def __del__(self, lock=threading.Lock()):
        lock.acquire()
        lock.acquire()  # until a thread that is gone releases it

sys.waits = Waits()
"""
GOES_ON = "import threading\nthreading.Thread(target=threading.Event().wait).start()"


class Kept(Kernels):
    """Kernels that are looked at when their runs are over."""

    def __init__(self, spare):
        super().__init__(spare)
        self.taken = []

    def take(self, *args):
        self.taken.append(super().take(*args))
        return self.taken[-1]


@pytest.fixture(params=[0, 1], ids=["started", "forked"])
def kernels(request):
    with Kept(request.param) as kernels:
        yield kernels


def ends(kernels):
    """How kernels ended: 0 by themselves, -9 where they had to be killed."""
    return [kernel.exit_code for kernel in kernels.taken]


def test_what_a_notebook_has_begun_is_finished_when_its_kernel_ends(run, kernels):
    done = run(LEAVES, kernels=kernels)
    assert done.record.status == "completed", done.record.reason
    assert ends(kernels) == [0]
    left = {path.name: path.read_text() for path in done.folder.outputs.iterdir()}
    assert left == dict.fromkeys(("handler", "thread", "pool", "file", "cycle", "module"), "done")


def test_a_kernel_ends_though_something_in_it_would_wait_for_ever_when_it_is_cleared_away(run, kernels):
    done = run(WAITS, kernels=kernels)
    assert done.record.status == "completed"
    assert ends(kernels) == [0]


def test_kernels_end_by_themselves_one_like_the_other(run, kernels):
    runs = [run("print('here')", kernels=kernels) for _ in range(5)]
    assert [(done.record.status, done.text) for done in runs] == [("completed", "here\n")] * 5
    assert ends(kernels) == [0] * 5


def test_a_kernel_that_does_not_end_is_ended_and_its_run_is_completed_all_the_same(run, kernels, monkeypatch):
    monkeypatch.setattr(module, "GOODBYE_SECONDS", 0.5)
    done = run(GOES_ON, "print('here')", kernels=kernels)
    assert (done.record.status, done.text) == ("completed", "here\n")
    assert ends(kernels) == [-9]
