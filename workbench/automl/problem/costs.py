"""What the two kinds of mistakes cost, as the user states it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import BadParameters


@dataclass(frozen=True, slots=True)
class Costs:
    """What mistakes cost, in any unit: to miss a row of the positive class, and to call another one so."""

    miss: float = 1.0
    false_alarm: float = 1.0


def costs_of(miss: float | None, false_alarm: float | None, classes: Sequence[Any]) -> Costs | None:
    """Take in what was stated of the costs; what was not stated costs 1, and None if nothing was.

    Raises
    ------
    BadParameters
        If a cost is no number above zero, or there are not two classes.
    """
    stated = {"cost_of_miss": miss, "cost_of_false_alarm": false_alarm}
    given = {name: cost for name, cost in stated.items() if cost is not None}
    if not given:
        return None
    if len(classes) != 2:
        kind = f"one of {len(classes)} classes" if classes else "a number"
        raise BadParameters([f"{' and '.join(given)}: costs are for two classes; here {kind} is predicted."])
    wrong = [f"{name}={cost!r}: give a number above zero." for name, cost in given.items() if not _is_cost(cost)]
    if wrong:
        raise BadParameters(wrong)
    return Costs(*(1.0 if cost is None else float(cost) for cost in stated.values()))


def _is_cost(cost: Any) -> bool:
    number = isinstance(cost, int | float) and not isinstance(cost, bool)
    return number and math.isfinite(cost) and cost > 0
