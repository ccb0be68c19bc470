"""What earlier versions wrote stays readable: a store of each frozen format, looked at with the verbs users have."""

from __future__ import annotations

import hashlib
import json
import runpy
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest

from workbench import workflow
from workbench.documents import experiment, note, outbox
from workbench.documents.bundle_manifest import read_bundle_manifest, verify_bundle
from workbench.documents.experiment import seal
from workbench.documents.files import FORMAT, READABLE, read_json
from workbench.documents.ledger import bundle_of, live, models, read_ledger
from workbench.documents.table import read_profile, read_schema
from workbench.documents.why import read_background
from workbench.errors import BadArtifact
from workbench.experiment import Experiment, Store, children, notes, objects, resolve
from workbench.records import Reference

STORES = sorted(path for path in (Path(__file__).parent / "store").glob("format-*") if path.is_dir())
OTHERS = {  # whose form is not ours: nbformat, JSON Schema, RO-Crate, Croissant, CycloneDX, MLflow
    "parameters.schema.json",
    "ro-crate-metadata.json",
    "croissant.json",
    "sbom.cdx.json",
    "input_example.json",
}


@pytest.fixture(params=STORES, ids=lambda path: path.name)
def golden(request: pytest.FixtureRequest) -> Path:
    """A store as it was checked in: nothing may be written to it."""
    return Path(request.param)


@pytest.fixture
def store(golden: Path, tmp_path: Path) -> Path:
    """A copy of it to work in."""
    return Path(shutil.copytree(golden, tmp_path / "store"))


def kept(store: Path, name: str = "churn", kind: str = "run", status: str = "completed") -> Experiment:
    """The one experiment of a kind."""
    found = [
        one for one in workflow.experiments(name, store=store) if (one.manifest["kind"], one.status) == (kind, status)
    ]
    (reference,) = (str(one.reference) for one in found)
    return resolve(reference, Store(store))


def test_there_is_a_golden_store_of_the_format_that_is_written() -> None:
    assert f"format-{FORMAT}" in [path.name for path in STORES]


def test_every_format_that_is_read_has_its_reader() -> None:
    assert set(experiment.READERS) == set(note.READERS) == set(READABLE)
    assert max(READABLE) == FORMAT


def test_the_golden_files_are_byte_for_byte_what_was_checked_in(golden: Path) -> None:
    told = (line.split("  ", 1) for line in golden.with_suffix(".sha256").read_text().splitlines())
    found = [path for path in golden.rglob("*") if path.is_file()]
    assert {path.relative_to(golden).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in found} == {
        name: mark for mark, name in told
    }


def test_every_experiment_of_it_is_listed_with_its_score_and_tags(workbench: Any, store: Path) -> None:
    said = workbench("list", "--store", store, "--json")
    assert (said.code, said.err) == (0, "")
    lines = json.loads(said.out)
    assert sorted((one["name"], one["status"]) for one in lines) == [
        ("churn", "completed"),
        ("churn", "completed"),
        ("churn", "failed"),
        ("shops", "completed"),
        ("shops", "completed"),
        ("shops", "completed"),
    ]
    (tagged,) = (one for one in lines if one["tags"])
    assert tagged["tags"] == ["baseline"]
    assert 0.85 < tagged["scores"]["roc_auc"]["value"] < 1
    found = workflow.experiments(where=["tag=baseline", "score>0.8", "template=classification"], store=store)
    assert [str(one.reference) for one in found] == [tagged["ref"]]


def test_an_experiment_of_it_is_shown_with_all_that_belongs_to_it(store: Path) -> None:
    first = kept(store)
    told = workflow.show(str(first.reference), store=store)
    assert [one["text"] for one in told["notes"] if one["kind"] == "note"] == ["The first that was good enough."]
    assert (told["author"], told["labels"], told["damaged_notes"]) == ("ada", {"farm": "17"}, {})
    assert told["git"]["remote"] == "https://example.org/shop.git"
    assert {one["role"]: one["kept"] for one in told["objects"]} == {"data": True, "changes": True}
    assert told["parameters"]["target"] == {"value": "Churn", "source": "-p"}
    assert [check["name"] for check in told["checks"]] == ["constant"]
    assert told["resources"]["cost"]["currency"] == "EUR"


