"""Any value arrives equal: from a command line, a file or a caller, through the bound cell, into the notebook."""

from __future__ import annotations

import ast
import json
import math
from datetime import date, datetime
from pathlib import Path

import nbformat
import papermill
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.documents.files import read_json, write_json
from workbench.errors import BadParameters
from workbench.template import as_json, bind, gather, json_schema, read_values
from workbench.template.bind import injected_source
from workbench.template.parameter import read_cell

NASTY = [
    "", "=", "a=b", "# no comment", "{x}", "{x.__class__}", "'", '"', '"""', "\\", "\\n", "\n", "\r\n", "\0",
    "\u2028", "\u2029", "\ud800", "\udc80", "\u202e", "\ufeff", "\x1b[31m", "é", "😀", "%matplotlib", "!ls", "$HOME",
    "none", "null", "true", "NaN", "[1", '{"a": 1}', "1e5", "007", "x = 1\nimport os", "'); print('", "-", "--help",
]  # fmt: skip
texts = st.one_of(st.sampled_from(NASTY), st.text(st.characters(exclude_categories=()), max_size=20),
                  st.lists(st.sampled_from(NASTY), max_size=3).map("".join))  # fmt: skip
integers = st.one_of(st.integers(), st.integers(-(10**600), 10**600), st.sampled_from([2**53 + 1, -(2**63), 2**64]))
floats = st.floats(allow_nan=False, allow_infinity=False)
# As JSON brings them: two lone surrogates side by side are one letter there
jsons = st.recursive(
    st.none() | st.booleans() | integers | floats | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
).map(lambda value: json.loads(json.dumps(value)))
paired = texts.map(lambda text: json.loads(json.dumps(text)))
moments = st.datetimes(timezones=st.none() | st.timezones())

TYPES: dict[str, st.SearchStrategy] = {
    "Any": jsons,
    "pd.Timestamp": jsons,
    "str": paired,
    "int": integers,
    "float": st.floats(),
    "bool": st.booleans(),
    "date": st.dates(),
    "datetime": moments,
    "list[str]": st.lists(paired, max_size=4),
    "list": st.lists(jsons, max_size=3),
    "list[list[float]]": st.lists(st.lists(st.floats(), max_size=3), max_size=3),
    "dict[str, float]": st.dictionaries(paired, st.floats(), max_size=3),
    "dict[str, list[str]]": st.dictionaries(paired, st.lists(paired, max_size=2), max_size=3),
    "dict[int, str]": st.dictionaries(integers, paired, max_size=3),
    "tuple[int, str]": st.tuples(integers, paired),
    "tuple[date, ...]": st.lists(st.dates(), max_size=3).map(tuple),
    "int | None": st.none() | integers,
    "date | None": st.none() | st.dates(),
    "list[str] | None": st.none() | st.lists(paired, max_size=3),
    "Column": paired.filter(bool),
    "Columns": st.lists(paired.filter(bool), max_size=3),
    "Annotated[float, Bounds(ge=0, lt=1)]": st.floats(0, 1, exclude_max=True),
    "Literal['a', '=', 2, None]": st.sampled_from(["a", "=", 2, None]),
}
PARAMETERS = {name: read_cell(f"x: {name}")[0] for name in TYPES}

laws = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
typed_values = st.sampled_from(sorted(TYPES)).flatmap(lambda name: st.tuples(st.just(name), TYPES[name]))


def from_texts(parameters, texts: dict, base=None) -> dict:
    return gather(parameters, texts=[f"{name}={text}" for name, text in texts.items()], base=base).bound


def from_values(parameters, values: dict, base=None) -> dict:
    return gather(parameters, api=values, base=base).bound


def same(one, other) -> bool:
    """Equal, with equal types, and nan equal to nan."""
    if isinstance(one, list | tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, datetime):  # ==  denies that two zones agree in the hour that clocks go back
        return isinstance(other, datetime) and one.isoformat() == other.isoformat()
    nan = isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other)
    return type(one) is type(other) and (nan or one == other)


def as_text(name: str, value) -> str:
    """Write a value as people type it: texts and dates as they are, all else as JSON."""
    written = as_json(value)
    plain = isinstance(written, str) and name not in {"Any", "pd.Timestamp"}
    return written if plain else json.dumps(written)


def arrived(values: dict) -> dict:
    """Run the injected cell as a kernel would."""
    names: dict = {}
    exec(compile(injected_source(values), "<cell>", "exec"), names)
    return names


@laws
@given(typed_values)
def test_through_a_command_line(typed):
    name, value = typed
    values = gather(PARAMETERS[name], texts=[f"x={as_text(name, value)}"])
    assert same(arrived(values.bound)["x"], value)


@laws
@given(typed_values)
def test_through_a_file(tmp_path_factory, typed):
    name, value = typed
    file = tmp_path_factory.mktemp("law") / "values.json"
    write_json(file, {"x": as_json(value)})
    assert same(arrived(from_values(PARAMETERS[name], read_values(file)))["x"], value)


@laws
@given(typed_values)
def test_through_a_caller_in_python(typed):
    name, value = typed
    assert same(arrived(from_values(PARAMETERS[name], {"x": value}))["x"], value)


