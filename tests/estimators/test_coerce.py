"""A model sees the same values however its rows were stored."""

from __future__ import annotations

import datetime as dt
import io
import json
import random
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from workbench.estimators.coerce import MISSING, Coercer, coerce

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
finite = st.floats(allow_nan=False, allow_infinity=False)
moments = st.datetimes(min_value=dt.datetime(1972, 1, 1), max_value=dt.datetime(2200, 1, 1))
printable = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8)
KINDS = ["number", "boolean", "date", "category", "text", "id", "constant", "empty"]


def coerced(values, kind, dtype=None, **more):
    return coerce(pd.Series(values, dtype=dtype), {"name": "x", "kind": kind, **more}).tolist()


def as_text(series):
    """The column as a CSV file holds it."""
    text = series.to_frame("x").assign(filler=0).to_csv(index=False)
    return pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)["x"]


def same(one, other):
    pd.testing.assert_series_equal(one, other, check_exact=True, check_names=False)


NAN = float("nan")
CASES = [
    (["3", " 3 ", "3.0", "03"], "category", {}, ["3", "3", "3", "03"]),
    ([3, 3.0, Decimal("3.0"), True, None, NAN], "category", {}, ["3", "3", "3", "True", None, None]),
    (["", " ", "NA", "?", "null", "None", "NaN"], "category", {}, [None, None, None, None, None, "None", None]),
    (["NA", "?"], "category", {"missing": ["?"]}, ["NA", None]),
    (["1234", "01234", "x"], "category", {"width": 5}, ["01234", "01234", "x"]),
    ([1234, 1234.0, None], "id", {"width": 5}, ["01234", "01234", None]),
    (["1.50", "1.5", "-0.0", "1e5"], "category", {}, ["1.50", "1.5", "-0", "1e5"]),
    ([dt.date(2020, 1, 1), dt.datetime(2020, 1, 1)], "category", {}, ["2020-01-01", "2020-01-01"]),
    (["1.5", " 2 ", "x", "", "NA", "1_000", "0x10"], "number", {}, [1.5, 2, NAN, NAN, NAN, NAN, NAN]),
    (["inf", "-Infinity", "1e400", "nan"], "number", {}, [NAN] * 4),
    ([np.inf, -np.inf, 1], "number", {}, [NAN, NAN, 1]),
    (["1,5", "2.5", "3", 4.5], "number", {"decimal": ","}, [1.5, 2.5, 3, 4.5]),
    (["1.234,5", "1.234", "1.2", "-1.000.000", 1.5], "number", {"decimal": ",", "thousands": "."},
     [1234.5, 1234, NAN, -1e6, 1.5]),
    (["1,234.5", "12,34", "0,123", "999"], "number", {"thousands": ","}, [1234.5, NAN, NAN, 999]),
    (["1 234", "1\u00a0234", "1\u202f234", "12 34"], "number", {"thousands": " "}, [1234, 1234, 1234, NAN]),
    (["1'234"], "number", {"thousands": "'"}, [1234]),
    (["€ 1,5", "2 €", "-€3", "€"], "number", {"symbols": ["€"], "decimal": ","}, [1.5, 2, -3, NAN]),
    (["18:30", "18.30.00", "24:30", "7:15:36", "x", "8.5"], "number", {"clock": True},
     [18.5, 18.5, NAN, 7.26, NAN, 8.5]),
    ([dt.time(18, 30), dt.time(7, 15, 36)], "number", {"clock": True}, [18.5, 7.26]),
    ([Decimal("1.1"), "1.1", 1.1, True, np.bool_(False), None], "number", {}, [1.1, 1.1, 1.1, 1, 0, NAN]),
    ([dt.timedelta(hours=1), None], "number", {}, [3600, NAN]),
    (["Yes", "NO", " t ", "1", "0.0", "2", "maybe", ""], "boolean", {}, [1, 0, 1, 1, 0, NAN, NAN, NAN]),
    (["Ja", "NEIN", "yes"], "boolean", {"true": ["ja"], "false": ["nein"]}, [1, 0, 1]),
    ([True, False, None, 1, 0.0, 2], "boolean", {}, [1, 0, NAN, 1, 0, NAN]),
    ([1.0, 0.0, 0.5, NAN], "boolean", {}, [1, 0, NAN, NAN]),
]  # fmt: skip


