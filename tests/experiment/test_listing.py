"""The listing: newest first, from manifests alone, whatever state the store is in."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from workbench.documents.experiment import write_manifest
from workbench.experiment import Store, capture, experiments


def test_experiments_are_listed_newest_first(keep, store):
    for number in (2, 3, 1):
        keep(number, name=f"farm-{number}")
    assert [one.name for one in experiments(store)] == ["farm-3", "farm-2", "farm-1"]


def test_one_name_can_be_asked_for(keep, store):
    keep(1, name="churn")
    keep(2, name="churn.2")
    assert [one.name for one in experiments(store, "churn")] == ["churn"]


def test_a_store_that_does_not_exist_yet_is_empty(tmp_path):
    assert experiments(Store(tmp_path / "nowhere")) == []


def test_a_line_has_what_other_tools_rely_on(keep, store):
    kept = keep(1)
    line = json.loads(json.dumps(experiments(store)[0].as_document()))
    assert line == {
        "ref": str(kept.reference),
        "name": "churn",
        "status": "completed",
        "reason": "",
        "template": "classification",
        "started": "2026-11-21T00:00:01.100000+00:00",
        "labels": {"farm": "17"},
        "metric": "roc_auc",
        "scores": line["scores"],
    }
    assert line["scores"]["roc_auc"].keys() == {"value", "low", "high", "optimism", "higher_is_better", "rows"}


def test_a_run_under_way_is_listed_as_running(run, store):
    run(1, status="running")
    assert [(one.status, one.name, one.scores()) for one in experiments(store)] == [("running", "churn", {})]


def test_a_run_whose_process_is_gone_is_listed_as_killed(run, store, dead_record):
    run(1, status="running", **dead_record)
    (one,) = experiments(store)
    assert one.status == "killed"
    assert "was never kept" in one.reason


def test_a_run_that_is_just_being_kept_is_listed_once(run, store):
    folder = run(1)
    copy = run(2)
    kept = capture(folder, store)
    copy.update(name=kept.name, version=kept.version)
    assert [one.status for one in experiments(store)] == ["completed"]


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}", '{"format": 0}', '{"format": 9}', "[" * 100_000, "\0\xff"])
def test_a_damaged_manifest_is_listed_with_a_note(keep, store, damage):
    keep(1, name="whole")
    kept = keep(2)
    (kept.path / "manifest.json").write_text(damage, encoding="latin-1")
    listed = {one.name: one for one in experiments(store)}
    assert listed["whole"].status == "completed"
    assert listed["churn"].status == "damaged"
    assert "manifest.json" in listed["churn"].reason
    json.dumps([one.as_document() for one in listed.values()])


def test_what_is_no_experiment_is_passed_over(keep, store):
    kept = keep(1)
    (store.experiments / "README.txt").write_text("hello")
    (store.experiments / "Not A Name").mkdir()
    (store.experiments / "churn" / "notes").mkdir()
    (store.running / "20261121T000009Z-00000000").mkdir()  # a run folder that is just being made
    (store.running / "20261121T000008Z-00000000").mkdir()
    (store.running / "20261121T000008Z-00000000" / "run.json").write_text('{"name": "half')
    assert experiments(store) == [kept]


def test_five_hundred_experiments_are_listed_from_their_manifests_alone(keep, store):
    manifest = keep(1).manifest
    for number in range(500):
        version = f"20261122T{number // 3600:02d}{number // 60 % 60:02d}{number % 60:02d}Z-{number:08x}"
        folder = store.experiments / f"farm-{number % 5}" / version
        folder.mkdir(parents=True)
        write_manifest(folder, {**manifest, "ref": f"farm-{number % 5}@{version}"})
    listed = experiments(store)
    assert len(listed) == 501
    assert [one.version for one in listed] == sorted((one.version for one in listed), reverse=True)
    assert len(experiments(store, "farm-3")) == 100


def test_listing_needs_nothing_heavy():
    script = "import sys, workbench.experiment; print({'pandas', 'numpy', 'sklearn', 'nbformat'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
