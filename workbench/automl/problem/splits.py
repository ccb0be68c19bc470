"""Which rows a model learns from and which it is validated on, as the nature of the table asks for.

Rows of one group stay together, copies of a row too, validation is later than training, and every class is known to
every fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

from workbench.errors import BadColumn
from workbench.records import Role

if TYPE_CHECKING:
    from workbench.automl.task import Task

Array = npt.NDArray[Any]
GROUP_AND_TIME: tuple[Role, Role] = ("group", "time")
MANY_GROUPS = 1_000  # above, a random choice of groups holds each class's share anyway, in a fraction of the time
BINS = 10  # a regression target is spread over the folds by its deciles


@dataclass(frozen=True, slots=True)
class Folds:
    """Pairs of training and validation rows, as positions in `Task.frame`.

    Attributes
    ----------
    pairs : tuple of (train, valid)
        A row is validated in at most one fold.
    kind
        How the rows were split: at random (by class), by group, forward in time, or once only.
    """

    pairs: tuple[tuple[Array, Array], ...]
    kind: Literal["random", "group", "time", "holdout"]
    rows: int

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def fold_of(self) -> Array:
        """The fold each row is validated in, shape (n_rows,); -1 for rows that never are."""
        numbers = np.full(self.rows, -1)
        for number, (_, valid) in enumerate(self.pairs):
            numbers[valid] = number
        return numbers

    @property
    def independent(self) -> float:
        """As how large a share of the validated rows they count when a score's uncertainty is judged.

        Folds learn from much the same rows, so their errors are not independent: the variance of a cross-validated
        score is 1 + the sum over folds of validation rows / training rows times what independent rows would give
        (Nadeau and Bengio 2003); for five folds that makes an interval half as wide again.
        """
        return 1.0 / (1.0 + sum(len(valid) / len(train) for train, valid in self.pairs))

    @property
    def validated(self) -> Array:
        """Positions of the rows that are validated in some fold, in row order."""
        return np.flatnonzero(self.fold_of >= 0)


def split(
    codes: Array,
    folds: int,
    *,
    seed: int,
    classes: int = 0,
    groups: Array | None = None,
    times: Array | None = None,
    copies: Array | None = None,
    names: tuple[str, str] = ("group", "time"),
) -> Folds:
    """Split rows into `folds` pairs of training and validation rows.

    Parameters
    ----------
    codes : ndarray, shape (n_rows,)
        Class numbers, or the target of a regression (`classes` = 0).
    folds
        How many; fewer are made where the groups, times or rows do not allow as many. One holds out a part once.
    copies : ndarray, shape (n_rows,), optional
        The same number for rows that are copies of each other: they are dealt to one fold, unless groups or times say
        which rows belong together.
    names
        The columns the groups and times come from, for an error's words.

    Raises
    ------
    BadColumn
        If the groups or times leave no split whose training rows know two classes.
    """
    if times is not None:
        return _forward(codes, folds, classes, groups, times, names)
    if groups is not None:
        return _by_group(codes, folds, classes, groups, seed, names[0])
    parts = max(2, min(folds, len(codes) // 2)) if folds > 1 else _holdout_parts(len(codes))
    number = _dealt(codes, parts, classes, seed, copies)
    pairs = tuple((np.flatnonzero(number != fold), np.flatnonzero(number == fold)) for fold in range(parts))
    return Folds(pairs, "random", len(codes)) if folds > 1 else Folds(pairs[:1], "holdout", len(codes))


def folds_of(task: Task, folds: int, *, seed: int, rows: Array | None = None) -> Folds:
    """Split a task's rows, or some of them, as its classes, groups and times ask for."""
    some = np.arange(len(task.truth)) if rows is None else rows
    group, time = ((task.schema.named(role) or [role])[0] for role in GROUP_AND_TIME)
    made = split(
        task.codes[some],
        folds,
        seed=seed,
        classes=len(task.classes),
        groups=None if task.groups is None else task.groups[some],
        times=None if task.times is None else task.times[some],
        copies=None if task.copies is None else task.copies[some],
        names=(group, time),
    )
    return Folds(tuple((some[train], some[valid]) for train, valid in made.pairs), made.kind, len(task.truth))