@pytest.mark.parametrize(("values", "kind", "more", "expected"), CASES)
def test_raw_values_become_the_form_of_their_kind(values, kind, more, expected):
    found = coerced(values, kind, dtype=object, **more)
    assert found == pytest.approx(expected, nan_ok=True) if kind in ("number", "boolean") else found == expected


DATES = [
    (["2020-02-01", "2020-02-01 10:30", "2020-02-01T10:30:00Z", "x", ""], [],
     ["2020-02-01", "2020-02-01 10:30", "2020-02-01 10:30", None, None]),
    (["01/02/2020", "13/02/2020", "2020-02-01", "31/02/2020"], ["%d/%m/%Y"],
     ["2020-02-01", "2020-02-13", "2020-02-01", None]),
    (["2020-10-25 02:30+02:00", "2020-10-25 02:30+01:00"], [], ["2020-10-25 00:30", "2020-10-25 01:30"]),
    (["9999-12-31", "0001-01-01", "2262-01-01", "1678-01-01"], [], [None, None, None, "1678-01-01"]),
    ([dt.date(2020, 2, 1), dt.date(9999, 12, 31), dt.datetime(2020, 2, 1, 1), None], [],
     ["2020-02-01", None, "2020-02-01 01:00", None]),
    ([pd.Timestamp("2020-02-01", tz="Europe/Berlin"), np.datetime64("2020-02-01"), "2020-02-01"], [],
     ["2020-01-31 23:00", "2020-02-01", "2020-02-01"]),
    ([20200201, "20200201", 20200201.0, 5, True], ["%Y%m%d"], ["2020-02-01", "2020-02-01", "2020-02-01", None, None]),
]  # fmt: skip


@pytest.mark.parametrize(("values", "formats", "expected"), DATES)
def test_raw_values_become_dates_in_utc(values, formats, expected):
    found = coerce(pd.Series(values, dtype=object), {"name": "x", "kind": "date", "formats": formats})
    assert found.dtype == "datetime64[ns]"
    assert [None if pd.isna(value) else value for value in found] == [
        value and pd.Timestamp(value) for value in expected
    ]


TYPED = [
    pd.array([1, None, 0], dtype="Int64"),
    pd.array([1, None, 0], dtype="int8[pyarrow]"),
    pd.array([1.5, None, 0], dtype="Float64"),
    pd.array([True, None, False], dtype="boolean"),
    pd.array(["a", None, "1"], dtype="string[pyarrow]"),
    pd.array(["a", None, "1"], dtype="string[python]"),
    pd.Categorical(["a", None, "1"]),
    pd.Categorical([1.5, None, 0.0]),
    pd.Categorical([True, None, False]),
    pd.Categorical(pd.to_datetime(["2020-01-01", None, "2020-01-02"])),
    pd.to_datetime(["2020-01-01", None, "2020-01-02 10:00"], format="mixed"),
    pd.to_datetime(["2020-01-01", None, "2020-01-02"]).tz_localize("Asia/Tokyo"),
    pd.DatetimeIndex(np.array(["2020-01-01", "NaT", "9999-01-02"], dtype="datetime64[s]")),
    pd.PeriodIndex(["2020-01", "NaT", "2020-03"], freq="M"),
    pd.to_timedelta(["1h", None, "2h"]),
    pd.array([dt.date(2020, 1, 1), None, dt.date(9999, 1, 1)], dtype="date32[pyarrow]"),
    pd.array([dt.time(1), None, dt.time(2)], dtype="time64[us][pyarrow]"),
    pd.array([dt.datetime(2020, 1, 1), None, dt.datetime(2020, 1, 2)], dtype="timestamp[us, tz=UTC][pyarrow]"),
    np.array([1, 2, 0], dtype=np.uint8),
    np.array([1.5, np.nan, 0], dtype=np.float32),
    np.array([1j, 2, 0]),
    np.array([[1], {"a": 2}, (3,)], dtype=object),
    np.array([b"a", dt.time(1), Decimal("1.5")], dtype=object),
]
FORMS = {"number": "float64", "boolean": "float64", "date": "datetime64[ns]"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("values", TYPED, ids=lambda values: str(values.dtype))
def test_every_type_of_column_becomes_every_kind_in_its_one_form(values, kind):
    series = pd.Series(values, index=[7, 3, 5])
    found = coerce(series, {"name": "x", "kind": kind})
    assert found.dtype == FORMS.get(kind, "object")
    assert list(found.index) == [7, 3, 5]
    if kind not in FORMS:
        assert all(value is None or isinstance(value, str) for value in found)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["object", "str", "float64", "Int64", "datetime64[ns]", "category"])
