"""How the numbers of a column are written: decided over the whole column, with the table as a second opinion."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.estimators.coerce import CLOCK, SPACES, numbers_from

SYMBOLS = ("US$", "EUR", "USD", "GBP", "CHF", "€", "$", "£", "¥", "₹", "%")  # the longer before what it contains
FORMS: tuple[dict[str, Any], ...] = (  # of equally good ones the first is taken
    {},
    {"thousands": ","},
    {"decimal": ","},
    {"thousands": ".", "decimal": ","},
    {"thousands": " "},
    {"thousands": " ", "decimal": ","},
    {"thousands": "'"},
    {"clock": True},
)
DECIMAL_COMMA = re.compile(r"[-+]?(\d+,(\d{1,2}|\d{4,})|0,\d+|\d{4,},\d+|\d{1,3}(\.\d{3})+,\d+)")
GROUPED_BY_DOTS = re.compile(r"[-+]?([1-9]\d{0,2}(\.\d{3})+|\d{1,3})")


@dataclass(frozen=True, slots=True)
class Notation:
    """What the `Coercer` needs to read a column, the share of the values it then reads, and what to say about it."""

    coercion: dict[str, Any]
    share: float
    note: str = ""


def number_notation(texts: Sequence[str], *, comma_is_decimal: bool = False) -> Notation:
    """Find the notation that reads most of these values as numbers.

    Parameters
    ----------
    texts : sequence of str
        Distinct values, tidied.
    comma_is_decimal : bool
        Whether other columns of the table have decimal commas: then 1,234 is a bit more than one.
    """
    together = "\n".join(texts)
    symbols = [symbol for symbol in SYMBOLS if symbol in together]
    base: dict[str, Any] = {"symbols": symbols} if symbols else {}
    comma_is_decimal = comma_is_decimal or has_decimal_comma(texts)
    if (plain := _share(texts, base)) == 1 and not comma_is_decimal:
        return Notation(base, plain, _said(base))
    tried = [Notation(base | form, _share(texts, base | form)) for form in _possible(texts)]
    best = max(tried, key=lambda found: found.share + _preference(found.coercion, texts, comma_is_decimal))
    return Notation(best.coercion, best.share, _said(best.coercion))


def has_decimal_comma(texts: Sequence[str]) -> bool:
    """Tell whether the commas in these values can only be decimal marks."""
    with_comma = [text for text in texts if "," in text]
    sure = sum(DECIMAL_COMMA.fullmatch(_bare(text)) is not None for text in with_comma)
    return bool(with_comma) and sure > len(with_comma) / 2


def _possible(texts: Sequence[str]) -> list[dict[str, Any]]:
    """Leave out notations whose marks do not occur; most columns are left with one."""
    marks = set("".join(texts))
    if marks & set(SPACES):
        marks.add(" ")
    if any(map(CLOCK.fullmatch, texts)):
        marks.add("clock")
    return [form for form in FORMS if _marks(form) <= marks]


def _marks(form: dict[str, Any]) -> set[str]:
    if form.get("clock"):
        return {"clock"}
    if form.get("thousands") == ".":  # 1.234.567 has no decimals to show their comma
        return {"."}
    return {form[key] for key in ("thousands", "decimal") if key in form}


def _share(texts: Sequence[str], form: dict[str, Any]) -> float:
    return float(np.isfinite(numbers_from(texts, form)).mean()) if texts else 0.0


def _preference(form: dict[str, Any], texts: Sequence[str], comma_is_decimal: bool) -> float:
    """Weigh equally good notations: 1,234 and 1.234 mean what such marks mean in the rest of the table."""
    if form.get("decimal") != "," or not comma_is_decimal:
        return 0.0
    if "thousands" not in form:
        return 0.002
    dotted = [text for text in map(_bare, texts) if "." in text and "," not in text]
    return 0.004 if dotted and all(map(GROUPED_BY_DOTS.fullmatch, dotted)) else 0.0


def _said(form: dict[str, Any]) -> str:
    said = ["decimal commas"] if form.get("decimal") == "," else []
    if thousands := form.get("thousands"):
        said.append(f"{'spaces' if thousands == ' ' else repr(thousands)} between thousands")
    if symbols := form.get("symbols"):
        said.append(f"{' '.join(symbols)} taken off")
    if form.get("clock"):
        said.append("a time of day, read as hours: 18:30 is 18.5")
    return ", ".join(said)


def _bare(text: str) -> str:
    for symbol in SYMBOLS:
        text = text.replace(symbol, "")
    return text.strip()
