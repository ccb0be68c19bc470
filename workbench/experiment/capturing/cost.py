"""What a run costs: a price for an hour of the machine, the run's wall time, and its share of the machine's cores."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from workbench.errors import BadPrice

VARIABLE = "WORKBENCH_PRICE"
PRICE = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*([A-Za-z]{3})\s*/\s*h\s*", re.ASCII)
DIGITS = 9  # after the point: what a second costs is little, and a thousand of them are added up


@dataclass(frozen=True, slots=True)
class Price:
    """Money for one hour of wall time of a whole machine; the currency is a code of three letters."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}/h"


def read_price(text: str, told_by: str = "") -> Price:
    """Read a price; `told_by` says in messages where it comes from.

    Raises
    ------
    BadPrice
        If it is none.

    Examples
    --------
    >>> str(read_price("0.10eur / h"))
    '0.10 EUR/h'
    """
    found = PRICE.fullmatch(text)
    if found is None:
        raise BadPrice(text, f"{told_by and f'of {told_by} '}is not money for an hour", "Write it as '0.10 EUR/h'.")
    return Price(Decimal(found[1]), found[2].upper())


def price_of(*told: str | Price | None, environ: Mapping[str, str]) -> Price | None:
    """Give the first price that was told, else the one of ``WORKBENCH_PRICE``, if any.

    Raises
    ------
    BadPrice
        If it is none.
    """
    price = next((one for one in told if one is not None), None)
    if price is None:
        return read_price(environ[VARIABLE], VARIABLE) if environ.get(VARIABLE, "").strip() else None
    return price if isinstance(price, Price) else read_price(price)


def cost(price: Price, wall: float, share: float = 1.0) -> dict[str, Any]:
    """Reckon what `wall` seconds of a share of the machine cost.

    Examples
    --------
    >>> cost(read_price("0.10 EUR/h"), 1800, 0.5)
    {'amount': 0.025, 'currency': 'EUR', 'price': '0.10 EUR/h', 'share': 0.5}
    """
    amount = round(float(price.amount) * wall / 3600 * share, DIGITS)
    return {"amount": amount, "currency": price.currency, "price": str(price), "share": share}


def total(costs: Iterable[Mapping[str, Any] | None]) -> dict[str, Any] | None:
    """Add costs up; None where there are none, or they are in several currencies.

    Returns
    -------
    dict or None
        ``amount``, ``currency``, the ``price`` when it was the same for all, and of how many ``runs`` this is the sum.

    Examples
    --------
    >>> a, b = cost(read_price("1 EUR/h"), 1800), cost(read_price("2 EUR/h"), 1800)
    >>> total([a, b, None])
    {'amount': 1.5, 'currency': 'EUR', 'price': None, 'runs': 2}
    """
    known = [one for one in costs if one is not None]
    currencies, prices = {one["currency"] for one in known}, {one["price"] for one in known}
    if len(currencies) != 1:
        return None
    amount = round(sum(one["amount"] for one in known), DIGITS)
    return {
        "amount": amount,
        "currency": currencies.pop(),
        "price": prices.pop() if len(prices) == 1 else None,
        "runs": len(known),
    }
