from __future__ import annotations

import math
from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadTemplate
from workbench.template.parameter import read_cell, read_parameters
from workbench.template.plain import UNKNOWN
from workbench.template.types import Secret

NUMBER, NULL = {"type": "number"}, {"type": "null"}
INTEGER, TEXT = {"type": "integer"}, {"type": "string"}


def array(items):
    return {"type": "array", "items": items}


@pytest.mark.parametrize(
    ("line", "schema", "default"),
    [
        ("x: int = 3", INTEGER, 3),
        ("x: int = -3", INTEGER, -3),
        ("x: float = 1e-3", NUMBER, 0.001),
        ("x: float = float('inf')", NUMBER, math.inf),
        ("x: bool = False", {"type": "boolean"}, False),
        ("x: str = 'k=v # no \\u2028'", TEXT, "k=v # no \u2028"),
        ("x: int | None = None", {"anyOf": [INTEGER, NULL]}, None),
        ("x: Optional[int] = None", {"anyOf": [INTEGER, NULL]}, None),
        ("x: typing.Union[int, str] = 1", {"anyOf": [INTEGER, TEXT]}, 1),
        ("x: 'int | None' = 2", {"anyOf": [INTEGER, NULL]}, 2),
        ("x: int = None", {"anyOf": [INTEGER, NULL]}, None),
        ("x: Literal['a', 2, None] = 'a'", {"enum": ["a", 2, None]}, "a"),
        ("x: list[str] = []", array(TEXT), []),
        ("x: List[int] = [1]", array(INTEGER), [1]),
        ("x: list = [1, 'a']", array({}), [1, "a"]),
        ("x: list[list[int]] = [[1], []]", array(array(INTEGER)), [[1], []]),
        ("x: dict[str, float] = dict(a=1)", {"type": "object", "additionalProperties": NUMBER}, {"a": 1}),
        ("x: tuple[int, ...] = (1, 2)", array(INTEGER), (1, 2)),
        ("x: date = date(2026, 1, 1)", {**TEXT, "format": "date"}, date(2026, 1, 1)),
        ("x: datetime.date = datetime.date(2026, 1, 1)", {**TEXT, "format": "date"}, date(2026, 1, 1)),
        ("x: datetime = datetime(2026, 1, 1, 5)", {**TEXT, "format": "date-time"}, datetime(2026, 1, 1, 5)),
        ("x: Annotated[int, Bounds(ge=1, le=8)] = 2", {**INTEGER, "minimum": 1, "maximum": 8}, 2),
        ("x: Annotated[int, Field(gt=0)] | None = 2", {"anyOf": [{**INTEGER, "exclusiveMinimum": 0}, NULL]}, 2),
        ("x: Annotated[float, Ge(0), annotated_types.Lt(1)] = 0", {**NUMBER, "minimum": 0, "exclusiveMaximum": 1}, 0),
        ("x: Annotated[float, Interval(ge=-1, le=1)] = 0", {**NUMBER, "minimum": -1, "maximum": 1}, 0),
        ("x: Annotated[str, MinLen(1)] = 'a'", {**TEXT, "minLength": 1}, "a"),
        ("x: Annotated[list[int], Len(1, 3)] = [1]", {**array(INTEGER), "minItems": 1, "maxItems": 3}, [1]),
        ("x: pd.Timestamp = None", {"x-annotation": "pd.Timestamp"}, None),
        ("x: pa.Table = None", {"x-annotation": "pa.Table"}, None),
        ("x: Any = [1]", {}, [1]),
        ("x = 3", INTEGER, 3),
        ("x = 3.5", NUMBER, 3.5),
        ("x = True", {"type": "boolean"}, True),
        ("x = None", {}, None),
        ("x = ['a']", array(TEXT), ["a"]),
        ("x = [1, 2.5]", array(NUMBER), [1, 2.5]),
        ("x = {'a': [1]}", {"type": "object", "additionalProperties": array(INTEGER)}, {"a": [1]}),
        ("x = {1: 'a'}", {"type": "object", "additionalProperties": TEXT}, {1: "a"}),
        ("x = {(1, 2): 'a'}", {}, UNKNOWN),
        ("x: Literal[Color.RED] = Color.RED", {"x-annotation": "Literal[Color.RED]"}, UNKNOWN),
        ("x: Annotated[int, Field(ge=None, le=3)] = 1", {**INTEGER, "maximum": 3}, 1),
        ("x = date(2026, 1, 1)", {**TEXT, "format": "date"}, date(2026, 1, 1)),
        ("x = 3  # type: float", NUMBER, 3),
        ("x = os.environ['HOME']", {}, UNKNOWN),
        ("x: int = 2 * 3", INTEGER, UNKNOWN),
        ("x: Table = 'a.csv'", {**TEXT, "minLength": 1, "x-workbench": "table"}, "a.csv"),
        ("x: wb.Column = 'a'", {**TEXT, "minLength": 1, "x-workbench": "column"}, "a"),
        ("x: Columns = ['a']", {**array({**TEXT, "minLength": 1}), "x-workbench": "columns"}, ["a"]),
        ("x: Duration = '60s'", {"type": ["string", "number"], "x-workbench": "duration"}, "60s"),
        ("x: Memory = '70%'", {"type": ["string", "number"], "x-workbench": "memory"}, "70%"),
    ],
)
def test_a_line_declares_a_type_and_a_default(parameters_of, line, schema, default):
    [parameter] = parameters_of(line)
    assert parameter.type.schema() == schema
    assert parameter.default == default
    assert type(parameter.default) is type(default)
    assert not parameter.required


