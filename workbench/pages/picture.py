"""A picture that a notebook shows crisply and a screen reader can read out."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, ScalarFormatter
from PIL import Image

SCALE = 2.0  # device pixels per page pixel: crisp on today's screens
INCH = 96  # page pixels
HOUSE = Path(__file__).with_name("house.mplstyle")
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#5b5b5b")  # as in the style file
BLUE, ORANGE = COLORS[:2]
UNITS = ((1e9, "bn"), (1e6, "M"), (1e3, "k"))
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
            axis.set_major_formatter(FuncFormatter(lambda value, _: compact(value)))


def compact(value: float) -> str:
    """Write a number as short as a tick's label must be.

    Examples
    --------
    >>> compact(200_000), compact(22_500), compact(-1_200_000), compact(500)
    ('200k', '22.5k', '−1.2M', '500')
    """
    size, unit = next(((step, name) for step, name in UNITS if abs(value) >= step), (1.0, ""))
    return f"{value / size:.6g}{unit}".replace("-", "−")


def _packed(canvas: FigureCanvasAgg) -> bytes:
    """Store 128 colours in place of 16 million: a third of the bytes, and no eye sees it in a chart."""
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    few = image.quantize(128, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    packed = io.BytesIO()
    few.save(packed, format="png", optimize=True)
    return packed.getvalue()
