from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
import pytest

from workbench.errors import BadParameters
from workbench.template import defaults, gather, read_values, split
from workbench.template.types import Secret


def from_texts(parameters, texts: dict, base=None) -> dict:
    return gather(parameters, texts=[f"{name}={text}" for name, text in texts.items()], base=base).bound


def from_values(parameters, values: dict, base=None) -> dict:
    return gather(parameters, api=values, base=base).bound


@pytest.mark.parametrize(
    ("annotation", "text", "expected"),
    [
        ("str", "a=b # {x} \"q\" 'p' \n", "a=b # {x} \"q\" 'p' \n"), ("str", "", ""), ("str", "3", "3"),
        ("str", "none", "none"),
        ("str | None", "none", "none"), ("str | None", "", ""), ("Optional[str]", "null", "null"),
        ("int", " 3 ", 3), ("int", "-3", -3), ("int", "+3", 3), ("int", "1_000", 1000), ("int", "3.0", 3),
        ("int", "1e3", 1000),
        ("float", "3", 3.0), ("float", "-1e-3", -0.001), ("float", "inf", math.inf), ("float", "-Infinity", -math.inf),
        ("bool", "true", True), ("bool", "Yes", True), ("bool", "1", True), ("bool", "FALSE", False),
        ("bool", "no", False), ("bool", "0", False),
        ("int | None", "none", None), ("int | None", "null", None), ("int | None", "", None), ("int | None", "3", 3),
        ("Column | None", "None", None), ("Column | None", "", None), ("Column | None", "a b", "a b"),
        ("Column", "none", "none"),
        ("Literal['a', 2, True, None]", "a", "a"), ("Literal['a', 2]", "2", 2), ("Literal['2', 2]", "2", "2"),
        ("Literal['a', True]", "true", True), ("Literal['a', None]", "none", None), ("Literal[' a']", " a", " a"),
        ("list[str]", "a,b", ["a", "b"]), ("list[str]", " a , b ", ["a", "b"]),
        ("list[str]", '["a,b", "c"]', ["a,b", "c"]),
        ("list[str]", "", []), ("list[str]", "[kg], m", ["[kg]", "m"]), ("list[int]", "1,2", [1, 2]),
        ("list[int]", "[1, 2]", [1, 2]),
        ("list[list[int]]", "[[1], []]", [[1], []]), ("list[float]", "[1, NaN]", [1.0, math.nan]),
        ("list", "1,a", [1, "a"]),
        ("tuple[int, str]", "1,a", (1, "a")), ("tuple[int, ...]", "1,2,3", (1, 2, 3)),
        ("dict[str, float]", '{"a": 1}', {"a": 1.0}), ("dict[int, str]", '{"1": "a"}', {1: "a"}),
        ("Columns", "a,b", ["a", "b"]), ("Columns", '["a,b"]', ["a,b"]), ("Columns", "", []),
        ("Columns", "a,,b,", ["a", "b"]),
        ("date", "2026-01-31", date(2026, 1, 31)),
        ("datetime", "2026-01-31T12:30Z", datetime(2026, 1, 31, 12, 30, tzinfo=UTC)),
        ("datetime", "2026-01-31", datetime(2026, 1, 31)), ("date | None", "", None),
        ("int | str", "5", 5), ("str | int", "5", 5), ("str | int", "five", "five"),
        ("date | str", "2026-01-31", date(2026, 1, 31)),
        ("str | list[str]", "a,b", "a,b"), ("str | list[str]", '["a"]', ["a"]),
        ("float | list[float]", "1,2", [1.0, 2.0]),
        ("bool | int", "1", 1), ("bool | int", "yes", True), ("Annotated[int, Bounds(ge=1)] | None", "3", 3),
        ("Duration", "1 h", "1h"), ("Duration", "90", "90s"), ("Memory", "4 gb", "4GB"),
        ("Any", "3", 3), ("Any", "a b", "a b"), ("Any", '{"a": [null]}', {"a": [None]}), ("Any", "True", True),
        ("Any", "None", None),
        ("Any", "01234", "01234"), ("Any", '"3"', "3"), ("Any", "NaN", "NaN"), ("Any", '{"a": ', '{"a": '),
        ("pd.Timestamp", "2026", 2026),
    ],
)  # fmt: skip
def test_a_text_is_read_by_the_declared_type(parameters_of, annotation, text, expected):
    value = from_texts(parameters_of(f"x: {annotation}"), {"x": text})["x"]
    assert repr(value) == repr(expected)  # nan is equal to itself here, and 1 is not True


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        ("int", "3.5"), ("int", "a"), ("int", ""), ("int", "nan"), ("int", "1e999"),
        pytest.param("int", "9" * 5000, id="int of many digits"), ("int", "٣"), ("int", "0x10"),
        ("float", "a"), ("float", "1,5"), ("float", "1e999"), ("float", "--1"), ("bool", "maybe"), ("bool", ""),
        ("bool", "2"),
        ("int | None", "a"), ("Literal['a', 'b']", "A"), ("Literal[True]", "1"), ("list[int]", "1,a"),
        ("list[int]", '["a"]'), ("list[int]", "1,,2"),
        ("dict[str, float]", "a=1"), ("dict[str, float]", '{"a": "b"}'), ("dict[str, float]", "[1]"),
        ("tuple[int, int]", "1,2,3"),
        ("date", "31/01/2026"), ("date", "2026-02-30"), ("date", "2026-01-01T05:00"), ("datetime", "yesterday"),
        ("Column", ""), ("Table", " "),
        ("Columns", "[1.5]"), ("Columns", '[""]'), ("Duration", "abc"), ("Duration", "0"), ("Duration", "-1m"),
        ("Duration", "nan"), ("Duration", "inf"),
        ("Memory", "a lot"), ("Annotated[int, Bounds(ge=1, le=8)]", "9"), ("Annotated[float, Bounds(ge=0)]", "nan"),
        ("Annotated[str, Bounds(min_length=2)]", "a"),
        pytest.param("Any", "[" * 200 + "]" * 200, id="rather deep Any"),
        pytest.param("Any", "[" * 100_000, id="deep Any"), pytest.param("Any", "9" * 5000, id="any of many digits"),
        ("Any", "1e999"),
        pytest.param("list[str]", "[" * 200 + "]" * 200, id="rather deep list[str]"),
        pytest.param("list[int]", "[" * 100_000, id="deep list[int]"),
    ],
)  # fmt: skip
def test_a_text_that_does_not_fit_is_refused_in_one_short_line(parameters_of, annotation, text):
    with pytest.raises(BadParameters) as caught:
        from_texts(parameters_of(f"x: {annotation}"), {"x": text})
    [problem] = caught.value.problems
    assert problem.startswith("The parameter 'x' cannot be ")
    assert "\n" not in problem
    assert len(problem) < 250


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        ("int", np.int64(3), 3), ("int", 3.0, 3), ("int", Decimal("3"), 3), ("float", np.float32(0.5), 0.5),
        ("float", 3, 3.0),
        ("float", "NaN", math.nan), ("float", "-Infinity", -math.inf), ("float", Decimal("0.5"), 0.5),
        ("bool", np.True_, True),
        ("str", np.str_("a"), "a"), ("str", Path("a/b"), "a/b"), ("str", date(2026, 1, 1), "2026-01-01"),
        ("list[int]", (1, 2), [1, 2]), ("list[int]", np.array([1, 2]), [1, 2]),
        ("list[int]", pd.Series([1, 2]), [1, 2]), ("list[int]", range(2), [0, 1]),
        ("list[str]", {"b", "a"}, ["a", "b"]), ("tuple[int, ...]", [1], (1,)), ("Columns", "a,b", ["a", "b"]),
        ("Columns", [2020, "a"], ["2020", "a"]),
        ("Columns", pd.Index(["a"]), ["a"]), ("Column", 2020, "2020"), ("Duration", 90, "90s"),
        ("Duration", 1.5, "1.5s"), ("Memory", 1000, "1000B"),
        ("date", date(2026, 1, 1), date(2026, 1, 1)), ("date", "2026-01-01", date(2026, 1, 1)),
        ("date", datetime(2026, 1, 1), date(2026, 1, 1)),
        ("date", pd.Timestamp("2026-01-01"), date(2026, 1, 1)),
        ("datetime", np.datetime64("2026-01-01T05"), datetime(2026, 1, 1, 5)),
        ("datetime", pd.Timestamp("2026-01-01 05:00"), datetime(2026, 1, 1, 5)),
        ("datetime", date(2026, 1, 1), datetime(2026, 1, 1)),
        ("int | float", 2.5, 2.5), ("float | int", 3, 3), ("int | str", "5", "5"),
        ("date | str", "2026-01-01", date(2026, 1, 1)), ("int | None", None, None),
        ("dict[str, int]", {"a": np.int8(1)}, {"a": 1}), ("dict[int, str]", {1: "a"}, {1: "a"}),
        ("dict[int, str]", {"1": "a"}, {1: "a"}),
        ("Any", (1, {"a": np.float64(2.5)}), [1, {"a": 2.5}]), ("Any", date(2026, 1, 1), "2026-01-01"),
        ("Literal[1, 'a']", 1, 1), ("str", "\ud800", "\ud800"),
    ],
)  # fmt: skip
def test_a_value_is_brought_to_the_declared_type(parameters_of, annotation, value, expected):
    read = from_values(parameters_of(f"x: {annotation}"), {"x": value})["x"]
    assert repr(read) == repr(expected)
    assert type(read) is type(expected)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        ("int", True), ("int", "3"), ("int", 3.5), ("int", None), ("int", math.nan), ("int", math.inf),
        pytest.param("int", 10**5000, id="huge int"), ("float", "3"), ("float", True),
        pytest.param("float", 10**400, id="huge float"), ("bool", 1), ("bool", "true"), ("str", 3), ("str", None),
        ("str", b"a"), ("list[int]", 3), ("list[int]", "1,2"), ("list[int]", [1, None]),
        ("Columns", None), ("Columns", [True]), ("Columns", {"a": 1.5}), ("Column", None), ("Column", True),
        ("Literal[1]", True), ("Literal['a']", "b"),
        ("dict[str, int]", {1: "a"}), ("dict[str, int]", [1]), ("dict[str, int]", {(1, 2): 3}), ("Any", math.nan),
        ("Any", [math.inf]), ("Any", {1: 2}),
        ("Any", object()), ("Any", b"a"), ("Any", Path), ("Any", lambda: 1), ("Any", np.array([1 + 2j])),
        ("Any", pd.NA), pytest.param("Any", 10**5000, id="huge any"),
        ("date", pd.NaT), ("date", 20260101), ("datetime", 5.0), ("Duration", True), ("Duration", [1]),
        ("Duration", math.nan), ("Memory", -1), ("Memory", None),
        ("tuple[int, int]", [1]), ("Table", 3), ("Table", ""), ("Annotated[int, Bounds(ge=1)] | None", 0),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_refused(parameters_of, annotation, value):
    with pytest.raises(BadParameters) as caught:
        from_values(parameters_of(f"x: {annotation}"), {"x": value})
    [problem] = caught.value.problems
    assert problem.startswith("The parameter 'x' cannot be ")
    assert len(problem) < 250


