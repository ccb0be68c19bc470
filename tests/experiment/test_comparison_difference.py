"""What differs between two experiments: cell by cell, column by column, and where values have moved."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.comparison import diff
from workbench.comparison.cells import cell_changes
from workbench.comparison.drift import drifts
from workbench.dataset.profile import profile
from workbench.errors import BadArtifact
from workbench.records import ColumnSchema, TableSchema

LOAD, CLEAN, FIT = "import pandas as pd", "table = table.dropna()\ntable = table[table.age > 0]", "model.fit(table)"


def found(one, other):
    return [(change.state, change.one, change.other) for change in cell_changes(one, other)]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([LOAD, CLEAN, FIT], [LOAD, CLEAN, FIT], []),
        ([LOAD, FIT], [LOAD, CLEAN, FIT], [("added", None, 2)]),
        ([LOAD, CLEAN, FIT], [LOAD, FIT], [("removed", 2, None)]),
        ([LOAD, CLEAN, FIT], [LOAD, CLEAN.replace("0", "18"), FIT], [("changed", 2, 2)]),
        ([LOAD, CLEAN], [FIT], [("removed", 1, None), ("removed", 2, None), ("added", None, 1)]),
        ([CLEAN], [LOAD, CLEAN + "\nx = 1"], [("added", None, 1), ("changed", 1, 2)]),
        ([], [LOAD], [("added", None, 1)]),
    ],
)
def test_cells_are_named_by_what_became_of_them(one, other, expected):
    assert found(one, other) == expected


def test_of_a_changed_cell_only_the_lines_that_changed_are_marked():
    (change,) = cell_changes(["a = 1\nb = 2\nc = 3"], ["a = 1\nb = 20\nc = 3"])
    assert change.as_document()["lines"] == [" a = 1", "-b = 2", "+b = 20", " c = 3"]


sources = st.lists(st.text(alphabet="ab =\n", max_size=12), max_size=6)


@given(one=sources, other=sources)
@settings(max_examples=60, deadline=None)
def test_the_other_notebook_can_be_made_from_the_one_and_what_changed(one, other):
    changes = list(cell_changes(one, other))
    gone = {change.one for change in changes if change.one}
    kept = [source for number, source in enumerate(one, 1) if number not in gone]
    new = {c.other: "\n".join(line for mark, line in c.lines if mark != "-") for c in changes if c.other}
    rest = iter(kept)
    assert [new[number] if number in new else next(rest) for number in range(1, len(other) + 1)] == other
    assert next(rest, None) is None


def test_a_notebook_of_very_many_cells_is_compared_all_the_same():
    one, other = ([f"{letter}{i} = {i}" for i in range(3000)] for letter in "xy")
    assert len(list(cell_changes(one, other))) == 6000


def test_a_cell_of_very_many_lines_that_are_alike_is_compared_all_the_same():
    one = "\n".join(["x = 1"] * 30_000)
    (change,) = cell_changes([one], [f"{one}\ny = 2"])
    assert [line for line in change.lines if line[0] != " "] == [("+", "y = 2")]


@pytest.mark.parametrize(
    ("was", "differs"), [({"cores": 2, "free_memory": 10**9}, True), ({"cores": 8}, False), (None, False)]
)
def test_another_number_of_cores_is_told_where_both_are_on_record(keep, was, differs):
    found = diff(keep(1, machine=was), keep(2, machine={"cores": 8, "free_memory": 10**10}))
    cores = {"name": "CPU cores", "one": "2", "other": "8", "decides": True}
    assert [one.as_document() for one in found.environment] == ([cores] if differs else [])


def test_a_template_that_is_no_notebook_is_told_in_one_line(keep):
    one, other = keep(1), keep(2)
    for content in ("no json", "[]", '{"cells": [{"cell_type": "code"}]}', '{"cells": 5}'):
        other.template.write_text(content)
        with pytest.raises(BadArtifact):
            diff(one, other)


def profiled(**columns):
    kinds = {
        name: "number" if pd.api.types.is_numeric_dtype(values) else "category" for name, values in columns.items()
    }
    schema = TableSchema(tuple(ColumnSchema(name, kind) for name, kind in kinds.items()))
    return profile(pd.DataFrame(columns), schema)


def numbers(seed, shift=0.0, rows=2000):
    return pd.Series(np.random.default_rng(seed).normal(shift, 1, rows))


def test_values_that_have_moved_are_told_with_where():
    (drift,) = drifts(profiled(age=numbers(1), fee=numbers(3)), profiled(age=numbers(2, shift=1.0), fee=numbers(4)))
    assert drift.name == "age"
    assert drift.what.startswith("below ")
    assert drift.one - drift.other > 0.25


def test_levels_and_missing_values_that_have_moved_are_told():
    before = profiled(plan=pd.Series(["month"] * 500 + ["year"] * 500), fee=numbers(1, rows=1000))
    after = profiled(plan=pd.Series(["month"] * 800 + ["year"] * 200), fee=numbers(1, rows=1000).where(lambda x: x > 0))
    told = {drift.name: drift for drift in drifts(before, after)}
    assert told["plan"].what in ("is 'month'", "is 'year'")
    assert {told["plan"].one, told["plan"].other} in ({0.5, 0.8}, {0.5, 0.2})
    assert told["fee"].what in ("missing", "below 0") or told["fee"].what.startswith("below")


@pytest.mark.parametrize("seed", range(8))
def test_two_samples_of_the_same_table_have_not_moved(seed):
    random = np.random.default_rng(seed)

    def table():
        counts = pd.Series(random.poisson(0.7, 400).astype(float))  # many values alike
        return profiled(visits=counts, plan=pd.Series(random.choice(["a", "b", "c"], 400)), fee=numbers(seed, rows=400))

    assert drifts(table(), table()) == []


@given(
    one=st.lists(st.integers(0, 9).map(float), min_size=30, max_size=120),
    other=st.lists(st.integers(0, 9).map(float), min_size=30, max_size=120),
)
@settings(max_examples=60, deadline=None)
def test_no_drift_is_told_that_the_rows_themselves_do_not_have(one, other):
    shares = [[np.mean(np.array(side) < level) for level in range(11)] for side in (one, other)]
    truly = max(abs(a - b) for a, b in zip(*shares, strict=True))
    for drift in drifts(profiled(x=pd.Series(one)), profiled(x=pd.Series(other))):
        assert truly > 0.05, drift


@pytest.mark.parametrize("seed", range(4))
def test_the_few_values_of_a_column_that_is_mostly_missing_move_by_chance(seed):
    random = np.random.default_rng(seed)

    def table():
        known = random.random(5000) < 0.005
        plan = pd.Series(random.choice(["a", "b", "c"], 5000).astype(object)).where(known)
        return profiled(fee=pd.Series(random.normal(size=5000)).where(known), plan=plan)

    assert drifts(table(), table()) == []


def test_shares_are_of_all_rows_those_with_a_missing_value_too():
    before = profiled(plan=pd.Series(["month", "year", None, None] * 250))
    (drift,) = drifts(before, profiled(plan=pd.Series(["year", "year", None, None] * 250)))
    assert {drift.one, drift.other} in ({0.25, 0.5}, {0.25, 0.0})


def test_a_profile_without_values_still_tells_of_what_is_missing():
    lean = {"rows": 1000, "columns": {"fee": {"kind": "number", "missing": 0.0, "levels": 7}}}
    (drift,) = drifts(lean, {"rows": 1000, "columns": {"fee": {"kind": "number", "missing": 0.4, "levels": 7}}})
    assert (drift.what, drift.one, drift.other) == ("missing", 0.0, 0.4)


def test_dates_that_have_moved_are_told_by_day():
    days = [pd.date_range(start, periods=400, freq="D") for start in ("2020-01-01", "2020-09-01")]
    schema = TableSchema((ColumnSchema("joined", "date", coercion={}),))
    profiles = [profile(pd.DataFrame({"joined": range_}), schema) for range_ in days]
    (drift,) = drifts(*profiles)
    assert drift.what.startswith("below 2020-")


def test_of_the_same_table_no_drift_is_looked_for(keep):
    assert diff(keep(1), keep(2)).drift == ()


def test_an_experiment_and_its_difference_are_one_json_document(keep):
    document = diff(keep(1), keep(2, seed=4, parameters={"seed": 4})).as_document()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["comparable"]
    assert document["scores"][0]["intervals"].keys() == {"one", "other"}
    assert len(document["leaderboard"]) == 2
