"""Pictures say in words what they show, are crisp and small, and are drawn from any data there may be."""

import base64
import html
import io
import logging

import nbformat
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from nbconvert import HTMLExporter
from PIL import Image

from workbench.pages import explained, figures, performance, trust
from workbench.pages.explained import Effect, Panel
from workbench.pages.intervals import Interval

random = np.random.default_rng(0)
truth = random.random(400) < 0.3
probability = np.clip(0.3 * truth + 0.7 * random.random(400), 0, 1)
labels = np.array(["a", "b", "c"], dtype=object)[random.integers(0, 3, 400)]
numbers = random.normal(50_000, 9_000, 400)

PICTURES = {
    "search": lambda: figures.search_history(
        [3, 1, 2], [0.8, 0.7, 0.9], ["linear", "trees", "trees"], metric="roc_auc", higher_is_better=True
    ),
    "leaderboard": lambda: figures.leaderboard(
        [Interval("one", 0.8, 0.7, 0.9), Interval("two", 0.75)], metric="roc_auc", higher_is_better=True
    ),
    "classes": lambda: figures.class_counts({"yes": 30, "no": 70}, target="left"),
    "spread": lambda: figures.number_spread(numbers, target="price"),
    "importance": lambda: explained.importance(
        [Interval("x", 0.1, 0.05, 0.2), Interval("y", -0.01, -0.1, 0.1)], metric="r2"
    ),
    "effects": lambda: explained.effects(
        [Effect("x", [1, 2, 3], [0.1, 0.2, 0.3]), Effect("kind", ["a", "b"], [0.1, 0.3], [0, 0.2], [0.2, 0.4])],
        predicted="average probability of yes",
    ),
    "slices": lambda: explained.error_slices(
        [Interval("kind = a", 0.6, 0.5, 0.7, rows=120)], 0.8, metric="roc_auc", higher_is_better=True
    ),
    "binary": lambda: performance.binary_performance(truth, probability),
    "multiclass": lambda: performance.multiclass_performance(labels, labels[::-1], classes=["a", "b", "c"]),
    "regression": lambda: performance.regression_performance(numbers, numbers + 5, target="price"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_crisp_small_and_told_in_words(name):
    picture = PICTURES[name]()
    image = Image.open(io.BytesIO(picture.png))
    assert image.width == pytest.approx(2 * picture.width, abs=2)
    assert len(picture.png) < 120_000
    assert len(picture.alt.split()) >= 6
    assert repr(picture) == picture.alt


@pytest.mark.parametrize("name", [*PICTURES, "decision"])
def test_every_legend_has_its_place(name, monkeypatch):
    """To look for the best one takes long where there is much to draw, and then warns."""
    placed, legend = [], Axes.legend

    def told(axes, **how):
        placed.append(how.get("loc"))
        return legend(axes, **how)

    monkeypatch.setattr(Axes, "legend", told)
    curve = trust.Curve("F1", np.array([0.0, 0.2, 0.5]), np.array([0.3, 0.9, 0.8]), ((0.2, "the model's"),))
    drawn = {**PICTURES, "decision": lambda: trust.decision(np.eye(2), curve, classes=["no", "yes"], title="x")}
    drawn[name]()
    assert {None, "best"}.isdisjoint(placed)
    assert placed or name not in ("spread", "decision", "search")


def test_jupyter_and_nbconvert_find_picture_size_and_words():
    data, metadata = PICTURES["classes"]()._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    output = nbformat.v4.new_output("display_data", data=data, metadata=metadata)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=[output])])
    page, _ = HTMLExporter(template_name="basic").from_notebook_node(notebook)
    assert "alt=\"Rows of each class. left: 70 % of 100 rows are 'no'.\"" in html.unescape(page)
    assert "No description" not in page


def test_the_search_title_names_the_best_trial():
    alt = PICTURES["search"]().alt
    assert "0.9, by trees in trial 2 (3 trials)" in alt


