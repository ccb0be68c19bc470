"""How long a search by the clock goes on."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from workbench.automl.families import CatBoost, ExtraTrees, LightGBM, Linear
from workbench.automl.problem.splits import Folds
from workbench.automl.searching.exploring import SEVERAL, _for_all_rows

ROWS = np.arange(100)
FAMILIES = [LightGBM(), Linear(), CatBoost(), ExtraTrees()]


def way(kept: float, hands: int = 1, **seconds: float) -> SimpleNamespace:
    """A search whose trials, best first, took so long for a fold; of a family the one named first is the best."""
    trials = [
        SimpleNamespace(family=name.rstrip("_"), fold_seconds=took, rounds=(9,) * 5, boosted=(9,) * 5, encoding=0.0)
        for name, took in seconds.items()
    ]
    folds = Folds(tuple((np.delete(ROWS, ROWS[part::5]), ROWS[part::5]) for part in range(5)), "random", len(ROWS))
    bench = SimpleNamespace(folds=folds, encodings=SimpleNamespace(codes=ROWS, most_rows=None))
    place = SimpleNamespace(bench=lambda: bench, hands=hands)
    return SimpleNamespace(found=SimpleNamespace(trials=trials), families=FAMILIES, workplace=place, kept=kept)


def test_time_is_left_to_fit_the_best_of_each_family_on_all_rows() -> None:
    """There are 1.25 times the rows, for which boosting makes 11 rounds in place of 9, and forests twice the trees."""
    one = way(600.0, lightgbm=3.6, lightgbm_=50.0, linear=1.0, extra_trees=2.0)
    expected = SEVERAL * 1.25 * (3.6 * 11 / 9 + 1.0 + 2.0 * 2)
    assert _for_all_rows(one) == pytest.approx(expected)
    one.workplace.hands = 2
    assert _for_all_rows(one) == pytest.approx(expected / 2)


def test_no_more_is_left_than_may_be_and_nothing_before_the_first_trial() -> None:
    assert _for_all_rows(way(6.0, catboost=100.0)) == 6.0
    assert _for_all_rows(way(6.0)) == 0.0
    assert _for_all_rows(way(0.0, catboost=100.0)) == 0.0
