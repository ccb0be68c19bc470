"""Measuring goes on where it stopped, judges by the right rows, and leaves a row for whatever happens."""

from __future__ import annotations

import re
import sys

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def plan(script, tmp_path):
    """Two seeds of one small table, in a folder that looks prepared."""
    folder = tmp_path / "environments"
    tables = script("sidebyside.tables")
    (folder / "data" / "tables").mkdir(parents=True)
    (folder / "data" / "ready").touch()
    tables.write(tables.diabetes(), folder / "data" / "tables" / "diabetes.parquet")
    return script("peers").Plan(["diabetes"], [0, 1], 10.0, 0.0, folder, tmp_path / "rows.jsonl")


def test_a_stopped_measurement_goes_on_where_it_was(script, plan):
    peers, asked = script("peers"), []

    def measure(system, python, given, *, seed, **how):
        if asked == [0]:
            raise KeyboardInterrupt
        asked.append(seed)
        return {"loss": 0.1, "constant": 0.5, "wall": 1.0, "others": 0.0}

    with pytest.raises(KeyboardInterrupt):
        peers.run(plan, {"workbench": "a1"}, measure)
    with plan.results.open("a") as torn:
        torn.write('{"data": "diab')
    asked.append(None)
    rows = peers.run(plan, {"workbench": "a1"}, measure)
    assert asked == [0, None, 1]
    assert [row["seed"] for row in rows] == [0, 1]
    assert len(plan.results.read_text().splitlines()) == 2
    peers.run(plan, {"workbench": "a1"}, measure)
    assert asked == [0, None, 1]
    peers.run(plan, {"workbench": "a2"}, measure)
    assert asked == [0, None, 1, 0, 1]


def test_what_others_disturbed_is_measured_again(script, plan):
    peers, shares = script("peers"), [0.5, 0.0, 0.0]

    def measure(system, python, given, **how):
        return {"loss": 0.1, "constant": 0.5, "wall": 1.0, "others": shares.pop(0)}

    disturbed = peers.run(plan, {"workbench": "a1"}, measure)
    assert [row["others"] for row in disturbed] == [0.5, 0.0]
    again = peers.run(plan, {"workbench": "a1"}, measure)
    assert not shares
    assert [row["others"] for row in again] == [0.0, 0.0]
    assert len(plan.results.read_text().splitlines()) == 3


