"""Years are numbers that nobody writes with a separator: 1872, not 1,872."""

from __future__ import annotations

import re

NAMED = re.compile(r"(^|[^a-z])(year|yr)s?([^a-z]|$)", re.IGNORECASE)
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
LIKELY, POSSIBLE = (1700, 2100), (1000, 2999)


def are_years(column: str, low: float, high: float) -> bool:
    """Tell whether numbers from `low` to `high` are years, by their size and the column's name.

    Examples
    --------
    >>> are_years("built", 1872, 2010), are_years("area", 334, 5642), are_years("Garage.Yr.Blt", 1895, 2207)
    (True, False, True)
    """
    first, last = POSSIBLE if NAMED.search(CAMEL.sub(" ", column)) else LIKELY
    return first <= low <= high <= last and float(low).is_integer() and float(high).is_integer()