def test_values_nested_without_end_are_refused(parameters_of):
    loop: list = []
    loop.append(loop)
    with pytest.raises(BadParameters, match="nested more than"):
        from_values(parameters_of("x = None"), {"x": loop})


def test_a_value_of_a_million_parts_is_refused(parameters_of):
    laughs: list = ["ha"] * 10
    for _ in range(9):
        laughs = [laughs] * 10
    with pytest.raises(BadParameters, match="parts"):
        from_values(parameters_of("x = None"), {"x": laughs})


def test_a_long_text_arrives_whole_and_is_told_short(parameters_of):
    text = "x" * 10_000_000
    assert from_texts(parameters_of("a: str"), {"a": text})["a"] == text
    with pytest.raises(BadParameters) as caught:
        from_texts(parameters_of("a: int"), {"a": text})
    assert len(str(caught.value)) < 200


CELL = """
data: Table = "here.csv"
target: Column
ignore: Columns = []
budget: Duration = "60s"
metric: Literal["auto", "rmse"] = "auto"
size: int = 3
token: Secret = Secret("")
stamp = os.environ["STAMP"]
"""


def test_everything_wrong_is_told_at_once(parameters_of):
    texts = ["targt=y", "budget=abc", "budget=5m", "metric=rmsd", "=3", "size", "token=@file:/no/such/file"]
    with pytest.raises(BadParameters) as caught:
        gather(parameters_of(CELL), texts=texts, file={"size": "3", "nonsense": 1}, api={"ignore": 5})
    told = str(caught.value)
    for part in (
        "no parameter 'targt'. Did you mean 'target'?",
        "'budget' cannot be 'abc': it takes a length of time",
        "'budget' is given twice",
        "'metric' cannot be 'rmsd': it takes one of 'auto', 'rmse'",
        "'=3' has no name: write name=value",
        "'size' has no value: write name=value",
        "'token' cannot be what was given (the file '/no/such/file' cannot be read: No such file or directory)",
        "'size' cannot be '3': it takes a whole number. It is from the parameters file.",
        "no parameter 'nonsense'",
        "Known: budget, data, ignore, metric, size, stamp, target, token. It is from the parameters file.",
        "'ignore' cannot be 5",
        "'target' is required",
    ):
        assert part in told
    assert len(caught.value.problems) == 11


