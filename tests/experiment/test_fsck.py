"""`workbench fsck`: of a whole store, whatever is not what was kept is named; and two stores merge by copying."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from workbench.documents.bundle_manifest import write_bundle_manifest
from workbench.documents.ledger import Entry, append, read_ledger
from workbench.documents.note import Note, new_id, write_note
from workbench.experiment import Store, experiments, objects
from workbench.experiment.upkeep.fsck import fsck

NOW = datetime(2026, 11, 21, tzinfo=UTC)
BUNDLE = "20261121T000009Z-00000009"
FIELDS: dict[str, Any] = {
    "model": "churn", "version": BUNDLE, "created": "", "author": "ada", "experiment": {}, "metric": "roc_auc",
    "scores": {}, "task": {}, "data": {}, "verdicts": [],
}  # fmt: skip


def kept_object(store: Store, content: bytes, name: str = "table.csv") -> dict[str, Any]:
    return {"role": "data", "name": name, **objects.keep_bytes(store, content)}


def promoted(store: Store) -> Path:
    """A model with one bundle that is live, and a refused promotion after it."""
    bundle = store.models / "churn" / "bundles" / BUNDLE
    bundle.mkdir(parents=True)
    (bundle / "MLmodel").write_text("flavors: {}\n")
    digest = write_bundle_manifest(bundle, FIELDS)
    entry = Entry("churn", "live", NOW.isoformat(), "ada", "churn@x", (), BUNDLE, digest)
    append(store.path, entry, [])
    refused = replace(entry, stage="refused", bundle="", bundle_digest="")
    append(store.path, refused, read_ledger(store.path, "churn"))
    return bundle


def noted(store: Store, folder: Path) -> Path:
    """A note about an experiment."""
    place = store.path / "notes" / folder.parent.name / folder.name
    place.mkdir(parents=True)
    note = Note("note", "good", "ada", NOW, new_id(NOW))
    write_note(place, note)
    return place / f"{note.id}.json"


@pytest.fixture
def full(store: Store, keep: Callable[..., Any], run: Callable[..., Any]) -> Store:
    """A store with one of everything."""
    kept = keep(1, objects=[kept_object(store, b"rows")])
    keep(2, name="failed", status="failed", reason="no")
    run(3, status="running")
    promoted(store)
    noted(store, kept.path)
    list(experiments(store))
    return store


def test_a_store_that_is_whole_is_called_whole(full, workbench):
    checked = fsck(full)
    assert checked.problems == []
    assert checked.notes == []
    assert checked.counts == {"experiments": 2, "models": 1, "objects": 1, "runs": 1, "notes": 1}
    said = workbench("fsck", "--store", full.path)
    assert said.code == 0
    assert said.out == "2 experiments, 1 model, 1 object, 1 run, 1 note: all is whole.\n"


def test_an_empty_folder_is_a_whole_store(tmp_path, workbench):
    assert workbench("fsck", "--store", tmp_path).code == 0
    assert list(tmp_path.iterdir()) == []


def changed_file(store):
    path = store.experiments / "churn" / experiments(store, "churn")[1].version / "scores.json"
    path.write_bytes(path.read_bytes() + b" ")
    return path.parent, "scores.json was changed"


def missing_file(store):
    (path,) = (store.experiments / "failed").iterdir()
    (path / "error.json").unlink()
    return path, "error.json is missing"


def damaged_manifest(store):
    (path,) = (store.experiments / "failed").iterdir()
    (path / "manifest.json").write_text("{")
    return path, "has a damaged manifest.json"


def folder_without_manifest(store):
    path = store.experiments / "failed" / "20261121T000001Z-ffffffff"
    path.mkdir()
    return path, "has no manifest.json"


def moved_experiment(store):
    (path,) = (store.experiments / "failed").iterdir()
    moved = path.with_name("20261121T000001Z-ffffffff")
    path.rename(moved)
    return moved, f"it was kept as failed@{path.name}"


def object_cut_short(store):
    path = objects.place(store, objects.keep_bytes(store, b"rows")["digest"])
    path.chmod(0o644)
    os.truncate(path, 2)
    return path, "does not hold what its name says"


def object_changed(store):
    path = objects.place(store, objects.keep_bytes(store, b"rows")["digest"])
    path.chmod(0o644)
    path.write_bytes(b"ROWS")
    return path, "does not hold what its name says"


def object_in_another_folder(store):
    path = objects.place(store, objects.keep_bytes(store, b"rows")["digest"])
    other = path.parent.with_name("00") / path.name
    other.parent.mkdir()
    path.rename(other)
    return other, "is not of the workbench"


def bundle_changed(store):
    path = store.models / "churn" / "bundles" / BUNDLE
    (path / "MLmodel").write_text("other")
    return path, "MLmodel was changed"


def bundle_gone(store):
    shutil.rmtree(store.models / "churn" / "bundles" / BUNDLE)
    return store.models / "churn", "has no manifest.json"


def bundle_replaced(store):
    path = store.models / "churn" / "bundles" / BUNDLE
    write_bundle_manifest(path, {**FIELDS, "author": "eve"})
    return store.models / "churn", "is not the bundle that entry 1 of the ledger made live"


def ledger_entry_gone(store):
    (store.models / "churn" / "ledger" / "000001.json").unlink()
    return store.models / "churn", "stands where entry 1 of the ledger belongs"


def ledger_entry_changed(store):
    path = store.models / "churn" / "ledger" / "000001.json"
    path.write_text(path.read_text().replace('"ada"', '"eve"'))
    return store.models / "churn", "was changed after it was written"


def damaged_run(store):
    path = store.running / "20261121T000002Z-ffffffff"
    path.mkdir()
    (path / "run.json").write_text("{")
    return path, "has a damaged run.json"


def damaged_note(store):
    (path,) = (store.path / "notes").glob("*/*/*.json")
    path.write_text("{")
    return path, "is no note: it is damaged or too large"


def foreign(*parts: str) -> Callable[[Store], tuple[Path, str]]:
    def put(store: Store) -> tuple[Path, str]:
        path = store.path.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
        return path, "is not of the workbench"

    put.__name__ = "/".join(("foreign", *parts))
    return put


DAMAGES = [
    changed_file, missing_file, damaged_manifest, folder_without_manifest, moved_experiment, object_cut_short,
    object_changed, object_in_another_folder, bundle_changed, bundle_gone, bundle_replaced, ledger_entry_gone,
    ledger_entry_changed, damaged_run, damaged_note, foreign("notes.txt"), foreign("experiments", "a.zip"),
    foreign("experiments", "churn", "a.csv"), foreign("objects", "md5"), foreign("objects", "sha256", "a"),
    foreign("objects", "sha256", "ab", "c"), foreign("models", "churn", "a"), foreign("models", "churn", "ledger", "a"),
    foreign("models", "churn", "bundles", "a"), foreign("running", "a"), foreign("notes", "a"),
    foreign("notes", "churn", "20261121T000001Z-00000001", "a.json"),
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=[damage.__name__ for damage in DAMAGES])
def test_whatever_is_wrong_is_named_alone_and_the_exit_code_is_3(full, damage, workbench):
    where, said = damage(full)
    heard = workbench("fsck", "--store", full.path, "--json")
    document = json.loads(heard.out)
    assert heard.code == 3
    assert document["whole"] is False
    name = where.relative_to(full.path).as_posix()
    assert {one["path"] for one in document["problems"]} <= {name, *_also(full, damage)}
    assert any(one["path"] == name and said in one["problem"] for one in document["problems"]), document["problems"]


def _also(store: Store, damage: Callable[..., Any]) -> set[str]:
    """What else is wrong then."""
    return {f"models/churn/bundles/{BUNDLE}"} if damage in (bundle_changed, bundle_replaced) else set()


def test_everything_that_is_wrong_is_told_at_once(full, workbench):
    for damage in (changed_file, missing_file, object_changed, bundle_changed, ledger_entry_changed, damaged_note):
        damage(full)
    said = workbench("fsck", "--store", full.path)
    assert said.code == 3
    lines = said.out.splitlines()
    assert [line[0] for line in lines[:-1]] == ["✗"] * (len(lines) - 1)
    assert lines[-1].endswith(f": {len(lines) - 1} problems.")
    assert len(lines) >= 7


def test_objects_that_did_not_travel_are_a_note(full, workbench):
    entry = objects.keep_bytes(full, b"rows")
    objects.place(full, entry["digest"]).unlink()
    said = workbench("fsck", "--store", full.path, "--json")
    document = json.loads(said.out)
    assert (said.code, document["problems"]) == (0, [])
    assert [one["problem"] for one in document["notes"]] == [
        f"its object table.csv ({entry['digest'][:19]}…) is not in this store"
    ]


def test_what_belongs_to_the_system_is_left_alone(full):
    (full.path / ".DS_Store").touch()
    (full.experiments / ".stfolder").mkdir()
    (full.experiments / "churn" / ".nfs000001").touch()
    assert fsck(full).problems == []


def test_it_is_told_how_far_the_check_is(full):
    heard = []
    fsck(full, on_step=lambda done, of: heard.append((done, of)))
    assert [done for done, _ in heard] == list(range(1, len(heard) + 1))
    assert {of for _, of in heard} == {len(heard)}


@pytest.mark.parametrize("copy", [("cp", "-rn"), ("rsync", "-a", "--ignore-existing")], ids=["cp", "rsync"])
def test_two_stores_merged_by_copying_are_one_whole_store(tmp_path, keep_in, copy):
    if shutil.which(copy[0]) is None:
        pytest.skip(f"this machine has no {copy[0]}")
    one, other = (Store(tmp_path / name).create() for name in ("one", "other"))
    shared = [kept_object(store, b"the same table") for store in (one, other)]
    first = keep_in(one, 1, objects=[shared[0]])
    second = keep_in(other, 2, objects=[shared[1], kept_object(other, b"another table", "test.csv")])
    keep_in(other, 3, name="farm")
    promoted(other)
    noted(one, first.path)
    noted(other, second.path)
    for store in (one, other):
        list(experiments(store))
    # Some versions of cp call it an error to leave a file alone.
    subprocess.run([*copy, f"{other.path}/.", f"{one.path}/"], check=False)

    assert {str(kept.reference) for kept in experiments(one)} == {
        str(first.reference), str(second.reference), f"farm@{experiments(other, 'farm')[0].version}",
    }  # fmt: skip
    checked = fsck(one)
    assert (checked.problems, checked.notes) == ([], [])
    assert checked.counts == {"experiments": 3, "models": 1, "objects": 2, "runs": 0, "notes": 2}
