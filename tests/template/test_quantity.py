from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadParameters
from workbench.template import memory_bytes, seconds
from workbench.template.quantity import normal_duration, normal_memory


@pytest.mark.parametrize(
    ("text", "normal", "expected"),
    [
        ("60s", "60s", 60), ("5m", "5m", 300), ("1h", "1h", 3600), ("1h30m", "1h30m", 5400), ("90", "90s", 90),
        (" 1 H 30 min ", "1h30m", 5400), ("1.5h", "1.5h", 5400), ("2 hours", "2h", 7200), ("1d", "1d", 86400),
        ("45 secs", "45s", 45), (0.5, "0.5s", 0.5), (90, "90s", 90), ("10 minutes", "10m", 600), (".5m", ".5m", 30),
    ],
)  # fmt: skip
def test_a_length_of_time_is_read_as_people_write_it(text, normal, expected):
    assert normal_duration(text) == normal
    assert seconds(text) == expected


@pytest.mark.parametrize(
    "text",
    ["abc", "", "0", "0s", 0, "-5", -5, "-5s", "nan", "inf", float("nan"), float("inf"), "5x", "5m5m", "s", "1e5h",
     "٣s", "60s please", "1000000d", pytest.param(10**400, id="huge"), pytest.param("9" * 5000, id="long")],
)  # fmt: skip
def test_what_is_no_length_of_time_is_refused_in_one_line(text):
    with pytest.raises(BadParameters) as caught:
        seconds(text)
    assert "is not a length of time above zero, such as 60s, 5m or 1h30m." in str(caught.value)
    assert len(str(caught.value)) < 200


@settings(deadline=None)  # two cores are shared
@given(st.text() | st.integers() | st.floats())
def test_any_other_text_or_number_is_read_or_refused(value):
    with suppress(BadParameters):
        assert seconds(value) > 0


@settings(deadline=None)  # two cores are shared
@given(st.floats(1e-3, 1e8))
def test_a_normal_form_stays_as_it_is(number):
    assert normal_duration(normal_duration(number)) == normal_duration(number)
    assert seconds(number) == pytest.approx(number, rel=1e-9)


@pytest.mark.parametrize(
    ("text", "normal", "expected"),
    [
        ("4GB", "4GB", 4e9), ("500mb", "500MB", 5e8), ("4 g", "4GB", 4e9), ("1GiB", "1GiB", 2**30), ("70%", "70%", 700),
        ("1024", "1024B", 1024), (1024, "1024B", 1024), ("1.5 TB", "1.5TB", 1.5e12), ("100%", "100%", 1000),
    ],
)  # fmt: skip
def test_an_amount_of_memory_is_read_as_people_write_it(text, normal, expected):
    assert normal_memory(text) == normal
    assert normal_memory(normal) == normal
    assert memory_bytes(text, of=1000) == expected


@pytest.mark.parametrize(
    "text", ["", "GB", "0", "0GB", "-1GB", "101%", "0%", "4XB", "nan", float("nan"), float("inf"), "lots"]
)
def test_what_is_no_amount_of_memory_is_refused(text):
    with pytest.raises(BadParameters, match="is not an amount of memory"):
        memory_bytes(text, of=1000)
