"""What trees leave unexplained, and how much of it a column made of others would tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
T = TypeVar("T")
ROWS = 3_000  # enough to choose by: a choice should take about a second, whatever the table
STRENGTH = 10.0  # a cell of this many rows counts half
SETTINGS = {
    "num_leaves": 15,
    "learning_rate": 0.1,
    "min_data_in_leaf": 10,
    "feature_fraction": 0.8,
    "num_threads": 1,  # the same trees, and so the same choice, on every machine
    "deterministic": True,
    "force_col_wise": True,
    "verbosity": -1,
}


def sampled_rows(rows: int, seed: int) -> Array:
    """Draw the positions of the rows to choose features by, in their order."""
    drawn = np.random.default_rng(seed).permutation(rows)[:ROWS]
    return np.sort(drawn)


def unexplained(matrix: Array, targets: Array, classes: int, seed: int, parts: int = 3) -> Array:
    """Subtract from targets what small boosted trees, fitted without the row, predict of it.

    Parameters
    ----------
    matrix : ndarray, shape (n_rows, n_features)
    targets : ndarray, shape (n_rows, n_targets)
        A column for the number or for the second of two classes; else a column for each class.

    Returns
    -------
    ndarray, shape (n_rows, n_targets)
    """
    part = np.random.default_rng(seed).permutation(np.arange(len(matrix)) % parts)
    labels = targets[:, 0] if classes <= 2 else targets.argmax(axis=1)
    left = np.empty(targets.shape)
    for number in range(parts):
        learned = part != number
        rows = lgb.Dataset(matrix[learned], labels[learned], params={"verbosity": -1})
        booster = lgb.train({**SETTINGS, **_objective(classes), "seed": seed}, rows, num_boost_round=80)
        predicted = np.asarray(booster.predict(matrix[~learned], num_threads=1))
        left[~learned] = targets[~learned] - predicted.reshape(-1, targets.shape[1])
    return left


def share_explained(cells: Array, left: Array, half: Array) -> float:
    """Find what share of residuals the means of cells explain, learned on one half of the rows and told of the other.

    Parameters
    ----------
    cells : ndarray of int, shape (n_rows,)
        To which cell each row belongs, from 0 on.
    left : ndarray, shape (n_rows, n_targets)
    half : ndarray of int, shape (n_rows,)
        0 or 1.

    Returns
    -------
    float
        1 when nothing is left; at most about 0 when cells say nothing.
    """
    size = int(cells.max(initial=0)) + 1
    places = cells * 2 + half
    counts = np.bincount(places, minlength=2 * size).reshape(size, 2)[:, ::-1]
    missed = 0.0
    for column in left.T:
        sums = np.bincount(places, weights=column, minlength=2 * size).reshape(size, 2)[:, ::-1]
        means = sums / (counts + STRENGTH)
        missed += float(((column - means[cells, half]) ** 2).sum())
    return 1.0 - missed / max(float((left**2).sum()), 1e-300)


def worth_keeping(
    candidates: Sequence[T], cells_of: Callable[[T], Array | None], left: Array, half: Array, least: float
) -> list[T]:
    """Choose the candidates that explain enough of the residuals by themselves, those that explain most first.

    Parameters
    ----------
    cells_of
        The cells a candidate puts the rows into; None where it tells too little to be judged.
    least
        How many rows' worth of the residuals' variance is enough, so that chance finds little.
    """
    cells = (cells_of(candidate) for candidate in candidates)
    shares = np.array([0.0 if each is None else share_explained(each, left, half) for each in cells])
    best = np.argsort(-shares, kind="stable")
    return [candidates[place] for place in best if shares[place] * len(left) > least]


def binned(values: Array, most: int = 16) -> tuple[Array, Array]:
    """Share values out among bins of about equally many rows; give each row's bin (0 for a gap) and the inner edges."""
    known = np.unique(values[~np.isnan(values)])
    if len(known) > most:
        edges = np.unique(np.quantile(values[~np.isnan(values)], np.linspace(0, 1, most + 1)[1:-1]))
    else:
        edges = (known[1:] + known[:-1]) / 2
    return bin_of(values, edges), edges


def bin_of(values: Array, edges: Array) -> Array:
    """Give the bin of each value, from 1 on; 0 for a gap."""
    return np.where(np.isnan(values), 0, np.searchsorted(edges, values, side="right") + 1)


def _objective(classes: int) -> dict[str, Any]:
    if classes <= 2:
        return {"objective": "binary" if classes else "regression"}
    return {"objective": "multiclass", "num_class": classes}
