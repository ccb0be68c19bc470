"""What a search found: the model, how good it is and how sure, and what else was tried."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from workbench.automl import display, pictures
from workbench.automl.ensemble import Blend, blend
from workbench.automl.fitting import Trial, as_predicted
from workbench.automl.intervals import evaluator, is_tied, samples, scored, values
from workbench.automl.labels import coercer_of
from workbench.automl.planner import Plan
from workbench.automl.roles import groups_held_back, weights_of
from workbench.automl.splits import Array, Folds
from workbench.automl.task import Task, test_rows
from workbench.estimators.ensemble import Bag, Ensemble
from workbench.estimators.model import TabularModel
from workbench.metrics import METRICS, Metric, Predicted
from workbench.pages.blocks import Said
from workbench.pages.picture import Picture
from workbench.pages.words import count
from workbench.records import Check, Level, Score

ENSEMBLE, BASELINE = "ensemble", "baseline"
FEW_TRIALS = 4  # fewer are no search
RANKED = 15  # leaderboard rows with an interval


@dataclass(frozen=True, slots=True)
class Found:
    """What the trials left: the best of them, best first, and the record of all."""

    trials: list[Trial]
    folds: Folds
    plan: Plan
    log: list[dict[str, Any]]
    failure: Exception | None


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a search.

    Attributes
    ----------
    model : TabularModel
        Takes raw rows; can be stored.
    leaderboard : DataFrame
        rank, model, family, score, low, high, tied (not told apart from the best by a paired bootstrap), weight (in
        the ensemble), seconds, params.
    scores : dict of str to Score
        Of the ensemble, cross-fitted, by metric; the task's own first.
    predictions : DataFrame
        Of rows some fold validated: row (in the file), fold, truth, prediction, and probability_<class> each.
    trials : list of dict
        Every trial: number, family, params, state, score, seconds, cut, reason, and what it takes to fit it again (see
        `workbench.automl.glass_box.realised`), with its weight in the ensemble.
    folds
        Pairs of training and validation positions in `Task.frame`.
    fold_models : list of Ensemble
        For each fold the ensemble of its models; they take coerced rows, and never saw the fold's validation rows.
    test_scores : dict of str to Score
        Of the final model on the held-back table; empty without one.
    deadline
        When the run must end, in seconds of `time.time`; None for a search that reads no clock.
    """

    task: Task
    model: TabularModel
    leaderboard: pd.DataFrame
    scores: dict[str, Score]
    predictions: pd.DataFrame
    trials: list[dict[str, Any]]
    folds: Folds
    fold_models: list[Ensemble]
    plan: Plan
    seed: int
    seconds: float
    deadline: float | None = None
    test_scores: dict[str, Score] = field(default_factory=dict)

    @property
    def score(self) -> Score:
        """The task's own metric, of the ensemble."""
        return self.scores[self.task.metric.name]

    @property
    def checks(self) -> tuple[Check, ...]:
        """What should be known of the search beside its result: that it was short of time."""
        done = sum(trial["state"] == "completed" for trial in self.trials)
        if self.deadline is None or (done >= FEW_TRIALS and len(self.folds) > 1):
            return ()
        measured = " and each is measured on one part held out, not on all rows" if len(self.folds) == 1 else ""
        message = (
            f"There was time for {count(done, 'model')}{measured}. A longer search may find a better one, and measures "
            "it better: give it a larger budget."
        )
        level: Level = "warn" if done < FEW_TRIALS else "note"
        return (Check("short_budget", level, message),)

    def search_picture(self) -> Picture | Said:
        """Draw the score of each trial, and the best so far."""
        return pictures.search_picture(self)

    def leaderboard_picture(self) -> Picture:
        """Draw the best candidates with their intervals."""
        return pictures.leaderboard_picture(self)

    def __repr__(self) -> str:
        return display.result_text(self)

    def _repr_html_(self) -> str:
        return display.result_html(self)


def finished(task: Task, found: Found, *, seed: int, started: float, deadline: float | None = None) -> Result:
    """Join the trials to an ensemble, measure it, and rank everything."""
    chosen = blend(task, found.folds, found.trials, seed=seed)
    rows = found.folds.validated
    predicted = as_predicted(task, chosen.predicted[rows], rows)
    model = TabularModel(
        coercer_of([task.schema[name] for name in task.features]),
        _ensemble([trial.final for trial in found.trials], chosen.weights),
        list(task.classes),
    )
    counts = samples(predicted, seed=seed, share=found.folds.independent)
    return Result(
        task=task,
        model=model,
        leaderboard=leaderboard(task, found, chosen, counts),
        scores=_scores(task, predicted, counts, {task.metric.name: chosen.optimism}),
        predictions=_predictions(task, found.folds, predicted),
        trials=_weighed(found, chosen.weights),
        folds=found.folds,
        fold_models=[
            _ensemble([Bag([trial.members[fold]]) for trial in found.trials], chosen.weights)
            for fold in range(len(found.folds))
        ],
        plan=found.plan,
        seed=seed,
        seconds=time.time() - started,
        deadline=deadline,
        test_scores=_test_scores(task, model, seed),
    )


def _weighed(found: Found, weights: Array) -> list[dict[str, Any]]:
    """Note in the record of each trial how much of the ensemble it is."""
    weight = {trial.number: float(part) for trial, part in zip(found.trials, weights, strict=True)}
    return [{**entry, "weight": weight.get(entry["number"], 0.0)} for entry in found.log]


