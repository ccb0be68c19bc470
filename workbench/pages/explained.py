"""Pictures of what a model learned: which columns drive it, which way, why a row, and where it is wrong.

Each has a title that says what it shows, and the same said as alternative text.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from workbench.pages.intervals import Interval, dots, score_axis
from workbench.pages.picture import BLUE, INK, MUTED, ORANGE, PALE, Picture, draw, headline, one_axes
from workbench.pages.words import alike, listing, metric_name, number, quoted, shorten, with_sign

FOOT, FOOT_BINS = 0.14, 24  # of a panel's height, for how the rows are spread


@dataclass(frozen=True, slots=True)
class Effect:
    """How the average prediction moves with one column: `at` are numbers, or names of categories.

    Attributes
    ----------
    label
        The class whose probability is averaged; None where a number is predicted.
    seen
        How the rows are spread: for each name its share of the rows, or values of the column. Empty: not drawn.
    """

    column: str
    at: Sequence[Any]
    prediction: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    label: str | None = None
    seen: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Panel:
    """One prediction and what moved it: bars that begin at the average; one without ends stands for many columns."""

    title: str
    bars: Sequence[Interval]


def importance(entries: Sequence[Interval], *, metric: str, most: int = 15) -> Picture:
    """Draw how much the score suffers when a column is shuffled, the most important on top."""
    ranked = sorted(entries, key=lambda e: -e.value)
    shown = ranked[:most]
    more = f" (the first {most} of {len(ranked)} columns)" if len(ranked) > most else ""
    cost = f"{_cost(ranked[0])} {metric_name(metric)}"
    title = f"{shorten(ranked[0].name, 30)} matters most: shuffling it costs {cost}"

    def paint(axes: Axes) -> None:
        places = np.arange(len(shown))[::-1]
        sure = [e.low is None or e.low > 0 for e in shown]
        axes.barh(places, [e.value for e in shown], height=0.6, color=[BLUE if s else PALE for s in sure])
        for place, e in zip(places, shown, strict=True):
            if e.low is not None and e.high is not None:
                axes.plot([e.low, e.high], [place, place], color=INK, linewidth=1.1)
        axes.axvline(0, color=MUTED, linewidth=0.8)
        axes.set_yticks(places, [shorten(e.name, 28) for e in shown])
        axes.set_xlabel(
            f"cost in {metric_name(metric)} of shuffling the column, 95 % interval; grey: may be chance{more}"
        )
        axes.grid(visible=False, axis="y")

    names = listing([e.name for e in shown[:5]])
    return one_axes(
        paint,
        title=title,
        size=(8.4, 1.4 + 0.29 * len(shown)),
        alt=f"Importance of columns. {title}. In order: {names}.",
    )


def effects(shown: Sequence[Effect], *, predicted: str) -> Picture:
    """Draw one small panel per column: how the average of what is `predicted` moves with it, the rest held as it is."""
    columns = 2 if len(shown) in (2, 4) else min(3, len(shown))
    lines = ceil(len(shown) / columns)
    names = listing([shorten(effect.column, 30) for effect in shown])
    several = len({effect.label for effect in shown}) > 1

    def paint(figure: Figure) -> None:
        panels = figure.subplots(lines, columns, sharey=True, squeeze=False)
        for panel, effect in zip(panels.flat, shown, strict=False):
            _effect(
                panel,
                effect,
                f"{shorten(effect.column, 28)}: class {quoted(effect.label, 16)}" if several else effect.column,
            )
        panels[0, 0].set_ylim(_with_room_at_the_foot(panels[0, 0].get_ylim(), shown))
        for panel, effect in zip(panels.flat, shown, strict=False):
            _foot(panel, effect)
        for panel in panels.flat[len(shown) :]:
            panel.set_visible(False)
        headline(figure, f"How the prediction moves with {names}")
        figure.supylabel(shorten(predicted, 44), fontsize=9, color=MUTED)
        if any(len(effect.seen) for effect in shown):
            figure.supxlabel("grey: how the rows are spread", fontsize=8.5, color=MUTED)

    told = " ".join(_effect_words(effect) for effect in shown)
    return draw(paint, size=(8.4, 0.8 + 2.3 * lines), alt=f"Average prediction along {names}. {told}")


def contributions(panels: Sequence[Panel], *, moved: str, alt: str) -> Picture:
    """Draw for each of some predictions how far every column moved it from the average, up or down."""
    reach = max((abs(bar.value) for panel in panels for bar in panel.bars), default=0.0) or 1.0

    def paint(figure: Figure) -> None:
        heights = [1 + len(panel.bars) for panel in panels]
        axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        headline(figure, "What moved three predictions away from the average" if len(panels) == 3 else "Why this row")
        for each, panel in zip(axes, panels, strict=True):
            _bars_from_average(each, panel, reach)
        axes[-1].set_xlabel(f"moves the {shorten(moved, 44)} by; thin line: 95 % interval of the sampling")

    size = 0.9 + sum(0.62 + 0.25 * len(panel.bars) for panel in panels)
    return draw(paint, size=(8.4, size), alt=alt)


def error_slices(entries: Sequence[Interval], overall: float, *, metric: str, higher_is_better: bool) -> Picture:
    """Draw the score in the groups of rows where it is worst, against the score over all rows."""
    worst = entries[0]
    inside, over_all = alike([worst.value, overall], rounded=True)
    measured = f"{metric_name(metric)} {inside}, over all rows {over_all}"
    title = f"Weakest where {shorten(worst.name, 40)}: {measured}"

    def paint(axes: Axes) -> None:
        axes.axvline(overall, color=INK, linewidth=1.1, linestyle=(0, (4, 3)))
        labelled = [Interval(f"{_in_two_lines(e.name)} ({e.rows:,} rows)", e.value, e.low, e.high) for e in entries]
        dots(axes, labelled, [ORANGE] * len(labelled), most=60)
        axes.set_xlabel(f"{score_axis(metric, higher_is_better)}, 95 % interval; dashed: all rows")

    return one_axes(
        paint, title=title, size=(8.4, 1.4 + 0.32 * len(entries)), alt=f"Where the model is weakest. {title}."
    )


def _in_two_lines(name: str) -> str:
    first, *rest = textwrap.wrap(name, 36) or [""]
    return f"{first}\n{shorten(' '.join(rest), 36)}" if rest else first


def _cost(entry: Interval) -> str:
    ends = [end for end in (entry.low, entry.high) if end is not None]
    return alike([entry.value, *ends], rounded=True)[0]


def _effect(axes: Axes, effect: Effect, title: str) -> None:
    named = any(isinstance(value, str) for value in effect.at)
    x: Any = np.arange(len(effect.at)) if named else np.asarray(effect.at, dtype=float)
    if named:
        axes.plot(x, effect.prediction, "o", color=BLUE, markersize=6)
        if effect.low is not None and effect.high is not None:
            axes.vlines(x, effect.low, effect.high, color=BLUE, alpha=0.4, linewidth=2)
        slanted = max(len(str(value)) for value in effect.at) * len(effect.at) > 26
        names = [shorten(value, 14) for value in effect.at]
        axes.set_xticks(x, names, rotation=30 if slanted else 0, ha="right" if slanted else "center")
        axes.margins(x=0.15)
    else:
        axes.plot(x, effect.prediction, color=BLUE)
        if effect.low is not None and effect.high is not None:
            axes.fill_between(x, effect.low, effect.high, color=BLUE, alpha=0.15, linewidth=0)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=all(float(value).is_integer() for value in effect.at)))
    axes.set_title(shorten(title, 44), fontweight="normal", fontsize=9.5, pad=5)


def _foot(axes: Axes, effect: Effect) -> None:
    """Draw at the foot how the rows are spread: where there are few, the model has seen little."""
    if not len(effect.seen):
        return
    if isinstance(effect.at[0], str):
        heights, places, width = np.asarray(effect.seen, dtype=float), np.arange(len(effect.at)), 0.5
    else:
        ends = float(effect.at[0]), float(effect.at[-1])
        few = np.unique(effect.seen)
        bins = len(few) if len(few) <= 2 * FOOT_BINS and np.ptp(np.diff(few)) == 0 else FOOT_BINS
        half = (ends[1] - ends[0]) / (2 * max(1, bins - 1)) if bins == len(few) else 0.0
        heights, edges = np.histogram(effect.seen, bins=bins, range=(ends[0] - half, ends[1] + half))
        places, width = (edges[:-1] + edges[1:]) / 2, float(edges[1] - edges[0])
    scaled = FOOT * heights / max(heights.max(), 1e-12)
    axes.bar(places, scaled, width, color=PALE, alpha=0.6, transform=axes.get_xaxis_transform(), zorder=0.5)


def _with_room_at_the_foot(limits: tuple[float, float], shown: Sequence[Effect]) -> tuple[float, float]:
    """Lower the end of the shared axis until no line runs through the foot."""
    low, high = limits
    lowest = min(min(effect.prediction if effect.low is None else effect.low) for effect in shown)
    room = (FOOT + 0.02) / (1 - FOOT - 0.02)
    drawn = any(len(effect.seen) for effect in shown)
    return (min(low, lowest - room * (high - lowest)), high) if drawn else limits


def _bars_from_average(axes: Axes, panel: Panel, reach: float) -> None:
    places = np.arange(len(panel.bars))[::-1]
    values = [bar.value for bar in panel.bars]
    colors = [PALE if bar.low is None else BLUE if bar.value > 0 else ORANGE for bar in panel.bars]
    axes.barh(places, values, height=0.62, color=colors)
    for place, bar, text in zip(places, panel.bars, alike([*values, 0.0], rounded=True), strict=False):
        ends = [end for end in (bar.low, bar.high) if end is not None]
        if ends:
            axes.plot(ends, [place, place], color=INK, linewidth=1.0)
        up = bar.value > 0
        at = max([bar.value, 0.0, *ends]) if up else min([bar.value, 0.0, *ends])
        axes.annotate(
            with_sign(bar.value, text),
            (at, place),
            xytext=(4 if up else -4, 0),
            textcoords="offset points",
            ha="left" if up else "right",
            va="center",
            fontsize=8.5,
        )
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.set_yticks(places, [shorten(bar.name, 42) for bar in panel.bars])
    axes.set_xlim(-1.3 * reach, 1.3 * reach)
    axes.grid(visible=False, axis="y")
    axes.set_title(panel.title, fontsize=9.5, fontweight="normal", loc="left", x=0.0)


def _effect_words(effect: Effect) -> str:
    at_least, at_most = int(np.argmin(effect.prediction)), int(np.argmax(effect.prediction))
    places = [effect.at[place] for place in (at_least, at_most)]
    low, high = (shorten(at, 20) if isinstance(at, str) else number(at, 3) for at in places)
    values = alike([effect.prediction[place] for place in (at_least, at_most)], rounded=True)
    return f"{shorten(effect.column, 30)}: lowest ({values[0]}) at {low}, highest ({values[1]}) at {high}."
