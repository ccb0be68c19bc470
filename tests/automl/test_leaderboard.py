"""The simplest of those that cannot be told apart from the best is named."""

from __future__ import annotations

import pandas as pd
import pytest

from workbench.automl.blending.leaderboard import simplest
from workbench.automl.display import _simplest

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
