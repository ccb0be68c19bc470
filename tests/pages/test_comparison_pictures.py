"""The pictures of a comparison say in words what they show, and bear whatever experiments hold."""

from __future__ import annotations

import re
import warnings

import pytest
from matplotlib.figure import Figure

from workbench.pages.changes import Spent, importance_changes, score_against_cost
from workbench.pages.comparison import comparison_page
from workbench.pages.intervals import Interval
from workbench.pages.learning import Search, learning_curves
from workbench.pages.parallel import Choice, differing, parallel_coordinates

EVIL = "<script>$x$ 漢字 \n\x07 名前"


def trial(number, score, best, **fields):
    parameters = {"leaves": 2**number, "extra": number % 2 == 0, "rate": 0.1 / number}
    return {"number": number, "family": "lightgbm", "score": score, "best": best, "elapsed": 2.0 * number,
            "parameters": parameters, **fields}  # fmt: skip


def row(rank, value, **fields):
    trials = [trial(number, value - 0.1 / number, value - 0.1 / number) for number in range(1, 7)]
    behind = None if rank == 1 else {"value": 0.01 * rank, "low": -0.01, "high": 0.03, "rows": 100, "tied": rank < 4}
    told = {
        "ref": f"churn@20261121T183000Z-{rank:08x}", "metric": "roc_auc", "searched_by": "roc_auc", "value": value,
        "low": value - 0.02, "high": value + 0.02, "higher_is_better": True, "rank": rank, "group": 1,
        "seconds": 60.0 / rank, "behind": behind, "resources": {"cpu": 100.0 / rank, "cost": None}, "trials": trials,
        "parameters": {"budget": f"{60 * rank}s", "seed": rank, "ignore": ["id"] if rank % 2 else []},
        "importance": [{"feature": "tenure", "value": 0.2 / rank, "low": 0.1 / rank, "high": 0.3 / rank},
                       {"feature": f"only {rank}", "value": 0.05, "low": None, "high": None}],
    }  # fmt: skip
    return {**told, **fields}


def alternatives(page):
    return re.findall(r'alt="([^"]+)"', page)


def test_a_page_draws_what_is_known_of_experiments_ranked_together():
    page = comparison_page({"leaderboard": [row(rank, 0.9 - rank / 100) for rank in (1, 2, 3)]})
    heads = re.findall(r"<h3>([^<]+)</h3>", page)
    assert heads == [
        "How they got there", "What it took", "What drives the models", "Parameters and scores", "Trials and scores",
    ]  # fmt: skip
    told = alternatives(page)
    assert len(told) == len(set(told)) == 5
    assert all(len(text.split()) > 10 for text in told)


def test_nothing_is_drawn_across_scores_that_cannot_be_compared():
    rows = [row(1, 0.9), row(1, 0.8, group=2, ref="churn@20261121T183000Z-0000000b")]
    assert "<img" not in comparison_page({"leaderboard": rows})


def test_searches_by_another_metric_are_not_drawn_with_those_by_this_one():
    rows = [row(1, 0.9), row(2, 0.8, searched_by="log_loss")]
    page = comparison_page({"leaderboard": rows})
    assert "How they got there" not in page
    assert "What drives the models" not in page


def test_what_costs_money_is_drawn_by_its_cost_where_all_have_one_currency():
    def priced(rank, currency):
        return row(rank, 0.9, resources={"cpu": 1.0, "cost": {"amount": rank / 10, "currency": currency}})

    assert "took 0.10 EUR" in comparison_page({"leaderboard": [priced(1, "EUR"), priced(2, "EUR")]})
    assert "took 1 CPU seconds" in comparison_page({"leaderboard": [priced(1, "EUR"), priced(2, "USD")]})


def test_thirty_stand_one_below_the_other_and_six_have_a_colour():
    page = comparison_page({"leaderboard": [row(rank, 0.9 - rank / 1000) for rank in range(1, 31)]})
    assert page.count("<table") == 2
    assert len(page) < 1_500_000
    assert ">experiment</" in page


def test_the_first_is_no_best_while_others_may_be_as_good():
    tied = [row(1, 0.9), row(2, 0.89)]
    assert "first, but tied" in comparison_page({"leaderboard": tied})
    untested = [row(1, 0.9), row(2, 0.89, behind=None)]
    assert "first, not tested against all" in comparison_page({"leaderboard": untested})
    assert ">best<" not in comparison_page({"leaderboard": tied})


def test_many_searches_end_where_they_are_said_to():
    searches = [Search(f"churn@{i}", [1, 2, 3], [0.5, 0.6, 0.6 + i / 100], None) for i in range(1, 9)]
    picture = learning_curves(searches, metric="roc_auc", higher_is_better=True)
    assert "churn@8 comes to 0.680 in 3 trials" in picture.alt
    assert (picture.width, picture.height) == (806, 336)


