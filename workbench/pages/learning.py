"""A picture of several searches: how good the best model so far was, along their trials and along the clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from workbench.pages.intervals import score_axis
from workbench.pages.picture import COLORS, PALE, Picture, draw, headline
from workbench.pages.words import alike, count, listing, metric_name, shorten

TOLD_APART = 6  # lines with a colour of their own; more cannot be told apart
EARLY = 3  # a search's first third may be far below: what came of it is what is compared


@dataclass(frozen=True, slots=True)
class Search:
    """One search: its trials' numbers, the best score so far after each, and seconds, where all of them are known."""

    name: str
    numbers: Sequence[int]
    best: Sequence[float]
    elapsed: Sequence[float] | None = None


def learning_curves(searches: Sequence[Search], *, metric: str, higher_is_better: bool) -> Picture:
    """Draw the best score so far of each search, those with a colour in the order they are given."""
    ends = [search.best[-1] for search in searches]
    written = alike(ends)
    first = max(range(len(ends)), key=lambda i: ends[i] if higher_is_better else -ends[i])
    trials = count(len(searches[first].numbers), "trial")
    title = f"Best {metric_name(metric)} of one model: {searches[first].name} comes to {written[first]} in {trials}"
    clocked = all(search.elapsed for search in searches)

    def paint(figure: Figure) -> None:
        headline(figure, title)
        panels = figure.subplots(1, 2 if clocked else 1, sharey=True, squeeze=False)[0]
        _panel(panels[0], searches, [search.numbers for search in searches], _range(searches))
        panels[0].set(xlabel="trial", ylabel=score_axis(metric, higher_is_better))
        panels[0].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        numbers = [number for search in searches for number in search.numbers]
        if min(numbers) == max(numbers):  # a single place has no width, and its axis would be told in thousandths
            panels[0].set_xlim(numbers[0] - 0.6, numbers[0] + 0.6)
        if clocked:
            _panel(panels[1], searches, [search.elapsed or () for search in searches], None)
            panels[1].set_xlabel("seconds since the table was read")
        lines, names = panels[-1].get_legend_handles_labels()
        order = sorted(range(len(lines)), key=lambda i: names[i].endswith("others"))
        panels[-1].legend(
            [lines[i] for i in order], [names[i] for i in order], loc="center left", bbox_to_anchor=(1.0, 0.5)
        )

    told = [
        f"{search.name} {end} after {count(len(search.numbers), 'trial')}"
        for search, end in zip(searches, written, strict=True)
    ]
    return draw(paint, size=(8.4, 3.5), alt=f"Learning curves. {title}. Best so far at the end: {listing(told)}.")


def _panel(
    axes: Axes, searches: Sequence[Search], along: Sequence[Sequence[float]], shown: tuple[float, float] | None
) -> None:
    others = len(searches) - TOLD_APART
    for i in sorted(range(len(searches)), key=lambda i: (i < TOLD_APART, -len(along[i]))):  # short ones on top
        name = shorten(searches[i].name, 26) if i < TOLD_APART else f"{count(others, 'other')}" * (i == TOLD_APART)
        color = COLORS[i] if i < TOLD_APART else PALE
        only = "o" if len(along[i]) == 1 else ""
        axes.step(
            along[i], searches[i].best, where="post", color=color, label=name or None, marker=only, zorder=2 + (i < 6)
        )
        axes.plot(along[i][-1:], searches[i].best[-1:], "o", color=color, markersize=4.5, zorder=4)
    if shown is not None:
        axes.set_ylim(*shown)


def _range(searches: Sequence[Search]) -> tuple[float, float]:
    """Leave out of sight how bad the first trials were, so that differences at the end can be seen."""
    late = [value for search in searches for value in search.best[len(search.best) // EARLY :]]
    low, high = min(late), max(late)
    room = 0.08 * (high - low) or 1e-3 * max(abs(high), 1e-6)
    return low - room, high + room
