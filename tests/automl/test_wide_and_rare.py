"""Tables of very many columns, and of a class with few rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.automl.blending.ensemble import drawn
from workbench.automl.families import CatBoost, LightGBM, Setting, shipped
from workbench.automl.families.base import FEWEST_BINS
from workbench.automl.families.wide import ALL, COLUMNS, portfolio_of
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


def test_members_of_a_wide_table_learn_from_few_columns_from_more_and_from_all():
    for family in fitting(shipped(), setting(1_500)):
        kept = [parameters[COLUMNS] for parameters in portfolio_of(family, setting(1_500))]
        assert kept[:2] == [100, 300]
        assert set(kept) <= {100, 300, ALL}
    assert portfolio_of(LightGBM(), setting(250))[1][COLUMNS] == ALL
    assert portfolio_of(LightGBM(), setting(200)) == LightGBM().portfolio(setting(200))


@pytest.fixture(scope="module")
def noisy() -> pd.DataFrame:
    """400 rows of 260 columns, four of which tell the class."""
    random = np.random.default_rng(4)
    frame = pd.DataFrame(random.normal(size=(400, 260)).astype("float32")).add_prefix("c")
    told = frame[["c10", "c100", "c200", "c250"]].sum(axis=1) + random.normal(0, 0.5, 400)
    return frame.assign(y=np.where(told > 0, "yes", "no"))


def test_a_search_on_a_wide_table_tries_both_and_says_so(table, noisy):
    found = search(task(table(**noisy), "y"), trials=9, families=["lightgbm", "linear"])
    tried = {trial["params"][COLUMNS] for trial in found.trials}
    assert {100, ALL} <= tried
    again = search(task(table(**noisy), "y"), trials=9, families=["lightgbm", "linear"])
    rows = noisy.drop(columns="y")
    assert np.array_equal(found.model.predict_proba(rows), again.model.predict_proba(rows))


def test_the_columns_are_chosen_within_each_fold(table):
    random = np.random.default_rng(5)
    noise = pd.DataFrame(random.normal(size=(150, 1_000))).add_prefix("c").assign(y=random.permutation(150) % 2)
    found = search(task(table(**noise), "y"), trials=4, families=["lightgbm"])
    assert found.scores["roc_auc"].value < 0.65
