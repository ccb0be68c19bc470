"""What a notebook found is handed to its run whole; by hand, a line says how to keep it."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.automl.checks import check
from workbench.automl.explain import explain
from workbench.automl.record import command, record
from workbench.automl.search import search
from workbench.automl.task import task
from workbench.dataset import read_table
from workbench.documents import outbox
from workbench.documents.bundle import load_model
from workbench.documents.run_folder import VARIABLE, RunFolder, RunRecord, read_error
from workbench.documents.table import read_profile, read_schema
from workbench.errors import StoreError
from workbench.template import find
from workbench.template.values import gather


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    random = np.random.default_rng(0)
    file = tmp_path_factory.mktemp("record") / "my customers.csv"
    frame = pd.DataFrame({"one": random.normal(size=240), "code": random.choice(["01", "02", "10"], 240)})
    frame["shop"] = [f"S{n}" for n in random.integers(0, 30, 240)]
    frame["y"] = np.where(frame["one"] + random.normal(size=240) * 0.5 > 0, "yes", "no")
    frame.to_csv(file, index=False)
    return search(task(read_table(str(file)), "y", group="shop"), trials=2, families=["linear"])


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run folder as the runner makes it, named to this process."""
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.outbox.mkdir()
    folder.outputs.mkdir()
    folder.write(RunRecord("y", "20261121T183000Z-1f3ac09e", "classification", "2026-11-21T18:30:00+00:00", 1, "here"))
    monkeypatch.setenv(VARIABLE, str(folder.path))
    return folder


def test_everything_is_written_and_read_back(result, run):
    said = record(result, check(result.task), explain(result, seconds=0.1))
    files = {path.relative_to(run.outbox).as_posix() for path in run.outbox.rglob("*") if path.is_file()}
    assert files >= {
        "scores.json", "task.json", "checks.json", "leaderboard.csv", "trials.jsonl", "predictions.parquet",
        "importance.csv", "data/schema.json", "data/profile.json", "model/model.skops", "model/MLmodel",
    }  # fmt: skip
    assert repr(said).startswith("Handed over to be kept as y@20261121T183000Z-1f3ac09e: ROC AUC")
    assert outbox.read_scores(run.outbox) == result.scores
    assert next(iter(outbox.read_scores(run.outbox))) == "roc_auc"
    assert len(outbox.read_leaderboard(run.outbox)) == len(result.leaderboard)
    assert [trial["number"] for trial in outbox.read_trials(run.outbox)] == [1, 2]
    assert read_schema(run.outbox / "data" / "schema.json") == result.task.schema


def test_the_task_tells_what_was_predicted_from_what(result, run):
    record(result)
    told = outbox.read_task(run.outbox)
    assert (told["kind"], told["target"], told["classes"], told["metric"]) == ("binary", "y", ["no", "yes"], "roc_auc")
    assert told["features"] == ["one", "code"]
    assert told["data"]["digest"] == result.task.dataset.digest
    assert told["data"]["rows"] == told["rows"] == 240


def test_predictions_bring_what_a_paired_test_needs(result, run):
    record(result)
    kept = outbox.read_predictions(run.outbox)
    assert set(kept) == {"row", "fold", "truth", "prediction", "probability_no", "probability_yes", "group"}
    raw = result.task.dataset.frame
    assert (raw["y"].to_numpy()[kept["row"]] == kept["truth"]).all()
    assert (raw["shop"].to_numpy()[kept["row"]] == kept["group"]).all()


def test_the_model_that_was_kept_predicts_as_the_one_in_the_notebook(result, run):
    record(result)
    raw = result.task.dataset.frame
    kept = load_model(run.outbox / "model")
    np.testing.assert_array_equal(kept.predict_proba(raw), result.model.predict_proba(raw))


def test_the_profile_holds_the_columns_and_the_predictions_themselves(result, run):
    record(result)
    profile = read_profile(run.outbox / "data" / "profile.json")
    assert set(profile["columns"]) == {"one", "code", "shop", "y"}
    assert sum(profile["predictions"]["probability_yes"]["counts"]) == 240


def test_left_out_checks_are_made_for_a_promotion_asks_for_them(result, run):
    record(result)
    assert json.loads((run.outbox / "checks.json").read_text())["format"] == 1
    assert outbox.read_checks(run.outbox) == list(check(result.task))


def test_by_hand_one_line_says_how_to_keep_it(result, monkeypatch, tmp_path):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    said = repr(record(result))
    assert "\n" not in said
    assert said.startswith("Nothing was kept")
    assert list(tmp_path.iterdir()) == []
    words = shlex.split(said.partition("To keep it: ")[2])
    assert words[:3] == ["workbench", "run", "classification"]
    assert words[4::2] == [f"data={result.task.dataset.source}", "target=y", "group=shop", "trials=2"]


def test_a_file_in_the_working_folder_is_named_as_one_would_type_it(result, monkeypatch):
    file = Path(result.task.dataset.source)
    monkeypatch.chdir(file.parent)
    assert "-p 'data=my customers.csv' " in command(result.task)


def test_the_line_for_an_example_names_it():
    made = task(read_table("example:diabetes"), "progression", kind="regression")
    assert command(made) == "workbench run regression -p data=example:diabetes -p target=progression"


def test_the_line_repeats_all_that_was_chosen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    frame = pd.DataFrame({name: random.random(40).round(3) + 1 for name in ("one", "two, three", "row", "w")})
    frame["y"] = ["a", "b"] * 20
    frame.to_csv("t.csv", index=False)
    frame[:10].to_csv("held.csv", index=False)
    chosen = {"metric": "accuracy", "ignore": ["two, three", "row"], "weight": "w", "positive": "a"}
    made = task(read_table("t.csv"), "y", **chosen, test=read_table("held.csv"))
    words = shlex.split(command(made))
    ignored = 'ignore=["two, three", "row"]'
    assert words[4::2] == [
        "data=t.csv", "target=y", "metric=accuracy", ignored, "weight=w", "positive=a", "test=held.csv"
    ]  # fmt: skip
    again = gather(find("classification").parameters, texts=words[4::2], base=tmp_path).bound
    assert {name: again[name] for name in chosen} == chosen


def test_the_line_repeats_how_it_was_searched(result, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    timed = replace(result, seed=7, deadline=result.task.dataset.read_at + 90)
    assert repr(record(timed)).endswith("-p group=shop -p budget=90s -p seed=7")


def test_a_run_folder_that_cannot_be_written_is_told_in_one_line_and_to_the_runner(result, run):
    run.outbox.rmdir()
    run.outbox.write_text("in the way")
    with pytest.raises(StoreError, match="cannot be written"):
        record(result)
    assert isinstance(read_error(run), StoreError)


def test_a_search_that_was_short_of_time_says_so(result, run):
    hasty = replace(result, deadline=1e12, trials=result.trials[:1])
    record(hasty, ())
    (check,) = outbox.read_checks(run.outbox)
    assert (check.name, check.level) == ("short_budget", "warn")
    assert "1 model" in check.message
    assert "larger budget" in hasty._repr_html_()
