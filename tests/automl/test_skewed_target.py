"""Skewed amounts are learned on both scales, and the ensemble chooses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from workbench.automl.families.base import is_skewed
from workbench.automl.search import search
from workbench.automl.task import task
from workbench.estimators.target import LogTarget

random = np.random.default_rng(0)
TARGETS = {
    "prices": (np.exp(random.normal(5, 1, 500)), True),
    "counts": (random.poisson(np.exp(random.normal(1, 1, 500))).astype(float), True),
    "evenly spread": (random.random(500), False),
    "the same below zero": (np.exp(random.normal(5, 1, 500)) - 200, False),
    "a tail of small values": (10 - np.minimum(np.exp(random.normal(0, 0.6, 500)), 10), False),
}


@pytest.mark.parametrize("name", TARGETS)
def test_the_logarithm_is_for_amounts_with_a_long_tail(name):
    values, skewed = TARGETS[name]
    assert is_skewed(values) == skewed


@pytest.fixture(scope="module")
def homes() -> pd.DataFrame:
    drawn = np.random.default_rng(1)
    frame = pd.DataFrame(drawn.normal(size=(600, 4)).round(3), columns=list("abcd"))
    worth = np.exp(4 + 0.8 * frame["a"] + 0.5 * frame["b"] + drawn.normal(0, 0.2, 600))
    return frame.assign(price=worth.round(2))


@pytest.fixture(scope="module")
def result(homes, tmp_path_factory):
    from workbench.dataset import read_table

    path = tmp_path_factory.mktemp("homes") / "homes.csv"
    homes.to_csv(path, index=False)
    return search(task(read_table(str(path)), "price", kind="regression"), trials=4, families=["lightgbm", "linear"])


def test_members_on_the_logarithm_take_part_where_they_are_better(result):
    scales = {trial["params"]["target_scale"]: trial["weight"] for trial in result.trials if trial["weight"]}
    assert scales.get("log", 0) > 0


def test_their_predictions_are_right_on_average_and_never_negative(result, homes):
    learned = [member.learner for bag in result.model.ensemble.bags for member in bag.members]
    log = [learner for learner in learned if isinstance(learner, LogTarget)]
    assert log
    assert all(0.9 < learner.scale < 1.3 for learner in log)
    said = result.model.predict(homes.drop(columns="price"))
    assert said.min() >= 0
    assert said.mean() == pytest.approx(homes["price"].mean(), rel=0.1)


def test_a_search_by_absolute_errors_is_left_on_the_plain_scale(homes, table):
    made = task(table(homes), "price", kind="regression", metric="mae")
    found = search(made, trials=1, families=["linear"])
    assert all("target_scale" not in trial["params"] for trial in found.trials)


def test_the_record_makes_the_same_again(result):
    record = {
        "folds": {"number": len(result.folds)},
        "plan": {"folds": result.plan.folds, "learning_rate": result.plan.learning_rate, "rounds": result.plan.rounds,
                 "rows": result.plan.rows, "seed": result.seed},
        "trials": result.trials,
    }  # fmt: skip
    again = search(result.task, replay=record, families=["lightgbm", "linear"])
    assert np.array_equal(again.predictions["prediction"], result.predictions["prediction"])
