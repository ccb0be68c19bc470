"""What differs between two experiments as one page: what was done, on which data, where, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from workbench.pages.blocks import folded, join, paragraph, table
from workbench.pages.cell_changes import STYLE, render_changes
from workbench.pages.cells import CODE_STYLE
from workbench.pages.page import page
from workbench.pages.words import (
    SOURCES,
    alike,
    count,
    duration,
    listing,
    metric_name,
    score_interval,
    score_value,
    sentence,
    share,
    shorten,
    spent,
    typed,
    with_sign,
)
from workbench.records import Score

Row = Mapping[str, Any]
H2 = Markup("<h2>{}</h2>")
SIDES = ("one", "other")
MOST_COLUMNS = 40  # whose values have moved; of a very wide table the most moved
NOTHING = "–"
ROUNDING = 1e-12  # of a score: less is no difference
PARTS = {
    "scores": "scores",
    "parameters": "parameters",
    "data": "data",
    "columns": "columns",
    "cells": "code",
    "environment": "environment",
    "importance": "importance of columns",
}


def difference_page(difference: Mapping[str, Any], *, title: str = "What differs") -> str:
    """Make one self-contained HTML page of a difference.

    Parameters
    ----------
    difference : mapping
        What ``diff --json`` tells; rows of the ``leaderboard`` may have a ``report``: where it lies, seen from here.

    Returns
    -------
    str
        The page; it runs no script and loads nothing.
    """
    named = [str(difference[side]) for side in SIDES]
    known = {row["ref"]: row for row in difference.get("leaderboard", ())}
    rows = [known.get(ref, {"ref": ref}) for ref in (difference["refs"][side] for side in SIDES)]
    header = [Markup("<h1>{}</h1>").format(title), Markup('<p class="lead">{} and {}</p>').format(*named)]
    body = [
        *_said(difference),
        *_sides(rows, named),
        *_scores(difference, named),
        *_parameters(difference, named),
        *_data(difference, named),
        *_code(difference, named),
        *_environment(difference, named),
        *_pictures(difference),
        *_same(difference),
    ]
    return page(title, header=join(header), body=join(body), style=CODE_STYLE + STYLE)


def _said(difference: Row) -> list[Markup]:
    told = Markup().join(Markup("<li>{}</li>").format(text) for text in difference.get("sentences", ()))
    return [H2.format("What came of it"), Markup("<ul>{}</ul>").format(told)] if told else []


def _sides(rows: Sequence[Row], named: Sequence[str]) -> list[Markup]:
    """Set side by side what each is, and what it took."""
    known: dict[str, Callable[[Row], Any]] = {
        "": lambda row: row.get("note"),
        "template": lambda row: row.get("template"),
        "status": lambda row: row.get("status"),
        "reason": lambda row: row.get("reason"),
        "took": lambda row: None if row.get("seconds") is None else duration(row["seconds"]),
        **{name: _spent(name) for name in ("CPU time", "peak memory", "cost")},
        "report": _report,
    }
    lines = [[name, *map(tell, rows)] for name, tell in known.items()]
    return [_table(named, [[name, *(value or NOTHING for value in values)] for name, *values in lines if any(values)])]


def _spent(name: str) -> Callable[[Row], str | None]:
    return lambda row: spent(row.get("resources") or {}).get(name)


def _report(row: Row) -> Markup | None:
    return Markup('<a href="{}">open</a>').format(row["report"]) if row.get("report") else None


def _table(named: Sequence[str], lines: Sequence[Sequence[Any]], *more: str) -> Markup:
    return table(["", *named, *more], lines, right=more)


def _scores(difference: Row, named: Sequence[str]) -> list[Markup]:
    """Show every metric that is not the same; how sure a difference is, is told of the one that is ranked by."""
    changed = difference["scores"]
    if not changed:
        return []
    lines = [[metric_name(one["name"]), *(_with_interval(one, side) for side in SIDES)] for one in changed]
    if not difference.get("comparable"):
        text = "They were not measured alike, as is said above: here they stand, and cannot be compared."
        return [H2.format("Scores"), paragraph(text), _table(named, lines)]
    lines = [[*line, _moved(one)] for line, one in zip(lines, changed, strict=True)]
    text = "With 95 % intervals, each of its own; two that overlap may differ all the same."
    return [H2.format("Scores"), paragraph(text), _table(named, lines, "moved by")]


def _with_interval(change: Row, side: str) -> str:
    if side not in change:
        return NOTHING
    ends = (change.get("intervals") or {}).get(side) or (None, None)
    score = Score("", change[side], *ends)
    return f"{score_value(score)} ({score_interval(score)})" if ends[0] is not None else score_value(score)


def _moved(change: Row) -> str:
    if any(side not in change for side in SIDES):
        return NOTHING
    gap = change["other"] - change["one"]
    if abs(gap) < ROUNDING * max(abs(change[side]) for side in SIDES):
        gap = 0.0
    return with_sign(gap, alike([gap, 0.0])[0])


def _parameters(difference: Row, named: Sequence[str]) -> list[Markup]:
    changed = difference["parameters"]
    lines = [[one["name"], *(_value(one, side) for side in SIDES)] for one in changed]
    return [H2.format("Parameters"), _table(named, lines)] if changed else []


def _value(change: Row, side: str) -> Markup:
    """Write a value, and where it came from."""
    if side not in change:
        return Markup("{}").format(f"{NOTHING} (it has none)")
    source = (change.get("sources") or {}).get(side, "")
    where = Markup("<br><small>{}</small>").format(SOURCES.get(source, source)) if source else Markup()
    return Markup("{}{}").format(typed(change[side]), where)


def _data(difference: Row, named: Sequence[str]) -> list[Markup]:
    told = difference["data"]
    facts = [
        ["content" if one["name"] == "digest" else one["name"], *(_fact(one, side) for side in SIDES)] for one in told
    ]
    blocks = [_table(named, facts)] if facts else []
    blocks += [*_columns(difference["columns"], named), *_drift(difference.get("drift", ()), named)]
    return [H2.format("Data"), *blocks] if blocks else []


def _fact(change: Row, side: str) -> str:
    value = change.get(side)
    if change["name"] == "digest" and value:
        return str(value).removeprefix("sha256:")[:12] + "…"
    return f"{value:,}" if change["name"] == "rows" and isinstance(value, int) else typed(value)


def _columns(changed: Sequence[Row], named: Sequence[str]) -> list[Markup]:
    """Tell which columns only one has, and which are read or used as something else."""
    if not changed:
        return []
    only = {side: [one["name"] for one in changed if side in one and len(_present(one)) == 1] for side in SIDES}
    said = [
        paragraph(f"Only in {name}: {count(len(only[side]), 'column')} ({listing(only[side], most=12)}).")
        for side, name in zip(SIDES, named, strict=True)
        if only[side]
    ]
    both = [[one["name"], *(one[side] for side in SIDES)] for one in changed if len(_present(one)) == 2]
    return [Markup("<h3>Columns</h3>"), *said, *([_table(named, both)] if both else [])]


def _present(change: Row) -> list[str]:
    return [side for side in SIDES if side in change]


def _drift(moved: Sequence[Row], named: Sequence[str]) -> list[Markup]:
    if not moved:
        return []
    lines = [[f"{one['name']} {one['what']}", *(f"{share(one[side])} of rows" for side in SIDES)] for one in moved]
    more = f" The {MOST_COLUMNS} that moved most of {len(lines):,}." if len(lines) > MOST_COLUMNS else ""
    text = f"Columns whose values have moved by more than chance, and where they did most.{more}"
    return [Markup("<h3>Values that moved</h3>"), paragraph(text), _table(named, lines[:MOST_COLUMNS])]


def _code(difference: Row, named: Sequence[str]) -> list[Markup]:
    cells = difference.get("cells") or ()
    if not cells:
        return []
    states = {"changed": "was changed", "added": f"is only in {named[1]}", "removed": f"is only in {named[0]}"}
    numbers = {state: sum(cell["state"] == state for cell in cells) for state in states}
    told = [f"{count(n, 'cell')} {_plural(states[state], n)}" for state, n in numbers.items() if n]
    key = f"− stands only in {named[0]}, + only in {named[1]}."
    text = f"{sentence(listing(told))}; all other code cells are the same. {key}"
    return [H2.format("Template code"), paragraph(text), render_changes(cells, one=named[0], other=named[1])]


def _plural(states: str, number: int) -> str:
    return states if number == 1 else states.replace("was ", "were ").replace("is ", "are ", 1)


def _environment(difference: Row, named: Sequence[str]) -> list[Markup]:
    """Show Python and what results depend on; all other packages are folded."""
    changed = difference["environment"]
    if not changed:
        return []
    lines = {
        decides: [
            [one["name"], *(shorten(one.get(side, NOTHING), 60) for side in SIDES)]
            for one in changed
            if bool(one["decides"]) == decides
        ]
        for decides in (True, False)
    }
    nothing = paragraph("Python and the packages that results depend on are the same.")
    first = _table(named, lines[True]) if lines[True] else nothing
    rest = count(len(lines[False]), "other package differs", "other packages differ")
    return [
        H2.format("Environment"),
        first,
        *([folded(f"{rest}: show", _table(named, lines[False]))] if lines[False] else []),
    ]


def _pictures(difference: Row) -> list[Markup]:
    """Draw importance, searches and costs of two that were measured alike; of others importance alone."""
    rows = [row for row in difference.get("leaderboard", ()) if row.get("value") is not None]
    if len(rows) < 2 or rows[0].get("target") != rows[1].get("target"):
        return []
    from workbench.pages.comparing import DRIVES, pictures  # with matplotlib, which a table does without

    drawn = pictures(rows) if difference.get("comparable") else pictures(rows, only=[DRIVES])
    return [H2.format("In pictures"), *drawn] if drawn else []


def _same(difference: Row) -> list[Markup]:
    same = [name for part, name in PARTS.items() if not difference.get(part)]
    return [H2.format("The same in both"), paragraph(f"{sentence(', '.join(same))}.")] if same else []
