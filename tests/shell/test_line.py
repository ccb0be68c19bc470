"""The whole line through the command line: run → list → show → compare → diff → export → import → promote → predict."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest

import workbench as wb


def test_a_run_answers_with_a_reference_and_scores(workbench: Callable, churn_csv: Path) -> None:
    said = workbench(
        "run", "classification", "-p", f"data={churn_csv}", "-p", "target=Churn", "-p", "trials=2", "--json"
    )
    assert said.code == 0, said.err
    document = json.loads(said.out)
    assert re.fullmatch(r"churn@\d{8}T\d{6}Z-[0-9a-f]{8}", document["ref"])
    assert document["status"] == "completed"
    assert document["metric"] == "roc_auc"
    main = document["scores"]["roc_auc"]
    assert main["low"] <= main["value"] <= main["high"]
    assert main["rows"] == 240
    assert (Path(document["path"]) / "manifest.json").is_file()


def test_an_experiment_has_every_file_of_the_design(kept: Any) -> None:
    folder = Path(kept.runs[0].path)
    names = (
        "manifest.json ro-crate-metadata.json template.ipynb notebook.ipynb report.html parameters.json "
        "parameters.schema.json scores.json leaderboard.csv predictions.parquet trials.jsonl environment "
        "data/schema.json data/profile.json model/MLmodel model/model.skops"
    )
    missing = [name for name in names.split() if not (folder / name).exists()]
    assert missing == []


def test_the_report_is_one_page_that_loads_nothing(kept: Any) -> None:
    page = (Path(kept.runs[0].path) / "report.html").read_text()
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?:https?:)?//""", page)
    assert "<script" not in page
    assert page.count("data:image/png") >= 4
    assert "Traceback (most recent" not in page


def test_list_shows_the_newest_first(kept: Any, workbench: Callable) -> None:
    rows = json.loads(workbench("list", "--store", kept.store, "--json").out)
    assert [row["ref"] for row in rows] == [run.ref for run in reversed(kept.runs)]
    assert rows[0]["labels"] == {"shop": "7"}
    assert kept.runs[0].ref.rpartition("-")[2] in workbench("list", "--store", kept.store).out  # in its short form


def test_show_tells_scores_parameters_and_where_they_came_from(kept: Any, workbench: Callable) -> None:
    document = json.loads(workbench("show", kept.runs[1].ref, "--store", kept.store, "--json").out)
    assert document["parameters"]["ignore"] == {"value": ["tenure"], "source": "api"}
    assert document["parameters"]["seed"]["source"] == "default"
    text = workbench("show", "churn", "--store", kept.store).out
    assert "roc_auc" in text


def test_compare_ranks_and_diff_names_the_parameter(kept: Any, workbench: Callable) -> None:
    one, other = (run.ref for run in kept.runs)
    compared = json.loads(workbench("compare", one, other, "--store", kept.store, "--json").out)
    assert {row["ref"] for row in compared["leaderboard"]} == {one, other}
    differs = workbench("diff", one, other, "--store", kept.store)
    assert differs.code == 0
    assert "ignore" in differs.out
    assert "tenure" in differs.out


SHOWN = {
    "list": ["list"],
    "show": ["show", "{one}"],
    "compare": ["compare", "{one}", "{other}"],
    "diff": ["diff", "{one}", "{other}"],
    "templates": ["templates", "classification"],
    "open": ["open", "{one}"],
    "export": ["export", "{one}", "{folder}/one.zip"],
}
REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"


@pytest.mark.parametrize("command", SHOWN)
def test_json_has_the_names_that_the_reference_tells(
    kept: Any, workbench: Callable, tmp_path: Path, command: str
) -> None:
    names = {"one": kept.runs[0].ref, "other": kept.runs[1].ref, "folder": tmp_path}
    where = [] if command == "templates" else ["--store", kept.store]
    document = json.loads(workbench(*(word.format(**names) for word in SHOWN[command]), *where, "--json").out)
    rows = dict(re.findall(r"^\| `(\w+)`[^|]* \| (.+) \|$", REFERENCE.read_text(), re.MULTILINE))
    told = rows[command] + (rows["list"] if command == "show" else "")
    printed = document[0] if isinstance(document, list) else document
    assert set(printed) <= set(re.findall(r'"(\w+)"', told)) <= set(names_in(document))


def names_in(document: Any) -> Iterator[str]:
    """Every name in a JSON document, however deep."""
    for value in document if isinstance(document, list) else document.values():
        if isinstance(value, dict | list):
            yield from names_in(value)
    if isinstance(document, dict):
        yield from document


def test_export_and_import_carry_an_experiment_to_another_store(kept: Any, workbench: Callable, tmp_path: Path) -> None:
    ref = kept.runs[0].ref
    assert workbench("export", ref, tmp_path / "churn.zip", "--store", kept.store).code == 0
    said = workbench("import", tmp_path / "churn.zip", "--store", tmp_path / "other")
    assert (said.code, said.out.strip()) == (0, ref)
    listed = json.loads(workbench("list", "--store", tmp_path / "other", "--json").out)
    assert [row["ref"] for row in listed] == [ref]
    before = wb.load(ref, store=kept.store).predict_proba(pd.read_csv(kept.csv))
    after = wb.load(ref, store=tmp_path / "other").predict_proba(pd.read_csv(kept.csv))
    assert np.array_equal(before, after)


