"""A few rows read value by value are, to the last bit, what the coercer makes of them column by column."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse

from workbench.estimators.coerce import Coercer
from workbench.estimators.few import FewRows
from workbench.estimators.look import FEW
from workbench.estimators.texts import TextFeatures, Texts

KINDS = ["number", "boolean", "date", "category", "text", "id"]
MORE = [
    {},
    {"decimal": ","},
    {"thousands": ",", "symbols": ["€"]},
    {"clock": True},
    {"width": 5, "unknown": ["-200", "7"]},
    {"missing": ["?"], "true": ["ja"], "false": ["nein"]},
    {"formats": ["%d/%m/%Y"], "unknown": ["1900-01-01", "2020-01-01"]},
    {"formats": ["%m/%d/%Y %H:%M", "%d/%m/%Y"]},
    {"formats": ["ISO8601", "%d.%m.%Y"]},
    {"formats": ["%Y%m%d"]},
    {"true": ["0"], "false": ["true"]},
]
RAW = [
    "", " ", "NA", "?", "nan", "inf", "-Infinity", "1e400", "3", " 3 ", "3.0", "03", "-0.0", "+5", "1_000", "0x10", "٣",
    "1.5", "1,5", "1,234.5", "12,34", "€ 1", "18:30", "24:30", "12345678901234567890", "0.1234567890123456789", ".5",
    "5.", "True", "yes", "NO", "ja", "nein", "t", "0", "1", "2020-01-01", "31/12/2021", "2020-01-01T10:30:00+02:00",
    "2020-02-30", "2020-01-01 10:30", "2020-01-01T10:30:15", "2020-01-01 00:00:00", "2020-01-01 10:30:15.5",
    "0000-01-01", "1500-01-01", "1969-12-31 23:59:59", "2262-05-05", "02/03/2021", "2/3/2021",
    "30/02/2021", "02/03/2021 04:05", "1.2.2021",
    "٢٠٢٠-01-01", "20200131", "1e-5", "1E+05", "-200", "7", "never seen", "é",
    None, np.nan, pd.NA, pd.NaT, True, False, 0, 1, -0.0, 3, 3.0, 0.1, 2, 20200131, 20200131.0,
    16777217.0, -200, -200.0, 10**18, 10**400, 2**63, 1e16,
    np.inf, Decimal("1.1"), Decimal("NaN"), np.float32(0.1), np.float16(0.1), np.int64(2**60), np.bool_(True),
    np.str_("3"), dt.date(2020, 1, 1), dt.datetime(2021, 5, 6, 7, 8), dt.datetime(1500, 1, 1), dt.time(18, 30),
    dt.timedelta(hours=1),
    pd.Timestamp("1970-01-01 00:00:00.5"), np.datetime64("NaT"), Decimal("3"), np.float64(3.5),
    pd.Timestamp("2022-02-02", tz="Europe/Berlin"), np.datetime64("2020-01-01"), [1, 2], {"a": 1}, 1 + 2j, b"x",
]  # fmt: skip
MOMENTS = pd.to_datetime(["2020-01-01", None, "2021-05-06", "1969-12-31"])
TYPED = {
    "whole": pd.Series([3, 0, 1, -200], dtype="int64"),
    "large": pd.Series([2**60 + 1, 2**53 + 1, 7, 0], dtype="int64"),
    "unsigned": pd.Series([2**63 + 1, 0, 1, 7], dtype="uint64"),
    "narrow": pd.Series([3, 0, 1, 7], dtype="int8"),
    "real": pd.Series([0.1, np.nan, np.inf, -0.0]),
    "single": pd.Series([0.1, np.nan, 1.0, -0.0], dtype="float32"),
    "half": pd.Series([0.1, np.nan, 1.0, -0.0], dtype="float16"),
    "truth": pd.Series([True, False, True, False]),
    "complex": pd.Series([1 + 2j, 0, 1, 2]),
    "nullable": pd.Series([3, None, 1, 0], dtype="Int64"),
    "nullable real": pd.Series([0.1, None, 1.0, 0.0], dtype="Float64"),
    "nullable single": pd.Series([0.1, None, 1.0, 0.0], dtype="Float32"),
    "nullable truth": pd.Series([True, None, False, True], dtype="boolean"),
    "text": pd.Series(["3", None, "yes", "2020-01-01"], dtype="str"),
    "string": pd.Series(["3", None, "yes", "2020-01-01"], dtype="string"),
    "levels": pd.Series(["3", None, "yes", "3"], dtype="category"),
    "levels of numbers": pd.Series([3.0, None, 1.0, 3.0], dtype="category"),
    "moment": pd.Series(pd.to_datetime(["2020-01-01", None, "2021-05-06", "1999-12-31"])),
    "moment far": pd.Series(np.array(["1500-01-01", "NaT", "2021-05-06", "9999-12-31"], dtype="datetime64[s]")),
    "moment there": pd.Series(pd.to_datetime(["2020-01-01", None, "2021-05-06", "1999-12-31"])).dt.tz_localize("Japan"),
    "span": pd.Series(pd.to_timedelta([1, None, 3600, 7], unit="s")),
    "month": pd.Series(pd.PeriodIndex(["2020-01", None, "2021-05", "1999-12"], freq="M")),
    "arrow": pd.Series([3, None, 1, 0], dtype="int64[pyarrow]"),
    "arrow text": pd.Series(["3", None, "yes", "x"], dtype=pd.ArrowDtype(pa.string())),
    "arrow moment": pd.Series(MOMENTS).astype("timestamp[ms][pyarrow]"),
    "arrow day": pd.Series([*(each.date() for each in MOMENTS[[0, 2, 3]]), None], dtype=pd.ArrowDtype(pa.date32())),
    "arrow truth": pd.Series([True, None, False, True], dtype="bool[pyarrow]"),
    "arrow single": pd.Series([0.1, None, 1.0, 3.0], dtype="float[pyarrow]"),
    "arrow decimal": pd.Series([Decimal("0.1"), None, 1, 3], dtype=pd.ArrowDtype(pa.decimal128(9, 4))),
    "levels of truth": pd.Series([True, None, False, True], dtype="category"),
    "levels of moments": pd.Series(MOMENTS).astype("category"),
    "levels of whole": pd.Series([3, 1, 0, 3], dtype="category"),
    "dates as numbers": pd.Series([20200131, 20211231, 19990101, 7], dtype="int32"),
    "sparse whole": pd.Series(pd.arrays.SparseArray([0, 1, 3, 1])),
    "sparse": pd.Series(pd.arrays.SparseArray([0.0, 1.0, 3.0, np.nan])),
    "object": pd.Series([3, "x", None, 0.5], dtype=object),
}  # fmt: skip
quick = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def columns_of(names, kind, **more):
    return [{"name": name, "kind": kind, **more} for name in names]


def same(frame: pd.DataFrame, columns) -> None:
    """Both ways to read give the same columns to the last bit, or refuse in the same words."""
    coercer = Coercer(columns)
    try:
        expected = coercer.transform(frame)
    except Exception as error:  # whatever it is
        with pytest.raises(type(error), match=f"^{re.escape(str(error))}$"):
            FewRows(coercer).read(frame)
        return
    read = FewRows(coercer).read(frame)
    assert list(read) == list(expected)
    for name in expected:
        found, wanted = np.asarray(read[name]), expected[name].to_numpy()
        assert found.dtype == wanted.dtype
        if wanted.dtype == object:
            assert found.tolist() == wanted.tolist()
        else:
            there = ~np.isnan(wanted)
            assert np.array_equal(there, ~np.isnan(found))
            assert found[there].tobytes() == wanted[there].tobytes()


@pytest.mark.parametrize("more", MORE)
@pytest.mark.parametrize("kind", KINDS)
def test_any_value_of_a_column_of_objects(kind, more):
    columns = columns_of(["x"], kind, **more)
    for value in RAW:
        frame = pd.DataFrame({"x": pd.Series([None], dtype=object)})
        frame.at[0, "x"] = value
        same(frame, columns)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", list(TYPED))
def test_columns_of_any_type_alone(name, kind):
    frame = TYPED[name].to_frame(name)
    for row in range(len(frame)):
        same(frame.iloc[[row]], columns_of([name], kind, unknown=["-200"]))
    same(frame, columns_of([name], kind))


@quick
@given(
    names=st.lists(st.sampled_from(list(TYPED)), min_size=1, max_size=5, unique=True),
    kinds=st.lists(st.sampled_from(KINDS), min_size=5, max_size=5),
    rows=st.lists(st.integers(0, 3), min_size=1, max_size=3),
    extra=st.lists(st.sampled_from(list(TYPED)), max_size=2),
    reorder=st.randoms(use_true_random=False),
)
def test_columns_of_any_types_side_by_side(names, kinds, rows, extra, reorder):
    held = list(dict.fromkeys([*names, *extra]))
    reorder.shuffle(held)
    frame = pd.concat([TYPED[name].rename(name) for name in held], axis=1).iloc[rows]
    same(frame, [{"name": name, "kind": kind} for name, kind in zip(names, kinds, strict=False)])


@quick
@given(
    cells=st.lists(
        st.one_of(
            st.sampled_from(RAW),
            st.text(max_size=6),
            st.floats(),
            st.decimals(allow_nan=False),
            st.dates(),
            st.integers(),
        ),
        min_size=1,
        max_size=3,
    ),
    kind=st.sampled_from(KINDS),
    more=st.sampled_from(MORE),
)
def test_whatever_stands_in_the_cells(cells, kind, more):
    column = np.empty(len(cells), dtype=object)
    column[:] = cells
    same(pd.DataFrame({"x": pd.Series(column, dtype=object), "y": 1.5}), columns_of(["x"], kind, **more))


@pytest.mark.parametrize("frame", [
    pd.DataFrame({"a": [1]}),
    pd.DataFrame([[1, 2]], columns=["a", "a"]),
    pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"]),
    pd.DataFrame([[1, 2, 3, 4]], columns=["a", "b", "c", "c"]),
    pd.DataFrame({("a", "x"): [1], ("b", "y"): [2]}),
    pd.DataFrame({0: [1], "a": ["2"], "b": [3]}),
    pd.DataFrame({"a": [1, 2], "b": [3, 4]}, index=[7, 7]),
    pd.DataFrame({"a": [], "b": []}),
    pd.DataFrame({"a": range(FEW + 1), "b": range(FEW + 1)}),
])  # fmt: skip
def test_columns_that_are_missing_twice_or_more_than_needed(frame):
    same(frame, columns_of(["a", "b"], "number"))


def test_what_is_no_frame_is_refused_in_the_same_words():
    with pytest.raises(TypeError, match="must be a pandas DataFrame with named columns, not list"):
        FewRows(Coercer(columns_of(["a"], "number"))).read([1])


def test_few_rows_are_read_without_the_coercer(monkeypatch):
    monkeypatch.setattr(Coercer, "transform", None)
    read = FewRows(Coercer(columns_of(["a"], "category"))).read(pd.DataFrame({"b": [1], "a": ["3.0"]}))
    assert {name: values.tolist() for name, values in read.items()} == {"a": ["3"]}


@pytest.mark.parametrize("components", [0, 6])
@pytest.mark.parametrize("unit", ["word", "letters"])
def test_a_text_alone_gets_what_it_gets_among_others(unit, components):
    random = np.random.default_rng(0)
    words = np.array(["pays", "late", "happy", "never", "came", "back", "É"])
    known = np.array([*(" ".join(random.choice(words, 4)) for _ in range(60)), None], dtype=object)
    features = TextFeatures(unit, components)
    features.fit_transform(known, random.normal(size=(len(known), 2)))
    texts = np.array([*known[:9], None, "", "unheard of", "late unheard LATE"], dtype=object)
    among, alone = features.transform(texts), [features.transform(texts[[row]]) for row in range(len(texts))]
    if sparse.issparse(among):
        among, alone = among.toarray(), [row.toarray() for row in alone]
    assert np.array_equal(among, np.vstack(alone))


@settings(max_examples=300, deadline=None)
@given(
    moment=st.datetimes(dt.datetime(1600, 1, 1), dt.datetime(2300, 1, 1)),
    written=st.sampled_from(
        ["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y %H:%M:%S"]
    ),
    formats=st.lists(st.sampled_from(["ISO8601", "%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y %H:%M:%S"]), max_size=2),
    changed=st.sampled_from(["", " ", "0", "9", "x", "Z"]),
)
def test_dates_however_they_are_written(moment, written, formats, changed):
    same(pd.DataFrame({"x": [moment.strftime(written) + changed]}), columns_of(["x"], "date", formats=formats))


@quick
@given(st.one_of(st.from_regex(r"[-+]?[0-9]{0,18}\.?[0-9]{0,18}([eE][-+]?[0-9]{1,3})?"), st.floats().map(repr)))
def test_numbers_however_they_are_written(text):
    for kind in ("number", "category", "boolean"):
        same(pd.DataFrame({"x": pd.Series([text], dtype=object)}), columns_of(["x"], kind))


def test_frames_of_other_columns_come_in_turns():
    """Where the columns stand is remembered of the frame before."""
    reader = FewRows(Coercer(columns_of(["a", "b"], "number")))
    first, other = pd.DataFrame({"a": [1.0, 3.0], "b": [2.0, 4.0]}), pd.DataFrame({"c": ["x"], "b": ["5"], "a": ["6"]})
    for _ in range(2):
        for row in range(2):
            assert {name: each.tolist() for name, each in reader.read(first.iloc[[row]]).items()} == {
                "a": [1.0 + 2 * row],
                "b": [2.0 + 2 * row],
            }
        assert {name: each.tolist() for name, each in reader.read(other).items()} == {"a": [6.0], "b": [5.0]}
        with pytest.raises(ValueError, match="lack 1 column"):
            reader.read(other[["a", "c"]])
        renamed = first.head(1)
        renamed.columns = ["b", "a"]
        assert {name: each.tolist() for name, each in reader.read(renamed).items()} == {"a": [2.0], "b": [1.0]}


@quick
@given(st.text(max_size=40))
def test_words_of_a_text_alone_are_counted_as_the_vectoriser_does(text):
    for unit in ("word", "letters"):
        words = TextFeatures(unit)._hashing()
        counts, alone = words.transform([text]), Texts([text]).alone(words)
        assert np.array_equal(counts.indices, alone.indices)
        assert np.array_equal(counts.data, alone.data)


def test_no_letter_is_a_space():
    """Signs are counted as what is neither."""
    assert not any(chr(place).isalnum() and chr(place).isspace() for place in range(0x110000))
