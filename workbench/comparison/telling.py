"""What can be said of a leaderboard in sentences: who is better than whom, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from workbench.comparison.sections import NOTHING
from workbench.pages.comparison import lead
from workbench.pages.words import count, duration, listing, metric_name, score_interval

if TYPE_CHECKING:
    from workbench.comparison.ranking import Place

EACH = 5  # experiments beside the best that have a sentence each; more are summed up
LUCKY = 10  # experiments from which on the best of them owes something to luck
CHEAPER = 0.5  # of the time of the best, from which on it is worth a word


def sentences(scored: Sequence[Place], rest: Sequence[Place]) -> list[str]:
    """Say what a leaderboard says, in plain words."""
    said: list[str] = []
    for _, places in groupby(scored, key=lambda place: place.group):
        best, *others = places
        said += [_against(best, other) for other in others] if len(others) <= EACH else _summed_up(best, others)
        said += [*_cheaper(best, others), *_held_back([best, *others])]
    said += [_noted(place) for place in scored if place.note]
    return [*said, *(_without_score(place) for place in rest)]


def _noted(place: Place) -> str:
    return f"{place.short} {'is ' if place.note.startswith('a ') else ''}{place.note}."


def _against(best: Place, other: Place) -> str:
    gain = other.behind
    if gain is None or math.isnan(gain.value):
        return f"{best.short} scores better than {other.short}, untested: their predictions cannot be set side by side."
    metric, size = metric_name(str(best.metric)), gain.as_score()
    if gain.value == gain.low == gain.high == 0:
        return f"{best.short} and {other.short} are tied: their {metric} is the same on every sample of the rows."
    by = f"{lead(size)} in {metric}"
    interval = f"(95 % interval {score_interval(size) or NOTHING}, on the same {gain.rows:,} rows)"
    if gain.tied:
        return f"{best.short} and {other.short} are tied: a lead of {by} may be chance {interval}."
    return f"{best.short} is better than {other.short} by {by} {interval}."


def _summed_up(best: Place, others: Sequence[Place]) -> Iterator[str]:
    """Say in a few sentences what a sentence for each of many would say."""
    metric = metric_name(str(best.metric))
    tied, better, untested = (_those(others, how) for how in (_is_tied, _is_behind, _is_untested))
    if tied:
        most = max((place.behind for place in tied if place.behind), key=lambda gain: gain.value)
        chance = f"a lead of up to {lead(most.as_score())} in {metric} may be chance"
        yield f"{best.short} is tied with {_named(tied)}: {chance}, on the same {most.rows:,} rows."
    if better:
        least = min((place.behind for place in better if place.behind), key=lambda gain: gain.value)
        yield f"{best.short} is better than {_named(better)}, by {lead(least.as_score())} or more in {metric}."
    if untested:
        yield f"{best.short} scores better than {_named(untested)}, untested: no predictions to set side by side."
    if len(others) + 1 >= LUCKY and not tied:
        yield f"The best of {len(others) + 1} is in part the luckiest: on new rows it may do a little worse than here."


def _those(places: Sequence[Place], how: Callable[[Place], bool]) -> list[Place]:
    return [place for place in places if how(place)]


def _is_tied(place: Place) -> bool:
    return place.behind is not None and not math.isnan(place.behind.value) and place.behind.tied


def _is_behind(place: Place) -> bool:
    return place.behind is not None and not math.isnan(place.behind.value) and not place.behind.tied


def _is_untested(place: Place) -> bool:
    return place.behind is None or math.isnan(place.behind.value)


def _named(places: Sequence[Place]) -> str:
    return f"{count(len(places), 'other')} ({listing([place.short for place in places], most=4)})"


def _cheaper(best: Place, others: Sequence[Place]) -> list[str]:
    """Name the one that took least of those that are as good as the best, when it took much less."""
    quick = [(place.seconds, place) for place in others if _is_tied(place) and place.seconds is not None]
    if not quick or not best.seconds:
        return []
    seconds, place = min(quick, key=lambda pair: pair[0])
    if seconds > CHEAPER * best.seconds:
        return []
    return [f"{place.short}, tied with the best, took {duration(seconds)}; the best took {duration(best.seconds)}."]


def _held_back(places: Sequence[Place]) -> list[str]:
    """Say when scores on held-back rows were measured on different ones."""
    tested = [place for place in places if place.test]
    if len({(place.tested_on, place.test.rows if place.test else None) for place in tested}) <= 1:
        return []
    return ["Their scores on held-back rows were measured on different rows: these cannot be compared."]


def _without_score(place: Place) -> str:
    if place.note.startswith("a batch"):
        return f"{place.short} is {place.note}: compare these, each by its own reference."
    return f"{place.short} has no score: {_because(place)}."


def _because(place: Place) -> str:
    if place.status == "completed":
        return f"{metric_name(place.metric)} was not measured" if place.metric else "the run recorded none"
    return place.status + (f", {place.reason.rstrip('.')}" if place.reason else "")
