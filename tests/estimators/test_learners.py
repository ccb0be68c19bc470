"""Boosted trees, random trees and linear models behind one form."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from workbench.estimators.boosting import BoostedTrees
from workbench.estimators.encoder import TableEncoder
from workbench.estimators.forest import RandomTrees
from workbench.estimators.linear import LinearModel

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(200, 4))
QUIET = {"verbosity": -1, "num_threads": 1, "deterministic": True, "force_col_wise": True}


def learner(name: str, classes: int):
    objective = {0: {"objective": "regression"}, 2: {"objective": "binary"}}
    settings = objective.get(classes, {"objective": "multiclass", "num_class": classes})
    return {
        "boosted": lambda: BoostedTrees({**settings, **QUIET}, classes, rounds=30),
        "random": lambda: RandomTrees({"min_samples_leaf": 2}, classes, trees=20, threads=2),
        "bootstrap": lambda: RandomTrees({"min_samples_leaf": 2}, classes, trees=20, bootstrap=True),
        "linear": lambda: LinearModel(1e-3, classes),
    }[name]()


def target(classes: int) -> np.ndarray:
    return X[:, 0] * 3 if not classes else np.digitize(X[:, 0], np.linspace(-0.7, 0.7, classes - 1))


@pytest.mark.parametrize("name", ["boosted", "random", "bootstrap", "linear"])
@pytest.mark.parametrize("classes", [0, 2, 3])
class TestEach:
    def test_it_learns(self, name, classes):
        y = target(classes)
        said = learner(name, classes).fit(X, y).predict(X)
        if classes:
            assert said.shape == (200, classes)
            assert np.allclose(said.sum(axis=1), 1)
            assert (said.argmax(axis=1) == y).mean() > 0.8
        else:
            assert np.corrcoef(said, y)[0, 1] > 0.95

    def test_rows_of_no_weight_are_not_learned_from(self, name, classes):
        y, half = target(classes), np.arange(200) < 100
        y = np.where(half, y, y[::-1])
        said = learner(name, classes).fit(X, y, weight=half.astype(float)).predict(X[:100])
        right = (said.argmax(axis=1) == y[:100]).mean() if classes else np.corrcoef(said, y[:100])[0, 1]
        assert right > 0.75

    def test_the_same_seed_learns_the_same(self, name, classes):
        one, same = (learner(name, classes).fit(X, target(classes)).predict(X) for _ in range(2))
        assert np.array_equal(one, same)


@pytest.mark.parametrize("name", ["boosted", "random", "bootstrap", "linear"])
def test_a_class_without_rows_keeps_its_place(name):
    y = np.where(target(3) == 1, 2, target(3))
    said = learner(name, 3).fit(X, y).predict(X)
    assert said.shape == (200, 3)
    assert said[:, 1].max() < 0.01


class TestBoosted:
    def test_it_stops_when_validation_rows_get_no_better(self):
        noise = RANDOM.integers(0, 2, 200)
        model = BoostedTrees({"objective": "binary", **QUIET}, 2, rounds=500, patience=5)
        model.fit(X[:150], noise[:150], valid=(X[150:], noise[150:], None))
        assert model.rounds_ <= model.boosted_ < 100
        assert not model.cut_

    def test_it_ends_when_time_is_up_with_the_rounds_there_are(self):
        looks = iter(range(100))
        model = BoostedTrees({"objective": "binary", **QUIET}, 2, rounds=500)
        model.fit(X, target(2), out_of_time=lambda: next(looks) >= 6)
        assert (model.boosted_, model.cut_) == (7, True)
        assert model.predict(X).shape == (200, 2)

    def test_it_settles_for_the_rounds_it_is_told_as_far_as_it_has_them(self):
        model = learner("boosted", 2).fit(X, target(2))
        full = model.predict(X)
        model.settle(5)
        assert model.rounds_ == 5
        assert not np.array_equal(model.predict(X), full)
        again = learner("boosted", 2).fit(X, target(2))
        again.settle(500)
        assert np.array_equal(again.predict(X), full)

    def test_rows_binned_once_are_used_again(self):
        shared: dict = {}
        first = learner("boosted", 2).fit(X, target(2), shared=shared).predict(X)
        binned = shared["binned"]
        settings = {"objective": "binary", "num_leaves": 4, "min_data_in_leaf": 3, **QUIET}
        other = BoostedTrees(settings, 2, rounds=5).fit(X, target(2), shared=shared)
        assert shared["binned"] is binned
        assert np.array_equal(learner("boosted", 2).fit(X, target(2), shared=shared).predict(X), first)
        assert np.array_equal(other.predict(X), BoostedTrees(settings, 2, rounds=5).fit(X, target(2)).predict(X))

    @pytest.mark.parametrize("classes", [0, 2, 3])
    def test_many_rows_are_predicted_as_a_few_are_and_as_lightgbm_does(self, classes):
        settings = {0: {"objective": "regression"}, 2: {"objective": "binary"}}
        settings = settings.get(classes, {"objective": "multiclass", "num_class": classes})
        model = BoostedTrees({**settings, **QUIET, "min_data_in_leaf": 2}, classes, rounds=250).fit(X, target(classes))
        many = np.tile(X, (3, 1))
        said, theirs = model.predict(many), model._booster.predict(many)
        apart = np.concatenate([model.predict(many[first : first + 50]) for first in range(0, len(many), 50)])
        assert np.allclose(said, apart, rtol=1e-12, atol=1e-12)
        assert np.allclose(said[:, 1] if classes == 2 else said, theirs, rtol=1e-12, atol=1e-12)

    def test_threads_predict_beside_each_other_what_each_would_alone(self):
        model = BoostedTrees({"objective": "regression", **QUIET}, rounds=300).fit(X, target(0))
        asked = [X, X[:5]] * 100
        alone = [model.predict(rows) for rows in asked[:2]] * 100
        with ThreadPoolExecutor(4) as hands:
            said = list(hands.map(model.predict, asked))
        assert all(np.array_equal(one, other) for one, other in zip(said, alone, strict=True))

    def test_codes_are_used_as_categories(self):
        codes = RANDOM.integers(0, 20, 400).astype(float)
        odd = (codes % 2).astype(int)
        settings = {"objective": "binary", "min_data_per_group": 5, "cat_smooth": 1, "num_leaves": 3, **QUIET}
        model = BoostedTrees(settings, 2, rounds=20).fit(codes[:, None], odd, categorical=[0])
        assert (model.predict(codes[:, None]).argmax(axis=1) == odd).all()


def test_a_forest_out_of_time_has_a_tree_at_least():
    model = RandomTrees({}, 2, trees=50).fit(X, target(2), out_of_time=lambda: True)
    assert (model.rounds_, model.cut_) == (1, True)


def test_the_number_of_threads_changes_nothing_in_a_forest():
    one, two = (RandomTrees({}, 2, trees=10, threads=threads).fit(X, target(2)).predict(X) for threads in (1, 2))
    assert np.array_equal(one, two)


@pytest.mark.parametrize("bootstrap", [False, True])
def test_a_forest_calls_nothing_impossible_that_it_has_seen(bootstrap):
    said = RandomTrees({}, 3, trees=10, bootstrap=bootstrap).fit(X, target(3)).predict(X)
    assert said.min() > 0


@pytest.mark.parametrize("classes", [0, 2, 3])
@pytest.mark.parametrize(("trees", "bootstrap"), [(1, False), (2, True), (7, False), (24, True)])
class TestTreesAsOne:
    GAPS = np.where(np.random.default_rng(1).random(X.shape) < 0.1, np.nan, X)

    def forest(self, classes, trees, bootstrap):
        return RandomTrees({"min_samples_leaf": 2}, classes, trees, bootstrap=bootstrap).fit(self.GAPS, target(classes))

    def test_a_forest_says_what_its_trees_say_each_by_itself(self, classes, trees, bootstrap):
        model, y = self.forest(classes, trees, bootstrap), target(classes)
        rows = self.GAPS.astype(np.float32)
        each = [model._grown(number, rows, y, None).tree_.predict(rows) for number in range(trees)]
        total = sum(each)
        shares = np.bincount(y) / len(y) if classes else None
        expected = (total + shares) / (trees + 1) if classes else total[:, 0] / trees
        assert np.allclose(model.predict(self.GAPS), expected, rtol=1e-6)

    def test_a_row_alone_is_predicted_as_among_others(self, classes, trees, bootstrap, monkeypatch):
        model = self.forest(classes, trees, bootstrap)
        alone = np.concatenate([model.predict(self.GAPS[[row]]) for row in range(len(X))])
        assert np.array_equal(alone, model.predict(self.GAPS))
        monkeypatch.setattr("workbench.estimators.forest.FEW_ROWS", len(X))
        assert np.array_equal(alone, model.predict(self.GAPS))


def test_many_rows_are_predicted_by_several_threads_to_the_same_last_digit():
    model = RandomTrees({}, 2, trees=7).fit(X, target(2))
    many = np.tile(X, (20, 1))
    assert np.array_equal(model.predict(many), np.tile(model.predict(X), (20, 1)))


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize("classes", [0, 2, 3])
def test_a_linear_model_says_what_scikit_learn_says_of_its_coefficients(classes, form):
    model = LinearModel(1e-3, classes).fit(form(X), target(classes))
    theirs = model.linear_.predict_proba if classes else model.linear_.predict
    assert np.array_equal(model.predict(form(X)), theirs(form(X)))
    alone = np.concatenate([model.predict(form(X[[row]])) for row in range(20)])
    assert np.allclose(alone, model.predict(form(X))[:20], rtol=1e-12, atol=1e-12)


def test_a_linear_model_does_not_run_away_from_what_it_has_seen():
    model = LinearModel(1e-6).fit(X, target(0))
    span = target(0).max() - target(0).min()
    assert model.predict(X * 1000).max() <= target(0).max() + 0.11 * span


def test_a_linear_model_with_pieces_of_a_number_follows_a_curve():
    frame, y = pd.DataFrame({"x": np.linspace(-3, 3, 300)}), np.linspace(-3, 3, 300) ** 2
    encoder = TableEncoder({"x": "number"}, "linear")
    matrix = encoder.fit_transform(frame, y)
    assert np.corrcoef(LinearModel(1e-4).fit(matrix, y).predict(matrix), y)[0, 1] > 0.98
    assert abs(np.corrcoef(LinearModel(1e-4).fit(matrix[:, :1], y).predict(matrix[:, :1]), y)[0, 1]) < 0.1


class TestLinearByRounds:
    WIDE = RANDOM.normal(size=(120, 200)) * np.geomspace(0.01, 10, 200)
    NOISE = RANDOM.integers(0, 3, 120)

    def test_it_ends_when_time_is_up_with_the_coefficients_there_are(self):
        model = LinearModel(1e-9, 3).fit(self.WIDE, self.NOISE, out_of_time=lambda: True)
        assert (model.rounds_, model.boosted_, model.cut_) == (1, 1, True)
        again = LinearModel(1e-9, 3, rounds=1).fit(self.WIDE, self.NOISE)
        assert not again.cut_
        assert np.array_equal(model.predict(self.WIDE), again.predict(self.WIDE))

    def test_rounds_end_at_the_best_coefficients(self):
        model = LinearModel(1e-2, 3, rounds=50).fit(self.WIDE, self.NOISE)
        whole = LogisticRegression(C=1 / (1e-2 * 120), max_iter=5000, tol=1e-6).fit(self.WIDE, self.NOISE)
        assert 1 < model.rounds_ < 50
        assert np.allclose(model.predict(self.WIDE), whole.predict_proba(self.WIDE), atol=1e-3)


FORKED = """
import os, signal
import numpy as np
from workbench.estimators import boosting

boosting.MANY_WALKS = 1
matrix = np.random.default_rng(0).normal(size=(2_000, 4))
settings = {"objective": "regression", "verbosity": -1, "num_threads": 1}
model = boosting.BoostedTrees(settings, rounds=5).fit(matrix, matrix[:, 0])
said = model.predict(matrix)
child = os.fork()
if not child:
    signal.alarm(20)
    os._exit(0 if np.array_equal(model.predict(matrix), said) else 3)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system forks no processes")
def test_a_process_that_was_forked_after_a_large_prediction_predicts_too():
    """It used to wait for ever for threads that only its parent has."""
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", FORKED], check=False).returncode == 0
