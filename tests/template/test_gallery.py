from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from workbench.errors import BadTemplate, UnknownName
from workbench.template import copy, find, gallery


@pytest.fixture
def write(tmp_path, notebook_of):
    """Write a notebook to a file under the test's folder."""

    def to(name: str, cell: str | None = "x: int = 3  # how many", **metadata) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        nbformat.write(notebook_of(cell, **metadata), path)
        return path

    return to


def test_shipped_templates_are_found_by_name():
    assert [one.name for one in gallery()] == ["classification", "regression"]
    for one in gallery():
        assert one.problem == ""
        assert find(one.name) == one
        assert {"data", "target", "budget"} <= {parameter.name for parameter in one.parameters}


def test_a_notebook_is_found_by_its_path(write, tmp_path, monkeypatch):
    path = write("mine.ipynb")
    monkeypatch.chdir(tmp_path)
    for name in (path, str(path), "mine.ipynb", "./mine.ipynb", Path("mine.ipynb")):
        found = find(name)
        assert (found.name, found.path, [one.name for one in found.parameters]) == ("mine", path, ["x"])


def test_a_file_without_ending_is_found_when_no_template_has_its_name(write, tmp_path, monkeypatch):
    write("mine")
    monkeypatch.chdir(tmp_path)
    assert find("mine").name == "mine"


def test_team_folders_come_before_what_is_shipped(write, tmp_path, monkeypatch):
    shipped = [one.name for one in gallery()]
    write("one/classification.ipynb", workbench={"title": "Ours"})
    write("two/classification.ipynb", workbench={"title": "Theirs"})
    write("two/forecast.ipynb", workbench={"title": "Forecast", "description": "Of tomorrow.", "task": "forecast"})
    folders = [tmp_path / "one", tmp_path / "missing", tmp_path / "two"]
    monkeypatch.setenv("WORKBENCH_TEMPLATES", os.pathsep.join(map(str, folders)))
    assert find("classification").title == "Ours"
    forecast = find("forecast")
    assert (forecast.title, forecast.description, forecast.task) == ("Forecast", "Of tomorrow.", "forecast")
    assert [one.name for one in gallery()] == sorted([*shipped, "forecast"])


def test_a_template_without_metadata_is_told_by_its_first_heading(write):
    found = find(write("mine.ipynb"))
    assert (found.title, found.description, found.task) == ("A small notebook", "It adds numbers.", None)


def test_a_notebook_without_a_heading_is_told_by_its_name(tmp_path):
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "bare.ipynb")
    assert find(tmp_path / "bare.ipynb").title == "bare"


def test_odd_metadata_is_passed_over(write):
    assert find(write("mine.ipynb", workbench="odd")).title == "A small notebook"


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'classification'"):
        find("clasification")


@pytest.mark.parametrize(
    "name", ["no/such", "no.ipynb", "~nobody-of-that-name/x.ipynb", "/", "x" * 1000 + ".ipynb", "a\0.ipynb"]
)
def test_a_path_to_nothing_is_refused(name):
    with pytest.raises(BadTemplate):
        find(name)


def test_a_template_with_mistakes_is_refused_and_yet_listed(write, tmp_path, monkeypatch):
    write("team/broken.ipynb", "x: int = 'a'")
    (tmp_path / "team/torn.ipynb").write_text("{")
    monkeypatch.setenv("WORKBENCH_TEMPLATES", str(tmp_path / "team"))
    with pytest.raises(BadTemplate, match="line 1: x has the default 'a'"):
        find("broken")
    problems = {one.name: one.problem for one in gallery() if one.problem}
    assert "line 1" in problems["broken"]
    assert "not JSON" in problems["torn"]


def test_a_copy_is_the_template_and_overwrites_nothing(tmp_path):
    copied = copy("classification", tmp_path)
    assert copied.read_bytes() == find("classification").path.read_bytes()
    with pytest.raises(BadTemplate, match="already there"):
        copy("classification", tmp_path)
    with pytest.raises(BadTemplate, match="cannot be written"):
        copy("classification", tmp_path / "missing")


def test_reading_a_template_loads_nothing_heavy():
    program = """
import sys
from workbench import Bounds, Column, Columns, Duration, Memory, Secret, Table
from workbench.template import find, gather
gather(find("classification").parameters, texts=["target=y"])
heavy = {"nbformat", "pandas", "numpy", "jsonschema", "yaml", "optuna", "papermill", "sklearn"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
