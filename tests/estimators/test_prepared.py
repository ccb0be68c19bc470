"""The trees' matrix with features of several columns: more is told, and nothing of a row's own target."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from workbench.estimators.boosting import BoostedTrees
from workbench.estimators.encoder import TableEncoder
from workbench.estimators.prepared import PreparedEncoder

TREES = {"objective": "binary", "learning_rate": 0.1, "num_threads": 1, "verbosity": -1}
KINDS = {
    "width": "number", "height": "number", "empty": "number", "shop": "category", "item": "category",
    "size": "category", "day": "date", "note": "text",
}  # fmt: skip


def sold(rows: int = 400, *, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """A table of every kind whose target hangs on which of two numbers is larger, and on shop and item together."""
    random = np.random.default_rng(seed)
    shop, item = random.integers(0, 5, rows), random.integers(0, 6, rows)
    frame = pd.DataFrame(
        {
            "width": random.lognormal(size=rows),
            "height": random.lognormal(size=rows),
            "empty": np.nan,
            "shop": np.array([f"shop {i}" for i in shop], dtype=object),
            "item": np.array([f"item {i}" for i in item], dtype=object),
            "size": random.choice(np.array(["s", "m", "l", None], dtype=object), rows),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 99, rows), unit="D"),
            "note": np.array([f"word{i} and more" for i in random.integers(0, 30, rows)], dtype=object),
        }
    )
    together = np.random.default_rng(9).normal(size=(5, 6))[shop, item]
    # A step where width passes height: one cut of their ratio or difference, and a stair of many cuts of the two.
    return frame, 2 * np.sign(frame["width"] - frame["height"]).to_numpy() + together


def test_a_comparison_and_a_pair_that_tell_are_found():
    frame, target = sold(1500)
    encoder = PreparedEncoder(KINDS, crosses=True)
    matrix = encoder.fit_transform(frame, target)
    assert set(encoder.arithmetic_.signs_) & {"/", "-"}
    assert [0, 1] in encoder.crosses_.pairs_  # shop and item stand first among the categories
    plain = TableEncoder(KINDS).fit_transform(frame, target)
    assert np.array_equal(matrix[:, : plain.shape[1]], plain, equal_nan=True)


@pytest.mark.parametrize("classes", [0, 2, 3, 12])
def test_new_rows_get_the_columns_that_training_rows_got(classes):
    frame, amount = sold()
    target = pd.qcut(amount, classes, labels=False) if classes else amount
    encoder = PreparedEncoder(KINDS, classes, crosses=True)
    matrix = encoder.fit_transform(frame, target)
    strange = frame.head(1).assign(width=np.inf, height=0.0, shop="never seen", item=None, note=None, day=pd.NaT)
    told = encoder.transform(strange)
    assert told.shape == (1, matrix.shape[1])
    assert not np.isinf(told).any()
    assert all(np.nanmax(matrix[:, place]) < 100 for place in encoder.categorical_)


@pytest.mark.parametrize("name", KINDS)
def test_a_table_of_one_column_is_enough(name):
    frame, target = sold(150)
    encoder = PreparedEncoder({name: KINDS[name]})
    assert encoder.fit_transform(frame[[name]], target).shape[1] == encoder.transform(frame[[name]].head(1)).shape[1]


def test_the_same_seed_gives_the_same_matrix():
    frame, target = sold()
    one, other = (PreparedEncoder(KINDS, seed=3, crosses=True) for _ in range(2))
    assert np.array_equal(one.fit_transform(frame, target), other.fit_transform(frame, target), equal_nan=True)
    assert np.array_equal(one.transform(frame), other.transform(frame), equal_nan=True)


def test_it_is_stored_and_read_back_the_same():
    frame, target = sold(1500)
    encoder = PreparedEncoder(KINDS, crosses=True)
    encoder.fit_transform(frame, target)
    dumped = skops.io.dumps(encoder)
    types = skops.io.get_untrusted_types(data=dumped)
    assert all(name.startswith("workbench.estimators.") for name in types)
    again = skops.io.loads(dumped, trusted=types)
    assert np.array_equal(encoder.transform(frame), again.transform(frame), equal_nan=True)


def test_names_of_rows_tell_nothing_of_a_random_target():
    """ID-like categories, numbers without meaning and a coin's toss: whatever is made of them, AUC stays at chance."""
    scores = [_cross_validated(*_noise(seed)) for seed in range(4)]
    # Standard error of an AUC of 600 rows: 0.024; of the mean of four tables: 0.012.
    assert abs(np.mean(scores) - 0.5) < 3 * 0.012


def _noise(seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    random = np.random.default_rng(seed)
    names = [f"id {i}" for i in random.integers(0, 300, 600)]
    frame = pd.DataFrame(
        {
            "name": np.array(names, dtype=object),
            "code": np.array([f"code {i}" for i in random.integers(0, 60, 600)], dtype=object),
            "few": np.array([f"level {i}" for i in random.integers(0, 5, 600)], dtype=object),
            "note": np.array([f"{name} word{i}" for name, i in zip(names, random.integers(0, 90, 600), strict=True)]),
            "a": random.normal(size=600),
            "b": random.normal(size=600),
        }
    )
    return frame.astype({"note": object}), random.permutation(np.arange(600) % 2)


def _cross_validated(frame: pd.DataFrame, target: np.ndarray) -> float:
    kinds = {"name": "category", "code": "category", "few": "category", "note": "text", "a": "number", "b": "number"}
    told = np.zeros(len(target))
    for train, valid in StratifiedKFold(3, shuffle=True, random_state=0).split(frame, target):
        encoder = PreparedEncoder(kinds, 2, crosses=True)
        matrix = encoder.fit_transform(frame.iloc[train], target[train])
        trees = BoostedTrees(TREES, 2, rounds=30).fit(matrix, target[train], categorical=encoder.categorical_)
        told[valid] = trees.predict(encoder.transform(frame.iloc[valid]))[:, 1]
    return float(roc_auc_score(target, told))
