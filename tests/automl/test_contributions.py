"""Single rows are explained by models that have not seen them, and the shares add up to the prediction."""

import numpy as np
import pandas as pd
import pytest

from workbench.automl.explain import Explanation, explain
from workbench.automl.explaining.contributions import (
    TITLES,
    background,
    explained_rows,
    worth_of_classes,
    worth_of_numbers,
)
from workbench.automl.explaining.held_out import predictor
from workbench.pages.picture import Picture

KINDS = ("binary", "multiclass", "regression")


@pytest.fixture(scope="module")
def explained(results):
    return {kind: explained_rows(results(kind), results(kind).task.features, None) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_columns_moved_sums_to_the_prediction_minus_the_average(explained, kind):
    assert 2 <= len(explained[kind]) <= 3
    for row in explained[kind]:
        assert sum(bar.value for bar in row.columns) == pytest.approx(row.predicted - row.average, abs=1e-9)
        assert all(bar.low <= bar.value <= bar.high for bar in row.columns if bar.low is not None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_has_the_prediction_of_models_that_had_not_seen_it(results, explained, kind):
    result = results(kind)
    kept = result.predictions.set_index("row")
    for row in explained[kind]:
        truth, fold = kept.loc[row.row, "truth"], int(kept.loc[row.row, "fold"])
        place = result.task.frame.index.get_loc(row.row)
        assert row.truth == truth
        assert place not in result.folds.pairs[fold][0]
        said = np.ravel(predictor(result, fold)(result.task.frame.iloc[[place]]))
        assert row.predicted == pytest.approx(said[result.task.classes.index(row.label) if row.label else 0], abs=1e-9)


def test_what_a_row_is_called_is_what_it_is_shown_for(explained):
    for row in explained["binary"]:
        right = (row.predicted > 0.5) == (row.truth == "yes")
        assert row.why == "unsure" or right == (row.why == "right")


def test_the_average_is_near_that_of_all_rows(results, explained):
    usual = results("regression").predictions["prediction"]
    for row in explained["regression"]:
        assert abs(row.average - usual.mean()) < 0.3 * usual.std()


def best(worth):
    return {why: int(each.argmax()) for why, each in worth.items() if np.isfinite(each.max())}


def test_a_sure_hit_a_sure_miss_and_the_hardest_are_picked():
    positive = np.array([0.9, 0.2, 0.97, 0.01, 0.52, 0.4])
    right = np.array([True, True, False, True, True, True])
    said = np.column_stack([1 - positive, positive])
    assert best(worth_of_classes(right, said, 0.5)) == {"right": 0, "wrong": 2, "unsure": 4}
    assert best(worth_of_classes(np.ones(6, dtype=bool), said, 0.3)) == {"right": 2, "unsure": 1}


def test_of_several_classes_the_hardest_has_two_that_are_equally_likely():
    said = np.array([[0.4, 0.38, 0.22], [0.9, 0.05, 0.05], [0.45, 0.1, 0.45]])
    right = np.array([True, True, False])
    assert best(worth_of_classes(right, said, None)) == {"right": 1, "wrong": 2, "unsure": 2}


def test_of_numbers_a_high_and_a_low_hit_and_the_worst_miss_are_picked():
    truth = np.array([1.0, 5.0, 9.0, 3.0, 6.0, 7.0, 2.0, 8.0])
    said = np.array([1.1, 5.9, 9.1, 3.9, 6.9, 0.0, 2.9, 8.9])
    assert best(worth_of_numbers(truth, said, 0.2)) == {"high": 2, "low": 0, "off": 5}


@pytest.mark.parametrize("kind", KINDS)
def test_with_little_time_columns_are_told_together_and_the_sum_still_holds(results, kind, monkeypatch):
    monkeypatch.setattr("workbench.automl.explaining.contributions.LEAST_PLAYERS", 2)
    result = results(kind)
    for row in explained_rows(result, result.task.features, 0.0):
        assert row.columns[-1].name.startswith("the other")
        assert sum(bar.value for bar in row.columns) == pytest.approx(row.predicted - row.average, abs=1e-9)


def test_it_is_told_in_words_and_as_a_picture(results, explained):
    told = Explanation(results("binary"), pd.DataFrame(columns=["feature"]), (), (), explained["binary"])
    assert isinstance(told.rows_picture(), Picture)
    for row in explained["binary"]:
        assert f"{TITLES[row.why]}: row {row.row + 1:,}, where bought is '{row.truth}'." in repr(told.rows())
        assert "Predicted probability of 'yes': " in row.sentence("bought")
        assert row.sentence("bought") in repr(told.rows_picture())
    assert "add up to the whole difference" in told.rows()._repr_html_()


def test_without_rows_it_says_so(results):
    told = Explanation(results("binary"), pd.DataFrame(columns=["feature"]), (), ())
    assert "no time" in repr(told.rows())
    assert "no time" in repr(told.rows_picture())


def test_the_same_rows_are_explained_the_same_each_time(results):
    result = results("multiclass")
    assert explain(result).single_rows == explain(result).single_rows


def test_rows_to_compare_with_are_raw_rows_of_the_table(results):
    result = results("regression")
    rows = background(result, 30)
    assert len(rows) == 30
    pd.testing.assert_frame_equal(rows, result.task.dataset.frame.loc[rows.index])
    said, usual = result.model.predict(rows), result.predictions["prediction"]
    assert abs(said.mean() - usual.mean()) < 0.3 * usual.std()


def test_explanations_see_probabilities_calibrated_as_the_model_gives_them(results):
    result = results("binary")
    rows = result.task.frame.iloc[result.folds.pairs[0][1]]
    said = predictor(result, 0)(rows)
    plain = result.fold_models[0].predict(rows)
    expected = plain if result.model.calibration is None else result.model.calibration.transform(plain)
    np.testing.assert_array_equal(said, expected)