def test_a_broken_line_amid_the_rows_is_not_passed_over(script, tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text('{"seed": 0}\n{"se\n{"seed": 1}\n')
    with pytest.raises(ValueError, match="line 2"):
        script("sidebyside.rows").read(file)


def test_a_system_without_an_environment_is_named_with_the_remedy(script, tmp_path):
    environments = script("sidebyside.environments")
    with pytest.raises(environments.NotPrepared, match="--prepare flaml"):
        environments.python_of("flaml", tmp_path)


def test_splits_are_the_same_each_time_and_keep_the_shares_of_classes(script):
    measure = script("sidebyside.measure")
    frame = pd.DataFrame({"x": range(200), "y": ["yes"] * 20 + ["no"] * 180})
    one, again, other = (measure.split(frame, "binary", "y", seed) for seed in (0, 0, 1))
    assert one.digest == again.digest != other.digest
    assert not set(one.train["x"]) & set(one.test["x"])
    assert (len(one.test), (one.test["y"] == "yes").sum()) == (60, 6)


def posed(script, task, truth):
    measure = script("sidebyside.measure")
    frame = pd.DataFrame({"y": truth})
    return measure, measure.Split(frame, frame, task, "y")


def test_losses_are_those_of_the_field(script):
    measure, given = posed(script, "binary", ["no", "yes", "no", "yes"])
    chances = np.array([0.1, 0.9, 0.6, 0.5])
    assert measure.loss(given, np.column_stack([chances, 1 - chances]), ["yes", "no"]) == pytest.approx(1 / 4)
    measure, given = posed(script, "multiclass", ["a", "b", "c", "c"])
    thirds = np.full((4, 2), 0.5)
    known = -(2 * np.log(0.5) + 2 * np.log(1e-6)) / 4
    assert measure.loss(given, thirds, ["b", "a"]) == pytest.approx(known, abs=1e-4)
    measure, given = posed(script, "regression", [1.0, 3.0])
    assert measure.loss(given, np.array([1.0, 1.0]), []) == pytest.approx(2**0.5)
    with pytest.raises(ValueError, match="missing"):
        measure.loss(given, np.array([1.0, np.nan]), [])


@pytest.mark.parametrize(("task", "truth", "constant"), [
    ("binary", ["no", "yes", "no", "yes"], 0.5),
    ("multiclass", ["a", "b", "c", "c"], 1.5 * np.log(2)),
    ("regression", [1.0, 3.0], 1.0),
])  # fmt: skip
def test_a_constant_guess_is_what_a_failure_counts_as(script, task, truth, constant):
    measure, given = posed(script, task, truth)
    assert measure.loss_of_a_constant(given) == pytest.approx(constant)


def test_a_process_is_watched_with_its_children_and_stopped_when_late(script, tmp_path):
    measure = script("sidebyside.measure")
    child = "import time; held = b'x' * 80_000_000; time.sleep(60)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    seen = measure.watch([sys.executable, "-c", parent], 10.0, tmp_path / "log")
    assert seen.code is None
    assert seen.peak_mb > 80
    assert 0 <= seen.others <= 1
    assert measure.watch([sys.executable, "-c", "raise SystemExit(3)"], 60.0, tmp_path / "log").code == 3


def test_who_stops_a_measurement_leaves_no_system_at_work(script, tmp_path, monkeypatch):
    measure, seen = script("sidebyside.measure"), []

    def interrupted(root, spent):
        seen.append(root)
        raise KeyboardInterrupt

    monkeypatch.setattr(measure, "look", interrupted)
    with pytest.raises(KeyboardInterrupt):
        measure.watch([sys.executable, "-c", "import time; time.sleep(60)"], 60.0, tmp_path / "log")
    assert not seen[0].is_running()


def test_a_system_that_breaks_leaves_a_row_with_its_reason(script):
    measure = script("sidebyside.measure")
    frame = pd.DataFrame({"x": range(40), "y": np.arange(40.0)})
    given = measure.split(frame, "regression", "y", 0)
    row = measure.measure("nonsense", sys.executable, given, seed=0, budget=5.0, trials=None, limit=60.0)
    assert row["loss"] is None
    assert row["constant"] > 0
    assert "ended with 1" in row["error"]
    assert "nonsense" in row["error"]


def test_the_rule_of_the_growing_table_is_the_best_guess_of_its_rows(script):
    scaling, measure = script("scaling"), script("sidebyside.measure")
    for task in scaling.TASKS:
        given, best = scaling.posed(500, task, 0)
        assert given.train.shape == (500, 21)
        assert best < 0.7 * measure.loss_of_a_constant(given)
    frame, mean = scaling.drawn(20_000, "regression", 3)
    assert np.std(frame["target"] - mean) == pytest.approx(1, abs=0.02)
    told = {"constant": 2.0, "best": 1.0}
    assert scaling.learnt(told | {"loss": 1.25}) == pytest.approx(0.75)
    assert scaling.learnt(told | {"loss": None}) == 0


def test_the_growing_table_shows_each_size_and_by_how_much_the_cost_grew(script, row):
    few = row("workbench", "", 0.2, rows=1_000, best=0.1, trials=None)
    many = few | {"rows": 100_000, "loss": 0.11, "seconds": 66.0, "peak_mb": 2_000, "model_mb": 3.0}
    failed = few | {"task": "regression", "loss": None}
    text = script("scaling").tables([many, failed, few, many | {"loss": 0.4, "others": 0.6}])
    assert re.search(r"^\| binary \| 1,000 \| 0.2000 \| 0.1000 \| 75.0 % \| 60 s \| 500 MB \|", text, re.MULTILINE)
    assert re.search(r"^\| binary \| 100,000 \| 0.1100 .*\| 97.5 % \| 66 s \| 2,000 MB \|", text, re.MULTILINE)
    assert "| regression | 1,000 | failed: ended with 1 |" in text
    assert "from 1,000 to 100,000 rows (× 100): time × 1.1, memory × 4.0, time to predict × 1.0, model × 1.5." in text
    assert "regression, from" not in text
    assert "Not measured yet: binary of 10,000 rows, binary of 1,000,000 rows, regression of 10,000 rows" in text
