"""Dates told as numbers: where in the year, week and day, and how long ago."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator

from .look import Look

Array = npt.NDArray[Any]
DAY = 86_400.0
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
        features = self._all(frame)
        passing = {f"{name}:{part}" for name in self.calendar or [] for part in ("days", "year")}
        self.names_ = [name for name, values in features.items() if name not in passing and _varies(values)]
        return self

    def transform(self, rows: pd.DataFrame | Look) -> Array:
        """Give one column per part of a date that varied in training, shape (n_rows, n_parts)."""
        look = Look.at(rows)
        features = look.once(("dates", self.cyclic, *look.columns), lambda: self._all(look.frame[look.columns]))
        return np.column_stack([features[name] for name in self.names_] or [np.empty((len(look), 0))])

    def _all(self, frame: pd.DataFrame) -> dict[str, Array]:
        features: dict[str, Array] = {}
        for name in frame.columns:
            for part, values in _parts(frame[name]).items():
                features[f"{name}:{part}"] = values
                if self.cyclic and part in PERIODS:
                    angle = 2 * np.pi * values / PERIODS[part]
                    features[f"{name}:{part}:sin"], features[f"{name}:{part}:cos"] = np.sin(angle), np.cos(angle)
        names = [str(name) for name in frame.columns]
        for i, later in enumerate(names):
            for earlier in names[:i]:
                features[f"{later}-{earlier}"] = features[f"{later}:days"] - features[f"{earlier}:days"]
        return features


def _parts(dates: pd.Series[Any]) -> dict[str, Array]:
    when = dates.dt
    parts = {
        "year": when.year,
        "month": when.month,
        "day": when.day,
        "yearday": when.day_of_year,
        "weekday": when.day_of_week,
        "hour": when.hour + when.minute / 60.0,
    }
    known = dates.notna().to_numpy()
    seconds = dates.to_numpy().astype("datetime64[s]").astype(np.float64)
    days = {"days": np.where(known, seconds / DAY, np.nan)}
    return days | {part: values.to_numpy(dtype=np.float64, na_value=np.nan) for part, values in parts.items()}


def _varies(values: Array) -> bool:
    known = values[~np.isnan(values)]
    return len(known) > 0 and bool(known.min() < known.max())
