"""`workbench verify`: of a reference, a folder or a zip, every file that is not what was kept is named."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.experiment import Experiment, Store, export, export_batch, objects

TABLE = b"tenure,Churn\n1,Yes\n"


@pytest.fixture
def kept(store: Store, keep: Callable[..., Experiment]) -> Experiment:
    """An experiment that names two objects: its table, and changes that were not exported."""
    table = {"role": "data", "name": "customers.csv", "parameter": "data", **objects.keep_bytes(store, TABLE)}
    gone = {"role": "changes", "name": "changes.diff", "digest": f"sha256:{'0' * 64}", "size": 7}
    return keep(1, outputs={"a b.csv": "1"}, objects=[table, gone])


@pytest.fixture
def verify(workbench: Callable[..., Any], store: Store) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Type the command; give its exit code and its document."""

    def typed(ref: object) -> tuple[int, dict[str, Any]]:
        said = workbench("verify", ref, "--store", store.path, "--json")
        return said.code, json.loads(said.out)

    return typed


def table_of(store: Store, experiment: Experiment) -> Path:
    return objects.place(store, experiment.manifest["objects"][0]["digest"])


def test_what_is_whole_is_called_whole_and_absent_objects_are_a_note(kept, verify):
    code, found = verify("churn")
    assert code == 0
    assert (found["ref"], found["whole"], found["problems"]) == (str(kept.reference), True, [])
    assert found["files"] == len(kept.manifest["files"])
    (note,) = found["notes"]
    assert note.startswith("changes.diff (the object sha256:000000000000…) is not in the store")


def test_everything_that_is_wrong_is_named_at_once(kept, store, verify):
    (kept.path / "extra.py").write_text("import os")
    (kept.path / "checks.json").unlink()
    (kept.path / "scores.json").write_bytes((kept.path / "scores.json").read_bytes().replace(b"0.", b"1.", 1))
    os.truncate(kept.path / "model" / "model.skops", 10)
    table = table_of(store, kept)
    table.chmod(0o644)
    table.write_bytes(TABLE.replace(b"Yes", b"No!"))
    code, found = verify(kept.path)
    assert code == 3
    assert found["problems"] == [
        "checks.json is missing",
        "extra.py is extra",
        "model/model.skops was cut short: 10 of 2,048 bytes",
        "scores.json was changed",
        f"customers.csv (the object {kept.manifest['objects'][0]['digest'][:19]}…) was changed",
    ]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: (path.chmod(0o644), os.truncate(path, 3)), f"was cut short: 3 of {len(TABLE)} bytes"),
        (lambda path: (path.unlink(), path.symlink_to("/etc/passwd")), "is not a regular file"),
        (lambda path: (path.unlink(), path.mkdir()), "is not a regular file"),
    ],
    ids=["cut short", "a link", "a folder"],
)
def test_an_object_that_is_not_what_its_name_says_is_a_problem(kept, store, verify, damage, said):
    damage(table_of(store, kept))
    code, found = verify("churn")
    assert code == 3
    assert found["problems"][0].startswith("customers.csv (the object sha256:")
    assert found["problems"][0].endswith(said)


@pytest.mark.parametrize("content", [None, b"", b"{", b'"text"', b'{"format": 99}'])
def test_a_damaged_manifest_is_a_problem_not_a_refusal(kept, verify, content):
    file = kept.path / "manifest.json"
    file.unlink() if content is None else file.write_bytes(content)
    code, found = verify(str(kept.reference))
    assert code == 3
    assert len(found["problems"]) == 1
    assert "manifest.json" in found["problems"][0]


def test_what_names_nothing_is_refused(verify, workbench, store, tmp_path):
    for ref in ("nothing", tmp_path / "no.zip", tmp_path):
        said = workbench("verify", ref, "--store", store.path)
        assert (said.code, said.out) == (2, ""), ref
        assert said.err.count("\n") == 1


def test_what_the_store_holds_comes_before_a_file_of_that_name(kept, verify, workbench, store, tmp_path, monkeypatch):
    (tmp_path / "churn").write_text("my notes")
    monkeypatch.chdir(tmp_path)
    assert verify("churn")[1]["ref"] == str(kept.reference)
    assert workbench("verify", "x" * 300, "--store", store.path).code == 2


