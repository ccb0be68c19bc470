"""`workbench compare` and `workbench diff`, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


@pytest.fixture
def two(keep, store):
    """Two experiments searched by different metrics, and the store they are in."""
    return keep(1).short, keep(2, metric="log_loss", seed=4).short, "--store", store.path


@pytest.mark.parametrize(("command", "title"), [("compare", "Experiments compared"), ("diff", "What differs")])
def test_a_page_is_written_and_named(workbench, two, command, title):
    said = workbench(command, *two, "--html", "page.html")
    assert said.code == 0
    assert said.out.rstrip().endswith("page: page.html")
    page = Path("page.html").read_text()
    assert f"<h1>{title}</h1>" in page
    assert all(name in page for name in two[:2])


@pytest.mark.parametrize("command", ["compare", "diff"])
def test_a_page_that_cannot_be_written_is_told_in_one_line(workbench, two, command):
    said = workbench(command, *two, "--html", "no/such/folder/page.html")
    assert said.code == 2
    assert "cannot be written" in said.err
    assert len(said.err.splitlines()) == 1


def test_all_can_be_ranked_by_a_metric_they_share(workbench, two):
    apart, together = (
        json.loads(workbench("compare", *two, *more, "--json").out) for more in ([], ["--metric", "log_loss"])
    )
    assert not apart["comparable"]
    assert together["comparable"]
    assert [row["rank"] for row in together["leaderboard"]] == [1, 2]


def test_a_metric_that_none_of_them_has_is_refused(workbench, two):
    said = workbench("compare", *two, "--metric", "logloss")
    assert (said.code, said.out) == (2, "")
    assert "Did you mean 'log_loss'" in said.err


@pytest.mark.parametrize("command", ["compare", "diff"])
def test_one_document_holds_all_that_the_page_shows(workbench, two, command):
    document = json.loads(workbench(command, *two, "--json").out)
    row = document["leaderboard"][0]
    assert row["trials"] == [
        {"number": 0, "family": "linear", "score": 0.8, "best": 0.8, "elapsed": None, "parameters": {}}
    ]
    assert [driver["feature"] for driver in row["importance"]] == ["tenure", "charges"]
    assert row["resources"].keys() == {"wall", "cpu", "peak_memory", "cost"}
