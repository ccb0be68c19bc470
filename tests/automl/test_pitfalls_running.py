"""What a search does beside learning: it changes nothing it was given, takes no more threads than there are cores."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from joblib import cpu_count
from threadpoolctl import threadpool_info

from workbench.automl.families.linear import Linear
from workbench.automl.search import search
from workbench.automl.task import task


def test_a_search_changes_neither_the_table_nor_the_task(table, shop_table):
    dataset = table(shop_table(80).assign(w=1.5))
    made = task(dataset, "bought", ignore=["worth", "grade"], weight="w")
    raw, frame = dataset.frame.copy(deep=True), made.frame.copy(deep=True)
    truth, weight = made.truth.copy(), made.weight.copy()
    search(made, trials=3)
    pd.testing.assert_frame_equal(dataset.frame, raw)
    pd.testing.assert_frame_equal(made.frame, frame)
    assert np.array_equal(made.truth, truth)
    assert np.array_equal(made.weight, weight)


def test_a_search_does_not_touch_the_random_numbers_of_its_caller(table, shop_table):
    made = task(table(shop_table(60)), "bought", ignore=["worth", "grade"])
    np.random.seed(5)
    expected = np.random.random(3)
    np.random.seed(5)
    search(made, trials=2)
    assert np.array_equal(np.random.random(3), expected)


def test_the_global_random_state_does_not_change_a_search(table, shop_table):
    made = task(table(shop_table(60)), "bought", ignore=["worth", "grade"])
    told = []
    for number in (1, 2):
        np.random.seed(number)
        told.append(search(made, trials=3).predictions)
    pd.testing.assert_frame_equal(told[0], told[1], check_exact=True)


def test_the_order_of_columns_does_not_decide_what_can_be_learned(table, shop_table):
    frame = shop_table(120)
    one, other = (
        search(task(table(some), "bought", ignore=["worth", "grade"]), trials=3).score
        for some in (frame, frame[frame.columns[::-1]])
    )
    assert other.low <= one.value <= other.high


def test_a_column_that_stands_twice_does_no_harm(table, shop_table):
    frame = shop_table(120)
    twice = frame.assign(size_again=frame["size"], colour_again=frame["colour"])
    one, other = (
        search(task(table(some), "bought", ignore=["worth", "grade"]), trials=3).score for some in (frame, twice)
    )
    assert other.low <= one.value <= other.high


class Watching(Linear):
    """A family that notes how many threads the libraries under it may take."""

    name = "watching"
    seen: list[int] = []  # noqa: RUF012 (what is noted is for the test alone)

    def build(self, params, setting, *, seed):
        Watching.seen += [int(pool["num_threads"]) for pool in threadpool_info()]
        return super().build(params, setting, seed=seed)


def test_no_library_takes_more_threads_than_there_are_cores(table, shop_table):
    Watching.seen.clear()
    search(task(table(shop_table(60)), "bought", ignore=["worth", "grade"]), trials=2, families=[Watching()])
    assert Watching.seen
    assert max(Watching.seen) <= max(cpu_count(), os.cpu_count() or 1)


def test_two_searches_at_once_do_not_disturb_each_other(table, shop_table):
    made = task(table(shop_table(60)), "bought", ignore=["worth", "grade"])
    alone = search(made, trials=2).predictions
    with ThreadPoolExecutor(2) as threads:
        both = [done.predictions for done in threads.map(lambda _: search(made, trials=2), range(2))]
    for one in both:
        pd.testing.assert_frame_equal(one, alone, check_exact=True)


@pytest.mark.parametrize("target", ["bought", "worth"])
def test_a_search_by_rows_in_another_order_learns_as_much(table, shop_table, target):
    frame = shop_table(120)
    kind = "regression" if target == "worth" else "classification"
    others = [name for name in ("bought", "worth", "grade") if name != target]
    one, other = (
        search(task(table(some), target, kind=kind, ignore=others), trials=3).score
        for some in (frame, frame.sort_values(target).reset_index(drop=True))
    )
    assert other.low <= one.value <= other.high
