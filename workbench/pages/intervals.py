"""Named values with their intervals, drawn as dots with lines: what several charts have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from workbench.pages.words import metric_name, shorten


@dataclass(frozen=True, slots=True)
class Interval:
    """A named value with its 95 % interval, one line of a chart."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    rows: int | None = None


def dots(axes: Axes, entries: Sequence[Interval], colors: Sequence[str], *, most: int = 30) -> None:
    """Draw a dot for each value and a line for its interval, the first on top, with their names (`most` letters)."""
    places = np.arange(len(entries))[::-1]
    for place, e, color in zip(places, entries, colors, strict=True):
        if e.low is not None and e.high is not None:
            axes.plot([e.low, e.high], [place, place], color=color, linewidth=2, alpha=0.5, solid_capstyle="butt")
        axes.plot([e.value], [place], "o", color=color, markersize=6)
    axes.set_yticks(places, [e.name if "\n" in e.name else shorten(e.name, most) for e in entries])
    axes.set_ylim(-0.7, len(entries) - 0.3)
    axes.grid(visible=False, axis="y")


def score_axis(metric: str, higher_is_better: bool) -> str:
    """Name a metric, and say which way is better."""
    return f"{metric_name(metric)} ({'higher' if higher_is_better else 'lower'} is better)"