def test_for_a_metric_to_be_small_the_smallest_leads():
    entries = [Interval("one", 3.0, 2.0, 4.0), Interval("two", 2.5, 2.0, 3.1)]
    alt = figures.leaderboard(entries, metric="rmse", higher_is_better=False).alt
    assert "Two leads with RMSE 2.5" in alt


def test_the_leaderboard_says_how_many_a_paired_test_cannot_tell_from_the_best():
    entries = [Interval("ensemble", 0.80, 0.7, 0.9), Interval("LightGBM 1", 0.79, 0.7, 0.9), Interval("linear 2", 0.75)]
    alt = figures.leaderboard(entries, metric="roc_auc", higher_is_better=True, tied=["ensemble", "LightGBM 1"]).alt
    assert "The ensemble leads with ROC AUC 0.80; 1 other (blue) cannot be told apart from it" in alt


def test_names_are_never_read_as_formulas_and_unknown_letters_do_not_warn(caplog):
    with caplog.at_level(logging.WARNING):
        figures.class_counts({"$\\frac{1}{2": 3, "a_b^c": 2}, target="$x$")
    assert not caplog.records


def test_one_class_only_among_the_rows_is_drawn_without_a_warning():
    performance.binary_performance(np.zeros(30, bool), np.full(30, 0.2))


def test_a_class_nobody_has_is_drawn_without_a_warning():
    performance.multiclass_performance(labels, labels, classes=["a", "b", "c", "never"])


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12), st.booleans())
def test_any_scores_make_a_search_history(scores, higher):
    figures.search_history(range(len(scores)), scores, ["f"] * len(scores), metric="rmse", higher_is_better=higher)


@given(st.integers(1, 400), st.data())
def test_the_interval_of_a_share_holds_it_and_stays_within_0_and_1(rows, data):
    hits = data.draw(st.integers(0, rows))
    low, high = performance.wilson(np.array([hits]), np.array([rows]))
    slack = 1e-9
    assert -slack <= low[0] <= hits / rows + slack
    assert hits / rows - slack <= high[0] <= 1 + slack


def test_single_rows_are_drawn_with_what_is_said_of_them():
    bars = [Interval("tenure = 2", 0.2, 0.15, 0.25), Interval("contract = yearly", -0.1, -0.12, -0.08)]
    panels = [Panel("Sure, and right: row 7", [*bars, Interval("the other 3 columns", 0.01)])]
    picture = explained.contributions(panels, moved="probability of yes", alt="Row 7 was raised by tenure.")
    assert repr(picture) == "Row 7 was raised by tenure."
    taller = explained.contributions(panels * 3, moved="probability of yes", alt="Three rows.")
    assert taller.height > 2 * picture.height


def test_no_line_of_an_effect_runs_through_the_foot_that_shows_how_the_rows_are_spread():
    effect = Effect("age", [1.0, 2.0, 3.0], [0.1, 0.5, 0.3], [0.05, 0.4, 0.2], [0.2, 0.6, 0.4], seen=[1.0, 1.5, 2.5])
    low, high = explained._with_room_at_the_foot((0.04, 0.62), [effect])
    assert low + explained.FOOT * (high - low) < 0.05
    assert explained._with_room_at_the_foot((0.0, 1.0), [Effect("age", [1.0, 2.0], [0.1, 0.2])]) == (0.0, 1.0)


def test_effects_of_columns_with_endless_names_leave_room_for_the_curves():
    shown = [Effect(letter * 3_000, [1.0, 2.0], [0.1, 0.2]) for letter in "ab"]
    picture = explained.effects(shown, predicted="average")
    assert len(picture.alt) < 400


@pytest.mark.parametrize("seen", [(), (0.6, 0.4)])
def test_effects_of_names_and_of_several_classes_are_drawn(seen):
    shown = [
        Effect("kind", ["red", "green"], [0.1, 0.3], label="small", seen=seen),
        Effect("age", [1.0, 5.0], [0.1, 0.3], label="large", seen=[1.0, 2.0, 3.0] if seen else ()),
    ]
    assert "kind: lowest (0.1" in repr(explained.effects(shown, predicted="average probability of the class named"))
