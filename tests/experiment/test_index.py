"""The index: as quick as it may be, it never says anything but what the folders say."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from workbench.documents.experiment import problems, write_manifest
from workbench.experiment import Store, index, load, summaries


@pytest.fixture
def many(keep, store: Store) -> list[Path]:
    """Six experiments of two names, from one manifest."""
    manifest = keep(1).manifest
    folders = []
    for number in range(6):
        version = f"20261122T00000{number}Z-{number:08x}"
        folder = store.experiments / f"farm-{number % 2}" / version
        folder.mkdir(parents=True)
        write_manifest(folder, {**manifest, "ref": f"farm-{number % 2}@{version}", "children": ["a@b"] * 1000})
        folders.append(folder)
    return folders


def told(store: Store) -> list[dict[str, Any]]:
    return list(summaries(store))


def straight(store: Store, but: Path | None = None) -> list[dict[str, Any]]:
    folders = [store.experiments / name / version for name in store.names() for version in store.versions(name)]
    return [index.summary(load(folder).manifest) for folder in folders if folder != but]


def file_of(store: Store) -> Path:
    return store.path / "index" / index.NAME


def test_what_it_says_is_what_the_folders_say_and_no_manifest_is_read_twice(many, store, monkeypatch):
    expected = straight(store)
    assert len(expected) == 7
    assert all(problems(one) == [] for one in expected)
    assert told(store) == expected
    monkeypatch.setattr(index, "load", lambda folder: pytest.fail(f"{folder} was read again"))
    assert told(store) == expected


def test_it_is_short_whatever_a_manifest_holds(many, store):
    told(store)
    assert max(map(len, file_of(store).read_bytes().splitlines())) < 2000
    assert len(many[0].joinpath("manifest.json").read_bytes()) > 10_000


def test_what_was_added_changed_or_removed_since_is_noticed(many, keep, store):
    told(store)
    keep(9, name="new")
    shutil.rmtree(many[0])
    manifest = json.loads((many[1] / "manifest.json").read_text())
    write_manifest(many[1], {**manifest, "status": "failed"})
    (many[2] / "manifest.json").write_text("{")
    found = told(store)
    assert found == straight(store, but=many[2])
    assert [one["status"] for one in found].count("failed") == 1
    assert "new" in [one["ref"].partition("@")[0] for one in found]


@pytest.mark.parametrize("damage", ["deleted", "empty", "torn", "noise", "another experiment's", "no object"])
def test_a_damaged_index_costs_time_alone(many, store, damage):
    expected = told(store)
    file = file_of(store)
    lines = file.read_bytes().splitlines(keepends=True)
    if damage == "deleted":
        shutil.rmtree(file.parent)
    else:
        head = lines[0].split(b" ", 3)
        file.write_bytes(
            {
                "empty": b"",
                "torn": b"".join(lines)[:-100],
                "noise": bytes(range(256)) * 50,
                "another experiment's": b"".join(lines[:1]) + b"x@y 1 2 {}\n" + b"\n\n",
                "no object": b" ".join([*head[:3], b"[]\n"]),
            }[damage]
        )
    assert told(store) == expected
    assert told(store) == expected


def test_a_store_that_cannot_be_written_to_is_looked_through_all_the_same(many, store):
    expected = straight(store)
    (store.path / "index").write_text("in the way")
    assert told(store) == expected


def test_a_store_that_is_not_there_is_not_made(tmp_path):
    assert list(summaries(Store(tmp_path / "nowhere"))) == []
    assert not (tmp_path / "nowhere").exists()


def test_lines_that_no_longer_hold_are_dropped_in_time(many, store, monkeypatch):
    monkeypatch.setattr(index, "SLACK", 5)
    for _ in range(4):
        for folder in many:
            os.utime(folder / "manifest.json")
        expected = told(store)
    assert len(file_of(store).read_bytes().splitlines()) <= 2 * 7 + 5
    assert told(store) == expected


LOOKS = """
import sys
from pathlib import Path
from workbench.experiment import Store, summaries
for _ in range(20):
    assert len(list(summaries(Store(Path(sys.argv[1]))))) == 7
"""


def test_several_processes_may_write_it_at_once_and_another_delete_it(many, store):
    command = [sys.executable, "-c", LOOKS, str(store.path)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    while any(process.poll() is None for process in processes):
        shutil.rmtree(file_of(store).parent, ignore_errors=True)
        time.sleep(0.02)
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert told(store) == straight(store)