def test_no_rows_and_rows_without_values_keep_their_form(kind, dtype):
    for rows in (0, 3):
        found = coerce(pd.Series([None] * rows, dtype=dtype), {"name": "x", "kind": kind})
        assert found.dtype == FORMS.get(kind, "object")
        assert found.isna().all()


def columns_of(elements, dtype=None):
    return st.lists(st.none() | elements, min_size=1, max_size=8).map(lambda values: pd.Series(values, dtype=dtype))


typed_columns = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=8).map(pd.Series),
    columns_of(st.integers(-(2**40), 2**40), "Int64"),
    columns_of(finite, "float64"),
    columns_of(st.booleans(), "boolean"),
    columns_of(st.booleans(), object),
    columns_of(
        st.decimals(allow_nan=False, allow_infinity=False, places=2, max_value=10**9, min_value=-(10**9)), object
    ),
)


@quick
@given(typed_columns, st.sampled_from(["number", "boolean", "category", "id"]))
def test_text_and_typed_columns_of_the_same_numbers_become_equal(series, kind):
    column = {"name": "x", "kind": kind}
    same(coerce(series, column), coerce(as_text(series), column))


@quick
@given(columns_of(moments, "datetime64[us]"), st.sampled_from([None, "UTC", "America/New_York", "Asia/Kolkata"]))
def test_text_and_typed_columns_of_the_same_moments_become_equal(series, zone):
    if zone:
        series = series.dt.tz_localize(zone, ambiguous="NaT", nonexistent="shift_forward")
    column = {"name": "x", "kind": "date"}
    same(coerce(series, column), coerce(as_text(series), column))


@quick
@given(columns_of(printable, object), st.sampled_from(["category", "object", "string[python]", "string[pyarrow]"]))
def test_text_and_typed_columns_of_the_same_words_become_equal(series, dtype):
    column = {"name": "x", "kind": "category"}
    same(coerce(series.astype(dtype), column), coerce(as_text(series), column))


anything = st.one_of(
    st.none(),
    st.text(max_size=12),
    st.sampled_from(
        [*MISSING, "1,234.5", "1.234,5", "€5", "18:30", "yes", "No", "2020-01-02", "02/01/2020", "007", " "]
    ),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.dates(),
    st.datetimes(timezones=st.none() | st.timezones()),
    st.times(),
    st.decimals(allow_nan=False),
    st.lists(st.integers(), max_size=2),
    st.binary(max_size=3),
)
columns = st.fixed_dictionaries(
    {"name": st.just("x"), "kind": st.sampled_from(KINDS)},
    optional={
        "decimal": st.just(","),
        "thousands": st.sampled_from([".", " ", "'"]),
        "symbols": st.just(["€"]),
        "clock": st.booleans(),
        "formats": st.just(["%d/%m/%Y"]),
        "true": st.just(["ja"]),
        "width": st.integers(1, 6),
        "missing": st.just(["-"]),
    },
)


@quick
@given(st.lists(anything, max_size=6), columns)
def test_any_column_can_be_coerced_without_changing_it_and_a_second_time_changes_nothing(values, column):
    series = pd.Series(values, dtype=object)
    before = list(values)
    once = coerce(series, column)
    assert all(one is other for one, other in zip(series, before, strict=True))
    same(coerce(once, column), once)


