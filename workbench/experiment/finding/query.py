"""Filters: words such as ``score>0.8``, ``tag=baseline`` or ``since=7d``, read once into conditions.

A field is a number, a text or a time. A name that is none of them is a metric or a label of some experiment: which, is
told by the store.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, get_args

from workbench.errors import BadFilter, UnknownName
from workbench.records import Status

Comparison = Literal["=", "!=", ">", ">=", "<", "<="]
NUMBERS = ("score", "seconds", "rows")
TEXTS = ("name", "status", "template", "author", "kind", "metric", "data", "tag")
TIMES = ("since", "until")
FIELDS = (*NUMBERS, *TEXTS, *TIMES)
KEYED = ("score.", "label.")  # and the name of a metric, or of a label
STATUSES = (*get_args(Status), "running", "damaged")
LONGEST = 1000  # letters of a filter
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}

_WORD = re.compile(r"([^=!<>]*)(>=|<=|!=|==|=|>|<)(.*)", re.DOTALL)
_AGE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*([smhdw])", re.ASCII)
_PERIOD = re.compile(r"(\d{4})(?:-(\d\d?)(?:-(\d\d?))?)?", re.ASCII)
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{1,64})", re.ASCII)
WHEN = "Write a day (2026-11-01), a month, a time (2026-11-01T18:30Z), or how long ago: 7d, 12h."


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that is asked of every experiment: a field, a comparison, and what with.

    Numbers are floats, times seconds since 1970. A text may hold ``*`` and ``?``. `field` is one of the fields, or
    ``score.rmse``, ``label.farm``; ``began`` is what ``since`` and ``until`` ask of; ``.farm`` is not settled yet.
    """

    field: str
    comparison: Comparison
    value: float | str
    word: str

    @property
    def is_pattern(self) -> bool:
        """Whether it stands for several texts."""
        return isinstance(self.value, str) and ("*" in self.value or "?" in self.value)


def is_filter(word: str) -> bool:
    """Tell a filter from the name of experiments.

    >>> is_filter("score>0.8"), is_filter("churn")
    (True, False)
    """
    return _WORD.fullmatch(word) is not None


def parse(word: str, now: datetime) -> Condition:
    """Read one filter, as far as it can be told without a store.

    Parameters
    ----------
    word : str
        A field, a comparison and a value, as typed.
    now : datetime
        What ages such as ``7d`` count back from. A time without a zone is local time.

    Raises
    ------
    BadFilter
        If it cannot be read, or compares what cannot be compared.

    Examples
    --------
    >>> parse("score > 0.8", datetime.now()).value
    0.8
    """
    found = _WORD.fullmatch(word.strip())
    if found is None:
        raise BadFilter(word, "compares nothing", "Write field, comparison and value, in quotes: 'score>0.8'.")
    field, comparison, value = (part.strip() for part in found.groups())
    condition = Condition(field, "=" if comparison == "==" else comparison, value, word)  # type: ignore[arg-type]  # one of them, by the pattern
    if not field or not value:
        missing = "value" if field else "field"
        raise BadFilter(word, f"has no {missing}", "Write field, comparison and value: 'score>0.8', status=failed.")
    if field in KEYED:
        raise BadFilter(word, "names no metric or label", "Write which: score.rmse, label.farm.")
    if len(word) > LONGEST:
        raise BadFilter(f"{word[:40]}…", f"is longer than {LONGEST:,} letters", "Use * for the rest.")
    if field in TIMES:
        return _time(condition, value, now)
    if field in NUMBERS or field.startswith("score."):
        return replace(condition, value=_number(condition))
    if field in TEXTS:
        return _text(condition, value)
    return _label(condition) if field.startswith("label.") else replace(condition, field=f".{field}")


def settle(condition: Condition, *, metrics: Collection[str], labels: Collection[str]) -> Condition:
    """Find out whether a name stands for a metric or for a label, of those that the store knows.

    Raises
    ------
    UnknownName
        If it is neither.
    BadFilter
        If it cannot be compared so.
    """
    if not condition.field.startswith("."):
        return condition
    name = condition.field[1:]
    if name in metrics:
        return replace(condition, field=f"score.{name}", value=_number(condition))
    if name in labels:
        return _label(replace(condition, field=f"label.{name}"))
    raise UnknownName("filter", name, {*FIELDS, *metrics, *labels})


def _number(condition: Condition) -> float:
    text = str(condition.value)
    age = _AGE.fullmatch(text)
    if condition.field == "seconds" and age:
        return float(age[1]) * UNITS[age[2]]
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        name = condition.field.rpartition(".")[2]
        raise BadFilter(condition.word, f"compares a number with {text[:40]!r}", f"Write a number: '{name}>0.8'.")
    return number


def _text(condition: Condition, value: str) -> Condition:
    if condition.comparison not in ("=", "!="):
        name = condition.field
        raise BadFilter(condition.word, "asks which text is larger", f"A text is compared by {name}=… or {name}!=….")
    if condition.field == "data":
        return replace(condition, value=_digest(condition, value.lower()))
    if condition.field == "status":
        value = value.lower().replace(" ", "_").replace("-", "_")
        condition = replace(condition, value=value)
        if value not in STATUSES and not condition.is_pattern:
            raise UnknownName("status", value, STATUSES)
    return replace(condition, value=value.lower()) if condition.field == "name" else condition


def _digest(condition: Condition, value: str) -> str:
    found = _DIGEST.fullmatch(value)
    if found is None:
        raise BadFilter(
            condition.word, "names no digest", "Write how it begins, as show --json tells: data=sha256:ab12."
        )
    return f"sha256:{found[1]}*"


def _label(condition: Condition) -> Condition:
    """Compare a label: its text for being the same, its number for being more or less."""
    if condition.comparison in ("=", "!="):
        return condition
    return replace(condition, value=_number(condition))


def _time(condition: Condition, text: str, now: datetime) -> Condition:
    if condition.comparison != "=":
        name = condition.field
        raise BadFilter(condition.word, "compares a time", f"Write {name}=2026-11-01, or {name}=7d.")
    try:
        begins, ends = _period(text, now)
    except (ValueError, OverflowError) as error:
        raise BadFilter(condition.word, "names no time", WHEN) from error
    since = condition.field == "since"
    return replace(condition, field="began", comparison=">=" if since else "<", value=begins if since else ends)


def _period(text: str, now: datetime) -> tuple[float, float]:
    """Tell when a time begins and ends, in seconds since 1970: a day is long, a moment a second."""
    if age := _AGE.fullmatch(text):
        then = now.timestamp() - float(age[1]) * UNITS[age[2]]
        return then, then
    if period := _PERIOD.fullmatch(text):
        year, month, day = (int(part) if part else None for part in period.groups())
        first = datetime(year or 0, month or 1, day or 1)
        if day:
            return first.timestamp(), (first + timedelta(days=1)).timestamp()
        after = datetime(first.year + (month in (None, 12)), (first.month % 12) + 1 if month else 1, 1)
        return first.timestamp(), after.timestamp()
    moment = datetime.fromisoformat(text)
    return moment.timestamp(), moment.timestamp() + 1
