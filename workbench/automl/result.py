"""What a search found: the model, how good it is and how sure, and what else was tried."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from workbench.automl import display, pictures
from workbench.automl.blending import calibration, threshold
from workbench.automl.blending.calibration import Calibrated, calibrated
from workbench.automl.blending.effort import effort_of
from workbench.automl.blending.ensemble import COMPACT, FULL, Deploy, blend
from workbench.automl.blending.fewer import fewer_models
from workbench.automl.blending.leaderboard import leaderboard
from workbench.automl.blending.threshold import Decision, decision
from workbench.automl.blending.uncertainty import Conformal, Coverage, uncertainty
from workbench.automl.fitting.trial import Trial, as_predicted
from workbench.automl.fitting.whole import OnAllRows
from workbench.automl.glass_box.realised import weighed
from workbench.automl.planning.planner import Plan
from workbench.automl.problem.copies import has_copy
from workbench.automl.problem.intervals import evaluator, samples, scored, values
from workbench.automl.problem.roles import groups_held_back, weights_of
from workbench.automl.problem.splits import Array, Folds
from workbench.automl.task import Task, test_rows
from workbench.dataset import coercer_of
from workbench.estimators.ensemble import Bag, Ensemble
from workbench.estimators.model import TabularModel
from workbench.metrics import METRICS, Metric, Predicted, measure
from workbench.pages.blocks import Said
from workbench.pages.picture import Picture
from workbench.pages.words import count, score_sentence
from workbench.records import Check, Level, Score

FEW_TRIALS = 4  # fewer are no search
FEWEST_ONCE = 30  # rows, for a score of their own


@dataclass(frozen=True, slots=True)
class Found:
    """What the trials left: the best of them, best first, and the record of all."""

    trials: list[Trial]
    folds: Folds
    plan: Plan
    log: list[dict[str, Any]]
    failure: Exception | None
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen of the trials, and made of their predictions.

    Attributes
    ----------
    trials
        All that were found; members as they were fitted on all rows, if there was time for it.
    weights : ndarray, shape (n_trials,)
        Zero for those that are no member.
    whole
        Numbers of those that were fitted on all rows.
    why_bagged
        Why another member was not; empty if all were.
    averaged
        The folds whose models each member averages, by its number; the number after the last stands for all rows.
    """

    trials: list[Trial]
    weights: Array
    whole: frozenset[int]
    why_bagged: str
    averaged: dict[int, list[int]]
    calibrated: Calibrated
    decision: Decision
    conformal: Conformal | None
    coverage: Coverage | None


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a search.

    Attributes
    ----------
    model : TabularModel
        Takes raw rows; can be stored.
    leaderboard : DataFrame
        rank, model, family, score, low, high, tied (not told apart from the best by a paired bootstrap), simplest (of
        the tied single models), weight (in the ensemble), seconds, params.
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
        When the run must end, in seconds of `time.monotonic`; None for a search that reads no clock.
    calibrated : Calibrated
        What was made of the probabilities, and by how much that helped.
    decision : Decision
        How probabilities of two classes become a label.
    coverage : Coverage or None
        How often intervals or sets hold the truth; None where the rows are too few for them.
    deploy
        ``compact`` for a model that was made small: fewer members.
    bagged
        Whether a member averages the models of folds, since it was not fitted on all rows.
    why_bagged
        Why not; else empty.
    once : Score or None
        On rows that stand once in the table, where those that have copies were split like all others.
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
    interrupted: bool = False
    test_scores: dict[str, Score] = field(default_factory=dict)
    calibrated: Calibrated | None = None
    decision: Decision = field(default_factory=Decision)
    coverage: Coverage | None = None
    deploy: Deploy = "full"
    bagged: bool = True
    why_bagged: str = ""
    once: Score | None = None

    @property
    def score(self) -> Score:
        """The task's own metric, of the ensemble."""
        return self.scores[self.task.metric.name]

    @property
    def checks(self) -> tuple[Check, ...]:
        """What should be known of the search beside its result: that it was interrupted, or short of time."""
        return (*self._searched(), *self._compacted(), *self._repeated())

    def _compacted(self) -> tuple[Check, ...]:
        if self.deploy == "full" or not self.bagged:
            return ()
        message = f"{self.why_bagged} So it is the average of its folds' models, which takes longer to predict."
        return (Check("compact", "note", message),)

    def _searched(self) -> tuple[Check, ...]:
        done = sum(trial["state"] == "completed" for trial in self.trials)
        if self.interrupted:
            message = f"The search was interrupted after {count(done, 'model')}: this is the best of what was found."
            return (Check("interrupted", "note", message),)
        if self.deadline is None or (done >= FEW_TRIALS and len(self.folds) > 1):
            return ()
        measured = " and each is measured on one part held out, not on all rows" if len(self.folds) == 1 else ""
        message = (
            f"There was time for {count(done, 'model')}{measured}. A longer search may find a better one, and measures "
            "it better: give it a larger budget."
        )
        level: Level = "warn" if done < FEW_TRIALS else "note"
        return (Check("short_budget", level, message),)

    def _repeated(self) -> tuple[Check, ...]:
        """Say what the score is on rows that stand once, where copies of others may be on both sides of a split."""
        if self.once is None or self.task.repeats is None:
            return ()
        twice = has_copy(self.task.repeats)
        alone = int((~twice[self.folds.validated]).sum())
        worse = self.task.metric.loss(self.once.value) > self.task.metric.loss(self.score.value)
        message = (
            f"On the {count(alone, 'row')} that stand once in the table the score is {score_sentence(self.once)}; "
            f"{count(int(twice.sum()), 'row')} have copies, which may have been learned from. If a copy is one thing "
            "recorded twice, expect this score of new rows; if things do repeat, the score of all rows."
        )
        return (Check("rows_that_stand_once", "warn" if worse else "note", message),)

    def search_picture(self) -> Picture | Said:
        """Draw the score of each trial, and the best so far."""
        return pictures.search_picture(self)

    def leaderboard_picture(self) -> Picture:
        """Draw the best candidates with their intervals."""
        return pictures.leaderboard_picture(self)

    def reliability_picture(self) -> Picture | Said:
        """Draw how often what was predicted with a probability came true."""
        return pictures.reliability_picture(self)

    def decision_picture(self) -> Picture | Said:
        """Draw what is called what at the model's threshold, and what other thresholds would make of it."""
        return pictures.decision_picture(self)

    def interval_picture(self) -> Picture | Said:
        """Draw the intervals of predicted numbers, and how often they held."""
        return pictures.interval_picture(self)

    def __repr__(self) -> str:
        return display.result_text(self)

    def _repr_html_(self) -> str:
        return display.result_html(self)


