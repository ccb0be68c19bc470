"""`workbench gc`: what nothing refers to is freed, and never what somebody may be about to name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import StoreError
from workbench.experiment import Store, objects
from workbench.experiment.finding import index
from workbench.experiment.upkeep import gc as gc_module
from workbench.experiment.upkeep.gc import gc

DAY = 24 * 3600


def kept_in(store: Store, content: bytes, *, days: float = 2) -> tuple[dict[str, Any], Path]:
    """Keep an object that was put there some days ago."""
    entry = {"role": "data", "name": "table.csv", **objects.keep_bytes(store, content)}
    path = objects.place(store, entry["digest"])
    aged(path, days)
    return entry, path


def aged(path: Path, days: float = 2) -> Path:
    then = time.time() - days * DAY
    os.utime(path, (then, then))
    return path


def freed(store: Store, **more: Any) -> dict[str, str]:
    """Free, and give what was freed, and why."""
    done = gc(store, now=time.time(), **more).as_document()
    return {one["path"]: one["why"] for one in done["freed"]}


def test_objects_that_nothing_names_are_freed_and_those_that_are_named_stay(store, keep, run):
    of_experiment, one = kept_in(store, b"one")
    of_run, two = kept_in(store, b"two")
    _, spare = kept_in(store, b"spare")
    keep(1, objects=[of_experiment])
    run(2, status="running", objects=[of_run])
    assert freed(store) == {spare.relative_to(store.path).as_posix(): gc_module.UNNAMED}
    assert [path.exists() for path in (one, two, spare)] == [True, True, False]
    assert freed(store) == {}


def test_an_object_younger_than_a_day_is_left_alone_and_it_is_said(store):
    _, path = kept_in(store, b"young", days=0.9)
    done = gc(store, now=time.time())
    assert done.unused == []
    assert done.left == [
        "1 object that nothing names is younger than a day, and left alone: a run may be about to name what it keeps."
    ]
    assert path.exists()


def test_a_dry_run_says_what_would_be_freed_and_changes_nothing(store, snapshot):
    _, path = kept_in(store, b"spare rows")
    before = snapshot(store.path)
    done = gc(store, now=time.time(), dry_run=True)
    assert [(one.path, one.size) for one in done.unused] == [(path, 10)]
    assert (done.dry_run, done.size) == (True, 10)
    assert snapshot(store.path) == before


def test_while_a_manifest_cannot_be_read_no_object_is_touched(store, keep):
    entry, path = kept_in(store, b"needed")
    kept = keep(1, objects=[entry])
    (kept.path / "manifest.json").write_text("{")
    done = gc(store, now=time.time())
    assert done.unused == []
    assert done.left == [
        f"No object was looked at: {kept.reference} cannot be read, so nobody knows which objects it needs. "
        "See workbench fsck."
    ]
    assert path.exists()


@pytest.mark.parametrize("content", ["{", "[]", '{"objects": [1]}', '{"objects": 3}'])
def test_while_a_run_s_record_cannot_be_read_no_object_is_touched(store, run, content):
    _, path = kept_in(store, b"needed")
    folder = run(1, status="running")
    folder.record_file.write_text(content)
    assert freed(store) == {}
    assert path.exists()


def test_what_is_kept_again_while_it_is_being_freed_stays(store, monkeypatch):
    """Between the look at an object's age and its removal a run comes that is given the same table."""
    _, path = kept_in(store, b"rows")
    make = gc_module.make

    def meanwhile(*given: Any) -> Path:
        objects.keep_bytes(store, b"rows")
        return make(*given)

    monkeypatch.setattr(gc_module, "make", meanwhile)
    assert freed(store) == {}
    assert path.read_bytes() == b"rows"


def test_a_run_that_asks_for_an_object_which_is_just_gone_writes_it_anew(store, monkeypatch):
    _, path = kept_in(store, b"rows")
    is_kept = objects.is_kept

    def seen_and_then_gone(*given: Any) -> bool:
        found = is_kept(*given)
        assert freed(store) != {}
        monkeypatch.setattr(objects, "is_kept", is_kept)
        return found

    monkeypatch.setattr(objects, "is_kept", seen_and_then_gone)
    objects.keep_bytes(store, b"rows")
    assert path.read_bytes() == b"rows"


KEEP_FOR_EVER = """
import os, sys, time
from pathlib import Path
from workbench.experiment import Store, objects
store, ends = Store(Path(sys.argv[1])), time.time() + 3
print("ready", flush=True)
while time.time() < ends:
    for number in range(20):
        entry = objects.keep_bytes(store, b"table %d" % number)
        path = objects.place(store, entry["digest"])
        for _ in range(100):  # while somebody looks at its age it is set aside for a moment
            try:
                os.utime(path, (1, 1))  # and by now nobody needs it
                break
            except FileNotFoundError:
                time.sleep(0.001)
        else:
            sys.exit("lost")
"""


