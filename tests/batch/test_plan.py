"""A spec becomes a list of runs; what is wrong with one of them is told before any starts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from workbench.batches import Plan, plan, spec_of
from workbench.errors import BadBatch, BadTable
from workbench.template import Template, Values, find


def digest(template: Template, values: Values, later: Collection[str]) -> str:
    told = [template.name, values.values, sorted(later)]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


@pytest.fixture
def planned(place: Any) -> Callable[..., Plan]:
    """Plan a spec of the tiny template: ``planned(grid=…)``; nothing is run."""

    def make(check: Callable[..., str] = digest, **said: Any) -> Plan:
        one = {} if "steps" in said else {"template": "tiny.ipynb"}
        spec = spec_of({**one, "name": "farms", **said}, folder=place.folder)
        return plan(spec, {step.name: find(step.template) for step in spec.pipeline}, check)

    return make


def problems(refused: pytest.ExceptionInfo[BadBatch]) -> str:
    return "\n".join(refused.value.problems)


def test_a_grid_is_every_combination_in_its_order(planned: Callable) -> None:
    runs = planned(grid={"farm": ["a", "b"], "n": [1, 2]}).runs
    assert [(run.number, run.parameters) for run in runs] == [
        (1, {"farm": "a", "n": 1}),
        (2, {"farm": "a", "n": 2}),
        (3, {"farm": "b", "n": 1}),
        (4, {"farm": "b", "n": 2}),
    ]


def test_a_run_wins_over_what_is_common_to_all(planned: Callable) -> None:
    runs = planned(runs=[{"n": 5}, {"farm": "b"}], parameters={"farm": "a", "n": 9}).runs
    assert [run.parameters for run in runs] == [{"farm": "a", "n": 5}, {"farm": "b", "n": 9}]


def test_cells_of_a_csv_file_are_read_by_the_type_of_their_parameter(planned: Callable, place: Any) -> None:
    table = place.table("farm,n,breaks\n007,3,yes\nno,,\n")
    runs = planned(table=table, parameters={"n": 8}).runs
    assert [run.parameters for run in runs] == [
        {"farm": "007", "n": 3, "breaks": True},
        {"farm": "no", "n": 8},  # an empty cell says nothing
    ]


def test_cells_of_a_parquet_file_keep_their_types(planned: Callable, place: Any) -> None:
    frame = pd.DataFrame({"farm": ["a", "b"], "n": pd.array([3, None], dtype="Int64"), "seconds": [0.5, 1.5]})
    frame.to_parquet(place.folder / "farms.parquet")
    runs = planned(table="farms.parquet").runs
    assert [run.parameters for run in runs] == [{"farm": "a", "n": 3, "seconds": 0.5}, {"farm": "b", "seconds": 1.5}]


def test_a_column_may_be_a_label_only_and_names_its_run(planned: Callable, place: Any) -> None:
    table = place.table("farm,owner\na,Østerild & Sons\nb,\n")
    runs = planned(table=table, labels={"owner": "{owner}", "of": "{farm} in {n}", "year": "2026"}).runs
    assert runs[0].labels == {"owner": "Østerild & Sons", "of": "a in 1", "year": "2026"}
    assert runs[1].labels == {"of": "b in 1", "year": "2026"}
    assert [run.name for run in runs] == ["farms-sterild-sons-a-in-1", "farms-b-in-1"]
    assert [run.parameters for run in runs] == [{"farm": "a"}, {"farm": "b"}]


def test_a_run_without_labels_of_its_own_is_named_by_what_it_is_about(planned: Callable) -> None:
    assert planned(grid={"n": [1]}).runs[0].name == "farms-tiny"


def test_a_name_that_stands_for_nothing_is_told_once(planned: Callable, place: Any) -> None:
    table = place.table("farm,sedond\na,1\nb,2\n")
    with pytest.raises(BadBatch) as refused:
        planned(table=table, labels=["region"])
    assert "table.sedond: There is no parameter 'sedond'. Did you mean 'seconds'?" in problems(refused)
    assert "labels: {region} is neither a parameter nor in the table" in problems(refused)


def test_one_bad_row_among_many_is_told_with_its_place(planned: Callable, place: Any) -> None:
    table = place.table("farm,n\na,1\nb,two\nc,3\n")
    with pytest.raises(BadBatch) as refused:
        planned(table=table)
    assert problems(refused).startswith("row 2 of farms.csv: The parameter 'n' cannot be 'two'")


def test_a_mistake_of_many_runs_is_told_once_with_some_of_their_places(planned: Callable) -> None:
    with pytest.raises(BadBatch) as refused:
        planned(runs=[{"n": "x"}] * 10)
    assert problems(refused).startswith("runs[1], runs[2], runs[3] and 7 more: The parameter 'n'")


def test_what_the_check_of_a_run_finds_is_told_with_its_place(planned: Callable) -> None:
    def check(template: Template, values: Values, later: Collection[str]) -> str:
        if values.values["farm"] == "b":
            raise BadTable("b.csv", "does not exist")
        return digest(template, values, later)

    with pytest.raises(BadBatch) as refused:
        planned(check, grid={"farm": ["a", "b", "c"]})
    assert refused.value.problems == ["grid at farm=b: The table 'b.csv' does not exist"]


def test_the_same_work_twice_is_refused(planned: Callable) -> None:
    with pytest.raises(BadBatch) as refused:
        planned(runs=[{"n": 1}, {"n": 2}, {"n": 1}])
    assert problems(refused).startswith("runs[3]: is the same work as runs[1]")


def test_a_table_that_cannot_be_read_is_told(planned: Callable, place: Any) -> None:
    with pytest.raises(BadBatch, match=r"table: The table .* does not exist"):
        planned(table="none.csv")
    place.table("farm\n")
    with pytest.raises(BadBatch, match="table: "):
        planned(table="farms.csv")


def test_the_fingerprint_of_a_batch_is_of_its_work_not_of_its_name_or_limits(planned: Callable) -> None:
    one = planned(grid={"n": [1, 2]})
    assert planned(grid={"n": [1, 2]}, name="other", workers=1, budget="1h").fingerprint == one.fingerprint
    assert planned(grid={"n": [1, 3]}).fingerprint != one.fingerprint


STEPS = {
    "report": {"template": "tiny.ipynb", "parameters": {"farm": "{train.ref}"}},
    "train": {"template": "tiny.ipynb", "parameters": {"farm": "{prepare.outputs}/clean.csv"}, "labels": {"m": "{n}"}},
    "prepare": {"template": "tiny.ipynb"},
}


def test_each_row_has_a_run_of_each_step_those_first_that_none_needs(planned: Callable) -> None:
    runs = planned(steps=STEPS, grid={"farm": ["a", "b"]}, labels=["farm"], parameters={"n": 3}).runs
    assert [(run.number, run.name, dict(run.needs)) for run in runs] == [
        (1, "farms-a-prepare", {}),
        (2, "farms-a-3-train", {"prepare": 1}),
        (3, "farms-a-report", {"train": 2}),
        (4, "farms-b-prepare", {}),
        (5, "farms-b-3-train", {"prepare": 4}),
        (6, "farms-b-report", {"train": 5}),
    ]
    assert runs[0].parameters == {"farm": "a", "n": 3}
    assert runs[1].parameters == {"farm": "/{prepare.outputs}/clean.csv", "n": 3}
    assert runs[1].labels == {"step": "train", "farm": "a", "m": "3"}


def test_a_step_has_the_limits_of_the_batch_unless_it_says_its_own(planned: Callable) -> None:
    steps = {"one": {"template": "tiny.ipynb"}, "two": {"template": "tiny.ipynb", "timeout": "5m", "after": "one"}}
    runs = planned(steps=steps, timeout="1m", memory="1GB", retries=2).runs
    assert [(run.step.timeout, run.step.memory, run.step.retries) for run in runs] == [
        (60.0, "1GB", 2),
        (300.0, "1GB", 2),
    ]


def test_work_goes_on_with_other_work_so_a_change_of_one_step_is_a_change_of_those_after_it(planned: Callable) -> None:
    def works(**said: Any) -> list[str]:
        return [run.fingerprint for run in planned(steps=steps | said).runs]

    steps = {**STEPS, "other": {"template": "tiny.ipynb", "parameters": {"n": 7}}}
    before = works()
    assert works() == before
    later = works(train={**STEPS["train"], "parameters": {**STEPS["train"]["parameters"], "n": 2}})
    assert [one == other for one, other in zip(before, later, strict=True)] == [True, True, False, False]
    first = works(prepare={**STEPS["prepare"], "parameters": {"n": 2}})
    assert sorted(one == other for one, other in zip(before, first, strict=True)) == [False, False, False, True]


def test_work_that_rows_have_in_common_is_planned_once_and_labelled_with_what_they_have_in_common(
    planned: Callable,
) -> None:
    steps = {"prepare": {"template": "tiny.ipynb", "parameters": {"n": 1}}, "train": STEPS["train"]}
    rows = [{"n": 1, "seconds": 1.0}, {"n": 2, "seconds": 1.0}]
    runs = planned(steps=steps, runs=rows, labels=["n", "seconds"]).runs
    assert [(run.name, run.needs.get("prepare")) for run in runs] == [
        ("farms-1.0-prepare", None),
        ("farms-1-1.0-1-train", 1),
        ("farms-2-1.0-2-train", 1),
    ]
    assert runs[0].labels == {"step": "prepare", "seconds": "1.0"}


def test_rows_whose_steps_are_all_alike_are_twins(planned: Callable) -> None:
    with pytest.raises(BadBatch, match=r"runs\[2\]: is the same work as runs\[1\]"):
        planned(steps=STEPS, runs=[{"n": 1}, {"n": 1}])


def test_a_mistake_of_a_step_is_told_with_its_row_and_step(planned: Callable) -> None:
    with pytest.raises(BadBatch) as refused:
        planned(steps={**STEPS, "tell": {"template": "tiny.ipynb", "parameters": {"sedonds": 1}}}, runs=[{"farn": "a"}])
    assert "runs.farn: There is no parameter 'farn'. Did you mean 'farm'?" in problems(refused)
    assert "steps.tell.parameters.sedonds: There is no parameter 'sedonds'. Did you mean 'seconds'?" in problems(
        refused
    )
    with pytest.raises(BadBatch) as refused:
        planned(steps=STEPS, runs=[{"n": 1}, {"n": "two"}])
    assert problems(refused).startswith("runs[2] (prepare), runs[2] (train), runs[2] (report): The parameter 'n'")
    with pytest.raises(BadBatch) as refused:
        planned(steps={"one": {"template": "tiny.ipynb", "parameters": {"n": "two"}}})
    assert problems(refused).startswith("steps.one: The parameter 'n'")


def test_a_pipeline_of_too_many_runs_is_refused(planned: Callable) -> None:
    with pytest.raises(BadBatch, match="steps: stand for 180,000 runs; a batch has at most 100,000"):
        planned(steps=STEPS, grid={"n": list(range(300)), "farm": [str(at) for at in range(200)]})


def test_values_that_are_secret_are_never_shown(place: Any, planned: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.batches.plan import shown

    code = 'from workbench import Secret\ntoken: Secret = Secret("")\nfarm: str = "a"'
    file = place.template("secret.ipynb", code)
    assert shown({"": find(str(file))}, {"token": "hunter2", "farm": "b"}) == {"farm": "b"}


def test_a_relative_table_among_the_parameters_starts_from_the_specs_folder(place: Any, planned: Callable) -> None:
    file = place.template("reads.ipynb", "from workbench import Table\ndata: Table = 'example:iris'")
    runs = planned(template=file.name, grid={"data": ["a.csv", "example:wine"]}).runs
    assert [run.parameters["data"] for run in runs] == [str(Path(place.folder) / "a.csv"), "example:wine"]


def test_lists_are_written_for_people(place: Any, planned: Callable) -> None:
    place.template("lists.ipynb", "columns: list[str] = []\nn: int = 1", "")
    made = planned(template="lists.ipynb", grid={"n": [1, 2]}, parameters={"columns": ["id", "name"]})
    assert made.common == {"columns": "id, name"}
