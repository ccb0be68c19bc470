"""How long a search by the clock goes on."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from workbench.automl.searching.exploring import ON_ALL_ROWS, _for_all_rows


def way(kept: float, **seconds: float) -> SimpleNamespace:
    """A search whose trials, best first, took so long; of a family the one named first is the best."""
    trials = [SimpleNamespace(family=name.rstrip("_"), seconds=took) for name, took in seconds.items()]
    return SimpleNamespace(found=SimpleNamespace(trials=trials, folds=range(5)), kept=kept)


def test_time_is_left_to_fit_the_best_of_each_family_on_all_rows() -> None:
    assert _for_all_rows(way(60.0, lightgbm=3.0, lightgbm_=50.0, linear=1.0)) == pytest.approx(ON_ALL_ROWS * 4 / 5)


def test_no_more_is_left_than_may_be_and_nothing_before_the_first_trial() -> None:
    assert _for_all_rows(way(6.0, catboost=100.0)) == 6.0
    assert _for_all_rows(way(6.0)) == 0.0
