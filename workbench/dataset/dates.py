"""How the dates of a column are written: decided over the whole column, with the table as a second opinion."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from workbench.dataset.numbers import Notation
from workbench.estimators.coerce import dates_from

MONTH = r"[^\W\d_]{3,9}\.?"
DATES = (  # the shape of a date, and the formats that may be meant
    (r"\d{4}/\d{1,2}/\d{1,2}", ("%Y/%m/%d",)),
    (r"\d{4}\.\d{1,2}\.\d{1,2}", ("%Y.%m.%d",)),
    (r"\d{4}-\d{1,2}-\d{1,2}", ("%Y-%m-%d",)),
    (r"\d{1,2}/\d{1,2}/\d{4}", ("%d/%m/%Y", "%m/%d/%Y")),
    (r"\d{1,2}\.\d{1,2}\.\d{4}", ("%d.%m.%Y", "%m.%d.%Y")),
    (r"\d{1,2}-\d{1,2}-\d{4}", ("%d-%m-%Y", "%m-%d-%Y")),
    (r"\d{1,2}/\d{1,2}/\d{2}", ("%d/%m/%y", "%m/%d/%y", "%y/%m/%d")),
    (r"\d{2}\.\d{2}\.\d{2}", ("%d.%m.%y", "%m.%d.%y")),  # 1.2.10 is rather a version
    (r"\d{2}-\d{2}-\d{2}", ("%d-%m-%y", "%m-%d-%y", "%y-%m-%d")),
    (rf"\d{{1,2}}-{MONTH}-\d{{4}}", ("%d-%b-%Y", "%d-%B-%Y")),
    (rf"\d{{1,2}}-{MONTH}-\d{{2}}", ("%d-%b-%y",)),
    (rf"\d{{1,2}} {MONTH} \d{{4}}", ("%d %b %Y", "%d %B %Y")),
    (rf"{MONTH} \d{{1,2}}, \d{{4}}", ("%b %d, %Y", "%B %d, %Y")),
    (rf"{MONTH} \d{{1,2}} \d{{4}}", ("%b %d %Y", "%B %d %Y")),
    (rf"{MONTH} \d{{4}}", ("%b %Y", "%B %Y")),
    (rf"{MONTH}-\d{{4}}", ("%b-%Y", "%B-%Y")),
    (r"\d{1,2}/\d{4}", ("%m/%Y",)),
    (r"\d{8}", ("%Y%m%d",)),
)
TIMES = (  # what may follow the date
    (r"", ("",)),
    (r"[ T]\d{1,2}:\d{2}", ("%H:%M",)),
    (r"[ T]\d{1,2}:\d{2}:\d{2}", ("%H:%M:%S",)),
    (r"[ T]\d{1,2}:\d{2}:\d{2}\.\d{1,9}", ("%H:%M:%S.%f",)),
    (r"[ T]\d{1,2}\.\d{2}\.\d{2}", ("%H.%M.%S",)),
    (r" \d{1,2}:\d{2} [AaPp][Mm]", ("%I:%M %p",)),
    (r" \d{1,2}:\d{2}[AaPp][Mm]", ("%I:%M%p",)),
    (r" \d{1,2}:\d{2}:\d{2} [AaPp][Mm]", ("%I:%M:%S %p",)),
    (r" \d{1,2}:\d{2}:\d{2}[AaPp][Mm]", ("%I:%M:%S%p",)),
)
SHAPES = [
    (re.compile(rf"{date}{time}"), [(form, clock) for form in forms for clock in clocks])
    for date, forms in DATES
    for time, clocks in TIMES
]
OFFSET = r" ?(?:Z|[+-]\d{2}:?\d{2}|[+-]\d{2})"
ISO = re.compile(rf"\d{{4}}-\d{{2}}(-\d{{2}}([ T]\d{{2}}(:\d{{2}}(:\d{{2}}([.,]\d{{1,9}})?)?)?({OFFSET})?)?)?")
DAY_MONTH = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](?:\d{4}|\d{2})\b")
LOOKED_AT = 200  # values whose shape is looked at; all values then have their say
AT_MOST = 4  # formats in one column


def date_notation(texts: Sequence[str], *, month_is_first: bool | None = None) -> Notation:
    """Find the few formats that read most of these values as dates.

    Parameters
    ----------
    texts : sequence of str
        Distinct values, tidied, in the order they stand in the file.
    month_is_first : bool, optional
        What the other columns of the table show.
    """
    shaped = Counter(form for text in _spread(texts) for form in _formats(text))
    formats: list[str] = []
    left = pd.Series(list(texts), dtype=object)
    while shaped and len(left) and len(formats) < AT_MOST:
        read = {form: _read(left, form) for form in shaped}
        best = max(shaped, key=lambda form: _merit(form, read[form], month_is_first))
        if read[best].notna().sum() == 0:
            break
        formats.append(best)
        left = left[read[best].isna()]
    share = float((~np.isnat(dates_from(texts, formats))).mean()) if formats else 0.0
    return Notation({"formats": formats}, share, _said(formats, texts, month_is_first))


def month_first(texts: Sequence[str]) -> bool | None:
    """Tell which of a date's two leading numbers is the month; None when nothing tells."""
    pairs = [(int(match[1]), int(match[2])) for text in texts if (match := DAY_MONTH.match(text))]
    days, months = sum(a > 12 >= b for a, b in pairs), sum(b > 12 >= a for a, b in pairs)
    return None if days == months else months > days


