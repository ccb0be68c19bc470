"""Experiments side by side as one page: leaderboards with intervals drawn, pictures, and what was done differently."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import PurePath
from typing import Any

from markupsafe import Markup

from workbench.pages.batch_cells import unbroken
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
    short,
    spent,
    typed,
)
from workbench.records import Score

Row = Mapping[str, Any]
SIDE_BY_SIDE = 5  # experiments as columns of a table; more are its lines


def comparison_page(comparison: Mapping[str, Any], *, title: str = "Experiments compared") -> str:
    """Make one self-contained HTML page of a comparison.

    Parameters
    ----------
    comparison : mapping
        ``sentences`` (list of str) and ``leaderboard`` (list of mappings, best first), as ``compare --json`` tells
        them. Of a row all but ``ref`` may be missing or None; ``report`` says where its own page lies, seen from here.

    Returns
    -------
    str
        The page; it runs no script and loads nothing.
    """
    from workbench.pages.comparing import pictures  # with matplotlib, which a table does without

    rows = comparison.get("leaderboard", [])
    header = join([Markup("<h1>{}</h1>").format(title), _lead(rows)])
    told = Markup().join(Markup("<li>{}</li>").format(text) for text in comparison.get("sentences", []))
    said = [Markup("<h2>What this says</h2><ul>{}</ul>").format(told)] if told else []
    boards = [_board(group, heading, pictures(group)) for heading, group in _groups(rows)]
    if not rows:
        boards = [paragraph("There is nothing to compare yet.")]
    return page(title, header=header, body=join([*said, *boards, *_without_score(rows), *_parameters(rows)]))


def _lead(rows: Sequence[Row]) -> Markup:
    scored = sum(row.get("value") is not None for row in rows)
    groups = len({row.get("group") for row in rows if row.get("value") is not None})
    without = f", {len(rows) - scored} without a score" if scored < len(rows) else ""
    apart = f", in {groups} groups that cannot be ranked together" if groups > 1 else ""
    return Markup('<p class="lead">{}{}{}</p>').format(count(len(rows), "experiment"), without, apart)


def _groups(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Put together what can be ranked; several groups are named by what they were measured on."""
    scored = sorted((row for row in rows if row.get("value") is not None), key=_group)
    groups = {group: list(members) for group, members in groupby(scored, key=_group)}
    named = titles(scored) if len(groups) > 1 else {}
    return [
        (" · ".join(filter(None, [sentence(metric_name(str(of[0].get("metric")))), named.get(group)])), of)
        for group, of in groups.items()
    ]


def _group(row: Row) -> int:
    return int(row.get("group") or 0)


def _board(rows: Sequence[Row], heading: str, pictures: Sequence[Markup]) -> Markup:
    scores = [_score(row) for row in rows]
    ends = [end for score in scores for end in (score.value, score.low, score.high) if end is not None]
    metric = str(rows[0].get("metric"))
    extra = _columns(rows)
    lines = [
        [
            row.get("rank") or place,
            _name(row),
            score_value(score),
            interval_bar(score.value, score.low, score.high, of=(min(ends), max(ends))),
            score_interval(score) or "–",
            _behind(row, rows),
            *(tell(row) or "–" for tell in extra.values()),
        ]
        for place, (row, score) in enumerate(zip(rows, scores, strict=True), start=1)
    ]
    header = ["", "experiment", metric_name(metric), "", "95 % interval", "behind the best", *extra]
    meaning = metric_meaning(metric)
    return join(
        [
            Markup("<h2>{}</h2>").format(heading),
            paragraph(f"{sentence(meaning)}.") if meaning else Markup(),
            table(header, lines, right=(metric_name(metric), *extra)),
            *pictures,
        ]
    )


def _columns(rows: Sequence[Row]) -> dict[str, Callable[[Row], str | None]]:
    """Name what else is known of any of these: scores on held-back rows, and what each took."""
    known: dict[str, Callable[[Row], str | None]] = {
        "held-back rows": _held_back,
        "took": lambda row: unbroken(duration(row["seconds"])) if row.get("seconds") is not None else None,
        "CPU": lambda row: _spent(row, "CPU time"),
        "cost": lambda row: _spent(row, "cost"),
    }
    return {name: tell for name, tell in known.items() if any(tell(row) for row in rows)}