def test_freeing_beside_runs_that_begin_loses_nothing(store):
    keeper = subprocess.Popen(
        [sys.executable, "-c", KEEP_FOR_EVER, store.path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert keeper.stdout is not None
    assert keeper.stdout.readline() == "ready\n"
    number = 0
    while keeper.poll() is None:
        number += len(freed(store))
    assert keeper.communicate()[1] == ""
    assert number > 0


def half_document(store: Store) -> Path:
    folder = store.path / "notes" / "churn" / "20261121T000001Z-00000001"
    folder.mkdir(parents=True)
    (folder / ".01ARZ3NDEKTSV4RRFFQ69G5FAV.json.x_7abcd0").write_text("{")
    return folder / ".01ARZ3NDEKTSV4RRFFQ69G5FAV.json.x_7abcd0"


def half_bundle(store: Store) -> Path:
    folder = store.models / "churn" / "bundles" / ".bundle-0000-1-1-0"
    folder.mkdir(parents=True)
    (folder / "MLmodel").write_text("")
    return folder


def pull_that_was_broken_off(store: Store) -> Path:
    folder = store.running / ".pull-churn-20261121T000001Z-00000001"
    (folder / "model").mkdir(parents=True)
    aged(folder)
    (folder / "model" / "model.skops").write_text("half")
    return folder


def run_that_never_began(store: Store) -> Path:
    folder = store.running / "20261121T000001Z-00000001"
    (folder / "outputs").mkdir(parents=True)
    return folder


def bundle_without_entry(store: Store) -> Path:
    (store.models / "churn" / "ledger").mkdir(parents=True)
    folder = store.models / "churn" / "bundles" / "20261121T000001Z-00000001"
    folder.mkdir(parents=True)
    (folder / "MLmodel").write_text("twelve bytes")
    return folder


def old_index(store: Store) -> Path:
    (store.path / "index").mkdir(exist_ok=True)
    (store.path / "index" / "summaries-1.jsonl").write_text("")
    return store.path / "index" / "summaries-1.jsonl"


def copy_of_a_report(store: Store) -> Path:
    folder = store.path / "index" / "reports"
    folder.mkdir(parents=True)
    (folder / "churn.html").write_text("")
    return folder / "churn.html"


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (half_document, gc_module.HALF),
        (half_bundle, gc_module.HALF),
        (pull_that_was_broken_off, gc_module.HALF),
        (run_that_never_began, gc_module.NEVER_BEGAN),
        (bundle_without_entry, gc_module.NO_ENTRY),
        (old_index, gc_module.MADE_AGAIN),
        (copy_of_a_report, gc_module.MADE_AGAIN),
    ],
)
def test_what_killed_processes_and_earlier_versions_left_is_freed_when_it_is_a_day_old(store, make, why):
    path = make(store)
    assert freed(store) == {}
    assert path.exists()
    for one in (*path.rglob("*"), path):
        aged(one)
    assert freed(store) == {path.relative_to(store.path).as_posix(): why}
    assert not path.exists()


def test_what_is_in_use_stays_however_old_it_is(store, keep, run, snapshot):
    from workbench.experiment import summaries

    kept = keep(1)
    run(2, status="running")
    list(summaries(store))
    (store.path / "index").mkdir(exist_ok=True)
    (store.path / "index" / index.NAME).touch()
    (store.path / ".stfolder").mkdir()
    (kept.path.parent / ".DS_Store").touch()
    for other in ("index/page.html", "running/.git/config", "notes/.draft.markdown"):
        (store.path / other).parent.mkdir(parents=True, exist_ok=True)
        (store.path / other).touch()
    for path in store.path.rglob("*"):
        aged(path, 400)
    before = snapshot(store.path)
    assert freed(store) == {}
    assert snapshot(store.path) == before


def test_a_model_s_bundles_stay_while_its_ledger_cannot_be_read(store):
    path = aged(bundle_without_entry(store))
    (store.models / "churn" / "ledger" / "000001.json").write_text("{")
    done = gc(store, now=time.time())
    assert done.unused == []
    assert done.left[0].startswith("No bundle of churn was looked at: ")
    assert path.exists()


def test_a_store_that_is_not_there_is_refused_and_not_made(workbench, tmp_path):
    for command in (("gc",), ("gc", "--dry-run"), ("fsck",)):
        said = workbench(*command, "--store", tmp_path / "mistyped")
        assert (said.code, said.out) == (2, "")
        assert "mistyped' does not exist. Name it with --store" in said.err
    assert not (tmp_path / "mistyped").exists()


def test_a_folder_that_is_no_store_is_refused_and_left_alone(workbench, tmp_path):
    page = aged(copy_of_a_report(Store(tmp_path / "site")))
    for command in (("gc",), ("gc", "--dry-run"), ("fsck",)):
        said = workbench(*command, "--store", tmp_path / "site")
        assert (said.code, said.out) == (2, "")
        assert "site' is no store: it holds neither experiments nor models." in said.err
        assert workbench(*command, "--store", tmp_path / ("x" * 300)).code == 2
    assert page.exists()
    assert list((tmp_path / "site").iterdir()) == [tmp_path / "site" / "index"]


def test_a_store_that_cannot_be_written_is_told_in_one_line(store, monkeypatch):
    _, path = kept_in(store, b"spare")

    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(gc_module, "make", refuse)
    with pytest.raises(StoreError, match="cannot be written: Read-only file system"):
        gc(store, now=time.time())
    assert path.exists()


def test_the_command_says_what_and_how_much(store, workbench: Callable[..., Any]):
    _, path = kept_in(store, b"0" * 1_500_000)
    name = path.relative_to(store.path).as_posix()
    document = json.loads(workbench("gc", "--dry-run", "--store", store.path, "--json").out)
    assert document == {
        "dry_run": True,
        "bytes": 1_500_000,
        "freed": [{"path": name, "why": gc_module.UNNAMED, "bytes": 1_500_000}],
        "left": [],
    }
    said = workbench("gc", "--dry-run", "--store", store.path).out
    assert said.endswith("1.5 MB in 1 place would be freed; nothing was removed.\n")
    assert path.exists()
    said = workbench("gc", "--store", store.path)
    assert said.code == 0
    assert name in said.out
    assert said.out.endswith("1.5 MB in 1 place freed.\n")
    assert workbench("gc", "--store", store.path).out == "0 B in 0 places freed.\n"
