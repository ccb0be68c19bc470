"""What stands at the top of a page about one run: how it ended, how good it is, when, by whom, of what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup

from workbench.pages.blocks import join, key_facts
from workbench.pages.words import (
    duration,
    listing,
    metric_meaning,
    metric_name,
    moment,
    number,
    score_interval,
    score_value,
    sentence,
)
from workbench.records import Score

STATUS_WORDS = {
    "completed": ("good", "✓ Completed"),
    "failed": ("bad", "✕ Failed"),
    "killed": ("bad", "✕ Killed"),
    "timed_out": ("bad", "✕ Ran out of time"),
    "out_of_memory": ("bad", "✕ Ran out of memory"),
    "cancelled": ("other", "Cancelled"),
    "running": ("other", "Running"),
}
LABELS = {"started": "When", "author": "By", "reference": "Kept as", "seconds": "Took", "data": "Data"}


def heading(title: str, facts: Mapping[str, Any]) -> Markup:
    """Show what a reader wants to know first, as `report` takes it."""
    others = {
        LABELS.get(name, sentence(name.replace("_", " "))): _fact(name, value)
        for name, value in facts.items()
        if name not in {"status", "reason", "score", "summary"} and value not in (None, "", [], ())
    }
    parts = [
        _status(str(facts.get("status") or "")),
        Markup("<h1>{}</h1>").format(title),
        _reason(str(facts.get("reason") or "")),
        _hero(facts.get("score")),
        _summary(facts.get("summary") or ()),
        key_facts(others) if others else Markup(),
    ]
    return join(part for part in parts if part)


def _status(status: str) -> Markup:
    if not status:
        return Markup()
    kind, word = STATUS_WORDS.get(status, ("other", sentence(status.replace("_", " "))))
    return Markup('<span class="status {}">{}</span>').format(kind, word)


def _reason(reason: str) -> Markup:
    return Markup('<p class="reason">{}</p>').format(reason) if reason else Markup()


def _hero(score: Score | None) -> Markup:
    if score is None:
        return Markup()
    interval = score_interval(score)
    told = Markup('<span class="interval">95 % interval {}</span>').format(interval) if interval else Markup()
    direction = "higher is better" if score.higher_is_better else "lower is better"
    meaning = f"{sentence(metric_meaning(score.metric))} ({direction})." if metric_meaning(score.metric) else direction
    return Markup(
        '<div class="hero"><span class="name">{}</span><span class="value">{}</span>{}<p class="meaning">{}</p></div>'
    ).format(sentence(metric_name(score.metric)), score_value(score), told, meaning)


def _summary(sentences: Sequence[str]) -> Markup:
    return Markup('<p class="summary">{}</p>').format(" ".join(sentences)) if sentences else Markup()


def _fact(name: str, value: Any) -> str:
    if isinstance(value, datetime) or (name in {"started", "ended", "when"} and isinstance(value, str)):
        return _moment(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return duration(value) if name == "seconds" else number(value)
    if isinstance(value, list | tuple):
        return listing([str(item) for item in value])
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {item}" for key, item in value.items())
    return str(value)


def _moment(value: datetime | str) -> str:
    try:
        return moment(value)
    except ValueError:
        return str(value)