def test_a_line_without_a_default_is_required(parameters_of):
    [parameter] = parameters_of("target: Column  # what to predict")
    assert (parameter.required, parameter.default, parameter.help) == (True, UNKNOWN, "what to predict")


def test_names_are_known_by_the_cells_own_imports(parameters_of):
    cell = """
    import datetime as when
    from typing import Literal as OneOf, Optional as Maybe
    from workbench import Column as Feature
    a: OneOf["x", "y"] = "x"
    b: Maybe[when.date] = when.date(2026, 1, 1)
    c: Feature = "age"
    """
    a, b, c = parameters_of(cell)
    assert a.type.schema() == {"enum": ["x", "y"]}
    assert b.default == date(2026, 1, 1)
    assert c.type.schema()["x-workbench"] == "column"


def test_a_name_imported_from_elsewhere_is_not_ours(parameters_of):
    [parameter] = parameters_of("from pyarrow import Table\nx: Table = None")
    assert parameter.type.schema() == {"x-annotation": "Table"}


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("x = 3  # how many", "how many"),
        ("x = 'a # b'  # not # that", "not # that"),
        ("# how many\n# there are\nx = 3", "how many there are"),
        ("# a heading\n\nx = 3", ""),
        ("# ------\n# how many\nx = 3", "how many"),
        ("x = [\n    'a',  # the first\n# a comment\n    'b',\n]  # letters", "letters"),
        ("x = [  # letters\n    'a',\n]", "letters"),
        ("x = 3  # type: float  how many", "how many"),
        ("x = 3  # type: of car", "type: of car"),
        ("x: Annotated[int, 'how many'] = 3", "how many"),
        ("x: Annotated[int, Field(ge=0, description='how many')] = 3", "how many"),
        ('"""About the cell."""\nx = 3', ""),
        ("%matplotlib inline\nx = 3  # how many", "how many"),
        ("x = 3  # how many\r\ny = 4  # other\r\n", "how many"),
    ],
)
def test_help_is_the_comment_on_the_line_or_the_lines_above(cell, told):
    parameters, problems = read_cell(cell)
    assert problems == []
    assert parameters[0].help == told


def test_what_a_cell_says_is_kept_for_showing(parameters_of):
    [parameter] = parameters_of("x: 'pd.Timestamp' = pd.Timestamp('2026-01-01')")
    assert (parameter.annotation, parameter.default_text) == ("pd.Timestamp", "pd.Timestamp('2026-01-01')")


def test_everything_wrong_in_a_cell_is_told_at_once(notebook_of):
    cell = """
    n: int = "a"
    a, b = 1, 2
    n: int = 2
    n: int = 3
    day: date = date(2026, 13, 1)
    share: Annotated[float, Bounds(ge=0, le=1)] = 2
    name: Annotated[str, Bounds(ge=1)] = "a"
    top: Annotated[int, Bounds(le=limit)] = 1
    n += 1
    since: date = "2026-01-01"
    """
    with pytest.raises(BadTemplate) as caught:
        read_parameters(notebook_of(cell), "mine.ipynb")
    assert "'mine.ipynb'" in str(caught.value)
    for told in (
        "line 1: n has the default 'a', but takes a whole number",
        "line 2: a, b share a line",
        "line 4: n is there a second time",
        "line 5: day: month must be in 1..12",
        "line 6: share has the default 2, but takes a number (at least 0 and at most 1)",
        "line 7: name: bounds do not fit text",
        "line 8: top: the bound limit is not a number",
        "line 9: n is changed",
        "line 10: since has the default '2026-01-01', but takes a date",
    ):
        assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "line", ["token: Secret = Secret('hunter2')", "token: Secret = 'hunter2'", "token = [Secret('hunter2')]"]
)
def test_a_secret_in_a_cell_is_refused_and_not_shown(line):
    parameters, [problem] = read_cell(line)
    assert parameters == []
    assert "hunter2" not in problem


