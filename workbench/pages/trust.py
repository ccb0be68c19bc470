"""Pictures of how far single predictions can be trusted: probabilities, decisions, intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.metrics import Reliability
from workbench.pages.performance import confusion_panel, wilson
from workbench.pages.picture import BLUE, INK, MUTED, ORANGE, Picture, draw, headline
from workbench.pages.words import number, quoted, share, shorten

Array = npt.NDArray[Any]
DASHED = (0, (4, 3))
MOST_POINTS = 1_500
TOLD = 0.7  # the promise that is told in words: neither a toss-up nor a certainty


def reliability_words(found: Reliability, came_true: str) -> str:
    """Say of one group of rows what was promised and what happened: of those promised about 70 %."""
    place = int(np.argmin(np.abs(found.promised - TOLD)))
    low, high = wilson(found.happened * found.rows, found.rows)
    promised, happened = found.promised[place], found.happened[place]
    rows = f"{found.rows[place]:,} rows"
    told = f"Of {rows} given about {share(promised)}, {share(happened)} {came_true}"
    if low[place] <= promised <= high[place]:
        return told
    return f"{told}, {'more' if happened > promised else 'less'} than promised"


def reliability(found: Reliability, probability: npt.ArrayLike, *, came_true: str, axis: str) -> Picture:
    """Draw what happened against what was promised, with 95 % intervals, and how often each promise is made.

    Parameters
    ----------
    probability : array_like, shape (n_rows,)
    came_true : str
        How the words for what was promised go on: "were malignant", "were of the class named".
    axis : str
        What the probability is of.
    """
    p = np.asarray(probability, dtype=float)
    title = reliability_words(found, came_true)
    off = f"On average a promise is {_points(found.error)} off; chance alone would make it {_points(found.by_chance)}"

    def paint(figure: Figure) -> None:
        headline(figure, title)
        left, right = figure.subplots(1, 2, width_ratios=(1.1, 1))
        low, high = wilson(found.happened * found.rows, found.rows)
        left.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=DASHED, label="as promised")
        left.vlines(found.promised, low, high, color=BLUE, alpha=0.4, linewidth=2)
        left.plot(
            found.promised, found.happened, "o-", color=BLUE, markersize=4.5, linewidth=1.1, label="what happened"
        )
        left.set(xlabel=axis, ylabel="share that came true", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        left.legend(loc="upper left")
        right.hist(p, bins=np.linspace(0, 1, 21).tolist(), color=BLUE, alpha=0.85)
        right.set(xlabel=axis, ylabel="rows", xlim=(-0.02, 1.02))

    return draw(paint, size=(8.4, 3.7), alt=f"Are the probabilities right? {title}. {off}, over {len(p):,} rows.")


@dataclass(frozen=True, slots=True)
class Curve:
    """What each threshold makes of it: values at `at`, by `name`; `marks` are thresholds with what to call them."""

    name: str
    at: Array
    values: Array
    marks: tuple[tuple[float, str], ...]


def decision(matrix: Array, curve: Curve, *, classes: Sequence[Any], title: str) -> Picture:
    """Draw what was called what, and what other thresholds would make of it."""

    def paint(figure: Figure) -> None:
        headline(figure, title)
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.3))
        confusion_panel(left, matrix, [shorten(label, 16) for label in classes])
        at, values = np.append(curve.at, 1.0), np.append(curve.values, curve.values[-1])
        right.plot(at, values, color=BLUE, drawstyle="steps-post")
        for (mark, name), color in zip(curve.marks, (ORANGE, MUTED), strict=False):
            value = float(curve.values[max(0, int(np.searchsorted(curve.at, mark, side="right")) - 1)])
            right.axvline(mark, color=color, linewidth=1.1, linestyle=DASHED)
            right.plot([mark], [value], "o", color=color, markersize=6, label=f"{name}: {number(mark, 2)}")
        right.set(xlabel=f"threshold: called {quoted(classes[1], 16)} above it", ylabel=curve.name, xlim=(-0.02, 1.02))
        right.set_title("What each threshold would have given")
        right.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=len(curve.marks))

    return draw(paint, size=(8.4, 3.9), alt=f"What was called what. {title}.")


def intervals(
    truth: npt.ArrayLike,
    prediction: npt.ArrayLike,
    low: npt.ArrayLike,
    high: npt.ArrayLike,
    *,
    asked: float,
    target: str,
) -> Picture:
    """Draw intervals along the prediction with what happened, and how often they held, along the prediction too."""
    y, said, ends = (np.asarray(each, dtype=float) for each in (truth, prediction, np.stack([low, high])))
    held = (ends[0] <= y) & (y <= ends[1])
    title = f"{share(held.mean())} of {len(y):,} rows lie in their {share(asked)} interval"

    def paint(figure: Figure) -> None:
        headline(figure, title)
        left, right = figure.subplots(1, 2, width_ratios=(1.3, 1))
        _band(left, y, said, ends, held, target)
        parts = np.array_split(np.argsort(said, kind="stable"), min(8, max(1, len(y) // 30)))
        hits, rows = (np.array([f(part) for part in parts]) for f in (lambda part: held[part].sum(), len))
        middles = np.array([said[part].mean() for part in parts])
        below, above = wilson(hits, rows)
        right.axhline(asked, color=MUTED, linewidth=1, linestyle=DASHED, label=f"asked: {share(asked)}")
        right.vlines(middles, below, above, color=BLUE, alpha=0.4, linewidth=2)
        right.plot(middles, hits / rows, "o", color=BLUE, markersize=5, label="held")
        right.set(
            xlabel=f"predicted {shorten(target, 24)}",
            ylabel="share that lies inside",
            ylim=(min(0.5, below.min()), 1.02),
        )
        right.legend(loc="lower right")

    return draw(paint, size=(8.4, 3.9), alt=f"Intervals of the prediction. {title}.")


def _band(axes: Axes, y: Array, said: Array, ends: Array, held: Array, target: str) -> None:
    """Draw some rows, those outside of their interval in another colour, over the band of a typical interval."""
    some = np.random.default_rng(0).permutation(len(y))[:MOST_POINTS]
    some = some[np.argsort(said[some], kind="stable")]
    axes.fill_between(said[some], ends[0][some], ends[1][some], color=BLUE, alpha=0.15, linewidth=0, label="interval")
    axes.plot(said[some], said[some], color=INK, linewidth=1, linestyle=DASHED)
    for inside, color, name in ((True, BLUE, "inside"), (False, ORANGE, "outside")):
        rows = some[held[some] == inside]
        axes.scatter(said[rows], y[rows], s=9, color=color, alpha=0.45, linewidths=0, label=name)
    axes.set(xlabel=f"predicted {shorten(target, 24)}", ylabel=f"actual {shorten(target, 24)}")
    axes.legend(loc="upper left")


def _points(value: float) -> str:
    return f"{100 * value:.1f} points"