def finished(
    task: Task,
    found: Found,
    *,
    seed: int,
    started: float,
    deadline: float | None = None,
    deploy: Deploy = "full",
    refits: OnAllRows,
) -> Result:
    """Join the trials to an ensemble, make its numbers mean what they say, measure it, and rank everything."""
    folds, chosen = found.folds, _chosen(task, found, seed=seed, deploy=deploy, refits=refits)
    model, predicted = _model(task, chosen), _held_out(task, folds, chosen)
    counts = samples(predicted, seed=seed, share=folds.independent)
    optimism = _optimism(task, folds, chosen, model, predicted)
    return Result(
        task=task,
        model=model,
        leaderboard=leaderboard(task, folds, chosen.trials, chosen.weights, predicted, counts, seed=seed),
        scores=_scores(task, predicted, counts, {task.metric.name: optimism}),
        predictions=_predictions(task, folds, predicted),
        trials=_record(found.log, chosen),
        folds=folds,
        fold_models=_fold_models(task, folds, chosen),
        plan=found.plan,
        seed=seed,
        seconds=time.monotonic() - started,
        deadline=deadline,
        interrupted=found.interrupted,
        test_scores=_test_scores(task, model, seed),
        calibrated=chosen.calibrated,
        decision=chosen.decision,
        coverage=chosen.coverage,
        deploy=deploy,
        bagged=bool(chosen.why_bagged),
        why_bagged=chosen.why_bagged,
        once=_once(task, folds.validated, predicted),
    )


