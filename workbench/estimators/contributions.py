"""Why this row: how much each column moved one prediction away from the average, for any model.

Columns are exchanged one after another, in random orders, until a row of a background sample has become the row that is
explained; what the prediction moves by at each step is put down to the column (Strumbelj and Kononenko 2014). Whatever
the orders, the steps of one of them sum to the whole way, so the contributions sum to the prediction minus the
background's average exactly, not only in the limit. Each order is walked backwards as well, as the two errors partly
cancel out (Mitchell et al. 2022).

TreeSHAP is no way here: it knows trees only, and speaks of encoded columns and log odds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[Any]
Predict = Callable[[pd.DataFrame], Array]
MOST_STATES = 500_000  # predictions of rows on their way that are held at once
MOST_CELLS = 2_000_000  # of a table that is predicted at once


# Not a class statement: those here are types that a model file may hold, and no model holds this one.
Contributions = NamedTuple(  # noqa: UP014 -- for that reason
    "Contributions", [("values", Array), ("error", Array), ("predicted", Array), ("average", Array)]
)


def contributions(
    predict: Predict,
    rows: pd.DataFrame,
    background: pd.DataFrame,
    *,
    players: Sequence[Sequence[str]] | None = None,
    seed: int = 0,
) -> Contributions:
    """Share out what sets each prediction apart from the average among the columns.

    A row's contributions depend on the seed and the background, and not on the rows beside it.

    Parameters
    ----------
    predict
        Predicts a table: shape (n_rows,) or (n_rows, n_outputs).
    rows : DataFrame
        The rows to explain.
    background : DataFrame
        What they are compared with: as many orders are drawn as it has rows, so some dozens serve.
    players
        Columns that are moved together; by default each by itself. Every column is in one of them.

    Returns
    -------
    values : ndarray, shape (n_rows, n_players, n_outputs)
        How much each player moved each prediction, in its unit; summed over players, `predicted` - `average`.
    error : ndarray, shape (n_rows, n_players, n_outputs)
        Standard error of the sampling; NaN where there is one background row only.
    predicted : ndarray, shape (n_rows, n_outputs)
    average : ndarray, shape (n_outputs,)
        Of the predictions of the background.

    Examples
    --------
    >>> table = pd.DataFrame({"a": [0.0, 2.0], "b": [1.0, 3.0]})
    >>> found = contributions(lambda frame: frame["a"].to_numpy() * 10 + frame["b"].to_numpy(), table, table)
    >>> found.values[:, :, 0].tolist(), found.average.tolist()
    ([[-10.0, -1.0], [10.0, 1.0]], [12.0])
    """
    sides = [[name] for name in rows.columns] if players is None else [list(names) for names in players]
    said, usual = _outputs(predict, rows), _outputs(predict, background)
    paths = _paths(len(sides), len(background), seed)
    values, errors = np.zeros((2, len(rows), len(sides), said.shape[1]))
    step = max(1, MOST_STATES // (paths.size * said.shape[1]))
    for start in range(0, len(rows), step):
        some = slice(start, start + step)
        moved = _walked(predict, rows.iloc[some], background, sides, paths, said[some], usual)
        values[some] = moved.mean(axis=1)
        size = float(np.abs(moved).max(initial=0.0)) or 1.0  # squares of what is very large or small would be none
        errors[some] = size * (moved / size).std(axis=1, ddof=1) / len(usual) ** 0.5 if len(usual) > 1 else np.nan
    return Contributions(values, errors, said, usual.mean(axis=0))


def spread(prediction: Array, most: int) -> Array:
    """Choose up to `most` rows, from low to high prediction, whose average prediction is close to that of all.

    Returns
    -------
    ndarray of int
        Positions, in ascending order: the middle row of each of so many equal parts.
    """
    parts = np.array_split(np.argsort(prediction, kind="stable"), min(most, len(prediction)))
    return np.sort(np.array([part[len(part) // 2] for part in parts], dtype=np.int64))


def _outputs(predict: Predict, frame: pd.DataFrame) -> Array:
    said = np.asarray(predict(frame), dtype=np.float64)
    return said.reshape(len(frame), -1)


def _paths(players: int, samples: int, seed: int) -> Array:
    """One order of the players per background row, and the same backwards, shape (n_samples, 2, n_players)."""
    random = np.random.default_rng(seed)
    orders = np.array([random.permutation(players) for _ in range(samples)]).reshape(samples, players)
    return np.stack([orders, orders[:, ::-1]], axis=1)


def _walked(
    predict: Predict,
    rows: pd.DataFrame,
    background: pd.DataFrame,
    sides: list[list[str]],
    paths: Array,
    said: Array,
    usual: Array,
) -> Array:
    """Give what each player moved on each order and its reverse, shape (n_rows, n_samples, n_players, n_outputs)."""
    differs = np.stack([_differs(rows, background, names) for names in sides], axis=2)
    # Only exchanging a value for another one changes the row: on many tables that halves the predictions to make.
    changes = np.take_along_axis(differs[:, :, None, :], paths[None], axis=3)
    place = changes.cumsum(axis=3)
    between = changes & (place < place[..., -1:])
    stops = np.empty((*changes.shape[:3], 1 + len(sides), said.shape[1]))  # the start, and where each step leads
    stops[:, :, :, 0] = usual[None, :, None]
    reached = stops[:, :, :, 1:]
    reached[between] = _predicted(predict, rows, background, sides, paths, np.argwhere(between), said.shape[1])
    arrived = changes & ~between
    reached[arrived] = said[np.argwhere(arrived)[:, 0]]
    last = np.maximum.accumulate(np.where(changes, np.arange(1, 1 + len(sides)), 0), axis=3)
    moved = np.diff(np.take_along_axis(stops, last[..., None], axis=3), axis=3, prepend=stops[:, :, :, :1])
    back = np.argsort(paths, axis=2)[None, ..., None]
    return np.take_along_axis(moved, back, axis=3).mean(axis=2)


def _differs(rows: pd.DataFrame, background: pd.DataFrame, names: list[str]) -> Array:
    """Whether the columns of a player differ between each row and each row of the background."""
    found = np.zeros((len(rows), len(background)), dtype=bool)
    for name in names:
        if found.all():  # soon so, where a player is very many columns
            break
        codes, _ = pd.factorize(pd.concat([rows[name], background[name]], ignore_index=True))
        found |= codes[: len(rows), None] != codes[None, len(rows) :]  # missing is one value: -1
    return found


def _predicted(
    predict: Predict,
    rows: pd.DataFrame,
    background: pd.DataFrame,
    sides: list[list[str]],
    paths: Array,
    places: Array,
    outputs: int,
) -> Array:
    """Predict rows on their way: at (row, sample, direction, step) the players up to the step are the row's own."""
    rank = np.argsort(paths, axis=2)
    own = {name: rows[name].to_numpy() for names in sides for name in names}
    usual = {name: background[name].to_numpy() for name in own}
    said, size = np.empty((len(places), outputs)), max(1, MOST_CELLS // len(own))
    for start in range(0, len(places), size):
        row, sample, direction, step = places[start : start + size].T
        taken = rank[sample, direction] <= step[:, None]
        columns = {
            name: np.where(taken[:, player], own[name][row], usual[name][sample])
            for player, names in enumerate(sides)
            for name in names
        }
        said[start : start + size] = _outputs(predict, pd.DataFrame(columns, columns=list(rows.columns)))
    return said
