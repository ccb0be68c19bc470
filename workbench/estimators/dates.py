"""Dates told as numbers: where in the year, week and day, and how long ago."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator

from .look import FEW, Look

Array = npt.NDArray[Any]
DAY = 86_400.0
EPOCH = date(1970, 1, 1).toordinal()
GAP = int(np.datetime64("NaT", "s").astype(np.int64))
PARTS = ("days", "year", "month", "day", "yearday", "weekday", "hour")
PERIODS = {"month": 12.0, "weekday": 7.0, "hour": 24.0}


class DateFeatures(BaseEstimator):
    """Turn date columns into numbers.

    Each date gives the days since 1970, year, month, day, day of year, weekday and hour, of which those that vary in
    training are kept; two date columns also give the days between them.

    Parameters
    ----------
    calendar : list of str
        Columns of which only what comes again is told: not the days since 1970, nor the year.
    cyclic
        Add sine and cosine of month, weekday and hour, for models that cannot see that December lies beside January.
    """

    def __init__(self, calendar: list[str] | None = None, cyclic: bool = False) -> None:
        self.calendar = calendar
        self.cyclic = cyclic

    def fit(self, frame: pd.DataFrame) -> DateFeatures:
        """Find out which parts of the dates vary."""
        features = self._all(Look.at(frame))
        passing = {f"{name}:{part}" for name in self.calendar or [] for part in ("days", "year")}
        self.names_ = [name for name, values in features.items() if name not in passing and _varies(values)]
        return self

    def transform(self, rows: pd.DataFrame | Look) -> Array:
        """Give one column per part of a date that varied in training, shape (n_rows, n_parts)."""
        look = Look.at(rows)
        features = look.once(("dates", self.cyclic, *look.columns), lambda: self._all(look))
        told = np.array([features[name] for name in self.names_]).reshape(len(self.names_), len(look)).T
        return np.ascontiguousarray(told)

    def _all(self, look: Look) -> dict[str, Array]:
        features: dict[str, Array] = {}
        for name in look.columns:
            dates = look.column(name)
            for part, values in (_parts_of_few(dates) if len(look) <= FEW else _parts(dates)).items():
                features[f"{name}:{part}"] = values
                if self.cyclic and part in PERIODS:
                    angle = 2 * np.pi * values / PERIODS[part]
                    features[f"{name}:{part}:sin"], features[f"{name}:{part}:cos"] = np.sin(angle), np.cos(angle)
        for i, later in enumerate(look.columns):
            for earlier in look.columns[:i]:
                features[f"{later}-{earlier}"] = features[f"{later}:days"] - features[f"{earlier}:days"]
        return features


def _parts(dates: Array) -> dict[str, Array]:
    day, month, year = (dates.astype(f"datetime64[{unit}]") for unit in "DMY")
    minutes = (dates - day).astype("timedelta64[m]").astype(np.int64)
    number = day.astype(np.int64)
    parts = {
        "days": dates.astype("datetime64[s]").astype(np.float64) / DAY,
        "year": year.astype(np.int64) + 1970,
        "month": (month - year).astype(np.int64) + 1,
        "day": (day - month).astype(np.int64) + 1,
        "yearday": (day - year).astype(np.int64) + 1,
        "weekday": (number + 3) % 7,  # the first day of 1970 was a Thursday
        "hour": minutes // 60 + minutes % 60 / 60.0,
    }
    known = ~np.isnat(dates)
    return {part: np.where(known, values, np.nan) for part, values in parts.items()}


def _parts_of_few(dates: Array) -> dict[str, Array]:
    """Find the same parts of each date by itself, for which NumPy takes longer to begin with each part."""
    told = [_parts_of(second) for second in dates.astype("datetime64[s]").astype(np.int64).tolist()]
    return dict(zip(PARTS, np.array(told).reshape(len(told), len(PARTS)).T, strict=True))


def _parts_of(second: int) -> list[float]:
    if second == GAP:
        return [np.nan] * len(PARTS)
    day, within = divmod(second, int(DAY))
    on, minutes = date.fromordinal(day + EPOCH), within // 60
    hour = minutes // 60 + minutes % 60 / 60.0
    return [second / DAY, on.year, on.month, on.day, on.timetuple().tm_yday, on.weekday(), hour]


def _varies(values: Array) -> bool:
    known = values[~np.isnan(values)]
    return len(known) > 0 and bool(known.min() < known.max())
