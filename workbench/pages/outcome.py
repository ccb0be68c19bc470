"""What became of a run, an experiment, a batch or a promotion, as a notebook shows what a verb returned.

Each has a line of text and a block of HTML. The block has no colours of its own but those of notices, which bring
their ground: it is read on a light and on a dark page. Every text in it is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from markupsafe import Markup

from workbench.pages.blocks import check_notice, join, paragraph, table
from workbench.pages.words import (
    count,
    duration,
    metric_name,
    score_interval,
    score_sentence,
    score_value,
    sentence,
    short,
    shorten,
)
from workbench.records import Check, Score, Verdict

SHOWN = 30  # lines of a table
LONGEST = 200  # letters of a reason in a line of text
MARKS = {"completed": "✓", "running": "…", "skipped": "–", "left": "–"}


class Line(NamedTuple):
    """One experiment, or one run of a batch, in a list of them."""

    ref: str
    status: str
    reason: str = ""
    score: Score | None = None
    template: str = ""
    started: str = ""
    labels: Mapping[str, Any] = {}
    report: Path | None = None
    tags: Sequence[str] = ()


def outcome_text(
    ref: str, status: str, *, reason: str = "", seconds: float | None = None, score: Score | None = None
) -> str:
    """Say in one line what became of something.

    Examples
    --------
    >>> outcome_text("churn@20261121T183000Z-1f3ac09e", "completed", seconds=61, score=Score("roc_auc", 0.8461))
    'churn@20261121T183000Z-1f3ac09e: completed in 1 min 1 s, ROC AUC 0.8461'
    """
    took = "" if seconds is None else f" in {duration(seconds)}"
    good = "" if score is None else f", {score_sentence(score)}"
    why = f": {shorten(reason, LONGEST)}" if reason else ""
    return f"{ref}: {_word(status)}{took}{good}{why}"


def outcome_html(
    ref: str,
    status: str,
    *,
    reason: str = "",
    facts: Iterable[str] = (),
    scores: Mapping[str, Score] | None = None,
    test: Mapping[str, Score] | None = None,
    checks: Iterable[Check] = (),
    report: Path | None = None,
) -> Markup:
    """Show what became of a run: how it ended, its scores, what was odd about the data, and where its report is.

    Parameters
    ----------
    facts
        Short sentences beside the status: how long it took, its labels.
    scores, test
        By metric; `test` holds those on rows that were held back.
    """
    parts = [
        _headline(ref, status, facts),
        *([paragraph(reason)] if reason else []),
        *([scores_table(scores, test or {})] if scores else []),
        *(check_notice(check) for check in checks if check.level != "note"),
        *([_link(report)] if report is not None else []),
    ]
    return join(parts)


def lines_text(lines: Sequence[Line], none: str) -> str:
    """Say in one line each what there is, newest first; `none` where there is nothing."""
    shown = [outcome_text(one.ref, one.status, reason=one.reason, score=one.score) for one in lines[:SHOWN]]
    return "\n".join([*shown, *_more(lines)]) or none


def lines_html(lines: Sequence[Line], none: str, what: str = "experiment") -> Markup:
    """Show what there is as a table with the columns that say anything."""
    if not lines:
        return paragraph(none)
    shown = lines[:SHOWN]
    columns: dict[str, Sequence[str]] = {
        what: [_whole(_linked(short(one.ref), one.report), one.ref) for one in shown],
        "status": [_whole(_marked(one.status)) for one in shown],
        "score": ["" if one.score is None else _whole(score_sentence(one.score)) for one in shown],
        "template": [shorten(one.template) for one in shown],
        "started": [_whole(_minute(one.started)) if one.started else "" for one in shown],
        "labels": [labels_text(one.labels) for one in shown],
        "tags": [", ".join(one.tags) for one in shown],
        "why": [_wide(shorten(one.reason, LONGEST)) if one.reason else "" for one in shown],
    }
    told = {name: cells for name, cells in columns.items() if name == what or any(cells)}
    return join([table(list(told), zip(*told.values(), strict=True)), *map(paragraph, _more(lines))])


def promotion_text(model: str, verdicts: Sequence[Verdict], *, passed: bool) -> str:
    """Say in a line each what a gate decided."""
    return "\n".join([_decision(model, passed), *(f"{_tick(one)} {one.name}: {one.because}" for one in verdicts)])


def promotion_html(model: str, verdicts: Sequence[Verdict], *, passed: bool) -> Markup:
    """Show what a gate decided, and why."""
    rows = [[_tick(one), sentence(one.name.replace("_", " ")), one.because] for one in verdicts]
    return join([_strong(_decision(model, passed)), table(["", "asked", "found"], rows)])


def labels_text(labels: Mapping[str, Any]) -> str:
    """Write labels as they are typed.

    >>> labels_text({"farm": "17", "year": "2026"})
    'farm=17, year=2026'
    """
    return ", ".join(f"{name}={shorten(value)}" for name, value in labels.items())


def _headline(ref: str, status: str, facts: Iterable[str]) -> Markup:
    told = " · ".join([_marked(status), *(fact for fact in facts if fact)])
    return Markup("<p><strong>{}</strong> · {}</p>").format(ref, told)


def scores_table(scores: Mapping[str, Score], test: Mapping[str, Score]) -> Markup:
    """Show every metric with its interval and, where there are some, the held-back rows."""
    rows = [
        [
            sentence(metric_name(name)),
            score_value(score),
            score_interval(score) or "–",
            *([score_value(test[name]) if name in test else "–"] if test else []),
        ]
        for name, score in scores.items()
    ]
    held = ["on held-back rows"] if test else []
    return table(["", "score", "95 % interval", *held], rows, right=("score", "95 % interval", *held))


def _link(report: Path) -> Markup:
    below = report.absolute()
    if below.is_relative_to(Path.cwd()):
        below = below.relative_to(Path.cwd())
    return Markup("<p>Report: {}</p>").format(_linked(str(below), report))


def _linked(text: str, report: Path | None) -> Markup:
    """Lead to a page; a notebook can open one that lies below the folder it works in."""
    home = Path.cwd()
    if report is None or not report.is_file() or not report.absolute().is_relative_to(home):
        return Markup("{}").format(text)
    address = quote(report.absolute().relative_to(home).as_posix())
    return Markup('<a href="{}">{}</a>').format(address, text)


def _more(lines: Sequence[Line]) -> list[str]:
    return [f"… and {count(len(lines) - SHOWN, 'more', 'more')}"] if len(lines) > SHOWN else []


def _word(status: str) -> str:
    return status.replace("_", " ")


def _marked(status: str) -> str:
    return f"{MARKS.get(status, '✕')} {_word(status)}"


def _decision(model: str, passed: bool) -> str:
    return f"{model} is live." if passed else f"Not promoted. {model} stays as it was."


def _tick(verdict: Verdict) -> str:
    return "✓" if verdict.passed else "✕"


def _whole(text: str | Markup, title: str = "") -> Markup:
    """Keep a text on one line: a table that is too wide scrolls."""
    more = Markup(' title="{}"').format(title) if title else Markup()
    return Markup('<span style="white-space:nowrap"{}>{}</span>').format(more, text)


def _wide(text: str) -> Markup:
    """Give a sentence some room, or it stands there as a tower of single words."""
    return Markup('<div style="min-width:220px">{}</div>').format(text)


def _minute(when: str) -> str:
    """Write a moment as short as a column wants it."""
    try:
        return f"{datetime.fromisoformat(when).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return when


def _strong(text: str) -> Markup:
    return Markup("<p><strong>{}</strong></p>").format(text)
