"""What drives a model and where it is wrong is found on held-out rows, and told in words that are true."""

import re
import time
from dataclasses import replace
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from workbench.automl.explain import Explanation, _places, explain
from workbench.automl.explaining.effects import _of_dates
from workbench.automl.explaining.held_out import held_out
from workbench.automl.explaining.importance import importances, promising
from workbench.automl.explaining.weak_spots import weak_spots
from workbench.automl.finders import sample
from workbench.automl.pictures import (
    decision_picture,
    leaderboard_picture,
    performance_picture,
    search_picture,
    target_picture,
)
from workbench.automl.search import search
from workbench.automl.task import task
from workbench.dataset import read_table
from workbench.pages.blocks import Said
from workbench.pages.explained import Effect
from workbench.pages.picture import Picture

ROWS = 500


def table(seed=0):
    """`strong` rises with the target, `kind` tells some, `noise` tells nothing; rows of shop C are unpredictable."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"noise": random.normal(size=ROWS), "strong": random.normal(size=ROWS)})
    frame["kind"] = random.choice(["red", "green"], ROWS)
    frame["shop"] = random.choice(["A", "B", "C"], ROWS)
    frame["opened"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 900, ROWS), unit="D")
    frame["vip"] = random.choice(["true", "false"], ROWS)
    signal = 2.5 * frame["strong"] + 1.2 * (frame["kind"] == "red")
    score = np.where(frame["shop"] == "C", random.normal(size=ROWS) * 3, signal)
    frame["amount"] = 100 + 10 * score + random.normal(size=ROWS)
    frame["sold"] = np.where(score > 0.6, "yes", "no")
    frame["size"] = pd.cut(score, [-np.inf, -1, 1.5, np.inf], labels=["small", "middle", "large"]).astype(str)
    return frame


TARGETS = {"binary": "sold", "multiclass": "size", "regression": "amount"}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    file = tmp_path_factory.mktemp("explain") / "shop.csv"
    table().to_csv(file, index=False)
    dataset = read_table(str(file))

    def found(target):
        others = [name for name in TARGETS.values() if name != target]
        kind = "regression" if target == "amount" else "classification"
        return search(task(dataset, target, kind=kind, ignore=others), trials=2, families=["lightgbm"])

    return {kind: found(target) for kind, target in TARGETS.items()}


@pytest.fixture(scope="module")
def explanations(results):
    return {kind: explain(result) for kind, result in results.items()}


@pytest.mark.parametrize("kind", TARGETS)
def test_the_column_that_drives_the_target_leads_and_noise_costs_next_to_nothing(explanations, kind):
    importance = explanations[kind].importance.set_index("feature")
    assert importance.index[0] == "strong"
    assert importance.loc["strong", "low"] > 0
    assert abs(importance.loc["noise", "importance"]) < 0.1 * importance.loc["strong", "importance"]
    assert (importance["low"] <= importance["importance"]).all()
    assert (importance["importance"] <= importance["high"]).all()


@pytest.mark.parametrize("kind", TARGETS)
def test_it_is_told_in_plain_words(explanations, kind):
    told = repr(explanations[kind])
    assert "strong matters most: shuffling it costs" in told
    assert "not what causes" in told
    assert told.splitlines()[0] in explanations[kind]._repr_html_().replace("&#39;", "'")


def test_the_direction_of_an_effect_is_told(explanations):
    told = repr(explanations["regression"])
    assert "As strong goes up" in told
    assert "rises" in told
    effect = next(effect for effect in explanations["regression"].effects if effect.column == "strong")
    assert effect.prediction[-1] > effect.prediction[0] + 20
    assert all(
        low <= value <= high for low, value, high in zip(effect.low, effect.prediction, effect.high, strict=True)
    )


def test_the_group_of_rows_that_cannot_be_predicted_is_found(explanations):
    for kind in ("binary", "regression"):
        assert explanations[kind].weak_spots[0].name == "shop = C"
        assert "It does worst where shop = C" in repr(explanations[kind].errors())
        assert "worst" not in repr(explanations[kind])  # which tells what drives it


@pytest.mark.parametrize("unit", [1e-9, 1e160])
def test_a_number_is_explained_in_whatever_unit_it_is(tmp_path, unit):
    frame = table().drop(columns=["sold", "size"])
    frame.assign(amount=frame["amount"] * unit).to_csv(tmp_path / "shop.csv", index=False)
    made = task(read_table(str(tmp_path / "shop.csv")), "amount", kind="regression")
    found = explain(search(made, trials=1, families=["lightgbm"]))
    strong = found.importance.iloc[0]
    assert strong["feature"] == "strong"
    assert unit < strong["low"] < strong["high"] < 100 * unit
    assert found.weak_spots[0].name == "shop = C"
    assert found.weak_spots[0].low < found.weak_spots[0].value < found.weak_spots[0].high < 100 * unit
    told = " ".join([*found.sentences(), repr(found.errors()), repr(found.rows()), found.importance_picture().alt])
    assert not re.search(r"\b0\.0+\b", told)
    assert max(map(len, told.split())) < 40


def test_groups_are_judged_row_by_row_for_within_one_a_ranking_is_always_poorer(explanations):
    told = repr(explanations["binary"].errors())
    assert "shop = C: wrong in" in told
    assert "any model is wrong more often" in told
    assert "accuracy" in repr(explanations["binary"].errors_picture())


def test_weak_spots_stand_worst_first_and_the_first_is_the_one_that_is_named(explanations):
    for kind, explanation in explanations.items():
        losses = [spot.value if kind != "binary" else -spot.value for spot in explanation.weak_spots]
        assert losses == sorted(losses, reverse=True)
        assert explanation.weak_spots[0].name in repr(explanation.errors())


def test_rows_that_weigh_nothing_are_in_no_weak_spot(results):
    """Of a group whose rows all weigh nothing there is no score; to look for one was a division by zero."""
    result = results["regression"]
    shop = result.task.frame["shop"].to_numpy() == "C"
    weighed = replace(result, task=replace(result.task, weight=np.where(shop, 0.0, 1.0)))
    assert "shop = C" in [spot.name for spot in weak_spots(result, ["shop"])]
    assert "shop = C" not in [spot.name for spot in weak_spots(weighed, ["shop"])]


def test_a_group_whose_predictions_are_too_low_is_said_to_have_them(results):
    result = results["regression"]
    shop = result.task.frame["shop"].to_numpy()[result.folds.validated] == "A"
    kept = result.predictions
    low = kept.assign(prediction=kept["prediction"] - np.where(shop, 60.0, 0.0))
    (spot,) = [each for each in weak_spots(replace(result, predictions=low), ["shop"]) if each.name == "shop = A"]
    assert spot.bias == pytest.approx(-60, abs=8)
    told = repr(replace(explain(result, seconds=0.1), weak_spots=(spot,)).errors())
    assert "The predictions there are too low by " in told


def test_a_group_of_dates_is_told_in_words_of_time(results):
    result = results["regression"]
    opened = result.task.frame["opened"].iloc[result.folds.validated]
    late = (opened > opened.quantile(0.85)).to_numpy()
    low = result.predictions.assign(prediction=result.predictions["prediction"] - np.where(late, 60.0, 0.0))
    assert weak_spots(replace(result, predictions=low), ["opened"])[0].name.startswith("opened is after 202")


def test_an_effect_shows_how_the_rows_are_spread(explanations):
    for effect in (effect for explanation in explanations.values() for effect in explanation.effects):
        if isinstance(effect.at[0], str) and effect.seen:
            assert len(effect.seen) == len(effect.at)
            assert sum(effect.seen) <= 1 + 1e-9
        elif effect.seen:
            assert effect.at[0] <= min(effect.seen) <= max(effect.seen) <= effect.at[-1]


@pytest.mark.parametrize("comes_again", [False, True])
def test_hours_are_put_into_each_rows_own_day_and_days_keep_its_hour(comes_again):
    random = np.random.default_rng(0)
    values = pd.Series(pd.Timestamp("2022-01-01") + pd.to_timedelta(random.integers(0, 700 * 24, 300), unit="h"))
    own = values.to_numpy().copy()
    own[:5] = np.datetime64("NaT")
    first, hours = _of_dates("at", values, comes_again=comes_again)
    assert (first.title, hours.title) == ("month of at" if comes_again else "at", "hour of at")
    put = pd.Series(hours.put(own, 7))
    assert (put.dt.hour == 7).all()
    assert (put.dt.normalize() == pd.Series(own).dt.normalize())[5:].all()
    moved = pd.Series(first.put(own, first.places[2]))
    assert (moved.dt.hour == pd.Series(own).dt.hour)[5:].all()
    assert moved.dt.month.nunique() == 1 if comes_again else moved.dt.day_of_week.nunique() == 7


def test_of_several_classes_the_one_that_moves_is_named_in_words_and_picture(explanations):
    explanation = explanations["multiclass"]
    assert all(effect.label in ("small", "middle", "large") for effect in explanation.effects)
    assert f"the average probability of '{explanation.effects[0].label}' " in repr(explanation).lower()
    assert "→" not in repr(explanation.effects_picture())


def test_labels_are_those_of_the_models_threshold_when_a_shuffle_is_measured(results):
    result = results["binary"]
    careful = replace(result, model=clone(result.model).set_params(threshold=0.9))
    rows = held_out(careful, 100)
    said = np.column_stack([np.full(len(rows.places), 0.3), np.full(len(rows.places), 0.7)])
    assert set(rows.predicted(said).prediction) == {"no"}
    assert set(held_out(result, 100).predicted(said).prediction) == {"yes"}


def test_that_no_group_is_worse_is_told_once(results):
    explanation = Explanation(results["binary"], explain(results["binary"], seconds=0.1).importance, (), ())
    assert "No group" in repr(explanation.errors())
    assert "no group to draw" in repr(explanation.errors_picture())


@pytest.mark.parametrize("kind", TARGETS)
def test_every_score_stands_beside_that_of_a_guess(results, explanations, kind):
    scores = explanations[kind].scores()
    assert repr(scores).count("a guess: ") == len(results[kind].scores)
    assert repr(scores).count("a guess: ") == scores._repr_html_().count("<tr>") - 1
    assert "choosing" in repr(scores).lower()


def test_years_are_written_as_years():
    effect = Effect("Year Built", [1925.0, 1950.0, 2005.0], [100_250.0, 120_000.0, 180_900.0])
    assert _places(effect.column, [effect.at[0], effect.at[-1]]) == ["1925", "2005"]
    assert _places("area", [334.0, 5642.0]) == ["334", "5,642"]
    assert _places("kind", ["red", "green"]) == ["red", "green"]


@pytest.mark.parametrize("kind", TARGETS)
def test_a_result_accounts_for_every_model_in_plain_names(results, kind):
    page = results[kind]._repr_html_()
    assert "LightGBM 1" in page
    assert "lightgbm" not in page
    assert "roc_auc" not in page
    assert "a guess" in page


def test_models_that_are_not_shown_are_counted_with_their_weight(results):
    result = results["regression"]
    line = result.leaderboard.iloc[[1]]
    others = [line.assign(model=f"linear {n}", rank=9 + n, weight=0.02, tied=False) for n in range(3, 8)]
    more = pd.concat([result.leaderboard, *others], ignore_index=True)
    trials = [*result.trials, *({"family": "linear", "score": 1.0, "state": "completed"} for _ in range(9))]
    page = replace(result, leaderboard=more, trials=trials)._repr_html_()
    assert "… 9 further models" in page
    assert ">10 %<" in page


@pytest.mark.parametrize("kind", TARGETS)
def test_every_picture_is_drawn_and_says_what_it_shows(results, explanations, kind):
    explanation = explanations[kind]
    drawn = [
        explanation.importance_picture(),
        explanation.effects_picture(),
        explanation.performance_picture(),
        explanation.errors_picture(),
        search_picture(results[kind]),
        leaderboard_picture(results[kind]),
        target_picture(results[kind].task),
        performance_picture(results[kind]),
    ]
    for picture in drawn:
        assert isinstance(picture, Picture | Said)
        assert len(repr(picture)) > 20
    assert isinstance(drawn[0], Picture)
    assert isinstance(drawn[2], Picture)


def test_a_search_that_reads_no_clock_is_explained_the_same_each_time(results, explanations):
    again = explain(results["binary"])
    pd.testing.assert_frame_equal(again.importance, explanations["binary"].importance)
    assert again.effects == explanations["binary"].effects


def test_importance_is_measured_on_rows_the_models_did_not_see(results):
    result = results["binary"]
    for fold, (train, valid) in enumerate(result.folds.pairs):
        assert not set(train) & set(valid)
        assert set(result.folds.fold_of[valid]) == {fold}


def test_with_no_time_at_all_something_is_told_and_soon(results):
    began = time.monotonic()
    assert len(importances(results["regression"], 0.0)) >= 1
    assert repr(explain(results["regression"], seconds=0.0))
    assert time.monotonic() - began < 30  # a busy machine; it is a second on an idle one


def test_explaining_changes_neither_table_nor_result(results):
    result = results["binary"]
    before = result.task.frame.copy(deep=True), result.predictions.copy(deep=True)
    explain(result, seconds=0.2)
    pd.testing.assert_frame_equal(result.task.frame, before[0])
    pd.testing.assert_frame_equal(result.predictions, before[1])


def test_names_of_columns_are_escaped(results, explanations):
    evil = "<script>alert(1)</script>"
    explanation = explanations["binary"]
    table = explanation.importance.replace("strong", evil)
    page = type(explanation)(results["binary"], table, (), ())._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("role", ["group", "time"])
def test_with_groups_or_times_too_everything_is_asked_of_rows_the_models_did_not_see(tmp_path, role):
    frame = table().drop(columns=["sold", "size"])
    frame["farm"] = np.arange(ROWS) % 12
    frame.to_csv(tmp_path / "farms.csv", index=False)
    chosen = {"group": "farm"} if role == "group" else {"time": "opened", "ignore": ["farm"]}
    made = task(read_table(str(tmp_path / "farms.csv")), "amount", kind="regression", **chosen)
    result = search(made, trials=1, families=["lightgbm"])
    rows = held_out(result, 200)
    explained = [made.frame.index.get_loc(row.row) for row in explain(result).single_rows]
    assert len(explained) >= 2
    for place, fold in [*zip(rows.places, rows.fold, strict=True), *((p, result.folds.fold_of[p]) for p in explained)]:
        known = result.folds.pairs[fold][0]
        if role == "group":
            assert made.groups[place] not in set(made.groups[known])
        else:
            assert made.times[place] > made.times[known].max()


def test_where_no_row_is_called_the_class_looked_for_it_is_said_what_to_do(results):
    result = results["binary"]
    rarely = replace(result, predictions=result.predictions.assign(prediction=result.task.classes[0]))
    assert "No row is called 'yes': say what a miss costs (cost_of_miss)" in repr(decision_picture(rarely))
    assert "No row is called" not in repr(decision_picture(result))


def test_rows_of_a_very_wide_table_are_not_explained_once_the_run_is_late(results, monkeypatch):
    """To exchange so many columns takes a second, which a run past its deadline does not have."""
    found = results["binary"]
    late = import_module("workbench.automl.explain")
    monkeypatch.setattr(late, "MANY_COLUMNS", 3)
    assert explain(found, seconds=late.LEAST_SECONDS).single_rows == ()
    monkeypatch.setattr(late, "MANY_COLUMNS", 300)
    assert explain(found, seconds=late.LEAST_SECONDS).single_rows


def test_what_columns_tell_is_measured_once_for_checks_and_explanations(results, monkeypatch):
    made = results["binary"].task
    told = sample.skills(made)
    monkeypatch.setattr(sample, "skill", None)
    assert sample.skills(made) is told
    assert promising(made) == sorted(told, key=lambda name: -told[name][0])
    again = replace(made, frame=made.frame.copy())
    with pytest.raises(TypeError):  # another table is measured anew
        sample.skills(again)