def held_apart(
    codes: Array,
    share: float,
    *,
    classes: int = 0,
    groups: Array | None = None,
    times: Array | None = None,
    copies: Array | None = None,
) -> tuple[Array, Array]:
    """Split off a share of the rows, to within a row, a group or a moment: those to learn from, and those held back.

    With times these are the latest. Else whole groups, or rows with their copies, are picked at even distances from a
    list in order of the target, so that each class, or size, gives its share.
    """
    if times is not None:
        return _latest(times, share, groups)
    unit, strata = _units(codes, share, classes, groups, copies)
    size = np.bincount(unit)
    place = np.bincount(unit, weights=strata) / size
    due, picked = 0.0, np.zeros(len(size), dtype=bool)
    for one in np.lexsort((np.random.default_rng(0).random(len(size)), place)).tolist():
        due += share * size[one]
        if due > size[one] / 2:
            picked[one] = True
            due -= size[one]
    return np.flatnonzero(~picked[unit]), np.flatnonzero(picked[unit])


def _units(codes: Array, share: float, classes: int, groups: Array | None, copies: Array | None) -> tuple[Array, Array]:
    """Give each row the number of what it is held back with, and the stratum it is of."""
    strata = codes if classes else np.argsort(np.argsort(codes, kind="stable")) * BINS // len(codes)
    if groups is not None:
        return np.unique(groups, return_inverse=True)[1], strata
    kept = None if copies is None else _kept_together(codes, copies, max(2, round(1 / share)), classes)
    return np.arange(len(codes)) if kept is None else kept, strata


def _latest(times: Array, share: float, groups: Array | None) -> tuple[Array, Array]:
    """Cut time where about a share of the rows is later; of their groups no earlier row is learned from."""
    _, moment, counts = np.unique(times, return_inverse=True, return_counts=True)
    later = len(times) - np.cumsum(counts)[:-1]
    last = int(np.argmin(np.abs(later - share * len(times))))
    train, valid = np.flatnonzero(moment <= last), np.flatnonzero(moment > last)
    return train if groups is None else train[~np.isin(groups[train], groups[valid])], valid


def _holdout_parts(rows: int) -> int:
    # On small tables a fifth is needed for a steady number; of large ones a twentieth is, and the rest is for learning.
    return 5 if rows < 25_000 else 10 if rows < 100_000 else 20


def _dealt(codes: Array, parts: int, classes: int, seed: int, copies: Array | None) -> Array:
    """Deal rows out like cards, class by class (or from low to high), so that every fold gets its share of each.

    A class of two rows lands in two folds, so that it is always known to at least one side's model; scikit-learn's
    StratifiedKFold does the same but warns.
    """
    random = np.random.default_rng(seed)
    strata = codes if classes else np.argsort(np.argsort(codes, kind="stable")) * BINS // len(codes)
    order = np.lexsort((random.random(len(codes)), strata))
    kept = None if copies is None else _kept_together(codes, copies, parts, classes)
    if kept is not None:
        return _dealt_together(strata, kept, parts, random)
    number = np.empty(len(codes), dtype=np.int64)
    number[order] = np.arange(len(codes)) % parts
    return number


def _kept_together(codes: Array, copies: Array, parts: int, classes: int) -> Array | None:
    """Give each row a number, those that stay together the same one; None where each may go its own way.

    Copies that fill more than a fold, or are all there is of a class, would leave folds without their share of rows, or
    of a class: these are dealt out one by one.
    """
    _, first, unit, size = np.unique(copies, return_index=True, return_inverse=True, return_counts=True)
    apart = size * parts > len(codes)
    if classes:
        apart |= np.bincount(codes[first], minlength=classes)[codes[first]] < 2
    _, unit, size = np.unique(
        np.where(apart[unit], np.arange(len(codes)), len(codes) + unit), return_inverse=True, return_counts=True
    )
    return unit if len(codes) > len(size) >= parts else None


def _dealt_together(strata: Array, units: Array, parts: int, random: np.random.Generator) -> Array:
    """Deal out rows as units: the largest first, each to the fold that holds the fewest rows of its stratum so far."""
    _, first, unit, size = np.unique(units, return_index=True, return_inverse=True, return_counts=True)
    strata = strata[first]
    order = np.lexsort((random.random(len(size)), -size, strata))
    fold, rows = np.empty(len(size), dtype=np.int64), [0] * parts
    for stratum in np.split(order, np.flatnonzero(np.diff(strata[order])) + 1):
        held, several = [0] * parts, stratum[size[stratum] > 1]
        for one in several:
            *_, least = min(zip(held, rows, range(parts), strict=True))
            fold[one] = least
            held[least] += int(size[one])
            rows[least] += int(size[one])
        single = stratum[len(several) :]
        fold[single] = _filled_up(np.array(held), np.array(rows), len(single))
        rows = (np.array(rows) + np.bincount(fold[single], minlength=parts)).tolist()
    return np.asarray(random.permutation(parts)[fold][unit])


