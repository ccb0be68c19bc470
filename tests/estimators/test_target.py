"""An amount learned by its logarithm is told as an amount."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from workbench.estimators.boosting import BoostedTrees
from workbench.estimators.linear import LinearModel
from workbench.estimators.numbers import unit_of
from workbench.estimators.target import LogTarget, PlainUnit


@pytest.fixture
def prices() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    matrix = random.normal(size=(800, 3))
    return matrix, np.expm1(3 + matrix[:, 0] + random.normal(0, 0.3, 800)).clip(0)


def test_what_multiplies_is_learned_better(prices):
    matrix, target = prices
    plain, log = (made.fit(matrix[:500], target[:500]) for made in (LinearModel(), LogTarget(LinearModel())))
    errors = [np.mean((each.predict(matrix[500:]) - target[500:]) ** 2) for each in (plain, log)]
    assert errors[1] < 0.7 * errors[0]


def test_no_prediction_is_negative_or_far_beyond_what_was_seen(prices):
    matrix, target = prices
    log = LogTarget(LinearModel()).fit(matrix, target)
    said = log.predict(10 * matrix)
    assert said.min() >= 0
    assert said.max() <= 1.2 * target.max()


def test_a_linear_model_of_what_is_never_negative_says_nothing_negative(prices):
    matrix, target = prices
    assert LinearModel().fit(matrix, target).predict(10 * matrix).min() == 0.0
    assert LinearModel().fit(matrix, target - 50).predict(10 * matrix).min() < -50


def test_rows_to_stop_by_are_on_the_same_scale_and_rounds_are_the_learner_s(prices):
    matrix, target = prices
    settings = {"objective": "regression", "verbosity": -1, "num_threads": 1}
    log = LogTarget(BoostedTrees(settings, rounds=300, patience=10))
    log.fit(matrix[:500], target[:500], valid=(matrix[500:], target[500:], None), shared={})
    assert 1 < log.rounds_ < log.boosted_ < 300
    log.settle(3)
    assert log.rounds_ == 3
    assert not log.cut_


def test_a_scale_multiplies_and_is_kept(prices):
    matrix, target = prices
    log = LogTarget(LinearModel()).fit(matrix, target)
    before = log.predict(matrix)
    log.scale = 1.5
    assert np.array_equal(pickle.loads(pickle.dumps(log)).predict(matrix), 1.5 * before)


def test_fits_on_both_scales_share_nothing(prices):
    matrix, target = prices
    settings = {"objective": "regression", "verbosity": -1, "num_threads": 1, "deterministic": True}
    shared: dict[str, object] = {}
    BoostedTrees(settings, rounds=20).fit(matrix, target, shared=shared)
    both = LogTarget(BoostedTrees(settings, rounds=20)).fit(matrix, target, shared=shared)
    alone = LogTarget(BoostedTrees(settings, rounds=20)).fit(matrix, target)
    assert np.array_equal(both.predict(matrix), alone.predict(matrix))


@pytest.mark.parametrize(("unit", "offset"), [(1.0, 0.0), (0.02, 100.0), (1e15, 1e18), (1.0, -1e4)])
def test_a_target_that_learners_are_at_ease_with_keeps_its_unit(prices, unit, offset):
    assert unit_of(prices[1] / prices[1].std() * unit + offset) == (0.0, 1.0)


@pytest.mark.parametrize(("unit", "offset"), [(1e-20, 0.0), (1e-160, 0.0), (1e30, 0.0), (1.0, 1e9), (1e-9, -1.0)])
def test_another_is_learned_as_if_it_were_plain(prices, unit, offset):
    matrix, target = prices
    settings = {"objective": "regression", "verbosity": -1, "num_threads": 1, "deterministic": True}
    plain = BoostedTrees(settings, rounds=30).fit(matrix, target / target.std())
    told = target * unit + offset
    other = PlainUnit(BoostedTrees(settings, rounds=30, patience=5))
    other.fit(matrix, told, valid=(matrix, told, None))
    assert other.boosted_ == 30
    assert (other.predict(matrix) - offset) / unit == pytest.approx(
        plain.predict(matrix) * target.std(), rel=0.02, abs=0.5
    )


def test_a_scale_of_nothing_is_no_scale():
    assert unit_of(np.full(5, 1e9)) == (0.0, 1.0)
