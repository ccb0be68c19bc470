"""A task and a result as pictures; a module of its own, so that results can show themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.pages import figures
from workbench.pages.blocks import Said
from workbench.pages.figures import Interval
from workbench.pages.performance import binary_performance, multiclass_performance, regression_performance
from workbench.pages.picture import Picture
from workbench.pages.words import family_name, model_name

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
        return binary_performance(said["truth"] == positive, said[f"probability_{positive}"], classes=task.classes)
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
        unit="trial",
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


def target_picture(task: Task) -> Picture:
    """Draw what there is to predict."""
    if not task.classes:
        return figures.number_spread(task.truth, target=task.target)
    counts = dict(zip(task.classes, np.bincount(task.codes, minlength=len(task.classes)).tolist(), strict=True))
    return figures.class_counts(counts, target=task.target)
