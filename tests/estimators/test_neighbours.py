"""Nearest rows behind the form all learners have."""

from __future__ import annotations

import numpy as np
import pytest
import skops.io
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from threadpoolctl import threadpool_limits

from workbench.estimators.neighbours import STEP, NearestRows

RANDOM = np.random.default_rng(0)
X = np.rint(RANDOM.normal(size=(300, 5)) / STEP) * STEP  # on the grid
Y = np.digitize(X[:, 0], [-0.5, 0.5])


@pytest.mark.parametrize("neighbours", [1, 5, 40])
@pytest.mark.parametrize("weights", ["uniform", "distance"])
class TestAgainstScikitLearn:
    def test_values_are_the_same_means(self, neighbours, weights):
        said = NearestRows(neighbours, weights).fit(X[:200], X[:200, 0] * 3).predict(X[200:])
        peer = KNeighborsRegressor(neighbours, weights=counted(weights)).fit(X[:200], X[:200, 0] * 3)
        assert np.allclose(said, peer.predict(X[200:]))

    def test_probabilities_are_the_same_shares_with_one_more_vote(self, neighbours, weights):
        said = NearestRows(neighbours, weights, 3).fit(X[:200], Y[:200]).predict(X[200:])
        peer = KNeighborsClassifier(neighbours, weights=counted(weights)).fit(X[:200], Y[:200])
        shares = np.bincount(Y[:200]) / 200
        assert np.allclose(said, (neighbours * peer.predict_proba(X[200:]) + shares) / (neighbours + 1))


def counted(weights: str):
    return weights if weights == "uniform" else lambda distance: 1 / (distance + STEP)


@pytest.mark.parametrize("classes", [0, 3])
class TestEach:
    def fitted(self, classes, neighbours=5, **parts):
        return NearestRows(neighbours, "distance", classes).fit(X, Y if classes else X[:, 1], **parts)

    def test_what_is_stored_predicts_the_same_to_the_last_digit(self, classes):
        model = self.fitted(classes)
        data = skops.io.dumps(model)
        again = skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))
        assert np.array_equal(again.predict(X), model.predict(X))
        assert (again.rounds_, again.boosted_, again.cut_) == (1, 1, False)
        assert not [name for name in model.__getstate__() if name.startswith("_")]

    def test_a_row_alone_is_predicted_as_among_others_also_where_many_are_as_near(self, classes):
        """Whole numbers on a few places: most distances are shared by many rows."""
        places = RANDOM.integers(0, 3, size=(600, 7)) * 0.1
        model = NearestRows(5, "distance", classes).fit(places, RANDOM.integers(0, 3, 600))
        together = model.predict(places)
        assert np.array_equal(np.concatenate([model.predict(places[[row]]) for row in range(50)]), together[:50])
        with threadpool_limits(1):
            assert np.array_equal(model.predict(places), together)

    def test_rows_of_no_weight_are_not_there(self, classes):
        half = np.arange(300) % 2
        y = Y if classes else X[:, 1]
        weighted = NearestRows(5, "distance", classes).fit(X, y, weight=half.astype(float))
        without = NearestRows(5, "distance", classes).fit(X[half == 1], y[half == 1])
        assert np.allclose(weighted.predict(X), without.predict(X))

    def test_a_row_of_weight_two_counts_as_two(self, classes):
        y = Y if classes else X[:, 1]
        weight = np.ones(300)
        weight[:30] = 2
        twice = np.concatenate([np.arange(300), np.arange(30)])
        one = NearestRows(300, "distance", classes).fit(X, y, weight=weight).predict(X)
        two = NearestRows(330, "distance", classes).fit(X[twice], y[twice]).predict(X)
        assert np.allclose(one, two, atol=1e-3 if classes else 1e-9)  # the vote of one more is among 300 or 330

    def test_more_neighbours_than_rows_are_all_rows(self, classes):
        assert np.allclose(self.fitted(classes, 1000).predict(X), self.fitted(classes, 300).predict(X))

    def test_no_rows_are_predicted_as_none(self, classes):
        assert self.fitted(classes).predict(X[:0]).shape == ((0, 3) if classes else (0,))


def test_near_duplicates_are_found():
    again = X + RANDOM.normal(size=X.shape) * 1e-3
    marks = np.arange(300.0)
    assert np.abs(NearestRows(5, "distance").fit(X, marks).predict(again) - marks).max() < 5
    assert np.allclose(NearestRows(1, "distance").fit(X, marks).predict(again), marks)


def test_a_class_without_rows_keeps_its_place_and_none_is_impossible():
    said = NearestRows(5, "distance", 4).fit(X, Y).predict(X)
    assert said.shape == (300, 4)
    assert np.allclose(said.sum(axis=1), 1)
    assert said[:, :3].min() > 0
    assert said[:, 3].max() == 0


def test_many_rows_are_predicted_a_part_at_a_time(monkeypatch):
    model = NearestRows(5, "distance", 3).fit(X, Y)
    whole = model.predict(X)
    monkeypatch.setattr("workbench.estimators.neighbours.AT_A_TIME", 1000)
    assert np.array_equal(model.predict(X), whole)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_neighbours_of_many_rows_are_those_found_among_all_distances(weights, monkeypatch):
    """Those that scikit-learn draws by lot, where more are as far as the last, are chosen as for a row alone."""
    places = np.random.default_rng(5).integers(0, 3, size=(400, 4)) * 0.25
    model = NearestRows(7, weights).fit(places, np.random.default_rng(6).normal(size=400))
    many = model.predict(places[:200] + 0.125)
    monkeypatch.setattr("workbench.estimators.neighbours.SOME_ROWS", 10**9)
    assert np.array_equal(model.predict(places[:200] + 0.125), many)
    assert len(np.unique(many)) > 20