@laws
@given(value=jsons, escaped=st.booleans())
def test_json_typed_for_an_undeclared_type(value, escaped):
    text = json.dumps(value, ensure_ascii=escaped)
    assert same(arrived(from_texts(PARAMETERS["Any"], {"x": text}))["x"], value)


@laws
@given(typed_values)
def test_through_a_notebook_file(tmp_path_factory, notebook_of, run_cells, typed):
    _, value = typed
    file = tmp_path_factory.mktemp("law") / "bound.ipynb"
    nbformat.write(bind(notebook_of("x = None"), {"x": value}), file)
    assert same(run_cells(nbformat.read(file, 4))["x"], value)


@laws
@given(st.dictionaries(texts, jsons | moments | st.floats() | st.tuples(jsons), max_size=4))
def test_the_injected_cell_is_assignments_of_literals_to_the_names_given(values):
    try:
        cell = injected_source(values)
    except BadParameters:
        assert not all(name.isidentifier() for name in values)
        return
    tree = ast.parse(cell)
    imports = [statement for statement in tree.body if isinstance(statement, ast.Import)]
    assert [ast.unparse(statement) for statement in imports] in ([], ["import datetime as _datetime"])
    assigned = [statement for statement in tree.body if statement not in imports]
    assert all(isinstance(statement, ast.Assign) and len(statement.targets) == 1 for statement in assigned)
    assert len(assigned) == len(values)
    called = {"float", "_datetime.date.fromisoformat", "_datetime.datetime.fromisoformat"}
    allowed = (
        ast.Constant,
        ast.List,
        ast.Tuple,
        ast.Dict,
        ast.UnaryOp,
        ast.USub,
        ast.Call,
        ast.Load,
        ast.Attribute,
        ast.Name,
    )
    for statement in assigned:
        assert isinstance(statement.targets[0], ast.Name)
        nodes = list(ast.walk(statement.value))
        assert all(isinstance(node, allowed) for node in nodes)
        assert {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)} <= called
        assert {node.id for node in nodes if isinstance(node, ast.Name)} <= {"float", "_datetime"}


@laws
@given(name=texts, value=jsons)
def test_no_name_becomes_code(name, value):
    if name != "x":
        with pytest.raises(BadParameters):
            from_values(PARAMETERS["Any"], {name: value})
    if name.partition("=")[0].strip() != "x":
        with pytest.raises(BadParameters):
            from_texts(PARAMETERS["Any"], {name: "1"})


@laws
@given(name=st.sampled_from(sorted(TYPES)), text=texts | jsons.map(json.dumps))
def test_any_text_is_read_or_refused_and_what_was_read_can_be_kept_and_read_again(tmp_path_factory, name, text):
    try:
        read = from_texts(PARAMETERS[name], {"x": text})
    except BadParameters as caught:
        refusal = str(caught)
        assert "\n" not in refusal
        return
    file = tmp_path_factory.mktemp("law") / "parameters.json"
    write_json(file, as_json(read))
    assert same(from_values(PARAMETERS[name], read_json(file)), read)


@laws
@given(typed_values)
def test_any_value_is_read_or_refused_by_any_type(typed):
    _, value = typed
    for parameters in PARAMETERS.values():
        try:
            read = from_values(parameters, {"x": value})
        except BadParameters as caught:
            refusal = str(caught)
            assert "\n" not in refusal
            continue
        assert same(from_values(parameters, as_json(read)), read)


def test_hard_values_arrive_in_a_real_kernel(tmp_path, notebook_of):
    values = {
        "a": NASTY,
        "b": {"nested": [None, True, -0.5, 2**64, {"=": "#"}]},
        "c": math.inf,
        "d": date(2026, 1, 31),
        "e": (1, "two"),
        "f": datetime(2026, 1, 31, 12, 30, 0, 5),
    }
    tail = "import json; print(json.dumps([a, b, str(c), d.isoformat(), e, f.isoformat()]))"
    notebook = notebook_of("a = None", tail=tail, kernelspec={"name": "python3", "display_name": "Python 3"})
    source = tmp_path / "bound.ipynb"
    nbformat.write(bind(notebook, values), source)
    done = papermill.execute_notebook(source, tmp_path / "done.ipynb", progress_bar=False)
    told = json.loads(done.cells[-1].outputs[0].text)
    assert told == [NASTY, values["b"], "inf", "2026-01-31", [1, "two"], "2026-01-31T12:30:00.000005"]
    assert done.metadata.papermill.parameters.d == "2026-01-31"
    assert Path(tmp_path / "done.ipynb").exists()


@laws
@given(typed_values)
def test_what_was_read_fits_the_schema_that_was_promised(typed):
    jsonschema = pytest.importorskip("jsonschema")
    name, value = typed
    written = as_json(from_values(PARAMETERS[name], {"x": value}))
    if any(word in json.dumps(written) for word in ('"NaN"', 'Infinity"')) and "float" in name:
        return  # JSON has no word for these, so they are texts there
    jsonschema.Draft202012Validator(json_schema(PARAMETERS[name])).validate(written)
