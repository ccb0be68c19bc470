"""Values of a column in words, as sentences and pictures show them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from workbench.dataset.years import are_years
from workbench.pages.words import number, shorten
from workbench.records import Kind


def writer(values: pd.Series[Any], kind: Kind) -> Callable[[Any], str]:
    """Find out how values of a coerced column are written.

    A date as a day, a boolean as yes or no, years without separators, a long text cut short.

    Examples
    --------
    >>> write = writer(pd.Series([1950.0, 1987.0], name="built"), "number")
    >>> write(1987.0), write(float("nan"))
    ('1987', 'missing')
    """
    form = _form(values, kind)
    return lambda value: "missing" if pd.isna(value) else form(value)


def _form(values: pd.Series[Any], kind: Kind) -> Callable[[Any], str]:
    if kind == "date":
        return _moment
    if kind == "boolean":
        return lambda value: "yes" if value else "no"
    if values.dtype == object:
        return lambda value: shorten(value, 24)
    if values.notna().any() and are_years(str(values.name), float(values.min()), float(values.max())):
        return lambda value: f"{value:.0f}"
    return number


def _moment(value: Any) -> str:
    """Write a moment; a number is seconds since 1970."""
    stamp = pd.Timestamp(value, unit="s") if isinstance(value, float) else pd.Timestamp(value)
    return f"{stamp:%Y-%m-%d}" if stamp == stamp.normalize() else f"{stamp:%Y-%m-%d %H:%M}"