def _filled_up(held: Array, rows: Array, single: int) -> Array:
    """Give single rows to the folds that hold the fewest of their stratum; then in turn, those of fewest rows first."""
    short = held.max() - held
    levels = np.concatenate([np.arange(low, held.max()) for low in held])
    lowest = np.repeat(np.arange(len(held)), short)[np.argsort(levels, kind="stable")][:single]
    rows = rows + np.bincount(lowest, minlength=len(held))
    return np.append(lowest, np.resize(np.argsort(rows, kind="stable"), single - len(lowest)))


def _by_group(codes: Array, folds: int, classes: int, groups: Array, seed: int, name: str) -> Folds:
    known = len(np.unique(groups))
    parts = min(max(folds, 5 if folds == 1 else 2), known)
    if classes and known <= MANY_GROUPS:
        splitter = StratifiedGroupKFold(parts, shuffle=True, random_state=seed)
        # It refuses or warns when a class is rare; what matters here is only that groups are spread by class.
        strata = _common_strata(codes, parts)
    else:
        splitter, strata = GroupKFold(parts, shuffle=True, random_state=seed), codes
    pairs = [
        (train, valid)
        for train, valid in splitter.split(codes, strata, groups)
        if _usable(codes[train], valid, classes)
    ]
    if not pairs:
        problem = "leaves no split whose training rows know two classes: one group holds nearly all of a class"
        raise BadColumn(name, problem, "Group by another column, or leave `group` out.")
    pairs = pairs[:1] if folds == 1 else pairs
    return Folds(tuple(pairs), "holdout" if folds == 1 else "group", len(codes))


def _common_strata(codes: Array, parts: int) -> Array:
    counts = np.bincount(codes)
    rare = np.flatnonzero((counts > 0) & (counts < parts))
    return np.where(np.isin(codes, rare), int(np.argmax(counts)), codes)


def _forward(
    codes: Array, folds: int, classes: int, groups: Array | None, times: Array, names: tuple[str, str]
) -> Folds:
    """Cut time into blocks of about as many rows; each block but the first is validated by what came before it."""
    _, moment, counts = np.unique(times, return_inverse=True, return_counts=True)
    blocks = min(folds + 1 if folds > 1 else 5, len(counts))
    # A moment is never cut: its rows go to the block in which its middle row lies.
    middle = np.cumsum(counts) - counts / 2
    block = np.minimum((middle / len(codes) * blocks).astype(int), blocks - 1)[moment]
    pairs = []
    for later in np.unique(block)[1:]:
        train, valid = np.flatnonzero(block < later), np.flatnonzero(block == later)
        if groups is not None:
            train = train[~np.isin(groups[train], groups[valid])]
        if _usable(codes[train], valid, classes):
            pairs.append((train, valid))
    if not pairs:
        raise BadColumn(names[1], *_no_forward_split(groups is not None, classes))
    return Folds(tuple(pairs) if folds > 1 else tuple(pairs[-1:]), "time", len(codes))


def _no_forward_split(grouped: bool, classes: int) -> tuple[str, str]:
    if grouped:
        return "leaves no split: every group reaches into the later rows", "Use either `group` or `time`."
    if classes:
        return "leaves no split whose earlier rows know two classes", "Leave `time` out, or add earlier rows."
    return "leaves no split into earlier and later rows", "Leave `time` out."


def _usable(known: Array, valid: Array, classes: int) -> bool:
    enough = len(np.unique(known)) >= 2 if classes else len(known) >= 2
    return enough and len(valid) > 0


def sampled(rows: Array, codes: Array, most: int | None, *, classes: int, seed: int) -> Array:
    """At most about `most` of `rows`, in order; every row of a rare class stays."""
    if most is None or len(rows) <= most:
        return rows
    drawn = np.random.default_rng(seed).choice(len(rows), most, replace=False)
    kept = np.zeros(len(rows), dtype=bool)
    kept[drawn] = True
    if classes:
        kept |= np.bincount(codes[rows])[codes[rows]] <= max(2, most // (10 * classes))
    return rows[kept]


def drawn_of_each(codes: Array, wanted: Sequence[int], random: np.random.Generator) -> tuple[Array, Array]:
    """Draw so many rows of each class, one class after the other; give their places, and how many each stands for."""
    places = np.concatenate(
        [random.choice(np.flatnonzero(codes == code), number, replace=False) for code, number in enumerate(wanted)]
    )
    stands_for = np.bincount(codes, minlength=len(wanted)) / np.maximum(wanted, 1)
    return places, stands_for[codes[places]]
