"""A conductor that is killed with ``kill -9`` at any moment: nothing is lost, and nothing that is kept runs again."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from workbench.experiment import verify

FARMS = 6


def begin(place: Any, spec: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "workbench", "batch", str(spec), "--workers", "2", "--store", str(place.store)]
    with (place.folder / "log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, cwd=place.folder, start_new_session=True)


def kept(place: Any) -> int:
    return len(list((place.store / "experiments").glob("farms-*/*/manifest.json")))


def kill_when(place: Any, spec: Path, begun: int, pause: float) -> None:
    """Begin the batch and kill it a moment after so many works were begun in all."""
    driver = begin(place, spec)
    end = time.monotonic() + 240
    while sum(place.worked().values()) < begun and driver.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(pause)
    driver.send_signal(signal.SIGKILL)
    driver.wait()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_batch_that_is_killed_is_finished_by_the_same_command(place: Any, seed: int) -> None:
    chance = random.Random(seed)
    spec = place.spec(grid={"farm": [f"f{at}" for at in range(FARMS)]}, parameters={"seconds": 0.3})
    done: dict[str, str] = {}
    for _ in range(2):
        kill_when(place, spec, sum(place.worked().values()) + chance.randint(1, 2), chance.uniform(0, 1.5))
        done |= {run.manifest["fingerprint"]: str(run.reference) for run in place.kept() if run.status == "completed"}
    finished = begin(place, spec)
    assert finished.wait(400) == 0, (place.folder / "log").read_text()

    (last,) = place.kept("batch")
    assert last.status == "completed"
    assert len(place.children(last)) == FARMS
    assert set(done.values()) <= set(place.children(last))
    runs = place.kept()
    assert [run.manifest["fingerprint"] for run in runs if run.status == "completed"].count("") == 0
    completed = [run.manifest["fingerprint"] for run in runs if run.status == "completed"]
    assert len(completed) == len(set(completed)) == FARMS  # none was done twice
    assert {run.status for run in runs} <= {"completed", "killed"}
    assert all(verify(run) == [] for run in (*runs, last))
    assert [path for path in (place.store / "running").iterdir() if not path.name.startswith(".")] == []
    assert len(runs) - FARMS <= 4  # two drivers were killed with two runs each