def test_what_is_typed_wins_over_the_caller_the_file_and_the_environment(parameters_of):
    values = gather(
        parameters_of(CELL),
        texts=["size=7"],
        api={"size": 6, "target": "y"},
        file={"size": 5, "target": "z", "budget": "5m"},
        environment={
            "WORKBENCH_PARAM_SIZE": "4",
            "WORKBENCH_PARAM_TARGET": "x",
            "WORKBENCH_PARAM_BUDGET": "4m",
            "WORKBENCH_PARAM_ignore": "a,b",
            "SIZE": "3",
        },
    )
    assert values.bound == {"size": 7, "target": "y", "budget": "5m", "ignore": ["a", "b"]}
    assert values.sources == {
        "data": "default", "target": "api", "ignore": "environment", "budget": "file", "metric": "default",
        "size": "-p", "token": "default",
    }  # fmt: skip
    assert values.values == {
        "data": "here.csv", "target": "y", "ignore": ["a", "b"], "budget": "5m", "metric": "auto", "size": 7,
        "token": Secret(""),
    }  # fmt: skip


def test_what_is_wrong_in_the_environment_names_its_variable(parameters_of):
    environment = {"WORKBENCH_PARAM_SIZE": "x", "WORKBENCH_PARAM_SICE": "3", "WORKBENCH_PARAM_METRIC": "rmsd"}
    with pytest.raises(BadParameters) as caught:
        gather(parameters_of(CELL), texts=["target=y", "metric=rmse"], environment=environment)
    told = sorted(caught.value.problems)
    assert [problem.partition(" It is from ")[2] for problem in told] == [
        "the environment variable WORKBENCH_PARAM_METRIC.",
        "the environment variable WORKBENCH_PARAM_SIZE.",
        "the environment variable WORKBENCH_PARAM_SICE.",
    ]
    assert "Did you mean 'size'?" in told[2]