@pytest.mark.parametrize("values", [[0.5], [0.5, 0.5], [1e9, 1e-9], [-3.0, -2.0]])
def test_searches_of_any_size_can_be_drawn(values):
    searches = [Search("one", range(len(values)), values, values), Search("other", [1], [0.1], [0.0])]
    assert learning_curves(searches, metric="rmse", higher_is_better=False).png.startswith(b"\x89PNG")


@pytest.mark.parametrize("number", [0, 1, 40])
def test_the_axis_of_searches_of_one_trial_names_that_trial(number, monkeypatch):
    drawn = []

    def painted(paint, **_):
        drawn.append(Figure())
        paint(drawn[-1])

    monkeypatch.setattr("workbench.pages.learning.draw", painted)
    searches = [Search(name, [number], [score], [2.0]) for name, score in (("one", 0.78), ("other", 0.79))]
    learning_curves(searches, metric="f1", higher_is_better=True)
    axes = drawn[0].axes[0]
    low, high = axes.get_xlim()
    assert [tick for tick in axes.get_xticks() if low <= tick <= high] == [number]


def test_lines_without_a_value_are_drawn_too():
    choices = [Choice({"depth": 3, "kind": "a"}, 0.5), Choice({"kind": "b"}, 0.7), Choice({"depth": None}, 0.6)]
    picture = parallel_coordinates(choices, what="experiment", metric="roc_auc", higher_is_better=True)
    assert "The best experiment (ROC AUC 0.7) has kind b and depth –" in picture.alt


def test_where_less_is_better_the_least_is_the_best():
    choices = [Choice({"depth": depth}, depth / 10) for depth in (5, 1, 3)]
    picture = parallel_coordinates(choices, what="trial", metric="rmse", higher_is_better=False)
    assert "The best trial (RMSE 0.1) has depth 1" in picture.alt


def test_what_is_alike_or_has_too_many_levels_has_no_axis():
    choices = [Choice({"same": 1, "file": f"/data/{i}.csv", "depth": i}, i) for i in range(20)]
    assert differing(choices) == ["depth"]
    assert differing([Choice({"x": {"a": [1]}}, 1.0), Choice({"x": {"a": [2]}}, 2.0)]) == ["x"]
    assert differing([Choice({"x": 10**400}, 1.0), Choice({"x": 1}, 2.0)]) == []


def test_the_cheapest_of_the_best_is_named():
    entries = [
        Spent(Interval("slow", 0.9, 0.88, 0.92), 100.0, leads=True),
        Spent(Interval("quick", 0.89, 0.87, 0.91), 5.0, leads=True),
        Spent(Interval("poor", 0.7), 1.0, leads=False),
    ]
    picture = score_against_cost(entries, unit="seconds", metric="roc_auc", higher_is_better=True)
    assert "quick, tied with the best, took 5 seconds; the best took 100" in picture.alt


def test_the_column_that_changes_most_is_named():
    sides = {"one": [Interval("age", 0.3, 0.2, 0.4), Interval("fee", 0.1)], "other": [Interval("age", 0.05)]}
    assert "age changes most: it is worth 0.30 in one and 0.05 in other" in importance_changes(sides, metric="f1").alt


def test_any_name_can_be_drawn_without_a_word_on_stderr():
    evil = [Interval(EVIL, 0.3, 0.2, 0.4)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        importance_changes({EVIL: evil, "other": evil}, metric=EVIL)
        searches = [Search(EVIL, [1], [0.1], [1.0])] * 2
        learning_curves(searches, metric=EVIL, higher_is_better=True)
        choices = [Choice({EVIL: EVIL, "n": i}, i) for i in range(4)] + [Choice({EVIL: "b"}, 1.0)]
        parallel_coordinates(choices, what=EVIL, metric=EVIL, higher_is_better=True)
        spent = [Spent(evil[0], 1.0, leads=True)] * 2
        score_against_cost(spent, unit="seconds", metric=EVIL, higher_is_better=True)


def test_budgets_are_drawn_as_the_times_they_are():
    choices = [Choice({"budget": f"{minutes}m"}, minutes / 100) for minutes in range(1, 20)] + [Choice({}, 0.1)]
    assert differing(choices) == ["budget"]


def test_columns_that_only_one_model_has_are_not_said_to_have_changed():
    sides = {"one": [Interval("age", 0.3)], "other": [Interval("fee", 0.1)]}
    assert "none of the first columns in common" in importance_changes(sides, metric="f1").alt
