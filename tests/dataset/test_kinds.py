"""What a column is, found by looking; and the reason, in words."""

from __future__ import annotations

import datetime as dt
import decimal
import random
import uuid

import numpy as np
import pandas as pd
import pytest

from workbench.dataset.kinds import columns_of

RNG = random.Random(5)
N = 60
WORDS = ["the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "and", "runs", "far", "away"]
COUNTRIES = ["DE", "FR", "NA", "US", "GB", "IT", "ES", "PT", "NL", "BE", "AT", "CH"]


def shuffled(values):
    values = list(values)
    RNG.shuffle(values)
    return values


def cycle(*values):
    return [values[i % len(values)] for i in range(N)]


def of_dates(form, step=1, start=dt.datetime(2021, 1, 5, 13, 45, 10)):
    return [(start + dt.timedelta(days=step * i)).strftime(form) for i in range(N)]


KINDS = {
    "whole numbers": (cycle(3, 1, 4, 1, 5, 9, 2, 6), "number", {}, ""),
    "numbers": ([f"{i * 0.37:.3f}" for i in range(N)], "number", {}, ""),
    "signed and with exponents": (cycle("+1.5e3", "-2E-4", ".5", "7."), "number", {}, ""),
    "numbers with blanks": (cycle("1.5", " ", "2.5", ""), "number", {}, ""),
    "numbers with words for missing": (cycle("1.5", "NA", "2.5", "null", "?"), "number", {}, ""),
    "a few odd words among numbers": ([*cycle("1", "2", "3")[:55], *["unknown"] * 5], "number", {}, "'unknown'"),
    "infinite numbers": ([*cycle("1", "2", "3")[:58], "inf", "-inf"], "number", {}, "are no numbers"),
    "zero and one": (cycle("0", "1"), "number", {}, ""),
    "thousands": (cycle("1,234", "12,345,678", "999"), "number", {"thousands": ","}, "between thousands"),
    "thousands and decimals": (cycle("1,234.5", "12.25", "-9,999.0"), "number", {"thousands": ","}, ""),
    "decimal commas": (cycle("1,5", "2,25", "3"), "number", {"decimal": ","}, "decimal commas"),
    "dots between thousands": (cycle("1.234,5", "12,25"), "number", {"thousands": ".", "decimal": ","}, ""),
    "many dots": (cycle("1.234.567", "2.345.678", "12"), "number", {"thousands": ".", "decimal": ","}, ""),
    "spaces between thousands": (cycle("1 234", "12 345 678", "7"), "number", {"thousands": " "}, "spaces"),
    "no-break spaces": (cycle("1\u00a0234,5", "12\u202f345,25"), "number", {"thousands": " ", "decimal": ","}, ""),
    "apostrophes": (cycle("1'234", "12'345.5"), "number", {"thousands": "'"}, ""),
    "money": (cycle("$1,200.50", "$3", "-$7.25"), "number", {"symbols": ["$"], "thousands": ","}, "taken off"),
    "euros": (cycle("12,50 €", "3,99 €"), "number", {"symbols": ["€"], "decimal": ","}, ""),
    "percents": (cycle("12.5%", "3 %"), "number", {"symbols": ["%"]}, ""),
    "times of day": (cycle("08:30", "17:05", "23:59"), "number", {"clock": True}, "time of day"),
    "times with dots": (cycle("08.30.00", "17.05.59"), "number", {"clock": True}, "time of day"),
    "years": (cycle("1999", "2004", "2020"), "number", {}, ""),
    "yes and no": (cycle("yes", "no"), "boolean", {}, ""),
    "capitals": (cycle("Yes", "NO", "yes"), "boolean", {}, ""),
    "true and false": (cycle("True", "False", ""), "boolean", {}, ""),
    "true, FALSE and 1": (cycle("True", "FALSE", "1"), "boolean", {}, ""),
    "y and n": (cycle("Y", "N"), "boolean", {}, ""),
    "ja and nein": (cycle("ja", "nein"), "boolean", {"true": ["j", "ja"], "false": ["n", "nein"]}, ""),
    "J and N": (cycle("J", "N"), "boolean", {"true": ["j", "ja"]}, ""),
    "yes or nothing": (cycle("yes", ""), "boolean", {}, ""),
    "yes, no and more": (cycle("yes", "no", "no phone"), "category", {}, ""),
    "men and women": (cycle("f", "m"), "category", {}, ""),
    "leading zeros": (cycle("01234", "09876", "12345"), "category", {"width": 5}, "leading zeros are kept"),
    "codes of several lengths": (cycle("007", "0123", "12"), "category", {}, "leading zeros"),
    "long digits, repeated": (cycle("12345678901234567890", "22345678901234567890"), "category", {}, "more digits"),
    "levels": (cycle("red", "green", "blue"), "category", {}, ""),
    "levels of words": (cycle("Bank transfer (automatic)", "Mailed check", "Electronic check"), "category", {}, ""),
    "a question mark for missing": (cycle("red", "?", "blue"), "category", {}, "'?' in 20 row"),
    "None as a level": (cycle("red", "None", "blue"), "category", {}, "'None' is kept"),
    "Namibia": (COUNTRIES * 5, "category", {"missing": ...}, "'NA' is kept"),
    "NA among words": (cycle("red", "NA", "blue"), "category", {}, "'NA' in 20 row"),
    "grades": (cycle("A", "B+", "C-"), "category", {}, ""),
    "versions": (cycle("1.2.3", "1.10.0", "2.0.1"), "category", {}, ""),
    "ranges": (cycle("0-9", "10-19", "20-29"), "category", {}, ""),
    "tickets": ([*(f"{i * 7919 % 99999}" for i in range(42)), *(f"A/5 {i}" for i in range(18))], "category", {}, ""),
    "customer keys": ([f"{i * 7919 % 9999:04d}-QX" for i in range(N)], "id", {}, "of its own"),
    "uuids": ([str(uuid.UUID(int=RNG.getrandbits(128))) for _ in range(N)], "id", {}, ""),
    "mail addresses": ([f"user{i}@example.org" for i in range(N)], "id", {}, ""),
    "unique digit codes": ([f"{i * 7919 % 999983:08d}" for i in range(N)], "id", {"width": 8}, ""),
    "a row count": (range(N), "id", {}, "one by one"),
    "a row count from elsewhere": (range(1000, 1000 + N), "id", {}, "one by one"),
    "a shuffled row count": (shuffled(range(N)), "id", {}, "one by one"),
    "a row count with gaps": ([i + i // 7 for i in range(N)], "id", {}, "with gaps"),
    "a count of floats": ([f"{i}.0" for i in range(N)], "id", {}, "one by one"),
    "unique prices": ([f"{i * 7919 % 99991}" for i in range(N)], "number", {}, ""),
    "unique measurements": ([f"{i * 7919 % 99991 / 7}" for i in range(N)], "number", {}, ""),
    "growing measurements": ([f"{i * 1.5}" for i in range(N)], "number", {}, ""),
    "growing meter readings": ([str(i * 37 + i % 5) for i in range(N)], "number", {}, ""),
    "sentences": ([" ".join(RNG.choices(WORDS, k=9)) for _ in range(N)], "text", {}, "word by word"),
    "names of people": ([f"Family{i}, Mr. Given{i * 3}" for i in range(N)], "text", {}, ""),
    "addresses of pages": ([f"https://example.org/shop/{i}?q={i * 3}" for i in range(N)], "text", {}, ""),
    "one value": (cycle("same"), "constant", {}, "same value"),
    "one number": (cycle("3.0"), "constant", {}, "same value"),
    "always yes": (cycle("yes"), "constant", {}, "same value"),
    "one value or nothing": (cycle("same", ""), "category", {}, ""),
    "nothing": (cycle("", " "), "empty", {}, "no row"),
    "nothing but words for missing": (cycle("NA", "null"), "empty", {}, "no row"),
    "ISO days": (of_dates("%Y-%m-%d"), "date", {"formats": ["ISO8601"]}, ""),
    "ISO moments": (of_dates("%Y-%m-%d %H:%M:%S"), "date", {"formats": ["ISO8601"]}, ""),
    "ISO moments with T and Z": (of_dates("%Y-%m-%dT%H:%M:%SZ"), "date", {"formats": ["ISO8601"]}, "UTC"),
    "mixed offsets": (cycle("2020-10-25 02:30:00+02:00", "2020-10-25 02:30:00+01:00"), "date", {}, "UTC"),
    "ISO months": (of_dates("%Y-%m", step=31), "date", {"formats": ["ISO8601"]}, ""),
    "days first": (of_dates("%d/%m/%Y"), "date", {"formats": ["%d/%m/%Y"]}, "day before month"),
    "months first": (of_dates("%m/%d/%Y"), "date", {"formats": ["%m/%d/%Y"]}, "month before day"),
    "German dates": (of_dates("%d.%m.%Y %H:%M"), "date", {"formats": ["%d.%m.%Y %H:%M"]}, ""),
    "American moments": (of_dates("%m/%d/%Y %I:%M:%S %p"), "date", {"formats": ["%m/%d/%Y %I:%M:%S %p"]}, ""),
    "dashes": (of_dates("%d-%m-%Y"), "date", {"formats": ["%d-%m-%Y"]}, ""),
    "short years": (of_dates("%d/%m/%y"), "date", {"formats": ["%d/%m/%y"]}, "two digits"),
    "names of months": (of_dates("%d %b %Y"), "date", {"formats": ["%d %b %Y"]}, ""),
    "long names of months": (of_dates("%B %d, %Y", step=9), "date", {"formats": ["%B %d, %Y"]}, ""),
    "Oracle dates": (of_dates("%d-%b-%y"), "date", {"formats": ["%d-%b-%y"]}, ""),
    "slashes, year first": (of_dates("%Y/%m/%d"), "date", {"formats": ["%Y/%m/%d"]}, ""),
    "dots in the time": (of_dates("%d/%m/%Y %H.%M.%S"), "date", {"formats": ["%d/%m/%Y %H.%M.%S"]}, ""),
    "ambiguous, in order": (of_dates("%d/%m/%Y", start=dt.datetime(2021, 1, 1))[:12] * 5, "date", {}, "nothing tells"),
    "two ways": (cycle("2020-01-31", "31/01/2020", "15/02/2020"), "date", {}, "2 ways"),
    "dates and blanks": (cycle("2020-01-31", "", "2020-02-15"), "date", {}, ""),
    "an impossible date": ([*of_dates("%d/%m/%Y")[:59], "31/02/2021"], "date", {}, "'31/02/2021'"),
    "far future": ([*of_dates("%Y-%m-%d")[:55], *["9999-12-31"] * 5], "date", {}, "'9999-12-31'"),
}


@pytest.mark.parametrize("what", KINDS)
def test_the_kind_of_a_column(column, what):
    values, kind, coercion, note = KINDS[what]
    found = column(values)
    assert found.kind == kind, found
    assert note in found.note
    for name, value in coercion.items():
        assert found.coercion.get(name) == value or value is ..., found.coercion
    if not coercion and kind not in ("date",):
        assert found.coercion == {}


NAMED = {
    ("customer_id", "unique numbers"): ([i * 7919 % 99991 for i in range(N)], "id"),
    ("customerID", "unique numbers"): ([i * 7919 % 99991 for i in range(N)], "id"),
    ("PID", "unique numbers"): ([i * 7919 % 99991 for i in range(N)], "id"),
    ("invoice_no", "unique numbers"): ([i * 7919 % 99991 for i in range(N)], "id"),
    ("humidity", "unique numbers"): ([i * 7919 % 99991 for i in range(N)], "number"),
    ("paid", "unique numbers"): ([i * 7919 % 99991 for i in range(N)], "number"),
    ("shop_id", "repeated numbers"): (cycle(4, 8, 15, 16, 23), "category"),
    ("order_date", "digits"): (of_dates("%Y%m%d"), "date"),
    ("amount", "digits"): (of_dates("%Y%m%d", step=3), "number"),
}


@pytest.mark.parametrize("what", NAMED, ids=" ".join)
def test_the_name_of_a_column_is_heard_too(column, what):
    values, kind = NAMED[what]
    assert column(values, name=what[0]).kind == kind


def test_few_rows_do_not_make_an_identifier(column):
    assert column(["ann", "bob", "cid"]).kind == "category"
    assert column([3, 1, 2]).kind == "number"


def test_identifiers_have_the_role_id_and_others_are_features(table):
    schema = table("id,x\n" + "".join(f"K{i},{i % 7}\n" for i in range(30))).schema
    assert (schema.named("id"), schema.named("feature")) == (["id"], ["x"])


def test_distinct_and_missing_are_counted(column):
    found = column(cycle("1", "1.0", "2", "", "NA"))
    assert (found.distinct, found.missing) == (2, 24)


def test_namibia_is_counted(column):
    found = column(COUNTRIES * 5)
    assert (found.distinct, found.missing) == (12, 0)


def test_many_levels_are_told(column):
    assert "many different values" in column([f"town{i % 200}" for i in range(600)]).note


@pytest.mark.parametrize(
    ("values", "suspect"),
    [
        (cycle("3.5", "7.25", "-200", "11"), "-200"),
        (cycle("-4", "5", "-200.0", "-200", "20"), "-200"),
        (cycle("500", "900", "99999", "310"), "99999"),
        (cycle("12", "0", "-1", "5"), "-1"),
    ],
)
def test_a_number_that_may_stand_for_unknown_is_pointed_out(column, values, suspect):
    assert f"{suspect} stands in" in column(values).note


@pytest.mark.parametrize("values", [cycle("-5", "-3", "0", "4"), cycle("99", "98", "97", "50"), cycle("-1", "1")])
def test_ordinary_numbers_are_not_suspected(column, values):
    assert column(values).note == ""


def test_other_columns_tell_what_a_comma_means(table, coerced):
    lines = [f"{1 + i % 9},{100 + i};{i % 50},{i % 10}5" for i in range(N)]
    both = table("\n".join(["x;y", *lines]))
    assert both.schema["x"].coercion == {"decimal": ","}
    assert coerced(both)["x"].iloc[0] == pytest.approx(1.1)
    alone = table("\n".join(["x;y", *(line.partition(";")[0] + ";a" for line in lines)]))
    assert alone.schema["x"].coercion == {"thousands": ","}


def test_other_columns_tell_what_a_dot_means(table, coerced):
    lines = [f"{1 + i % 9}.{100 + i};{i % 50},{i % 10}5" for i in range(N)]
    both = table("\n".join(["x;y", *lines]))
    assert both.schema["x"].coercion == {"thousands": ".", "decimal": ","}
    assert coerced(both)["x"].iloc[0] == 1100


def test_other_columns_tell_whether_day_or_month_comes_first(table):
    ambiguous = [f"{1 + i % 12:02}/{1 + (i * 5) % 12:02}/2020" for i in range(N)]
    sure = of_dates("%m/%d/%Y")
    dataset = table("\n".join(["x,y", *(f"{a},{b}" for a, b in zip(ambiguous, sure, strict=True))]))
    assert dataset.schema["x"].coercion == {"formats": ["%m/%d/%Y"]}
    assert "as in the other dates" in dataset.schema["x"].note


def test_the_order_of_the_rows_tells_when_nothing_else_does(column):
    days = [f"{month:02}/{day:02}/2020" for month in range(1, 13) for day in range(1, 13)]
    assert column(days).coercion == {"formats": ["%m/%d/%Y"]}


def kind_of(values):
    (column,), _ = columns_of(pd.DataFrame({"x": values}))
    return column.kind


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pd.array([True, None, False] * 10, dtype="boolean"), "boolean"),
        ([True, False] * 15, "boolean"),
        (pd.Series([True, None, False] * 10, dtype=object), "boolean"),
        (pd.Series([True, True, None] * 10, dtype=object), "boolean"),
        (np.arange(30.0) / 7, "number"),
        (np.arange(30, dtype=np.float32) / 7, "number"),
        (pd.array([1, None, 5] * 10, dtype="Int64"), "number"),
        (pd.array([1.5, None, 5] * 10, dtype="float64[pyarrow]"), "number"),
        ([decimal.Decimal("1.10"), decimal.Decimal("2.25"), None] * 10, "number"),
        (pd.to_timedelta([1, 2, 3] * 10, unit="h"), "number"),
        ([dt.time(8, 30), dt.time(17, 5), None] * 10, "number"),
        (pd.date_range("2020-01-01", periods=30), "date"),
        (pd.date_range("2020-01-01", periods=30, tz="Europe/Berlin"), "date"),
        (pd.period_range("2020-01", periods=30, freq="M"), "date"),
        ([dt.date(2020, 1, 1), dt.date(2020, 2, 1), None] * 10, "date"),
        (pd.Series(pd.date_range("2020-01-01", periods=30)).astype("timestamp[us][pyarrow]"), "date"),
        (pd.Series([dt.date(2020, 1, 1), dt.date(2020, 2, 1), None] * 10, dtype="date32[pyarrow]"), "date"),
        (pd.Series([dt.time(8, 30), dt.time(17, 5), None] * 10, dtype="time64[us][pyarrow]"), "number"),
        (pd.Categorical(["a", "b", None] * 10), "category"),
        (pd.Categorical([1.5, 2.5, None] * 10), "number"),
        (pd.Categorical(["yes", "no", None] * 10), "boolean"),
        (pd.Categorical(["a"] * 30, categories=["a", "b"]), "constant"),
        (pd.Series(["a", "b", None] * 10, dtype="string[pyarrow]"), "category"),
        (pd.Series(["a", 1, 2.5] * 10, dtype=object), "category"),
        ([None] * 30, "empty"),
        (np.full(30, np.nan), "empty"),
        (pd.Series([pd.NaT] * 30), "empty"),
        ([7] * 30, "constant"),
        ([pd.Timestamp("2020-01-01")] * 30, "constant"),
        ([True] * 30, "constant"),
        (range(30), "id"),
        ([np.inf, 1.0, 2.0] * 10, "number"),
        ([2**63, 1, 2] * 10, "number"),
        ([10**23, 1, 2] * 10, "number"),
    ],
)
def test_typed_columns_are_understood_too(values, kind):
    assert kind_of(values) == kind


def test_the_frame_is_left_as_it_was():
    frame = pd.DataFrame({"x": ["1,5", " ", "NA"] * 10, "y": pd.Categorical(["a", "b", "?"] * 10)})
    before = frame.copy(deep=True)
    columns_of(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_looking_is_quick_enough_for_wide_and_long_tables():
    rng = np.random.default_rng(0)
    wide = pd.DataFrame(rng.normal(size=(200, 300)).round(3)).astype(str)
    long = pd.DataFrame({"x": rng.normal(size=60_000).astype(str), "c": rng.choice(list("abc"), 60_000)})
    for frame in (wide.rename(columns=str), long):
        columns, _ = columns_of(frame)
        assert columns[0].kind == "number"