def test_names_that_differ_by_their_letters_size_alone_are_told_apart_in_the_environment(parameters_of):
    parameters = parameters_of("a: int = 0\nA: int = 0\nb: int = 0")
    environment = {"WORKBENCH_PARAM_a": "1", "WORKBENCH_PARAM_A": "2", "WORKBENCH_PARAM_B": "3"}
    assert gather(parameters, environment=environment).bound == {"a": 1, "A": 2, "b": 3}


def test_the_exact_name_in_the_environment_wins_over_the_one_in_capitals(parameters_of):
    environment = {"WORKBENCH_PARAM_B": "3", "WORKBENCH_PARAM_b": "4"}
    assert gather(parameters_of("b: int = 0"), environment=environment).bound == {"b": 4}


def test_relative_paths_are_made_absolute_at_the_door(parameters_of):
    parameters = parameters_of(
        "a: Table\nb: list[Table] = []\nc: Table | None = None\nd: Table = 'd.csv'\ne: Table = 'example:iris'"
    )
    texts = [
        "a=x/../y.csv",
        "b=https://host/z.csv,w.csv,/v.csv,file:///u.csv,example:wine",
        "c=~nobody-of-that-name/t.csv",
    ]
    values = gather(parameters, texts=texts, base=Path("/here"), home=Path("/home/of/template")).bound
    assert values == {
        "a": "/here/y.csv",
        "b": ["https://host/z.csv", "/here/w.csv", "/v.csv", "file:///u.csv", "example:wine"],
        "c": "/here/~nobody-of-that-name/t.csv",
        "d": "/home/of/template/d.csv",  # beside the template, as when it is run by hand
    }


def test_a_path_object_is_a_table(parameters_of, tmp_path):
    read = from_values(parameters_of("a: Table"), {"a": PurePosixPath("x.csv")}, base=tmp_path)
    assert read == {"a": str(tmp_path / "x.csv")}


def test_secrets_and_computed_defaults_are_not_among_the_defaults(parameters_of):
    assert defaults(parameters_of(CELL)) == {
        "data": "here.csv",
        "ignore": [],
        "budget": "60s",
        "metric": "auto",
        "size": 3,
    }


