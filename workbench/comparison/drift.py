"""How far the values of columns have moved from one table to another, told from the profiles that were kept of both."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from workbench.pages.words import number, quoted

LEAST = 0.05  # a share of the rows worth telling
RARELY = 0.05  # how often chance alone may name a column of any, where nothing has moved
Profile = Mapping[str, Any]
Range = tuple[float, float]  # a share of the rows, as closely as a profile tells it


@dataclass(frozen=True, slots=True)
class Drift:
    """Where the values of a column have moved most: what they are, and the share of each table's rows that have it."""

    name: str
    what: str
    one: float
    other: float

    def as_document(self) -> dict[str, Any]:
        """Give it as JSON."""
        return asdict(self)


def drifts(one: Profile, other: Profile) -> list[Drift]:
    """Find the columns of both tables whose values have moved by more than chance, the most moved first.

    A profile counts between its own deciles, so that shares elsewhere are known only within bounds: a column counts as
    moved when it has moved wherever in these bounds the truth lies.
    """
    rows = [table.get("rows") or 0 for table in (one, other)]
    if min(rows) <= 0:
        return []
    columns, after = one.get("columns", {}), other.get("columns", {})
    # The greatest gap between two samples of one distribution (Smirnov 1948), as rare for the most moved of many.
    by_chance = math.sqrt(math.log(2 * max(len(columns), 1) / RARELY) / 2 * sum(1 / size for size in rows))
    least = max(LEAST, by_chance)
    found = (_most_moved(name, columns[name], after[name], least) for name in columns if name in after)
    return sorted((drift for drift in found if drift), key=lambda drift: -abs(drift.one - drift.other))


def _most_moved(name: str, one: Profile, other: Profile, least: float) -> Drift | None:
    best, most = None, least
    for what, before, after in _shares(one, other):
        gap = round(max(before[0] - after[1], after[0] - before[1]), 9)  # else a last bit decides between two alike
        if gap > most:
            best, most = Drift(name, what, sum(before) / 2, sum(after) / 2), gap
    return best


def _shares(one: Profile, other: Profile) -> Iterator[tuple[str, Range, Range]]:
    """Give shares of the rows that both profiles tell of: what is missing, and by kind levels or what lies below."""
    missing, after = (float(column.get("missing", 0.0)) for column in (one, other))
    yield "missing", (missing, missing), (after, after)
    for what, known, known_after in _of_known(one, other):
        # A profile counts known values; chance is judged by rows, of which a column may know next to none.
        yield what, _of_rows(known, missing), _of_rows(known_after, after)


def _of_rows(known: Range, missing: float) -> Range:
    return known[0] * (1 - missing), known[1] * (1 - missing)


def _of_known(one: Profile, other: Profile) -> Iterator[tuple[str, Range, Range]]:
    """Give shares of the values that are not missing."""
    if one.get("kind") != other.get("kind"):
        return
    if "values" in one and "values" in other:
        yield from _levels(one, other)
    if "edges" in one and "edges" in other:
        yield from _below(one, other)


def _levels(one: Profile, other: Profile) -> Iterator[tuple[str, Range, Range]]:
    for level in dict.fromkeys([*one["values"], *other["values"]]):
        yield f"is {quoted(level)}", _share_of(one, level), _share_of(other, level)


def _share_of(column: Profile, level: str) -> Range:
    """Give the share of a level; of one that is not among the most frequent, as much as these leave for it."""
    values, rest = column["values"], column.get("other", 0)
    total = (sum(values.values()) + rest) or 1
    if level in values:
        return values[level] / total, values[level] / total
    return 0.0, min([rest, *values.values()]) / total


def _below(one: Profile, other: Profile) -> Iterator[tuple[str, Range, Range]]:
    dates = one.get("kind") == "date"
    before, after = ([_seconds(edge) if dates else float(edge) for edge in column["edges"]] for column in (one, other))
    for edge in sorted({*before, *after}):
        shares = _share_below(edge, before, one["counts"]), _share_below(edge, after, other["counts"])
        yield f"below {_date(edge) if dates else number(edge)}", *shares


def _share_below(edge: float, edges: Sequence[float], counts: Sequence[int]) -> Range:
    """Give the share of values below an edge: exactly at an edge of its own, else between the edges around it."""
    total, seen = sum(counts) or 1, 0
    if edge <= edges[0]:
        return 0.0, 0.0
    for end, count in zip(edges[1:-1], counts[:-1], strict=True):
        if edge < end:
            return seen / total, (seen + count) / total
        seen += count
        if edge == end:
            return seen / total, seen / total
    return (1.0, 1.0) if edge > edges[-1] else (seen / total, 1.0)


def _seconds(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _date(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
