"""Numbers and labels stand in sentences as people write them."""

from __future__ import annotations

import pytest

from workbench.pages import figures, performance, words
from workbench.pages.summary import Found, summary
from workbench.records import Score


@pytest.mark.parametrize(
    ("value", "shown"),
    [(-13, "−13"), (-0.25, "−0.25"), (-1234567.8, "−1,234,568"), (-1e-07, "−1e−07"), (13, "13"), (None, "–")],
)
def test_a_number_below_zero_has_a_minus_sign(value, shown):
    assert words.number(value) == shown


def test_numbers_read_against_each_other_have_minus_signs():
    assert words.alike([-0.74, 0.05]) == ["−0.74", "0.05"]
    assert words.score_sentence(Score("r2", -0.21, -0.42, -0.03)) == "R² −0.21 (−0.42 to −0.03)"
    task = {"target": "price", "rows": 90, "features": ["x"]}
    assert "gives −0.01" in " ".join(summary(Found(task, Score("r2", 0.4, 0.2, 0.6), guess=-0.01)))


def test_numbers_of_a_tiny_unit_are_not_written_as_zeros():
    assert words.score_sentence(Score("rmse", 7.034e-13, 6.5e-13, 7.8e-13)) == "RMSE 7.03e−13 (6.5e−13 to 7.8e−13)"
    assert words.alike([2.4e-12, -7e-13, 0.0], rounded=True) == ["2.4e−12", "−7e−13", "0"]
    assert words.alike([1e-17]) == ["0.000000"]  # a difference by rounding
    assert words.score_sentence(Score("", 7.034e-10, 6.5e-10, 7.8e-10)).strip() == "7.03e−10 (6.5e−10 to 7.8e−10)"


def test_numbers_of_a_huge_unit_are_not_written_digit_by_digit():
    assert words.number(1.2346e160) == "1.235e+160"
    assert words.measured(1.2346e160) == "1.2e+160"
    assert words.alike([1.2e160, 9.87e158], rounded=True) == ["1.2e+160", "9.87e+158"]
    assert words.score_sentence(Score("rmse", 7.034e15, 6.5e15, 7.8e15)) == "RMSE 7.03e+15 (6.5e+15 to 7.8e+15)"


def test_what_is_written_as_zero_has_no_sign():
    gain = Score("", -0.0001, -0.0002, 0.019)
    assert (words.score_value(gain), words.score_interval(gain)) == ("0.000", "0.000 to 0.019")


def test_a_class_label_stands_in_quotes():
    assert "75 % of 12 rows are 'other'" in figures.class_counts({"not": 3, "other": 9}, target="kind").alt
    labels = ["all", "other", "other", "all"]
    told = performance.multiclass_performance(labels, ["other", "other", "other", "all"], classes=["all", "other"]).alt
    assert "'all' is found least often" in told
    assert "'all' taken for 'other'" in told
    task = {"target": "kind", "rows": 90, "features": ["x"], "classes": ["not", "other"]}
    assert "kind ('other' or 'not')" in summary(Found(task, Score("roc_auc", 0.7)))[0]
