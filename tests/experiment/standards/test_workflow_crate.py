"""The crate of every kind of batch passes the validator of Provenance Run Crate, without a network."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import nbformat
import pytest
import yaml

from workbench import workflow
from workbench.experiment import load
from workbench.experiment.describing.describe import describe
from workbench.experiment.sharing.without_data import without_data

TEMPLATES = {
    "work.ipynb": ("farm: str = 'none'\nbreaks: bool = False", "assert not breaks, 'it broke'"),
    "prepare.ipynb": (
        "farm: str = 'none'\nbreaks: bool = False",
        "import pathlib\nassert not breaks, 'it broke'\npathlib.Path('clean.csv').write_text(farm)",
    ),
    "train.ipynb": ("data: str = ''", "import pathlib\npathlib.Path('model.txt').write_text(data)"),
    "tell.ipynb": ("reason: str = ''", "print(reason)"),
}
PIPELINE = {
    "prepare": {"template": "prepare.ipynb"},
    "train": {"template": "train.ipynb", "parameters": {"data": "{prepare.outputs}/clean.csv"}},
    "tell": {"template": "tell.ipynb", "when": "failed", "parameters": {"reason": "{prepare.reason}"}},
}
ROWS = [{"farm": "a & b"}, {"farm": "ü", "breaks": True}]
SPECS = {
    "plain": {"template": "work.ipynb", "grid": {"farm": ["a & b", "ü"]}, "labels": ["farm"]},
    "plain, one failed": {"template": "work.ipynb", "runs": ROWS, "parameters": {"breaks": False}},
    "pipeline, one failed": {"steps": PIPELINE, "runs": ROWS, "labels": ["farm"]},
    "stopped at the first failure": {
        "template": "work.ipynb",
        "runs": [{"breaks": True, "farm": "c"}, {"farm": "d"}, {"farm": "e"}],
        "on_failure": "stop",
        "workers": 1,
    },
}


@pytest.fixture(scope="module")
def batches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    home = tmp_path_factory.mktemp("a place")
    for name, (parameters, code) in TEMPLATES.items():
        cell = nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
        nbformat.write(nbformat.v4.new_notebook(cells=[cell, nbformat.v4.new_code_cell(code)]), home / name)
    made = {}
    for number, (name, said) in enumerate(SPECS.items()):
        spec = home / f"batch-{number}.yaml"
        spec.write_text(yaml.safe_dump(said))
        made[name] = workflow.batch(spec, store=home / "store", workers=said.get("workers", 2)).path
    return made


def graph(folder: Path) -> dict[str, Any]:
    document = json.loads((folder / "ro-crate-metadata.json").read_text("utf-8"))
    assert len({entity["@id"] for entity in document["@graph"]}) == len(document["@graph"])
    return {entity["@id"]: entity for entity in document["@graph"]}


def runs(told: dict[str, Any]) -> list[Any]:
    return [one for key, one in told.items() if key.startswith("#run-")]


@pytest.fixture
def derived(batches: dict[str, Path], tmp_path: Path) -> dict[str, Path]:
    """What is left of a batch without its data, and of one whose template could not be taken along."""
    part, bare = tmp_path / "part", tmp_path / "bare"
    without_data(load(batches["pipeline, one failed"]), part)
    shutil.copytree(batches["plain"], bare)
    (bare / "template.ipynb").unlink()
    describe(bare, load(bare).manifest)
    return {"without data": part, "without its template": bare}


@pytest.mark.slow
def test_every_kind_of_batch_passes_the_validator(ask: Any, batches: Any, derived: Any, tmp_path: Path) -> None:
    """Of the profile that stands on all others; one batch of each of these, too."""
    question = {name: [str(folder), "provenance-run-crate"] for name, folder in (batches | derived).items()}
    other = {name: [str(batches["plain"]), name] for name in ("process-run-crate", "workflow-run-crate")}
    found = ask("crates", {"crates": question | other, "cache": str(tmp_path)})
    assert {name: told["REQUIRED"] for name, told in found.items()} == {name: [] for name in question | other}
    assert found["plain"]["checks"] > found["process-run-crate"]["checks"] > 30


def test_a_pipeline_is_told_step_by_step(batches: dict[str, Path]) -> None:
    told = graph(batches["pipeline, one failed"])
    workflow = told[told["./"]["mainEntity"]["@id"]]
    steps = [told[step["@id"]] for step in workflow["step"]]
    assert {step["name"]: step["workExample"]["@id"] for step in steps} == {
        name: f"templates/{name}.ipynb" for name in PIPELINE
    }
    assert [step["position"] for step in steps] == ["1", "2", "3"]
    assert steps[0]["name"] == "prepare"  # the other two need it
    (organised,) = (one for one in told.values() if one["@type"] == "OrganizeAction")
    controls = [told[one["@id"]] for one in organised["object"]]
    assert [len(one["object"]) for one in controls] == [2, 2, 2]
    tools = {tool["name"]: tool["@id"] for tool in (told[one["@id"]] for one in workflow["hasPart"])}
    prepared, trained = (
        next(run for run in runs(told) if run["instrument"]["@id"] == tools[f"{name}.ipynb"])
        for name in ("prepare", "train")
    )
    assert prepared["result"] in trained["object"]  # what was prepared is what was trained on
    assert prepared["actionStatus"].endswith("CompletedActionStatus")
    assert prepared["startTime"] < prepared["endTime"] <= trained["startTime"]


def test_what_became_of_every_run_is_told(batches: dict[str, Path]) -> None:
    told = runs(graph(batches["stopped at the first failure"]))
    assert [one["actionStatus"].rpartition("/")[2] for one in told] == ["FailedActionStatus"] * 3
    assert "it broke" in told[0]["error"]
    assert "identifier" in told[0]
    assert all("Not begun" in one["error"] and "identifier" not in one for one in told[1:])


def test_a_value_that_many_runs_share_is_told_once(batches: dict[str, Path]) -> None:
    told = graph(batches["plain, one failed"])
    values = [(one["name"], one["value"]) for one in told.values() if one["@type"] == "PropertyValue"]
    assert len(values) == len(set(values))
    assert ("farm", "ü") in values


def test_every_link_leads_somewhere_and_every_file_is_there(batches: dict[str, Path]) -> None:
    for folder in batches.values():
        told = graph(folder)
        elsewhere = {"https://w3id.org/ro/crate/1.1"}
        assert set(linked(list(told.values()))) <= set(told) | elsewhere
        files = [one for one in told if told[one]["@type"] != "CreativeWork" and not one.startswith(("#", "http"))]
        assert all((folder / unquote(one)).exists() for one in files)


def linked(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if set(value) == {"@id"}:
            yield value["@id"]
        for one in value.values():
            yield from linked(one)
    elif isinstance(value, list):
        for one in value:
            yield from linked(one)
