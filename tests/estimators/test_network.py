"""Networks that any round is a good end of, and whose kept state is a few small arrays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import skops.io

from workbench.automl.families.base import Setting
from workbench.automl.families.network import Network
from workbench.estimators.network import NeuralNetwork

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(240, 4)).astype(np.float32)
SETTINGS = {
    "layers": [24],
    "activation": "relu",
    "learning_rate": 5e-3,
    "batch": 32,
    "decay": 1e-3,
    "drop": 0.0,
}


def network(classes: int, **changes) -> NeuralNetwork:
    own = {name: changes.pop(name) for name in list(changes) if name in SETTINGS}
    return NeuralNetwork({**SETTINGS, **own}, classes, **{"rounds": 40, **changes})


def target(classes: int) -> np.ndarray:
    waves = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2]
    return 1e4 + 3e3 * waves if not classes else np.digitize(waves, np.linspace(-0.5, 0.5, classes - 1))


def right(said: np.ndarray, y: np.ndarray) -> float:
    return (said.argmax(axis=1) == y).mean() if said.ndim == 2 else np.corrcoef(said, y)[0, 1]


@pytest.mark.parametrize("classes", [0, 2, 3])
class TestEach:
    @pytest.mark.parametrize("changes", [{}, {"activation": "tanh", "drop": 0.05, "layers": [24, 24]}])
    def test_it_learns_what_no_line_can_tell(self, classes, changes):
        y = target(classes)
        said = network(classes, **changes).fit(X, y).predict(X)
        assert said.shape == ((240, classes) if classes else (240,))
        assert not classes or np.allclose(said.sum(axis=1), 1)
        assert right(said, y) > 0.8

    def test_rows_of_no_weight_are_not_learned_from(self, classes):
        y, half = target(classes), np.arange(240) < 120
        spoilt = np.where(half, y, y[::-1])
        alone = network(classes).fit(X[half], y[half], weight=np.ones(120)).predict(X)
        assert np.array_equal(network(classes).fit(X, spoilt, weight=half.astype(float)).predict(X), alone)

    def test_heavier_rows_are_learned_from_more(self, classes):
        y = target(classes)
        torn, y_torn = np.vstack([X, X]), np.concatenate([y, y[::-1]])
        heavy = np.repeat([20.0, 1.0], 240)
        said = {way: network(classes).fit(torn, y_torn, weight=heavy[::way]).predict(X) for way in (1, -1)}
        assert right(said[1], y) > right(said[-1], y) + 0.2

    def test_the_same_seed_learns_the_same_and_another_something_else(self, classes):
        one, same, other = (
            network(classes, rounds=3, seed=seed).fit(X, target(classes)).predict(X) for seed in (1, 1, 2)
        )
        assert np.array_equal(one, same)
        assert not np.array_equal(one, other)

    def test_a_row_is_predicted_alone_as_among_others(self, classes):
        model = network(classes, rounds=3).fit(X, target(classes))
        alone = np.concatenate([model.predict(X[place : place + 1]) for place in range(20)])
        assert np.allclose(model.predict(X)[:20], alone, rtol=1e-12, atol=1e-12)
        assert model.predict(X[:0]).shape == model.predict(X)[:0].shape

    def test_the_kept_state_is_weights_alone_and_predicts_the_same(self, classes):
        model = network(classes, rounds=12).fit(X, target(classes), valid=(X, target(classes), None))
        stored = skops.io.dumps(model)
        again = skops.io.loads(stored, trusted=["workbench.estimators.network.NeuralNetwork"])
        assert np.array_equal(again.predict(X), model.predict(X))
        assert {part.dtype for layers in again.layers_ for part in layers} == {np.dtype(np.float32)}
        assert len(stored) < 20_000
        again.settle(5)
        assert np.array_equal(again.predict(X), model.predict(X))
        assert not [name for name in again.__getstate__() if name.startswith("_")]

    def test_what_it_settles_for_predicts_from_then_on(self, classes):
        model = network(classes, rounds=8).fit(X, target(classes))
        before = model.predict(X)
        model.settle(2)
        again = skops.io.loads(skops.io.dumps(model), trusted=["workbench.estimators.network.NeuralNetwork"])
        assert not np.array_equal(model.predict(X), before)
        assert np.array_equal(model.predict(X), again.predict(X))


class TestRounds:
    def test_it_stops_when_validation_rows_get_no_better(self):
        noise = RANDOM.integers(0, 2, 240)
        model = network(2, rounds=300, patience=4).fit(X[:160], noise[:160], valid=(X[160:], noise[160:], None))
        assert model.rounds_ <= model.boosted_ < 60
        assert not model.cut_

    def test_without_validation_rows_it_makes_the_rounds_it_was_told(self):
        model = network(2, rounds=13).fit(X, target(2))
        assert (model.rounds_, model.boosted_, model.cut_) == (13, 13, False)

    def test_it_ends_when_time_is_up_with_the_rounds_there_are(self):
        looks = iter(range(100))
        model = network(2).fit(X, target(2), out_of_time=lambda: next(looks) >= 6)
        assert (model.boosted_, model.rounds_, model.cut_) == (7, 7, True)
        assert np.array_equal(model.predict(X), network(2, rounds=7).fit(X, target(2)).predict(X))

    def test_one_round_is_made_however_late_it_is(self):
        model = network(2).fit(X, target(2), out_of_time=lambda: True)
        assert (model.boosted_, model.cut_) == (1, True)
        assert np.isfinite(model.predict(X)).all()

    @pytest.mark.parametrize(("asked", "given"), [(5, 5), (9, 8), (0, 1), (500, 20)])
    def test_it_settles_for_the_nearest_round_it_kept_and_a_refit_of_so_many_is_the_same(self, asked, given):
        y = target(3)
        model = network(3, rounds=20, patience=100).fit(X, y, valid=(X, y, None))
        model.settle(asked)
        assert (model.rounds_, model.boosted_) == (given, 20)
        assert np.array_equal(model.predict(X), network(3, rounds=given).fit(X, y).predict(X))


def test_a_class_without_rows_keeps_its_place():
    y = np.where(target(3) == 1, 2, target(3))
    said = network(3).fit(X, y).predict(X)
    assert said.shape == (240, 3)
    assert said[:, 1].max() < 0.05


@pytest.mark.parametrize(("rows", "classes"), [(3, 2), (30, 26), (2, 0)])
def test_the_smallest_tables_are_learned_from(rows, classes):
    y = np.arange(rows) % classes if classes else np.arange(float(rows))
    assert np.isfinite(network(classes, rounds=3).fit(X[:rows], y).predict(X)).all()


def test_a_value_never_runs_away_from_what_was_seen():
    y = target(0)
    said = network(0).fit(X, y).predict(X * 1000)
    span = y.max() - y.min()
    assert y.min() - 0.11 * span < said.min()
    assert said.max() < y.max() + 0.11 * span


def test_a_table_longer_than_a_round_is_seen_whole_in_parts(monkeypatch):
    monkeypatch.setattr("workbench.estimators.network.ROUND_ROWS", 100)
    model = network(2, rounds=60)
    seen = [len(next(parts)[1]) for parts in [model._parts(X, target(2), None)] for _ in range(3)]
    assert seen == [80, 80, 80]
    assert right(model.fit(X, target(2)).predict(X), target(2)) > 0.8


def test_folds_are_fitted_in_threads_as_one_after_the_other():
    """Warnings are errors here, and scikit-learn changes their filters while it checks its input."""
    y = target(2)
    alone = [network(2, rounds=8, seed=seed).fit(X, y).predict(X) for seed in range(4)]
    with ThreadPoolExecutor(4) as hands:
        together = list(hands.map(lambda seed: network(2, rounds=8, seed=seed).fit(X, y).predict(X), range(4)))
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))


@pytest.mark.parametrize(("kind", "classes"), [("regression", 0), ("binary", 2), ("multiclass", 3)])
def test_the_family_builds_what_its_portfolio_says(kind, classes):
    setting = Setting(kind, "auto", classes, rows=240, columns=4, rounds=2)
    family = Network()
    for parameters in family.portfolio(setting):
        model = family.build(parameters, setting, seed=3).fit(X, target(classes))
        assert (model.boosted_, model.networks) == (2, 2)
        assert [part.shape[1] for part in model.layers_[0][:-2:2]] == [parameters["width"]] * parameters["depth"]


def test_longer_tables_get_more_rounds_of_one_network():
    small, large = (Setting("binary", "auto", 2, rows=rows, columns=4) for rows in (5_000, 45_000))
    parameters = Network().portfolio(small)[0]
    one, other = (Network().build(parameters, setting, seed=0) for setting in (small, large))
    assert (one.networks, other.networks) == (2, 1)
    assert other.rounds == 5 * one.rounds
