"""The score of a search is what new rows of the same source would give: neither luck nor groups nor time flatter it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score, roc_auc_score

from workbench.automl.checks import check
from workbench.automl.search import search
from workbench.automl.task import task
from workbench.dataset import read_table


def rows_of(rows: int, seed: int, told: float = 1.0) -> pd.DataFrame:
    """Rows whose answer the columns tell as much of as they are told to; at 0 it is noise."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(random.normal(size=(rows, 5)).round(4), columns=list("abcde"))
    frame["kind"] = random.choice(list("uvwxyz"), rows)
    worth = told * (frame["a"] + frame["b"] * (frame["kind"] < "w")) + random.normal(size=rows)
    return frame.assign(y=np.where(worth > 0, "yes", "no"))


def test_the_best_of_many_trials_on_noise_is_at_chance(table):
    result = search(task(table(rows_of(300, 0, told=0)), "y"), trials=30, families=["linear", "extra_trees"])
    assert result.score.low <= 0.5 <= result.score.high


def test_stopping_early_does_not_find_signal_in_noise(table):
    """On average over tables: a learner that stops by the rows it is measured on lies above 0.5 on each."""
    scores = [
        search(task(table(rows_of(200, seed, told=0)), "y"), trials=1, families=["lightgbm"], seed=seed).score.value
        for seed in range(6)
    ]
    spread = 0.045  # standard deviation of the AUC of a guess on 200 rows
    # It may lie below: where little is learned, folds differ by their share of yes, opposite to the rows left out.
    assert np.mean(scores) - 0.5 < 2.5 * spread / np.sqrt(len(scores))


def test_new_rows_of_the_same_source_score_within_the_interval(table):
    fresh = rows_of(4000, 100)
    within = 0
    for seed in range(4):
        result = search(task(table(rows_of(200, seed)), "y"), trials=4, seed=seed)
        new = roc_auc_score(fresh["y"] == "yes", result.model.predict_proba(fresh.astype(str))[:, 1])
        within += result.score.low <= new <= result.score.high
    assert within >= 3


def test_a_number_told_by_a_name_of_its_row_is_not_learned(table):
    """Target encoding that read its own row would make a perfect score of it."""
    random = np.random.default_rng(0)
    frame = rows_of(300, 3)[["a"]].assign(code=[f"item {n}" for n in random.integers(0, 200, 300)])
    frame["y"] = random.normal(size=300).round(4)
    result = search(task(table(frame), "y", kind="regression"), trials=3)
    assert result.scores["r2"].value < 0.1


def test_copies_of_rows_do_not_flatter(table):
    """Half of the rows are copies of the others; the answer is noise, which forests learn by heart."""
    once = rows_of(200, 4, told=0)
    told = table(pd.concat([once, once]).sample(frac=1, random_state=0))
    result = search(task(told, "y"), trials=3, families=["extra_trees", "lightgbm"])
    assert result.score.low <= 0.5 <= result.score.high


def test_what_is_known_of_a_group_does_not_help_with_new_groups(table):
    """Columns tell which customer a row is of; the answer is the customer's own, and drawn at random."""
    random = np.random.default_rng(0)
    customer = np.repeat(np.arange(60), 6)
    habits = random.normal(size=(60, 3))[customer] + random.normal(0, 0.01, (360, 3))
    frame = pd.DataFrame(habits.round(4), columns=list("abc")).assign(customer=[f"c{n}" for n in customer])
    frame["y"] = random.choice(["no", "yes"], 60)[customer]
    shuffled = search(task(table(frame), "y", ignore="customer"), trials=3)
    grouped = search(task(table(frame), "y", group="customer"), trials=3)
    assert shuffled.score.value > 0.9
    assert grouped.score.low <= 0.5 <= grouped.score.high


def test_where_the_world_drifts_the_score_is_of_the_future_not_of_the_shuffled_past(table):
    random = np.random.default_rng(0)
    place = np.arange(400)
    level = np.cumsum(random.normal(0, 1, 400))  # a walk: yesterday's neighbours know today, the past does not
    frame = pd.DataFrame({"x": random.normal(size=400).round(3), "clock": place + random.normal(0, 0.1, 400)})
    frame["day"] = (pd.Timestamp("2023-01-01") + pd.to_timedelta(place, unit="D")).astype(str)
    frame["y"] = (frame["x"] + level).round(3)
    shuffled, forward = (
        search(task(table(frame), "y", kind="regression", **how), trials=2, families=["extra_trees"])
        for how in ({"ignore": "day"}, {"time": "day"})
    )
    assert forward.score.value > 1.5 * shuffled.score.value
    assert (forward.predictions["fold"].diff().dropna() >= 0).all()  # each fold is later than the one before


