"""Blocks escape what they are given, and words read as people write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.pages import blocks, words
from workbench.pages.sanitize import clean
from workbench.records import Check, Score

anything = st.text()


@given(anything, anything)
def test_no_text_becomes_markup(one, other):
    made = [
        blocks.notice("warn", one, other),
        blocks.table([one], [[other]]),
        blocks.key_facts({one: other}),
        blocks.check_notice(Check(one, "note", other, (one,))),
        blocks.paragraph(one),
    ]
    plain = [
        blocks.notice("warn", "a", "b" if other else ""),
        blocks.table(["a"], [["b"]]),
        blocks.key_facts({"a": "b"}),
        blocks.check_notice(Check("a", "note", "b" if other else "", ("a",))),
        blocks.paragraph("a"),
    ]
    assert [block.count("<") for block in made] == [block.count("<") for block in plain]


@given(st.lists(st.floats(-1e9, 1e9), min_size=3, max_size=3), st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=2))
def test_an_interval_bar_never_leaves_its_box(values, scale):
    (low, value, high), (left, right) = sorted(values), sorted(scale)
    bar = blocks.interval_bar(value, low, high, of=(left, right))
    widths = [float(part.split("%")[0]) for part in bar.split("width:")[2:]]
    assert all(0 <= width <= 100 for width in widths)
    assert sum(widths) <= 100.1


def test_what_blocks_make_survives_the_cleaning_of_a_report():
    bar = blocks.interval_bar(0.5, 0.4, 0.6, of=(0, 1))
    kept = clean(str(blocks.table(["score", "interval"], [[0.5, bar]])))
    assert "background-color" in kept
    assert kept.count("<span") == bar.count("<span")


@pytest.mark.parametrize(
    ("score", "text"),
    [
        (Score("roc_auc", 0.84612, 0.83411, 0.85833), "ROC AUC 0.846 (0.834 to 0.858)"),
        (Score("rmse", 26123.4, 23011.2, 29988.7, higher_is_better=False), "RMSE 26,123 (23,011 to 29,989)"),
        (Score("r2", 0.5), "R² 0.5"),
        (Score("accuracy", 1.0, 1.0, 1.0), "accuracy 1 (1 to 1)"),
    ],
)
def test_a_score_is_written_as_precisely_as_it_is_known(score, text):
    assert words.score_sentence(score) == text


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.74, 0.0492], ["0.74", "0.05"]),
        ([275.6, 2499], ["276", "2,499"]),
        ([768, 2726], ["768", "2,726"]),
        ([0.5012, 0.5034], ["0.5012", "0.5034"]),
        ([-0.001, 100], ["0", "100"]),
        ([5, 5], ["5", "5"]),
        ([float("nan"), 2.5], ["–", "2.5"]),
    ],
)
def test_numbers_read_against_each_other_are_as_precise_as_each_other(values, texts):
    assert words.alike(values) == texts


def test_large_averages_are_rounded():
    assert words.alike([167_375, 248_681], rounded=True) == ["167,000", "249,000"]


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=4), st.booleans())
def test_any_numbers_can_be_written_side_by_side(values, rounded):
    assert len(words.alike(values, rounded=rounded)) == len(values)


def test_columns_of_written_numbers_stand_right_aligned():
    assert "text-align:right" not in blocks.table(["share"], [["12 %"]])
    assert blocks.table(["share"], [["12 %"], [""]], right=("share",)).count("text-align:right") == 3


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.42, "0.4 s"), (59.6, "1 min"), (65, "1 min 5 s"), (7380, "2 h 3 min")]
)
def test_spans_of_time_are_written_in_the_units_people_use(seconds, text):
    assert words.duration(seconds) == text


def test_lists_are_cut_with_a_count():
    assert words.listing(["a", "b", "c"]) == "a, b and c"
    assert words.listing(list("abcdefg"), most=4) == "a, b, c and 4 more"
