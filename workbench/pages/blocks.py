"""Small pieces of HTML: a table, notices, key facts, a bar with an interval.

Every text that comes in is escaped; what a block returns is `Markup`, which blocks put inside each other. Looks are
inline, because a block is also shown by Jupyter, which knows no style sheet of ours, on a light or a dark page.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from markupsafe import Markup

from workbench.pages.words import number
from workbench.records import Check, Level


class Look(NamedTuple):
    """How a notice of one level looks, and the word for it."""

    word: str
    accent: str
    ground: str


LONG_FACT, LONG_WORD = 30, 20  # letters that fit into one column, broken at blanks or not
LINE = "display:block;min-width:160px;white-space:nowrap;font-size:0;padding-top:4px"
LOOKS: dict[Level, Look] = {
    "note": Look("Note", "#3b6ea5", "#f1f5fa"),
    "warn": Look("Warning", "#9a4f00", "#fdf5e9"),
    "block": Look("Stop", "#b3261e", "#fcefee"),
}


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence in place of a picture or table, which a notebook shows as text."""

    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return str(paragraph(self.text))


@dataclass(frozen=True, slots=True)
class Shown:
    """Something a notebook shows as a block, and a terminal as text."""

    text: str
    block: Markup

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return str(self.block)


def join(parts: Iterable[Markup]) -> Markup:
    """Put blocks one after another."""
    return Markup("\n").join(parts)


def paragraph(text: str) -> Markup:
    """Show one paragraph of plain text."""
    return Markup("<p>{}</p>").format(text)


def notice(level: Level, title: str, text: str = "") -> Markup:
    """Show something worth noticing: a coloured edge, the level as a word (never by colour alone), the text."""
    look = LOOKS[level]
    body = Markup('<div style="margin-top:2px">{}</div>').format(text) if text else Markup()
    return Markup(
        '<div class="wb-notice wb-{}" style="border-left:4px solid {};background-color:{};color:#1c2430;'
        'padding:8px 14px;margin:6px 0;border-radius:3px;line-height:1.5">'
        '<strong style="color:{}">{}</strong> <strong>{}</strong>{}</div>'
    ).format(level, look.accent, look.ground, look.accent, look.word, title, body)


def check_notice(check: Check) -> Markup:
    """Show one finding about the data."""
    where = f" · {', '.join(check.columns[:6])}{' …' if len(check.columns) > 6 else ''}" if check.columns else ""
    return notice(check.level, f"{check.name.replace('_', ' ').capitalize()}{where}", check.message)


def table(header: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Collection[str] = ()) -> Markup:
    """Show a table; numbers stand right-aligned, texts left, and the header as its column does.

    Parameters
    ----------
    right
        Headers of columns that hold numbers already written as text.
    """
    rows = [list(row) for row in rows]
    sides = [name in right or (bool(rows) and all(_is_number(row[i]) for row in rows)) for i, name in enumerate(header)]
    head = Markup().join(_cell("th" if text else "td", text, right=r) for text, r in zip(header, sides, strict=True))
    lines = [Markup().join(_cell("td", v, right=r) for v, r in zip(row, sides, strict=True)) for row in rows]
    body = Markup("\n").join(Markup("<tr>{}</tr>").format(line) for line in lines)
    return Markup(
        '<div class="wb-scroll" tabindex="0" role="group" aria-label="Table" style="overflow-x:auto">'
        '<table class="wb-table" style="border-collapse:collapse">'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>"
    ).format(head, body)


def key_facts(facts: Mapping[str, Any]) -> Markup:
    """Show labels with their values, as a list of definitions."""
    pairs = Markup().join(
        Markup('<div class="wb-fact{}"><dt>{}</dt><dd>{}</dd></div>').format(
            " wb-wide" if len(str(value)) > LONG_FACT or _longest_word(value) > LONG_WORD else "", label, value
        )
        for label, value in facts.items()
    )
    return Markup('<dl class="wb-facts">{}</dl>').format(pairs)


def _longest_word(value: Any) -> int:
    return max(map(len, str(value).split()), default=0)


def folded(summary: str, content: Markup, *, kind: str = "more") -> Markup:
    """Show a line that opens to more; it needs no script."""
    return Markup('<details class="wb-{}"><summary>{}</summary>{}</details>').format(kind, summary, content)


def interval_bar(value: float, low: float | None, high: float | None, *, of: tuple[float, float]) -> Markup:
    """Draw a value and its interval on the scale `of` (left end, right end), in plain boxes that every page shows."""
    left, right = of
    span = (right - left) or 1.0
    start, end = (value if edge is None else edge for edge in (low, high))
    places = [min(1.0, max(0.0, (x - left) / span)) for x in (start, value, end)]
    boxes = join_boxes(
        (97 * places[0], 6, "transparent"),
        (97 * (places[1] - places[0]), 6, "#8fb3d9"),
        (3, 12, "currentColor"),  # seen on a light and on a dark page
        (97 * (places[2] - places[1]), 6, "#8fb3d9"),
    )
    shown = number(value) + ("" if low is None or high is None else f", from {number(low)} to {number(high)}")
    return Markup('<span title="{}" style="{}">{}</span>').format(shown, LINE, boxes)


def join_boxes(*boxes: tuple[float, int, str]) -> Markup:
    """Draw boxes side by side, each of a width (percent), a height (pixels) and a colour."""
    box = Markup(
        '<span style="display:inline-block;width:{:.2f}%;height:{}px;background-color:{};vertical-align:middle"></span>'
    )
    return Markup().join(box.format(*each) for each in boxes)


def _cell(tag: str, value: Any, *, right: bool) -> Markup:
    shown = number(value) if _is_number(value) else value
    align = "right" if right else "left"
    return Markup('<{} style="text-align:{};padding:4px 12px 4px 0">{}</{}>').format(tag, align, shown, tag)


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