@quick
@given(st.lists(anything, min_size=1, max_size=6), columns, st.randoms(use_true_random=False))
def test_each_row_is_coerced_by_itself(values, column, chance: random.Random):
    series = pd.Series(values, dtype=object)
    rows = sorted(range(len(values)), key=lambda _: chance.random())[: 1 + len(values) // 2]
    same(coerce(series.iloc[rows], column), coerce(series, column).iloc[rows])


FRAME = pd.DataFrame({"b": ["1", "x"], "a": [True, None], "c": ["u", "v"]}, index=["i", "j"])


def test_the_named_columns_are_given_in_the_order_named():
    found = Coercer([{"name": "c", "kind": "category"}, {"name": "b", "kind": "number"}]).transform(FRAME)
    assert list(found.columns) == ["c", "b"]
    assert list(found.index) == ["i", "j"]


def test_all_missing_columns_are_named_at_once():
    coercer = Coercer([{"name": name, "kind": "number"} for name in ("b", "d", "e")])
    with pytest.raises(ValueError, match=r"2 column.*'d', 'e'"):
        coercer.transform(FRAME)


def test_a_name_that_stands_for_two_columns_is_refused():
    with pytest.raises(ValueError, match="more than one column named 'b'"):
        Coercer([{"name": "b", "kind": "number"}]).transform(pd.concat([FRAME, FRAME], axis=1))


def test_what_is_no_frame_is_refused():
    with pytest.raises(TypeError, match="DataFrame"):
        Coercer([{"name": "b", "kind": "number"}]).transform([[1]])


def test_its_state_is_plain_and_it_can_be_cloned_and_chained():
    coercer = Coercer([{"name": "b", "kind": "number", "symbols": ["€"]}])
    assert json.loads(json.dumps(coercer.get_params())) == coercer.get_params()
    assert vars(clone(coercer)) == vars(coercer)
    assert make_pipeline(clone(coercer)).transform(FRAME)["b"].iloc[0] == 1
    assert coercer.get_feature_names_out().tolist() == ["b"]


def test_the_input_frame_is_not_changed():
    before = FRAME.copy(deep=True)
    Coercer(
        [{"name": name, "kind": kind} for name, kind in zip("abc", ["boolean", "number", "id"], strict=True)]
    ).transform(FRAME)
    pd.testing.assert_frame_equal(FRAME, before)


@pytest.mark.parametrize(
    ("values", "column", "expected"),
    [
        (["-200", "-200.0", "3"], {"kind": "number"}, [None, None, 3.0]),
        (["-200,00", "3,5"], {"kind": "number", "decimal": ","}, [None, 3.5]),
        ([-200, 3], {"kind": "number"}, [None, 3.0]),
        (["-200", "-20", "none", "NA"], {"kind": "category"}, [None, "-20", None, None]),
        (["00099", "99", "12"], {"kind": "category", "width": 5, "unknown": ["99"]}, [None, None, "00012"]),
        (["1900-01-01", "2000-01-01"], {"kind": "date"}, [None, pd.Timestamp("2000-01-01")]),
    ],
)
def test_values_that_stand_for_missing_are_missing(values, column, expected):
    said = {"unknown": ["-200", "none", "1900-01-01", "2000"], "name": "a", **column}
    found = Coercer([said]).transform(pd.DataFrame({"a": values}))["a"]
    assert [None if pd.isna(value) else value for value in found] == expected


@pytest.mark.parametrize("kind", ["number", "boolean", "date", "category", "text"])
@pytest.mark.parametrize("dtype", ["str", "string", object])
def test_a_row_alone_is_read_as_among_others(kind, dtype):
    values = pd.Series(["1", "yes", None, " 2024-02-03", "", "never", "2.50", "NA"], dtype=dtype)
    frame, coercer = pd.DataFrame({"x": values}), Coercer([{"name": "x", "kind": kind}])
    alone = pd.concat([coercer.transform(frame.iloc[[row]]) for row in range(len(frame))])
    pd.testing.assert_frame_equal(alone, coercer.transform(frame))
