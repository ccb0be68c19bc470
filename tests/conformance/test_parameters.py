"""Parameters: what papermill's tests do with its notebooks, done here by the command line and the front door."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import nbformat
import pytest

import workbench as wb
from workbench.errors import WorkbenchError

HELPER = "def greet(name):\n    return f'Hello {name}'\n"
USES_IT = "from helper import greet\nfrom pathlib import Path\nPath('greeting.txt').write_text(greet(name))"
TYPED = "from datetime import date\nday: date = date(2026, 1, 1)\npair: tuple[int, str] = (1, 'a')\nwhat: dict = {}"


@pytest.fixture
def kept(workbench):
    """Run a notebook by the command line, and give the folder of the experiment that was kept."""

    def run(*arguments):
        said = workbench("run", *arguments, "--json", "--store", "store")
        assert said.code == 0, said.err
        told = json.loads(said.out)
        assert (told["status"], told["reason"]) == ("completed", "")
        return Path(told["path"])

    return run


def parameters_cell(source):
    return {"source": source, "tags": ["parameters"]}


def tags_and_text(notebook):
    texts = ["".join(output.get("text", "") for output in cell.get("outputs", [])) for cell in notebook.cells]
    return [(cell.metadata.get("tags", []), text) for cell, text in zip(notebook.cells, texts, strict=True)]


def test_a_value_is_injected_and_replaced_when_run_again(kept, papermills):
    first = kept(papermills / "simple_execute.ipynb", "-p", "msg=Hello") / "notebook.ipynb"
    told = nbformat.read(first, as_version=4)
    expected = [(["parameters"], ""), (["injected-parameters"], ""), ([], "Hello\n"), ([], "")]
    assert tags_and_text(told) == expected
    assert told.metadata.papermill.parameters == {"msg": "Hello"}
    assert told.cells[2].source.startswith("#papermill_description=DESC")

    again = nbformat.read(kept(first, "-p", r"""msg=do\ not "crash" 'here'""") / "notebook.ipynb", as_version=4)
    assert tags_and_text(again) == [*expected[:2], ([], "do\\ not \"crash\" 'here'\n"), expected[3]]
    assert again.metadata.papermill.parameters == {"msg": "do\\ not \"crash\" 'here'"}


def test_a_value_from_a_file_and_one_by_default(kept, papermills, tmp_path):
    (tmp_path / "values.yaml").write_text("a: 41\n")
    path = kept(papermills / "report_mode_test.ipynb", "--params", tmp_path / "values.yaml")
    assert tags_and_text(nbformat.read(path / "notebook.ipynb", as_version=4))[-1] == ([], "42\n")
    said = json.loads((path / "parameters.json").read_text())["parameters"]
    assert said == {"a": {"value": 41, "source": "file"}, "b": {"value": 1, "source": "default"}}


def test_a_module_beside_the_template_is_found_and_side_effects_are_kept(kept, make_notebook, tmp_path):
    (beside := tmp_path / "team").mkdir()
    (beside / "helper.py").write_text(HELPER)
    nbformat.write(make_notebook(parameters_cell("name: str = 'you'"), USES_IT), beside / "greet.ipynb")
    assert (
        kept(beside / "greet.ipynb", "-p", "name=you all") / "outputs" / "greeting.txt"
    ).read_text() == "Hello you all"


@pytest.mark.parametrize(
    ("notebook", "given", "problem"),
    [
        ("simple_execute", "hacked = 'yes' #=1", "There is no parameter 'hacked'. Known: msg."),
        ("simple_execute", "class=1", "There is no parameter 'class'. Known: msg."),
        ("nb_version_4.4", "var=It works", "The parameter 'var' cannot be 'It works': it takes a whole number."),
        ("no_parameters", "msg=Hello", "The notebook takes no parameters, so 'msg' cannot be given."),
        ("blank-vscode", "var=It works", "The notebook takes no parameters, so 'var' cannot be given."),
        ("complex_parameters", "msg=Hello", "has a parameters cell with mistakes: line 14 is not Python"),
        ("notimplemented_translator", "msg=Hello", "wants the kernel 'r' (R), which is not installed here."),
    ],
)
def test_what_cannot_be_injected_is_refused_in_one_line(workbench, papermills, tmp_path, notebook, given, problem):
    said = workbench("run", papermills / f"{notebook}.ipynb", "-p", given, "--store", "store")
    assert (said.code, said.out) == (2, "")
    (line,) = said.err.splitlines()
    assert problem in line
    assert not list(tmp_path.glob("store/*/*"))


def test_values_that_are_not_json(make_notebook, tmp_path):
    nbformat.write(make_notebook(parameters_cell(TYPED), "print([day, pair, what])"), tmp_path / "typed.ipynb")
    given = {"day": date(2026, 3, 4), "pair": (2, "b"), "what": {"when": "now", "rows": [1, None]}}
    run = wb.run(tmp_path / "typed.ipynb", given, store=tmp_path / "store")
    shown = tags_and_text(nbformat.read(run.path / "notebook.ipynb", as_version=4))[-1][1]
    assert shown == "[datetime.date(2026, 3, 4), (2, 'b'), {'when': 'now', 'rows': [1, None]}]\n"


@pytest.mark.parametrize("value", [{1, 2}, object(), Decimal("1.5"), b"bytes", {"nested": object()}, {1: "a"}])
def test_values_that_no_notebook_could_be_given_are_refused_in_one_line(make_notebook, tmp_path, value):
    nbformat.write(make_notebook(parameters_cell(TYPED)), tmp_path / "typed.ipynb")
    with pytest.raises(WorkbenchError, match=r"^The parameter 'what' cannot be .*it takes .*\.$"):
        wb.run(tmp_path / "typed.ipynb", {"what": value}, store=tmp_path / "store")
    assert not list(tmp_path.glob("store/*/*"))


@pytest.mark.parametrize("name", ["hacked = 'yes' #", "a\nimport os", "a.b", "", "class"])
def test_a_name_from_a_caller_is_never_code(make_notebook, tmp_path, name):
    nbformat.write(make_notebook(parameters_cell(TYPED)), tmp_path / "typed.ipynb")
    with pytest.raises(WorkbenchError, match=r"^There is no parameter "):
        wb.run(tmp_path / "typed.ipynb", {name: 1}, store=tmp_path / "store")
