"""The dataset as a piece of HTML: what was read, what was noticed, and each column in plain words.

Looks are inline, and colours see-through, because the same piece is shown by Jupyter on a light or a dark ground and
put into a report.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import PurePath
from typing import Any

import pandas as pd

from workbench.dataset.years import are_years
from workbench.estimators.coerce import coerce
from workbench.records import ColumnSchema, Kind, Role, TableSchema

SHOWN = 60  # columns; a page of a thousand lines is read by nobody
EXAMPLES = 3
LETTERS = 28  # of one example
WORDS: dict[Kind, str] = {
    "number": "number",
    "boolean": "yes / no",
    "date": "date",
    "category": "category",
    "text": "free text",
    "id": "identifier",
    "constant": "always the same",
    "empty": "empty",
}
GROUNDS: dict[Kind, str] = {
    "number": "rgba(31, 119, 180, 0.16)",
    "boolean": "rgba(44, 140, 100, 0.18)",
    "date": "rgba(148, 103, 189, 0.18)",
    "category": "rgba(44, 140, 100, 0.18)",
    "text": "rgba(214, 140, 39, 0.20)",
}
OTHER_GROUND = "rgba(128, 128, 128, 0.18)"
HEADINGS = ("Column", "Kind", "Different values", "Missing", "Range or examples", "Note")
MUTED = "opacity: 0.7"
CELL = "text-align: left; vertical-align: top; white-space: normal; padding: 4px 12px 4px 0"


def page(frame: pd.DataFrame, schema: TableSchema, *, source: str, size: int, notes: Sequence[str]) -> str:
    """Show what the table is, how it was read, and what its columns are."""
    columns = schema.columns
    rows = "".join(_row(frame, column) for column in columns[:SHOWN])
    head = "".join(f'<th style="{CELL}; {_side(heading)}">{heading}</th>' for heading in HEADINGS)
    more = f'<p style="{MUTED}">… and {len(columns) - SHOWN:,} more columns.</p>' if len(columns) > SHOWN else ""
    return (
        '<div style="max-width: 1000px; line-height: 1.45">'
        f'<p style="margin: 0 0 2px 0"><strong>{counted(len(frame), "row")} × '
        f'{counted(len(columns), "column")}</strong> from <strong title="{escape(source, quote=True)}">'
        f'{escape(_name(source))}</strong> <span style="{MUTED}">({_size(size)})</span></p>'
        f"{_notes(notes)}"
        '<div style="overflow-x: auto"><table style="border-collapse: collapse; font-size: 13px; margin: 6px 0">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{more}</div>"
    )


def _row(frame: pd.DataFrame, column: ColumnSchema) -> str:
    missing = column.missing / max(len(frame), 1)
    cells = (
        f'<strong style="font-weight: 600">{escape(_cut(column.name, 60))}</strong>{_part(column.role)}',
        f'<span style="background-color: {GROUNDS.get(column.kind, OTHER_GROUND)}; border-radius: 3px; '
        f'padding: 1px 6px; white-space: nowrap">{WORDS[column.kind]}</span>',
        f"{column.distinct:,}",
        f'<span style="{MUTED if not missing else "font-weight: 600"}">{_percent(missing)}</span>',
        escape(_examples(frame[column.name], column)),
        f'<span style="{MUTED}">{escape(column.note)}</span>',
    )
    sides = (_side(heading) for heading in HEADINGS)
    return "<tr>" + "".join(f'<td style="{CELL}; {s}">{c}</td>' for c, s in zip(cells, sides, strict=True)) + "</tr>"


def _notes(notes: Sequence[str]) -> str:
    lines = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<ul style="margin: 4px 0 8px 0; padding-left: 20px; {MUTED}">{lines}</ul>' if lines else ""


def _part(role: Role) -> str:
    """Name the part a column was given; most are features, and an identifier is called so by its kind."""
    return "" if role in ("feature", "id") else f' <span style="{MUTED}">({role})</span>'


def _examples(raw: pd.Series[Any], column: ColumnSchema) -> str:
    """From where to where the values go, or the most frequent ones."""
    values = coerce(raw, {"name": column.name, "kind": column.kind, **column.coercion}).dropna()
    if values.empty:
        return ""
    if column.kind == "number":
        low, high = values.min(), values.max()
        write = _year if are_years(column.name, low, high) else _short
        return f"{write(low)} to {write(high)}"
    if column.kind == "date":
        return f"{_day(values.min())} to {_day(values.max())}"
    if column.kind == "boolean":
        return f"yes in {_percent(values.mean())}"
    ranked = values if column.kind in ("text", "id") else values.value_counts().index
    shown = [_cut(str(value), LETTERS) for value in ranked[:EXAMPLES]]
    between = "; " if any("," in text for text in shown) else ", "
    return between.join([*shown, "…"] if column.distinct > len(shown) else shown)


def _side(heading: str) -> str:
    return "text-align: right; white-space: nowrap" if heading in ("Different values", "Missing") else ""


def _short(value: float) -> str:
    """Write a number with four digits, and whole ones in full."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:,.4g}"


def _year(value: float) -> str:
    return f"{value:.0f}"


def _day(moment: pd.Timestamp) -> str:
    return f"{moment:%Y-%m-%d}" if moment == moment.normalize() else f"{moment:%Y-%m-%d %H:%M}"


def _percent(share: float) -> str:
    if 0 < share < 0.001:
        return "under 0.1 %"
    return f"{share:.1%}".replace(".0%", "%").replace("%", " %")


def _size(size: int) -> str:
    for unit, step in (("MB", 1e6), ("kB", 1e3)):
        if size >= step:
            return f"{size / step:.1f} {unit}"
    return f"{size} bytes"


def counted(number: int, noun: str) -> str:
    """Write a number with its noun: 1 row, 2 rows."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _name(source: str) -> str:
    return source if source.startswith("example:") else PurePath(source).name


def _cut(text: str, letters: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= letters else text[: letters - 1].rstrip() + "…"
