from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbench.documents import leftovers
from workbench.documents.leftovers import make, remove, sweep

MAKES = """
import sys
from pathlib import Path
from workbench.documents.leftovers import make
for purpose in (".capture", "wb"):
    (make(Path(sys.argv[1]), purpose) / "file").touch()
print("made", flush=True)
sys.stdin.read()
"""
DAY = 24 * 3600


@pytest.fixture
def maker(tmp_path):
    """Another process, which has made two folders and lives."""
    command = [sys.executable, "-c", MAKES, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "made\n"
        yield process
        process.kill()


def named(folder: Path, place: str, pid: int, started: str) -> Path:
    path = folder / f".capture-{place}-{pid:x}-{started}-0"
    path.mkdir()
    return path


def own_name() -> tuple[str, int, str]:
    _, place, pid, started, _ = leftovers.name_begins(".capture").split("-")
    return place, int(pid, 16), started


def test_of_a_process_that_was_killed_nothing_is_left(tmp_path, maker):
    sweep(tmp_path)
    assert len(list(tmp_path.glob("*/file"))) == 2  # it lives
    maker.kill()
    maker.wait()
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_is_dead_and_not_waited_for_is_dead(tmp_path, maker):
    maker.kill()
    end = time.monotonic() + 30
    while list(tmp_path.iterdir()) and time.monotonic() < end:
        sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_folders_of_one_process_have_names_of_their_own(tmp_path):
    assert len({make(tmp_path, "wb") for _ in range(100)}) == 100
    sweep(tmp_path)
    assert len(list(tmp_path.iterdir())) == 100


def test_a_name_that_is_taken_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(leftovers, "_numbers", iter([1, 1, 2]))
    assert make(tmp_path, "wb") != make(tmp_path, "wb")


def test_a_later_process_of_the_same_number_is_another(tmp_path):
    place, pid, _ = own_name()
    named(tmp_path, place, pid, "1")
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("age", "stays"), [(0, True), (DAY - 60, True), (DAY + 60, False)])
def test_what_another_machine_made_is_left_alone_for_a_day(tmp_path, age, stays):
    path = named(tmp_path, "ffff" if own_name()[0] != "ffff" else "0000", 2**22, "1")
    os.utime(path, (time.time() - age,) * 2)
    sweep(tmp_path)
    assert path.exists() == stays


@pytest.mark.parametrize("name", ["20261121T183000Z-1f3ac09e", ".other", "wb-settings", "wb-1234", ".capture-x-1-1-1"])
def test_what_does_not_bear_our_mark_is_not_touched(tmp_path, name):
    (tmp_path / name).mkdir()
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_is_gone_at_once_and_whole(tmp_path, monkeypatch):
    (tmp_path / "store" / "a").mkdir(parents=True)
    (tmp_path / "store" / "a" / "file").touch()
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)  # killed before
    remove(tmp_path / "store" / "a")
    assert [path.name[:6] for path in (tmp_path / "store").iterdir()] == [".gone-"]


def test_what_is_not_there_or_cannot_be_listed_is_no_obstacle(tmp_path):
    sweep(tmp_path / "nowhere")
    remove(tmp_path / "nowhere" / "run")
