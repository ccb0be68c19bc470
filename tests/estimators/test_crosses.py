"""Pairs of columns that tell together what neither tells alone."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.estimators.crosses import Bins, Crosses


def together(rows: int = 800, *, seed: int = 0):
    """Five columns of codes; the target is told by columns 1 and 3 together, and by neither alone."""
    random = np.random.default_rng(seed)
    codes = random.integers(0, 6, (rows, 5))
    table = random.normal(size=(6, 6))
    table -= table.mean(axis=0) + table.mean(axis=1, keepdims=True) - table.mean()
    target = table[codes[:, 1], codes[:, 3]] + 0.1 * random.normal(size=rows)
    half = random.permutation(np.arange(rows) % 2)
    return codes, target[:, None], half


def test_the_pair_that_tells_is_found_and_told():
    codes, target, half = together()
    crosses = Crosses(seed=0).choose(codes, target, target - target.mean(), half)
    assert crosses.pairs_[0] == [1, 3]
    told = crosses.fit_transform(codes, target)[:, 0]
    assert np.corrcoef(told, target[:, 0])[0, 1] > 0.9


def test_nothing_is_found_in_noise():
    random = np.random.default_rng(3)
    found = 0
    for seed in range(5):
        codes, _, half = together(seed=seed)
        target = random.normal(size=(800, 1))
        found += len(Crosses().choose(codes, target, target - target.mean(), half).pairs_)
    assert found <= 3  # of 50 pairs


def test_what_new_rows_have_that_training_did_not_is_told_the_overall_mean():
    codes, target, half = together()
    crosses = Crosses(most=1).choose(codes, target, target - target.mean(), half)
    crosses.fit_transform(codes, target)
    unseen = np.array([[0, 99, 0, 99, 0], [0, 0, 0, 10**6, 0]])
    assert crosses.transform(unseen)[:, 0] == pytest.approx([target.mean()] * 2)


def test_no_row_reads_its_own_target_through_a_pair():
    """Every pair of codes is one row's own: what it is told is what the others have on average."""
    codes = np.column_stack([np.arange(100), np.arange(100)])
    target = np.random.default_rng(0).integers(0, 2, (100, 1)).astype(float)
    crosses = Crosses()
    crosses.pairs_ = [[0, 1]]
    assert crosses.fit_transform(codes, target)[:, 0] == pytest.approx(np.full(100, target.mean()))


def test_few_values_are_bins_of_their_own_and_gaps_have_theirs():
    numbers = np.column_stack([np.tile([1.0, 2.0, 5.0, np.nan], 25), np.arange(100.0), np.full(100, np.nan)])
    bins = Bins().fit(numbers)
    told = bins.transform(numbers)
    assert told[:4, 0].tolist() == [1, 2, 3, 0]
    assert np.unique(told[:, 1]).tolist() == list(range(1, 17))
    assert not told[:, 2].any()
    assert bins.transform(np.array([[-9.0, 1e9, 4.0]])).tolist() == [[1, 16, 1]]
