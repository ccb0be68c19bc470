"""Fewer of the folds' models where all would be slow: how many, whose, and what the record says of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.automl.blending import fewer
from workbench.automl.blending.effort import Effort
from workbench.automl.blending.fewer import MOST_SPREAD, Members, fewer_models


def effort(*work: float, ways: str = "", folds: int = 5, encoding: float = 100.0) -> Effort:
    ways = ways or "t" * len(work)
    return Effort(work, tuple(ways), dict.fromkeys(ways, encoding), folds)


def test_an_ensemble_that_is_quick_averages_all_its_models() -> None:
    assert fewer_models([0.5, 0.0, 0.5], effort(10.0, 10.0, 10.0)) == [[0, 1, 2, 3, 4], [], [0, 1, 2, 3, 4]]


def test_models_are_left_out_till_the_ensemble_is_quick_enough() -> None:
    work = fewer.ENOUGH / 8
    kept = [len(folds) for folds in fewer_models([0.5, 0.5], effort(work, work, encoding=work / 3))]
    members = Members([0.5, 0.5], [work, work], ["t", "t"], [work / 3, work / 3], 5)
    assert members.effort(kept) <= fewer.ENOUGH < members.effort([5, 5])


def test_members_that_average_no_folds_take_their_part_of_what_is_enough() -> None:
    work = fewer.ENOUGH / 12
    alone = fewer_models([0.5, 0.0], effort(work, work, encoding=work))
    beside = fewer_models([0.5, 0.0], effort(work, work, encoding=work), spent=fewer.ENOUGH / 2)
    assert len(alone[0]) == 5 > len(beside[0])
    assert alone[1] == beside[1] == []


def test_the_dear_and_the_light_go_first() -> None:
    dear, cheap = fewer_models([0.3, 0.7], effort(700.0, 30.0))
    assert len(dear) < len(cheap)
    light, heavy = fewer_models([0.2, 0.8], effort(400.0, 400.0))
    assert len(light) < len(heavy)


def test_of_a_single_member_some_models_stay_however_slow_they_are() -> None:
    (folds,) = fewer_models([1.0], effort(1e6))
    assert len(folds) == 3  # 1/2 - 1/5 would be more than may be lost


def test_ways_to_encode_begin_with_folds_of_their_own_and_those_of_one_way_share_them() -> None:
    one, two, other = fewer_models([0.4, 0.4, 0.2], effort(1e5, 1e5, 1e5, ways="ttl"))
    assert set(one) <= set(two) or set(two) <= set(one)
    assert 0 in one
    assert 0 not in other


def test_a_single_model_each_is_left_alone() -> None:
    assert fewer_models([0.5, 0.5], effort(1e6, 1e6, folds=1)) == [[0], [0]]


@given(
    st.lists(st.tuples(st.floats(0.01, 1.0), st.floats(1.0, 1e5), st.sampled_from("tld")), min_size=1, max_size=6),
    st.integers(1, 8),
)
def test_what_is_lost_is_bounded_and_every_member_keeps_a_model(
    told: list[tuple[float, float, str]], folds: int
) -> None:
    total = sum(weight for weight, _, _ in told)
    weights = [weight / total for weight, _, _ in told]
    ways = "".join(way for _, _, way in told)
    kept = fewer_models(weights, effort(*(work for _, work, _ in told), ways=ways, folds=folds))
    assert all(0 < len(set(one)) == len(one) <= folds and max(one) < folds for one in kept)
    members = Members(weights, [1.0] * len(told), ways, [1.0] * len(told), folds)
    assert members.spread([len(one) for one in kept]) <= MOST_SPREAD + 1e-12


@pytest.mark.parametrize("kept", [[5, 5], [3, 2], [1, 1]])
def test_members_of_one_encoding_share_the_matrix_of_a_fold(kept: list[int]) -> None:
    shared = Members([0.5, 0.5], [0.0, 0.0], ["t", "t"], [100.0, 100.0], 5)
    apart = Members([0.5, 0.5], [0.0, 0.0], ["t", "l"], [100.0, 100.0], 5)
    assert shared.effort(kept) == 100.0 * max(kept)
    assert apart.effort(kept) == 100.0 * sum(kept)