def _spent(row: Row, what: str) -> str | None:
    told = spent(row.get("resources") or {}).get(what)
    return told and unbroken(told)


def _held_back(row: Row) -> str | None:
    test = row.get("test")
    return test and score_value(Score("", test["value"], test.get("low"), test.get("high")))


def titles(rows: Sequence[Row]) -> dict[int, str]:
    """Name each group by what it was measured on, and by what tells it from another of the same name."""
    first: dict[int, Row] = {}
    for row in rows:
        first.setdefault(_group(row), row)
    named = {group: measured_on(row) for group, row in first.items()}
    for group, row in first.items():
        like = [
            other
            for key, other in first.items()
            if key != group and measured_on(other) == named[group] and other.get("metric") == row.get("metric")
        ]
        if any(other.get("digest") != row.get("digest") for other in like):
            named[group] += f" (content {str(row.get('digest')).removeprefix('sha256:')[:8]})"
        elif like:
            named[group] += f" (the rows of {short(row['ref'])})"
    return named


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
    """Name an experiment, with a link to its report, and what must be known of it first."""
    name = Markup('<code class="wb-run" title="{}">{}</code>').format(row["ref"], short(row["ref"]))
    linked = Markup('<a href="{}">{}</a>').format(row["report"], name) if row.get("report") else name
    return linked + Markup("<br>{}").format(row["note"]) if row.get("note") else linked


def _behind(row: Row, rows: Sequence[Row]) -> str:
    if len(rows) == 1:
        return "nothing to compare with"
    gain = row.get("behind")
    if gain and gain.get("value") is not None:
        score = Score("", gain["value"], gain.get("low"), gain.get("high"))
        return f"{lead(score)}{' (tied)' if gain.get('tied') else ''}"
    if row is not rows[0]:
        return "not tested"
    others = [other.get("behind") or {} for other in rows[1:]]
    if any(other.get("value") is None for other in others):
        return "first, not tested against all"
    return "first, but tied" if any(other.get("tied") for other in others) else "best"


def lead(gain: Score) -> str:
    """Write how much better one is, as precisely as it is known, but never as nothing when it is something.

    Examples
    --------
    >>> lead(Score("", 0.0312, 0.011, 0.052)), lead(Score("", 0.0034, -0.05, 0.06))
    ('0.031', '0.003')
    """
    shown = score_value(gain)
    return number(gain.value, 1) if gain.value and not shown.strip("−0.,") else shown


def _without_score(rows: Sequence[Row]) -> list[Markup]:
    without = [row for row in rows if row.get("value") is None]
    if not without:
        return []
    notices = [notice("warn", _headline(row), _why(row)) for row in without]
    return [Markup("<h2>Without a score</h2>"), *notices]


def _headline(row: Row) -> str:
    note, name = row.get("note") or "", short(row["ref"])
    return f"{name} is {note}" if note.startswith("a batch") else f"{name} has no score"


def _why(row: Row) -> Markup:
    reason = Markup("{}").format(row.get("reason") or f"Its run is {row.get('status')}.")
    if (row.get("note") or "").startswith("a batch"):
        reason = Markup("Its runs have scores of their own: compare these, each by its own reference.")
    return reason + Markup(' <a href="{}">Its report</a>').format(row["report"]) if row.get("report") else reason


def _parameters(rows: Sequence[Row]) -> list[Markup]:
    """Tell what was done differently; a few experiments stand side by side, many one below the other."""
    names = list(dict.fromkeys(name for row in rows for name in row.get("parameters") or {}))
    if not names:
        return []
    given = [row.get("parameters") or {} for row in rows]
    if len(rows) <= SIDE_BY_SIDE:
        lines = [[name, *(typed(values.get(name)) for values in given)] for name in names]
        header = ["parameter", *(short(row["ref"]) for row in rows)]
    else:
        lines = [
            [short(row["ref"]), *(typed(values.get(name)) for name in names)]
            for row, values in zip(rows, given, strict=True)
        ]
        header = ["experiment", *names]
    return [Markup("<h2>What was done differently</h2>"), table(header, lines)]
