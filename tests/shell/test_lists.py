"""`workbench list`, `note` and `tag` as they are typed: filters, columns, what is said when nothing is found."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from rich.cells import cell_len

from workbench.cli.listing import laid_out
from workbench.documents.experiment import FIELDS, write_manifest

SCORE = {"value": 0.8471, "low": 0.8301, "high": 0.8642, "optimism": None, "higher_is_better": True, "rows": 900}


def make(store: Path, number: int, name: str = "churn", **changed: Any) -> str:
    """Keep an experiment of nothing but a manifest; give its reference."""
    ref = f"{name}@20261121T18{number:02d}00Z-{number:08x}"
    empty = {field: kinds[-1]() for field, kinds in FIELDS.items()}
    folder = store / "experiments" / name / ref.partition("@")[2]
    folder.mkdir(parents=True)
    known = {"kind": "run", "status": "completed", "template": "classification", "author": "ada", "metric": "roc_auc"}
    when = {"started": f"2026-11-21T18:{number:02d}:00+00:00", "ended": None, "resources": {"wall": 60.0}}
    write_manifest(folder, {**empty, **known, **when, "ref": ref, "scores": {"roc_auc": SCORE}, **changed})
    return ref


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    for number in range(3):
        make(tmp_path / "workbench-store", number, labels={"farm": str(number)})
    make(tmp_path / "workbench-store", 3, "shop", status="timed_out", metric=None, scores={}, reason="too slow")
    yield tmp_path / "workbench-store"
    monkeypatch.undo()
    time.tzset()


def rows(said: Any) -> list[str]:
    assert (said.code, said.err) == (0, "")
    return said.out.splitlines()


def test_as_json_a_list_is_one_document_with_a_line_for_each(store: Path, workbench: Callable) -> None:
    told = rows(workbench("list", "--json"))
    assert [told[0], told[-1]] == ["[", "]"]
    assert [json.loads(line.rstrip(","))["name"] for line in told[1:-1]] == ["shop", "churn", "churn", "churn"]
    assert len(json.loads("\n".join(told))) == 4


def test_a_list_is_a_line_each_in_local_time_with_what_there_is_to_say(store: Path, workbench: Callable) -> None:
    told = rows(workbench("list"))
    assert [line.split("  ")[0] for line in told] == ["experiment", "shop@00000003"] + [
        f"churn@{number:08x}" for number in (2, 1, 0)
    ]
    titles = ["experiment", "status", "started", "score", "95 % interval", "took", "template", "labels"]
    assert re.split("  +", told[0]) == titles
    assert re.split("  +", told[1]) == ["shop@00000003", "timed out", "2026-11-21 19:03", "1 min", "classification"]
    assert "2026-11-21 19:02" in told[2]
    assert "roc_auc 0.8471  0.8301 to 0.8642  1 min  classification  farm=2" in told[2]


def test_words_are_filters_and_several_hold_all(store: Path, workbench: Callable) -> None:
    found = rows(workbench("list", "churn", "score>0.8", "farm!=2"))
    assert [line.partition(" ")[0] for line in found[1:]] == ["churn@00000001", "churn@00000000"]
    assert json.loads(workbench("list", "status=timed_out", "--json").out)[0]["name"] == "shop"
    assert json.loads(workbench("list", "since=2026-11-22", "--json").out) == []


def test_what_was_left_out_is_said_beside_the_list(store: Path, workbench: Callable) -> None:
    said = workbench("list", "--limit", 3)
    assert (said.code, len(said.out.splitlines())) == (0, 4)
    assert said.err == "3 of 4 are shown; --limit 0 shows all.\n"
    assert len(workbench("list", "--limit", 0).out.splitlines()) == 5
    assert len(json.loads(workbench("list", "--limit", 3, "--json").out)) == 3


def test_a_hundred_are_shown_and_json_tells_all(store: Path, workbench: Callable) -> None:
    for number in range(101):
        make(store, number % 60, f"many-{number}")
    said = workbench("list", "many-*")
    assert len(said.out.splitlines()) == 101
    assert said.err == "100 of 101 are shown; --limit 0 shows all.\n"
    assert len(json.loads(workbench("list", "many-*", "--json").out)) == 101


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["score>high"], "The filter 'score>high' compares a number with 'high'. Write a number: 'score>0.8'."),
        (["scroe>0.8"], "There is no filter 'scroe'. Did you mean 'score'?"),
        (["author>ada"], "asks which text is larger"),
        (["score"], "Write it in quotes, 'score>0.8': otherwise the shell takes > and writes a file of what follows."),
        (["roc_auc"], "The filter 'roc_auc' compares nothing."),
        (["churn", "shop"], "'churn' and 'shop' are two names: give one, such as 'farm-*' for several."),
        (["--status", "failed"], "A filter is a word of its own: status=…, without --."),
        (["churn", "--since=7d"], "A filter is a word of its own: since=…, without --."),
        (["--sort", "best"], "'best' is not one of 'started', 'score', 'seconds'"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(
    store: Path, workbench: Callable, words: list[str], said: str
) -> None:
    refused = workbench("list", *words)
    assert (refused.code, refused.out) == (2, "")
    assert said in refused.err
    assert len(refused.err.splitlines()) == 1


def test_nothing_found_is_told_from_nothing_there(store: Path, workbench: Callable) -> None:
    assert "matches chrun. See all with: workbench list" in rows(workbench("list", "chrun"))[0]
    assert "Make one with: workbench demo" in rows(workbench("list", "--store", "elsewhere"))[0]


def test_tags_and_notes_are_put_on_shown_found_and_taken_off(store: Path, workbench: Callable) -> None:
    ref = make(store, 9)
    assert workbench("tag", "churn", "baseline", "checked").out == "churn: baseline checked\n"
    assert workbench("note", "churn", "Looks good.", "The new column helps.").code == 0
    assert "tags" in rows(workbench("list"))[0].split()
    (listed,) = json.loads(workbench("list", "tag=baseline", "--json").out)
    assert (listed["ref"], listed["tags"]) == (ref, ["baseline", "checked"])
    shown = workbench("show", "churn").out
    assert "tags: baseline checked" in shown
    assert "Looks good. The new column helps." in shown
    document = json.loads(workbench("show", "churn", "--json").out)
    assert [(one["kind"], one["text"]) for one in document["notes"]][:2] == [("tag", "baseline"), ("tag", "checked")]
    assert document["notes"][2].keys() == {"id", "kind", "text", "author", "at"}
    assert document["notes"][2]["at"].endswith("+00:00")
    assert json.loads(workbench("tag", "churn", "baseline", "--remove", "--json").out) == {"tags": ["checked"]}
    assert "tags: checked" in workbench("show", "churn").out
    again = workbench("tag", "churn", "baseline", "--remove")
    assert again.code == 2
    assert "no tag of churn@20261121T180900Z-00000009 'baseline'. Known: checked." in again.err


def test_a_tag_that_it_bears_is_not_said_twice(store: Path, workbench: Callable) -> None:
    for _ in range(2):
        assert workbench("tag", "churn", "a", "a").code == 0
    assert len(json.loads(workbench("show", "churn", "--json").out)["notes"]) == 1


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["tag", "churn", "two words"], "The note 'two words' is no tag. A tag is one word"),
        (["note", "churn", " "], "is empty"),
        (["note", "chrun", "hello"], "Did you mean 'churn'?"),
        (["note", "{outside}", "hello"], "is not in the store"),
    ],
)
def test_what_cannot_be_noted_is_refused_and_nothing_is_kept(
    store: Path, workbench: Callable, tmp_path: Path, command: list[str], said: str
) -> None:
    outside = make(tmp_path / "other", 8).partition("@")[2]
    refused = workbench(*(word.format(outside=tmp_path / "other/experiments/churn" / outside) for word in command))
    assert (refused.code, refused.out) == (2, "")
    assert said in refused.err
    assert not (store / "notes").exists()


def test_what_others_wrote_cannot_drive_the_terminal(store: Path, workbench: Callable) -> None:
    make(store, 9, "odd", template="\x1b]0;owned\x07", labels={"k\x1b[2J": "\u202eevil"}, author="\x1b[31m")
    workbench("note", "odd", "one\x1b[2J\ntwo")
    for command in (["list"], ["show", "odd"]):
        said = workbench(*command)
        assert said.code == 0
        assert not set("\x1b\x07\u202e") & set(said.out)
    assert "    two" in said.out.splitlines()


def test_a_damaged_note_is_named(store: Path, workbench: Callable) -> None:
    workbench("tag", "churn", "baseline")
    (note,) = (store / "notes" / "churn").rglob("*.json")
    note.write_text("{")
    assert f"! the note {note.name} is no note: it is damaged" in workbench("show", "churn").out
    assert set(json.loads(workbench("show", "churn", "--json").out)["damaged_notes"]) == {note.name}


def documents(*labels: dict[str, str], tags: list[str] | None = None) -> list[dict[str, Any]]:
    told = {"kind": "run", "status": "completed", "template": "classification", "started": "2026-11-21T18:00:00+00:00"}
    ref = "customers@20261121T180000Z-1f3ac09e"
    scores = {"metric": "roc_auc", "scores": {"roc_auc": SCORE}}
    return [{"ref": ref, **told, **scores, "seconds": 61, "labels": one, "tags": tags or []} for one in labels]


@pytest.mark.parametrize("width", [60, 80, 100, 140, 160])
def test_no_line_is_wider_than_the_terminal_and_the_reference_stays_whole(width: int) -> None:
    told = documents({"farm": "17", "site": "north of the river " * 3}, {"farm": "18"}, tags=["baseline"])
    lines = laid_out(told, width).splitlines()
    assert max(map(len, (click.unstyle(line) for line in lines))) <= width
    assert all(line.startswith("customers@1f3ac09e") for line in lines[1:])
    assert ("labels" in lines[0]) == (width >= 100)
    assert ("95 % interval" in lines[0]) == (width >= 140)
    assert "roc_auc 0.8471" in lines[1]


def test_wide_letters_are_counted_as_wide() -> None:
    first, second = laid_out(documents({"農場": "北" * 60}, {"x": "y"}), 120).splitlines()[1:]
    assert cell_len(first) <= 120 < 2 * len(first)
    assert first.endswith("…")
    assert second.endswith("x=y")


def test_a_reader_that_goes_away_hears_nothing_more(store: Path) -> None:
    for number in range(40):
        make(store, number, f"many-{number}", labels={"long": "x" * 4000})
    command = f"'{sys.executable}' -m workbench list --limit 0 --store '{store}' | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("experiment")
    assert done.stderr == ""


def test_a_terminal_is_filled_as_wide_as_it_is(store: Path) -> None:
    """A real terminal of eighty columns."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "COLUMNS": "80", "TERM": "xterm"}
    command = [sys.executable, "-m", "workbench", "list", "--store", str(store)]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, stdin=theirs, env=env) as process:
        process.wait()
    os.close(theirs)
    said = os.read(ours, 100_000).decode()
    os.close(ours)
    lines = [click.unstyle(line) for line in said.splitlines()]
    assert said.startswith("\x1b[1mexperiment")
    assert len(lines) == 5
    assert 60 < max(map(len, lines)) <= 80
