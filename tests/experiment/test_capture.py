"""A run folder becomes an experiment: whole, unchangeable in silence, or not at all."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.errors import BadReference, StoreError
from workbench.experiment import Store, capture, checked_name, experiments, fingerprint, load, slug, store_at, verify

CAPTURE = """
import sys
from pathlib import Path
from workbench.documents.run_folder import RunFolder
from workbench.errors import StoreError
from workbench.experiment import Store, capture
store = Store(Path(sys.argv[1]))
for path in sys.argv[2:]:
    try:
        print(capture(RunFolder(Path(path)), store).reference)
    except (StoreError, FileNotFoundError) as error:
        print("refused")
"""


def captured_by(store: Store, *folders: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CAPTURE, store.path, *folders], stdout=subprocess.PIPE, text=True, stderr=subprocess.PIPE
    )


def test_a_completed_run_becomes_a_folder_with_everything_in_it(keep, store):
    kept = keep(1, outputs={"tables/my forecast.csv": "a,b\n1,2\n"})
    assert kept.path == store.experiments / "churn" / kept.version
    files = {path.relative_to(kept.path).as_posix() for path in kept.path.rglob("*") if path.is_file()}
    assert files >= {
        "manifest.json",
        "ro-crate-metadata.json",
        "template.ipynb",
        "notebook.ipynb",
        "report.html",
        "parameters.json",
        "parameters.schema.json",
        "scores.json",
        "leaderboard.csv",
        "predictions.parquet",
        "trials.jsonl",
        "environment/python.json",
        "environment/requirements.lock",
        "environment/workbench.json",
        "data/schema.json",
        "data/profile.json",
        "model/MLmodel",
        "model/model.skops",
        "outputs/tables/my forecast.csv",
    }
    assert {entry["name"] for entry in kept.manifest["files"]} == files - {"manifest.json"}
    assert verify(kept) == []


def test_its_documents_read_back(keep):
    kept = keep(1, parameters={"ignore": ["name"]})
    assert load(kept.path) == kept
    assert list(kept.scores()) == ["roc_auc", "log_loss"]
    assert kept.scores()["roc_auc"].low < kept.scores()["roc_auc"].value < kept.scores()["roc_auc"].high
    assert kept.parameters()["ignore"] == {"value": ["name"], "source": "-p"}
    assert kept.checks()[0].columns == ("country",)
    assert len(kept.predictions()) == 120
    assert kept.importance()["feature"].tolist() == ["tenure", "charges"]
    assert kept.manifest["data"] == {"digest": kept.task()["data"]["digest"], "rows": 120, "time_range": None}
    assert kept.manifest["resources"]["wall"] == 0.8
    json.dumps(kept.as_document(), allow_nan=False)


def test_the_run_folder_is_gone_once_the_run_is_kept(keep, store):
    keep(1)
    assert list(store.running.iterdir()) == []


@pytest.mark.parametrize("status", ["failed", "killed", "timed_out", "out_of_memory", "cancelled"])
def test_a_run_that_did_not_complete_is_kept_with_its_reason(keep, status):
    kept = keep(2, status=status, reason="cell 3 went wrong")
    assert (kept.status, kept.reason) == (status, "cell 3 went wrong")
    assert (kept.path / "error.json").exists()
    assert (kept.path / "template.ipynb").exists()
    assert kept.scores() == {}
    assert kept.predictions() is None
    assert kept.checks() == []
    assert kept.importance().empty
    assert verify(kept) == []


def test_documents_that_a_dying_kernel_left_half_written_do_not_stop_a_capture(run, store):
    folder = run(3, status="killed", reason="the kernel died")
    (folder.outbox / "scores.json").write_text('{"metric": "roc_')
    (folder.outbox / "task.json").write_text("[" * 100_000)
    kept = capture(folder, store)
    assert kept.scores() == {}
    assert verify(kept) == []


def test_the_notebook_cannot_write_the_runners_own_documents(run, store):
    folder = run(4)
    (folder.outbox / "manifest.json").write_text('{"status": "completed", "ref": "other@1"}')
    (folder.outbox / "environment").mkdir()
    (folder.outbox / "environment" / "requirements.lock").write_text("evil==1\n")
    (folder.outbox / "objects").mkdir()
    (folder.outbox / "objects" / "sha256").write_text("rows")
    kept = capture(folder, store)
    assert kept.name == "churn"
    assert not (kept.path / "objects").exists()
    assert "evil" not in (kept.path / "environment" / "requirements.lock").read_text()


def test_what_cannot_travel_is_left_out_and_named(run, store):
    folder = run(5, outputs={"fine.txt": "1", "back\\slash": "2", "C:drive": "3", "dot.": "4", "%2e%2e": "5"})
    os.mkfifo(folder.outputs / "pipe")
    (folder.outputs / "password").symlink_to("/etc/passwd")
    (folder.outputs / "etc").symlink_to("/etc")
    kept = capture(folder, store)
    assert [path.name for path in (kept.path / "outputs").iterdir()] == ["fine.txt"]
    assert set(kept.manifest["left_out"]) == {
        "outputs/%2e%2e",
        "outputs/back\\\\slash",
        "outputs/C:drive",
        "outputs/dot.",
        "outputs/pipe",
        "outputs/password",
        "outputs/etc",
    }


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file systems do not tell the two apart")
def test_of_two_names_that_differ_by_case_alone_one_is_kept(run, store):
    kept = capture(run(5, outputs={"fine.txt": "1", "Fine.txt": "2"}), store)
    assert [path.name for path in (kept.path / "outputs").iterdir()] == ["Fine.txt"]
    assert set(kept.manifest["left_out"]) == {"outputs/fine.txt"}


def test_a_report_can_be_made_from_the_experiment(run, store):
    kept = capture(run(6), store, report=lambda experiment: f"{experiment.short} {experiment.scores()['roc_auc'].rows}")
    assert kept.report.read_text() == f"{kept.short} 120"


def test_a_report_that_cannot_be_made_leaves_the_run_and_the_store_as_they_were(run, store, snapshot):
    folder = run(7)
    before = snapshot(store.path)

    def render(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        capture(folder, store, report=render)
    assert snapshot(store.path) == before


def test_one_version_is_kept_once(keep, run, store, snapshot):
    kept = keep(8)
    before = snapshot(kept.path)
    with pytest.raises(StoreError, match="already holds churn@"):
        capture(run(8, skill=0.1), store)
    assert snapshot(kept.path) == before
    assert len(list(store.running.iterdir())) == 1  # the second run was not thrown away


def test_several_processes_capturing_at_once_lose_nothing(run, store):
    folders = [run(number, name=f"farm-{number % 2}").path for number in range(9)]
    contested = run(99, name="contested").path
    processes = [captured_by(store, *folders[start::3], contested) for start in range(3)]
    said = [line for process in processes for line in process.communicate(timeout=120)[0].splitlines()]
    assert len([line for line in said if line != "refused"]) == 10
    found = experiments(store)
    assert [one.status for one in found] == ["completed"] * 10
    assert [problem for one in found for problem in verify(one)] == []
    assert list(store.running.iterdir()) == []


def test_a_capture_killed_half_way_leaves_no_half_experiment_and_can_be_done_again(run, store):
    folder = run(9)
    script = f"import time\n{CAPTURE}".replace(
        "capture(RunFolder(Path(path)), store)",
        "capture(RunFolder(Path(path)), store, report=lambda _: print('half', flush=True) or time.sleep(60))",
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, store.path, folder.path], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "half\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert store.names() == []
    assert [one.status for one in experiments(store)] == ["running"]  # this process, which made the run folder, lives
    assert verify(capture(folder, store)) == []


def test_the_lock_names_every_package_but_the_workbench(keep):
    kept = keep(10)
    lock = (kept.path / "environment" / "requirements.lock").read_text().splitlines()
    assert any(line.startswith("numpy==") for line in lock)
    assert not any(line.startswith("notebook-workbench") for line in lock)
    assert kept.workbench()["name"] == "notebook-workbench"
    assert list(kept.environment()["packages"]) == [line.split("==")[0].split(" @")[0] for line in lock]


@pytest.mark.parametrize(("status", "action"), [("completed", "Completed"), ("timed_out", "Failed")])
def test_the_crate_describes_the_run_with_links_that_lead_somewhere(keep, status, action):
    kept = keep(11, status=status, reason="" if status == "completed" else "took too long")
    crate = json.loads((kept.path / "ro-crate-metadata.json").read_text())
    entities = {entity["@id"]: entity for entity in crate["@graph"]}
    assert len(entities) == len(crate["@graph"])
    elsewhere = {"https://w3id.org/ro/crate/1.1"}
    assert set(_links(crate["@graph"])) <= set(entities) | elsewhere
    parts = [entities[part["@id"]] for part in entities["./"]["hasPart"]]
    assert all((kept.path / part["@id"]).exists() for part in parts)
    done = next(entity for entity in crate["@graph"] if entity["@type"] == "CreateAction")
    assert done["actionStatus"] == f"http://schema.org/{action}ActionStatus"
    assert done.get("error") == (None if status == "completed" else "took too long")
    assert done["instrument"] == {"@id": "template.ipynb"}


def _links(value):
    if isinstance(value, dict):
        if set(value) == {"@id"}:
            yield value["@id"]
        for one in value.values():
            yield from _links(one)
    elif isinstance(value, list):
        for one in value:
            yield from _links(one)


def test_the_fingerprint_is_of_template_parameters_and_data(keep):
    ours = keep(12).manifest["fingerprint"]
    assert keep(13, skill=0.5, name="other").manifest["fingerprint"] == ours
    assert keep(14, code=["pass"]).manifest["fingerprint"] != ours
    assert keep(15, parameters={"budget": "61s"}).manifest["fingerprint"] != ours
    assert keep(16, data=f"sha256:{'0' * 64}").manifest["fingerprint"] != ours


def test_a_fingerprint_does_not_depend_on_the_order_of_parameters():
    assert fingerprint(b"{}", {"a": 1, "b": 2}, None) == fingerprint(b"{}", {"b": 2, "a": 1}, None)


@pytest.mark.parametrize("name", ["Churn", "", "-a", "a/b", "a b", "..", "a" * 65, "ä", "a\n"])
def test_a_name_that_cannot_be_one_is_refused_and_another_proposed(name):
    with pytest.raises(BadReference, match="is not a name an experiment can have") as error:
        checked_name(name)
    assert checked_name(slug(name)) == slug(name)
    assert repr(slug(name)) in str(error.value)


def file_in_its_place(path: Path) -> Path:
    path.write_text("not a store")
    return path


def below_a_file(path: Path) -> Path:
    return file_in_its_place(path) / "store"


def dangling_link(path: Path) -> Path:
    path.symlink_to(path.parent / "nowhere" / "else")
    return path


@pytest.mark.parametrize("make", [file_in_its_place, below_a_file, dangling_link])
def test_a_store_that_cannot_be_made_is_refused_in_one_line(tmp_path, make):
    with pytest.raises(StoreError, match="Name another folder with --store") as error:
        Store(make(tmp_path / "store")).create()
    assert "\n" not in str(error.value)


READ_ONLY = """
import os, sys
from pathlib import Path
from workbench.documents.run_folder import RunFolder
from workbench.errors import StoreError
from workbench.experiment import Store, capture, experiments
store = Store(Path(sys.argv[1]))
if os.geteuid() == 0:
    os.setuid(65534)  # the superuser may write anywhere
