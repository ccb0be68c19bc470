"""All candidates ranked, which of them chance may have ranked, and the simplest of those."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from workbench.automl.blending import threshold
from workbench.automl.fitting.trial import Trial, as_predicted
from workbench.automl.problem.intervals import is_tied, scored, values
from workbench.automl.problem.splits import Array, Folds
from workbench.automl.task import Task
from workbench.metrics import Predicted

ENSEMBLE, BASELINE = "ensemble", "baseline"
RANKED = 15  # lines with an interval
# What one can say in a sentence of how each kind of model comes to its answer gets longer along this list.
SIMPLEST_FIRST = (
    "linear",
    "tree",
    "neighbours",
    "extra_trees",
    "random_forest",
    "lightgbm",
    "catboost",
    "lightgbm_features",
    "network",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the leaderboard in the making."""

    model: str
    family: str
    predicted: Predicted
    parameters: dict[str, Any]
    weight: float
    seconds: float


def leaderboard(
    task: Task,
    folds: Folds,
    trials: Sequence[Trial],
    weights: Array,
    best: Predicted,
    counts: list[Array],
    *,
    seed: int,
) -> pd.DataFrame:
    """Rank the ensemble, the trials that were kept and a guess that knows no column, by the task's metric.

    Parameters
    ----------
    weights : ndarray, shape (n_trials,)
        Of the trials in the ensemble.
    best : Predicted
        What the ensemble says of the validated rows.
    counts
        Bootstrap samples of those rows.
    """
    entries = _entries(task, folds, trials, weights, best, seed)
    # Only so many lines are worth an interval; the ensemble is the first of them and the baseline the last.
    worth = [place < RANKED or place == len(entries) - 1 for place in range(len(entries))]
    drawn = [
        values(task.metric, each.predicted, counts) if wanted else np.array([])
        for each, wanted in zip(entries, worth, strict=True)
    ]
    scores = [scored(task.metric, entry.predicted, each) for entry, each in zip(entries, drawn, strict=True)]
    losses = np.array([task.metric.loss(score.value) for score in scores])
    first = int(np.argmin(np.where(np.isnan(losses), np.inf, losses)))  # a single held-out row has no ROC AUC
    table = [
        {
            "model": entry.model,
            "family": entry.family,
            "score": score.value,
            "low": score.low,
            "high": score.high,
            "tied": place == first or (len(drawn[place]) > 0 and is_tied(task.metric, drawn[first], drawn[place])),
            "weight": entry.weight,
            "seconds": round(entry.seconds, 2),
            "params": _shortly(entry.parameters),
        }
        for place, (entry, score) in enumerate(zip(entries, scores, strict=True))
    ]
    ranked = pd.DataFrame(table).sort_values("score", ascending=not task.metric.higher_is_better, kind="stable")
    ranked = ranked.astype({"low": "float64", "high": "float64"})
    ranked.insert(0, "rank", np.arange(1, len(ranked) + 1))
    ranked = ranked.reset_index(drop=True)
    ranked.insert(list(ranked.columns).index("tied") + 1, "simplest", simplest(ranked))
    return ranked


def simplest(board: pd.DataFrame) -> Array:
    """Mark the simplest of the models that cannot be told apart from the best, shape (n_lines,): one, or none.

    A single model is simpler than an ensemble; of single models the kind decides, and then how long it took to fit,
    which tells how much there is of it. The guess is no model.
    """
    marks = np.zeros(len(board), dtype=bool)
    tied = board[board["tied"] & ~board["family"].isin([ENSEMBLE, BASELINE])]
    if len(tied):
        kinds = [
            SIMPLEST_FIRST.index(each) if each in SIMPLEST_FIRST else len(SIMPLEST_FIRST) for each in tied["family"]
        ]
        order = np.lexsort((tied["seconds"].to_numpy(dtype=float), np.array(kinds)))
        marks[board.index == tied.index[order[0]]] = True
    return marks


def guessed(task: Task) -> Array:
    """Say the same of every row, knowing no column: the shares of the classes, or the mean."""
    codes, weight = task.codes, task.weight
    if not task.classes:
        return np.full(len(codes), np.average(codes, weights=weight))
    shares = np.bincount(codes, weights=weight, minlength=len(task.classes))
    return np.tile(shares / shares.sum(), (len(codes), 1))


def _entries(
    task: Task, folds: Folds, trials: Sequence[Trial], weights: Array, best: Predicted, seed: int
) -> list[Entry]:
    weighed = list(zip(trials, weights.tolist(), strict=True))
    used = sum(trial.seconds for trial, weight in weighed if weight > 0)
    rows = folds.validated

    def said(predicted: Array) -> Predicted:
        """Give each model the threshold that suits it: one metric asks for labels, and the ensemble has its own."""
        called = threshold.called(task, folds, predicted, seed=seed)
        plain = as_predicted(task, predicted[rows], rows)
        return plain if called is None else replace(plain, prediction=np.array(task.classes)[called.astype(int)])

    return [
        Entry(ENSEMBLE, ENSEMBLE, best, {}, 1.0, used),
        *(
            Entry(trial.name, trial.family, said(trial.predicted), trial.parameters, weight, trial.seconds)
            for trial, weight in weighed
        ),
        Entry(BASELINE, BASELINE, as_predicted(task, guessed(task)[rows], rows), {}, 0.0, 0.0),
    ]


def _shortly(parameters: dict[str, Any]) -> str:
    return ", ".join(
        f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}" for name, value in parameters.items()
    )
