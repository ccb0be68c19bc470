"""What two scores must share before they can be ranked: metric, data, target, and the very rows they are of."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from workbench.comparison.facts import Facts
from workbench.experiment import reading
from workbench.pages.words import listing, metric_name

WHOLE = "the whole table"


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What a score was measured by; `rows` is None where nothing tells which rows these were."""

    metric: str
    data: str | None
    target: str
    rows: str | None
    weights: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Experiments whose scores mean the same, and what they were measured by."""

    measured_by: Yardstick
    members: tuple[Facts, ...]


def grouped(facts: Sequence[Facts], metric: str | None) -> list[Group]:
    """Put together those whose scores can be compared, the largest group first; one without a score is in none.

    One whose rows are not known is alone. One that says that it was measured on the whole table is with those whose
    predictions tell the same.
    """
    found: dict[Yardstick, list[Facts]] = {}
    alone: list[Group] = []
    sticks = [(yardstick(one, metric), one) for one in facts if one.score(metric) is not None]
    for stick, one in sorted(sticks, key=lambda pair: pair[0].rows == WHOLE):  # those told apart by their rows first
        if stick.rows is None:
            alone.append(Group(stick, (one,)))
        else:
            found.setdefault(_known(stick, found) if stick.rows == WHOLE else stick, []).append(one)
    together = [Group(stick, tuple(members)) for stick, members in found.items()]
    return [*sorted(together, key=lambda group: -len(group.members)), *alone]


def yardstick(one: Facts, metric: str | None) -> Yardstick:
    """Say what a score was measured by."""
    target = f"{one.target} ({', '.join(one.classes or [str(one.kind)])})"
    return Yardstick(metric or str(one.experiment.metric), one.digest, target, *_rows(one, metric))


def _rows(one: Facts, metric: str | None) -> tuple[str | None, str | None]:
    """Tell the rows a score was measured on by their numbers and truth, and their weights.

    Where predictions were not kept, only all rows of the table are known to be the same, and of equal weight.
    """
    with reading(one.experiment):
        kept = one.experiment.predictions()
        if kept is not None:
            ordered = kept.sort_values("row", kind="stable")
            return _mark(ordered[["row", "truth"]]), _mark(ordered[["weight"]]) if "weight" in ordered else None
        unweighted = not any(column.get("role") == "weight" for column in one.experiment.columns())
    score = one.score(metric)
    every = score is not None and score.rows is not None and score.rows == one.table_rows and one.digest is not None
    return (WHOLE if every and unweighted else None), None


def _mark(columns: pd.DataFrame) -> str:
    hashes = pd.util.hash_pandas_object(columns, index=False).to_numpy()
    return hashlib.sha256(np.ascontiguousarray(hashes).tobytes()).hexdigest()


def _known(stick: Yardstick, found: dict[Yardstick, list[Facts]]) -> Yardstick:
    """Find those whose predictions are of all rows of the same table."""
    same = [
        known
        for known, members in found.items()
        if replace(known, rows=WHOLE) == stick and _counts_all(members[0], stick.metric)
    ]
    return same[0] if len(same) == 1 else stick


def _counts_all(one: Facts, metric: str) -> bool:
    score = one.score(metric)
    return score is not None and score.rows == one.table_rows


def apart(groups: Sequence[Group]) -> list[str]:
    """Say why not all can be ranked together; nothing when they can."""
    sticks = [group.measured_by for group in groups]
    rows = {stick.rows for stick in sticks if stick.rows is not None}
    named = {"metric": "metrics", "data": "data", "target": "targets", "weights": "weights"}
    differ = [words for name, words in named.items() if len({getattr(stick, name) for stick in sticks}) > 1]
    # Of another table the whole may be the same rows: only where nothing else differs is a part of it told apart.
    differ += ["rows"] if len(rows - {WHOLE}) > 1 or (len(rows) > 1 and not differ) else []
    said = []
    if differ:
        several = any(len(group.members) > 1 for group in groups)
        each = f" Each of the {len(groups)} groups is ranked by itself." if several else ""
        why = f"they were measured with different {listing(differ)}"
        said.append(f"These scores cannot be compared with one another: {why}.{each}")
    if differ == ["metrics"] and (shared := _shared_metrics(groups)):
        names = listing([metric_name(name) for name in shared])
        said.append(f"All of them have {names}: --metric {shared[0]} ranks them by it.")
    return said + _unknown(groups)


def _shared_metrics(groups: Sequence[Group]) -> list[str]:
    members = [one for group in groups for one in group.members]
    return [name for name in members[0].scores if all(name in one.scores for one in members)]


def _unknown(groups: Sequence[Group]) -> list[str]:
    lost = [group.members[0].experiment.short for group in groups if group.measured_by.rows is None]
    if not lost or len(groups) == 1:
        return []
    was, its, it_is = ("was", "its", "it is") if len(lost) == 1 else ("were", "their", "each is")
    return [
        f"Which rows {listing(lost)} {was} measured on is not known, for {its} predictions are not here: "
        f"{it_is} ranked alone."
    ]
