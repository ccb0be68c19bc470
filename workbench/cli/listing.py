"""A list of experiments as text: a line each, in as many columns as the terminal has room for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click
from rich.cells import cell_len, set_cell_size

from workbench.cli.terminal import plain
from workbench.cli.text import local
from workbench.pages.words import duration, measured, template_name
from workbench.records import Reference

GAP = "  "
ROOM = (  # what is done in turn where a terminal is narrow: a column is cut to so many cells, or left out
    ("labels", 30),
    ("took", 0),
    ("95 % interval", 0),
    ("template", 0),
    ("labels", 10),
    ("tags", 10),
    ("labels", 0),
    ("tags", 0),
    ("started", 0),
    ("experiment", 10),
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a list."""

    title: str
    cells: list[str]

    @property
    def width(self) -> int:
        """How many cells of a terminal its longest line takes."""
        return max(map(cell_len, (self.title, *self.cells)))


def laid_out(experiments: Sequence[Mapping[str, Any]], width: int) -> str:
    """Lay experiments out, `width` cells wide at most. Columns that say nothing are left out."""
    columns = [column for column in _columns(experiments) if any(column.cells)]
    widths = _widths({column.title: column.width for column in columns}, width)
    return "\n".join(_lines([column for column in columns if column.title in widths], widths))


def _columns(experiments: Sequence[Mapping[str, Any]]) -> list[Column]:
    scores = [one["scores"].get(one["metric"]) or {} for one in experiments]
    return [
        Column("experiment", [Reference.parse(one["ref"]).short for one in experiments]),
        Column("status", [plain(one["status"]).replace("_", " ") for one in experiments]),
        Column("started", [local(one["started"]) for one in experiments]),
        Column("score", [_score(one["metric"], score) for one, score in zip(experiments, scores, strict=True)]),
        Column("95 % interval", [_interval(score) for score in scores]),
        Column("took", [_took(one["seconds"]) for one in experiments]),
        Column("template", [plain(template_name(one["template"], one["kind"])) for one in experiments]),
        Column("tags", [plain(" ".join(one["tags"])) for one in experiments]),
        Column("labels", [plain(" ".join(f"{key}={of}" for key, of in one["labels"].items())) for one in experiments]),
    ]


def _score(metric: str | None, score: Mapping[str, Any]) -> str:
    return plain(f"{metric} {measured(score['value'])}") if score else ""


def _took(seconds: Any) -> str:
    return duration(seconds) if isinstance(seconds, int | float) else ""


def _interval(score: Mapping[str, Any]) -> str:
    return "" if score.get("low") is None else f"{measured(score['low'])} to {measured(score['high'])}"


def _widths(wanted: Mapping[str, int], width: int) -> dict[str, int]:
    """Share out the room there is."""
    widths = dict(wanted)
    for title, least in ROOM:
        if title in widths and (excess := _excess(widths, width)) > 0:
            widths[title] = max(min(least, widths[title]), widths[title] - excess)
            if not least:
                del widths[title]
    for title in ("tags", "labels"):  # a column that was left out may leave more than was needed
        if title in widths:
            widths[title] = min(wanted[title], widths[title] + max(0, -_excess(widths, width)))
    return widths


def _excess(widths: Mapping[str, int], width: int) -> int:
    return sum(widths.values()) + len(GAP) * (len(widths) - 1) - width


def _lines(columns: Sequence[Column], widths: Mapping[str, int]) -> Iterator[str]:
    yield click.style(GAP.join(_fitted(column.title, widths[column.title]) for column in columns).rstrip(), bold=True)
    for cells in zip(*(column.cells for column in columns), strict=True):
        fitted = (_fitted(cell, widths[column.title]) for cell, column in zip(cells, columns, strict=True))
        yield GAP.join(fitted).rstrip()


def _fitted(cell: str, width: int) -> str:
    return set_cell_size(cell, width) if cell_len(cell) <= width else set_cell_size(cell, width - 1) + "…"