def test_its_documents_are_read(store: Path) -> None:
    first = kept(store)
    assert len(first.predictions()) == first.task()["rows"] == 120
    assert [trial["family"] for trial in first.trials()] == ["linear"]
    assert list(first.leaderboard()["family"]) == ["linear", "lightgbm"]
    assert list(first.importance()["feature"]) == ["tenure", "charges"]
    assert first.environment()["packages"]["pandas"] == "2.2.3"
    assert first.workbench()["name"] == "notebook-workbench"
    assert {"tenure", "charges"} <= {column["name"] for column in first.columns()}
    assert {column.role for column in read_schema(first.path / "data" / "schema.json").columns} == {"feature", "target"}
    assert set(read_profile(first.path / "data" / "profile.json")["columns"]) >= {"tenure", "charges"}
    assert list(read_background(first.model).columns) == ["tenure", "charges"]
    assert list(read_schema(first.model / "schema.json").columns)


def test_all_of_it_is_whole(workbench: Any, store: Path) -> None:
    said = workbench("fsck", "--store", store, "--json")
    assert said.code == 0, said.out
    assert json.loads(said.out)["problems"] == []
    for one in workflow.experiments(store=store):
        assert workbench("verify", str(one.reference), "--store", store).code == 0


def test_two_of_it_are_compared_and_told_apart(store: Path) -> None:
    first, again = kept(store), kept(store, kind="reproduction")
    names = str(first.reference), str(again.reference)
    places = workflow.compare(*names, store=store).places
    assert [(place.group, place.rank) for place in places] == [(1, 1), (1, 2)]
    assert workflow.diff(*names, store=store).parameters == ()
    failed = str(kept(store, status="failed").reference)
    assert workflow.diff(names[0], failed, store=store) is not None


def test_what_came_out_equal_when_it_was_made_again_is_read(store: Path) -> None:
    again = kept(store, kind="reproduction")
    found = read_json(again.path / "reproduction.json")
    assert found["of"] == str(kept(store).reference) == again.manifest["parents"][0]
    assert found["equal"]
    assert found["predictions"]["equal"] == 120
    assert found["environment"] == {"kind": "same", "note": ""}


def test_the_runs_of_its_batch_are_read(store: Path) -> None:
    batch = kept(store, "shops", kind="batch")
    runs = read_json(batch.path / "batch.json")["runs"]
    assert [run["labels"] for run in runs] == [{"target": "Churn"}, {"target": "Left"}]
    assert [run["ref"] for run in runs] == batch.manifest["children"]
    assert [resolve(ref, Store(store)).metric for ref in children(batch)] == ["roc_auc", "roc_auc"]


def test_what_was_said_of_it_is_read_and_more_can_be_said(store: Path) -> None:
    first = kept(store)
    said = notes.read(Store(store), first.reference)
    assert [one.kind for one in said.notes] == ["note", "tag", "tag", "untag"]
    assert (said.notes[0].author, said.tags, said.damaged) == ("ada", ("baseline",), {})
    assert workflow.tag(str(first.reference), "read-again", store=store) == ["baseline", "read-again"]


def test_the_history_of_its_model_is_read_and_holds_the_bundle(store: Path) -> None:
    (model,) = models(store)
    entries = read_ledger(store, model)
    assert [entry.stage for entry in entries] == ["live", "refused"]
    assert [verdict.passed for verdict in entries[0].verdicts].count(False) == 0
    bundle = bundle_of(store, live(entries))
    assert verify_bundle(bundle) == read_bundle_manifest(bundle)
    assert read_json(bundle / "golden.json")["predictions"]["columns"]
    assert len(read_background(bundle)) == 12


def test_a_zip_of_it_is_taken_into_a_new_store(store: Path, tmp_path: Path) -> None:
    first, batch = kept(store), kept(store, "shops", kind="batch")
    for number, one in enumerate((first, batch)):
        archive = workflow.export(str(one.reference), tmp_path / f"{number}.zip", store=store)
        workflow.import_(archive, store=tmp_path / "new")
    assert workflow.fsck(store=tmp_path / "new").whole
    assert len(workflow.experiments(store=tmp_path / "new")) == 4
    again = resolve(str(first.reference), Store(tmp_path / "new"))
    assert (again.path / "manifest.json").read_bytes() == (first.path / "manifest.json").read_bytes()
    assert {one["role"] for one in objects.missing(Store(tmp_path / "new"), again.manifest)} == {"changes"}


