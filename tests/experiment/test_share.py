"""Sharing: one file out, one file in, and every byte the same or a name for the one that is not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from workbench import workflow
from workbench.documents.experiment import read_manifest, write_manifest
from workbench.errors import BadArtifact, BadReference
from workbench.experiment import Store, experiments, export, import_, load, objects, resolve, verify


@pytest.fixture
def kept(keep):
    return keep(1, outputs={"my files/a b.csv": "1", "größe €.txt": "2"})


@pytest.fixture
def zipped(kept, tmp_path):
    return export(kept, tmp_path / "churn.zip")


@pytest.fixture
def elsewhere(tmp_path) -> Store:
    return Store(tmp_path / "elsewhere")


def test_an_export_imports_as_the_same_experiment(kept, zipped, elsewhere, snapshot):
    done = import_(zipped, elsewhere)
    assert done.new
    assert done.experiment.path == elsewhere.experiments / "churn" / kept.version
    assert snapshot(done.experiment.path) == snapshot(kept.path)
    assert verify(done.experiment) == []
    assert resolve("churn", elsewhere).manifest == kept.manifest
    assert list(elsewhere.running.iterdir()) == []


def test_a_failed_run_travels_too(keep, tmp_path, elsewhere):
    failed = keep(2, status="failed", reason="no")
    assert import_(export(failed, tmp_path / "failed.zip"), elsewhere).experiment.status == "failed"


def test_the_same_experiment_exports_to_the_same_bytes(kept, zipped, tmp_path):
    os.utime(kept.path / "scores.json", (1, 1))
    assert export(kept, tmp_path / "again.zip").read_bytes() == zipped.read_bytes()


def test_an_export_does_not_replace_a_file(kept, zipped):
    zipped.write_text("mine")
    with pytest.raises(BadArtifact, match="exists already"):
        export(kept, zipped)
    assert zipped.read_text() == "mine"


def test_an_export_writes_to_no_link_and_to_no_name_that_is_too_long(kept, tmp_path):
    (tmp_path / "link.zip").symlink_to(tmp_path / "nowhere.zip")
    with pytest.raises(BadArtifact, match="exists already"):
        export(kept, tmp_path / "link.zip")
    with pytest.raises(BadArtifact, match="cannot be written: File name too long"):
        export(kept, tmp_path / ("x" * 300))


def test_an_export_leaves_the_experiment_as_it_is(kept, tmp_path):
    (tmp_path / "link").symlink_to(kept.path)
    for folder in (kept.path, kept.path / "outputs", tmp_path / "link"):
        with pytest.raises(BadArtifact, match="lies in the experiment, which never changes"):
            export(kept, folder / "churn.zip")
    assert verify(kept) == []


def test_an_export_into_a_folder_that_is_not_there_is_refused(kept, tmp_path):
    with pytest.raises(BadArtifact, match="cannot be written: No such file or directory"):
        export(kept, tmp_path / "no" / "churn.zip")


def test_what_no_import_would_take_is_not_exported(kept, tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.experiment.sharing.archive.MOST_FILES", 5)
    with pytest.raises(BadArtifact, match=r"cannot be shared as one file: it lists more than 5 files"):
        export(kept, tmp_path / "churn.zip")
    assert not (tmp_path / "churn.zip").exists()


def test_a_run_under_way_is_not_exported(run, store, tmp_path):
    run(3, status="running")
    with pytest.raises(BadReference, match="is still running"):
        export(experiments(store)[0], tmp_path / "churn.zip")


def test_a_second_import_says_that_it_is_there_already(zipped, elsewhere, snapshot):
    import_(zipped, elsewhere)
    before = snapshot(elsewhere.path)
    again = import_(zipped, elsewhere)
    assert not again.new
    assert snapshot(elsewhere.path) == before


def test_another_experiment_under_the_same_reference_is_refused(kept, zipped, elsewhere, snapshot, tmp_path):
    import_(zipped, elsewhere)
    before = snapshot(elsewhere.path)
    write_manifest(kept.path, {**kept.manifest, "author": "someone else"})
    forged = export(load(kept.path), tmp_path / "forged.zip")
    with pytest.raises(BadArtifact, match="the store holds another experiment"):
        import_(forged, elsewhere)
    assert snapshot(elsewhere.path) == before


def change(kept):
    (kept.path / "scores.json").write_text((kept.path / "scores.json").read_text().replace("0.9", "0.8", 1))
    return ["scores.json was changed"]


def truncate(kept):
    with (kept.path / "model" / "model.skops").open("r+b") as file:
        file.truncate(10)
    return ["model/model.skops was cut short: 10 of 2,048 bytes"]


def remove(kept):
    (kept.path / "notebook.ipynb").unlink()
    return ["notebook.ipynb is missing"]


def add(kept):
    (kept.path / "model" / "extra.py").write_text("import os")
    return ["model/extra.py is extra"]


def link(kept):
    (kept.path / "passwd").symlink_to("/etc/passwd")
    return ["passwd is not a regular file"]


def replace_by_pipe(kept):
    (kept.path / "report.html").unlink()
    os.mkfifo(kept.path / "report.html")
    return ["report.html is missing", "report.html is not a regular file"]


def edit_manifest(kept):
    text = (kept.path / "manifest.json").read_text()
    (kept.path / "manifest.json").write_text(text.replace('"author": "ada"', '"author": "eve"'))
    return ["manifest.json was changed"]


def edit_everything(kept):
    return [*change(kept), *remove(kept), *add(kept)]


@pytest.mark.parametrize(
    "damage", [change, truncate, remove, add, link, replace_by_pipe, edit_manifest, edit_everything]
)
def test_verify_names_every_file_that_is_not_what_was_kept(kept, damage, tmp_path):
    assert verify(kept) == []
    said = damage(kept)
    assert verify(kept) == sorted(said)
    with pytest.raises(BadArtifact, match="is not what was kept"):
        export(kept, tmp_path / "damaged.zip")
    assert not (tmp_path / "damaged.zip").exists()


def test_an_experiment_moved_to_another_reference_does_not_verify(kept, store):
    kept.path.rename(kept.path.with_name("20261121T000001Z-ffffffff"))
    moved = experiments(store)[0]
    assert verify(moved) == [f"it was kept as {kept.reference}"]


def test_imports_of_one_file_at_once_agree_on_one_experiment(zipped, elsewhere):
    script = (
        "import sys; from pathlib import Path; from workbench.experiment import Store, import_;"
        "print(import_(Path(sys.argv[1]), Store(Path(sys.argv[2]))).new)"
    )
    words = [sys.executable, "-c", script, zipped, elsewhere.path]
    racing = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert sorted(process.communicate(timeout=60)[0] for process in racing) == ["False\n"] * 3 + ["True\n"]
    assert [problem for one in experiments(elsewhere) for problem in verify(one)] == []
    assert list(elsewhere.running.iterdir()) == []


def test_the_manifest_is_read_from_the_folder_when_verifying(kept):
    write_manifest(kept.path, {**read_manifest(kept.path), "files": kept.manifest["files"][1:]})
    assert verify(kept) == [f"{kept.manifest['files'][0]['name']} is extra"]


@pytest.fixture
def with_objects(keep, store):
    table, changes = objects.keep_bytes(store, b"a,b\n1,2\n"), objects.keep_bytes(store, b"# Not tracked: x.py\n")
    data = {"role": "data", "name": "customers.csv", "parameter": "data", **table}
    return keep(21, objects=[data, {"role": "changes", "name": "changes.diff", **changes}])


def packed_objects(file):
    with zipfile.ZipFile(file) as packed:
        return {name: packed.read(name) for name in packed.namelist() if name.startswith("objects/")}


def test_the_table_a_run_was_given_goes_along_and_its_changes_do_not(with_objects, tmp_path, elsewhere, snapshot):
    zipped = export(with_objects, tmp_path / "churn.zip")
    data, changes = with_objects.manifest["objects"]
    assert packed_objects(zipped) == {f"objects/{data['digest'].replace(':', '/')}": b"a,b\n1,2\n"}
    done = import_(zipped, elsewhere)
    assert snapshot(done.experiment.path) == snapshot(with_objects.path)
    assert objects.place(elsewhere, data["digest"]).read_bytes() == b"a,b\n1,2\n"
    assert objects.missing(elsewhere, done.experiment.manifest) == [changes]
    assert list(elsewhere.running.iterdir()) == []


def test_changes_go_along_when_they_are_asked_for(with_objects, tmp_path, elsewhere):
    zipped = workflow.export(
        str(with_objects.reference),
        tmp_path / "churn.zip",
        with_changes=True,
        store=objects.home(with_objects.path).path,
    )
    assert objects.missing(elsewhere, import_(zipped, elsewhere).experiment.manifest) == []


def test_an_object_that_is_not_there_does_not_hinder(with_objects, tmp_path, elsewhere):
    shutil.rmtree(objects.home(with_objects.path).path / "objects")
    done = import_(export(with_objects, tmp_path / "churn.zip"), elsewhere)
    assert len(objects.missing(elsewhere, done.experiment.manifest)) == 2
    assert verify(done.experiment) == []


def test_an_object_that_was_missing_comes_with_a_second_import(with_objects, tmp_path, elsewhere):
    import_(export(with_objects, tmp_path / "bare.zip", roles=()), elsewhere)
    again = import_(export(with_objects, tmp_path / "full.zip"), elsewhere)
    assert not again.new
    assert [one["role"] for one in objects.missing(elsewhere, again.experiment.manifest)] == ["changes"]


def test_a_damaged_object_is_not_exported(with_objects, tmp_path):
    path = objects.place(objects.home(with_objects.path), with_objects.manifest["objects"][0]["digest"])
    path.chmod(0o644)
    path.write_bytes(b"a,b\n1,3\n")
    with pytest.raises(BadArtifact, match=r"is not what was kept: customers\.csv \(the object .*\) was changed"):
        export(with_objects, tmp_path / "churn.zip")
    assert not (tmp_path / "churn.zip").exists()


def repacked(file, target, change):
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            copy.writestr(*change(name, source.read(name)))
        copy.writestr(*change("objects/sha256/" + "0" * 64, b""))
    return target


def change_object(name, data):
    return name, b"a,b\n9,9\n" if name.startswith("objects/") and data else data


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda name, data: (name, data), f"objects/sha256/{'0' * 64} is extra"),
        (lambda name, data: (name if data else "report.txt", data), "report.txt is extra"),
        (change_object, "objects/sha256/.* was changed"),
        (lambda name, data: (name.replace("sha256/", "sha256/../"), data), "a part of its name"),
    ],
)
def test_an_object_that_is_not_what_it_says_is_refused_and_nothing_kept(
    with_objects, tmp_path, elsewhere, change, said
):
    zipped = repacked(export(with_objects, tmp_path / "churn.zip"), tmp_path / "forged.zip", change)
    with pytest.raises(BadArtifact, match=said):
        import_(zipped, elsewhere)
    assert not elsewhere.path.exists()


def test_a_zip_that_is_a_reference_brings_its_objects(with_objects, tmp_path):
    found = resolve(str(export(with_objects, tmp_path / "churn.zip")), Store(tmp_path / "empty"))
    digest = with_objects.manifest["objects"][0]["digest"]
    assert objects.place(objects.home(found.path), digest).read_bytes() == b"a,b\n1,2\n"
    assert not (tmp_path / "empty").exists()


def test_objects_that_the_receiver_has_need_not_travel(with_objects, tmp_path):
    known = [one["digest"] for one in with_objects.manifest["objects"]]
    assert packed_objects(export(with_objects, tmp_path / "churn.zip", known=known)) == {}