def _chosen(task: Task, found: Found, *, seed: int, deploy: Deploy, refits: OnAllRows) -> Chosen:
    """Choose what the model is made of, and what is made of its predictions.

    Each is chosen twice: on all validated rows for the model, and for the scores on the other folds than those that are
    scored. Fitting the members on all rows changes no score.
    """
    folds = found.folds
    mixed = blend(task, folds, found.trials, seed=seed, slack=FULL if deploy == "full" else COMPACT)
    used = _used(mixed.weights)
    fitted = refits.fit([found.trials[place] for place in used], _worth(task, found.trials, mixed.weights)[used])
    finals = {trial.number: trial for trial in fitted if isinstance(trial, Trial)}
    trials = [finals.get(trial.number, trial) for trial in found.trials]
    whole = frozenset(finals)
    told = calibrated(task, folds, mixed.predicted, seed=seed)
    conformal, coverage = uncertainty(task, folds, told.predicted, seed=seed)
    return Chosen(
        trials=trials,
        weights=mixed.weights,
        whole=whole,
        why_bagged=next((why for why in fitted if isinstance(why, str)), ""),
        averaged={} if folds.kind == "time" else _averaged(task, trials, mixed.weights, whole, refits),
        calibrated=told,
        decision=decision(task, folds, told.predicted, seed=seed),
        conformal=conformal,
        coverage=coverage,
    )


def _worth(task: Task, trials: Sequence[Trial], weights: Array) -> Array:
    """Say what the fit on all rows of each trial is worth: its voice, and the effort that one model saves."""
    effort = effort_of(trials, task.frame[:1])
    each = [work + effort.encoding[encoder] for work, encoder in zip(effort.work, effort.encoders, strict=True)]
    saved = np.where(weights > 0, each, 0.0)
    return np.asarray(weights + saved / saved.sum())


def _model(task: Task, chosen: Chosen) -> TabularModel:
    """Put together what predicts new rows."""
    return TabularModel(
        coercer_of([task.schema[name] for name in task.features]),
        _ensemble(_bags(chosen), chosen.weights, task.least),
        list(task.classes),
        chosen.calibrated.calibration,
        chosen.decision.threshold,
        chosen.conformal,
    )


def _held_out(task: Task, folds: Folds, chosen: Chosen) -> Predicted:
    """Give the cross-fitted predictions of the validated rows, called by a threshold that the other folds chose."""
    rows = folds.validated
    predicted, called = as_predicted(task, chosen.calibrated.predicted[rows], rows), chosen.decision.called
    return predicted if called is None else replace(predicted, prediction=np.array(task.classes)[called.astype(int)])


def _fold_models(task: Task, folds: Folds, chosen: Chosen) -> list[Ensemble]:
    return [
        _ensemble([Bag([trial.members[fold]]) for trial in chosen.trials], chosen.weights, task.least)
        for fold in range(len(folds))
    ]


def _record(log: Sequence[dict[str, Any]], chosen: Chosen) -> list[dict[str, Any]]:
    """Add to the record of the trials what each is in the ensemble, and the rounds of a fit on all rows."""
    finals = {trial.number: trial for trial in chosen.trials if trial.number in chosen.whole}
    parts = {trial.number: part for trial, part in zip(chosen.trials, chosen.weights, strict=True)}
    return weighed([_as_fitted(entry, finals.get(entry["number"])) for entry in log], parts, chosen.averaged)


