from __future__ import annotations

import copy
import math
from datetime import date, datetime

import nbformat
import numpy as np
import pytest

from workbench.errors import BadParameters, BadTemplate
from workbench.template import bind
from workbench.template.notebook import has_tag
from workbench.template.types import Secret


def places(notebook, tag="injected-parameters"):
    return [place for place, cell in enumerate(notebook.cells) if has_tag(cell, tag)]


def test_the_cell_stands_behind_the_parameters(notebook_of, run_cells):
    bound = bind(notebook_of("x = 1\ny = 2", tail="z = x + y"), {"x": 10})
    assert places(bound) == [2]
    assert run_cells(bound)["z"] == 12


def test_without_a_parameters_cell_it_stands_at_the_top(notebook_of, run_cells):
    bound = bind(notebook_of(None, tail="z = x + 1"), {"x": 10})
    assert places(bound) == [0]
    assert run_cells(bound)["z"] == 11


def test_a_cell_injected_before_is_replaced(notebook_of, run_cells):
    once = bind(notebook_of("x = 1", tail="z = x"), {"x": 10})
    twice = bind(once, {"x": 20})
    assert places(twice) == [2]
    assert run_cells(twice)["z"] == 20
    assert len(twice.cells) == len(once.cells)
    assert places(bind(twice, {})) == []


def test_a_cell_injected_by_papermill_is_replaced_where_it_was(notebook_of, run_cells):
    notebook = notebook_of("x = 5", tail="z = x", tags=("injected-parameters",))
    bound = bind(notebook, {"x": 20})
    assert places(bound) == [1]
    assert run_cells(bound)["z"] == 20


def test_the_notebook_handed_in_stays_as_it_is(notebook_of):
    notebook = notebook_of("x = [1]")
    before = copy.deepcopy(notebook)
    bound = bind(notebook, {"x": [2]})
    bound.cells[0].source = "changed"
    bound.metadata.papermill.parameters.x.append(3)
    assert notebook == before


def test_the_same_values_give_the_same_notebook(notebook_of):
    notebook = notebook_of("x = 1")
    assert bind(notebook, {"x": 2}) == bind(notebook, {"x": 2})
    nbformat.validate(bind(bind(notebook, {"x": 2}), {"x": 3}))


@pytest.mark.parametrize("minor", [0, 4, 5])
def test_a_bound_notebook_is_valid_in_its_own_format(notebook_of, minor):
    notebook = notebook_of("x = 1")
    notebook.nbformat_minor = minor
    if minor < 5:
        for cell in notebook.cells:
            del cell["id"]
    nbformat.validate(bind(notebook, {"x": 2}))


def test_a_notebook_as_plain_json_with_lists_of_lines_is_fine(run_cells):
    cell = {"cell_type": "code", "metadata": {}, "source": ["y = x\n", "z = y"], "outputs": [], "execution_count": None}
    plain = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}
    assert run_cells(bind(plain, {"x": 2}))["z"] == 2


def test_values_are_noted_where_other_tools_look(notebook_of):
    noted = bind(notebook_of("x = 1"), {"x": date(2026, 1, 1), "y": math.nan, "z": (1,)}).metadata.papermill.parameters
    assert noted == {"x": "2026-01-01", "y": "NaN", "z": [1]}
    assert "papermill" not in bind(notebook_of("x = 1"), {}).metadata


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (3, "x = 3"),
        (-0.5, "x = -0.5"),
        (None, "x = None"),
        ([True, "a"], "x = [True, 'a']"),
        ((1,), "x = (1,)"),
        ((), "x = ()"),
        ({"a": {"b": []}}, "x = {'a': {'b': []}}"),
        (math.inf, "x = float('inf')"),
        ('it\'s "q"\n', "x = 'it\\'s \"q\"\\n'"),
        ("\u2028\u202e\ud800\x00é", "x = '\\u2028\\u202e\\ud800\\x00é'"),
        (np.int64(3), "x = 3"),
        (np.float64(0.5), "x = 0.5"),
    ],
)
def test_a_value_is_written_as_people_would_write_it(notebook_of, value, line):
    assert bind(notebook_of("x = 1"), {"x": value}).cells[2].source.splitlines()[-1] == line


def test_dates_bring_their_import_and_disturb_no_name_of_the_template(notebook_of, run_cells):
    cell = "import datetime\nfrom datetime import date as day\ndate = datetime.date(2026, 1, 1)"
    bound = bind(
        notebook_of(cell, tail="z = datetime.date(2026, 1, 1), day"),
        {"date": date(2026, 2, 3), "at": datetime(2026, 2, 3, 4, 5, 6, 7)},
    )
    names = run_cells(bound)
    assert names["date"] == date(2026, 2, 3)
    assert names["at"] == datetime(2026, 2, 3, 4, 5, 6, 7)
    assert names["z"] == (date(2026, 1, 1), date)


@pytest.mark.parametrize(
    "name",
    ["x=1;print()#", "class", "a b", "", "1", "a.b", "x\ny", "a[0]", "_datetime", "float", "__debug__", "(x)", "x "],
)
def test_a_name_that_is_no_variable_is_refused(notebook_of, name):
    with pytest.raises(BadParameters, match="cannot be bound"):
        bind(notebook_of("x = 1"), {name: 1})


@pytest.mark.parametrize(
    "value", [object(), b"a", print, [object()], {"a": 1j}, Secret("hunter2"), [Secret("hunter2")]]
)
def test_a_value_without_a_literal_is_refused(notebook_of, value):
    with pytest.raises(BadParameters, match="cannot be bound") as caught:
        bind(notebook_of("x = 1"), {"x": value})
    assert "hunter2" not in str(caught.value)


def test_letters_of_all_scripts_may_be_names(notebook_of, run_cells):
    assert run_cells(bind(notebook_of("größe = 1"), {"größe": 2}))["größe"] == 2


def test_values_for_another_language_are_refused(notebook_of):
    notebook = notebook_of("x <- 1", kernelspec={"name": "ir", "display_name": "R", "language": "R"})
    with pytest.raises(BadTemplate, match="not in Python"):
        bind(notebook, {"x": 1})
    assert len(bind(notebook, {}).cells) == len(notebook.cells)
