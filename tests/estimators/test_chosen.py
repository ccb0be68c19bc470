"""A learner of the columns that matter."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from workbench.estimators.boosting import BoostedTrees
from workbench.estimators.chosen import ChosenColumns, gains
from workbench.estimators.linear import LinearModel

SETTINGS = {"objective": "binary", "verbosity": -1, "num_threads": 1, "deterministic": True, "force_col_wise": True}
INFORMATIVE = [7, 50, 120]


@pytest.fixture(scope="module")
def wide() -> tuple[np.ndarray, np.ndarray]:
    """600 rows of 150 columns, three of which decide."""
    random = np.random.default_rng(0)
    matrix = random.normal(size=(600, 150))
    return matrix, (matrix[:, INFORMATIVE].sum(axis=1) + random.normal(0, 0.3, 600) > 0).astype(int)


def chosen(most: int, classes: int = 2) -> ChosenColumns:
    return ChosenColumns(BoostedTrees(SETTINGS, classes, rounds=20), most, classes)


def test_the_columns_that_decide_are_kept(wide):
    learner = chosen(3).fit(*wide)
    assert learner.columns_.tolist() == INFORMATIVE
    without = wide[0].copy()
    without[:, [column for column in range(150) if column not in INFORMATIVE]] = np.nan
    assert np.array_equal(learner.predict(without), learner.predict(wide[0]))


@pytest.mark.parametrize("classes", [0, 2, 3])
def test_every_kind_of_target_ranks_columns(wide, classes):
    matrix, target = wide
    told = {0: matrix[:, INFORMATIVE].sum(axis=1), 2: target, 3: target + (matrix[:, 7] > 1)}[classes]
    assert set(INFORMATIVE) <= set(np.argsort(gains(matrix, told, classes))[-6:])


def test_weights_have_a_say(wide):
    matrix, target = wide
    other = (matrix[:, 99] > 0).astype(int)
    both = np.concatenate([matrix, matrix]), np.concatenate([target, other])
    heavy = np.repeat([1e-3, 1.0], len(matrix))
    assert np.argmax(gains(*both, 2, weight=heavy)) == 99
    assert np.argmax(gains(*both, 2, weight=heavy[::-1])) in INFORMATIVE


def test_levels_of_categories_are_told_to_the_learner_at_their_new_places(wide):
    class Noting(BoostedTrees):
        def fit(self, matrix, target, *, categorical=(), **others):
            self.told = (matrix.shape[1], list(categorical))
            return super().fit(matrix, target, categorical=categorical, **others)

    matrix, target = wide
    codes = np.where(target == 1, 1.0, np.where(matrix[:, 3] > 0, 0.0, 2.0))
    learner = ChosenColumns(Noting(SETTINGS, 2, rounds=5), 2, 2)
    learner.fit(np.column_stack([matrix[:, :9], codes]), target, categorical=[2, 9])
    assert learner.columns_.tolist()[-1] == 9
    assert learner.learner.told == (len(learner.columns_), [len(learner.columns_) - 1])


def test_rows_to_stop_by_lose_the_same_columns(wide):
    matrix, target = wide
    learner = chosen(3).fit(matrix[:400], target[:400], valid=(matrix[400:], target[400:], None))
    assert np.mean(learner.predict(matrix[400:]).argmax(axis=1) == target[400:]) > 0.85


def test_fits_that_share_rank_once_and_come_out_as_they_would_alone(wide, monkeypatch):
    shared: dict[str, object] = {}
    few, many = (chosen(most).fit(*wide, shared=shared) for most in (3, 40))
    alone = [chosen(most).fit(*wide) for most in (3, 40)]
    for together, one in zip((few, many), alone, strict=True):
        assert np.array_equal(together.predict(wide[0]), one.predict(wide[0]))
    monkeypatch.setattr("workbench.estimators.chosen.lgb.train", None)
    with pytest.raises(TypeError):
        gains(*wide, 2)
    monkeypatch.setattr("workbench.estimators.chosen.gains", None)
    again = ChosenColumns(LinearModel(1e-3, 2), 3, 2).fit(*wide, shared=shared)
    assert again.columns_.tolist() == INFORMATIVE


def test_sparse_columns_are_chosen_too(wide):
    matrix, target = wide
    sparse = csr_matrix(np.where(np.abs(matrix) > 0.5, matrix, 0.0))
    learner = ChosenColumns(LinearModel(1e-3, 2), 3, 2).fit(sparse, target)
    assert learner.columns_.tolist() == INFORMATIVE


def test_it_is_the_same_after_a_pickle(wide):
    learner = chosen(5).fit(*wide)
    assert np.array_equal(pickle.loads(pickle.dumps(learner)).predict(wide[0]), learner.predict(wide[0]))


def test_where_no_column_tells_anything_one_is_kept():
    learner = ChosenColumns(LinearModel(1e-3, 2), 3, 2).fit(np.zeros((40, 5)), np.arange(40) % 2)
    assert learner.columns_.tolist() == [0]