def _merit(form: str, read: pd.Series[pd.Timestamp], month_is_first: bool | None) -> tuple[float, ...]:
    """Prefer what reads most values, then the order of the rest of the table, then dates that stand in order."""
    wanted = month_is_first is not None and form.startswith("%m") == month_is_first
    steps = np.diff(read.dropna().to_numpy().astype("int64"))
    forward = max((steps > 0).mean(), (steps < 0).mean()) if len(steps) else 0.0
    return float(read.notna().sum()), wanted, round(float(forward), 1), form.startswith("%d")


def _formats(text: str) -> list[str]:
    if ISO.fullmatch(text):
        return ["ISO8601"]
    offset = re.search(rf"(?<=\d){OFFSET}$", text) if ":" in text else None
    core = text[: offset.start()] if offset else text
    tail = "" if not offset else " %z" if offset[0].startswith(" ") else "%z"
    gap = "T" if re.search(r"\dT\d", core) else " "
    pairs = (pair for shape, pairs in SHAPES if shape.fullmatch(core) for pair in pairs)
    return [date + (gap + clock if clock else "") + tail for date, clock in pairs]


def _read(texts: pd.Series[str], form: str) -> pd.Series[pd.Timestamp]:
    return pd.to_datetime(texts, format=form, errors="coerce", utc=True).dt.tz_localize(None).astype("datetime64[us]")


def _spread(texts: Sequence[str]) -> Sequence[str]:
    return texts[:: max(1, -(-len(texts) // LOOKED_AT))]


def _said(formats: Sequence[str], texts: Sequence[str], month_is_first: bool | None) -> str:
    said = []
    if numeric := [form for form in formats if re.match(r"%[dm][/.-]%[dm]", form)]:
        said.append("month before day" if numeric[0].startswith("%m") else "day before month")
        if month_first(texts) is None:
            said[0] += " as in the other dates" if month_is_first is not None else ", though nothing tells which"
    if any("%y" in form for form in formats):
        said.append("years of two digits: 69 to 99 are 19.., 00 to 68 are 20..")
    if len(formats) > 1:
        said.append(f"written in {len(formats)} ways")
    if any("%z" in form for form in formats) or any(re.search(rf":\d\d{OFFSET}$", text) for text in texts[:50]):
        said.append("turned to UTC")
    return "; ".join(said)
