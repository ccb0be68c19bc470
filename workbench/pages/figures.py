"""Pictures of a search and of what there is to predict, from plain arrays.

Each has a title that says what it shows, and the same said as alternative text.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from workbench.pages.intervals import Interval, dots, score_axis
from workbench.pages.picture import BLUE, COLORS, INK, MUTED, ORANGE, Picture, one_axes
from workbench.pages.words import count, metric_name, number, quoted, score_value, sentence, share, shorten, told_apart
from workbench.records import Score

Floats = npt.NDArray[np.float64]


def search_history(
    at: Sequence[float],
    scores: Sequence[float],
    families: Sequence[str],
    *,
    metric: str,
    higher_is_better: bool,
) -> Picture:
    """Draw the score of each trial, and the best so far, along the trials' numbers."""
    order = np.argsort(np.asarray(at, dtype=float), kind="stable")
    x, y = np.asarray(at, dtype=float)[order], np.asarray(scores, dtype=float)[order]
    kinds = np.asarray(families, dtype=object)[order]
    best_at = int(np.nanargmax(y) if higher_is_better else np.nanargmin(y))
    title = (
        f"Best {metric_name(metric)} of one model: {number(y[best_at])}, by {kinds[best_at]} in trial {x[best_at]:.0f} "
        f"({count(len(y), 'trial')})"
    )

    def paint(axes: Axes) -> None:
        running = np.fmax.accumulate(y) if higher_is_better else np.fmin.accumulate(y)
        low, high = _readable_range(y, higher_is_better)
        for family, color in zip(dict.fromkeys(kinds), COLORS * len(kinds), strict=False):
            own = kinds == family
            axes.scatter(x[own], y[own], s=26, color=color, label=family, alpha=0.85, linewidths=0)
            off = own & ((y < low) | (y > high))
            axes.scatter(x[off], y[off].clip(low, high), s=30, color=color, marker=(3, 0, 180 * higher_is_better))
        axes.step(x, running.clip(low, high), where="post", color=INK, linewidth=1.3, label="best so far")
        axes.set_ylim(low - 0.06 * (high - low), high + 0.06 * (high - low))
        axes.set(xlabel="trial", ylabel=score_axis(metric, higher_is_better))
        if ((y < low) | (y > high)).any():
            axes.plot([], [], color=MUTED, linestyle="", marker=(3, 0, 180 * higher_is_better), label="off the scale")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))

    return one_axes(paint, title=title, size=(8.4, 3.4), alt=f"Search history. {title}.")


def leaderboard(
    entries: Sequence[Interval],
    *,
    metric: str,
    higher_is_better: bool,
    tied: Collection[str] = (),
    most: int = 15,
) -> Picture:
    """Draw the best `entries` with their intervals, the best on top, in a band as wide as its interval.

    `tied` names those that a paired test cannot tell from the best: they are in its colour.
    """
    ranked = sorted(entries, key=lambda e: -e.value if higher_is_better else e.value)
    shown, best = ranked[:most], ranked[0]
    same = [best.name, *(e.name for e in ranked[1:] if e.name in tied)]
    also = f"; {count(len(same) - 1, 'other')} (blue) cannot be told apart from it" if same[1:] else ""
    name = "The ensemble" if best.name == "ensemble" else sentence(shorten(best.name, 30))
    title = f"{name} leads with {metric_name(metric)} {_as_known(best, metric)}{also}"

    def paint(axes: Axes) -> None:
        if best.low is not None and best.high is not None:
            axes.axvspan(best.low, best.high, color=BLUE, alpha=0.10, linewidth=0)
        dots(axes, shown, [BLUE if e.name in same else MUTED for e in shown])
        axes.set_xlabel(f"{score_axis(metric, higher_is_better)}, 95 % interval")

    return one_axes(paint, title=title, size=(8.4, 1.3 + 0.28 * len(shown)), alt=f"Leaderboard. {title}.")


def class_counts(counts: Mapping[Any, int], *, target: str, most: int = 15) -> Picture:
    """Draw how many rows each class has, the most frequent on top."""
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    total = sum(counts.values()) or 1
    shown = ranked[:most]
    more = f", {len(ranked) - most} smaller classes not shown" if len(ranked) > most else ""
    most_are = f"{share(ranked[0][1] / total)} of {count(total, 'row')} are {quoted(ranked[0][0], 40)}"
    title = f"{shorten(target)}: {most_are}{more}"

    def paint(axes: Axes) -> None:
        places = np.arange(len(shown))[::-1]
        axes.barh(places, [rows for _, rows in shown], color=BLUE, height=0.62)
        axes.set_yticks(places, [shorten(label, 28) for label, _ in shown])
        for place, (_, rows) in zip(places, shown, strict=True):
            axes.annotate(
                f"{rows:,} ({share(rows / total)})",
                (rows, place),
                xytext=(5, 0),
                va="center",
                textcoords="offset points",
                fontsize=8.5,
            )
        axes.set(xlabel="rows")
        axes.set_xlim(0, 1.18 * ranked[0][1])
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.grid(visible=False, axis="y")

    return one_axes(paint, title=title, size=(8.4, 1.3 + 0.32 * len(shown)), alt=f"Rows of each class. {title}.")


def number_spread(values: npt.ArrayLike, *, target: str) -> Picture:
    """Draw how a numeric target is spread, with its median and the middle 90 %."""
    y = np.asarray(values, dtype=float)
    y = y[np.isfinite(y)]
    low, middle, high = np.quantile(y, [0.05, 0.5, 0.95])
    least, half, most = told_apart([low, middle, high])
    title = f"{shorten(target)}: half of {count(len(y), 'row')} are below {half}"

    def paint(axes: Axes) -> None:
        axes.axvspan(low, high, color=BLUE, alpha=0.08, linewidth=0, label=f"middle 90 %: {least} to {most}")
        axes.hist(y, bins=min(60, max(10, ceil(len(y) ** 0.5))), color=BLUE, alpha=0.85)
        axes.axvline(middle, color=ORANGE, label=f"median: {half}")
        axes.set(xlabel=shorten(target), ylabel="rows")
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))

    return one_axes(
        paint,
        title=title,
        size=(8.4, 3.0),
        alt=f"Spread of the target. {title}; the middle 90 % lie between {least} and {most}.",
    )


def _as_known(entry: Interval, metric: str) -> str:
    return score_value(Score(metric, entry.value, entry.low, entry.high))


def _readable_range(y: Floats, higher_is_better: bool) -> tuple[float, float]:
    """Leave the worst outliers at the edge, so that differences between good trials can be seen."""
    finite = y[np.isfinite(y)]
    low, high = float(finite.min()), float(finite.max())
    best, middle = (high, float(np.median(finite))) if higher_is_better else (low, float(np.median(finite)))
    reach = max(4 * abs(best - middle), 0.002 * abs(best))
    low, high = (max(low, high - reach), high) if higher_is_better else (low, min(high, low + reach))
    room = 1e-6 * abs(high) or 1e-6  # all trials alike still need an axis
    return (low, high) if high - low > room else (low - room, high + room)
