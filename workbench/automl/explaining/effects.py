"""Partial dependence: how the average prediction moves with one column (Friedman 2001)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from workbench.automl.explaining.held_out import ROWS_PER_SECOND, HeldOut, held_out, predictor, repeated
from workbench.automl.problem.splits import Array
from workbench.automl.result import Result
from workbench.automl.task import Task
from workbench.pages.explained import Effect

LEAST_ROWS, MOST_ROWS = 30, 200
POINTS, LEVELS = 12, 6
MOST = 6
SPOKEN_FOR = 0.3
SEEN = 500  # values are enough to draw how a column is spread
MIDDLE = 0.02, 0.98  # of a column's values: beyond them a model has seen next to nothing
SECONDS_WITHOUT_CLOCK = 1.0  # a search that reads no clock is explained as if it had so long
DAY = np.timedelta64(1, "D")


def _everywhere(own: Array, place: Any) -> Array:
    return np.full(len(own), place, dtype=own.dtype)


@dataclass(frozen=True, slots=True)
class Grid:
    """The places along a column at which predictions are averaged.

    Attributes
    ----------
    title
        The column, or a part of it, as a sentence names it.
    places, shown
        What rows are set to, and how that is shown: names, or numbers.
    seen
        How the rows are spread: for each name its share of the rows, or values.
    put
        Gives the values of all rows, given their own, with one place put in.
    """

    column: str
    title: str
    places: Sequence[Any]
    shown: list[Any]
    seen: list[float] = field(default_factory=list)
    put: Callable[[Array, Any], Array] = _everywhere


def effects(
    result: Result, features: Sequence[str], seconds: float | None, pace: float = ROWS_PER_SECOND
) -> tuple[Effect, ...]:
    """Set a column to one value in all rows, average the predictions, and go on to the next value.

    Parameters
    ----------
    features
        The columns, the most important first: six effects are drawn, with little time fewer.
    seconds
        Time to spend: with little of it, fewer rows are averaged over. None reads no clock.
    pace
        Rows that are predicted in a second.

    Returns
    -------
    tuple of Effect
        Of a regression the average prediction, of two classes the average probability of the positive one, of several
        the one that moves most, which is then named. The band is the range over the folds' models.
    """
    models = len(result.fold_models)
    affordable = pace * (SECONDS_WITHOUT_CLOCK if seconds is None else seconds)
    most = int(np.clip(affordable / (POINTS * LEAST_ROWS * models), 1, MOST))
    grids = list(islice((grid for name in features for grid in _grids(result.task, name)), most))
    if not grids:
        return ()
    points = sum(len(grid.places) for grid in grids)
    rows = held_out(result, int(np.clip(affordable / (points * models), LEAST_ROWS, MOST_ROWS)))
    moved = _average(rows, pd.concat([_set(rows, grid) for grid in grids]), points)
    parts = np.split(moved, np.cumsum([len(grid.places) for grid in grids])[:-1], axis=1)
    return tuple(_effect(result, grid, part) for grid, part in zip(grids, parts, strict=True))


def _set(rows: HeldOut, grid: Grid) -> pd.DataFrame:
    """Copy the rows once for each place, the column set to it."""
    own = rows.columns[grid.column]
    values = np.concatenate([grid.put(own, place) for place in grid.places])
    return pd.DataFrame(repeated(rows.columns, len(grid.places), {grid.column: values}))


def _average(rows: HeldOut, frame: pd.DataFrame, points: int) -> Array:
    """Average prediction, shape (n_models, n_points) or (n_models, n_points, n_classes)."""
    asked = (predictor(rows.result, fold) for fold in range(len(rows.result.fold_models)))
    said = (np.split(predict(frame), points) for predict in asked)
    return np.array([[np.average(part, axis=0, weights=rows.weight) for part in parts] for parts in said])


def _effect(result: Result, grid: Grid, moved: Array) -> Effect:
    classes, label, lines = result.task.classes, None, moved
    if classes:
        place = 1 if len(classes) == 2 else int(np.ptp(moved.mean(axis=0), axis=0).argmax())
        label, lines = str(classes[place]), moved[:, :, place]
    low, high = (lines.min(axis=0).tolist(), lines.max(axis=0).tolist()) if len(lines) > 1 else (None, None)
    return Effect(grid.title, grid.shown, lines.mean(axis=0).tolist(), low, high, label, grid.seen)


def _grids(task: Task, name: str) -> Iterator[Grid]:
    """Find the places along a column; none for prose, for what never changes, or for names that are all rare."""
    column, values = task.schema[name], task.frame[name].dropna()
    if column.kind == "text" or values.nunique() < 2:
        return
    if values.dtype == object:
        yield from _of_names(name, values)
    elif pd.api.types.is_datetime64_any_dtype(values.dtype):
        yield from _of_dates(name, values, comes_again=column.role == "time")
    else:
        yield from _of_numbers(name, values.to_numpy(dtype=np.float64))


def _of_names(name: str, values: pd.Series[Any]) -> Iterator[Grid]:
    shares = values.value_counts(normalize=True).iloc[:LEVELS]
    if shares.sum() >= SPOKEN_FOR:  # of hundreds of names, six say nothing of the column
        levels = [str(level) for level in shares.index]
        yield Grid(name, name, levels, levels, shares.tolist())


def _of_numbers(name: str, values: Array) -> Iterator[Grid]:
    at = np.unique(np.quantile(values, np.linspace(*MIDDLE, POINTS), method="nearest"))
    if set(np.unique(values)) <= {0.0, 1.0}:
        yes = float(values.mean())
        yield Grid(name, name, [0.0, 1.0], ["no", "yes"], [1 - yes, yes])
    elif len(at) > 1:
        yield Grid(name, name, at.tolist(), at.tolist(), _some(values[(values >= at[0]) & (values <= at[-1])]))


def _of_dates(name: str, values: pd.Series[Any], *, comes_again: bool) -> Iterator[Grid]:
    """Look along the days, or where a model only knows what comes again along the year; and along the hours of a day.

    A day is put in with each row's own time of day and on all weekdays alike, and an hour into each row's own day:
    the effect of the one would else be that of the other.
    """
    months, hours = values.dt.month, values.dt.hour
    if not comes_again:
        days = np.unique(
            values.quantile(np.linspace(*MIDDLE, LEVELS), interpolation="nearest").to_numpy().astype("M8[D]")
        )
        if len(days) > 1:
            far = days[-1] - days[0] > 300 * DAY
            yield Grid(name, name, list(days), [str(day)[: 7 if far else 10] for day in days], put=_put_day)
    elif months.nunique() > 1:
        at = sorted({int(month) for month in months})
        yield Grid(name, f"month of {name}", at, [float(month) for month in at], _some(months), _put_month)
    if hours.nunique() > 1:
        at = sorted({int(hour) for hour in np.quantile(hours, np.linspace(0, 1, POINTS), method="nearest")})
        yield Grid(name, f"hour of {name}", at, [float(hour) for hour in at], _some(hours), _put_hour)


def _put_day(own: Array, day: Any) -> Array:
    weekdays = np.arange(len(own)) % 7 * DAY
    return np.asarray((day + weekdays).astype(own.dtype) + _time_of_day(own))


def _put_month(own: Array, month: int) -> Array:
    known = _known(own)
    day = np.minimum((known.astype("M8[D]") - known.astype("M8[M]")).astype(int), 27)
    first = known.astype("M8[Y]").astype("M8[M]") + (month - 1)
    return np.asarray((first.astype("M8[D]") + day).astype(own.dtype) + _time_of_day(own))


def _put_hour(own: Array, hour: int) -> Array:
    return np.asarray(_known(own).astype("M8[D]").astype(own.dtype) + np.timedelta64(hour, "h"))


def _time_of_day(own: Array) -> Array:
    known = _known(own)
    return np.asarray(known - known.astype("M8[D]").astype(own.dtype))


def _known(own: Array) -> Array:
    """Fill in a day where there is none."""
    gone = np.isnat(own)
    return np.where(gone, np.sort(own[~gone])[(~gone).sum() // 2], own) if not gone.all() else own


def _some(values: Any) -> list[float]:
    """Take values that are spread as all of them are."""
    ranked = np.sort(np.asarray(values, dtype=np.float64))
    return ranked[np.linspace(0, len(ranked) - 1, min(SEEN, len(ranked))).round().astype(int)].tolist()
