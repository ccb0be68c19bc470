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
        blocks.table([one], [[other]], caption=one),
        blocks.key_facts({one: other}),
        blocks.check_notice(Check(one, "note", other, (one,))),
        blocks.paragraph(one),
    ]
    plain = [
        blocks.notice("warn", "a", "b" if other else ""),
        blocks.table(["a"], [["b"]], caption="a" if one else ""),
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
    ("seconds", "text"), [(0.42, "0.4 s"), (59.6, "1 min"), (65, "1 min 5 s"), (7380, "2 h 3 min")]
)
def test_spans_of_time_are_written_in_the_units_people_use(seconds, text):
    assert words.duration(seconds) == text


def test_lists_are_cut_with_a_count():
    assert words.listing(["a", "b", "c"]) == "a, b and c"
    assert words.listing(list("abcdefg"), most=4) == "a, b, c and 4 more"
