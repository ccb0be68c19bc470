"""Folds are encoded once, however many threads ask, and kept while memory allows."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from workbench.automl.fitting.encodings import Encodings
from workbench.automl.problem.splits import folds_of
from workbench.automl.task import task


@pytest.fixture
def encodings(table, shop_table):
    """Encode a small table's three folds: ``encodings(most_bytes)``, and the list of what was encoded."""

    def made(most_bytes: float) -> tuple[Encodings, list[tuple[str, int]]]:
        given = task(table(shop_table(90)), "bought", ignore=["worth", "grade"])
        kept = Encodings(given, folds_of(given, 3, seed=0), seed=0, most_rows=None, most_bytes=most_bytes)
        encode, done = kept._encode, []

        def slowly(style, number):
            done.append((style, number))
            time.sleep(0.05)  # another thread gets its chance
            return encode(style, number)

        kept._encode = slowly
        return kept, done

    return made


def test_threads_that_want_one_fold_are_given_the_same(encodings):
    kept, done = encodings(1e9)
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda place: kept.fold("linear", place % 2), range(6)))
    assert sorted(done) == [("linear", 0), ("linear", 1)]
    assert len({id(each) for each in found}) == 2


def test_no_more_is_kept_than_memory_allows_whoever_asks(encodings):
    size = encodings(1e9)[0].fold("linear", 0).matrix.data.nbytes
    kept, _ = encodings(2.2 * size)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda place: kept.fold("linear", place), range(3)))
    assert len(kept._kept) == 1
    assert size < kept._bytes <= 2.2 * size
