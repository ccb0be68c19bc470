from __future__ import annotations

import json

import pytest

from workbench.dataset import coercer_of, read_table, with_roles
from workbench.documents.table import read_profile, read_schema, write_schema
from workbench.errors import BadArtifact

MESSY = "code;price;paid;when\n" + "".join(f"{i:04d};{i},5;ja;{1 + i % 28:02}/01/2020\n" for i in range(50))


def test_a_schema_comes_back_as_it_was(table, tmp_path):
    schema = with_roles(table(MESSY).schema, {"paid": "target", "when": "time"})
    write_schema(tmp_path / "schema.json", schema)
    assert read_schema(tmp_path / "schema.json") == schema


def test_rows_are_typed_by_the_schema_that_was_kept(table, tmp_path):
    dataset = table(MESSY)
    write_schema(tmp_path / "schema.json", dataset.schema)
    typed = coercer_of(read_schema(tmp_path / "schema.json").columns[:2]).transform(dataset.frame)
    assert typed.iloc[7].tolist() == ["0007", 7.5]


def test_fields_of_a_later_version_are_left_out(tmp_path):
    path = tmp_path / "schema.json"
    write_schema(path, read_table("example:iris").schema)
    document = json.loads(path.read_text())
    document["columns"][0]["unit"] = "cm"
    path.write_text(json.dumps({**document, "author": "x"}))
    assert read_schema(path) == read_table("example:iris").schema


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"format": 99, "columns": []}',
        '{"format": 0}',
        '{"format": 0, "columns": [1]}',
        '{"format": 0, "columns": [{"kind": "number"}]}',
        '{"format": 0, "columns": [{"name": "x", "kind": "colour"}]}',
        '{"format": 0, "columns": [{"name": "x", "kind": "number", "role": "hero"}]}',
        "[" * 5000,
    ],
)
def test_what_is_no_schema_is_refused(tmp_path, content):
    (tmp_path / "schema.json").write_text(content)
    with pytest.raises(BadArtifact, match=r"schema\.json"):
        read_schema(tmp_path / "schema.json")


def test_a_missing_or_foreign_document_is_refused(tmp_path):
    with pytest.raises(BadArtifact):
        read_schema(tmp_path / "schema.json")
    (tmp_path / "profile.json").write_text('{"format": 0, "columns": []}')
    with pytest.raises(BadArtifact, match="profile of a table"):
        read_profile(tmp_path / "profile.json")
