"""Families: what they propose, that machines may lack a library, and CatBoost in a search."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import optuna
import pytest

from workbench.automl.families import CatBoost, LightGBM, Neighbours, Setting, shipped
from workbench.automl.search import search
from workbench.automl.task import task

SETTINGS = {
    "binary": Setting("binary", "roc_auc", 2, 1000, 10),
    "multiclass": Setting("multiclass", "log_loss", 5, 1000, 10),
    "regression": Setting("regression", "rmse", 0, 1000, 10),
}


@pytest.mark.parametrize("family", [*shipped(), Neighbours()], ids=lambda family: family.name)
@pytest.mark.parametrize("kind", SETTINGS)
def test_the_space_holds_the_portfolio(family, kind):
    """Else Optuna would warn, or draw at random what the portfolio does not name."""
    portfolio = family.portfolio(SETTINGS[kind])
    study = optuna.create_study()
    for parameters in portfolio:
        study.enqueue_trial(parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [family.suggest(study.ask(), SETTINGS[kind]) for _ in portfolio] == portfolio


@pytest.mark.parametrize("number", range(6))
def test_many_classes_some_of_them_rare_do_not_make_boosting_diverge(number):
    """Leaves of a class of few rows have next to no second derivative to divide by."""
    random = np.random.default_rng(0)
    shares = 1 / np.arange(1, 31) ** 2
    target = random.choice(30, 4_000, p=shares / shares.sum())
    matrix = np.column_stack([target + random.normal(0, 1.5, 4_000), random.normal(size=4_000)])
    setting = Setting("multiclass", "log_loss", 30, 3_000, 2, rounds=40)
    family = LightGBM()
    learner = family.build(family.portfolio(setting)[number], setting, seed=0).fit(matrix[:3_000], target[:3_000])
    likely = np.clip(learner.predict(matrix[3_000:]), 1e-15, 1)
    known = np.bincount(target[:3_000], minlength=30) / 3_000
    lost = -np.log(likely[np.arange(1_000), target[3_000:]]).mean()
    assert lost < -np.log(np.maximum(known[target[3_000:]], 1e-6)).mean()


@pytest.mark.parametrize(("classes", "most"), [(0, 3_000), (2, 3_000), (3, 2_000), (10, 600), (30, 200)])
def test_boosting_makes_no_more_trees_for_many_classes(classes, most):
    kind = {0: "regression", 2: "binary"}.get(classes, "multiclass")
    setting = Setting(kind, "auto", classes, 1_000, 10, rounds=10_000)
    assert LightGBM().build(LightGBM().portfolio(setting)[0], setting, seed=0).rounds == most


def test_of_many_rows_larger_trees_are_tried_before_the_small_ones():
    few, many = (LightGBM().portfolio(Setting("binary", "roc_auc", 2, rows, 10)) for rows in (5_000, 200_000))
    assert [one["num_leaves"] for one in few[:2]] == [31, 8]
    assert [one["num_leaves"] for one in many[:2]] == [31, 100]
    assert sorted(map(str, few)) == sorted(map(str, many))


ABSENT = """
import sys
sys.modules["catboost"] = None  # as if it were not installed
from workbench.automl.families import shipped
print([family.name for family in shipped()])
"""
LAZY = "import sys, workbench.automl.families; assert not {'catboost', 'plotly'} & set(sys.modules)"


def test_a_machine_without_catboost_has_the_other_families():
    said = subprocess.run([sys.executable, "-c", ABSENT], check=True, capture_output=True, text=True)
    assert "catboost" not in said.stdout
    assert "'lightgbm', 'extra_trees'" in said.stdout


def test_families_are_known_before_catboost_is_imported():
    subprocess.run([sys.executable, "-c", LAZY], check=True)


def test_lightgbm_is_first_and_what_is_dear_follows_what_is_cheap():
    families = shipped()
    assert families[0].name == "lightgbm"
    assert max(family.cost for family in families[:4]) < min(family.cost for family in families if family.cost > 10)


@pytest.mark.parametrize(
    ("kind", "metric", "loss"),
    [
        ("binary", "roc_auc", "Logloss"),
        ("multiclass", "log_loss", "MultiClass"),
        ("regression", "rmse", "RMSE"),
        ("regression", "mae", "MAE"),
        ("regression", "mape", "MAPE"),
    ],
)
def test_catboost_lessens_the_loss_that_is_measured(kind, metric, loss):
    setting = Setting(kind, metric, {"binary": 2, "multiclass": 3, "regression": 0}[kind], 100, 3)
    learner = CatBoost().build(CatBoost().portfolio(setting)[0], setting, seed=3)
    assert learner.settings["loss_function"] == loss
    assert learner.settings["random_seed"] == 3
    random = np.random.default_rng(0)
    matrix = random.normal(size=(60, 2))
    target = np.digitize(matrix[:, 0], [0.0, 0.5][: max(1, setting.classes - 1)]) if setting.classes else matrix[:, 0]
    assert np.isfinite(learner.fit(matrix, target, out_of_time=lambda: True).predict(matrix)).all()


def test_catboost_takes_its_time_where_lightgbm_hurries():
    slow, fast = (
        CatBoost().build({}, Setting("binary", "roc_auc", 2, 100, 2, learning_rate=rate), seed=0)
        for rate in (0.02, 0.3)
    )
    assert (slow.settings["learning_rate"], fast.settings["learning_rate"]) == (0.05, 0.1)
    assert slow.patience > fast.patience


@pytest.mark.parametrize("target", ["bought", "worth"])
def test_a_search_may_be_for_catboost_alone(table, shop_table, target):
    dataset = table(shop_table(80))
    others = [name for name in ("bought", "worth", "grade") if name != target]
    kind = "regression" if target == "worth" else "classification"
    small = type("Small", (CatBoost,), {"portfolio": lambda *_: [quick(CatBoost().portfolio(SETTINGS["binary"])[0])]})()
    one, same = (search(task(dataset, target, kind=kind, ignore=others), trials=1, families=[small]) for _ in range(2))
    assert [trial["state"] for trial in one.trials] == ["completed"]
    assert np.array_equal(one.model.predict(dataset.frame), same.model.predict(dataset.frame))
    known = "probability_yes" if target == "bought" else "prediction"
    assert np.array_equal(one.predictions[known], same.predictions[known])


def quick(parameters):
    return {**parameters, "depth": 4, "leaf_estimation_iterations": 1}


@pytest.mark.parametrize(("rows", "columns", "tried"), [(5_000, 100, 2), (5_001, 10, 0), (100, 101, 0)])
def test_neighbours_are_for_small_tables(rows, columns, tried):
    assert len(Neighbours().portfolio(Setting("binary", "roc_auc", 2, rows, columns))) == tried
