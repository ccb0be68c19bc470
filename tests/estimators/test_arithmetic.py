"""Features computed from two number columns."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.estimators.arithmetic import Arithmetic


def chosen_for(target, numbers, **settings):
    half = np.random.default_rng(1).permutation(np.arange(len(numbers)) % 2)
    targets = target[:, None]
    return Arithmetic(**settings).fit(numbers, targets, targets - targets.mean(), half)


def numbers(rows: int = 1000):
    return np.random.default_rng(0).lognormal(size=(rows, 4))


@pytest.mark.parametrize(
    ("sign", "made"),
    [
        ("+", lambda x: x[:, 0] + x[:, 2]),
        ("-", lambda x: x[:, 0] - x[:, 2]),
        ("*", lambda x: x[:, 0] * x[:, 2]),
        ("/", lambda x: x[:, 2] / x[:, 0]),
    ],
)
def test_what_the_target_is_made_by_is_found_and_computed(sign, made):
    table = numbers()
    target = made(table)
    arithmetic = chosen_for(np.argsort(np.argsort(target)) / 1000, table, most=1)
    told = arithmetic.transform(table)[:, 0]
    assert arithmetic.signs_ == [sign]
    same = np.allclose(told, target) or np.allclose(told, 1 / target)
    assert same


def test_nothing_is_found_in_noise():
    random = np.random.default_rng(5)
    found = [len(chosen_for(random.normal(size=1000), numbers()).signs_) for _ in range(5)]
    assert sum(found) <= 3  # of 150 candidates


def test_features_that_say_the_same_are_told_once():
    """Of x + y and y + x, of x / y and y / x, and of a copied column, one is enough."""
    table = numbers()
    doubled = np.column_stack([table[:, 0], table[:, 2], 2 * table[:, 2]])
    arithmetic = chosen_for(np.log(table[:, 0] / table[:, 2]), doubled)
    ratios = [sign for sign in arithmetic.signs_ if sign == "/"]
    assert len(ratios) == 1


def test_gaps_and_divisions_by_nothing_give_gaps():
    table = numbers()
    arithmetic = chosen_for(np.log(table[:, 0] / table[:, 2]), table, most=1)
    zero = np.zeros(4)
    gap = np.full(4, np.nan)
    huge = np.array([np.inf, 1.0, -np.inf, 1.0])
    told = arithmetic.transform(np.array([zero, gap, huge]))[:, 0]
    assert np.isnan(told[:2]).all()
    assert np.isfinite(told[2])


@pytest.mark.parametrize("columns", [0, 1, 2])
def test_columns_that_cannot_be_paired_or_never_vary_give_nothing(columns):
    table = np.full((200, columns), 3.0)
    arithmetic = chosen_for(np.arange(200.0), table)
    assert arithmetic.transform(table).shape == (200, 0)


def test_a_row_alone_gets_what_it_gets_among_others():
    table = numbers(50)
    table[::7, 0], table[::5, 2] = np.nan, 0.0
    arithmetic = chosen_for(table[:, 1], table, most=0)
    arithmetic.signs_ = ["/", "+", "*", "/", "-"]
    arithmetic.left_, arithmetic.right_ = np.array([0, 1, 0, 3, 1]), np.array([2, 0, 3, 2, 2])
    among = arithmetic.transform(table)
    assert np.array_equal(among, np.vstack([arithmetic.transform(row[None]) for row in table]), equal_nan=True)
    assert np.array_equal(among[:, 1], table[:, 1] + table[:, 0], equal_nan=True)
    assert np.array_equal(among[:, 4], table[:, 1] - table[:, 2], equal_nan=True)
