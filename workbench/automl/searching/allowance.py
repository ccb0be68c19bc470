"""What fits into memory: rows of a fold, folds at a time, trees of a forest, kept models, and which families.

Everything is decided before it is made, from the size of the table and the width its rows have once encoded. The sizes
are those the libraries document or were seen to take; what they share out is less than there is, for allocators and
libraries take more than they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from workbench.automl.families import Family
from workbench.automl.families.base import TREES, bins
from workbench.automl.fitting.encodings import encoder_of
from workbench.automl.planning.memory import NODE, Room
from workbench.automl.problem.splits import sampled
from workbench.automl.searching.pilot import setting_of
from workbench.automl.task import Task
from workbench.errors import BadParameters

SAFE = 0.85  # of what is left: what is planned, the rest is for what nobody counts
LIBRARIES = 120e6  # bytes: of libraries that are loaded late, and of their threads
WIDE = 480.0  # bytes of a column once encoded, at most for most: when that fits, no row has to be encoded to see
LOOKED_AT = 1_000  # rows that are encoded to see how wide they become
LOOKED_AT_COLUMNS = 60  # of them: of hundreds of names, to encode each by every style would take longer than a budget
FITS, MODELS, CACHE = 0.45, 0.3, 0.25  # of what is planned
LEAVES = 128  # whose histograms LightGBM keeps at a time
BIN = 24  # bytes of one bin of a column's histogram
FEWEST_TREES = 10  # of a forest; fewer are not worth a turn
FEWEST_ROWS = 500  # that a model is fitted on
FEWEST_KEPT = 4  # trials, for an ensemble
SAMPLES = 12e6  # bytes of the bootstrap's samples of a table of any size


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the search may do to stay within its memory.

    Attributes
    ----------
    rows
        Most training rows per fold; None for all.
    hands
        Folds fitted side by side.
    trees
        Most trees of a forest in a fold.
    cache, models
        Bytes for encoded folds, and for the models and predictions of the trials that are kept.
    families
        Those that fit.
    """

    rows: int | None
    hands: int
    trees: int
    cache: float
    models: float
    families: tuple[Family, ...]


def allowance(
    task: Task,
    families: Sequence[Family],
    room: Room,
    *,
    folds: int,
    hands: int,
    shares: int = 1,
    widths: dict[str, float] | None = None,
) -> Allowance:
    """Plan for what is left of the memory.

    Parameters
    ----------
    folds
        Into how many the rows are split.
    hands
        How many of them could be fitted side by side.
    shares
        Processes among which the memory is shared out.
    widths
        What was seen before of how many bytes a row becomes, by style; what is seen now is added.

    Raises
    ------
    BadParameters
        If not even one small model fits.
    """
    left = room.left() / shares
    wide: dict[str, float] = {family.style: WIDE * len(task.features) for family in families}
    generous = _planned(_Table.of(task, wide, folds), families, left, hands)
    everything = (None, hands, TREES, tuple(families))
    if generous and (generous.rows, generous.hands, generous.trees, generous.families) == everything:
        return generous
    widths = {} if widths is None else widths
    _see_widths(task, families, widths)
    table = _Table.of(task, widths, folds)
    found = _planned(table, families, left, hands)
    if found is None:
        taken = room.limit - left * shares
        more = next(amount for amount in 10e6 * 1.1 ** np.arange(200) if _planned(table, families, amount, 1))
        raise BadParameters(
            [
                f"memory={room.stated!r} is too little: {taken / 1e6:,.0f} MB are taken before the search begins, the "
                f"table among them, and a first model needs {more / 1e6:,.0f} MB more. Give it at least "
                f"{np.ceil((taken + shares * more) / 5e7) * 50:.0f}MB, or fewer rows."
            ]
        )
    return found


@dataclass(frozen=True, slots=True)
class _Table:
    """What sizes follow from.

    Attributes
    ----------
    plain, widths
        Bytes of a row of the table, and of each of its encodings.
    told
        Numbers that are predicted for a row.
    bins
        Most bins of a column of boosted trees.
    """

    rows: int
    plain: float
    widths: Mapping[str, float]
    told: int
    folds: int
    bins: int

    @staticmethod
    def of(task: Task, widths: Mapping[str, float], folds: int) -> _Table:
        some = task.frame.iloc[:LOOKED_AT]
        plain = float(some.memory_usage(index=True, deep=False).sum()) / len(some)
        told, most = max(1, len(task.classes)), bins(setting_of(task, 1), 255)
        return _Table(len(task.frame), plain, widths, told, folds, most)

    @property
    def held_out(self) -> float:
        """Rows of a fold that are predicted."""
        return self.rows / max(self.folds, 5)

    @property
    def learned(self) -> float:
        """Rows of a fold that are learned from, if all are."""
        return self.rows - self.held_out


