"""A task and a result as a notebook shows them: plain words and a small table, fit for someone who decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.pages.blocks import check_notice, interval_bar, join, paragraph, table
from workbench.pages.words import (
    count,
    duration,
    listing,
    metric_meaning,
    metric_name,
    number,
    score_interval,
    score_sentence,
    score_value,
    share,
)
from workbench.records import Score

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup

    from workbench.automl.result import Result
    from workbench.automl.task import Task

SHOWN = 10  # lines of a table
OWN = ("ensemble", "baseline")  # lines of the leaderboard that are no single trial
SIMPLEST_FIRST = {"linear": 0, "extra_trees": 1}


def task_text(task: Task) -> str:
    """Say in one line what is predicted from what."""
    columns, rows = count(len(task.features), "column"), count(len(task.truth), "row")
    return (
        f"Predict {task.target!r} ({_kind(task)}) from {columns} and {rows}, judged by {metric_name(task.metric.name)}"
    )


def task_html(task: Task) -> str:
    """Say what is predicted from what, how it is judged, and what was noticed."""
    meaning = metric_meaning(task.metric.name)
    said = [
        f"Predict {task.target}: {_kind(task)}. There are {count(len(task.truth), 'row')} to learn from and "
        f"{count(len(task.features), 'column')} to predict it by.",
        f"Models are judged by {metric_name(task.metric.name)}{f' ({meaning})' if meaning else ''}.",
        *_how_split(task),
    ]
    parts = [paragraph(text) for text in said]
    return join([*parts, _what_the_target_holds(task), *(check_notice(check) for check in task.checks)])


def _kind(task: Task) -> str:
    if task.kind == "binary":
        return f"is it {task.classes[1]} or {task.classes[0]}"
    return f"which of {len(task.classes)} classes" if task.classes else "a number"


def _how_split(task: Task) -> Iterator[str]:
    group, time = (task.schema.named(role) for role in ("group", "time"))
    if time:
        yield f"Rows are in order by {time[0]}: a model is always validated on rows later than those it learned from."
    if group:
        yield f"Rows that share {group[0]} are never split between learning and validation."


def _what_the_target_holds(task: Task) -> Markup:
    if not task.classes:
        low, middle, high = np.quantile(task.truth, [0, 0.5, 1]).tolist()
        return table(["", "smallest", "median", "largest"], [[task.target, low, middle, high]])
    counts = np.bincount(task.codes, minlength=len(task.classes))
    order = np.argsort(-counts, kind="stable")
    rows = [[str(task.classes[place]), int(counts[place]), share(counts[place] / counts.sum())] for place in order]
    if len(rows) > SHOWN:
        rest = int(counts[order[SHOWN:]].sum())
        rows = [*rows[:SHOWN], [f"{len(rows) - SHOWN} further classes", rest, share(rest / counts.sum())]]
    return table([task.target, "rows", "share"], rows)


def result_text(result: Result) -> str:
    """Say in one line how good the best is."""
    tried = count(len(result.trials), "trial")
    return f"{score_sentence(result.score)} after {tried} in {duration(result.seconds)}"


def result_html(result: Result) -> str:
    """Say how good the best is and how sure, what was tried, and show the leaderboard."""
    said = [
        _how_good(result.score),
        *_against_guessing(result),
        _what_was_tried(result),
        *_simplest(result.leaderboard),
        *(
            f"On the test file, which was held back until now: {score_sentence(score)}."
            for score in list(result.test_scores.values())[:1]
        ),
    ]
    return join([*(paragraph(text) for text in said), _board(result), paragraph(FLATTERED)])


FLATTERED = (
    "The ensemble's line is measured on rows that had no say in choosing its members. The other lines are a little "
    "flattered: the best of many is partly the luckiest."
)


def _how_good(score: Score) -> str:
    meaning, interval = metric_meaning(score.metric), score_interval(score)
    rows = f"{count(score.rows or 0, 'row')} the models had not learned from"
    sure = f"Measured on {rows}"
    sure += f"; other rows of the same kind would give {interval} in 95 of 100 cases." if interval else "."
    best = f"The best model has {metric_name(score.metric)} {score_value(score)}"
    return f"{best}{f' ({meaning})' if meaning else ''}. {sure}"


def _against_guessing(result: Result) -> Iterator[str]:
    metric, board = result.task.metric, result.leaderboard
    guess = float(board.loc[board["family"] == "baseline", "score"].iloc[0])
    yield f"Guessing without looking at any column would give {number(guess)}."
    unsure = result.score.value if result.score.low is None or result.score.high is None else _worst(result.score)
    if metric.loss(unsure) >= metric.loss(guess):
        yield "The two cannot be told apart: these columns may say nothing about the target."


def _worst(score: Score) -> float:
    """Give the end of the interval that is least flattering."""
    worst = score.low if score.higher_is_better else score.high
    return score.value if worst is None else worst


def _what_was_tried(result: Result) -> str:
    families = sorted({str(trial["family"]) for trial in result.trials})
    folds = "on a part held out once" if len(result.folds) == 1 else f"on {len(result.folds)} folds"
    failed = sum(trial["state"] == "failed" for trial in result.trials)
    tried = f"{count(len(result.trials), 'model')} of {listing(families)} were tried in {duration(result.seconds)}"
    tried = f"{tried}, each {folds}{f'; {failed} of them failed' if failed else ''}"
    return f"{tried}. The ensemble is a weighted average of the best."


def _simplest(board: pd.DataFrame) -> Iterator[str]:
    """Name the simplest of those that cannot be told apart from the best."""
    tied = board[board["tied"] & ~board["family"].isin(OWN)]
    if len(tied):
        places = [SIMPLEST_FIRST.get(family, len(SIMPLEST_FIRST)) for family in tied["family"]]
        simplest = tied["model"].iloc[int(np.argmin(places))]
        yield f"{count(len(tied), 'single model')} cannot be told apart from the best; the simplest is {simplest}."


def _board(result: Result) -> Markup:
    board, metric = result.leaderboard, result.task.metric.name
    shown = board[(board["rank"] <= SHOWN) | board["family"].isin(OWN)]
    ends = shown[["low", "high"]].to_numpy(dtype=float)
    scale = (float(np.nanmin(ends)), float(np.nanmax(ends))) if np.isfinite(ends).any() else (0.0, 1.0)
    rows = [_line(row, scale) for row in shown.to_dict("records")]
    return table(["", "model", metric_name(metric), "95 % interval", "weight", "seconds"], rows)


def _line(row: Mapping[Any, Any], scale: tuple[float, float]) -> list[Any]:
    low, high = (None if np.isnan(row[end]) else float(row[end]) for end in ("low", "high"))
    name = f"{row['model']} (tied with the best)" if row["tied"] and row["rank"] > 1 else row["model"]
    weight = share(row["weight"]) if row["weight"] > 0 and row["family"] not in OWN else ""
    return [
        int(row["rank"]),
        name,
        float(row["score"]),
        interval_bar(row["score"], low, high, of=scale),
        weight,
        row["seconds"],
    ]