def test_promote_makes_a_model_live_and_predict_uses_it(kept: Any, workbench: Callable, tmp_path: Path) -> None:
    workbench("export", kept.runs[0].ref, tmp_path / "churn.zip", "--store", kept.store)
    workbench("import", tmp_path / "churn.zip")
    promoted = workbench("promote", "churn", "--model", "churn-model")
    assert promoted.code == 0, promoted.out + promoted.err
    again = workbench("promote", "churn", "--model", "churn-model")
    assert again.code == 3  # not better than itself

    said = workbench("predict", "model:churn-model/live", kept.csv, "-o", "out.csv", "--keep", "customer")
    assert said.code == 0, said.err
    given, predicted = pd.read_csv(kept.csv), pd.read_csv(tmp_path / "out.csv")
    assert list(predicted.columns) == ["customer", "prediction", "probability_No", "probability_Yes"]
    assert predicted["customer"].tolist() == given["customer"].tolist()
    assert (predicted[["probability_No", "probability_Yes"]].sum(axis=1) - 1).abs().max() < 1e-9


def test_a_failing_gate_says_no_with_its_own_exit_code(kept: Any, workbench: Callable, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("margin: 0.9\n")
    workbench("export", kept.runs[0].ref, tmp_path / "one.zip", "--store", kept.store)
    workbench("export", kept.runs[1].ref, tmp_path / "two.zip", "--store", kept.store)
    workbench("import", tmp_path / "one.zip")
    workbench("import", tmp_path / "two.zip")
    assert workbench("promote", kept.runs[1].ref, "--model", "m").code == 0
    said = workbench("promote", kept.runs[0].ref, "--model", "m", "--policy", tmp_path / "policy.yaml")
    assert said.code == 3
    assert "0.9" in said.out


def test_the_front_door_mirrors_the_command_line(kept: Any) -> None:
    listed = wb.experiments(store=kept.store)
    assert len(listed) == 2
    model = wb.load("churn", store=kept.store)
    table = pd.read_csv(kept.csv)
    assert list(model.classes_) == ["No", "Yes"]
    assert model.predict_proba(table).shape == (len(table), 2)
    assert set(model.predict(table)) <= {"No", "Yes"}


def test_a_refused_promotion_takes_nothing_from_an_experiment_of_that_name(
    kept: Any, workbench: Callable, tmp_path: Path
) -> None:
    workbench("export", kept.runs[0].ref, tmp_path / "one.zip", "--store", kept.store)
    workbench("import", tmp_path / "one.zip")
    (tmp_path / "policy.yaml").write_text("metric: rmse\n")
    assert workbench("promote", "churn", "--model", "churn", "--policy", "policy.yaml").code == 3
    assert workbench("predict", "churn", kept.csv, "-o", "out.csv").code == 0
    said = workbench("predict", "model:churn/live", kept.csv, "-o", "out.csv")
    assert (said.code, said.out) == (2, "")
    assert workbench("promote", "churn", "--model", "other").code == 0
    assert workbench("predict", "other/live", kept.csv, "-o", "out.csv").code == 0


def test_a_page_that_cannot_be_written_is_refused_in_one_line(kept: Any, workbench: Callable, tmp_path: Path) -> None:
    for html in (tmp_path / "nowhere" / "page.html", tmp_path):
        said = workbench("compare", kept.runs[0].ref, "--store", kept.store, "--html", html)
        assert (said.code, len(said.err.strip().splitlines())) == (2, 1)


def test_a_demo_that_cannot_write_its_tables_says_so(workbench: Callable, tmp_path: Path) -> None:
    (tmp_path / "workbench-demo").write_text("in the way")
    said = workbench("demo")
    assert (said.code, len(said.err.strip().splitlines())) == (2, 1)
    assert "workbench-demo" in said.err


@pytest.mark.parametrize("where", ["execute", "page"])
def test_ctrl_c_after_the_last_cell_loses_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str) -> None:
    """The run has ended; the interrupt comes while it is being kept."""
    from workbench import execution
    from workbench.workflow import keep

    owner = execution if where == "execute" else keep
    real, times = getattr(owner, where), []

    def interrupted(*arguments: Any, **options: Any) -> Any:
        answer = real(*arguments, **options)
        times.append(1)
        if len(times) == 1:
            raise KeyboardInterrupt
        return answer

    monkeypatch.setattr(owner, where, interrupted)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print(1)")])
    nbformat.write(notebook, tmp_path / "hello.ipynb")
    with pytest.raises(KeyboardInterrupt):
        wb.run(tmp_path / "hello.ipynb", store=tmp_path / "store")
    (kept,) = wb.experiments(store=tmp_path / "store")
    assert kept.status == "completed"
    assert kept.report.is_file()


def test_the_page_of_a_run_that_failed_says_what_was_to_be_predicted(tmp_path: Path) -> None:
    cells = [nbformat.v4.new_code_cell('data = ""\ntarget = ""', metadata={"tags": ["parameters"]})]
    cells.append(nbformat.v4.new_code_cell("1 / 0"))
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "mine.ipynb")
    failed = wb.run(tmp_path / "mine.ipynb", data="people.csv", target="height", store=tmp_path / "store")
    page = (failed.path / "report.html").read_text()
    assert failed.status == "failed"
    assert ": height</h1>" in page
    assert "<dd>people.csv</dd>" in page
