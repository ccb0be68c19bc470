"""Columns that are left out, half empty, of two minds, or that hold a number for "unknown"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from workbench.automl.finders.sample import Array, Sample
from workbench.dataset.look import stand_for_missing
from workbench.pages.words import agree, count, listing, share
from workbench.records import Check, Kind, Level

HALF_EMPTY, NEARLY_EMPTY = 0.5, 0.95
MIXED = (0.1, 0.98)  # a share of numbers among words that is neither a stray nor the rule
FEW_WORDS = 20
MOST_NAMED = 8
LEFT_OUT: dict[Kind, tuple[str, str, str]] = {
    "id": ("identifier_columns", "names its row", "name their rows"),
    "constant": ("constant_columns", "has the same value in every row", "have the same value in all rows"),
    "empty": ("empty_columns", "has no value in any row", "have no value in any row"),
}
WORDS_FOR_MISSING = {"na", "n/a", "#n/a", "#na", "<na>", "nan", "null", "nat", "?", "#ref!", "none", "-"}
CODES_FOR_UNKNOWN = {-1.0, -9.0, -99.0, -999.0, -9999.0, -99999.0, -200.0, 99.0, 999.0, 9999.0, 99999.0, 999999.0}


def left_out(sample: Sample) -> Iterator[Check]:
    """Say which columns are not learned from, and why."""
    schema = sample.task.schema
    for kind, (name, one, many) in LEFT_OUT.items():
        columns = [c.name for c in schema.columns if c.kind == kind and c.role in ("feature", "id")]
        if columns:
            message = f"{_named(columns)} {agree(columns, one, many)}, so there is nothing to learn there: left out."
            yield Check(name, "note", message, tuple(columns))


def gaps(sample: Sample) -> Iterator[Check]:
    """Look for columns that are mostly empty."""
    missing = sample.frame.isna().mean()
    empty = [str(name) for name in missing.index[missing > NEARLY_EMPTY]]
    half = [str(name) for name in missing.index[(missing > HALF_EMPTY) & (missing <= NEARLY_EMPTY)]]
    if empty:
        message = (
            f"{_named(empty)} {agree(empty, 'is', 'are')} missing in more than {share(NEARLY_EMPTY)} of the rows. "
            "Little can be learned from so few values; ask whether the column was filled in as it should be. It was "
            "kept."
        )
        yield Check("nearly_empty", "warn", message, tuple(empty))
    if half:
        message = (
            f"{_named(half)} {agree(half, 'is', 'are')} missing in more than half of the rows. That a value is "
            "missing is learned from as well, which is right only if it will be missing for the same reasons later."
        )
        yield Check("missing_values", "note", message, tuple(half))


def mixed(sample: Sample) -> Iterator[Check]:
    """Look for columns whose values are of two kinds: words among numbers, numbers among words."""
    gaps = sample.frame.columns[sample.frame.isna().any()]
    unread = {str(name): lost for name in gaps if (lost := _unread(sample, name))}
    if unread:
        worst = max(unread, key=lambda name: unread[name][0])
        level: Level = "warn" if unread[worst][0] > 0.01 * len(sample.places) else "note"
        message = (
            f"{_named(list(unread))} {agree(unread, 'holds', 'hold')} values that are not of the column's kind (in "
            f"{worst!r}: {unread[worst][1]}). They count as missing; correct them in the file if they mean something."
        )
        yield Check("unreadable_values", level, message, tuple(unread))
    of_two_minds = [name for name in sample.task.features if _is_of_two_minds(sample.frame[name])]
    if of_two_minds:
        message = (
            f"{_named(of_two_minds)} {agree(of_two_minds, 'mixes', 'mix')} numbers with words, so the numbers are "
            "read as names, without their order and size. Split it into two columns, or leave the words blank."
        )
        yield Check("mixed_types", "warn", message, tuple(of_two_minds))


def sentinels(sample: Sample) -> Iterator[Check]:
    """Look for a number that stands for "unknown": the same in many rows, and apart from all others."""
    suspects: dict[float, list[str]] = {}
    for name in sample.task.features:
        values = sample.frame[name]
        if values.dtype == float and (found := sentinel(values.to_numpy())) is not None:
            suspects.setdefault(found[0], []).append(name)
    if suspects:
        where = "; ".join(f"{code:.15g} in {_named(names)}" for code, names in suspects.items())
        message = (
            f"A number stands apart from all other values: {where}. If it means 'unknown', run again with "
            f"missing={_codes(suspects)!r}: as a number it pulls every average the wrong way. It was kept."
        )
        yield Check("codes_for_unknown", "warn", message, tuple(name for names in suspects.values() for name in names))
    if not sample.task.classes and (found := sentinel(sample.task.truth)) is not None:
        target = sample.task.target
        message = (
            f"{found[0]:.15g} stands in {count(found[1], 'row')} of the target {target!r}, apart from all other "
            "values. If it means 'unknown', the model learns to predict a code. It was kept, and promotion is refused: "
            f"run again with missing={_codes([found[0]])!r}."
        )
        yield Check("codes_for_unknown_in_target", "block", message, (target,))


def sentinel(values: Array) -> tuple[float, int] | None:
    """Find a code for "unknown" at either end of the values, with the number of rows that hold it."""
    present, counts = np.unique(values[np.isfinite(values)], return_counts=True)
    if len(present) < 5:
        return None
    spread = np.quantile(np.repeat(present[1:-1], counts[1:-1]), [0.01, 0.99])
    room = max(float(spread[1] - spread[0]), 1e-9)
    for end, gap in ((0, present[1] - present[0]), (-1, present[-1] - present[-2])):
        lonely = gap > 0.5 * room or (present[end] < 0 <= present[1])
        if present[end] in CODES_FOR_UNKNOWN and lonely and counts[end] >= max(3, 0.001 * counts.sum()):
            return float(present[end]), int(counts[end])
    return None


def _codes(values: Iterable[float]) -> str:
    """Write codes as the parameter `missing` takes them."""
    return ", ".join(f"{value:.15g}" for value in values)


def _unread(sample: Sample, name: str) -> tuple[int, str] | None:
    """How many drawn rows have a value that could not be read, and an example."""
    if sample.frame[name].dtype == object:
        return None  # a text is read as it stands
    index = sample.frame.index[sample.frame[name].isna()]
    raw = sample.task.dataset.frame[name].loc[index].dropna().astype(str).str.strip()
    known = stand_for_missing(raw, sample.task.schema[name].coercion.get("unknown", ()))
    written = raw[(raw != "") & ~raw.str.lower().isin(WORDS_FOR_MISSING) & ~known]
    return (len(written), repr(written.value_counts().index[0])) if len(written) else None


def _is_of_two_minds(values: pd.Series[Any]) -> bool:
    if values.dtype != object:
        return False
    levels = values.dropna().value_counts()
    if len(levels) < 5:
        return False
    numeric = pd.to_numeric(levels.index.to_series(), errors="coerce").notna().to_numpy()
    told = float(levels[numeric].sum() / levels.sum())
    # Among many words, numbers are names as well (tickets, parts); among few levels they are no amounts.
    return MIXED[0] < told < MIXED[1] and int(numeric.sum()) > FEW_WORDS and int((~numeric).sum()) <= FEW_WORDS


def _named(columns: list[str]) -> str:
    return listing([repr(name) for name in columns], most=MOST_NAMED)
