"""A copy without its data says what was left out, and is good for all that needs no data."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from workbench import workflow
from workbench.documents.experiment import write_manifest
from workbench.errors import BadArtifact, BadReference, WorkbenchError
from workbench.experiment import Experiment, Store, export, import_, load, objects, resolve, verify, without_data

KEPT = {
    *("manifest.json", "ro-crate-metadata.json", "sbom.cdx.json", "template.ipynb", "parameters.json"),
    *("parameters.schema.json", "scores.json", "leaderboard.csv", "importance.csv", "trials.jsonl", "checks.json"),
    *("task.json", "data/schema.json", "data/profile.json", "data/croissant.json"),
    *("environment/python.json", "environment/requirements.lock", "environment/workbench.json"),
}


@pytest.fixture
def kept(keep: Callable[..., Experiment], store: Store) -> Experiment:
    entry = {"role": "data", "name": "customers.csv", "parameter": "data", **objects.keep_bytes(store, b"rows")}
    return keep(1, outputs={"secret name.csv": "1"}, objects=[entry])


@pytest.fixture
def bare(kept: Experiment, tmp_path: Path) -> Experiment:
    return without_data(kept, tmp_path / "bare")


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def read(experiment: Experiment, name: str) -> dict[str, Any]:
    return json.loads((experiment.path / name).read_text())


def test_only_what_is_known_to_hold_no_values_travels(kept: Experiment, bare: Experiment) -> None:
    assert files(bare.path) <= KEPT
    assert files(bare.path) >= KEPT - {"data/croissant.json"}
    assert verify(bare) == []
    assert bare.scores() == kept.scores()
    assert bare.reference == kept.reference
    assert bare.manifest["whole"] == kept.manifest["digest"]
    assert bare.manifest["objects"] == []


def test_what_was_left_out_is_told_with_the_reason_and_no_name_from_the_notebook(bare: Experiment) -> None:
    left_out = bare.manifest["left_out"]
    assert {"model/", "outputs/", "objects/", "predictions.parquet", "notebook.ipynb", "report.html"} <= set(left_out)
    assert all(left_out.values())
    assert "secret name" not in json.dumps(bare.manifest)
    crate = (bare.path / "ro-crate-metadata.json").read_text()
    assert "predictions.parquet (it holds what was true of every row)" in crate


def test_the_profile_tells_kinds_and_shares_and_no_values(
    run: Callable[..., Any], store: Store, tmp_path: Path
) -> None:
    from workbench.experiment import capture

    folder = run(2)
    columns = {
        "town": {"kind": "category", "missing": 0.25, "values": {"Ulm": 3, "Bonn": 1}, "other": 0},
        "amount": {"kind": "number", "missing": 0.0, "edges": [1.5, 2.5], "counts": [4]},
    }
    (folder.outbox / "data" / "profile.json").write_text(json.dumps({"format": 0, "rows": 4, "columns": columns}))
    told = read(without_data(capture(folder, store), tmp_path / "bare"), "data/profile.json")["columns"]
    assert told == {
        "town": {"kind": "category", "missing": 0.25, "levels": 2},
        "amount": {"kind": "number", "missing": 0.0},
    }


def test_what_was_asked_of_a_database_is_cut_off(keep: Callable[..., Experiment], tmp_path: Path) -> None:
    asked = "postgresql://db.example/shop#select * from people where name = 'Ada'"
    told = read(without_data(keep(3, parameters={"data": asked}), tmp_path / "bare"), "parameters.json")
    assert told["parameters"]["data"] == {"value": "postgresql://db.example/shop", "source": "-p"}


def test_a_template_that_was_saved_with_outputs_travels_without_them(
    run: Callable[..., Any], store: Store, tmp_path: Path
) -> None:
    from workbench.experiment import capture

    folder = run(4)
    notebook = nbformat.read(folder.template, as_version=4)
    notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", text="Ada Lovelace")]
    notebook.cells[0].attachments = {"a.png": {"image/png": "QWRh"}}
    notebook.metadata.widgets = {"state": "Ada"}
    nbformat.write(notebook, folder.template)
    copy = without_data(capture(folder, store), tmp_path / "bare")
    text = copy.template.read_text()
    assert "Ada" not in text
    assert "QWRh" not in text
    assert "wb.read_table(data)" in text


def test_a_failed_run_tells_that_it_failed_and_not_in_what_words(
    keep: Callable[..., Experiment], tmp_path: Path
) -> None:
    failed = keep(5, status="failed", reason="'Ada' is no number")
    copy = without_data(failed, tmp_path / "bare")
    assert copy.status == "failed"
    assert "Ada" not in "".join((copy.path / name).read_text() for name in files(copy.path))


def test_documents_that_were_cut_off_are_left_out(run: Callable[..., Any], store: Store, tmp_path: Path) -> None:
    from workbench.experiment import capture

    folder = run(6, status="killed", reason="the kernel died")
    (folder.outbox / "checks.json").write_text('{"checks": [{"name": "odd", "message": "Ada')
    copy = without_data(capture(folder, store), tmp_path / "bare")
    assert not (copy.path / "checks.json").exists()
    assert "other files" in copy.manifest["left_out"]
    assert verify(copy) == []


def test_the_same_experiment_gives_the_same_copy(kept: Experiment, bare: Experiment, tmp_path: Path) -> None:
    again = export(without_data(kept, tmp_path / "again"), tmp_path / "again.zip")
    assert export(bare, tmp_path / "bare.zip").read_bytes() == again.read_bytes()
    assert without_data(bare, tmp_path / "third") is bare


def test_a_copy_is_there_already_where_the_whole_one_is(kept: Experiment, bare: Experiment, tmp_path: Path) -> None:
    zipped, store = export(bare, tmp_path / "bare.zip"), objects.home(kept.path)
    done = import_(zipped, store)
    assert not done.new
    assert done.experiment.manifest == kept.manifest


def test_the_whole_one_does_not_replace_a_copy(kept: Experiment, bare: Experiment, tmp_path: Path) -> None:
    there = Store(tmp_path / "there")
    import_(export(bare, tmp_path / "bare.zip"), there)
    with pytest.raises(BadArtifact, match=r"a copy without its data\. Remove .* first, then import it again"):
        import_(export(kept, tmp_path / "whole.zip"), there)


@pytest.mark.parametrize(("ask", "lost"), [(workflow.report, "its report"), (workflow.reproduce, "its table")])
def test_a_copy_says_why_it_has_no_report_and_is_not_made_again(
    bare: Experiment, tmp_path: Path, ask: Callable[..., Any], lost: str
) -> None:
    zipped = export(bare, tmp_path / "bare.zip")
    with pytest.raises(BadReference, match=f"is a copy without its data, and {lost} was left out with them"):
        ask(str(zipped), store=tmp_path / "there")


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_a_copy_that_is_shared_brings_a_page_of_what_it_tells(
    keep: Callable[..., Experiment], store: Store, tmp_path: Path, status: str
) -> None:
    kept = keep(1, status=status, reason="" if status == "completed" else "Ms Smith of Ulm")
    first, second = (
        workflow.export(str(kept.reference), tmp_path / name, without_data=True, store=store.path).read_bytes()
        for name in ("first.zip", "second.zip")
    )
    assert first == second
    with zipfile.ZipFile(tmp_path / "first.zip") as packed:
        crate = json.loads(packed.read("ro-crate-metadata.json"))
    (about,) = (one["description"] for one in crate["@graph"] if one["@id"] == "report.html")
    assert "notebook" not in about  # that was left out
    page = workflow.report(str(tmp_path / "first.zip"), store=tmp_path / "there").read_text()
    assert "Without the data" in page
    assert kept.short in page
    assert "Ms Smith" not in page
    assert "is constant" not in page  # what a check says may quote values


def test_the_page_of_a_copy_tells_the_parameters_that_stand_in_the_copy(
    keep: Callable[..., Experiment], store: Store, tmp_path: Path
) -> None:
    asked = "postgresql://db.example/shop#select * from people where name = 'Ada'"
    keep(1, parameters={"metric": "roc_auc", "positive": "leaves soon", "data": asked})
    workflow.export("churn", tmp_path / "bare.zip", without_data=True, store=store.path)
    page = workflow.report(str(tmp_path / "bare.zip"), store=tmp_path / "there").read_text()
    shown = re.sub(r"<[^>]*>|\s+", " ", page)
    assert re.search(r"metric +roc_auc", shown)
    assert "leaves soon" in shown
    assert "not told" not in shown
    assert "Ada" not in shown


def test_odd_documents_of_strangers_keep_no_copy_from_being_shared(
    run: Callable[..., Any], store: Store, tmp_path: Path
) -> None:
    from workbench.experiment import capture

    folder = run(1)
    checks = [{"name": 1, "columns": [1, None], "level": "warn", "message": ""}]
    (folder.outbox / "checks.json").write_text(json.dumps({"format": 1, "checks": checks}))
    capture(folder, store)
    workflow.export("churn", tmp_path / "bare.zip", without_data=True, store=store.path)
    assert workflow.report(str(tmp_path / "bare.zip"), store=tmp_path / "there").is_file()


def test_copies_are_compared_by_their_scores(keep: Callable[..., Experiment], tmp_path: Path) -> None:
    there = tmp_path / "there"
    for number, skill in ((7, 3.0), (8, 0.5)):
        copy = without_data(keep(number, skill=skill), tmp_path / f"bare {number}")
        import_(export(copy, tmp_path / f"{number}.zip"), Store(there))
    names = [str(one.reference) for one in workflow.experiments(store=there)]
    compared = workflow.compare(*names, store=there).as_document()
    assert names[1] in json.dumps(compared)
    assert str(resolve(names[1], Store(there)).scores()["roc_auc"].value)[:6] in json.dumps(compared)


@pytest.mark.parametrize("status", ["running", "changed"])
def test_what_cannot_be_exported_cannot_be_copied(
    kept: Experiment, run: Callable[..., Any], store: Store, tmp_path: Path, status: str
) -> None:
    if status == "running":
        run(9, status="running")
        kept = next(one for one in workflow.experiments(store=store.path) if one.status == "running")
    else:
        (kept.path / "scores.json").write_text("{}")
    with pytest.raises((BadReference, BadArtifact)):
        without_data(kept, tmp_path / "bare")
    assert not (tmp_path / "bare").exists()


def test_changes_are_not_asked_for_without_data(kept: Experiment, store: Store, tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="take it along, or leave them out"):
        workflow.export(str(kept.reference), tmp_path / "x.zip", with_changes=True, without_data=True, store=store.path)


def test_the_zip_of_a_copy_holds_no_objects(kept: Experiment, store: Store, tmp_path: Path) -> None:
    file = workflow.export(str(kept.reference), tmp_path / "bare.zip", without_data=True, store=store.path)
    with zipfile.ZipFile(file) as packed:
        assert not [name for name in packed.namelist() if name.startswith("objects/")]


def test_a_stranger_s_copy_is_judged_like_any_experiment(bare: Experiment, tmp_path: Path) -> None:
    write_manifest(bare.path, {**bare.manifest, "files": bare.manifest["files"][1:]})
    with pytest.raises(BadArtifact, match="is not what was kept"):
        export(load(bare.path), tmp_path / "forged.zip")


def test_show_says_what_is_kept_and_what_was_left_out(
    kept: Experiment, bare: Experiment, store: Store, tmp_path: Path, workbench: Callable[..., Any]
) -> None:
    ask = ("show", kept.reference, "--store")
    assert re.search(r"^data: customers\.csv, .*, kept$", workbench(*ask, store.path).out, re.MULTILINE)
    shutil.rmtree(store.path / "objects")
    assert re.search(r"^data: customers\.csv, .*, not kept here$", workbench(*ask, store.path).out, re.MULTILINE)
    import_(export(bare, tmp_path / "bare.zip"), Store(tmp_path / "there"))
    assert "left out: events.jsonl, model/, notebook.ipynb, objects/" in workbench(*ask, tmp_path / "there").out
