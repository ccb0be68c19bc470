"""The dense encoding: small numbers only, never too many columns, whatever the table holds."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest

from workbench.estimators.categories import LevelCounts
from workbench.estimators.dense import WIDEST, DenseEncoder
from workbench.estimators.encoder import TableEncoder


def mixed(rows: int = 300) -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "n": random.normal(size=rows),
            "few": random.choice(list("abc"), rows).astype(object),
            "some": np.array([f"s{i}" for i in random.integers(0, 20, rows)], dtype=object),
            "many": np.array([f"level {i}" for i in random.integers(0, 150, rows)], dtype=object),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 99, rows), unit="D"),
            "note": np.array([f"word{i} and word{i % 7}" for i in random.integers(0, 30, rows)], dtype=object),
        }
    )


KINDS = {"n": "number", "few": "category", "some": "category", "many": "category", "day": "date", "note": "text"}


def target(classes: int, rows: int = 300) -> np.ndarray:
    return np.arange(rows) % classes if classes else np.arange(float(rows))


@pytest.mark.parametrize("classes", [0, 2, 3, 12])
def test_new_rows_get_the_columns_that_training_rows_got(classes):
    frame = mixed().mask(np.random.default_rng(0).random((300, 6)) < 0.2)
    encoder = DenseEncoder(KINDS, classes)
    matrix = encoder.fit_transform(frame, target(classes))
    new = encoder.transform(mixed(5).assign(few="never seen", many=None, n=np.inf))
    assert matrix.dtype == new.dtype == np.float32
    assert matrix.shape[1] == new.shape[1] <= WIDEST
    assert np.abs(matrix).max() < 20
    assert np.isfinite(new).all()
    assert encoder.categorical_ == []


@pytest.mark.parametrize("name", KINDS)
def test_a_table_of_one_kind_is_enough(name):
    matrix = DenseEncoder({name: KINDS[name]}, 2).fit_transform(mixed(40)[[name]], target(2, 40))
    assert matrix.shape[0] == 40
    assert matrix.shape[1] >= 1


def test_a_category_of_few_levels_has_a_column_for_each_and_one_of_many_has_means_and_counts():
    frame = mixed()
    assert DenseEncoder({"few": "category"}, 2).fit_transform(frame[["few"]], target(2)).shape[1] == 3
    assert DenseEncoder({"some": "category"}, 2).fit_transform(frame[["some"]], target(2)).shape[1] == 2
    assert DenseEncoder({"some": "category"}, 3).fit_transform(frame[["some"]], target(3)).shape[1] == 4


def test_where_there_are_too_many_classes_for_means_a_level_keeps_its_column():
    assert DenseEncoder({"some": "category"}, 12).fit_transform(mixed()[["some"]], target(12)).shape[1] == 20


def test_texts_are_condensed():
    words = np.array([f"word{i} word{i * 7 % 90} word{i * 5 % 80}" for i in range(300)], dtype=object)
    matrix = DenseEncoder({"note": "text"}, 2).fit_transform(pd.DataFrame({"note": words}), target(2))
    assert 10 < matrix.shape[1] < 60


@pytest.mark.parametrize("classes", [0, 2, 3])
def test_of_too_many_columns_those_are_kept_that_go_along_with_the_target(classes):
    random = np.random.default_rng(1)
    frame = pd.DataFrame(random.normal(size=(200, 700)), columns=[f"x{i}" for i in range(700)])
    place = 650
    truth = frame[f"x{place}"].to_numpy()
    y = truth if not classes else np.digitize(truth, np.quantile(truth, np.linspace(0, 1, classes + 1)[1:-1]))
    encoder = DenseEncoder(dict.fromkeys(frame.columns, "number"), classes)
    matrix = encoder.fit_transform(frame, y)
    assert matrix.shape == (200, WIDEST)
    assert place in encoder.kept_
    assert np.array_equal(encoder.transform(frame), matrix)


def test_a_date_is_told_on_a_circle():
    encoder = DenseEncoder({"day": "date"}, 2)
    encoder.fit_transform(mixed()[["day"]], target(2))
    assert {"day:weekday:sin", "day:weekday:cos", "day:days"} <= set(encoder.dates_.names_)


def test_counts_tell_rare_from_frequent_and_nothing_of_the_unseen():
    counts = LevelCounts().fit(np.array([[0.0], [0.0], [1.0], [np.nan]]))
    told = counts.transform(np.array([[0.0], [1.0], [np.nan], [9.0]]))[:, 0]
    assert np.expm1(told) == pytest.approx([2, 1, 1, 0])


@pytest.mark.parametrize("make", [DenseEncoder, partial(TableEncoder, style="linear")], ids=["dense", "linear"])
def test_how_many_rows_are_encoded_at_a_time_changes_no_bit(make, monkeypatch):
    kinds = {name: kind for name, kind in KINDS.items() if name not in ("many", "note")}
    frame = mixed().mask(np.random.default_rng(0).random((300, 6)) < 0.2)
    encoder = make(kinds, classes=2)
    fitted = encoder.fit_transform(frame, target(2))
    together = encoder.transform(frame)
    monkeypatch.setattr("workbench.estimators.numbers.SLICE", 7)
    apart = encoder.transform(frame)
    assert together.dtype == apart.dtype == fitted.dtype
    assert np.array_equal(together, apart)
    assert encoder.transform(frame[:0]).shape == (0, apart.shape[1])
