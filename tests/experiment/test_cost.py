"""What a run costs: money for an hour of the machine, times its wall time, times its share."""

from __future__ import annotations

import pytest

from workbench.errors import BadPrice
from workbench.experiment.capturing.cost import cost, price_of, read_price, total


@pytest.mark.parametrize(
    ("text", "read"),
    [("0.10 EUR/h", "0.10 EUR/h"), ("2usd/h", "2 USD/h"), ("  1250 JPY / h ", "1250 JPY/h"), ("0 EUR/h", "0 EUR/h")],
)
def test_a_price_is_money_for_an_hour(text, read):
    assert str(read_price(text)) == read
    assert str(read_price(read)) == read


@pytest.mark.parametrize(
    "text", ["", "0.10", "0.10 EUR", "0,10 EUR/h", "-1 EUR/h", "1 €/h", "1 EUR/day", "1e9 EUR/h", "9" * 400 + " EUR/h"]
)
def test_what_is_none_is_refused_in_one_line(text):
    with pytest.raises(BadPrice) as refused:
        read_price(text)
    assert str(refused.value) == f"The price {text!r} is not money for an hour. Write it as '0.10 EUR/h'."


def test_the_first_that_is_told_counts_and_the_environment_is_the_last():
    environ = {"WORKBENCH_PRICE": "3 EUR/h"}
    assert str(price_of("1 EUR/h", read_price("2 EUR/h"), environ=environ)) == "1 EUR/h"
    assert str(price_of(None, read_price("2 EUR/h"), environ=environ)) == "2 EUR/h"
    assert str(price_of(None, None, environ=environ)) == "3 EUR/h"
    assert price_of(None, environ={"WORKBENCH_PRICE": " "}) is None
    with pytest.raises(BadPrice, match="'much' of WORKBENCH_PRICE is not money for an hour"):
        price_of(None, environ={"WORKBENCH_PRICE": "much"})


def test_an_hour_of_half_the_machine_costs_half_the_price():
    assert cost(read_price("0.10 EUR/h"), 3600, 0.5)["amount"] == 0.05
    assert cost(read_price("0.10 EUR/h"), 0.001)["amount"] > 0


def test_costs_are_added_up_in_one_currency_alone():
    one, other = cost(read_price("1 EUR/h"), 60), cost(read_price("1 USD/h"), 60)
    assert total([]) is total([None]) is total([one, other]) is None
    assert total([one, None, one]) == {"amount": 0.033333334, "currency": "EUR", "price": "1 EUR/h", "runs": 2}


@pytest.mark.parametrize("status", ["completed", "failed", "killed"])
def test_an_experiment_says_what_its_run_cost_however_it_ended(keep, status):
    kept = keep(1, status=status, price={"price": "9000 EUR/h", "share": 0.5})
    used = kept.manifest["resources"]
    assert used["wall"] == pytest.approx(0.8)
    assert used["cost"] == {"amount": pytest.approx(1.0), "currency": "EUR", "price": "9000 EUR/h", "share": 0.5}


def test_without_a_price_nothing_is_said(keep):
    assert keep(1).manifest["resources"]["cost"] is None