def _see_widths(task: Task, families: Sequence[Family], widths: dict[str, float]) -> None:
    """Encode a few rows by each style to see how many bytes a row becomes, where that was not seen before."""
    unseen = sorted({family.style for family in families} - widths.keys())
    if not unseen:
        return
    rows = sampled(np.arange(len(task.truth)), task.codes, LOOKED_AT, classes=len(task.classes), seed=0)
    some = replace(task, frame=task.frame[_some_of_each_kind(task)])
    frame: pd.DataFrame = some.frame.iloc[rows]
    for style in unseen:
        matrix = encoder_of(style, some, 0).fit_transform(frame, task.codes[rows])
        widths[style] = float(matrix.data.nbytes) / len(rows) * len(task.features) / len(some.features)


def _some_of_each_kind(task: Task) -> list[str]:
    """Name columns to look at, at even distances from a list in order of their kinds."""
    ordered = sorted(task.features, key=lambda name: task.schema[name].kind)
    return ordered[:: -(-len(ordered) // LOOKED_AT_COLUMNS)]


def _planned(table: _Table, families: Sequence[Family], left: float, hands: int) -> Allowance | None:
    """Share out some bytes; None if no model fits."""
    usable = SAFE * left - LIBRARIES
    fits, models = FITS * usable, MODELS * usable
    # In the end, when nothing is fitted, bootstrap samples and tables of predictions are made.
    if fits < SAMPLES + 160.0 * table.rows or models < FEWEST_KEPT * 8.0 * table.rows * table.told:
        return None
    first = families[0]
    rows = _most_rows(table, first, fits)
    if rows < min(FEWEST_ROWS, table.learned):
        return None
    side_by_side = max(1, min(hands, int(fits // _fit(table, first, rows))))
    trees = _most_trees(table, rows, fits, side_by_side)
    fitting = [
        family
        for family in families
        if family is first or (side_by_side * _fit(table, family, rows) <= fits and _grows(family, trees))
    ]
    return Allowance(
        None if rows >= table.learned else int(rows),
        side_by_side,
        trees,
        CACHE * usable,
        models,
        tuple(fitting),
    )


def _most_rows(table: _Table, family: Family, fits: float) -> float:
    """Find how many rows can be learned from, if one fold is fitted at a time."""
    rows = table.learned
    while rows >= 1 and _fit(table, family, rows) > fits:
        rows *= 0.9
    return rows


def _fit(table: _Table, family: Family, rows: float) -> float:
    """Estimate the bytes of one fold's encoding and fit, without what a forest grows."""
    width = table.widths[family.style]
    # What is encoded is put together from parts, which are there beside it; what is held out is encoded after.
    encoding = rows * (table.plain + 2.0 * width) + table.held_out * (table.plain + width)
    matrices = (rows + table.held_out) * width
    learning = FITTED.get(family.name, _any)(table, min(rows, float(family.most_rows)), width)
    return max(encoding, matrices + learning)


def _boosted(table: _Table, rows: float, width: float) -> float:
    columns = width / 8
    histograms = LEAVES * columns * BIN * min(table.bins, rows)
    return (rows + table.held_out) * (columns + 24.0 * table.told) + histograms


def _catboost(table: _Table, rows: float, width: float) -> float:
    return 80e6 + (rows + table.held_out) * (13.0 * width / 8 + 48.0 * table.told)


def _forest(table: _Table, rows: float, width: float) -> float:
    return (rows + table.held_out) * (width / 2 + 40.0 + 16.0 * table.told)


def _linear(table: _Table, rows: float, width: float) -> float:
    return 1.2 * rows * width + (rows + table.held_out) * 32.0 * table.told


def _network(table: _Table, rows: float, width: float) -> float:
    return 40e6 + rows * width + (rows + table.held_out) * (16.0 * table.told + 1024.0)


def _neighbours(table: _Table, rows: float, width: float) -> float:
    return 160e6 + 4.0 * rows * width + table.held_out * (3.0 * width + 16.0 * table.told)


def _any(table: _Table, rows: float, width: float) -> float:
    return (rows + table.held_out) * (2.0 * width + 32.0 * table.told)


# The table, rows that are learned from, bytes of one once encoded → bytes beside the matrices.
FITTED: dict[str, Callable[[_Table, float, float], float]] = {
    "lightgbm": _boosted,
    "lightgbm_features": _boosted,
    "catboost": _catboost,
    "extra_trees": _forest,
    "random_forest": _forest,
    "linear": _linear,
    "network": _network,
    "neighbours": _neighbours,
}
FORESTS = ("extra_trees", "random_forest")


def _most_trees(table: _Table, rows: float, fits: float, hands: int) -> int:
    """Find how many trees a forest may have: those being grown, and those of the folds that are done."""
    fitted = min(rows, 50_000.0)
    nodes = 2 * min(fitted, 8_000.0)
    grown, packed = NODE + 8.0 * table.told, 23.0 + 2.0 * table.told
    each = nodes * (hands * 2.5 * grown + table.folds * (grown + packed))
    matrices = hands * (rows + table.held_out) * 1.5 * table.widths.get("trees", 0.0)
    return int(np.clip((fits - matrices) / each, 0, TREES))


def _grows(family: Family, trees: int) -> bool:
    return family.name not in FORESTS or trees >= FEWEST_TREES
