from __future__ import annotations

import json

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.dataset import profile, read_table
from workbench.dataset.kinds import columns_of
from workbench.documents.table import read_profile, write_profile
from workbench.records import TableSchema


def profiled(**columns):
    frame = pd.DataFrame(columns)
    return profile(frame, TableSchema(columns_of(frame)[0]))["columns"]


def test_a_profile_is_json_and_comes_back_as_it_was(tmp_path, table):
    dataset = table("d,c,t,b\n" + "".join(f"2020-01-{1 + i % 28:02},{'ab'[i % 2]},{i / 7},yes\n" for i in range(60)))
    found = profile(dataset.frame, dataset.schema)
    assert found["rows"] == 60
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    write_profile(tmp_path / "profile.json", found)
    assert read_profile(tmp_path / "profile.json") == found


def test_numbers_are_counted_between_deciles():
    found = profiled(x=[*np.arange(100) / 10, *[None] * 25])["x"]
    assert found["kind"] == "number"
    assert found["missing"] == 0.2
    assert len(found["edges"]) == 11
    assert found["counts"] == [10] * 10


def test_a_number_that_is_mostly_zero_has_fewer_bins():
    found = profiled(x=[0.0] * 90 + list(np.arange(1, 11) / 3))["x"]
    assert len(found["edges"]) == len(found["counts"]) + 1
    assert sum(found["counts"]) == 100


def test_levels_are_counted_and_the_rare_ones_together():
    values = [f"v{i}" for i in range(60) for _ in range(60 - i)]
    found = profiled(x=values)["x"]
    assert len(found["values"]) == 50
    assert found["values"]["v0"] == 60
    assert sum(found["values"].values()) + found["other"] == len(values)


def test_dates_are_counted_between_dates():
    found = profiled(x=pd.date_range("2020-01-01", periods=101))["x"]
    assert (found["edges"][0], found["edges"][-1]) == ("2020-01-01T00:00:00", "2020-04-10T00:00:00")
    assert sum(found["counts"]) == 101


def test_identifiers_and_texts_leave_no_values():
    found = profiled(x=[f"K{i}" for i in range(40)])["x"]
    assert found == {"kind": "id", "missing": 0.0}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=40))
def test_every_number_is_in_one_bin(values):
    found = profiled(x=values)["x"]
    if found["kind"] == "number":
        assert sum(found["counts"]) == len(values)
        assert found["edges"] == sorted(set(found["edges"])) or len(found["edges"]) == 2


def test_every_example_has_a_profile():
    wine = read_table("example:wine")
    assert len(profile(wine.frame, wine.schema)["columns"]) == 14
