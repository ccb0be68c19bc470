"""The page of a difference tells in plain words what was done differently, and shows code cell by cell."""

from __future__ import annotations

import re

import pytest

from workbench.pages.cell_changes import render_changes
from workbench.pages.difference import difference_page

EVIL = "<script>alert(1)</script>"
ONE, OTHER = "churn@aaaaaaaa", "churn@bbbbbbbb"
NOTHING = {
    "one": ONE, "other": OTHER,
    "refs": {"one": "churn@20261121T183000Z-aaaaaaaa", "other": "churn@20261121T183001Z-bbbbbbbb"},
    "parameters": [], "data": [], "columns": [], "environment": [], "scores": [], "importance": [], "drift": [],
    "cells": [], "code": [],
    "sentences": [], "comparable": True, "leaderboard": [],
}  # fmt: skip
CELL = {"state": "changed", "one": 2, "other": 3, "lines": [" import pandas", "-fit(1)", "+fit(2)"]}


def test_two_that_do_not_differ_say_so():
    page = difference_page(NOTHING)
    assert "The same in both" in page
    assert "Scores, parameters, data, columns, code, environment, importance of columns." in page


def test_a_parameter_stands_with_where_it_came_from():
    change = {"name": "budget", "one": "60s", "other": "10s", "sources": {"one": "-p", "other": "default"}}
    page = difference_page(NOTHING | {"parameters": [change]})
    assert re.search(r"60s<br><small>typed</small>.*10s<br><small>the template&#39;s default</small>", page)


def test_a_score_stands_with_its_interval_and_by_how_much_it_moved():
    change = {"name": "roc_auc", "one": 0.8, "other": 0.85, "intervals": {"one": [0.78, 0.82], "other": [0.83, 0.87]}}
    page = difference_page(NOTHING | {"scores": [change]})
    for told in ("ROC AUC", "0.800 (0.780 to 0.820)", "0.850 (0.830 to 0.870)", "+0.05"):
        assert told in page


def test_a_score_of_a_tiny_unit_moves_by_something_and_one_that_differs_by_rounding_by_nothing():
    tiny = {"name": "rmse", "one": 2.5e-9, "other": 2.1e-9, "intervals": {"one": None, "other": None}}
    rounded = {"name": "mae", "one": 1.0, "other": 1.0 + 1e-15, "intervals": {"one": None, "other": None}}
    page = difference_page(NOTHING | {"scores": [tiny, rounded], "comparable": True})
    assert "−4e−10" in page
    assert ">0<" in page


def test_columns_that_came_or_went_or_are_read_differently_are_told():
    columns = [
        {"name": "fee", "one": "number, feature"},
        {"name": "age", "other": "number, feature"},
        {"name": "plan", "one": "category, feature", "other": "number, feature"},
    ]
    drift = [{"name": "tenure", "what": "below 24", "one": 0.4, "other": 0.17}]
    page = difference_page(NOTHING | {"columns": columns, "drift": drift})
    assert f"Only in {ONE}: 1 column (fee)." in page
    assert f"Only in {OTHER}: 1 column (age)." in page
    assert re.search(r"plan</td>.*category, feature.*number, feature", page)
    assert re.search(r"tenure below 24</td>.*40 % of rows.*17 % of rows", page)


def test_what_results_depend_on_is_shown_and_the_rest_is_folded():
    environment = [
        {"name": "python", "one": "3.11.1", "other": "3.12.0", "decides": True},
        {"name": "colorama", "one": "1", "other": "2", "decides": False},
    ]
    page = difference_page(NOTHING | {"environment": environment})
    folded = page[page.index("<details") : page.index("</details>")]
    assert "colorama" in folded
    assert "1 other package differs" in folded
    assert "python" not in folded
    assert "3.12.0" in page


def test_code_is_shown_cell_by_cell_in_words():
    cells = [CELL, {"state": "added", "one": None, "other": 4, "lines": ["+new()"]},
             {"state": "removed", "one": 5, "other": None, "lines": ["-old()"]}]  # fmt: skip
    page = difference_page(NOTHING | {"cells": cells})
    assert f"1 cell was changed, 1 cell is only in {OTHER} and 1 cell is only in {ONE}" in page
    for title in (f"Code cell 2 was changed (cell 3 in {OTHER})", f"Code cell 4 is only in {OTHER}",
                  f"Code cell 5 is only in {ONE}"):  # fmt: skip
        assert f"<h3>{title}</h3>" in page
    assert '<span class="wb-hidden">added: </span>' in page


def test_lines_far_from_a_change_are_left_out():
    lines = [f" line{number}" for number in range(30)] + ["+new"] + [f" more{number}" for number in range(30)]
    shown = render_changes([CELL | {"lines": lines}], one=ONE, other=OTHER).striptags()
    assert "27 lines not shown" in shown
    assert "line29" in shown
    assert "line5 " not in shown


def test_a_text_of_many_lines_keeps_its_colour_in_each():
    lines = [' """first', "-second", "+zweite", ' third"""']
    shown = str(render_changes([CELL | {"lines": lines}], one=ONE, other=OTHER))
    for word in ("first", "second", "zweite", "third"):
        assert re.search(rf'<span class="s[a-z0-9]*">[^<]*{word}', shown), word


@pytest.mark.parametrize("state", ["changed", "added", "removed"])
def test_odd_code_is_shown_line_by_line(state):
    lines = ["+", "+\t\x0c\u2028x = '<b>'", " ", "-%%bash", "-\x85'''", "+# \ud800"]
    shown = str(render_changes([CELL | {"state": state, "lines": lines}], one=ONE, other=OTHER))
    assert shown.count('class="wb-mark"') == len(lines)
    assert "<b>" not in shown


def test_of_endless_code_a_part_is_shown():
    cells = [{"state": "added", "one": None, "other": number, "lines": ["+x"]} for number in range(1, 300)]
    assert "99 more cells differ" in render_changes(cells, one=ONE, other=OTHER)
    long = [CELL | {"state": "added", "lines": ["+x = 1"] * 50_000}]
    assert len(render_changes(long, one=ONE, other=OTHER)) < 1_000_000


def test_it_runs_nothing_and_loads_nothing_whatever_it_is_given():
    change = {"name": EVIL, "one": EVIL, "other": EVIL, "sources": {"one": EVIL}, "decides": True}
    row = {"ref": NOTHING["refs"]["one"], "note": EVIL, "reason": EVIL, "template": EVIL, "status": EVIL}
    page = difference_page(NOTHING | {
        "parameters": [change], "data": [change], "columns": [change, {"name": EVIL, "one": EVIL}],
        "environment": [change, change | {"decides": False}], "sentences": [EVIL], "one": EVIL, "other": EVIL,
        "drift": [{"name": EVIL, "what": EVIL, "one": 0.1, "other": 0.2}], "leaderboard": [row],
        "cells": [CELL | {"lines": [f" {EVIL}", f"+{EVIL}"]}],
    })  # fmt: skip
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
