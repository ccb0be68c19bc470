"""Code cells that differ as HTML: each named by what became of it, its lines marked and in the colours of code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from workbench.pages.blocks import join, notice
from workbench.pages.words import count

Cell = Mapping[str, Any]
Line = tuple[str, Markup]  # its mark, and the line in the colours of code
MOST_CELLS = 200  # a page stays readable, whatever a notebook holds
MOST_LINES = 2_000  # of one cell
NEAR = 3  # lines shown around a change; what is further away is left out
MOST_TEXT = 200_000  # characters of a cell that are worth colouring
MARKS = {"+": ("wb-added", "+", "added"), "-": ("wb-removed", "−", "removed"), " ": ("wb-same", " ", "")}
STYLE = """
.wb-cell { border: 1px solid var(--line); border-radius: 5px; margin: 8px 0 18px; overflow-x: auto; }
.wb-cell pre { margin: 0; white-space: pre; overflow-wrap: normal; width: max-content; min-width: 100%; }
.wb-cell pre > span { display: block; padding: 0 14px 0 30px; text-indent: -20px; }
.wb-cell .wb-mark { display: inline-block; width: 20px; text-indent: 0; color: var(--ink); font-weight: 700; }
.wb-cell .wb-added { background: #e6f4ea; print-color-adjust: exact; }
.wb-cell .wb-removed { background: #fdeceb; print-color-adjust: exact; }
.wb-cell .wb-skipped { background: var(--ground); color: var(--muted); print-color-adjust: exact; }
.wb-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
"""


def render_changes(cells: Sequence[Cell], *, one: str, other: str) -> Markup:
    """Show cells that differ, in the order of the notebooks; `one` and `other` name these."""
    blocks = [_cell(cell, one, other) for cell in cells[:MOST_CELLS]]
    if len(cells) > MOST_CELLS:
        blocks.append(notice("note", f"{len(cells) - MOST_CELLS:,} more cells differ", "They are not shown."))
    return join(blocks)


def _cell(cell: Cell, one: str, other: str) -> Markup:
    lines = _colored([(line[:1], line[1:]) for line in cell["lines"]][:MOST_LINES])
    title = _title(cell, one, other)
    shown = _folded_away(lines) if cell["state"] == "changed" else lines
    left_out = [("…", Markup("more lines"))] if len(cell["lines"]) > MOST_LINES else []
    return join([Markup("<h3>{}</h3>").format(title), _code([*shown, *left_out], title)])


def _title(cell: Cell, one: str, other: str) -> str:
    if cell["state"] == "added":
        return f"Code cell {cell['other']} is only in {other}"
    if cell["state"] == "removed":
        return f"Code cell {cell['one']} is only in {one}"
    moved = "" if cell["one"] == cell["other"] else f" (cell {cell['other']} in {other})"
    return f"Code cell {cell['one']} was changed{moved}"


def _colored(lines: Sequence[tuple[str, str]]) -> list[Line]:
    """Give each line the colours it has in its own cell: a text of many lines has them in all of these."""
    before, after = (iter(_highlighted([text for mark, text in lines if mark in side])) for side in (" -", " +"))
    found: list[Line] = []
    for mark, _ in lines:
        old = next(before) if mark in " -" else Markup()
        new = next(after) if mark in " +" else Markup()
        found.append((mark, old if mark == "-" else new))
    return found


def _highlighted(lines: Sequence[str]) -> list[Markup]:
    source = "\n".join(lines)
    lexer = PythonLexer(stripnl=False, ensurenl=False)
    colored = highlight(source, lexer, HtmlFormatter(nowrap=True)).split("\n") if len(source) <= MOST_TEXT else []
    if len(colored) < len(lines):  # too long to be coloured
        return [escape(line) for line in lines]
    return [Markup(line) for line in colored[: len(lines)]]  # noqa: S704  # pygments escapes the code


def _folded_away(lines: Sequence[Line]) -> list[Line]:
    """Leave out lines that are far from any change, and say how many."""
    near = {at + step for at, (mark, _) in enumerate(lines) if mark != " " for step in range(-NEAR, NEAR + 1)}
    shown: list[Line] = []
    for is_near, run in groupby(enumerate(lines), key=lambda pair: pair[0] in near):
        part = [line for _, line in run]
        shown += part if is_near else [("…", escape(count(len(part), "line")))]
    return shown


def _code(lines: Sequence[Line], title: str) -> Markup:
    shown = Markup().join(_line(mark, text) for mark, text in lines)
    return Markup(
        '<div class="wb-cell highlight" tabindex="0" role="group" aria-label="{}"><pre>{}</pre></div>'
    ).format(title, shown)


def _line(mark: str, text: Markup) -> Markup:
    if mark == "…":
        return Markup('<span class="wb-skipped">… {} not shown</span>').format(text)
    kind, sign, word = MARKS[mark]
    said = Markup('<span class="wb-hidden">{}: </span>').format(word) if word else Markup()
    return Markup('<span class="{}"><span class="wb-mark">{}</span>{}{}\n</span>').format(kind, sign, said, text)
