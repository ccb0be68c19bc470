"""Steps that go on with each other's work: prepare, train, report, with real kernels."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench import workflow
from workbench.errors import BadBatch

TABLE = "farm,n,breaks\na,1,\nb,2,\n"


def spec_of(place: Any, name: str = "farms.yaml", **said: Any) -> Path:
    return place.spec(name, **{"template": None, "steps": place.steps, "labels": ["farm"], **said})


def said_by(place: Any, name: str) -> str:
    (run,) = [run for run in place.kept() if run.name == name and run.status == "completed"]
    return (run.path / "outputs" / "said.txt").read_text()


@pytest.mark.slow
def test_each_row_goes_through_its_steps_and_only_what_changed_is_run_again(line: Any, batch: Callable) -> None:
    spec = spec_of(line, table=line.table(TABLE))
    done = batch(spec)
    assert done.counts == {"completed": 6}, [outcome.reason for outcome in done.outcomes]
    assert [outcome.run.name for outcome in done.outcomes] == [
        f"farms-{farm}-{step}" for farm in "ab" for step in ("prepare", "train", "report")
    ]
    trained = {run.name: str(run.reference) for run in line.kept()}["farms-b-train"]
    assert said_by(line, "farms-b-report") == f"{trained} found 4"
    assert {run.manifest["labels"]["step"] for run in line.kept()} == {"prepare", "train", "report"}

    again = batch(spec)
    assert (again.ref, sum(line.worked().values())) == (done.ref, 6)  # nothing was done: it is the same batch

    line.table(TABLE.replace("b,2", "b,3"))
    changed = batch(spec)
    assert [outcome.before for outcome in changed.outcomes] == [True] * 3 + [False] * 3
    assert line.worked() == {f"{step}-{farm}": 1 + (farm == "b") for step in line.steps for farm in "ab"}

    train = {**line.steps["train"], "parameters": {**line.steps["train"]["parameters"], "times": 5}}
    asked = spec_of(line, table="farms.csv", steps={**line.steps, "train": train})
    foreseen = workflow.foresee(asked, store=line.store).as_document()
    assert [run["state"] for run in foreseen["runs"]] == ["done already", "to run", "to run"] * 2


def test_a_step_that_fails_leaves_those_after_it_and_is_told_of(line: Any, batch: Callable) -> None:
    spec = spec_of(line, table=line.table(TABLE.replace("a,1,", "a,1,yes")), steps={**line.steps, "tell": line.hook})
    done = batch(spec)
    assert done.counts == {"failed": 1, "left": 2, "completed": 4, "skipped": 1}
    assert (done.status, done.reason) == ("failed", "1 of 8 runs did not complete, and 2 were not begun")
    became = {outcome.run.name: outcome for outcome in done.outcomes}
    assert became["farms-a-train"].reason == "Not begun: prepare did not complete"
    assert became["farms-a-report"].reason == "Not begun: train did not complete"
    assert became["farms-b-tell"].reason == "Not needed: nothing failed"
    told = said_by(line, "farms-a-tell")
    assert told.startswith(f"a: failed {became['farms-a-prepare'].ref} ")
    assert "farm a is broken" in told

    assert batch(spec).ref == done.ref
    assert line.worked()["tell-a"] == 1
    assert batch(spec, rerun="failed").counts == done.counts
    assert line.worked()["prepare-a"] == line.worked()["tell-a"] == 2  # it failed anew, and that is told anew

    mended = batch(spec_of(line, table=line.table(TABLE), steps={**line.steps, "tell": line.hook}))
    assert (mended.status, mended.counts) == ("completed", {"completed": 6, "skipped": 2})


def test_a_step_for_all_ends_runs_whatever_happened(line: Any, batch: Callable) -> None:
    steps = {"prepare": line.steps["prepare"], "tell": {**line.hook, "when": "always"}}
    done = batch(spec_of(line, runs=[{"farm": "a", "breaks": True}, {"farm": "b"}], steps=steps, on_failure="stop"))
    assert done.counts["failed"] == 1
    assert said_by(line, "farms-a-tell").startswith("a: failed")


def test_all_that_is_known_of_a_step_is_checked_beforehand(line: Any) -> None:
    def foreseen(**said: str) -> Any:
        train = {"template": "classification", "parameters": said}
        steps = {"prepare": line.steps["prepare"], "train": train}
        return workflow.foresee(spec_of(line, steps=steps), store=line.store)

    assert len(foreseen(data="{prepare.outputs}/clean.csv", target="any").outcomes) == 2
    assert len(foreseen(data="example:iris", test="{prepare.outputs}/clean.csv", target="species").outcomes) == 2
    with pytest.raises(BadBatch, match=r"steps\.train: There is no column 'specie'"):
        foreseen(data="example:iris", test="{prepare.outputs}/clean.csv", target="specie")
    with pytest.raises(BadBatch, match=r"steps\.train: The parameter 'budget' cannot be 'soon'"):
        foreseen(data="{prepare.outputs}/clean.csv", target="any", budget="soon")


def test_what_can_be_seen_only_when_a_step_begins_is_refused_then(line: Any, batch: Callable) -> None:
    missing = {**line.steps, "train": {**line.steps["train"], "parameters": {"data": "{prepare.outputs}/other.csv"}}}
    done = batch(spec_of(line, steps=missing, parameters={"farm": "a"}))
    assert [outcome.status for outcome in done.outcomes] == ["completed", "refused", "left"]
    assert "other.csv' does not exist" in done.outcomes[1].reason


def test_work_that_rows_have_in_common_is_done_once(line: Any, batch: Callable) -> None:
    done = batch(spec_of(line, grid={"times": [2, 3]}, labels=["times"], steps=line.steps))
    assert [outcome.run.name for outcome in done.outcomes] == [
        "farms-prepare", "farms-2-train", "farms-2-report", "farms-3-train", "farms-3-report",
    ]  # fmt: skip
    assert done.counts == {"completed": 5}
    assert line.worked()["prepare-none"] == 1
    assert said_by(line, "farms-3-report").endswith("found 3")


@pytest.mark.slow
def test_a_pipeline_that_is_killed_goes_on_where_it_was(line: Any) -> None:
    spec = spec_of(line, table=line.table(TABLE), parameters={"seconds": 1.5})
    command = [sys.executable, "-m", "workbench", "batch", str(spec), "--workers", "2", "--store", str(line.store)]
    driver = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    end = time.monotonic() + 240
    while "train-a" not in line.worked() and driver.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    before = {run.name for run in line.kept() if run.status == "completed"}
    assert "farms-a-prepare" in before
    assert "farms-a-train" not in before

    done = subprocess.run([*command, "--json"], capture_output=True, check=False)
    document = json.loads(done.stdout)
    assert (document["status"], document["counts"]) == ("completed", {"completed": 6})
    assert {run["name"] for run in document["runs"] if run["before"]} == before
    assert line.worked()["prepare-a"] == 1
    assert line.worked()["report-a"] == 1


def test_a_dry_run_shows_the_order(line: Any, workbench: Callable) -> None:
    spec = spec_of(line, steps={"tell": line.hook, **line.steps}, labels=[])
    said = workbench("batch", spec, "--dry-run", "--store", line.store)
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert [line.split()[1] for line in lines[1:5]] == ["farms-prepare", "farms-tell", "farms-train", "farms-report"]
    assert lines[4].split() == ["4", "farms-report", "step=report", "to", "run", "farms-train"]
    assert "3 to run, 1 to run after a failure" in said.out
    assert line.worked() == {}


def test_the_page_and_the_zip_have_every_step(line: Any, batch: Callable, tmp_path: Path) -> None:
    from workbench.experiment import verify

    done = batch(spec_of(line, runs=[{"farm": "a", "breaks": True}], steps={**line.steps, "tell": line.hook}))
    page = (done.path / "report.html").read_text()
    assert page.index("Did not complete") < page.index("Not begun") < page.index("<h2>Completed</h2>")
    assert {file.name for file in (done.path / "templates").iterdir()} == {
        "prepare.ipynb", "train.ipynb", "report.ipynb", "tell.ipynb",
    }  # fmt: skip
    (kept,) = line.kept("batch")
    assert verify(kept) == []
    assert kept.manifest["template"] == "prepare, train, report, tell"
    file = workflow.export(done.ref, tmp_path / "all.zip", store=line.store)
    assert workflow.import_(file, store=tmp_path / "other") == done.ref
