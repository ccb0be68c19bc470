"""Notes and tags: said later, beside the immutable folder, by whom and when."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest

from workbench.documents.note import new_id
from workbench.errors import BadNote, StoreError
from workbench.experiment import Store, experiments, notes
from workbench.records import Reference

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CHURN = Reference("churn", "20261121T000001Z-1f3ac09e")


def say(store, kind, *texts, reference=CHURN, author="ada", now=NOON):
    return notes.add(store, reference, kind, *texts, author=author, now=now)


def test_what_was_said_is_read_with_who_said_it_and_when_in_utc(store):
    say(store, "note", "Looks good.\nThe new column helps.", now=NOON.astimezone(timezone(timedelta(hours=2))))
    say(store, "tag", "baseline", author="bob", now=NOON + timedelta(hours=1))
    said = notes.read(store, CHURN)
    assert [(one.kind, one.text, one.author, one.at.isoformat()) for one in said.notes] == [
        ("note", "Looks good.\nThe new column helps.", "ada", "2026-11-21T12:00:00+00:00"),
        ("tag", "baseline", "bob", "2026-11-21T13:00:00+00:00"),
    ]
    assert said.tags == ("baseline",)
    assert list(notes.noted(store)) == [CHURN]
    assert all('"at": "2026-11-21T1' in path.read_text() for path in notes.folder(store, CHURN).iterdir())


def test_an_experiment_of_which_nothing_was_said_has_no_folder(store):
    assert notes.read(store, CHURN).notes == ()
    assert list(notes.noted(store)) == []
    assert not (store.path / "notes").exists()


def test_the_folder_of_the_experiment_stays_as_it_was(keep, store, snapshot):
    kept = keep(1)
    before = snapshot(kept.path)
    say(store, "tag", "baseline", reference=kept.reference)
    say(store, "note", "Looks good.", reference=kept.reference)
    assert snapshot(kept.path) == before
    assert [one.tags for one in experiments(store)] == [("baseline",)]


def test_a_tag_is_taken_off_by_what_is_said_later_and_can_be_put_on_again(store):
    say(store, "tag", "b", "a", "ä/2")
    say(store, "untag", "b")
    assert notes.read(store, CHURN).tags == ("a", "ä/2")
    say(store, "tag", "b")
    assert notes.read(store, CHURN).tags == ("a", "ä/2", "b")


def test_what_is_said_later_is_later_even_when_the_clock_was_set_back(store):
    say(store, "tag", "baseline")
    say(store, "untag", "baseline", now=NOON - timedelta(days=400))
    assert notes.read(store, CHURN).tags == ()


def test_names_of_notes_are_never_the_same_and_sort_as_they_were_made():
    made = [new_id(NOON)]
    for _ in range(2000):
        made.append(new_id(NOON, after=made[-1]))
    assert made == sorted(set(made))
    at_once = {new_id(NOON) for _ in range(2000)} | {new_id(NOON, after=made[0]) for _ in range(2000)}
    assert len(at_once) == 4000


def test_notes_of_two_stores_are_brought_together_by_copying(store, tmp_path):
    other = Store(tmp_path / "other").create()
    say(store, "tag", "here")
    say(other, "tag", "there", now=NOON + timedelta(seconds=1))
    say(other, "note", "Seen there.", now=NOON + timedelta(seconds=2))
    shutil.copytree(other.path / "notes", store.path / "notes", dirs_exist_ok=True)
    said = notes.read(store, CHURN)
    assert said.tags == ("here", "there")
    assert [one.text for one in said.notes if one.kind == "note"] == ["Seen there."]


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("note", "", "is empty"),
        ("note", " \n ", "is empty"),
        ("note", "x" * 10_001, "is longer than 10,000 letters"),
        ("tag", "", "is no tag. A tag is one word of up to 64 letters"),
        ("tag", "two words", "is no tag"),
        ("tag", "-x", "is no tag"),
        ("tag", "a=b", "is no tag"),
        ("tag", "x\x1b[2J", "is no tag"),
        ("tag", "x" * 65, "is no tag"),
    ],
)
def test_what_cannot_be_said_is_refused_and_nothing_is_written(store, kind, text, said):
    with pytest.raises(BadNote, match=said):
        say(store, kind, "fine", text)
    assert not (store.path / "notes").exists()


@pytest.mark.parametrize(
    "damage",
    [
        b"", b"{", b"[]", b"\xff\0", b"[" * 100_000, b"{}", b'{"format": 9}', b'{"format": 0}', b" " * 400_000,
        b'{"format": 0, "kind": "tag", "text": "two words", "author": "a", "at": "2026-11-21T12:00:00+00:00"}',
        b'{"format": 0, "kind": "sing", "text": "la", "author": "a", "at": "2026-11-21T12:00:00+00:00"}',
        b'{"format": 0, "kind": "tag", "text": "t", "author": 7, "at": "2026-11-21T12:00:00+00:00"}',
        b'{"format": 0, "kind": "tag", "text": "t", "author": "a", "at": "2026-11-21T12:00:00"}',
        b'{"format": 0, "kind": "tag", "text": "t", "author": "a", "at": "noon"}',
    ],
)  # fmt: skip
def test_a_damaged_note_is_named_and_passed_over(store, damage):
    say(store, "tag", "baseline")
    (path,) = notes.folder(store, CHURN).iterdir()
    bad = path.with_name("01KAJJKZ0000000000000000XY.json")
    bad.write_bytes(damage)
    path.with_name("README.txt").write_text("hello")
    path.with_name(".half-written").write_text("{")
    said = notes.read(store, CHURN)
    assert said.tags == ("baseline",)
    assert set(said.damaged) == {bad.name, "README.txt"}
    assert all("\n" not in problem for problem in said.damaged.values())


def test_fields_of_a_later_version_do_no_harm(store):
    say(store, "tag", "baseline")
    (path,) = notes.folder(store, CHURN).iterdir()
    path.write_text(json.dumps(json.loads(path.read_text()) | {"mood": "good"}))
    assert notes.read(store, CHURN).tags == ("baseline",)


def test_a_store_that_cannot_be_written_to_is_said_in_one_line(store):
    (store.path / "notes").write_text("in the way")
    with pytest.raises(StoreError, match="is or lies under a file"):
        say(store, "note", "Looks good.")


SPEAKS = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from workbench.experiment import Store, notes
from workbench.records import Reference
store, reference = Store(Path(sys.argv[1])), Reference("churn", "20261121T000001Z-1f3ac09e")
for number in range(20):
    notes.add(store, reference, "tag", f"{sys.argv[2]}-{number}", author="ada", now=datetime.now(UTC))
"""


def test_many_may_speak_at_once(store):
    command = [sys.executable, "-c", SPEAKS, str(store.path)]
    speakers = [subprocess.Popen([*command, f"writer-{number}"]) for number in range(4)]
    assert [speaker.wait() for speaker in speakers] == [0] * 4
    said = notes.read(store, CHURN)
    assert set(said.tags) == {f"writer-{writer}-{number}" for writer in range(4) for number in range(20)}
    assert said.damaged == {}
