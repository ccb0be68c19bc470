"""Runs that are live at the same time, and one that is cancelled."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor

import nbformat
import pytest

from workbench.execution import execute, prepare

MEETS = """
import os, time
from pathlib import Path
room = Path(os.environ["ROOM"])
(room / os.environ["MINE"]).touch()
while len(list(room.iterdir())) < {runs}:
    time.sleep(0.05)
print(os.environ["MINE"], Path.cwd().parents[1].name)
"""


def test_many_live_runs_wait_for_each_other(make_notebook, tmp_path):
    """None can end before all have begun: eight kernels start at once, and each keeps its folder and environment."""
    names = [f"run{number}" for number in range(8)]
    notebook = make_notebook(MEETS.format(runs=len(names)))
    (room := tmp_path / "room").mkdir()

    def one(name):
        folder = prepare(tmp_path / name, name="meet", template=notebook)
        record = execute(folder, notebook, kernel_env={"ROOM": str(room), "MINE": name}, timeout=300)
        return record.status, record.reason, nbformat.read(folder.notebook, as_version=4).cells[0].outputs[0].text

    with ThreadPoolExecutor(len(names)) as pool:
        assert list(pool.map(one, names)) == [("completed", "", f"{name} {name}\n") for name in names]


@pytest.fixture
def heeds_ctrl_c():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_cancels_papermills_sleeping_notebook(papermills, tmp_path, heeds_ctrl_c):
    source = papermills / "keyboard_interrupt.ipynb"
    folder = prepare(tmp_path, name="sleeps", template=source)

    def interrupt(event):
        if event["kind"] == "cell" and event["state"] == "started":
            signal.raise_signal(signal.SIGINT)

    record = execute(folder, nbformat.read(source, as_version=4), on_event=interrupt)
    assert (record.status, record.reason) == ("cancelled", "Cancelled by Ctrl-C (cell 1)")
    (cell,) = nbformat.read(folder.notebook, as_version=4).cells
    assert cell.metadata.papermill.status == "failed"
    assert cell.outputs[-1].evalue == record.reason
