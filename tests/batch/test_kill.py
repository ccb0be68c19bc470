"""Runs and batches that are killed with ``kill -9`` at any moment: the kernel, the runner, or both.

Every run ends, nothing that was begun or kept is lost or done twice, nothing is left behind, and the same command
completes the work.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from workbench.experiment import verify

EACH = 5  # moments in the life of a run, and in that of a batch: ten together
FARMS = 3
AFTER = 1.1  # lives: some moments come too late
PIECES = [pytest.param(0, id="10"), *(pytest.param(n, id=f"100-{n}", marks=pytest.mark.long) for n in range(1, 11))]


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder that no other kernel uses, with a path that is short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="kill-", dir="/tmp"))
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder
    shutil.rmtree(folder)


def begin(place: Any, *command: str) -> subprocess.Popen[bytes]:
    whole = [sys.executable, "-m", "workbench", *command, "--store", str(place.store)]
    with (place.folder / "log").open("ab") as log:
        return subprocess.Popen(whole, stdout=log, stderr=log, cwd=place.folder, start_new_session=True)


def ended(place: Any, *command: str) -> int:
    return begin(place, *command).wait(300)


def kernels_of(runner: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return [one for one in runner.children(recursive=True) if "kernel_process.py" in " ".join(one.cmdline())]
    return []


def strike(runner: psutil.Process, who: str, dice: random.Random) -> None:
    kernels = kernels_of(runner)
    one = dice.sample(kernels, min(1, len(kernels)))
    chosen = {"runner": [runner], "kernel": one, "both": [runner, *kernels]}[who]
    for process in dice.sample(chosen, len(chosen)):
        with suppress(psutil.Error):
            process.kill()


def live(place: Any, command: list[str], share: float, length: float, dice: random.Random) -> None:
    """Begin a command and strike at its kernel, at itself, or at both after a `share` of its usual `length`."""
    who, process = dice.choice(["kernel", "runner", "both"]), begin(place, *command)
    runner = psutil.Process(process.pid)
    with suppress(subprocess.TimeoutExpired):
        process.wait(share * length)
    strike(runner, who, dice)
    assert process.wait(300) in ({0, 1} if who == "kernel" else {0, 1, -9}), (place.folder / "log").read_text()


def nothing_is_left(place: Any, temporary: Path) -> None:
    """What the next command that looks at the store leaves: no kernel, no run under way, no folder of the dead."""
    until(lambda: not any(works_in(process, temporary) for process in psutil.process_iter()))
    place.kept()
    assert {path.name for path in (place.store / "running").iterdir()} <= {".batches"}  # a claim is the next batch's
    assert [path.name for path in temporary.iterdir()] == []


def works_in(process: psutil.Process, temporary: Path) -> bool:
    with suppress(psutil.Error):
        return process.environ().get("TMPDIR") == str(temporary)
    return False


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def is_whole(experiment: Any) -> None:
    """What was kept is what was hashed, and its notebook agrees with its status."""
    assert verify(experiment) == []
    if experiment.manifest["kind"] == "batch":
        assert experiment.status in ("completed", "failed")
        return
    assert experiment.status in ("completed", "killed"), experiment.reason
    cells = [cell.metadata.papermill.status for cell in nbformat.read(experiment.notebook, as_version=4).cells]
    assert cells == sorted(cells, key=["completed", "failed", "pending"].index)
    assert experiment.status != "completed" or set(cells) == {"completed"}


def farm_of(experiment: Any) -> str:
    told = experiment.parameters()
    return f"{told['farm']['value']}-{told['n']['value']}"


def shares(dice: random.Random) -> list[float]:
    """Moments over a whole life, in any order: at random, one in each part of it."""
    parts = dice.sample(range(EACH), EACH)
    return [(part + dice.random()) / EACH * AFTER for part in parts]


@pytest.mark.parametrize("piece", PIECES)
def test_a_run_that_is_killed_at_any_moment_ends_and_can_be_run_again(place: Any, temporary: Path, piece: int) -> None:
    dice = random.Random(f"run {piece}")
    command = ["run", "tiny.ipynb", "-p", "seconds=0.2", "-p"]
    began = time.monotonic()
    assert ended(place, *command, "farm=first") == 0, (place.folder / "log").read_text()
    length = time.monotonic() - began
    for number, share in enumerate(shares(dice)):
        live(place, [*command, f"farm={number}"], share, length, dice)
        nothing_is_left(place, temporary)
    assert ended(place, *command, "farm=0") == 0

    kept = place.kept()
    for experiment in kept:
        is_whole(experiment)
    farms = [farm_of(experiment) for experiment in kept]
    assert all(farms.count(farm) >= times for farm, times in place.worked().items())  # whatever began was kept
    assert len(farms) <= EACH + 2  # and once
    assert (farms[0], kept[0].status, kept[-1].status) == ("0-1", "completed", "completed")


@pytest.mark.parametrize("piece", PIECES)
def test_a_batch_that_is_killed_at_any_moment_is_finished_by_the_same_command(
    place: Any, temporary: Path, piece: int
) -> None:
    dice = random.Random(f"batch {piece}")
    began = time.monotonic()
    assert ended(place, *batch_of(place, "first")) == 0, (place.folder / "log").read_text()
    length = time.monotonic() - began
    for number, share in enumerate(shares(dice)):
        command = batch_of(place, f"at{number}")
        live(place, command, share, length, dice)
        nothing_is_left(place, temporary)
        worked = place.worked()
        done = {str(run.reference): farm_of(run) for run in place.kept() if run.status == "completed"}
        assert ended(place, *command) == 0, (place.folder / "log").read_text()
        assert place.worked().items() >= {farm: worked[farm] for farm in done.values()}.items()  # none ran again
        assert set(done) <= {str(run.reference) for run in place.kept()}
        nothing_is_left(place, temporary)
        assert not list(place.store.glob("running/.batches/*.json"))

    runs, batches = place.kept(), place.kept("batch")
    for experiment in (*runs, *batches):
        is_whole(experiment)
    completed = [str(run.reference) for run in runs if run.status == "completed"]
    assert len(completed) == len({farm_of(run) for run in runs}) == (EACH + 1) * FARMS  # each once
    last = {batch.name: batch for batch in reversed(batches)}
    assert [batch.status for batch in last.values()] == ["completed"] * (EACH + 1)
    assert sorted(ref for batch in last.values() for ref in place.children(batch)) == sorted(completed)


def batch_of(place: Any, name: str) -> list[str]:
    grid = {"farm": [f"{name}x{farm}" for farm in range(FARMS)]}
    spec = place.spec(f"{name}.yaml", name=name, grid=grid, parameters={"seconds": 0.2})
    return ["batch", str(spec), "--workers", "2"]