@pytest.mark.parametrize("annotation", ["Secret", "Secret | None"])
@pytest.mark.parametrize("read", [from_texts, from_values])
@pytest.mark.parametrize(
    ("given", "reveals"),
    [("hunter2", "hunter2"), ("@env:THE_TOKEN", "from there"), ("@file:token.txt", "in the file"), ("env:x", "env:x")],
)
def test_a_secret_is_a_text_or_where_it_stands(parameters_of, annotation, read, given, reveals, tmp_path, monkeypatch):
    monkeypatch.setenv("THE_TOKEN", "from there")
    (tmp_path / "token.txt").write_text("in the file\n")
    value = read(parameters_of(f"token: {annotation}"), {"token": given}, base=tmp_path)["token"]
    assert isinstance(value, Secret)
    assert value.reveal() == reveals
    assert reveals not in repr(value)


def test_secrets_may_be_several(parameters_of):
    parameters = parameters_of("a: list[Secret]\nb: dict[str, Secret]")
    found = from_texts(parameters, {"a": "one1,two2", "b": '{"x": "three"}'})
    assert [one.reveal() for one in (*found["a"], found["b"]["x"])] == ["one1", "two2", "three"]


@pytest.mark.parametrize("value", [17, ["hunter2"], {"hunter2": 1}, b"hunter2"])
def test_a_wrong_secret_is_refused_without_being_shown(parameters_of, value):
    with pytest.raises(BadParameters) as caught:
        from_values(parameters_of("token: Secret"), {"token": value})
    assert "'token' cannot be what was given: it takes a secret: a text, @env:NAME or @file:PATH" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "17" not in str(caught.value)


def test_a_wrong_part_of_secrets_is_not_shown_either(parameters_of):
    with pytest.raises(BadParameters) as caught:
        from_values(parameters_of("token: list[Secret]"), {"token": ["fine", ["hunter2"]]})
    assert "hunter2" not in str(caught.value)


def test_a_wrong_value_that_is_a_url_is_shown_without_its_password(parameters_of):
    with pytest.raises(BadParameters) as caught:
        from_texts(parameters_of("n: int"), {"n": "ftp://me:hunter2@host"})
    assert "cannot be 'ftp://***@host'" in str(caught.value)


def test_the_file_of_a_database_is_made_absolute_at_the_door(parameters_of):
    texts = ["a=sqlite:///sub/../x.db#t", "b=sqlite:////abs/x.db#t", "c=sqlite://#t"]
    values = gather(parameters_of("a: Table\nb: Table\nc: Table"), texts=texts, base=Path("/here")).bound
    assert values == {"a": "sqlite:////here/x.db#t", "b": "sqlite:////abs/x.db#t", "c": "sqlite://#t"}


def test_a_notebook_without_parameters_takes_none(parameters_of):
    with pytest.raises(BadParameters, match="takes no parameters"):
        from_values((), {"x": 1})
    assert from_values((), {}) == {}


@pytest.mark.parametrize(
    ("text", "expected"), [("a=b", ("a", "b")), ("a=b=c", ("a", "b=c")), (" a =", ("a", "")), ("a= b ", ("a", " b "))]
)
def test_a_text_is_split_at_its_first_equals_sign(text, expected):
    assert split(text) == expected


@pytest.mark.parametrize(
    ("name", "content"), [("p.json", '{"n": 3, "a": [1]}'), ("p.yaml", "n: 3\na: [1]"), ("p.toml", "n = 3\na = [1]")]
)
def test_a_parameters_file_is_read_by_its_ending(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    assert read_values(tmp_path / name) == {"n": 3, "a": [1]}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.json", b"{"), ("p.json", b"[1]"), ("p.json", b"\xff\xfe"),
        pytest.param("p.json", b"[" * 100_000, id="deep"), ("p.yaml", b"a: [b"), ("p.yaml", b"- a"),
        ("p.yaml", b"3: a"), ("p.yaml", b"a: !!python/object/apply:os.system [ls]"), ("p.toml", b"a ="),
        ("p.csv", b"a=1"), ("p.json", b'{"a": 1, "a": 2}'), ("p.yaml", b"a: 1\na: 2"), ("p.toml", b"a = 1\na = 2"),
    ],
)  # fmt: skip
def test_a_bad_parameters_file_is_refused_in_one_line(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadParameters) as caught:
        read_values(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_a_missing_parameters_file_and_a_folder_are_refused(tmp_path):
    (tmp_path / "p.json").mkdir()
    for name, told in (("q.json", "does not exist"), ("p.json", "is not a file")):
        with pytest.raises(BadParameters, match=told):
            read_values(tmp_path / name)


def test_an_empty_yaml_file_gives_nothing(tmp_path):
    (tmp_path / "p.yaml").write_text("# nothing yet\n")
    assert read_values(tmp_path / "p.yaml") == {}
