"""Tables of very many columns, and of a class with few rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.automl.blending.ensemble import drawn
from workbench.automl.families import CatBoost, LightGBM, Setting, shipped
from workbench.automl.families.base import FEWEST_BINS
from workbench.automl.planning.planner import fitting
from workbench.automl.search import search
from workbench.automl.task import task


@pytest.fixture
def rare(table):
    """20,000 rows, 2 % of them fraud."""
    random = np.random.default_rng(0)
    fraud = random.random(20_000) < 0.02
    return task(table(x=random.normal(size=20_000) + fraud, y=np.where(fraud, "fraud", "ok")), "y")


def test_weights_are_learned_on_every_row_of_a_rare_class(rare):
    rows = np.arange(20_000)
    some, counts = drawn(rare, rows, 5_000, seed=0)
    assert 3_500 < len(some) <= 5_000
    assert (np.diff(some) > 0).all()
    for code in (0, 1):
        assert counts[rare.codes[some] == code].sum() == pytest.approx((rare.codes == code).sum())
    assert set(some[rare.truth[some] == "fraud"]) == set(rows[rare.truth == "fraud"])


def test_few_rows_are_all_used(rare):
    some, counts = drawn(rare, np.arange(100), 5_000, seed=0)
    assert list(some) == list(range(100))
    assert set(counts) == {1.0}


def test_a_metric_of_the_users_own_gets_whole_rows(rare):
    own = replace(rare.metric, name="profit")
    some, counts = drawn(replace(rare, metric=own), np.arange(20_000), 5_000, seed=0)
    assert len(some) == 5_000
    assert set(counts) == {1.0}


def setting(columns: int) -> Setting:
    return Setting("binary", "roc_auc", 2, 4_000, columns)


@pytest.mark.parametrize(
    ("family", "name"), [(LightGBM(), "max_bin"), (CatBoost(), "border_count")], ids=["lightgbm", "catboost"]
)
def test_the_more_columns_the_fewer_bins(family, name):
    def bins(columns: int) -> int:
        parameters = family.portfolio(setting(columns))[0]
        return int(family.build(parameters, setting(columns), seed=0).settings[name])

    assert bins(20) > 250
    assert bins(20) > bins(240) > bins(1_500) == FEWEST_BINS


def test_features_are_generated_of_few_columns_only():
    names = {family.name for family in fitting(shipped(), setting(1_500))}
    assert "lightgbm_features" not in names
    assert {"lightgbm", "extra_trees", "linear", "catboost"} <= names


def test_a_table_of_many_columns_is_searched(table):
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(300, 400)), columns=[f"c{place}" for place in range(400)])
    frame["y"] = np.where(frame["c0"] + frame["c1"] > 0, "a", "b")
    result = search(task(table(frame), "y"), trials=2, seed=0, families=["lightgbm", "linear"])
    assert result.score.value > 0.8
