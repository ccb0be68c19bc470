"""Keeping what a dead runner left, killed at each of its own steps: the next command finishes it."""

from __future__ import annotations

import subprocess
import sys

import pytest

STEPS = """
import os, shutil, signal, sys
from pathlib import Path
from nbformat.v4 import new_code_cell, new_notebook
from workbench import workflow
from workbench.execution import prepare
from workbench.experiment import verify

home, first, stride = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "os.truncate"}

def left(**changes):
    notebook = new_notebook(cells=[new_code_cell(source) for source in ("1", "2", "3")])
    folder = prepare(home / "left" / "running", name="t", template=notebook)
    (folder.path / "notebook.ipynb").write_bytes(folder.template.read_bytes())
    for name in ("outputs/a/b.txt", "outbox/scores.json"):
        (folder.path / name).parent.mkdir(exist_ok=True)
        (folder.path / name).write_text("{}")
    folder.say("run", state="started", total=3)
    for index, state in ((0, "started"), (0, "completed"), (1, "started")):
        folder.say("cell", index=index, total=3, state=state)
    folder.update(**changes, pid_started=-1.0)

def die_at(step):
    steps = 0
    def hook(event, arguments):
        nonlocal steps
        if event in CHANGES or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            steps += 1
            if steps == step:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)

def looked(store, step=None):
    child = os.fork()
    if child == 0:
        if step is not None:
            die_at(step)
        workflow.experiments(store=store)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

left()
left(status="completed", ended="2026-11-21T18:30:00+00:00")
shutil.copytree(home / "left", home / "warm")
workflow.experiments(store=home / "warm")  # all is imported now
step, code = first, -9
while code == -9:
    store = home / str(step)
    shutil.copytree(home / "left", store)
    code = looked(store, step)
    assert looked(store) == 0, step
    kept = workflow.experiments(store=store)
    assert sorted(one.status for one in kept) == ["completed", "killed"], (step, kept)
    assert [verify(one) for one in kept] == [[], []], step
    assert os.listdir(store / "running") == [], (step, os.listdir(store / "running"))
    assert sorted(path.name for one in kept for path in (one.path / "outputs").rglob("*.txt")) == ["b.txt"] * 2, step
    shutil.rmtree(store)
    step += stride
assert code == 0, (step, code)
print(step)
"""


@pytest.mark.parametrize(
    ("first", "stride"),
    [pytest.param(2, 6, id="some"), *(pytest.param(n, 4, id=f"all-{n}", marks=pytest.mark.long) for n in range(1, 5))],
)
def test_killed_at_any_step_of_keeping_a_run_the_next_command_keeps_it(tmp_path, first, stride):
    done = subprocess.run(
        [sys.executable, "-c", STEPS, str(tmp_path), str(first), str(stride)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 60  # steps of keeping two runs
