"""The table of an experiment is described so that Croissant's own library takes it, and none of its values is told."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest

from workbench.dataset import read_table
from workbench.documents.files import write_json
from workbench.documents.table import write_schema
from workbench.experiment.describing.croissant import write_croissant
from workbench.records import Kind

ROWS = 60
KINDS = {
    "id": [f"C{1000 + 7 * row}" for row in range(ROWS)],
    "whole": [str(row % 17) for row in range(ROWS)],
    "with blanks": ["" if row % 7 == 0 else f"{row / 8}" for row in range(ROWS)],
    "decimal comma": [f"{row % 19},5" for row in range(ROWS)],
    "paid?": [("yes", "no")[row % 2] for row in range(ROWS)],
    "day": [f"2024-03-{1 + row % 28:02d}" for row in range(ROWS)],
    "moment": [f"2024-03-{1 + row % 28:02d} 0{row % 9}:30" for row in range(ROWS)],
    "Datum": [f"{1 + row % 28:02d}/03/2024" for row in range(ROWS)],
    "shop": [("north", "south", "west")[row % 3] for row in range(ROWS)],
    "Größe 🦉": [("S", "M", "L")[row % 3] for row in range(ROWS)],
    "code": [("01234", "04711", "00815")[row % 3] for row in range(ROWS)],
    "words, and more": [f"the customer called {row} times about {row * 3}" for row in range(ROWS)],
    "always": ["same"] * ROWS,
    "never": [""] * ROWS,
    "a/b#c?d=%20": [str(row % 5) for row in range(ROWS)],
    "class": [str(row % 3) for row in range(ROWS)],
    '{"@id": "x"}': [str(row % 4) for row in range(ROWS)],
    "x" * 300: [str(row % 6) for row in range(ROWS)],
}
EXPECTED = {
    "id": "Text", "whole": "Float", "with blanks": "Float", "decimal comma": "Text", "paid?": "Text", "day": "DateTime",
    "moment": "DateTime", "Datum": "Text", "shop": "Text", "Größe 🦉": "Text", "words, and more": "Text",
    "always": "Text", "never": "Text", "class": "Float",
}  # fmt: skip
OPEN = ('"https://schema.org/version"', '"http://mlcommons.org/croissant/citeAs"')  # nobody has said these of a table
TYPED = pd.DataFrame(
    {
        "whole": range(ROWS),
        "gaps": pd.array([None, *range(1, ROWS)], dtype="Int64"),
        "share": [row / 7 for row in range(ROWS)],
        "paid": [row % 2 == 0 for row in range(ROWS)],
        "moment": pd.date_range("2024-01-01", periods=ROWS, freq="h"),
        "shop": pd.Categorical([("north", "south")[row % 2] for row in range(ROWS)]),
    }
)


def described(folder: Path, table: Path, **more: Any) -> Path:
    """What `capture` would have in hand of a run on this table."""
    dataset = read_table(table)
    (folder / "data").mkdir(parents=True)
    write_schema(folder / "data" / "schema.json", dataset.schema)
    write_json(folder / "task.json", {"format": 0, "data": {"source": dataset.source}})
    digest = f"sha256:{hashlib.sha256(table.read_bytes()).hexdigest()}"
    manifest = {
        "kind": "run",
        "ref": "churn@20261121T000001Z-0001abcd",
        "author": "ada",
        "started": "2026-11-21T00:00:01.100000+00:00",
        "data": {"digest": digest, "rows": len(dataset.frame)},
        "objects": [],
    }
    write_croissant(folder, manifest | more)
    return folder / "data" / "croissant.json"


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, Path]:
    csv, tabs, parquet = (tmp_path / name for name in ("a table.csv", "tabs.tsv", "typed.parquet"))
    pd.DataFrame(KINDS).to_csv(csv, index=False)
    pd.DataFrame(KINDS).to_csv(tabs, index=False, sep="\t")
    TYPED.to_parquet(parquet)
    return {"csv": csv, "tabs": tabs, "parquet": parquet}


def document(file: Path) -> Any:
    return json.loads(file.read_text("utf-8"))


@pytest.mark.slow
def test_tables_of_all_kinds_and_names_are_taken_and_can_be_read_through_their_description(
    ask: Any, tables: dict[str, Path], tmp_path: Path
) -> None:
    made = {name: described(tmp_path / name, table) for name, table in tables.items()}
    found = ask("croissant", {name: [str(file), str(tables[name])] for name, file in made.items()})
    assert {name: told["errors"] for name, told in found.items()} == {name: [] for name in tables}
    warnings = {warning.partition("Property ")[2] for told in found.values() for warning in told["warnings"]}
    assert {warning for warning in warnings if not warning.startswith(OPEN)} == set()
    for name in ("csv", "tabs"):
        assert {column: found[name]["fields"][column] for column in EXPECTED} == EXPECTED
        assert set(found[name]["fields"]) == set(KINDS)
        second = found[name]["rows"][1]
        assert (second["whole"], second["with blanks"], second["shop"]) == (1.0, 0.125, "south")
        assert (second["day"], second["decimal comma"]) == ("2024-03-02 00:00:00", "1,5")
        assert found[name]["rows"][0]["with blanks"] is None
    assert found["parquet"]["fields"] == {
        "whole": "Integer", "gaps": "Integer", "share": "Float", "paid": "Boolean", "moment": "DateTime",
        "shop": "Text",
    }  # fmt: skip
    assert found["parquet"]["rows"][1]["paid"] is False


def test_every_kind_of_column_is_among_those_tried(tables: dict[str, Path]) -> None:
    assert {column.kind for column in read_table(tables["csv"]).schema.columns} == set(get_args(Kind))


def test_no_value_of_the_table_is_told(tables: dict[str, Path], tmp_path: Path) -> None:
    text = described(tmp_path / "it", tables["csv"]).read_text("utf-8")
    assert not [value for value in ("C1007", "north", "01234", "04711", "same", "the customer called") if value in text]


@pytest.mark.slow
def test_an_export_that_is_unpacked_can_be_read_as_it_is(ask: Any, tables: dict[str, Path], tmp_path: Path) -> None:
    mark = hashlib.sha256(tables["csv"].read_bytes()).hexdigest()
    kept = {"role": "data", "name": "a table.csv", "parameter": "data", "digest": f"sha256:{mark}", "size": 1}
    file = described(tmp_path / "unpacked", tables["csv"], objects=[kept])
    place = tmp_path / "unpacked" / "objects" / "sha256" / mark
    place.parent.mkdir(parents=True)
    place.write_bytes(tables["csv"].read_bytes())
    (found,) = ask("croissant", {"it": [str(file), None]}).values()
    assert found["errors"] == []
    assert document(file)["distribution"][0]["name"] == "a table.csv"
    read = ask("croissant", {"it": [str(file), ""]})
    assert read["it"]["rows"][1]["shop"] == "south"


def test_a_table_from_the_web_is_told_by_its_address(tables: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "it"
    file = described(folder, tables["csv"])
    assert document(file)["url"].startswith("ni:///sha-256;")
    assert document(file)["distribution"][0]["contentUrl"] == "a table.csv"  # not where it lies on the author's disk
    write_json(folder / "task.json", {"format": 0, "data": {"source": "https://example.org/a.csv"}})
    digest = f"sha256:{document(file)['distribution'][0]['sha256']}"
    manifest = {"ref": "a", "author": "", "started": "2026-11-21T00:00:01+00:00", "data": {"digest": digest, "rows": 1}}
    write_croissant(folder, manifest)
    assert document(file)["url"] == document(file)["distribution"][0]["contentUrl"] == "https://example.org/a.csv"


@pytest.mark.parametrize("status", ["failed", "killed"])
def test_of_a_run_that_ended_before_its_table_was_read_there_is_none(keep: Any, status: str) -> None:
    assert not (keep(1, status=status, reason="too early").path / "data" / "croissant.json").exists()


@pytest.mark.parametrize(
    "written",
    [
        '{"format": 0, "columns": [{"name": "a", "kind": "number", "coercion": null}]}',
        '{"format": 0, "columns": [{"name": 1, "kind": "date", "coercion": {"formats": 3}}]}',
        '{"format": 0, "columns": 7}',
        "[" * 100_000,
        "",
    ],
)
def test_whatever_a_notebook_left_no_run_is_lost_for_it(run: Any, store: Any, written: str) -> None:
    from workbench.experiment import capture, verify

    folder = run(1)
    (folder.outbox / "data" / "schema.json").write_text(written)
    kept = capture(folder, store)
    assert verify(kept) == []
    assert not (kept.path / "data" / "croissant.json").exists()
