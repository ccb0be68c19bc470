"""Fewer of the folds' models, where an ensemble of all of them would take long to predict.

A member averages the models of its folds. The average of k errs more than one of all n by the part 1/k - 1/n of what
the models differ by, so that two or three bring most of what all bring, at a part of the time. Scores promise nothing
that this would break: they are measured on what a single fold's model says of each row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workbench.automl.blending.effort import Effort

ENOUGH = 1_200.0  # an effort that needs no saving: ten thousand rows take about 0.12 s on two cores
MOST_SPREAD = 0.14  # of what a member's models differ by, as a share of the variance of one model


@dataclass(frozen=True, slots=True)
class Members:
    """The members of an ensemble: their weights, what one model of each takes, how it encodes, and what that takes."""

    weights: Sequence[float]
    work: Sequence[float]
    encoders: Sequence[str]
    encoding: Sequence[float]
    folds: int

    def effort(self, kept: Sequence[int]) -> float:
        """Add up what so many models of each take; models of one fold and one way to encode share the matrix."""
        shared: dict[str, float] = {}
        for encoder, cost, number in zip(self.encoders, self.encoding, kept, strict=True):
            shared[encoder] = max(shared.get(encoder, 0.0), cost * number)
        return sum(shared.values()) + sum(work * number for work, number in zip(self.work, kept, strict=True))

    def spread(self, kept: Sequence[int]) -> float:
        """How much variance is left that the average of all models would not have."""
        pairs = zip(self.weights, kept, strict=True)
        return sum(weight**2 * (1 / number - 1 / self.folds) for weight, number in pairs)

    def fewer(self, kept: Sequence[int]) -> Iterator[tuple[int, ...]]:
        """Leave out one model of a member, or of all members that need a fold's matrix."""
        for place, number in enumerate(kept):
            if number > 1:
                yield tuple(one - (each == place) for each, one in enumerate(kept))
        for encoder in dict.fromkeys(self.encoders):
            most = max(number for number, own in zip(kept, self.encoders, strict=True) if own == encoder)
            if most > 1:
                yield tuple(
                    number - (own == encoder and number == most)
                    for number, own in zip(kept, self.encoders, strict=True)
                )


def fewer_models(weights: Sequence[float], effort: Effort, spent: float = 0.0) -> list[list[int]]:
    """Choose the folds whose models each member of an ensemble averages.

    Parameters
    ----------
    weights
        Of the trials that `effort` tells of; zero for those that average no folds.
    spent
        Effort of the other members.

    Returns
    -------
    list of list of int
        For each trial, in order; those of a way to encode begin with the same fold, those of another with another one,
        so that together they have learned from as many rows as can be. Empty for those with weight zero.
    """
    used = [place for place, weight in enumerate(weights) if weight]
    members = Members(
        [weights[place] for place in used],
        [effort.work[place] for place in used],
        [effort.encoders[place] for place in used],
        [effort.encoding[effort.encoders[place]] for place in used],
        effort.models,
    )
    numbers = dict(zip(used, _numbers(members, ENOUGH - spent), strict=True))
    ways = list(dict.fromkeys(members.encoders))
    first = {way: place * effort.models // len(ways) for place, way in enumerate(ways)}
    return [
        sorted((first[encoder] + step) % effort.models for step in range(numbers[place])) if place in numbers else []
        for place, encoder in enumerate(effort.encoders)
    ]


def _numbers(members: Members, enough: float) -> tuple[int, ...]:
    """Leave out those models first that save most for what their absence costs, till the rest is quick enough."""
    kept = (members.folds,) * len(members.weights)
    while members.effort(kept) > enough:
        steps = [step for step in members.fewer(kept) if members.spread(step) <= MOST_SPREAD]
        if not steps:
            break
        before, spread = members.effort(kept), members.spread(kept)
        kept = max(steps, key=lambda step: (before - members.effort(step)) / (members.spread(step) - spread))
    return kept
