"""The model a search hands out meets rows as they come: one or many, of other types, with gaps, in any order."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

KINDS = ["binary", "multiclass", "regression"]
NUMBERS, WORDS = ["size", "age"], ["colour", "member", "note"]


@pytest.fixture(params=KINDS)
def found(request, results):
    """The model of a search, and rows it was not fitted on, as text."""
    return results(request.param).model


@pytest.fixture
def rows(shop_table):
    return shop_table(40, seed=7).drop(columns=["worth", "bought", "grade"]).astype("string")


def said(model, rows: pd.DataFrame) -> np.ndarray:
    return model.predict_proba(rows) if model.classes_ else model.predict(rows)


def test_a_row_alone_gets_what_it_gets_among_others(found, rows):
    alone = np.concatenate([said(found, rows.iloc[[place]]) for place in range(len(rows))])
    assert np.allclose(alone, said(found, rows), rtol=1e-9, atol=1e-12)


ALIKE = {
    "columns in another order": lambda rows: rows[rows.columns[::-1]],
    "columns nobody asked for": lambda rows: rows.assign(extra=1, worth="?", **{"": None}),
    "another index": lambda rows: rows.set_axis([f"r{n}" for n in range(len(rows))]),
    "numbers as floats": lambda rows: rows.assign(**{name: rows[name].astype(float) for name in NUMBERS}),
    "numbers as nullable integers": lambda rows: rows.assign(age=rows["age"].astype(float).astype("Int64")),
    "numbers as objects": lambda rows: rows.assign(age=rows["age"].astype(float).astype(object)),
    "words as categories": lambda rows: rows.assign(**{name: rows[name].astype("category") for name in WORDS}),
    "words as objects": lambda rows: rows.astype(object).where(rows.notna(), None),
    "yes and no as booleans": lambda rows: rows.assign(member=rows["member"].map({"yes": True, "no": False})),
    "yes and no in capitals": lambda rows: rows.assign(member=rows["member"].str.upper()),
    "days as dates": lambda rows: rows.assign(since=pd.to_datetime(rows["since"])),
    "days with a zone": lambda rows: rows.assign(since=pd.to_datetime(rows["since"], utc=True)),
    "Arrow": lambda rows: rows.convert_dtypes(dtype_backend="pyarrow"),
}


@pytest.mark.parametrize("change", ALIKE.values(), ids=ALIKE)
def test_the_same_rows_in_another_form_are_the_same_rows(found, rows, change):
    assert np.array_equal(said(found, change(rows)), said(found, rows))


def test_each_row_gets_the_same_wherever_it_stands(found, rows):
    order = np.random.default_rng(0).permutation(len(rows))
    assert np.allclose(said(found, rows.iloc[order]), said(found, rows)[order], rtol=1e-9, atol=1e-12)


STRANGE = {
    "no value": None,
    "a word for missing": "NA",
    "a level never seen": "ultraviolet",
    "a number beyond reason": "1e300",
}


@pytest.mark.parametrize("column", [*NUMBERS, *WORDS, "since"])
@pytest.mark.parametrize("value", STRANGE.values(), ids=STRANGE)
def test_a_column_of_gaps_or_strangers_is_predicted(found, rows, column, value):
    strange = said(found, rows.assign(**{column: pd.Series([value] * len(rows), dtype=object)}))
    assert strange.shape == said(found, rows).shape
    assert np.isfinite(strange).all()


def test_rows_without_any_value_are_predicted(found, rows):
    assert np.isfinite(said(found, rows.mask(rows.notna()))).all()


def test_a_column_that_is_not_there_is_named(found, rows):
    with pytest.raises(ValueError, match="'colour'"):
        found.predict(rows.drop(columns="colour"))


def test_predicting_does_not_change_the_rows(found, rows):
    before = rows.copy(deep=True)
    said(found, rows)
    pd.testing.assert_frame_equal(rows, before)
