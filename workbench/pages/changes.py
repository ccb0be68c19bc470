"""Pictures of experiments against each other: what drives their models, and what their scores cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from workbench.pages.intervals import Interval, score_axis
from workbench.pages.picture import BLUE, COLORS, MUTED, Picture, compact, one_axes
from workbench.pages.words import alike, count, listing, metric_name, shorten

MOST_COLUMNS = 12
MOST_SIDES = 4  # experiments in one picture of importance: more dots in a line cannot be told apart
SPREAD = 8  # times the least, from which on the axis of what was spent is logarithmic


@dataclass(frozen=True, slots=True)
class Spent:
    """One experiment: its score with its interval, and what it took; `leads` when no other is known to be better."""

    score: Interval
    took: float
    leads: bool


def importance_changes(sides: Mapping[str, Sequence[Interval]], *, metric: str) -> Picture:
    """Draw what each column is worth to each of a few models, the most important columns on top.

    Parameters
    ----------
    sides
        For each experiment its columns, with the cost in the metric of shuffling them.
    """
    drawn = dict(list(sides.items())[:MOST_SIDES])
    worth = {name: {one.name: one for one in columns} for name, columns in drawn.items()}
    columns = list(dict.fromkeys(one.name for side in drawn.values() for one in side))
    ranked = sorted(columns, key=lambda name: -max(of[name].value for of in worth.values() if name in of))
    shown = ranked[:MOST_COLUMNS]
    title = _most_moved({name: [of[name].value for of in worth.values() if name in of] for name in shown}, list(worth))
    more = f" (the first {MOST_COLUMNS} of {len(ranked)} columns)" if len(ranked) > MOST_COLUMNS else ""

    def paint(axes: Axes) -> None:
        places = np.arange(len(shown))[::-1]
        offsets = np.linspace(0.22, -0.22, len(worth)) if len(worth) > 1 else [0.0]
        for (name, of), color, offset in zip(worth.items(), COLORS, offsets, strict=False):
            for place, column in zip(places, shown, strict=True):
                _dot(axes, of.get(column), place + offset, color)
            axes.plot([], [], "o", color=color, markersize=5.5, label=shorten(name, 26))
        axes.axvline(0, color=MUTED, linewidth=0.8)
        axes.set_yticks(places, [shorten(name, 28) for name in shown])
        axes.set_ylim(-0.7, len(shown) - 0.3)
        axes.set_xlabel(f"cost in {metric_name(metric)} of shuffling the column, 95 % interval{more}")
        axes.grid(visible=False, axis="y")
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))

    alt = f"Importance of columns, side by side. {title}. Columns in order: {listing(shown)}."
    return one_axes(paint, title=title, size=(8.4, 1.4 + 0.36 * len(shown)), alt=alt)


def _most_moved(worth: Mapping[str, Sequence[float]], sides: Sequence[str]) -> str:
    """Name the column of all sides that is worth most to one of them and least to another."""
    moved = {name: max(values) - min(values) for name, values in worth.items() if len(values) == len(sides)}
    most = max(moved, key=lambda name: moved[name], default=None)
    if most is None:
        return "Their models have none of the first columns in common"
    values = zip(sides, alike(worth[most]), strict=True)
    told = listing([f"{value} in {name}" for name, value in values])
    return f"{shorten(most, 30)} changes most: it is worth {told}" if moved[most] else "Every column is worth the same"


def _dot(axes: Axes, one: Interval | None, place: float, color: str) -> None:
    if one is None:
        return
    if one.low is not None and one.high is not None:
        axes.plot([one.low, one.high], [place, place], color=color, linewidth=1.6, alpha=0.55, solid_capstyle="butt")
    axes.plot([one.value], [place], "o", color=color, markersize=5.5)


def score_against_cost(entries: Sequence[Spent], *, unit: str, metric: str, higher_is_better: bool) -> Picture:
    """Draw scores against what they took, in a unit of time or money, numbered as given: best first."""
    best, cheapest = entries[0], min((one for one in entries if one.leads), key=lambda one: one.took)
    costs = dict(zip((best, cheapest), alike([best.took, cheapest.took]), strict=True))
    if cheapest is best:
        rival = "; none of those tied with it took less" if any(one.leads for one in entries[1:]) else ""
        title = f"The best, {best.score.name}, took {costs[best]} {unit}{rival}"
    else:
        title = f"{cheapest.score.name}, tied with the best, took {costs[cheapest]} {unit}; the best took {costs[best]}"

    def paint(axes: Axes) -> None:
        for rank, one in enumerate(entries, 1):
            color = BLUE if one.leads else MUTED
            if one.score.low is not None and one.score.high is not None:
                axes.plot([one.took] * 2, [one.score.low, one.score.high], color=color, linewidth=1.4, alpha=0.4)
            axes.plot([one.took], [one.score.value], "o", color=color, markersize=6)
            axes.annotate(
                str(rank), (one.took, one.score.value), xytext=(6, 3), textcoords="offset points", fontsize=8.5
            )
        costs_axis(axes, [one.took for one in entries])
        axes.set(xlabel=f"{unit} (numbers: 1 is the best)", ylabel=score_axis(metric, higher_is_better))
        axes.plot([], [], "o", color=BLUE, label="best, or tied with it")
        if not all(one.leads for one in entries):
            axes.plot([], [], "o", color=MUTED, label="others")
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))

    alt = f"Score against what it took, of {count(len(entries), 'experiment')}. {title}."
    return one_axes(paint, title=title, size=(8.4, 3.4), alt=alt)


def costs_axis(axes: Axes, costs: Sequence[float]) -> None:
    """Begin at nothing; where one took many times as much as another, every step is a factor instead."""
    least, most = min(costs), max(costs)
    if least > 0 and most > SPREAD * least:
        axes.set_xscale("log")
        axes.set_xlim(least / 1.4, most * 1.5)
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: compact(value)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_xlim(0, 1.12 * (most or 1.0))