def test_fields_that_a_later_version_adds_survive(store: Path, tmp_path: Path) -> None:
    first = kept(store)
    manifest = read_json(first.path / "manifest.json") | {"carbon": {"grams": 3}}
    (first.path / "manifest.json").write_text(json.dumps(manifest | {"digest": seal(manifest)}))
    archive = workflow.export(str(first.reference), tmp_path / "later.zip", store=store)
    workflow.import_(archive, store=tmp_path / "new")
    again = resolve(str(first.reference), Store(tmp_path / "new"))
    assert again.manifest["carbon"] == {"grams": 3}
    assert workflow.verify(str(first.reference), store=tmp_path / "new").whole


READERS: dict[str, Any] = {
    "experiments/*/*/scores.json": lambda path: outbox.read_scores(path.parent),
    "experiments/*/*/task.json": lambda path: _opened(path.parent).task(),
    "experiments/*/*/parameters.json": lambda path: _opened(path.parent).parameters(),
    "experiments/*/*/environment/python.json": lambda path: _opened(path.parents[1]).environment(),
    "experiments/*/*/data/schema.json": read_schema,
    "experiments/*/*/data/profile.json": read_profile,
    "experiments/*/*/model/background.json": lambda path: read_background(path.parent),
    "experiments/*/*/manifest.json": lambda path: experiment.read_manifest(path.parent),
    "models/*/bundles/*/manifest.json": lambda path: read_bundle_manifest(path.parent),
    "models/*/ledger/000002.json": lambda path: read_ledger(path.parents[3], "churn"),
    "notes/*/*/*.json": note.read_note,
}


def _opened(folder: Path) -> Experiment:
    return Experiment(Reference("churn", folder.name), folder, {})


@pytest.mark.parametrize("form", [FORMAT + 1, True, None, "1", 0.5, []])
@pytest.mark.parametrize("pattern", READERS)
def test_a_document_of_a_format_nobody_knows_is_refused_in_one_line(pattern: str, form: Any, store: Path) -> None:
    path = next(iter(sorted(store.glob(pattern))))
    path.write_text(json.dumps(read_json(path) | {"format": form}))
    with pytest.raises(BadArtifact, match=r"of format .*; this workbench reads 0 and 1\. Upgrade it") as refused:
        READERS[pattern](path)
    assert "\n" not in str(refused.value)


def ours(store: Path) -> list[Path]:
    """Every JSON document below a store whose form is our own."""
    return [path for path in sorted(store.rglob("*.json")) if path.name not in OTHERS]


def otherwise(store: Path, number: int) -> dict[str, Any]:
    """The documents that say another format, and which."""
    said = {str(path.relative_to(store)): read_json(path).get("format") for path in ours(store)}
    assert len(said) > 5
    return {path: form for path, form in said.items() if form != number or form is True}


def test_every_document_of_it_says_its_format(golden: Path) -> None:
    assert otherwise(golden, int(golden.name.removeprefix("format-"))) == {}


@pytest.mark.slow
def test_every_document_that_is_written_today_says_the_format_of_today(tmp_path: Path) -> None:
    runpy.run_path(str(STORES[0].parent / "make.py"))["make"](tmp_path / "made")
    assert otherwise(tmp_path / "made", FORMAT) == {}


FAIL = """
import workbench as wb
from workbench.documents.run_folder import here
here().say("trial", number=0)  # what fails before the first is refused, and not kept
wb.read_table("nowhere.csv")
"""


@pytest.mark.slow
def test_every_document_of_runs_that_notebooks_ended_says_the_format_of_today(tmp_path: Path) -> None:
    parameters = nbformat.v4.new_code_cell("rows = 3", metadata={"tags": ["parameters"]})
    store = tmp_path / "store"
    for name, cells in (("well", [parameters]), ("badly", [parameters, nbformat.v4.new_code_cell(FAIL.strip())])):
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / f"{name}.ipynb")
        done = workflow.run(tmp_path / f"{name}.ipynb", name=name, store=store)
    assert (done.path / "error.json").is_file()
    again = workflow.reproduce("well", here=True, store=store)
    assert (again.path / "reproduction.json").is_file()
    assert otherwise(store, FORMAT) == {}


def test_a_site_that_a_later_version_wrote_is_left_as_it_is(store: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    workflow.site(str(kept(store).reference), folder=site, store=store)
    (site / "site.json").write_text(json.dumps(read_json(site / "site.json") | {"format": 99}))
    before = {path: path.read_bytes() for path in site.rglob("*") if path.is_file()}
    with pytest.raises(BadArtifact, match=r"site\.json' is of format 99; this workbench reads 0 and 1\. Upgrade it\."):
        workflow.site(folder=site, store=store)
    assert {path: path.read_bytes() for path in site.rglob("*") if path.is_file()} == before