def _as_fitted(entry: dict[str, Any], trial: Trial | None) -> dict[str, Any]:
    """Note the rounds of a fit on all rows beside those of the folds."""
    return entry if trial is None else {**entry, "boosted": list(trial.boosted), "rounds": list(trial.rounds)}


def _optimism(task: Task, folds: Folds, chosen: Chosen, model: TabularModel, predicted: Predicted) -> float:
    """Measure how much better all that was chosen looks on the rows it was chosen on."""
    rows, weights = folds.validated, chosen.weights
    mixed = sum(weights[place] * chosen.trials[place].predicted[rows] for place in _used(weights))
    seen = as_predicted(task, mixed if model.calibration is None else model.calibration.transform(mixed), rows)
    if seen.probability is not None:
        seen = replace(seen, prediction=model.labels(seen.probability))
    return task.metric.loss(measure(task.metric, predicted)) - task.metric.loss(measure(task.metric, seen))


def _averaged(
    task: Task, trials: Sequence[Trial], weights: Array, whole: Collection[int], refits: OnAllRows
) -> dict[int, list[int]]:
    """Choose the folds whose models each member averages, by its number; some of them, where all would be slow.

    A replay averages those it averaged then, whatever is called slow by now.
    """
    folds, then = len(refits.bench.folds), refits.recorded or {}
    effort = effort_of(trials, task.frame[:1])
    alone = [place for place in _used(weights) if trials[place].number in whole]
    bagged = [0.0 if place in alone else float(weight) for place, weight in enumerate(weights)]
    kept = fewer_models(bagged, effort, spent=replace(effort, models=1).of(alone))
    told = {trial.number: chosen for trial, chosen in zip(trials, kept, strict=True) if chosen}
    told |= {number: list(then[number]) for number in told if folds not in then.get(number, [folds])}
    return {**told, **{trials[place].number: [folds] for place in alone}}


def _bags(chosen: Chosen) -> list[Bag]:
    return [
        trial.final
        if trial.number in chosen.whole or trial.number not in chosen.averaged
        else Bag([trial.members[fold] for fold in chosen.averaged[trial.number]])
        for trial in chosen.trials
    ]


def _ensemble(bags: Sequence[Bag], weights: Array, least: float | None) -> Ensemble:
    used = _used(weights)
    return Ensemble([bags[place] for place in used], [float(weights[place]) for place in used], least)


def _used(weights: Array) -> list[int]:
    return [int(place) for place in np.flatnonzero(weights)]


def _scores(task: Task, predicted: Predicted, counts: list[Array], optimism: dict[str, float]) -> dict[str, Score]:
    return {
        metric.name: scored(metric, predicted, values(metric, predicted, counts), optimism=optimism.get(metric.name))
        for metric in _fitting(task)
    }


def _fitting(task: Task) -> list[Metric]:
    """Every metric that fits the task, its own first."""
    others = [metric for metric in METRICS.values() if task.kind in metric.tasks and metric != task.metric]
    return [task.metric, *others]


def _once(task: Task, rows: Array, predicted: Predicted) -> Score | None:
    """Score the rows that stand once, where others have copies on both sides of a split; None if they are too few."""
    if task.repeats is None or task.copies is not None:
        return None
    alone = predicted.take(np.flatnonzero(~has_copy(task.repeats)[rows]))
    if len(alone.truth) < FEWEST_ONCE or (task.classes and len(np.unique(alone.truth)) < 2):
        return None
    return scored(task.metric, alone, values(task.metric, alone, samples(alone, seed=0)))


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
    # Greedy selection tries a dozen members in about ten steps for each of up to six sets of folds; the intervals take
    # some twenty lines and metrics of two million row evaluations, each a fraction of the one timed.
    chosen = 0.5 + 12 * 10 * 6 * once + 20 * 200 * 0.1 * once
    return chosen + calibration.seconds(task) + threshold.seconds(task)
