"""What a comparison has to say, in sections that a terminal, a notebook and a page lay out each in its own way."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Any

NOTHING = "–"
LEFT = ' style="text-align:left"'  # Jupyter puts what stands in tables to the right
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # what a stranger's names could tell a terminal to do


@dataclass(frozen=True, slots=True)
class Section:
    """A title, sentences, and a table: its columns and its rows, both as text."""

    title: str
    lines: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def as_text(sections: Iterable[Section]) -> str:
    """Lay sections out in plain text, tables with their columns in line."""
    text = "\n\n".join("\n".join([section.title, *section.lines, *_table(section)]) for section in sections)
    return CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def _table(section: Section) -> list[str]:
    cells = [section.columns, *section.rows] if section.rows else []
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def as_html(sections: Iterable[Section]) -> str:
    """Lay sections out as HTML for a notebook."""
    return "".join(_html(section) for section in sections)


def _html(section: Section) -> str:
    lines = "".join(f"<p>{escape(line)}</p>" for line in section.lines)
    if section.lines and not section.columns and section.lines[0].startswith("---"):
        lines = f"<pre>{escape(chr(10).join(section.lines))}</pre>"  # a unified diff
    head = "".join(f"<th{LEFT}>{escape(column)}</th>" for column in section.columns)
    body = "".join(f"<tr>{''.join(f'<td{LEFT}>{escape(cell)}</td>' for cell in row)}</tr>" for row in section.rows)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if section.rows else ""
    return f"<h4>{escape(section.title)}</h4>{lines}{table}"


def words(value: Any) -> str:
    """Write a parameter's value as it would be typed."""
    return value if isinstance(value, str) and value else repr(value)
