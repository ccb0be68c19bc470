"""Experiments side by side as one page: a leaderboard with its intervals drawn, and what was done differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import PurePath
from typing import Any

from markupsafe import Markup

from workbench.pages.blocks import interval_bar, join, notice, paragraph, table
from workbench.pages.page import page
from workbench.pages.words import (
    count,
    duration,
    metric_meaning,
    metric_name,
    number,
    score_interval,
    score_value,
    sentence,
    typed,
)
from workbench.records import Reference, Score

Row = Mapping[str, Any]


def comparison_page(comparison: Mapping[str, Any], *, title: str = "Experiments compared") -> str:
    """Make one self-contained HTML page of a comparison.

    Parameters
    ----------
    comparison : mapping
        ``sentences`` (list of str) and ``leaderboard`` (list of mappings, best first): ``ref``, ``status``, ``reason``,
        ``metric``, ``value``, ``low``, ``high``, ``rows``, ``rank``, ``group`` (scores of one group can be compared),
        ``behind`` (``value``, ``low``, ``high``, ``tied``: against the best of the group), ``seconds``, ``data`` and
        ``target`` (for the headings of groups), ``parameters`` (those that differ), ``report`` (where its own page
        lies, seen from this one). All but ``ref`` may be missing or None.

    Returns
    -------
    str
        The page; it runs no script and loads nothing.
    """
    rows = comparison.get("leaderboard", [])
    header = join([Markup("<h1>{}</h1>").format(title), _lead(rows)])
    told = Markup().join(Markup("<li>{}</li>").format(text) for text in comparison.get("sentences", []))
    said = [Markup("<h2>What this says</h2><ul>{}</ul>").format(told)] if told else []
    return page(title, header=header, body=join([*said, *_boards(rows), *_parameters(rows)]))


def _lead(rows: Sequence[Row]) -> Markup:
    scored = sum(row.get("value") is not None for row in rows)
    without = f", {len(rows) - scored} without a score" if scored < len(rows) else ""
    return Markup('<p class="lead">{}{}</p>').format(count(len(rows), "experiment"), without)


def _boards(rows: Sequence[Row]) -> list[Markup]:
    """One table for each group of scores that mean the same; those without a score last."""
    if not rows:
        return [paragraph("There is nothing to compare yet.")]
    ordered = sorted(rows, key=lambda row: (row.get("value") is None, row.get("group") or 0))
    groups = groupby(
        ordered, key=lambda row: None if row.get("value") is None else (row.get("group"), row.get("metric"))
    )
    boards = [(key is not None, list(group)) for key, group in groups]
    several = sum(scored for scored, _ in boards) > 1
    return [_board(group, named=several) if scored else _without_score(group) for scored, group in boards]


def _board(rows: Sequence[Row], *, named: bool) -> Markup:
    """One table; `named` when there are several, which are then told apart by what they were measured on."""
    scores = [_score(row) for row in rows]
    ends = [end for score in scores for end in (score.value, score.low, score.high) if end is not None]
    of = (min(ends), max(ends))
    lines = [
        [
            row.get("rank") or place,
            _name(row),
            score_value(score),
            interval_bar(score.value, score.low, score.high, of=of),
            score_interval(score) or "–",
            _behind(row, place, of=len(rows)),
            duration(row["seconds"]) if row.get("seconds") is not None else "–",
        ]
        for place, (row, score) in enumerate(zip(rows, scores, strict=True), start=1)
    ]
    metric = str(rows[0].get("metric"))
    meaning = metric_meaning(metric)
    about = f" · {measured_on(rows[0])}" if named and measured_on(rows[0]) else ""
    heading = Markup("<h2>{}{}</h2>").format(sentence(metric_name(metric)), about)
    header = ["", "experiment", metric_name(metric), "", "95 % interval", "behind the best", "took"]
    return join(
        [
            heading,
            paragraph(f"{sentence(meaning)}.") if meaning else Markup(),
            table(header, lines, right=(metric_name(metric),)),
        ]
    )


def measured_on(row: Row) -> str:
    """Name the target, the table and the rows a score is of, as far as they are known.

    Examples
    --------
    >>> measured_on({"target": "Churn", "data": "/data/customers.csv", "rows": 7043})
    'Churn in customers.csv, 7,043 rows'
    """
    place = PurePath(row["data"]).name if row.get("data") else ""
    what = " in ".join(filter(None, [row.get("target"), place]))
    return ", ".join(filter(None, [what, count(row["rows"], "row") if row.get("rows") else ""]))


def _score(row: Row) -> Score:
    return Score(str(row.get("metric")), row["value"], row.get("low"), row.get("high"))


def _name(row: Row) -> Markup:
    """Name an experiment, with a link to its report."""
    name = Markup('<code title="{}">{}</code>').format(row["ref"], _short(row))
    return Markup('<a href="{}">{}</a>').format(row["report"], name) if row.get("report") else name


def _short(row: Row) -> str:
    return Reference.parse(row["ref"]).short


def _behind(row: Row, place: int, *, of: int) -> str:
    if of == 1:
        return "nothing to compare with"
    gain = row.get("behind")
    if not gain or gain.get("value") is None:
        return "best" if place == 1 else "not tested"
    score = Score("", gain["value"], gain.get("low"), gain.get("high"))
    return f"{lead(score)}{' (tied)' if gain.get('tied') else ''}"


def lead(gain: Score) -> str:
    """Write how much better one is, as precisely as it is known, but never as nothing when it is something.

    Examples
    --------
    >>> lead(Score("", 0.0312, 0.011, 0.052)), lead(Score("", 0.0034, -0.05, 0.06))
    ('0.031', '0.003')
    """
    shown = score_value(gain)
    return number(gain.value, 1) if gain.value and not shown.strip("−0.,") else shown


def _without_score(rows: Sequence[Row]) -> Markup:
    notices = [notice("warn", f"{_short(row)} has no score", _why(row)) for row in rows]
    return join([Markup("<h2>Without a score</h2>"), *notices])


def _why(row: Row) -> Markup:
    reason = Markup("{}").format(row.get("reason") or f"Its run is {row.get('status')}.")
    return reason + Markup(' <a href="{}">Its report</a>').format(row["report"]) if row.get("report") else reason


def _parameters(rows: Sequence[Row]) -> list[Markup]:
    names = list(dict.fromkeys(name for row in rows for name in row.get("parameters") or {}))
    if not names:
        return []
    lines = [[name, *(typed((row.get("parameters") or {}).get(name)) for row in rows)] for name in names]
    header = ["parameter", *(_short(row) for row in rows)]
    return [Markup("<h2>What was done differently</h2>"), table(header, lines)]