def test_a_folder_copied_elsewhere_is_verified_where_it_lies(kept, verify, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(kept.path, copy)
    assert verify(copy)[0] == 0
    (copy / "outputs" / "a b.csv").write_text("2")
    assert verify(copy)[1]["problems"] == ["outputs/a b.csv was changed"]
    assert verify("churn")[0] == 0


def rewritten(file: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Write a zip anew with its members changed."""
    with zipfile.ZipFile(file) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    change(members)
    with zipfile.ZipFile(file, "w") as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return file


def test_a_zip_is_verified_where_it_lies_and_nothing_of_it_is_taken_over(kept, verify, store, tmp_path, snapshot):
    file = export(kept, tmp_path / "churn.zip")
    before = snapshot(store.path)
    code, found = verify(file)
    assert (code, found["whole"], found["ref"]) == (0, True, str(kept.reference))

    def change(members):
        members["extra.py"] = b"import os"
        members["scores.json"] = members["scores.json"][:-1]
        members["task.json"] = members["task.json"].replace(b"Churn", b"Chore")
        del members["checks.json"]
        del members["trials.jsonl"]
        members["another.py"] = members["a third.py"] = b""

    code, found = verify(rewritten(file, change))
    assert code == 3
    assert [problem.partition(" ")[2].partition(":")[0] for problem in found["problems"]] == [
        "third.py is extra",
        "is extra",
        "is missing",
        "is extra",
        "was cut short",
        "was changed",
        "is missing",
    ]
    assert snapshot(store.path) == before


def test_an_object_that_did_not_travel_in_a_zip_is_a_note(kept, keep, store, verify, tmp_path):
    code, found = verify(export(kept, tmp_path / "churn.zip"))
    (note,) = found["notes"]
    assert code == 0
    assert note.startswith("changes.diff (the object sha256:000000000000…) is not in the zip")
    _, bare = verify(export(kept, tmp_path / "bare.zip", roles=()))
    assert [note.split()[0] for note in bare["notes"]] == ["customers.csv", "changes.diff"]


def test_a_zip_that_is_cut_short_is_a_problem(kept, verify, tmp_path):
    file = export(kept, tmp_path / "churn.zip")
    os.truncate(file, 1000)
    code, found = verify(file)
    assert code == 3
    assert "is not a zip file, or was cut short" in found["problems"][0]


def test_of_a_batch_s_zip_the_runs_are_verified_too(kept, keep, store, verify, tmp_path):
    from workbench.documents.experiment import write_manifest

    gone = {"role": "data", "name": "customers.csv", "digest": f"sha256:{'1' * 64}", "size": 7}
    run = keep(2, name="farm", objects=[gone])
    manifest = {**kept.manifest, "kind": "batch", "children": [str(run.reference)], "objects": []}
    write_manifest(kept.path, manifest)
    batch = Experiment(kept.reference, kept.path, manifest)
    file = export_batch(batch, [run], tmp_path / "farms.zip")
    code, found = verify(file)
    assert (code, [note.split()[0] for note in found["notes"]]) == (0, ["customers.csv"])
    member = f"runs/{run.reference}.zip"

    def change(members):
        inner = tmp_path / "inner.zip"
        inner.write_bytes(members[member])
        rewritten(inner, lambda ours: ours.update({"scores.json": b"{}"}))
        members[member] = inner.read_bytes()

    code, found = verify(rewritten(file, change))
    assert code == 3
    assert len(found["problems"]) == 1
    assert found["problems"][0].startswith(f"{member}: scores.json was cut short")
    assert verify(rewritten(file, lambda members: members.pop(member)))[1]["problems"] == [f"{member} is missing"]
    stranger = f"runs/{'stranger@20261121T000000Z-00000000'}.zip"
    put = lambda members: members.update({stranger: io.BytesIO().getvalue()})  # noqa: E731
    assert f"{stranger} is extra" in verify(rewritten(file, put))[1]["problems"]


def test_the_command_tells_people_what_it_found(kept, store, workbench):
    said = workbench("verify", "churn", "--store", store.path)
    assert said.code == 0
    assert said.out.splitlines()[-1] == f"{kept.reference}: whole, {len(kept.manifest['files'])} files"
    (kept.path / "bell\x07.txt").write_text("")
    said = workbench("verify", "churn", "--store", store.path)
    assert said.code == 3
    assert "✗ bell\N{REPLACEMENT CHARACTER}.txt is extra" in said.out
    assert said.out.endswith("1 problem found\n")
