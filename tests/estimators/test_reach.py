"""Boosted trees say the same to the last bit, whether LightGBM is asked or what their values leave within reach."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
import pytest

from workbench.estimators import reach
from workbench.estimators.boosting import BoostedTrees
from workbench.estimators.reach import BoostedReach, BoosterReader

QUIET = {"verbosity": -1, "num_threads": 1, "deterministic": True, "force_col_wise": True, "min_data_in_leaf": 1}
EXTREMES = [np.nan, 0.0, -0.0, 1e30, -1e30, 1e-40]


def rows(count: int, seed: int) -> np.ndarray:
    """Numbers, numbers with gaps, few values, and levels of which some are missing."""
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(count, 5))
    matrix[:, 1] = np.where(random.random(count) < 0.2, np.nan, matrix[:, 1])
    matrix[:, 2] = random.integers(0, 3, count)
    matrix[:, 3:] = random.integers(0, [40, 90], (count, 2))
    matrix[:, 3] = np.where(random.random(count) < 0.1, np.nan, matrix[:, 3])
    return matrix


def strange(seed: int) -> np.ndarray:
    """Rows with gaps where training had none, levels it never saw, and the cuts themselves."""
    random = np.random.default_rng(seed)
    matrix = rows(400, seed)
    where = random.random(matrix.shape) < 0.1
    matrix[where] = random.choice(EXTREMES, where.sum())
    matrix[:50, 3:] = random.integers(80, 200, (50, 2))
    return matrix


def booster(leaves: int, objective: str = "regression", rounds: int = 12, **more) -> lgb.Booster:
    matrix = rows(600, 0)
    target = np.nan_to_num(matrix[:, 1]) * matrix[:, 0] + matrix[:, 4] % 3 + np.nan_to_num(matrix[:, 3]) % 2
    if objective == "multiclass":
        target, more = np.digitize(target, [0.0, 1.5]), {"num_class": 3, **more}
    settings = {"objective": objective, "num_leaves": leaves, "cat_smooth": 1, "min_data_per_group": 2, **QUIET, **more}
    return lgb.train(settings, lgb.Dataset(matrix, target, categorical_feature=[3, 4]), rounds)


@pytest.mark.parametrize("objective", ["regression", "multiclass"])
@pytest.mark.parametrize("leaves", [2, 31, 33, 64, 65, 200])
def test_the_same_leaves_are_added_up(leaves, objective):
    made = booster(leaves, objective)
    told = np.vstack([strange(1), rows(300, 0)])
    said = BoostedReach(made.model_to_string()).raw(told)
    assert np.array_equal(said, made.predict(told, raw_score=True).reshape(said.shape))
    assert len(np.unique(said)) > 2


def test_a_value_at_a_cut_goes_left():
    made = booster(31)
    trees = made.trees_to_dataframe()
    cuts = trees.loc[(trees["split_feature"] == "Column_0"), "threshold"].astype(float).to_numpy()
    told = np.tile(rows(1, 3), (3 * len(cuts), 1))
    told[:, 0] = np.concatenate([cuts, np.nextafter(cuts, -np.inf), np.nextafter(cuts, np.inf)])
    assert np.array_equal(BoostedReach(made.model_to_string()).raw(told)[:, 0], made.predict(told))


def test_more_trees_than_one_table_holds_and_trees_that_ask_for_nothing(monkeypatch):
    made, told = booster(8, rounds=20), strange(2)
    alone = lgb.train({"objective": "regression", **QUIET, "min_data_in_leaf": 500}, lgb.Dataset(told, told[:, 2]), 3)
    monkeypatch.setattr(reach, "TREES", 7)
    monkeypatch.setattr(reach, "ROWS", 33)
    for one in (made, alone):
        assert np.array_equal(BoostedReach(one.model_to_string()).raw(told)[:, 0], one.predict(told))


def test_trees_of_another_kind_are_left_to_lightgbm():
    made = booster(8, zero_as_missing=True)
    with pytest.raises(ValueError, match="zeros"):
        BoostedReach(made.model_to_string())
    many = np.tile(strange(3), (10, 1))
    reader = BoosterReader(made, 12)
    assert np.array_equal(reader.raw(many)[:, 0], made.predict(many))
    assert (reader.reach, reader.readable) == (None, False)


@pytest.mark.parametrize("classes", [0, 2, 3])
def test_a_row_alone_is_told_what_it_is_told_among_many(classes):
    objective = {0: {"objective": "regression"}, 2: {"objective": "binary"}}
    settings = objective.get(classes, {"objective": "multiclass", "num_class": classes})
    matrix = rows(300, 4)
    target = np.digitize(matrix[:, 0], [0.0, 0.5][: classes - 1]) if classes else matrix[:, 0] * matrix[:, 2]
    model = BoostedTrees({**settings, **QUIET}, classes, rounds=20).fit(matrix, target, categorical=[3, 4])
    before, many = model.predict(matrix[:5]), np.tile(matrix, (8, 1))
    assert model._read().reach is None
    assert np.array_equal(model.predict(many)[:5], before)
    assert model._read().reach is not None
    assert np.array_equal(np.concatenate([model.predict(matrix[place : place + 1]) for place in range(5)]), before)


def test_trees_that_were_read_are_forgotten_when_fewer_rounds_predict():
    matrix = np.tile(rows(300, 4), (8, 1))
    model = BoostedTrees({"objective": "regression", **QUIET}, rounds=20).fit(matrix, matrix[:, 0])
    full = model.predict(matrix)
    model.settle(3)
    assert not np.array_equal(model.predict(matrix), full)
    assert np.array_equal(model.predict(matrix)[:9], model.predict(matrix[:9]))
