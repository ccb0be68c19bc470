"""Laws of splitting: what must hold whatever the table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.automl.problem.copies import copies_of
from workbench.automl.problem.splits import sampled, split
from workbench.errors import BadColumn

seeds = st.integers(0, 2**16)


@given(seed=seeds, rows=st.integers(8, 120), folds=st.integers(2, 8), classes=st.sampled_from([0, 2, 3]))
@settings(max_examples=50, deadline=None)
def test_every_row_is_validated_once_and_never_learned_from_by_the_model_that_validates_it(seed, rows, folds, classes):
    random = np.random.default_rng(seed)
    codes = random.permutation(np.arange(rows) % classes) if classes else random.normal(size=rows)
    made = split(codes, folds, seed=seed, classes=classes)
    assert np.sort(np.concatenate([valid for _, valid in made.pairs])).tolist() == list(range(rows))
    assert all(not set(train) & set(valid) for train, valid in made.pairs)
    sizes = [len(valid) for _, valid in made.pairs]
    assert max(sizes) - min(sizes) <= 1


@given(seed=seeds, common=st.integers(6, 60), rare=st.integers(2, 6), folds=st.integers(2, 8))
@settings(max_examples=50, deadline=None)
def test_every_class_of_two_rows_or_more_is_known_to_every_fold(seed, common, rare, folds):
    codes = (
        np.random.default_rng(seed).permutation(np.r_[np.zeros(common), np.ones(common), np.full(rare, 2)]).astype(int)
    )
    made = split(codes, folds, seed=seed, classes=3)
    assert all(set(codes[train]) == {0, 1, 2} for train, _ in made.pairs)


@given(seed=seeds, groups=st.integers(2, 15), folds=st.integers(1, 6), classes=st.sampled_from([0, 2]))
@settings(max_examples=50, deadline=None)
def test_rows_of_one_group_are_never_on_both_sides(seed, groups, folds, classes):
    random = np.random.default_rng(seed)
    member = np.array([f"g{number}" for number in random.integers(0, groups, 90)])
    codes = random.integers(0, 2, 90) if classes else random.normal(size=90)
    if len(set(member)) < 2:
        return
    made = split(codes, folds, seed=seed, classes=classes, groups=member)
    assert all(not set(member[train]) & set(member[valid]) for train, valid in made.pairs)
    assert all(len(set(codes[train])) > 1 for train, _ in made.pairs)


@given(seed=seeds, moments=st.integers(4, 40), folds=st.integers(1, 6))
@settings(max_examples=50, deadline=None)
def test_validation_is_later_than_training_and_a_moment_is_never_cut(seed, moments, folds):
    random = np.random.default_rng(seed)
    times = np.datetime64("2024-01-01") + random.integers(0, moments, 90).astype("timedelta64[D]")
    made = split(random.normal(size=90), folds, seed=seed, times=times)
    assert all(times[train].max() < times[valid].min() for train, valid in made.pairs)


@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_groups_in_time_keep_both_promises(seed):
    random = np.random.default_rng(seed)
    times = np.sort(random.integers(0, 50, 120))
    groups = times // 5 + random.integers(0, 2, 120)
    made = split(random.normal(size=120), 4, seed=seed, times=times, groups=groups)
    for train, valid in made.pairs:
        assert times[train].max() < times[valid].min()
        assert not set(groups[train]) & set(groups[valid])


def test_the_first_block_of_time_is_never_validated():
    made = split(np.arange(60.0), 4, seed=0, times=np.arange(60))
    assert len(made) == 4
    assert made.fold_of[:12].tolist() == [-1] * 12
    assert made.validated.tolist() == list(range(12, 60))


def test_a_holdout_is_a_part_held_out_once():
    made = split(np.arange(100) % 2, 1, seed=0, classes=2)
    assert [(len(train), len(valid)) for train, valid in made.pairs] == [(80, 20)]
    assert made.kind == "holdout"


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"groups": np.array(["a"] * 10 + ["b"] * 10), "classes": 2}, "'group' leaves no split"),
        ({"times": np.arange(20), "classes": 2}, "'time' leaves no split whose earlier rows know two classes"),
        ({"times": np.arange(20), "groups": np.array(["a", "b"] * 10)}, "every group reaches into the later rows"),
    ],
)
def test_groups_or_times_that_leave_no_split_are_refused(how, said):
    codes = np.array([0] * 10 + [1] * 10) if "classes" in how else np.arange(20.0)
    if "times" in how and "classes" in how:
        codes = np.array([0] * 19 + [1])
    with pytest.raises(BadColumn, match=said):
        split(codes, 3, seed=0, **how)


def test_the_same_seed_splits_the_same_way():
    one, same, other = (split(np.arange(50) % 3, 5, seed=seed, classes=3).fold_of for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@given(seed=seeds, most=st.integers(20, 90))
@settings(max_examples=30, deadline=None)
def test_a_sample_keeps_every_row_of_a_rare_class(seed, most):
    codes = np.array([0] * 60 + [1] * 36 + [2] * 2 + [3] * 2)
    rows = sampled(np.arange(100), codes, most, classes=4, seed=seed)
    assert {96, 97, 98, 99} <= set(rows)
    assert np.all(np.diff(rows) > 0)
    assert most <= len(rows) <= most + 4


@given(
    seed=seeds,
    copied=st.lists(st.integers(1, 5), min_size=30, max_size=80),
    folds=st.integers(1, 6),
    classes=st.sampled_from([0, 2, 3]),
)
@settings(max_examples=60, deadline=None)
def test_copies_of_a_row_are_never_on_both_sides_and_folds_stay_alike(seed, copied, folds, classes):
    random = np.random.default_rng(seed)
    once = random.permutation(np.arange(len(copied)) % classes) if classes else random.normal(size=len(copied))
    mixed = random.permutation(np.repeat(np.arange(len(copied)), copied))
    codes = once[mixed]
    made = split(codes, folds, seed=seed, classes=classes, copies=mixed)
    assert all(not set(mixed[train]) & set(mixed[valid]) for train, valid in made.pairs)
    assert all(set(codes[train]) == set(codes) for train, _ in made.pairs if classes)
    for label in range(classes if folds > 1 else 0):
        held = np.bincount(made.fold_of[codes == label], minlength=folds)
        assert held.max() - held.min() <= 5  # as many copies as a row has at most


def test_where_there_are_no_copies_rows_are_split_as_without_looking_for_them():
    codes = np.random.default_rng(0).integers(0, 3, 90)
    plain = split(codes, 5, seed=3, classes=3).fold_of
    assert np.array_equal(split(codes, 5, seed=3, classes=3, copies=np.arange(90)).fold_of, plain)


@pytest.mark.parametrize(
    ("codes", "copies"),
    [
        (np.r_[np.zeros(40, int), np.ones(10, int)], np.r_[np.arange(40), np.full(10, 40)]),
        (np.r_[np.zeros(20, int), np.ones(20, int)], np.r_[np.full(15, 0), np.arange(15, 40)]),
        (np.arange(12) % 2, np.arange(12) % 4),
    ],
    ids=["all of a class", "more than a fold", "fewer kinds of rows than folds"],
)
def test_copies_without_which_a_fold_would_lack_its_share_are_dealt_out_one_by_one(codes, copies):
    made = split(codes, 5, seed=0, classes=2, copies=copies)
    sizes = [np.bincount(codes[valid], minlength=2) for _, valid in made.pairs]
    assert np.max(np.ptp(sizes, axis=0)) <= 1


def fine(rows=100, seed=0):
    return pd.DataFrame(np.random.default_rng(seed).normal(size=(rows, 3)), columns=list("abc"))


def test_copies_agree_in_every_column_and_in_the_target():
    table = fine().assign(word=None)
    table.loc[::3, "word"] = "red"
    twice = pd.concat([table, table.head(10), table.head(20).assign(c=0.5)], ignore_index=True)
    codes = np.r_[np.arange(100), np.arange(10), np.arange(20)].astype(float)
    copies = copies_of(twice, codes)
    assert copies.tolist() == [*range(100), *range(10), *range(110, 130)]
    codes[103] = -1.0
    assert copies_of(twice, codes)[103] == 103
    assert copies_of(twice, np.arange(130.0)) is None
    assert copies_of(table, codes[:100]) is None


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"colour": ["red", "green", "blue", "white"] * 25, "left": [True] * 60 + [False] * 40}),
        pd.DataFrame({"size": fine()["a"].tolist() * 2}),
        pd.concat([fine(5)] * 20),
    ],
    ids=["coarse", "one column", "hardly any distinct"],
)
def test_rows_that_repeat_by_nature_are_no_copies(table):
    assert copies_of(table.reset_index(drop=True), np.zeros(len(table), int)) is None
