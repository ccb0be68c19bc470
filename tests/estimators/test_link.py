"""Probabilities are, to the last bit, those of the libraries whose checks a row alone does not wait for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.utils.extmath import softmax as softmax_of_sklearn

from workbench.estimators.link import probabilities_of

SCORES = np.random.default_rng(0).normal(size=(500, 9)) * np.geomspace(0.01, 300, 9)


@pytest.mark.parametrize("classes", [2, 3, 8, 9])
def test_scores_of_classes_give_what_softmax_gives(classes):
    scores = SCORES[:, :classes]
    said = probabilities_of(scores)
    assert np.array_equal(said, softmax(scores, axis=1))
    assert np.array_equal(said, softmax_of_sklearn(scores.copy()))
    assert np.array_equal(said[[7]], probabilities_of(scores[[7]]))


def test_log_odds_give_both_classes():
    odds = np.concatenate([SCORES.ravel(), [-800.0, 800.0]])
    said = probabilities_of(odds)
    assert np.array_equal(said[:, 1], expit(odds))
    assert np.array_equal(said.sum(axis=1), np.ones(len(odds)))


def test_no_rows_have_no_probabilities():
    assert probabilities_of(np.empty(0)).shape == (0, 2)
    assert probabilities_of(np.empty((0, 3))).shape == (0, 3)
