from __future__ import annotations

import json

import jsonschema

from workbench.template import json_schema

CELL = """
data: Table = "example:iris"  # where the rows are
target: Column
n_trials: Annotated[int, Bounds(ge=1)] | None = None
since: date = date(2026, 1, 1)
limit: float = float("inf")
pair: tuple[float, float] = (0, 1)
token: Secret = Secret("")
home = os.environ["HOME"]
when: pd.Timestamp = None
"""


def test_parameters_are_one_json_schema(parameters_of):
    schema = json_schema(parameters_of(CELL))
    jsonschema.Draft202012Validator.check_schema(schema)
    json.dumps(schema, allow_nan=False)
    assert (schema["required"], schema["additionalProperties"]) == (["target"], False)
    told = schema["properties"]
    assert told["data"] == {
        "title": "Data", "description": "where the rows are", "type": "string", "minLength": 1,
        "x-workbench": "table", "default": "example:iris",
    }  # fmt: skip
    assert told["n_trials"]["title"] == "N trials"
    assert told["since"] == {"title": "Since", "type": "string", "format": "date", "default": "2026-01-01"}
    assert told["limit"]["default"] == "Infinity"
    assert told["pair"]["default"] == [0, 1]
    assert told["home"] == {"title": "Home", "x-default": 'os.environ["HOME"]'}
    assert told["when"] == {"title": "When", "x-annotation": "pd.Timestamp", "default": None}


def test_a_secret_is_marked_and_has_no_default(parameters_of):
    secret = json_schema(parameters_of(CELL))["properties"]["token"]
    assert (secret["x-workbench"], secret["writeOnly"]) == ("secret", True)
    assert "default" not in secret


def test_no_parameters_are_an_empty_object():
    assert json_schema(())["properties"] == {}
