"""A picture of many choices and what came of them: a line for each, an axis for each choice, the score on the last."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from workbench.pages.picture import MUTED, ORANGE, PALE, Picture, one_axes
from workbench.pages.words import alike, count, duration, listing, metric_name, number, shorten, typed

MOST_AXES = 7  # besides the score: more have no room for their names
MOST_LEVELS = 8
MOST_LINES = 300  # the best; more only blacken the picture
WIDE = 50  # times the smallest, from which on an axis is logarithmic
SPAN = re.compile(r"\d{1,9}(\.\d{1,9})?[smh]", re.ASCII)  # how a budget is typed
LARGEST = 1e300  # what lies beyond has no distance to anything
MISSING = -0.13  # where lines go that have no value on an axis
SHADES = LinearSegmentedColormap.from_list("shades", ["#cfd8e1", "#7fa8cf", "#12558f"])


@dataclass(frozen=True, slots=True)
class Choice:
    """One line: what was chosen, and the score it came to."""

    chosen: Mapping[str, Any]
    score: float


@dataclass(frozen=True, slots=True)
class _Axis:
    """Where on an axis each line goes, from 0 to 1, and what is written beside it."""

    name: str
    places: Sequence[float | None]
    marks: Sequence[tuple[float, str]]


def differing(choices: Sequence[Choice]) -> list[str]:
    """Name what was not chosen alike by all, so far as there is room."""
    names = list(dict.fromkeys(name for choice in choices for name in choice.chosen))
    varied = [name for name in names if len({str(choice.chosen.get(name)) for choice in choices}) > 1]
    return [name for name in varied if _axis(name, choices) is not None][:MOST_AXES]


def parallel_coordinates(choices: Sequence[Choice], *, what: str, metric: str, higher_is_better: bool) -> Picture:
    """Draw choices (``what`` names one: a trial, an experiment) across parallel axes, the best in a colour of its own.

    At least one parameter must differ (see `differing`).
    """
    ranked = sorted(choices, key=lambda choice: -choice.score if higher_is_better else choice.score)[:MOST_LINES]
    axes_of = [axis for name in differing(ranked) if (axis := _axis(name, ranked))]
    score = _score_axis(ranked, metric)
    best = ranked[0].chosen
    values = listing([f"{axis.name} {shorten(typed(best.get(axis.name)), 24)}" for axis in axes_of], most=4)
    title = f"The best {what} ({metric_name(metric)} {number(ranked[0].score)}) has {values}"
    more = f" of the best {MOST_LINES}" if len(choices) > MOST_LINES else ""
    alt = f"Parallel coordinates{more} of {count(len(ranked), what)}: {listing([a.name for a in axes_of])}. {title}."
    return one_axes(lambda axes: _paint(axes, [*axes_of, score]), title=title, size=(8.4, 3.7), alt=alt)


def _paint(axes: Axes, lines: Sequence[_Axis]) -> None:
    score = lines[-1].places
    for line in reversed(range(len(score))):  # the best is drawn last
        heights = [MISSING if (place := axis.places[line]) is None else place for axis in lines]
        color = ORANGE if line == 0 else SHADES(score[line] or 0.0)
        axes.plot(range(len(lines)), heights, color=color, linewidth=2.4 if line == 0 else 1.1, zorder=2 + (line == 0))
    for at, axis in enumerate(lines):
        axes.axvline(at, color=PALE, linewidth=1, zorder=1)
        marks = [*axis.marks, *([(MISSING, "none")] if None in axis.places else [])]
        for height, text in marks:
            axes.annotate(
                text,
                (at, height),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=7.5,
                color=MUTED,
                zorder=5,
                bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.75},
            )
    axes.set_xticks(range(len(lines)), ["\n".join(wrap(shorten(axis.name, 30), 13)) for axis in lines])
    axes.set_yticks([])
    axes.set_xlim(-0.15, len(lines) - 0.45)
    axes.set_ylim(MISSING - 0.08, 1.08)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.grid(visible=False)


def _axis(name: str, choices: Sequence[Choice]) -> _Axis | None:
    """Lay out one choice: as numbers where all are, else by its levels; None when it has too many."""
    values = [choice.chosen.get(name) for choice in choices]
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
        if max(map(abs, known)) > LARGEST:
            return None
        return _numeric(name, [None if value is None else float(value) for value in values])
    if known and all(isinstance(value, str) and SPAN.fullmatch(value) for value in known):
        return _numeric(name, [None if value is None else _seconds(value) for value in values], write=duration)
    levels = sorted({shorten(typed(value), 16) for value in known})
    if not 0 < len(levels) <= MOST_LEVELS:
        return None
    height = {level: 0.5 if len(levels) == 1 else i / (len(levels) - 1) for i, level in enumerate(levels)}
    places = [None if value is None else height[shorten(typed(value), 16)] for value in values]
    return _Axis(name, places, [(place, level) for level, place in height.items()])


def _seconds(text: str) -> float:
    return float(text[:-1]) * {"s": 1, "m": 60, "h": 3600}[text[-1]]


def _numeric(
    name: str, values: Sequence[float | None], write: Callable[[float], str] = lambda value: number(value, 3)
) -> _Axis:
    known = [value for value in values if value is not None]
    low, high = min(known), max(known)
    logarithmic = low > 0 and high / low > WIDE

    def place(value: float) -> float:
        if high == low:
            return 0.5
        if logarithmic:
            return math.log(value / low) / math.log(high / low)
        return (value - low) / (high - low)

    marked = sorted(set(known)) if len(set(known)) <= 4 else [low, high]
    texts = [write(value) for value in marked]
    return _Axis(
        name,
        [None if value is None else place(value) for value in values],
        list(zip(map(place, marked), texts, strict=True)),
    )


def _score_axis(choices: Sequence[Choice], metric: str) -> _Axis:
    """Lay out the scores, the better on top."""
    best, worst = choices[0].score, choices[-1].score
    span = (best - worst) or 1.0
    texts = alike([best, worst])
    marks = [(1.0, texts[0]), (0.0, texts[1])] if best != worst else [(1.0, texts[0])]
    places = [(choice.score - worst) / span if best != worst else 1.0 for choice in choices]
    return _Axis(f"{metric_name(metric)} (best on top)", places, marks)
