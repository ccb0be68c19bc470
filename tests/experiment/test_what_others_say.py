"""What an imported experiment says is somebody else's: no command falls over it, obeys it or passes it on as code."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from markupsafe import Markup

from workbench.documents.experiment import seal
from workbench.errors import BadArtifact
from workbench.experiment import Experiment, Store, experiments, load, verify

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\x1b]0;taken\x07\x1b[2J\u202etxt.exe\ud800"
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]")
DOCUMENTS = [
    "parameters.json", "checks.json", "task.json", "scores.json", "trials.jsonl", "leaderboard.csv", "importance.csv",
    "predictions.parquet", "environment/python.json", "environment/workbench.json", "environment/git.json",
    "data/schema.json", "template.ipynb", "notebook.ipynb",
]  # fmt: skip
CONTENTS = {
    "nothing": b"",
    "not UTF-8": b"\xff\xfe\x00",
    "deep": b"[" * 100_000,
    "other fields": b'{"parameters": [1], "checks": 3, "scores": [], "kind": 7, "columns": "all", "cells": {}}',
    "other kinds": b'{"parameters": {"data": 1}, "checks": [{"level": []}], "scores": {"a": 1}, "columns": [1]}',
}  # fmt: skip


def forged(experiment: Experiment, *, manifest: dict[str, Any] | None = None, **files: bytes) -> None:
    """Change files and fields of an experiment and seal it again, as whoever sends one may."""
    for name, content in files.items():
        (experiment.path / name).parent.mkdir(exist_ok=True)
        (experiment.path / name).write_bytes(content)
    document = {**json.loads((experiment.path / "manifest.json").read_text()), **(manifest or {})}
    document["files"] = [
        {"name": name, "digest": f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}", "size": path.stat().st_size}
        for path in sorted(experiment.path.rglob("*"))
        if path.is_file() and (name := path.relative_to(experiment.path).as_posix()) != "manifest.json"
    ]
    document["digest"] = seal(document)
    (experiment.path / "manifest.json").write_text(json.dumps(document))


@pytest.fixture
def others(keep: Callable[..., Experiment]) -> Experiment:
    """An experiment to be forged, beside one that is as it was made."""
    keep(1, skill=1.0, seed=3)
    return keep(2, name="theirs")


LOOKS = [
    ("list",), ("list", "--json"), ("show", "theirs"), ("show", "theirs", "--json"), ("diff", "churn", "theirs"),
    ("compare", "churn", "theirs"), ("compare", "churn", "theirs", "--json", "--html", "page.html"), ("open", "theirs"),
    ("trial", "theirs", "0", "-o", "trial.ipynb"), ("verify", "theirs"), ("export", "theirs", "theirs.zip"), ("fsck",),
]  # fmt: skip
READING = [look for look in LOOKS if look[0] in ("show", "diff", "compare", "trial") and "--json" not in look]


def test_texts_in_a_manifest_reach_no_terminal_and_no_page_as_orders(others, store, workbench, tmp_path):
    scores = {EVIL: {"value": 0.5, "low": None, "high": None, "higher_is_better": True}}
    fields = dict.fromkeys(("reason", "author", "template", "metric"), EVIL)
    forged(others, manifest={**fields, "scores": scores, "labels": {EVIL: EVIL}, "status": EVIL})
    for look in LOOKS:
        said = workbench(*look, "--store", store.path)
        assert said.code in (0, 2), (look, said.err)
        assert not UNSAFE.search(said.out.replace("\n", "") + said.err.replace("\n", "")), look
    page = (tmp_path / "page.html").read_text()
    assert "alert(1)" in page
    shown = experiments(store)
    for html in (page, shown._repr_html_(), shown[0]._repr_html_(), shown[1]._repr_html_()):
        assert "<script" not in html
        assert "<img src=x" not in html


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_that_says_something_else_is_told_in_one_line(others, store, workbench, name):
    for what, content in CONTENTS.items():
        forged(others, **{name: content})
        assert verify(load(others.path)) == []
        for look in READING:
            said = workbench(*look, "--store", store.path)
            assert said.code in (0, 2), (what, look, said.err)
            assert said.err.count("\n") == (said.code == 2), (what, look, said.err)


EVIL_FILES = {
    "model/MLmodel": b"!!python/object/apply:os.system ['touch tripped']\n",
    "model/model.skops": b"cos\nsystem\n(S'touch tripped'\ntR.",
    "model/__init__.py": b"open('tripped', 'w')",
    "conftest.py": b"open('tripped', 'w')",
    "sitecustomize.py": b"open('tripped', 'w')",
    "outputs/.env": b"PYTHONSTARTUP=x.py",
    "environment/requirements.lock": b"--index-url http://127.0.0.1:9/\nevil==1\n",
}


def test_no_command_that_looks_runs_anything_of_an_experiment(others, store, workbench, tmp_path):
    forged(others, **EVIL_FILES)
    for look in [*LOOKS, ("promote", "theirs", "--model", "m"), ("import", "theirs.zip", "--store", tmp_path / "b")]:
        said = workbench(*look, *([] if "--store" in look else ["--store", store.path]))
        assert said.code in (0, 2, 3), (look, said.err)
    (tmp_path / "rows.csv").write_text("tenure,charges\n1,2\n")
    said = workbench("predict", "theirs", "rows.csv", "-o", "out.csv", "--store", store.path)
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert not [*tmp_path.rglob("tripped")]
    assert not Path("tripped").exists()


def mlmodel(text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / "MLmodel").write_text(text)


def loader_of_another_module(folder: Path) -> None:
    text = (folder / "MLmodel").read_text()
    (folder / "MLmodel").write_text(re.sub("loader_module: .*", "loader_module: os", text))


BOMB = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}]\n" for a, b in zip("abcdefghi", "bcdefghij"))  # noqa: B905
MLMODELS = {
    "a tag that calls": (mlmodel("!!python/object/apply:os.system ['touch tripped']"), "no MLmodel that can be read"),
    "a tag that makes": (mlmodel("flavors: !!python/object:os._Environ {}"), "no MLmodel that can be read"),
    "aliases of aliases": (mlmodel(BOMB), "no MLmodel that can be read"),
    "ten megabytes": (mlmodel("a: b\n" + "#" * 10_000_000), "an MLmodel of more than"),
    "deep": (mlmodel("[" * 20_000), "no MLmodel that can be read"),
    "a list": (mlmodel("- 1"), "no MLmodel that can be read"),
    "a text": (mlmodel("loader_module"), "no MLmodel that can be read"),
    "another loader": (loader_of_another_module, "an MLmodel that the workbench did not write"),
}


@pytest.mark.parametrize("what", MLMODELS)
def test_what_mlflow_would_be_told_is_read_as_data_and_only_as_we_write_it(fitted, tmp_path, what, monkeypatch):
    from workbench.documents.bundle import write_model
    from workbench.documents.mlflow import describe

    monkeypatch.chdir(tmp_path)
    made = fitted("linear")
    folder = tmp_path / "model"
    write_model(folder, made.model, schema=made.schema, golden=made.raw)
    describe(folder, {"model": "churn"})
    harm, said = MLMODELS[what]
    harm(folder)
    with pytest.raises(BadArtifact, match=said) as error:
        describe(folder, {"model": "churn"})
    assert "\n" not in str(error.value)
    assert not (tmp_path / "tripped").exists()


def test_a_store_is_not_changed_by_looking_at_what_others_say(others, store, workbench, snapshot):
    forged(others, **EVIL_FILES)
    before = snapshot(store.experiments)
    for look in LOOKS:
        workbench(*look, "--store", store.path)
    assert snapshot(Store(store.path).experiments) == before


def test_a_comparison_leads_to_no_report_that_could_act(others, store, workbench, tmp_path):
    from workbench.pages.page import page

    ours = page("Report", header=Markup("<h1>Report</h1>"), body=Markup("<p>text</p>")).encode()
    (churn,) = experiments(store, "churn")
    forged(churn, **{"report.html": ours})
    forged(others, **{"report.html": ours.replace(b"<p>", b"<script>alert(1)</script><p>")})
    assert workbench("compare", "churn", "theirs", "--html", "page.html", "--store", store.path).code == 0
    links = re.findall(r'href="([^"]*report\.html)"', (tmp_path / "page.html").read_text())
    assert len(set(links)) == 1
    assert churn.version in links[0]
