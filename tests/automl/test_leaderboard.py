"""The simplest of those that cannot be told apart from the best is named."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.automl.blending.leaderboard import simplest
from workbench.automl.display import _simplest
from workbench.automl.explain import Explanation
from workbench.automl.explaining.importance import COLUMNS

LINES = {
    "ensemble": ("ensemble", 0.0),
    "lightgbm 1": ("lightgbm", 3.0),
    "lightgbm 4": ("lightgbm", 1.0),
    "linear 3": ("linear", 9.0),
    "mine 5": ("mine", 0.1),
    "baseline": ("baseline", 0.0),
}


def board(order: list[str], tied: set[str]) -> pd.DataFrame:
    """Make a leaderboard in this order."""
    made = pd.DataFrame(
        {
            "rank": range(1, len(order) + 1),
            "model": order,
            "family": [LINES[name][0] for name in order],
            "seconds": [LINES[name][1] for name in order],
            "tied": [place == 0 or name in tied for place, name in enumerate(order)],
        }
    )
    return made.assign(simplest=simplest(made))


@pytest.mark.parametrize(
    ("order", "tied", "named"),
    [
        (["ensemble", "lightgbm 1", "linear 3", "baseline"], {"lightgbm 1", "linear 3"}, ["linear 3"]),
        (["ensemble", "lightgbm 1", "lightgbm 4", "linear 3"], {"lightgbm 1", "lightgbm 4"}, ["lightgbm 4"]),
        (["ensemble", "mine 5", "lightgbm 1"], {"mine 5", "lightgbm 1"}, ["lightgbm 1"]),
        (["lightgbm 1", "ensemble", "linear 3"], {"ensemble"}, ["lightgbm 1"]),
        (["ensemble", "linear 3", "baseline"], set(), []),
        (["ensemble", "linear 3", "baseline"], {"baseline"}, []),
    ],
)
def test_one_of_the_tied_is_the_simplest(order, tied, named):
    made = board(order, tied)
    assert made.loc[made["simplest"], "model"].tolist() == named


@pytest.mark.parametrize(
    ("order", "tied", "told"),
    [
        (
            ["ensemble", "lightgbm 1", "linear 3"],
            {"lightgbm 1", "linear 3"},
            "2 single models cannot be told apart from the ensemble, among them linear 3, which is much simpler",
        ),
        (
            ["ensemble", "linear 3"],
            {"linear 3"},
            "linear 3 cannot be told apart from the ensemble, and is much simpler",
        ),
        (["linear 3", "lightgbm 1"], {"lightgbm 1"}, "It is also the simplest of them."),
        (["ensemble", "linear 3"], set(), ""),
    ],
)
def test_the_report_says_it_in_a_sentence(order, tied, told):
    said = " ".join(_simplest(board(order, tied)))
    assert told in said
    assert bool(told) == bool(said)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_a_search_marks_one_at_most(results, kind):
    made = results(kind).leaderboard
    assert made["simplest"].sum() <= 1
    assert made.loc[made["simplest"], "tied"].all()
    assert ("simplest" in results(kind)._repr_html_()) == bool(made["simplest"].any())


def test_a_guess_that_beats_a_model_stands_before_it_and_numbers_are_as_precise_down_a_column(results):
    result = results("regression")
    board = result.leaderboard.copy()
    board[["score", "low", "high"]] = np.linspace([10.0, 9.0, 11.0], [30.0, 29.999, 30.001], len(board))
    board.loc[board.index[-2:], "rank"] = board["rank"].to_numpy()[[-1, -2]]
    score = replace(result.score, value=10.0, low=9.0, high=11.0)
    shown = replace(result, leaderboard=board.sort_values("rank"), scores={**result.scores, score.metric: score})
    lines = re.findall(r"<tr>(.*?)</tr>", shown._repr_html_())[1:]
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", line) for line in lines]
    ranks = [int(line[0]) for line in cells if line[0]]
    assert ranks == sorted(ranks)
    assert cells[-1][1] != "a guess"
    assert {len(line[2].partition(".")[2]) for line in cells if line[2]} == {1}


def test_a_regression_that_is_off_in_one_direction_says_so(results):
    result = results("regression")
    low = result.predictions.assign(prediction=result.predictions["prediction"] - 50.0)
    assert "The predictions are too low by 50 on average" in repr(explanation_of(replace(result, predictions=low)))
    assert "on average" not in repr(explanation_of(result))


def explanation_of(result):
    return Explanation(result, pd.DataFrame(columns=COLUMNS), (), ()).scores()
