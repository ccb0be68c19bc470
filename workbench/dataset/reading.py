"""One column read as numbers or dates: what could be read, what not, and what looks like a stand-in for "unknown"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.dataset.look import Look, is_text
from workbench.estimators.coerce import coerce, dates_from, numbers_from

MOSTLY = 0.98  # share of rows a kind must read; of up to three odd words, 0.8 is enough
NINES = re.compile(r"9{2,}")


@dataclass(frozen=True, slots=True)
class Reading:
    """The distinct values of a column read as some kind.

    Parameters
    ----------
    values : array
        Those that could be read, in the order they first stand.
    counts : array of int
        How many rows have each.
    odd : dict of str to int
        Those that could not, and how many rows have them.
    missing : int
        Rows without a value of this kind.
    distinct : int
        Number of different `values`: "1" and "1.0" are one number.
    """

    values: npt.NDArray[Any]
    counts: npt.NDArray[np.int64]
    odd: dict[str, int]
    missing: int
    distinct: int

    @property
    def enough(self) -> bool:
        """Whether the column is of this kind."""
        here, lost = int(self.counts.sum()), sum(self.odd.values())
        share = here / max(here + lost, 1)
        return share >= MOSTLY or (share >= 0.8 and len(self.odd) <= 3)

    def about_odd(self, plural: str) -> str:
        """Name the values that could not be read."""
        if not self.odd:
            return ""
        shown = ", ".join(repr(value[:20]) for value in list(self.odd)[:3]) + (", …" if len(self.odd) > 3 else "")
        return f"{sum(self.odd.values()):,} value(s) are no {plural} ({shown}) and count as missing"


def read_as(seen: Look, kind: Literal["number", "date"], coercion: dict[str, Any]) -> Reading:
    """Read the distinct values as the `Coercer` will read the rows."""
    if not is_text(seen.series):
        values = coerce(seen.distinct, {"name": seen.name, "kind": kind, **coercion}).to_numpy()
    elif kind == "number":
        values = numbers_from(seen.distinct.tolist(), coercion)
    else:
        values = dates_from(seen.distinct.tolist(), coercion.get("formats", ()))
    lost = np.isnan(values) if kind == "number" else np.isnat(values)
    odd = {str(value).strip(): int(rows) for value, rows in zip(seen.distinct[lost], seen.counts[lost], strict=True)}
    found = values[~lost]
    return Reading(found, seen.counts[~lost], odd, seen.missing + sum(odd.values()), len(pd.unique(found)))


def sentinel(reading: Reading) -> tuple[float, int] | None:
    """Find -200 among percentages, or 99999 among hundreds: often there, and far from all the rest.

    Returns
    -------
    tuple of float and int
        The value, and how many rows have it; None when nothing is suspicious.
    """
    values, places = np.unique(reading.values, return_inverse=True)
    counts = np.bincount(places, weights=reading.counts)
    if len(values) < 3:
        return None
    often = max(5, 0.002 * counts.sum())
    lowest_alone = values[0] < 0 <= values[1] or values[1] - values[0] > values[-1] - values[1]
    if values[0] < 0 and lowest_alone and counts[0] >= often and values[0].is_integer():
        return float(values[0]), int(counts[0])
    highest_alone = values[-1] - values[-2] > values[-2] - values[0]
    if highest_alone and counts[-1] >= often and NINES.fullmatch(f"{values[-1]:.0f}"):
        return float(values[-1]), int(counts[-1])
    return None
