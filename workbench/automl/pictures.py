"""A task and a result as pictures; a module of its own, so that results can show themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.automl.problem.cuts import LOSSES, curve, loss_of
from workbench.automl.promises import came_true, certainties, promises, reliability_of
from workbench.pages import figures, trust
from workbench.pages.blocks import Said
from workbench.pages.intervals import Interval
from workbench.pages.performance import binary_performance, multiclass_performance, regression_performance
from workbench.pages.picture import Picture
from workbench.pages.trust import Curve
from workbench.pages.words import count, family_name, metric_name, model_name, quoted

if TYPE_CHECKING:
    from workbench.automl.result import Result
    from workbench.automl.task import Task


def performance_picture(result: Result) -> Picture:
    """Draw how well the predictions fit the truth, on rows that were not learned from."""
    task, said = result.task, result.predictions
    if not task.classes:
        return regression_performance(said["truth"], said["prediction"], target=task.target)
    if len(task.classes) == 2:
        positive = task.classes[1]
        return binary_performance(said["truth"] == positive, said[f"probability_{positive}"])
    return multiclass_performance(said["truth"], said["prediction"], classes=task.classes)


def search_picture(result: Result) -> Picture | Said:
    """Draw the score of each trial, and the best so far."""
    done = [trial for trial in result.trials if trial.get("score") is not None]
    if not done:
        return Said("No trial was completed.")
    metric = result.task.metric
    return figures.search_history(
        [trial["number"] for trial in done],
        [trial["score"] for trial in done],
        [family_name(trial["family"]) for trial in done],
        metric=metric.name,
        higher_is_better=metric.higher_is_better,
    )


def leaderboard_picture(result: Result) -> Picture:
    """Draw the best candidates with their intervals."""
    metric = result.task.metric
    board = result.leaderboard
    board = board[(board["low"].notna() | (board["rank"] == 1)) & (board["family"] != "baseline")]
    rows = board[["model", "score", "low", "high"]].itertuples(index=False)
    entries = [Interval(model_name(model), *ends) for model, *ends in rows]
    tied = [model_name(model) for model in board.loc[board["tied"], "model"]]
    return figures.leaderboard(entries, metric=metric.name, higher_is_better=metric.higher_is_better, tied=tied)


def reliability_picture(result: Result) -> Picture | Said:
    """Draw how often what was predicted with a probability came true."""
    if not result.task.classes:
        return Said("The model predicts a number, so there are no probabilities to check.")
    promised, _ = certainties(result)
    classes = result.task.classes
    axis = f"probability of {quoted(classes[1])}" if len(classes) == 2 else "probability of the class named"
    return trust.reliability(reliability_of(result), promised, came_true=came_true(result), axis=axis)


def decision_picture(result: Result) -> Picture | Said:
    """Draw what is called what at the model's threshold, and what other thresholds would make of it."""
    task, said = result.task, result.predictions
    if len(task.classes) != 2:
        return Said(
            "There is no threshold to choose: that is a question of two classes. The likeliest class is called."
        )
    true, called = (said[name].to_numpy() == task.classes[1] for name in ("truth", "prediction"))
    matrix = np.array(
        [[np.sum((true == row) & (called == column)) for column in (False, True)] for row in (False, True)]
    )
    title = next((text for text in promises(result) if "is called" in text), "").split(", ")[0].split(": ")[0]
    missed, alarms = int(matrix[1, 0]), int(matrix[0, 1])
    told = f"{title or _likeliest(task)}: {count(missed, 'miss', 'misses')}, {count(alarms, 'false alarm')}"
    told += "" if called.any() or task.costs else f". {_never_called(task)}"
    return trust.decision(matrix, _curve(result), classes=task.classes, title=told)


def _likeliest(task: Task) -> str:
    return f"The likelier class is called, {quoted(task.classes[1])} above 50 %"


def _never_called(task: Task) -> str:
    """Say what to do where no row at all is called the class that is looked for."""
    return (
        f"No row is called {quoted(task.classes[1])}: say what a miss costs (cost_of_miss), or choose the metric f1, "
        "and the threshold follows"
    )


def _curve(result: Result) -> Curve:
    """Measure what each threshold would give: what mistakes cost, the metric, or how many rows are called wrongly."""
    task, rows = result.task, result.folds.validated
    loss = loss_of(task) or LOSSES["accuracy"]
    probability, hit = certainties(result)
    weight = np.ones(len(rows)) if task.weight is None else task.weight[rows]
    losses, low, _ = curve(probability, hit, weight, loss)
    model = result.model.threshold_ or 0.5
    marks = ((model, "the model's"), *(((0.5, "likelier class"),) if model != 0.5 else ()))
    if task.costs is not None:
        return Curve("cost of mistakes in a hundred rows", low, 100 * losses, marks)
    name = metric_name(task.metric.name) if loss_of(task) else "share called rightly"
    return Curve(name, low, -losses, marks)


def interval_picture(result: Result) -> Picture | Said:
    """Draw the intervals of numbers, and how often they held."""
    found, said = result.coverage, result.predictions
    if result.task.classes:
        return Said("The model predicts classes, so there are no intervals to draw.")
    if found is None:
        return Said("There are too few rows to promise an interval by.")
    ends, target = (found.low, found.high), result.task.target
    return trust.intervals(said["truth"], said["prediction"], *ends, asked=found.asked, target=target)


def target_picture(task: Task) -> Picture:
    """Draw what there is to predict."""
    if not task.classes:
        return figures.number_spread(task.truth, target=task.target)
    counts = dict(zip(task.classes, np.bincount(task.codes, minlength=len(task.classes)).tolist(), strict=True))
    return figures.class_counts(counts, target=task.target)
