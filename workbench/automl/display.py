"""A task and a result as a notebook shows them: plain words and a small table, fit for someone who decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.automl.promises import promises
from workbench.pages.blocks import check_notice, interval_bar, join, paragraph, table
from workbench.pages.summary import Found, summary
from workbench.pages.words import (
    count,
    duration,
    family_name,
    listing,
    metric_meaning,
    metric_name,
    model_name,
    number,
    quoted,
    score_interval,
    score_sentence,
    score_value,
    sentence,
    share,
    told_apart,
)
from workbench.records import Score

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup

    from workbench.automl.result import Result
    from workbench.automl.task import Task

SHOWN = 10  # lines of a table
OWN = ("ensemble", "baseline")  # lines of the leaderboard that are no single trial


def task_text(task: Task) -> str:
    """Say in one line what is predicted from what."""
    columns, rows = count(len(task.features), "column"), count(len(task.truth), "row")
    return (
        f"Predict {task.target!r} ({_kind(task)}) from {columns} and {rows}, judged by {metric_name(task.metric.name)}"
    )


def task_html(task: Task) -> str:
    """Say what is predicted from what and how it is judged; what was noticed is told among the checks."""
    meaning = metric_meaning(task.metric.name)
    said = [
        f"Predict {task.target}: {_kind(task)}. There are {count(len(task.truth), 'row')} to learn from and "
        f"{count(len(task.features), 'column')} to predict it by.",
        f"Models are judged by {metric_name(task.metric.name)}{f' ({meaning})' if meaning else ''}.",
        *_how_split(task),
    ]
    parts = [paragraph(text) for text in said]
    return join([*parts, _what_the_target_holds(task)])


def _kind(task: Task) -> str:
    if task.kind == "binary":
        return f"is it {quoted(task.classes[1])} or {quoted(task.classes[0])}"
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
        header = ["", "smallest", "median", "largest"]
        return table(header, [[task.target, *told_apart([low, middle, high])]], right=header[1:])
    counts = np.bincount(task.codes, minlength=len(task.classes))
    order = np.argsort(-counts, kind="stable")
    rows = [[str(task.classes[place]), int(counts[place]), share(counts[place] / counts.sum())] for place in order]
    if len(rows) > SHOWN:
        rest = int(counts[order[SHOWN:]].sum())
        rows = [*rows[:SHOWN], [f"{len(rows) - SHOWN} further classes", rest, share(rest / counts.sum())]]
    return table([task.target, "rows", "share"], rows, right=("share",))


def result_text(result: Result) -> str:
    """Say in one line how good the best is."""
    tried = count(len(result.trials), "trial")
    return f"{score_sentence(result.score)} after {tried} in {duration(result.seconds)}"


def result_html(result: Result) -> str:
    """Say how good the best is and how sure, what was tried, and show the leaderboard."""
    said = [_what_was_tried(result), *summary(found(result))[1:], *_simplest(result.leaderboard)]
    hasty = [check_notice(check) for check in result.checks]
    return join([*hasty, *(paragraph(text) for text in said), _board(result), paragraph(FLATTERED)])


FLATTERED = (
    "The ensemble's line is measured on rows that had no say in choosing its members. The other lines are a little "
    "flattered: the best of many is partly the luckiest. Tied means that chance may be all that is between it and the "
    "first."
)


def found(result: Result) -> Found:
    """Gather what a summary tells."""
    task, board = result.task, result.leaderboard
    told = {name: getattr(task, name) for name in ("target", "kind", "classes", "features")}
    guess = float(board.loc[board["family"] == "baseline", "score"].iloc[0])
    test = result.test_scores.get(task.metric.name)
    return Found({**told, "rows": len(task.frame)}, result.score, guess, len(result.trials), test)


def _what_was_tried(result: Result) -> str:
    families = sorted({family_name(str(trial["family"])) for trial in result.trials})
    folds = "on a part held out once" if len(result.folds) == 1 else f"on {len(result.folds)} folds"
    failed = sum(trial["state"] == "failed" for trial in result.trials)
    tried = count(len(result.trials), "model was", "models were")
    tried = f"{tried} tried in {duration(result.seconds)} ({listing(families)}), each {folds}"
    tried = f"{tried}{f'; {failed} of them failed' if failed else ''}"
    return f"{tried}. The ensemble is a weighted average of the best."


def _simplest(board: pd.DataFrame) -> Iterator[str]:
    """Name the simplest of those that cannot be told apart from the best, and why it is that."""
    alone = board[board["tied"] & (board["rank"] > 1) & ~board["family"].isin(OWN)]
    if not len(alone):
        return  # the best is a single model, and no other comes near
    first, best = board[board["simplest"]].iloc[0], board.iloc[0]
    told = f"{count(len(alone), 'single model')} cannot be told apart from {_first(board)}"
    if first["rank"] == 1:
        yield f"{told}. It is also the simplest of them."
        return
    much = "much " if first["family"] == "linear" or best["family"] == "ensemble" else ""
    why = "a weighted sum of the columns" if first["family"] == "linear" else f"{duration(first['seconds'])} of fitting"
    name = model_name(first["model"])
    yield (
        f"{told}, among them {name}, which is {much}simpler ({why})."
        if len(alone) > 1
        else (f"{name} cannot be told apart from {_first(board)}, and is {much}simpler ({why}).")
    )


def _first(board: pd.DataFrame) -> str:
    first = board.iloc[0]
    return "the ensemble" if first["family"] == "ensemble" else f"the best, {model_name(first['model'])}"


def _board(result: Result) -> Markup:
    """Show the best, how many are not shown, and the guess in its place; bars are on the scale of the models."""
    board, metric = result.leaderboard, result.task.metric
    models = board[board["family"] != "baseline"]
    shown = models[(models["rank"] <= SHOWN) | (models["family"] == "ensemble")]
    ends = shown[["low", "high"]].to_numpy(dtype=float)
    scale = (float(np.nanmin(ends)), float(np.nanmax(ends))) if np.isfinite(ends).any() else None
    guess = board[board["family"] == "baseline"].iloc[0]
    better = shown["rank"] < guess["rank"]
    rows: list[list[Any]] = [_line(row, scale, result.score) for row in shown[better].to_dict("records")]
    hidden = _not_shown(result, models.drop(shown.index), shown)
    rows += hidden if better.all() else []
    rows += [[int(guess["rank"]), "a guess", _beside(result.score, float(guess["score"])), "", "", "", ""]]
    rows += [_line(row, scale, result.score) for row in shown[~better].to_dict("records")]
    rows += [] if better.all() else hidden
    columns = ["", "model", metric_name(metric.name), "95 % interval", "", "weight", "seconds"]
    return table(columns, rows, right=(metric_name(metric.name), "weight", "seconds"))


def _not_shown(result: Result, hidden: pd.DataFrame, shown: pd.DataFrame) -> list[list[Any]]:
    """Account for the models between those shown and the baseline, whether they were kept for the ensemble or not."""
    completed = sum(trial.get("score") is not None for trial in result.trials)
    others = completed - int((~shown["family"].isin(OWN)).sum())
    if others < 1:
        return []
    weight = float(hidden["weight"].sum())
    return [["", f"… {count(others, 'further model')}", "", "", "", share(weight) if weight > 0 else "", ""]]


def _line(row: Mapping[Any, Any], scale: tuple[float, float] | None, best: Score) -> list[Any]:
    """Write one model's line, its numbers as precise as the ensemble's: they are read down a column."""
    low, high = (None if np.isnan(row[end]) else float(row[end]) for end in ("low", "high"))
    score = Score("", float(row["score"]), low, high)
    ends = () if low is None or high is None else (_beside(best, low), _beside(best, high))
    name = model_name(row["model"])
    return [
        int(row["rank"]),
        f"{name}{_marks(row)}",
        _beside(best, score.value),
        _unbroken(" to ".join(ends)),
        interval_bar(score.value, low, high, of=scale) if scale else "",
        share(row["weight"]) if row["weight"] > 0 and row["family"] not in OWN else "",
        f"{row['seconds']:.1f}" if row["family"] not in OWN else "",
    ]


def _marks(row: Mapping[Any, Any]) -> str:
    marks = [*(["tied"] if row["tied"] and row["rank"] > 1 else []), *(["simplest"] if row["simplest"] else [])]
    return f" ({', '.join(marks)})" if marks else ""


def scores_text(result: Result, guesses: Mapping[str, float]) -> str:
    """Say each score in a line."""
    told = result.scores.values()
    lines = [f"{score_sentence(score)}; a guess: {_beside(score, guesses[score.metric])}" for score in told]
    return "\n".join([*lines, *_how_honest(result), *promises(result)])


def scores_html(result: Result, guesses: Mapping[str, float]) -> Markup:
    """Show every metric with its interval beside a guess and, where there are some, the held-back rows."""
    tested = bool(result.test_scores)
    columns = ["", "score", "95 % interval", *(["on held-back rows"] if tested else []), "a guess", "what it tells"]
    lines = [
        [
            sentence(metric_name(score.metric)),
            score_value(score),
            _unbroken(score_interval(score)) or "–",
            *([_on_test(result.test_scores[score.metric])] if tested else []),
            _beside(score, guesses[score.metric]),
            metric_meaning(score.metric),
        ]
        for score in result.scores.values()
    ]
    notes = (paragraph(text) for text in (*_how_honest(result), *promises(result)))
    return join([table(columns, lines, right=("score", "a guess")), *notes])


def _beside(score: Score, guess: float) -> str:
    """Write a value as precisely as the score it stands beside."""
    return score_value(replace(score, value=guess)) if np.isfinite(guess) else "–"


def _on_test(score: Score) -> str:
    interval = score_interval(score)
    return _unbroken(f"{score_value(score)} ({interval})" if interval else score_value(score))


def _unbroken(text: str) -> str:
    """Keep a few words on one line."""
    return text.replace(" ", "\u00a0")


def _how_honest(result: Result) -> Iterator[str]:
    """Say how much better the score would have looked, had it been measured where the ensemble was chosen."""
    score = result.score
    if score.optimism is None:
        return
    metric, size = metric_name(score.metric), number(abs(score.optimism), 2)
    if score.optimism <= 0:
        yield "Choosing the ensemble's members did not flatter its score: on other rows it is as good."
        return
    yield (
        f"On the rows that chose the ensemble's members its {metric} looked {size} better. That is the luck of "
        "choosing, and the scores above do not count it."
    )
