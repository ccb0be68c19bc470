"""The listing: newest first, from manifests alone, whatever state the store is in."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from workbench.cli.listing import laid_out
from workbench.documents.experiment import write_manifest
from workbench.documents.process import this_process
from workbench.documents.run_folder import RunFolder, RunRecord
from workbench.errors import UnknownName
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
        "kind": "run",
        "status": "completed",
        "reason": "",
        "template": "classification",
        "started": "2026-11-21T00:00:01.100000+00:00",
        "labels": {"farm": "17"},
        "metric": "roc_auc",
        "scores": line["scores"],
        "seconds": 0.8,
        "tags": [],
    }
    assert line["scores"]["roc_auc"].keys() == {"value", "low", "high", "optimism", "higher_is_better", "rows"}


@pytest.mark.parametrize("kind", ["batch", "reproduction"])
def test_what_is_no_plain_run_is_told_from_one(keep, store, kind):
    kept = keep(1)
    write_manifest(kept.path, {**kept.manifest, "kind": kind})
    (one,) = listed = experiments(store)
    assert (one.as_document()["kind"], one.line.template) == (kind, f"classification ({kind})")
    assert f"classification ({kind})" in laid_out([one.as_document()], 200)
    assert f"classification ({kind})" in listed._repr_html_()


def test_a_run_under_way_is_listed_as_running(run, store):
    run(1, status="running")
    assert [(one.status, one.name, one.scores()) for one in experiments(store)] == [("running", "churn", {})]


def test_what_makes_a_manifest_long_is_read_when_it_is_asked_for(keep, run, store):
    kept = keep(1)
    children = [str(kept.reference)]
    batch = keep(2)
    write_manifest(batch.path, {**batch.manifest, "kind": "batch", "children": children})
    run(3, status="running")
    under_way, of_many, single = experiments(store)
    assert single.manifest["files"] == kept.manifest["files"] != []
    assert of_many.manifest.get("children") == children
    assert single.manifest.get("children", "none") == "none"
    assert under_way.manifest["files"] == []
    with pytest.raises(KeyError, match="colour"):
        single.manifest["colour"]


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
    assert [one.reference for one in experiments(store)] == [kept.reference]


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


@pytest.fixture(scope="module")
def farm(tmp_path_factory, keep_in) -> Store:
    """Four experiments that differ, and a run under way."""
    store = Store(tmp_path_factory.mktemp("filtered") / "store").create()
    keep_in(store, 1, name="farm-1", skill=1.0, labels={"farm": "1", "soil": "sand"}, author="ada")
    kept = keep_in(store, 2, name="farm-2", skill=3.0, labels={"farm": "12"}, author="bob")
    write_manifest(kept.path, {**kept.manifest, "template": "regression"})
    keep_in(store, 3, name="farm-2", status="failed", reason="no rows", labels={"farm": "12"}, author="bob")
    keep_in(store, 4, name="shop", skill=2.0, data="sha256:" + "ab" * 32, metric="log_loss", labels={}, author="ada")
    folder = RunFolder(store.running / "20261121T000005Z-00000005")
    folder.path.mkdir()
    record = {"template": "classification", "started": "2026-11-21T00:00:05+00:00", "author": "ada", **this_process()}
    folder.write(RunRecord("farm-3", folder.path.name, labels={"farm": "3"}, **record))
    return store


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], [5, 4, 3, 2, 1]),
        (["status=failed"], [3]),
        (["status!=failed", "author=ada"], [5, 4, 1]),
        (["status=running"], [5]),
        (["template=regression"], [2]),
        (["template=class*", "status=completed"], [4, 1]),
        (["farm=12"], [3, 2]),
        (["farm>2"], [5, 3, 2]),
        (["farm<=1"], [1]),
        (["label.soil=sand"], [1]),
        (["soil!=sand"], [5, 4, 3, 2]),
        (["label.nobody=has"], []),
        (["metric=log_loss"], [4]),
        (["roc_auc>0.9", "name=farm-2"], [2]),
        (["score>0"], [4, 2, 1]),
        (["data=abab"], [4]),
        (["data!=abab"], [5, 3, 2, 1]),
        (["rows=120"], [4, 2, 1]),
        (["seconds<1m"], [4, 3, 2, 1]),
        (["since=2026-11-21T00:00:03Z", "until=2026-11-21T00:00:03Z"], [3]),
        (["since=2026-11-20", "kind=run"], [4, 3, 2, 1]),
        (["until=2026-11-19"], []),
        (["kind=batch"], []),
    ],
)
def test_filters_that_all_hold(farm, words, found):
    listed = experiments(farm, where=words)
    assert [int(one.manifest["started"][17:19]) for one in listed] == found
    assert listed.total == len(found)


def test_an_empty_list_tells_nothing_found_from_nothing_there(farm, tmp_path):
    assert repr(experiments(farm, where=["status=killed"])) == "No experiment here matches."
    assert repr(experiments(Store(tmp_path / "nowhere"))) == "No experiments here yet."


def test_a_name_may_stand_for_several(farm):
    assert [one.name for one in experiments(farm, "Farm-*")] == ["farm-3", "farm-2", "farm-2", "farm-1"]
    assert [one.name for one in experiments(farm, "farm-?", where="status=completed")] == ["farm-2", "farm-1"]
    assert experiments(farm, "farm") == []


def test_the_best_or_the_longest_come_first_and_what_has_no_score_last(farm):
    assert [one.short for one in experiments(farm, sort="score")][1:3] == [
        one.short for one in experiments(farm, where=["roc_auc>0", "metric=roc_auc"], sort="score")
    ]
    best = [one.score.value for one in experiments(farm, where=["metric=roc_auc"], sort="score")]
    assert best == sorted(best, reverse=True)
    assert [one.score for one in experiments(farm, sort="score")][3:] == [None, None]
    assert experiments(farm, sort="seconds")[-1].status == "running"
    with pytest.raises(UnknownName, match=r"no order 'scores'. Did you mean 'score'\?"):
        experiments(farm, sort="scores")


def test_only_the_first_may_be_asked_for_and_all_are_counted(farm):
    first = experiments(farm, where=["status=completed"], limit=2)
    assert [one.name for one in first] == ["shop", "farm-2"]
    assert first.total == 3


def test_a_run_under_way_lies_in_its_own_folder(farm):
    (one,) = experiments(farm, where=["status=running"])
    assert (one.path / "run.json").is_file()


def test_what_no_experiment_has_is_refused_with_what_was_meant(farm):
    with pytest.raises(UnknownName, match=r"no filter 'frm'. Did you mean 'farm'\?"):
        experiments(farm, where=["frm=1"])
    with pytest.raises(UnknownName, match=r"no filter 'roc_acu'. Did you mean 'roc_auc'\?"):
        experiments(farm, where=["roc_acu>0.5"])


def test_listing_needs_nothing_heavy():
    script = "import sys, workbench.experiment; print({'pandas', 'numpy', 'sklearn', 'nbformat'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