def _ensemble(bags: Sequence[Bag], weights: Array) -> Ensemble:
    used = np.flatnonzero(weights).tolist()
    return Ensemble([bags[place] for place in used], [float(weights[place]) for place in used])


def _scores(task: Task, predicted: Predicted, counts: list[Array], optimism: dict[str, float]) -> dict[str, Score]:
    return {
        metric.name: scored(metric, predicted, values(metric, predicted, counts), optimism=optimism.get(metric.name))
        for metric in _fitting(task)
    }


def _fitting(task: Task) -> list[Metric]:
    """Every metric that fits the task, its own first."""
    others = [metric for metric in METRICS.values() if task.kind in metric.tasks and metric != task.metric]
    return [task.metric, *others]


def _predictions(task: Task, folds: Folds, predicted: Predicted) -> pd.DataFrame:
    rows = folds.validated
    columns: dict[str, Any] = {
        "row": task.frame.index.to_numpy()[rows],
        "fold": folds.fold_of[rows],
        "truth": predicted.truth,
        "prediction": predicted.prediction,
    }
    if predicted.probability is not None:
        columns |= {f"probability_{label}": predicted.probability[:, place] for place, label in enumerate(task.classes)}
    return pd.DataFrame(columns)


def _test_scores(task: Task, model: TabularModel, seed: int) -> dict[str, Score]:
    """Measure the final model on the held-back table, once."""
    if task.test is None:
        return {}
    rows, truth = test_rows(task, task.test)
    frame = task.test.frame.iloc[rows]
    prediction = model.predict(frame)
    probability = model.predict_proba(frame) if task.classes else None
    weight, groups = weights_of(task.test, task.schema, rows), groups_held_back(task.test, task.schema, rows)
    predicted = Predicted(truth, prediction, probability, task.classes, weight, groups)
    return _scores(task, predicted, samples(predicted, seed=seed), {})


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the leaderboard in the making."""

    model: str
    family: str
    predicted: Array
    parameters: dict[str, Any]
    weight: float
    seconds: float


def leaderboard(task: Task, found: Found, chosen: Blend, counts: list[Array]) -> pd.DataFrame:
    """Rank the ensemble, the trials that were kept and a guess that knows no column, by the task's metric."""
    rows = found.folds.validated
    entries = _entries(task, found, chosen)
    said = [as_predicted(task, entry.predicted[rows], rows) for entry in entries]
    # Only so many lines are worth an interval; the ensemble is the first of them and the baseline the last.
    worth = [place < RANKED or place == len(said) - 1 for place in range(len(said))]
    drawn = [
        values(task.metric, each, counts) if wanted else np.array([]) for each, wanted in zip(said, worth, strict=True)
    ]
    scores = [scored(task.metric, *pair) for pair in zip(said, drawn, strict=True)]
    losses = np.array([task.metric.loss(score.value) for score in scores])
    best = int(np.argmin(np.where(np.isnan(losses), np.inf, losses)))  # a single held-out row has no ROC AUC
    table = [
        {
            "model": entry.model,
            "family": entry.family,
            "score": score.value,
            "low": score.low,
            "high": score.high,
            "tied": score is scores[best] or (len(each) > 0 and is_tied(task.metric, drawn[best], each)),
            "weight": entry.weight,
            "seconds": round(entry.seconds, 2),
            "params": _shortly(entry.parameters),
        }
        for entry, score, each in zip(entries, scores, drawn, strict=True)
    ]
    ranked = pd.DataFrame(table).sort_values("score", ascending=not task.metric.higher_is_better, kind="stable")
    ranked = ranked.astype({"low": "float64", "high": "float64"})
    ranked.insert(0, "rank", np.arange(1, len(ranked) + 1))
    return ranked.reset_index(drop=True)


def _entries(task: Task, found: Found, chosen: Blend) -> list[Entry]:
    weighed = list(zip(found.trials, chosen.weights.tolist(), strict=True))
    used = sum(trial.seconds for trial, weight in weighed if weight > 0)
    return [
        Entry(ENSEMBLE, ENSEMBLE, chosen.predicted, {}, 1.0, used),
        *(
            Entry(trial.name, trial.family, trial.predicted, trial.parameters, weight, trial.seconds)
            for trial, weight in weighed
        ),
        Entry(BASELINE, BASELINE, guessed(task), {}, 0.0, 0.0),
    ]


def guessed(task: Task) -> Array:
    """Say the same of every row, knowing no column: the shares of the classes, or the mean."""
    codes, weight = task.codes, task.weight
    if not task.classes:
        return np.full(len(codes), np.average(codes, weights=weight))
    shares = np.bincount(codes, weights=weight, minlength=len(task.classes))
    return np.tile(shares / shares.sum(), (len(codes), 1))


def _shortly(parameters: dict[str, Any]) -> str:
    return ", ".join(
        f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}" for name, value in parameters.items()
    )


def seconds_to_finish(task: Task) -> float:
    """Guess how long `finished` will take: timed on the task's own metric, with random predictions."""
    rows = np.arange(min(len(task.frame), 10_000))
    random = np.random.default_rng(0)
    shape = (len(rows), len(task.classes)) if task.classes else (len(rows),)
    once = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        evaluator(task.metric, as_predicted(task, random.random(shape), rows))(np.ones(len(rows)))
        once = min(once, time.perf_counter() - began)
    # Greedy selection tries a dozen members in about fifteen steps for each of up to six sets of folds; the intervals
    # take some twenty lines and metrics of two million row evaluations, each a fraction of the one timed.
    return 1.0 + 12 * 15 * 6 * once + 20 * 200 * 0.3 * once
