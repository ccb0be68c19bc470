"""The crate of every kind of run passes the validator of Process Run Crate, without a network."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.documents.files import write_json
from workbench.experiment import Store, capture
from workbench.experiment.describing.describe import describe

DIGEST = f"sha256:{'ab' * 32}"
# What the profiles recommend and nobody has said: where author and software are found, and for whom the author works.
OPEN = (
    "SHOULD be an `Organization`",
    "affiliation",
    "The Application SHOULD have a url",
    "The SoftwareApplication id SHOULD be an absolute URI",
)
VALUES = {
    "größe": 1.5,
    "largest": float("inf"),
    "nothing": None,
    "yes": True,
    "words": ["a", "b c"],
    "quotes": 'a "quoted" \\ text\u2028 and 🦉',
    "surrogate": "\udc80",
    "path": "/home/ada/a b.csv",
    "long": "x" * 10_000,
}


def table(name: str = "customers.csv", parameter: str = "data") -> dict[str, Any]:
    return {"role": "data", "name": name, "parameter": parameter, "digest": DIGEST, "size": 7}


def odd(run: Callable[..., Any], store: Store) -> Any:
    author = 'Ada "the first" <ada@example.org>'
    folder = run(20, author=author, parameters=VALUES, outputs={"a b/ü #1 100%.csv": "1"})
    for name in ("my notes #1.txt", "ü 100%?.md", "data.weird", "plus+and&.html"):
        (folder.outbox / name).write_text("x")
    return capture(folder, store)


def next_to_nothing(run: Callable[..., Any], store: Store) -> Any:
    folder = run(21, status="killed", reason="the machine lost power")
    for left in (folder.notebook, folder.template, folder.parameters, folder.error, folder.events):
        left.unlink()
    return capture(folder, store)


CHANGED = {
    "a kept table": {"objects": [table(), table("held back.csv", "test")]},
    "a table from the web": {"objects": [table()]},
    "a table from the web behind a signature": {"objects": [table()]},
    "without data": {"left_out": {"predictions.parquet": "it holds values of the table"}, "whole": DIGEST},
    "made again, and killed": {
        "kind": "reproduction",
        "parents": ["churn@20261121T000000Z-0000abcd"],
        "status": "killed",
        "ended": None,
    },
}
ADDRESS = {
    "a table from the web": "https://example.org/data/customers.csv",
    "a table from the web behind a signature": "https://example.org/customers.csv?sig=abc",
}
GIT = {"commit": "0" * 40, "branch": "main", "remote": "https://example.org/templates.git", "changed": True}


def changed(keep: Callable[..., Any], number: int, name: str, folder: Path) -> Path:
    """An experiment whose manifest says more than that of a run made by hand."""
    kept = keep(number, parameters={"data": ADDRESS.get(name, "/home/ada/customers.csv")})
    shutil.copytree(kept.path, folder)
    if name == "a kept table":
        write_json(folder / "environment" / "git.json", {"format": 0, **GIT})
    if name == "without data":
        (folder / "predictions.parquet").unlink()
    describe(folder, kept.manifest | CHANGED[name])
    return folder


@pytest.fixture
def crates(keep: Callable[..., Any], run: Callable[..., Any], store: Store, tmp_path: Path) -> dict[str, Path]:
    statuses = ("completed", "failed", "cancelled")
    made = {status: keep(n, status=status, reason="why").path for n, status in enumerate(statuses)}
    made |= {name: changed(keep, 30 + n, name, tmp_path / f"changed {n}") for n, name in enumerate(CHANGED)}
    return {**made, "odd": odd(run, store).path, "next to nothing": next_to_nothing(run, store).path}


def graph(folder: Path) -> dict[str, Any]:
    document = json.loads((folder / "ro-crate-metadata.json").read_text("utf-8"))
    assert len({entity["@id"] for entity in document["@graph"]}) == len(document["@graph"])
    return {entity["@id"]: entity for entity in document["@graph"]}


@pytest.mark.slow
def test_every_kind_of_run_passes_the_validator(ask: Any, crates: dict[str, Path], tmp_path: Path) -> None:
    question = {name: [str(folder), "process-run-crate"] for name, folder in crates.items()}
    found = ask("crates", {"crates": question, "cache": str(tmp_path)})
    assert {name: told["REQUIRED"] for name, told in found.items()} == {name: [] for name in crates}
    assert all(told["checks"] > 30 for told in found.values())
    usual = {name: told["RECOMMENDED"] for name, told in found.items() if name in ("completed", "failed")}
    assert {name: [one for one in told if not any(open_ in one for open_ in OPEN)] for name, told in usual.items()} == {
        name: [] for name in usual
    }


@pytest.mark.slow
def test_the_validator_would_find_a_mistake(ask: Any, keep: Callable[..., Any], tmp_path: Path) -> None:
    """Without this, a validator that looked at nothing would pass everything."""
    file = keep(1).path / "ro-crate-metadata.json"
    document = json.loads(file.read_text())
    for entity in document["@graph"]:
        entity.pop("instrument", None)
    file.write_text(json.dumps(document))
    question = {"crates": {"broken": [str(file.parent), "process-run-crate"]}, "cache": str(tmp_path)}
    assert "MUST have an instrument" in ask("crates", question)["broken"]["REQUIRED"][0]


def test_what_a_run_was_given_is_told_by_its_address_or_its_digest(keep: Any, tmp_path: Path) -> None:
    told = {name: graph(changed(keep, n, name, tmp_path / str(n))) for n, name in enumerate(CHANGED)}
    web = told["a table from the web"][ADDRESS["a table from the web"]]
    assert (web["@type"], web["identifier"], web["name"]) == ("File", DIGEST, "customers.csv")
    assert {"@id": web["@id"]} in told["a table from the web"]["./"]["hasPart"]
    hidden = told["a table from the web behind a signature"]["#data-data"]
    assert (hidden["@type"], hidden["identifier"]) == ("CreativeWork", DIGEST)
    kept = told["a kept table"]
    assert kept["#data-test"]["name"] == "held back.csv"
    (action,) = (one for one in kept.values() if one["@type"] == "CreateAction")
    assert {"@id": "#data-data"} in action["object"]
    assert "objects/sha256/abab" in kept["#data-data"]["description"]
    assert kept["#data-data"]["contentSize"] == "7"


def test_what_is_left_out_or_made_again_is_said(keep: Any, tmp_path: Path) -> None:
    part = graph(changed(keep, 1, "without data", tmp_path / "part"))
    assert part["./"]["description"].endswith("Left out: predictions.parquet (it holds values of the table)")
    assert part[part["./"]["isBasedOn"]["@id"]]["identifier"] == DIGEST
    assert "predictions.parquet" not in part
    again = graph(changed(keep, 2, "made again, and killed", tmp_path / "again"))
    assert again[again["./"]["isBasedOn"]["@id"]]["name"] == "churn@20261121T000000Z-0000abcd"


def test_where_the_template_comes_from_is_told(keep: Any, tmp_path: Path) -> None:
    told = graph(changed(keep, 1, "a kept table", tmp_path / "it"))
    repository = told[told["template.ipynb"]["isPartOf"]["@id"]]
    assert (repository["version"], repository["codeRepository"]) == (GIT["commit"], GIT["remote"])
    assert "not committed" in repository["description"]


def test_values_are_told_as_json_tells_them(keep: Any) -> None:
    told = graph(keep(3, parameters=VALUES).path)
    values = {one["name"]: one["value"] for one in told.values() if one["@type"] == "PropertyValue"}
    assert {name: values[name] for name in ("größe", "largest", "nothing", "yes", "words")} == {
        "größe": 1.5,
        "largest": "inf",
        "nothing": "null",
        "yes": True,
        "words": '["a", "b c"]',
    }