def test_a_number_is_scored_on_its_own_scale(table):
    random = np.random.default_rng(0)
    frame = rows_of(200, 1).drop(columns="y")
    frame["price"] = np.exp(10 + 2 * frame["a"] + 0.2 * random.normal(size=200)).round(2)
    result = search(task(table(frame), "price", kind="regression"), trials=3)
    told = result.predictions
    assert result.scores["r2"].value == pytest.approx(r2_score(told["truth"], told["prediction"]))
    assert result.scores["rmse"].value == pytest.approx(np.sqrt(np.mean((told["truth"] - told["prediction"]) ** 2)))


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_the_unit_of_a_number_changes_nothing_but_the_unit(table, unit):
    frame = rows_of(120, 1).drop(columns="y").rename(columns={"a": "size", "e": "worth"})
    frame["worth"] += 2 * frame["size"]
    one, other = (
        search(task(table(frame.assign(worth=frame["worth"] * scale)), "worth", kind="regression"), trials=3)
        for scale in (1.0, unit)
    )
    assert other.scores["r2"].value == pytest.approx(one.scores["r2"].value, abs=0.02)
    assert other.score.value == pytest.approx(unit * one.score.value, rel=0.05)


@pytest.fixture(scope="module")
def plain() -> pd.DataFrame:
    """Rows with numbers and a column of many levels, which encoders tell by the target's means."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(240, 3)).round(3), columns=["size", "age", "wind"])
    town = random.integers(0, 20, 240)
    worth = 2 * frame["size"] + np.sin(3 * frame["age"]) + 0.1 * town + random.normal(0, 0.3, 240)
    return frame.assign(town=[f"town {number}" for number in town], worth=worth)


@pytest.fixture(scope="module")
def of_the_plain(plain, tmp_path_factory):
    return r2_of(plain, tmp_path_factory.mktemp("plain") / "rows.csv")


def r2_of(frame, path, unit=1.0, offset=0.0):
    """Give the R² of held-out rows and of the model's own predictions of all, and what was noticed."""
    told = frame.assign(worth=frame["worth"] * unit + offset)
    told.to_csv(path, index=False)
    found = search(task(read_table(str(path)), "worth", kind="regression"), trials=3)
    noticed = {check.name for check in check(found.task)} | {check.name for check in found.checks}
    said = r2_score(told["worth"] / unit, found.model.predict(told) / unit)
    return found.scores["r2"].value, said, noticed


@pytest.mark.parametrize(("unit", "offset"), [(1e-20, 0.0), (1e-12, 0.0), (1e15, 0.0), (1e160, 0.0), (1.0, 1e9)])
def test_neither_an_extreme_unit_nor_a_large_offset_changes_what_is_learned(
    plain, of_the_plain, tmp_path, unit, offset
):
    held_out, final, noticed = r2_of(plain, tmp_path / "rows.csv", unit, offset)
    assert held_out == pytest.approx(of_the_plain[0], abs=0.01)
    assert final == pytest.approx(of_the_plain[1], abs=0.02)
    assert noticed == of_the_plain[2]


def test_where_some_rows_have_copies_the_score_on_the_others_is_told(table):
    """A third of the rows have a copy; the answer is noise, so that only copies can be known."""
    once = rows_of(300, 4, told=0)
    told = table(pd.concat([once, once.head(60)]).sample(frac=1, random_state=0))
    result = search(task(told, "y"), trials=3, families=["extra_trees", "lightgbm"])
    check = next(check for check in result.checks if check.name == "rows_that_stand_once")
    assert result.score.value > 0.6
    assert check.level == "warn"
    assert "On the 240 rows that stand once in the table the score is ROC AUC 0.4" in check.message.replace(
        "0.5", "0.4"
    )
    assert "120 rows have copies" in check.message
