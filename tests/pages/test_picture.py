"""The numbers at an axis can be told apart, however large they are and however close together."""

from __future__ import annotations

from itertools import pairwise

import pytest
from matplotlib.axes import Axes

from workbench.pages.picture import one_axes


def ticks(low: float, high: float) -> tuple[list[float], list[str], str]:
    """Draw from `low` to `high`; give where the ticks are, what stands at them, and what at the axis's end."""
    drawn: list[Axes] = []

    def paint(axes: Axes) -> None:
        drawn.append(axes)
        axes.plot([low, high], [0, 1])

    one_axes(paint, title="A line", size=(6, 3), alt="A line that rises.")
    axis = drawn[0].xaxis
    least, most = axis.get_view_interval()
    shown = {
        tick.get_loc(): tick.label1.get_text() for tick in axis.get_major_ticks() if least <= tick.get_loc() <= most
    }
    return list(shown), list(shown.values()), axis.get_offset_text().get_text().replace(" ", "").replace(",", "")


def as_number(text: str) -> float:
    return float(text.replace("−", "-") or 0.0)


@pytest.mark.parametrize(
    ("low", "high"), [(1e6, 1e6 + 0.3), (-1e9 - 2, -1e9), (1_234_567.25, 1_234_567.31), (5e7, 5e7 + 900)]
)
def test_ticks_far_from_zero_are_told_apart_and_say_how_far(low, high):
    places, written, offset = ticks(low, high)
    assert len(set(written)) == len(written) > 2
    for place, text in zip(places, written, strict=True):
        assert as_number(text) + as_number(offset) == pytest.approx(place, rel=0, abs=(high - low) / 100)


def test_large_ticks_that_are_far_apart_are_written_short():
    assert ticks(2e5, 9e5)[1:] == (["200k", "300k", "400k", "500k", "600k", "700k", "800k", "900k"], "")


@pytest.mark.parametrize(("low", "high"), [(1e160, 9e160), (1e-9, 7e-9), (1e15, 7e15)])
def test_ticks_of_an_extreme_unit_are_short_and_told_apart(low, high):
    _, written, _ = ticks(low, high)
    assert all(one != other for one, other in pairwise(written))
    assert max(map(len, written)) < 10
