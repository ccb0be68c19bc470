"""The best of the trials joined: greedy selection on out-of-fold predictions, scored on rows it did not see.

The method is Caruana and others' (2004): begin with the best trial, and again and again add the one, repeats allowed,
that makes the average best. The weights are learned on all validated rows; the *score* that is reported is of
weights learned on the other folds, for a choice looks better on the rows it was made on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from workbench.automl.blending.effort import Effort, effort_of
from workbench.automl.fitting.trial import Trial, as_predicted, not_below
from workbench.automl.problem.cuts import loss_when_cut
from workbench.automl.problem.intervals import evaluator, takes_shares
from workbench.automl.problem.splits import Array, Folds, drawn_of_each
from workbench.automl.task import Task
from workbench.metrics import measure

POOL = 18  # trials that selection looks at: the best of those it may learn from, and
EACH_FAMILY = (
    3  # the best of every family: a forest that is poor alone, for its trees call things impossible, may add most
)
STEPS = 25
MOST_ROWS = 10_000  # rows that weights are learned on: more change them in the third decimal
LEAST_WEIGHT = 0.03  # a member below costs more at every prediction than it brings
# What may be lost, as a share of the loss, so that prediction costs less: of a model that is to be as good as can be,
# and of one that is to be small and fast.
FULL, COMPACT = 0.001, 0.01
Deploy = Literal["full", "compact"]
# And of one that is to be as good as can be and yet is slow: till ten thousand rows take about 0.4 s on two cores.
SLOW, ENOUGH = 0.003, 5_000.0
OF_ONE = 8  # trials of one encoding that may do without the others
DEAR = 0.1  # share of the effort from which on a member of the former has to be worth it
PARTS = 5  # when rows were held out once, weights are cross-fitted over parts of those


@dataclass(frozen=True, slots=True)
class Blend:
    """The chosen trials.

    Attributes
    ----------
    weights : ndarray, shape (n_trials,)
        Zero for those that were left out; they sum to 1.
    predicted : ndarray
        Cross-fitted: each row is predicted by its fold's models, with weights learned on the other folds.
    optimism
        How much better, in the metric's units, the same choice looks on the rows it was made on.
    """

    weights: Array
    predicted: Array
    optimism: float


def blend(task: Task, folds: Folds, trials: Sequence[Trial], *, seed: int, slack: float = FULL) -> Blend:
    """Choose trials and weigh them.

    Parameters
    ----------
    slack
        Share of the loss that may be lost by leaving out members that cost much at prediction.
    """
    effort = effort_of(trials, task.frame[:1], alone=slack >= COMPACT)  # who wants it compact has rows one at a time
    stack, rows = np.stack([trial.predicted for trial in trials]), folds.validated
    families = [trial.family for trial in trials]
    weights = _weights(task, stack, rows, families, effort, seed, slack)
    part = parts(task, folds, rows, seed)
    crossed = np.full_like(stack[0], np.nan)
    for number in np.unique(part):
        told = rows[part == number]
        learned = rows[part != number]
        fair = _weights(task, stack, learned, families, effort, seed, slack) if _judged(task, learned) else weights
        crossed[told] = not_below(task, _mixed(stack[:, told], fair))
    seen = measure(task.metric, as_predicted(task, _mixed(stack, weights)[rows], rows))
    unseen = measure(task.metric, as_predicted(task, crossed[rows], rows))
    return Blend(weights, crossed, task.metric.loss(unseen) - task.metric.loss(seen))


def parts(task: Task, folds: Folds, rows: Array, seed: int) -> Array:
    """Which part each validated row belongs to: its fold, or when there is one, a random fifth (whole groups)."""
    if len(folds) > 1:
        return folds.fold_of[rows]
    random = np.random.default_rng(seed)
    if task.groups is None:
        return random.permutation(len(rows)) % PARTS
    groups, member = np.unique(task.groups[rows], return_inverse=True)
    return (random.permutation(len(groups)) % PARTS)[member]


def _judged(task: Task, rows: Array) -> bool:
    """Whether these rows can tell good from bad: of a classification they must hold two classes."""
    return len(np.unique(task.truth[rows])) > 1


def _mixed(stack: Array, weights: Array) -> Array:
    return np.tensordot(weights, stack, axes=1)


def _weights(
    task: Task, stack: Array, rows: Array, families: Sequence[str], effort: Effort, seed: int, slack: float
) -> Array:
    """Learn weights on some rows, shape (n_trials,)."""
    rows, counts = drawn(task, rows, MOST_ROWS, seed=seed)
    few = stack[:, rows]
    cut = loss_when_cut(task, rows, counts)

    def loss(predicted: Array) -> float:
        if cut is not None:
            return cut(predicted)
        value = task.metric.loss(evaluator(task.metric, as_predicted(task, predicted, rows))(counts))
        return value if np.isfinite(value) else np.inf

    alone = np.array([loss(predicted) for predicted in few])
    ranked = np.argsort(alone, kind="stable")
    pool = ranked[best_of_each([families[place] for place in ranked], POOL)]
    taken = _greedy(few[pool], loss)
    weights = np.zeros(len(stack))
    weights[pool] = taken / taken.sum()
    weights[weights < LEAST_WEIGHT] = 0.0
    weights = weights / weights.sum()
    limit = allowed(task, loss(_mixed(few, weights)), slack)
    if slack < COMPACT:
        weights = without_the_dear(few, weights, effort, loss, limit, dear=DEAR)
        slow = allowed(task, loss(_mixed(few, weights)), SLOW)
        return without_the_dear(few, weights, effort, loss, slow, dear=0.0, enough=ENOUGH)
    found = [weights, *_of_one_encoding(few, pool.tolist(), effort, loss), *np.eye(len(stack))[pool]]
    within = [one for one in found if loss(_mixed(few, one)) <= limit]
    lighter = [without_the_dear(few, one, effort, loss, limit, dear=0.0) for one in within]
    return min(lighter, key=lambda one: effort.of(np.flatnonzero(one).tolist()))


def drawn(task: Task, rows: Array, most: int, *, seed: int) -> tuple[Array, Array]:
    """Draw about so many of some rows, in order, and say for how many each stands.

    Half of them are shared out evenly among the classes: a few hundred rows of a rare one decide which trial is best.
    """
    if len(rows) <= most:
        return rows, np.ones(len(rows))
    random = np.random.default_rng(seed)
    if not task.classes or not takes_shares(task.metric):
        return np.sort(random.choice(rows, most, replace=False)), np.ones(most)
    codes = task.codes[rows]
    sizes = np.bincount(codes, minlength=len(task.classes)).tolist()
    even = most / (2 * len(sizes))
    wanted = [min(size, int(even + most / 2 * size / len(rows))) for size in sizes]
    places, counts = drawn_of_each(codes, wanted, random)
    order = np.argsort(places)
    return rows[places[order]], counts[order]


def _of_one_encoding(
    stack: Array, pool: Sequence[int], effort: Effort, loss: Callable[[Array], float]
) -> Iterator[Array]:
    """Weigh, for each way to encode a row, the best of the trials that need no other; to encode takes longest."""
    for encoder in sorted({effort.encoders[place] for place in pool}):
        best = [place for place in pool if effort.encoders[place] == encoder][:OF_ONE]
        taken = _greedy(stack[best], loss)
        weights = np.zeros(len(stack))
        weights[best] = taken / taken.sum()
        yield weights


def allowed(task: Task, loss: float, slack: float) -> float:
    """Give the loss that is worse by a share; of a metric whose best value is 1 the loss is what is missing to it."""
    return loss + slack * abs(1.0 + loss if task.metric.higher_is_better else loss)


def without_the_dear(
    stack: Array,
    weights: Array,
    effort: Effort,
    loss: Callable[[Array], float],
    limit: float,
    *,
    dear: float,
    enough: float = 0.0,
) -> Array:
    """Leave out members, those first that save most, as long as the loss of what remains is within a limit.

    Parameters
    ----------
    dear
        Share of the ensemble's effort that leaving a member out has to save.
    enough
        An effort that needs no saving.
    """
    whole = effort.of(np.flatnonzero(weights).tolist())
    tried: set[int] = set()
    while len(left := np.flatnonzero(weights).tolist()) > 1 and effort.of(left) > enough:
        saved = {
            place: effort.of(left) - effort.of([one for one in left if one != place])
            for place in left
            if place not in tried
        }
        place = max(saved, key=lambda one: (saved[one], one), default=None)
        if place is None or saved[place] < dear * whole:
            break
        tried.add(place)
        less = np.where(np.arange(len(weights)) == place, 0.0, weights)
        if loss(_mixed(stack, less / less.sum())) <= limit:
            weights = less / less.sum()
            tried.clear()  # with it gone, others may save more: the last of an encoding saves that, too
    return weights


def best_of_each(families: Sequence[str], most: int) -> list[int]:
    """Choose among ranked trials: the best few of every family, then the best of all, up to `most`; ranks, in order."""
    seen: Counter[str] = Counter()
    first = []
    for rank, family in enumerate(families):
        seen[family] += 1
        if seen[family] <= EACH_FAMILY:
            first.append(rank)
    others = [rank for rank in range(len(families)) if rank not in set(first)]
    return sorted([*first, *others[: max(0, most - len(first))]])


def _greedy(stack: Array, loss: Callable[[Array], float]) -> Array:
    """How often each member is taken until the average gets no better, shape (n_members,); the first is the best."""
    counts, total = np.zeros(len(stack)), np.zeros_like(stack[0])
    best, best_loss = counts, np.inf
    for step in range(1, STEPS + 1):
        losses = [loss((total + member) / step) for member in stack]
        taken = int(np.argmin(losses))
        counts, total = counts + (np.arange(len(stack)) == taken), total + stack[taken]
        if losses[taken] < best_loss:
            best, best_loss = counts, losses[taken]
        elif step - best.sum() >= 5:
            break
    return best if best.any() else counts
