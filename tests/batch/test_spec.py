"""A spec says what is to be run; every mistake in it is told with its place."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from workbench.batches import Spec, read_spec, spec_of
from workbench.errors import BadBatch, as_document, from_document

GRID = {"template": "classification", "grid": {"seed": [1, 2]}}


def read(document: dict[Any, Any]) -> Spec:
    return spec_of(document, folder=Path("/specs"))


@pytest.mark.parametrize(
    ("ending", "text"),
    [
        ("yaml", "template: classification\nbudget: 2h\ngrid:\n  seed: [1, 2]\n"),
        ("json", json.dumps({**GRID, "budget": "2h"})),
        ("toml", 'template = "classification"\nbudget = "2h"\n[grid]\nseed = [1, 2]\n'),
    ],
)
def test_a_spec_is_read_from_yaml_json_and_toml(tmp_path: Path, ending: str, text: str) -> None:
    file = tmp_path / f"Wind Farms.{ending}"
    file.write_text(text)
    spec = read_spec(file)
    assert (spec.name, spec.grid, spec.budget, spec.folder) == ("wind-farms", {"seed": [1, 2]}, 7200.0, tmp_path)


def test_paths_start_from_the_folder_of_the_spec_and_names_of_the_gallery_stay() -> None:
    spec = read({"template": "mine.ipynb", "table": "farms.csv"})
    assert (spec.template, spec.table) == ("/specs/mine.ipynb", Path("/specs/farms.csv"))
    assert read(GRID).template == "classification"


def test_a_list_of_labels_takes_columns_of_these_names() -> None:
    assert read({**GRID, "labels": ["farm"]}).labels == {"farm": "{farm}"}
    assert read({**GRID, "labels": {"farm": "DK-{farm}", "year": 2026}}).labels == {"farm": "DK-{farm}", "year": "2026"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"template": None}, "template: is missing"),
        ({"grid": None}, "grid, runs or table: is missing"),
        ({"table": "farms.csv"}, "grid, runs or table: grid and table are given; keep one of them"),
        ({"grids": {}}, "grids: there is no such key; did you mean 'grid'?"),
        ({"zzz": []}, "zzz: there is no such key; known are template, parameters"),
        ({"price": 3}, "price: cannot be 3; it is money for an hour"),
        ({"name": "Wind Farms"}, "name: 'Wind Farms' is not a name an experiment can have"),
        ({"grid": {"seed": 3}}, "grid.seed: must be a list of values, not 3"),
        ({"grid": {"seed": []}}, "grid.seed: must be a list of values, not []"),
        ({"grid": {}}, "grid: is empty"),
        ({"grid": {"a": [0] * 1000, "b": [0] * 1000}}, "grid: stands for 1,000,000 runs; a batch has at most 100,000"),
        ({"grid": None, "runs": [{"seed": 1}, 7]}, "runs[2]: must hold names and values"),
        ({"parameters": ["budget"]}, "parameters: must hold names and values"),
        ({"labels": 7}, "labels: must be a list of columns, or labels and texts"),
        ({"workers": 0}, "workers: cannot be 0; it is a whole number from 1 to 1,024"),
        ({"workers": True}, "workers: cannot be True"),
        ({"retries": -1}, "retries: cannot be -1"),
        ({"timeout": "soon"}, "timeout: The timeout 'soon' is not a length of time"),
        ({"budget": [1]}, "budget: cannot be [1]; it is a length of time such as 10m"),
        ({"memory": "lots"}, "memory: The memory 'lots' is not an amount of memory"),
        ({"on_failure": "panic"}, "on_failure: is continue or stop, not 'panic'"),
    ],
)
def test_every_mistake_is_told_with_its_place(change: dict[str, Any], told: str) -> None:
    with pytest.raises(BadBatch) as refused:
        read({**GRID, **change})
    assert len(refused.value.problems) == 1
    assert told in refused.value.problems[0]
    assert "\n" not in str(refused.value)


TRAIN = {"template": "regression"}


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([], "steps: must hold steps by their names"),
        ({"train": "regression"}, "steps.train: must say what it runs, such as template: regression"),
        ({"Train it": TRAIN}, "steps.Train it: a step is named with up to 32 small letters"),
        ({"train": {"parameters": {}}}, "steps.train.template: is missing"),
        ({"train": {**TRAIN, "wen": "failed"}}, "steps.train.wen: there is no such key; did you mean 'when'?"),
        ({"train": {**TRAIN, "when": "broken"}}, "steps.train.when: is completed, failed or always, not 'broken'"),
        ({"train": {**TRAIN, "when": "failed"}}, "steps.train.when: failed of nothing; name the steps it comes after"),
        ({"train": {**TRAIN, "timeout": "soon"}}, "steps.train.timeout: The timeout 'soon' is not a length of time"),
        ({"train": {**TRAIN, "after": 7}}, "steps.train.after: must name steps, not 7"),
        ({"train": {**TRAIN, "after": ["train"]}}, "steps.train.after: the step 'train' cannot come after itself"),
        (
            {"prepare": TRAIN, "train": {**TRAIN, "after": "prepar"}},
            "steps.train.after: there is no step 'prepar'; did you mean 'prepare'?",
        ),
        (
            {"train": {**TRAIN, "parameters": {"data": ["{prepare.outputs}/a.csv"]}}},
            "steps.train.parameters.data: there is no step 'prepare'; known are train",
        ),
        (
            {"prepare": TRAIN, "train": {**TRAIN, "parameters": {"data": "{prepare.output}/a.csv"}}},
            "steps.train.parameters.data: {prepare.output} stands for nothing; did you mean 'outputs'?",
        ),
        (
            {"prepare": {**TRAIN, "after": "train"}, "train": {**TRAIN, "parameters": {"data": "{prepare.path}"}}},
            "steps: prepare → train → prepare is a circle; one of them has to go first",
        ),
    ],
)
def test_every_mistake_of_a_pipeline_is_told_with_its_place(steps: Any, told: str) -> None:
    with pytest.raises(BadBatch) as refused:
        read({"steps": steps})
    assert len(refused.value.problems) == 1
    assert told in refused.value.problems[0]


def test_a_pipeline_stands_in_place_of_a_template_and_may_do_without_rows() -> None:
    spec = read({"steps": {"train": {"template": "mine.ipynb", "after": []}}})
    assert (spec.name, spec.pipeline[0].template, spec.grid) == ("pipeline", "/specs/mine.ipynb", None)
    with pytest.raises(BadBatch, match="template and steps: both are given; keep one of them"):
        read({"steps": {"train": TRAIN}, **GRID})
    with pytest.raises(BadBatch, match=r"parameters\.data: refers to a step; say it in the parameters of the step"):
        read({"steps": {"prepare": TRAIN, "train": TRAIN}, "parameters": {"data": "{prepare.outputs}/a.csv"}})


def test_several_mistakes_are_told_at_once_one_line_each() -> None:
    with pytest.raises(BadBatch) as refused:
        read({"grid": {"seed": 1}, "workers": "two", "on_failure": "panic"})
    assert len(str(refused.value).splitlines()) == 5
    assert str(from_document(as_document(refused.value))) == str(refused.value)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        (
            "a.yaml",
            "template: x\ntemplate: y\n",
            "a.yaml' is not good YAML: line 2, column 1: 'template' is there twice",
        ),
        (
            "a.yaml",
            "template: x\n  y: z\n",
            "a.yaml' is not good YAML: line 2, column 4: mapping values are not allowed",
        ),
        ("a.yaml", "a: 1\nb: [1,\nc: 2\n", "while parsing a flow sequence that begins in line 2"),
        ("a.yaml", "a: 1\nb: \x01\n", "line 2, column 4: special characters are not allowed"),
        ("a.yaml", "- 1\n", "must hold names and values"),
        ("a.json", "{", "is not good JSON"),
        ("a.txt", "", "is none of .json, .yaml, .yml and .toml"),
        (None, "", "does not exist"),
    ],
)
def test_a_file_that_is_no_spec_is_refused_in_one_line(tmp_path: Path, name: str | None, text: str, told: str) -> None:
    if name is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(BadBatch, match=re.escape(told)) as refused:
        read_spec(tmp_path / (name or "none.yaml"))
    assert "\n" not in str(refused.value)
    assert "<unicode string>" not in str(refused.value)
