"""Models that predict side by side share the cores, and leave the process as it was."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from workbench.estimators.ensemble import MANY_ROWS, Bag, Ensemble, FoldModel

LONG = 30  # seconds, which nothing here takes
ROWS = pd.DataFrame({"n": np.zeros(MANY_ROWS)})


class Plain:
    def transform(self, look):
        return look.numbers()


class Doing:
    """A model that does something before it says nothing."""

    def __init__(self, do: Callable[[], object]) -> None:
        self.do = do

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        self.do()
        return np.zeros(len(matrix))


def ensemble(*does: Callable[[], object]) -> Ensemble:
    return Ensemble([Bag([FoldModel(Plain(), Doing(do)) for do in does])], [1.0])


def blas_threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr("workbench.estimators.ensemble._cores", lambda: 2)


@pytest.fixture
def two_blas_threads():
    with threadpool_limits(2, user_api="blas"):
        yield


@pytest.mark.usefixtures("two_blas_threads")
def test_blas_has_one_thread_while_models_predict_side_by_side_and_as_many_as_before_after():
    seen = []
    ensemble(*[lambda: seen.append(blas_threads())] * 3).predict(ROWS)
    assert seen == [{1}] * 3
    assert blas_threads() == {2}


class Saying:
    """A model that says of each row its number by a factor."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        return matrix[:, 0] * self.factor


def test_a_row_alone_is_averaged_as_among_others_however_many_bags_there_are():
    factors = np.random.default_rng(0).normal(size=40)
    many = Ensemble([Bag([FoldModel(Plain(), Saying(factor))]) for factor in factors], [1 / 40] * 40)
    rows = pd.DataFrame({"n": np.random.default_rng(1).normal(size=50)})
    alone = np.concatenate([many.predict(rows.iloc[[row]]) for row in range(50)])
    assert np.array_equal(alone, many.predict(rows))
    assert np.allclose(alone, rows["n"] * factors.mean())


@pytest.mark.usefixtures("two_blas_threads")
def test_the_limit_ends_with_an_error():
    with pytest.raises(ZeroDivisionError):
        ensemble(lambda: 1 / 0, lambda: None).predict(ROWS)
    assert blas_threads() == {2}


def test_of_predictions_that_overlap_the_last_does_not_keep_the_limit():
    before = blas_threads()  # no limit of the test's own: threadpoolctl would let no other thread set one
    begun, second_begun, over = Event(), Event(), Event()
    with ThreadPoolExecutor(2) as hands:
        first = hands.submit(ensemble(begun.set, lambda: second_begun.wait(LONG)).predict, ROWS)
        assert begun.wait(LONG)
        second = hands.submit(ensemble(second_begun.set, lambda: over.wait(LONG)).predict, ROWS)
        first.result(LONG)
        over.set()
        assert not np.any(second.result(LONG))
    assert blas_threads() == before
