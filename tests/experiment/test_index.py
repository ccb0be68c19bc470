"""The index: as quick as it may be, it never says anything but what the folders say."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from workbench.documents.experiment import write_manifest
from workbench.experiment import Experiment, Store, experiments, load, notes, summaries
from workbench.experiment.finding import index


@pytest.fixture(autouse=True)
def _writes_early(monkeypatch):
    """The file is written anew as soon as two experiments are missing in it."""
    monkeypatch.setattr(index, "SLACK", 1)


@pytest.fixture
def many(keep, store: Store) -> list[Path]:
    """Six experiments of two names beside another, from one manifest."""
    manifest = keep(1).manifest
    return [make(store, manifest, number) for number in range(6)]


def make(store: Store, manifest: dict[str, Any], number: int, **changed: Any) -> Path:
    name, version = f"farm-{number % 2}", f"20261122T00000{number}Z-{number:08x}"
    folder = store.experiments / name / version
    folder.mkdir(parents=True)
    write_manifest(folder, {**manifest, "ref": f"{name}@{version}", "children": ["a@b"] * 1000, **changed})
    return folder


def told(store: Store) -> list[dict[str, Any]]:
    return list(summaries(store))


def straight(store: Store, but: Path | None = None) -> list[dict[str, Any]]:
    folders = [store.experiments / name / version for name in store.names() for version in store.versions(name)]
    return [index.summary(load(folder).manifest) for folder in folders if folder != but]


def file_of(store: Store) -> Path:
    return store.path / "index" / index.NAME


def held(store: Store) -> int:
    connection = sqlite3.connect(file_of(store))
    (number,) = connection.execute("SELECT count(*) FROM kept").fetchone()
    connection.close()
    return number


def test_what_it_says_is_what_the_folders_say_and_no_manifest_is_read_twice(many, store, monkeypatch):
    expected = straight(store)
    assert len(expected) == 7
    assert told(store) == expected
    assert held(store) == 7
    monkeypatch.setattr(index, "load", lambda folder: pytest.fail(f"{folder} was read again"))
    assert told(store) == expected
    assert len(experiments(store, where=["farm=17"])) == 7


def test_a_few_experiments_need_no_index(many, store, monkeypatch):
    monkeypatch.setattr(index, "SLACK", 7)
    assert told(store) == straight(store)
    assert not file_of(store).parent.exists()


def test_a_summary_is_short_whatever_a_manifest_holds(many, store):
    assert max(len(json.dumps(one)) for one in told(store)) < 2000
    assert len((many[0] / "manifest.json").read_bytes()) > 10_000


@pytest.mark.parametrize("slack", [0, 1, 100])
def test_what_was_added_changed_or_removed_since_is_noticed(many, keep, store, monkeypatch, slack):
    told(store)
    monkeypatch.setattr(index, "SLACK", slack)
    keep(9, name="new")
    shutil.rmtree(many[0])
    manifest = json.loads((many[1] / "manifest.json").read_text())
    write_manifest(many[1], {**manifest, "status": "failed"})
    (many[2] / "manifest.json").write_text("{")
    for _ in range(2):
        found = told(store)
        assert found == straight(store, but=many[2])
        assert [one["status"] for one in found].count("failed") == 1
        assert "new" in [one["ref"].partition("@")[0] for one in found]
        listed = experiments(store)
        assert sorted(one.status for one in listed) == ["completed"] * 5 + ["damaged", "failed"]
        assert listed.total == 7


def test_one_that_was_damaged_and_is_whole_again_is_whole(many, store):
    whole = (many[0] / "manifest.json").read_bytes()
    (many[0] / "manifest.json").write_text("{")
    assert len(told(store)) == 6
    (many[0] / "manifest.json").write_bytes(whole)
    assert told(store) == straight(store)


def test_a_manifest_that_is_changed_all_the_time_is_told_as_it_was_at_one_time(many, store, monkeypatch):
    told(store)
    states = iter(range(10_000))
    monkeypatch.setattr(index, "_state", lambda *_: f"{next(states)} 1")
    assert told(store) == straight(store)


def test_a_store_may_be_named_from_where_one_is(many, store, monkeypatch):
    told(store)
    monkeypatch.chdir(store.path.parent)
    assert told(Store(Path(store.path.name))) == straight(store)


def test_a_whole_name_that_is_gone_is_gone(many, store):
    told(store)
    shutil.rmtree(store.experiments / "farm-0")
    assert told(store) == straight(store)
    assert len(experiments(store, where=["label.farm=17"])) == 4


@pytest.mark.parametrize("damage", ["deleted", "empty", "torn", "noise", "a hole", "another's", "no tables"])
def test_a_damaged_index_costs_time_alone(many, store, damage):
    expected = told(store)
    file = file_of(store)
    content = bytearray(file.read_bytes())
    if damage == "deleted":
        shutil.rmtree(file.parent)
    elif damage == "no tables":
        file.unlink()
        sqlite3.connect(file).close()
    else:
        content[8192:16384] = bytes(8192)
        whole = {"empty": b"", "torn": content[:9000], "noise": bytes(range(256)) * 50, "a hole": content}
        file.write_bytes(whole.get(damage, b"SQLite format 3\0" + b"x" * 5000))
    assert told(store) == expected
    assert [str(one.reference) for one in reversed(experiments(store, "farm-*"))] == [
        one["ref"] for one in sorted(expected, key=lambda one: one["ref"].partition("@")[2]) if "farm" in one["ref"]
    ]
    assert told(store) == expected


@pytest.mark.parametrize("obstacle", ["index", "running"])
def test_a_store_that_cannot_be_written_to_is_looked_through_all_the_same(many, store, obstacle):
    expected = straight(store)
    place = store.path / obstacle
    if place.exists():
        shutil.rmtree(place)
    place.write_text("in the way")
    assert told(store) == expected
    assert len(experiments(store, where=["farm=17"], limit=3)) == 3
    assert place.read_text() == "in the way"


def test_a_store_that_is_not_there_is_not_made(tmp_path):
    assert told(Store(tmp_path / "nowhere")) == []
    assert not (tmp_path / "nowhere").exists()


def test_very_many_are_written_part_by_part_and_somebody_hears_of_it(many, store, monkeypatch):
    monkeypatch.setattr(index, "PART", 2)
    written: list[int] = []
    write = index._write
    monkeypatch.setattr(index, "_write", lambda *args, **kw: (write(*args, **kw), written.append(held(store)))[0])
    heard: list[tuple[int, int]] = []
    experiments(store, hear=lambda done, total: heard.append((done, total)))
    assert written == [2, 4, 6, 7]
    assert heard[-1] == (7, 7)


def test_nothing_is_left_of_a_writer_that_fails(many, store, monkeypatch, snapshot):
    told(store)
    before = snapshot(store.path)
    make(store, json.loads((many[0] / "manifest.json").read_text()), 7)
    make(store, json.loads((many[0] / "manifest.json").read_text()), 8)
    added = set(snapshot(store.path)) - set(before)
    monkeypatch.setattr(index.shutil, "copyfile", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    assert len(told(store)) == 9
    after = snapshot(store.path)
    assert {name: after[name] for name in set(after) - added} == before


def test_tags_are_found_by_the_index_and_by_the_notes_that_are_there(many, store, monkeypatch):
    references = [load(folder).reference for folder in many]
    for reference in references[:3]:
        notes.add(store, reference, "tag", "baseline", author="ada", now=datetime.now(UTC))
    assert len(experiments(store, where=["tag=baseline"])) == 3
    monkeypatch.setattr(index.notes, "read", lambda *_: pytest.fail("the notes were read again"))
    look = index.ask(store, lambda look: look.find([*map(parsed, ["tag=base*"])], "started"))
    assert look[1] == 3
    monkeypatch.undo()
    notes.add(store, references[0], "untag", "baseline", author="ada", now=datetime.now(UTC))
    notes.add(store, references[4], "tag", "late", author="ada", now=datetime.now(UTC))
    shutil.rmtree(notes.folder(store, references[1]))
    found = experiments(store, where=["tag=baseline"])
    assert [(one.reference, one.tags) for one in found] == [(references[2], ("baseline",))]
    assert [one.reference for one in experiments(store, where=["tag=late"])] == [references[4]]
    assert len(experiments(store, where=["tag!=baseline"])) == 6


def parsed(word: str) -> Any:
    from workbench.experiment.finding.query import parse

    return parse(word, datetime.now(UTC))


LOOKS = """
import sys
from pathlib import Path
from workbench.experiment import Store, experiments, summaries
from workbench.experiment.finding import index
index.SLACK = 1
for _ in range(20):
    assert len(list(summaries(Store(Path(sys.argv[1]))))) == 7
    assert len(experiments(Store(Path(sys.argv[1])), where=["farm=17"])) == 7
"""


def test_several_processes_may_write_it_at_once_and_another_delete_it(many, store):
    command = [sys.executable, "-c", LOOKS, str(store.path)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    while any(process.poll() is None for process in processes):
        shutil.rmtree(file_of(store).parent, ignore_errors=True)
        time.sleep(0.02)
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert told(store) == straight(store)
    assert list(store.running.iterdir()) == []


def test_what_a_hostile_manifest_holds_does_no_harm(keep, store):
    odd = {"labels": {"a\ud800": "b\ud800", 'o"; DROP TABLE kept': "'"}, "author": "\ud800", "started": "",
           "resources": {"wall": 10**400}, "data": {"rows": 10**400}, "metric": "x\ud800",
           "scores": {"x\ud800": {"value": None}}}  # fmt: skip
    kept: Experiment = keep(1)
    (kept.path / "manifest.json").write_text(json.dumps({**kept.manifest, **odd}))
    for _ in range(2):
        (one,) = experiments(store, where=["since=2026-11-01", "label.o\"; DROP TABLE kept='"])
        assert one.manifest["labels"] == odd["labels"]
        assert one.scores() == {}
    assert len(experiments(store, where=["seconds!=3", "rows!=3", "score!=3"])) == 1
