"""The weights that score a row were learned without it, and what chance cannot explain is not called tied."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.automl.blending.ensemble import blend
from workbench.automl.fitting.trial import Trial
from workbench.automl.problem.splits import folds_of
from workbench.automl.search import search
from workbench.automl.task import Task, task
from workbench.dataset import read_table
from workbench.estimators.ensemble import Bag

ROWS = 150


@pytest.fixture
def made(table) -> Task:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"x": random.normal(size=ROWS).round(3), "worth": random.normal(size=ROWS).round(3)})
    return task(table(frame), "worth", kind="regression")


def guesses(number: int, seed: int) -> list[Trial]:
    """Trials that know nothing, each in a way of its own."""
    random = np.random.default_rng(seed)
    said = random.normal(0, 0.5, (number, ROWS))
    return [Trial(one, "made up", {}, said[one], (), Bag([]), 0.0, (1,), cut=False) for one in range(number)]


def held_once(trials: list[Trial], rows: np.ndarray) -> list[Trial]:
    """What trials say of a single held-out part."""
    return [replace(one, predicted=np.where(np.isin(np.arange(ROWS), rows), one.predicted, np.nan)) for one in trials]


def test_what_scores_a_fold_was_weighed_without_it(made):
    folds, trials = folds_of(made, 5, seed=0), guesses(20, 1)
    own = folds.fold_of == 0
    other = replace(made, truth=np.where(own, -3 * made.truth, made.truth))
    before, after = (blend(each, folds, trials, seed=0) for each in (made, other))
    assert np.array_equal(before.predicted[own], after.predicted[own])
    assert not np.array_equal(before.predicted[~own], after.predicted[~own])
    assert not np.array_equal(before.weights, after.weights)


def test_of_a_single_part_held_out_no_row_is_weighed_by_its_own_truth(made):
    folds = folds_of(made, 1, seed=0)
    rows, trials = folds.validated, held_once(guesses(20, 2), folds.validated)
    before = blend(made, folds, trials, seed=0).predicted
    for row in rows[:6]:
        truth = made.truth.copy()
        truth[row] += 50.0
        after = blend(replace(made, truth=truth), folds, trials, seed=0).predicted
        assert after[row] == before[row]
        assert not np.array_equal(after[rows], before[rows])


def test_of_guesses_the_choice_looks_better_than_it_is_scored(made):
    """The score has to be that of the weights of other folds, the optimism the whole difference."""
    folds, trials = folds_of(made, 5, seed=0), guesses(40, 3)
    chosen = blend(made, folds, trials, seed=0)
    seen = sum(weight * one.predicted for weight, one in zip(chosen.weights, trials, strict=True))
    flattered, honest = (np.sqrt(np.mean((made.truth - said) ** 2)) for said in (seen, chosen.predicted))
    assert flattered < honest
    assert chosen.optimism == pytest.approx(honest - flattered)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_where_there_is_much_to_learn_a_guess_is_not_tied_with_the_best(results, kind):
    board = results(kind).leaderboard
    assert not board.loc[board["family"] == "baseline", "tied"].item()
    assert board["tied"].iloc[0]


def test_a_single_model_that_is_as_good_is_tied_and_named_in_the_report(tmp_path):
    """A straight line, which a linear model alone tells as well as any ensemble."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(300, 3)).round(4), columns=list("abc"))
    frame["y"] = (2 * frame["a"] - frame["b"] + random.normal(size=300)).round(4)
    frame.to_csv(tmp_path / "line.csv", index=False)
    made = task(read_table(str(tmp_path / "line.csv")), "y", kind="regression")
    result = search(made, trials=3, families=["lightgbm", "extra_trees", "linear"])
    board = result.leaderboard.set_index("model")
    assert board.loc["linear 3", ["tied", "simplest"]].all()
    assert board["simplest"].sum() == 1
    assert "linear 3" in result._repr_html_()
