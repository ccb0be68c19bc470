"""What can be afforded: folds, learning rate, rows, and which family's turn it is.

A pilot fit on a sample tells what a round of boosting and the encoding of a row cost here; everything else is
arithmetic. A plan for a number of trials looks at the table's size only, so that it is the same tomorrow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from workbench.automl.families import Family, Setting
from workbench.automl.families.wide import portfolio_of

PILOT_ROWS = 10_000
# Of a large table the pilot sees more, if there is time: a round on few rows costs mostly what it costs on none.
MOST_PILOT_ROWS, PILOT_PART, PILOT_ROWS_PER_SECOND = 60_000, 0.2, 1_000
PILOT_ROUNDS = 30
# Rounds until early stopping, times the learning rate: about 120 at 0.1; many rows have more to tell. (Of 240,000 rows
# two tables stopped after 300 to 1,000.)
ROUNDS_PER_RATE, MANY_ROWS = 12.0, 50_000
# From the most careful to the most hurried: folds, learning rate, and the share of the time that one trial of LightGBM
# may take for it. The dearer families take ten or twenty times as long, and are worth more than a lower rate.
CHOICES = (
    (8, 0.04, 0.015),
    (6, 0.04, 0.03),
    (5, 0.05, 0.04),
    (4, 0.05, 0.05),
    (5, 0.1, 0.06),
    (4, 0.1, 0.08),
    (3, 0.1, 0.12),
    (3, 0.15, 0.15),
    (1, 0.1, 0.17),
    (1, 0.15, 0.2),
    (1, 0.3, float("inf")),
)
HURRIED = (3, 0.3)  # where rows are few a part held out is measured on next to nothing: rather this, while it fits
FEW_ROWS, HURRIED_SHARE = 5_000, 0.5
ENCODING_SHARE = 0.15
# Where neither the clock nor held-out rows end a fit before: CatBoost took 6,000 for salaries by job title. Its
# symmetric trees are quick to predict by; LightGBM has a limit of its own.
MOST_ROUNDS = 10_000
# How many candidates a table of so many rows can tell apart; more only pick the luckiest (the shape is AutoGluon's).
CANDIDATES = ((100, 8), (500, 16), (2_500, 32), (10_000, 64), (100_000, 120))
# While portfolios are tried, so many turns to one of the others: LightGBM is the best family on most tables.
EAGER = {"lightgbm": 2.0}
SAMPLED = 1.5  # rounds by which those wait that learn from a sample only
LATER = {"random_forest": 0.6, "lightgbm_features": 0.7}  # rounds by which those wait that resemble another family


@dataclass(frozen=True, slots=True)
class Cost:
    """What the pilot measured, in seconds per row: of encoding, and of one round of boosting."""

    encoding: float
    round: float


@dataclass(frozen=True, slots=True)
class Plan:
    """How the search will go.

    Attributes
    ----------
    folds
        1 holds a part out once.
    rows
        Most training rows per fold, or None for all.
    trials
        Most trials.
    seconds
        What one boosted trial should take; NaN when nobody looked at a clock.
    drawn
        At most about how many rows took part at all, drawn before they were split: the pilot's sample; None for all.
    models
        Most bytes that the models of the kept trials may take; None for no limit.
    """

    folds: int
    learning_rate: float
    rounds: int
    trials: int
    rows: int | None = None
    seconds: float = float("nan")
    drawn: int | None = None
    models: float | None = None


def plan_by_size(rows: int, trials: int) -> Plan:
    """Plan for a number of trials, whatever the time."""
    folds = 5 if rows <= 20_000 else 3 if rows <= 100_000 else 1
    return Plan(folds, 0.1, 500, trials)


def plan_by_clock(cost: Cost, rows: int, seconds: float, workers: int) -> Plan:
    """Choose the most careful plan that leaves time for several families in `seconds`."""
    affordable = int(ENCODING_SHARE * seconds / max(cost.encoding, 1e-9))
    most = max(affordable, min(rows, 1_000)) if affordable < rows else None
    learned = rows if most is None else most
    for folds, rate, share in CHOICES:
        expected = _seconds(cost, learned, folds, rate, workers)
        if expected <= share * seconds:
            break
    hurried = _seconds(cost, learned, *HURRIED, workers)
    if folds == 1 and rows <= FEW_ROWS and hurried <= HURRIED_SHARE * seconds:
        (folds, rate), expected = HURRIED, hurried
    return Plan(folds, rate, MOST_ROUNDS, most_trials(rows), most, expected)


def _seconds(cost: Cost, rows: int, folds: int, rate: float, workers: int) -> float:
    """Tell what a boosted trial takes when `workers` folds are fitted at a time (a single one shares out its rows)."""
    turns = ceil(folds / workers) if folds > 1 else workers**-0.5
    train = rows * (1 - 1 / max(folds, 5))
    rounds = ROUNDS_PER_RATE / rate * max(1.0, rows / MANY_ROWS) ** 0.5
    return turns * train * (cost.encoding + cost.round * rounds)


def pilot_rows(rows: int, seconds: float) -> int:
    """Say how many rows the pilot is fitted on, of a table of so many, when so much time is left."""
    return int(max(PILOT_ROWS, min(PILOT_PART * rows, PILOT_ROWS_PER_SECOND * seconds, MOST_PILOT_ROWS)))


def shared_out(cores: int, workers: int, threads: int, folds: int) -> tuple[int, int]:
    """Share out a worker's threads: how many folds are fitted side by side, and by how many threads each."""
    hands = max(1, min(threads, folds))
    each = max(1, threads // hands)
    assert workers * hands * each <= cores, f"{workers} workers × {hands} folds × {each} threads on {cores} cores"
    return hands, each


def most_trials(rows: int) -> int:
    """How many trials a table of this many rows can tell apart, between the points of `CANDIDATES` on log scales."""
    sizes, counts = np.log(np.array(CANDIDATES, dtype=float)).T
    return round(float(np.exp(np.interp(np.log(rows), sizes, counts))))


class Turns:
    """Whose turn it is: every family's portfolio in rounds, then the better a family did, the more turns it gets."""

    def __init__(self, families: Sequence[Family], portfolios: Sequence[int], rows: int = 0) -> None:
        self._first = _first_turns(families, portfolios, rows)
        self._families = list(families)
        self._losses: dict[str, float] = {}
        self._later = 0

    def next(self, affordable: Callable[[Family], bool]) -> Family | None:
        """Name the family to try now; None when no family can be afforded any more."""
        while self._first:
            family = self._first.pop(0)
            if affordable(family):
                return family
        ranked = sorted(self._families, key=lambda family: self._losses.get(family.name, float("inf")))
        # Two turns for the best, one for the next, again two for the best, one for the others in rotation. What cannot
        # be afforded leaves its turn to the best two only: a cheap family that lost does not win by more trials.
        other = 1 + self._later // 6 % max(1, len(ranked) - 1)
        place = min((0, 0, 1, 0, 0, other)[self._later % 6], len(ranked) - 1)
        self._later += 1
        return next((family for family in [ranked[place], *ranked[:2]] if affordable(family)), None)

    def saw(self, family: Family, loss: float) -> None:
        """How well a trial of this family did."""
        self._losses[family.name] = min(loss, self._losses.get(family.name, float("inf")))


def fitting(families: Sequence[Family], setting: Setting) -> list[Family]:
    """Leave out families that propose nothing for such a table, unless there is no other."""
    return [family for family in families if portfolio_of(family, setting)] or list(families)


def _first_turns(families: Sequence[Family], portfolios: Sequence[int], rows: int) -> list[Family]:
    """Every family once for each member of its portfolio, in rounds; an eager one is in every round more than once.

    One that would learn from a sample of the `rows` waits.
    """
    when = [
        (
            turn / EAGER.get(family.name, 1.0) + LATER.get(family.name, 0.0) + SAMPLED * (rows > family.most_rows),
            place,
        )
        for place, (family, size) in enumerate(zip(families, portfolios, strict=True))
        for turn in range(size)
    ]
    return [families[place] for _, place in sorted(when)]


class Estimates:
    """What a trial of each family will take: a guess first, then what was seen, the latest counting half.

    The guess is a family's cost in units of a trial of LightGBM; what such a unit is on this table and machine is
    learned from every family that was seen.
    """

    def __init__(self, families: Sequence[Family], seconds: float) -> None:
        self._costs = {family.name: family.cost for family in families}
        self._guess = seconds
        self._seen: dict[str, float] = {}

    def of(self, family: Family) -> float:
        """Seconds the next trial should take."""
        if family.name in self._seen:
            return self._seen[family.name]
        units = [seconds / self._costs[name] for name, seconds in self._seen.items()]
        return family.cost * (float(np.median(units)) if units else self._guess)

    def saw(self, family: Family, seconds: float) -> None:
        """Correct the estimate by a trial that was fitted."""
        self._seen[family.name] = 0.5 * (self._seen.get(family.name, seconds) + seconds)
