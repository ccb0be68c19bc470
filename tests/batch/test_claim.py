"""Of two batches that share a work one begins, even if they are started at the same instant."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from workbench.batches import claimed
from workbench.errors import StoreError
from workbench.experiment import Store

BEGINS = """
import sys, time
from pathlib import Path
from workbench import batches, execution, workflow  # all is loaded before the start
from workbench.cli import main
Path(sys.argv.pop()).touch()
while not Path("start").exists(): time.sleep(0.001)
main()
"""
CLAIMS = """
import sys, time
from pathlib import Path
from workbench.batches import claimed
from workbench.experiment import Store
with claimed(Store(Path(sys.argv[1])), ["a"]) as other:
    print(other, flush=True)
    time.sleep(60)
"""


def until(true: Any, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def begin(place: Any, spec: Path, ready: str) -> subprocess.Popen[str]:
    asked = ["batch", str(spec), "--store", str(place.store), "--json", ready]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", BEGINS, *asked], cwd=place.folder, **pipes)


def test_of_two_drivers_started_together_one_begins_and_the_other_is_refused(place: Any) -> None:
    spec = place.spec(runs=[{"farm": "a", "seconds": 300.0}, {"farm": "b", "seconds": 300.0}])
    drivers = [begin(place, spec, f"ready {number}") for number in range(2)]
    until(lambda: (place.folder / "ready 0").exists() and (place.folder / "ready 1").exists())
    (place.folder / "start").touch()
    until(lambda: any(driver.poll() is not None for driver in drivers))
    (place.folder / "go").touch()
    said = {driver.pid: driver.communicate(timeout=120) for driver in drivers}
    assert sorted(driver.returncode for driver in drivers) == [0, 2], said
    (begun, refused) = sorted(drivers, key=lambda driver: driver.returncode)
    assert said[refused.pid][1].count("\n") == 1
    assert f"the process {begun.pid} runs some of it right now" in said[refused.pid][1]
    assert place.worked() == {"a-1": 1, "b-1": 1}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store").create()


def test_works_are_claimed_until_the_block_ends(store: Store) -> None:
    with claimed(store, ["a", "b"]) as nobody, claimed(store, ["b", "c"]) as other, claimed(store, ["c"]) as third:
        assert (nobody, other, third) == (None, os.getpid(), None)  # one that is refused claims nothing
    with claimed(store, ["a", "b", "c"]) as nobody:
        assert nobody is None
    assert [path.name for path in (store.running / ".batches").iterdir()] == ["door"]


def test_a_process_that_is_killed_claims_nothing_any_more(store: Store) -> None:
    claimant = subprocess.Popen([sys.executable, "-c", CLAIMS, str(store.path)], stdout=subprocess.PIPE, text=True)
    assert claimant.stdout is not None
    assert claimant.stdout.readline() == "None\n"
    with claimed(store, ["a"]) as other:
        assert other == claimant.pid
    claimant.kill()
    claimant.communicate()
    with claimed(store, ["a"]) as other:
        assert other is None


def test_a_store_that_cannot_be_written_to_is_one_clear_line(store: Store) -> None:
    (store.running / ".batches").write_text("in the way")
    with pytest.raises(StoreError, match="under a file"), claimed(store, ["a"]):
        pass
