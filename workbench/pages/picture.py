"""A picture that a notebook shows crisply and a screen reader can read out."""

from __future__ import annotations

import base64
import io
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import Formatter, ScalarFormatter
from PIL import Image

from workbench.pages.words import HUGE

SCALE = 2.0  # device pixels per page pixel: crisp on today's screens
INCH = 96  # page pixels
HOUSE = Path(__file__).with_name("house.mplstyle")
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#5b5b5b")  # as in the style file
BLUE, ORANGE = COLORS[:2]
UNITS = ((1e9, "bn"), (1e6, "M"), (1e3, "k"))
CLOSE = 5e-4  # of their size: ticks that span less take more than six digits
INK, MUTED, PALE = "#1c2430", "#5d6875", "#b8c0ca"


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG and what it shows, in words.

    Attributes
    ----------
    png : bytes
    alt : str
        One or two sentences that say what a person sees in the picture.
    width, height : int
        Size on the page, in page pixels; the PNG has twice as many.
    """

    png: bytes
    alt: str
    width: int
    height: int

    def __repr__(self) -> str:
        return self.alt

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        data = {"image/png": base64.b64encode(self.png).decode(), "text/plain": self.alt}
        # nbconvert and JupyterLab take size and alternative text from the metadata of the picture's own type.
        return data, {"image/png": {"width": self.width, "height": self.height, "alt": self.alt}}


def draw(painter: Callable[[Figure], None], *, size: tuple[float, float], alt: str) -> Picture:
    """Let `painter` paint a figure of `size` (inches) in the house look, and make a picture of it.

    No pyplot: it keeps every figure in a global list, and its backend may want a display.
    """
    with mpl.rc_context(fname=HOUSE):  # and matplotlib's own defaults for the rest, whatever the user has set
        figure = Figure(size, INCH * SCALE, layout=ConstrainedLayoutEngine(w_pad=0.09, h_pad=0.07))
        canvas = FigureCanvasAgg(figure)
        painter(figure)
        for axes in figure.axes:
            _shorten_large_numbers(axes)
        with warnings.catch_warnings():  # of letters the font lacks: they stand in the alternative text
            warnings.filterwarnings("ignore", "Glyph")
            canvas.draw()  # and not savefig, which draws twice
    return Picture(_packed(canvas), alt, round(size[0] * INCH), round(size[1] * INCH))


def one_axes(painter: Callable[[Axes], None], *, title: str, size: tuple[float, float], alt: str) -> Picture:
    """Make a picture of a single pair of axes, with its title over the whole width."""

    def paint(figure: Figure) -> None:
        headline(figure, title)
        painter(figure.add_subplot())

    return draw(paint, size=size, alt=alt)


def headline(figure: Figure, title: str) -> None:
    """Write the title of a whole picture, in as many lines as it takes."""
    wrapped = "\n".join(wrap(title, int(11.4 * figure.get_figwidth())))
    figure.suptitle(wrapped, x=0.012, ha="left", fontsize=10.5, fontweight="bold", linespacing=1.4)


def _shorten_large_numbers(axes: Axes) -> None:
    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        if isinstance(axis.get_major_formatter(), ScalarFormatter) and max(abs(low), abs(high)) >= 10_000:
            axis.set_major_formatter(Short(axis))


class Short(Formatter):
    """Write large numbers in thousands or millions; those too close together for that as what they are beyond one.

    The one is told at the end of the axis, where matplotlib tells an exponent.
    """

    def __init__(self, of: Axis) -> None:
        self.of, self.one = of, 0.0

    def __call__(self, value: float, pos: int | None = None) -> str:  # noqa: ARG002 - matplotlib gives both
        """Write a number by itself."""
        return compact(value)

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """Write the ticks of an axis, in ascending order."""
        low, high = sorted(self.of.get_view_interval())
        self.one = below([value for value in values if low <= value <= high])
        if not self.one:
            return [compact(value) for value in values]
        decimals = 2 - math.floor(math.log10(values[-1] - values[0]))
        return [compact(round(value - self.one, decimals)) for value in values]

    def get_offset(self) -> str:
        """Write what is to be added to each tick."""
        return f"{'+' if self.one > 0 else '−'} {abs(self.one):,.0f}" if self.one else ""


def below(values: Sequence[float]) -> float:
    """Find a round number below ascending ones that are far from it and close together; 0 where it is not needed.

    Examples
    --------
    >>> below([1e6, 1e6 + 0.1, 1e6 + 0.2]), below([1_234_567.5, 1_234_568]), below([10_000, 20_000])
    (1000000.0, 1234567.0, 0.0)
    """
    span = float(values[-1] - values[0]) if len(values) else 0.0
    if not 0 < span < CLOSE * max(abs(values[0]), abs(values[-1])):
        return 0.0
    unit = 10.0 ** max(0, math.ceil(math.log10(span)))
    return float(values[0] // unit * unit)


def compact(value: float) -> str:
    """Write a number as short as a tick's label must be.

    Examples
    --------
    >>> compact(200_000), compact(22_500), compact(-1_200_000), compact(500), compact(1e15)
    ('200k', '22.5k', '−1.2M', '500', '1e+15')
    """
    units = UNITS if abs(value) < HUGE else ()
    size, unit = next(((step, name) for step, name in units if abs(value) >= step), (1.0, ""))
    return f"{value / size:.6g}{unit}".replace("-", "−")


def _packed(canvas: FigureCanvasAgg) -> bytes:
    """Store 128 colours in place of 16 million: a third of the bytes, and no eye sees it in a chart."""
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    few = image.quantize(128, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    packed = io.BytesIO()
    few.save(packed, format="png", optimize=True)
    return packed.getvalue()
