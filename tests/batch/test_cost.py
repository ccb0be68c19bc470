"""With a price set, every run says what it cost and the batch sums it up."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from typing import Any

import pytest

from workbench.batches import cores
from workbench.errors import BadBatch, BadPrice


def test_runs_have_their_share_of_the_price_and_the_batch_adds_them_up(place: Any, workbench: Callable) -> None:
    spec = place.spec(grid={"farm": ["a", "b"]}, price="3600 EUR/h")  # a euro a second
    said = workbench("batch", spec, "--workers", "2", "--store", place.store, "--json")
    assert said.code == 0, said.err
    document = json.loads(said.out)
    share = (cores() // min(2, cores())) / cores()
    for run in document["runs"]:
        used = run["resources"]
        paid = {"amount": pytest.approx(used["wall"] * share), "currency": "EUR", "price": "3600 EUR/h", "share": share}
        assert used["cost"] == paid
        assert used["wall"] > 0
    sums = document["resources"]
    amount = sum(run["resources"]["cost"]["amount"] for run in document["runs"])
    assert sums["cost"] == {"amount": pytest.approx(amount), "currency": "EUR", "price": "3600 EUR/h", "runs": 2}
    took = sum(run["resources"]["wall"] for run in document["runs"])
    assert sums["runs"] == pytest.approx(took, abs=1e-3)

    (kept,) = place.kept("batch")
    assert kept.manifest["resources"]["cost"] == sums["cost"]
    page, shown = kept.report.read_text(), f"{amount:,.2f} EUR"
    assert page.count("\u00a0EUR</td>") == 2
    assert f"<dt>Cost</dt><dd>{shown}</dd>" in page
    with (kept.path / "runs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["cost"]) for row in rows] == [run["resources"]["cost"]["amount"] for run in document["runs"]]
    assert {row["currency"] for row in rows} == {"EUR"}

    ref = document["runs"][0]["ref"]
    told = workbench("show", ref, "--store", place.store)
    assert " EUR" in told.out
    assert json.loads(workbench("show", ref, "--store", place.store, "--json").out)["resources"] == used_by(place, ref)
    report = next(one.report for one in place.kept() if str(one.reference) == ref).read_text()
    assert "<dt>Cost</dt>" in report


def used_by(place: Any, ref: str) -> Any:
    return next(one.manifest["resources"] for one in place.kept() if str(one.reference) == ref)


def test_a_price_is_told_by_the_option_then_the_spec_then_the_environment(
    place: Any, batch: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_PRICE", "3 EUR/h")
    of_all = {"price": "2 EUR/h"}
    prices = [
        batch(place.spec(grid={"farm": ["a"]})),
        batch(place.spec(grid={"farm": ["b"]}, **of_all)),
        batch(place.spec(grid={"farm": ["c"]}, **of_all), price="1 EUR/h"),
    ]
    assert [one.outcomes[0].resources["cost"]["price"] for one in prices] == ["3 EUR/h", "2 EUR/h", "1 EUR/h"]
    again = batch(place.spec(grid={"farm": ["a", "b", "c"]})).as_document()["resources"]  # nothing was run
    assert (again["cost"]["price"], again["cost"]["runs"]) == (None, 3)


def test_what_is_no_price_is_refused_before_anything_starts(
    place: Any, batch: Callable, workbench: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        BadBatch, match=r"price: cannot be 5; it is money for an hour of the machine such as 0\.10 EUR/h"
    ):
        batch(place.spec(grid={"farm": ["a"]}, price=5))
    spec = place.spec(grid={"farm": ["a"]})
    for command in (("batch", spec), ("batch", spec, "--dry-run"), ("run", place.folder / "tiny.ipynb")):
        said = workbench(*command, "--price", "a lot", "--store", place.store)
        assert (said.code, said.out) == (2, "")
        assert said.err.splitlines()[-1] == (
            "workbench: The price 'a lot' is not money for an hour. Write it as '0.10 EUR/h'."
        )
    monkeypatch.setenv("WORKBENCH_PRICE", "5")
    with pytest.raises(BadPrice, match="'5' of WORKBENCH_PRICE"):
        batch(spec)
    assert place.worked() == {}