print([one.status for one in experiments(store)])
for act in (store.create, lambda: capture(RunFolder(next(store.running.glob("2*"))), store)):
    try:
        act()
    except StoreError as error:
        print(error)
"""


def test_a_read_only_store_is_read_and_refuses_to_be_written(keep, run, store, tmp_path):
    keep(1)
    run(2)
    private = [path for path in (tmp_path, *tmp_path.parents) if path.stat().st_mode & 0o777 == 0o700]  # pytest's own
    folders = [store.path, *(path for path in store.path.rglob("*") if path.is_dir())]
    modes = {path: path.stat().st_mode for path in (*private, *folders)}
    try:
        for path in modes:
            path.chmod(0o755 if path in private else 0o555)
        said = subprocess.run(
            [sys.executable, "-c", READ_ONLY, store.path], capture_output=True, text=True, check=True
        ).stdout.splitlines()
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
    assert said[0] == "['running', 'completed']"
    assert len(said) == 3
    assert all("cannot be written: Permission denied" in line for line in said[1:])


def test_a_full_disk_leaves_the_store_as_it_was(run, store, snapshot, monkeypatch):
    folder = run(3)
    before = snapshot(store.path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(StoreError, match="cannot be written: No space left on device"):
        capture(folder, store)
    assert snapshot(store.path) == before


def test_the_store_is_the_one_named_else_the_environments_else_the_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert store_at(None, {}).path == tmp_path / "workbench-store"
    assert store_at(None, {"WORKBENCH_STORE": "/data/store"}).path == Path("/data/store")
    assert store_at("here", {"WORKBENCH_STORE": "/data/store"}).path == tmp_path / "here"