def test_a_secret_may_name_its_variable(parameters_of):
    [parameter] = parameters_of('token: Secret = Secret("env:DB_PASSWORD")')
    assert parameter.default.variable == "DB_PASSWORD"
    assert not parameter.required


def test_an_empty_secret_is_fine(parameters_of):
    [parameter] = parameters_of('token: Secret = Secret("")')
    assert parameter.default == Secret("")


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("x = ", "line 1 is not Python"),
        ("x = 1\nif", "line 2 is not Python"),
        ("x = \0", "not Python"),
        ("x = '\ud800'", "not Python"),
        pytest.param("x = " + "(" * 500 + ")" * 500, "not Python", id="deep"),
        pytest.param("x = " + "9" * 5000, "not Python", id="many digits"),
    ],
)
def test_a_cell_that_is_not_python_is_refused_in_one_line(cell, told):
    parameters, [problem] = read_cell(cell)
    assert parameters == []
    assert told in problem
    assert "\n" not in problem


def test_other_statements_declare_nothing(parameters_of):
    cell = """
    import pandas as pd
    from pathlib import Path
    print("hello")
    def f(): pass
    if True: y = 2
    self.x = 3
    x = 1
    """
    assert [parameter.name for parameter in parameters_of(cell)] == ["x"]


def test_a_notebook_without_a_parameters_cell_has_none(notebook_of):
    assert read_parameters(notebook_of(None)) == ()


def test_a_notebook_in_another_language_has_none(notebook_of):
    assert read_parameters(notebook_of("x <- 3", kernelspec={"name": "ir", "display_name": "R", "language": "R"})) == ()


def test_two_cells_tagged_parameters_are_refused(notebook_of):
    notebook = notebook_of("x = 1")
    notebook.cells.append(notebook.cells[1])
    with pytest.raises(BadTemplate, match="2 cells tagged 'parameters'"):
        read_parameters(notebook)


def test_cells_without_tags_and_with_odd_ones_are_passed_over(notebook_of):
    notebook = notebook_of("x = 1")
    notebook.cells[0].metadata = {"tags": ["parameters"]}  # a heading cannot be run
    notebook.cells[2].metadata = {"tags": "parameters"}
    assert len(read_parameters(notebook)) == 1


def test_papermills_own_notebook_of_hard_cases_is_refused_for_its_broken_line_only():
    import importlib.resources
    import json

    file = importlib.resources.files("papermill") / "tests/notebooks/complex_parameters.ipynb"
    cell = "".join(json.loads(file.read_text())["cells"][0]["source"])
    assert read_cell(cell)[1] == [f"line {len(cell.splitlines())} is not Python (invalid syntax)"]
    whole, problems = read_cell(cell.removesuffix("= 2"))
    assert problems == []
    assert {one.name: one.default for one in whole} == {
        "msg": None, "a": 2.25, "b": ["Hello", "World"], "c": None, "d": UNKNOWN,
    }  # fmt: skip
    assert [one.help for one in whole][1:4] == ["Variable a", "Nice list", "Interesting c variable"]


PIECES = [
    "x", ": ", "int", "=", " = ", "1", "'a'", "[", "]", "(", ")", "{", "}", ",", "\n", "#", "# c\n", "date", "|",
    "None", "Literal", "Annotated", "Bounds(ge=1)", "Secret", "-", "**", "...", "lambda", "%", "!", "\\", "\t", '"',
]  # fmt: skip


@settings(deadline=None)  # two cores are shared
@given(
    cell=st.one_of(
        st.text(st.characters(exclude_categories=()), max_size=60), st.lists(st.sampled_from(PIECES)).map("".join)
    )
)
def test_any_text_is_read_or_refused_and_never_run(cell):
    parameters, problems = read_cell(cell)
    assert all(parameter.name.isidentifier() for parameter in parameters)
    assert all(isinstance(problem, str) for problem in problems)
