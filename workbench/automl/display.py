"""A task and a result as a notebook shows them: plain words, a small table, no styles from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.records import Score

if TYPE_CHECKING:
    from workbench.automl.result import Result
    from workbench.automl.task import Task

SHOWN = 10  # lines of a table
STYLE = "font-family:system-ui,sans-serif;font-size:14px;line-height:1.5;max-width:60em"
CELL = "padding:3px 10px;border-bottom:1px solid #8884;"
WORDS = {
    "roc_auc": "how often a case of the class looked for is ranked above one of the other (0.5 is guessing, 1 perfect)",
    "log_loss": "how surprised the truth leaves the predicted probabilities (0 is perfect)",
    "average_precision": "the precision to expect along the ranking (1 is perfect)",
    "brier": "the squared error of the probabilities (0 is perfect)",
    "f1": "the balance of precision and recall (1 is perfect)",
    "accuracy": "the share of rows that are predicted right",
    "balanced_accuracy": "the share predicted right, each class counting the same",
    "rmse": "the typical error in the target's own unit, large ones counting more",
    "mae": "the average error in the target's own unit",
    "mape": "the average error relative to the true value",
    "r2": "the share of the target's variation that is explained (1 is perfect)",
}


def task_text(task: Task) -> str:
    """One line."""
    what = {"binary": "two classes", "multiclass": f"{len(task.classes)} classes", "regression": "a number"}[task.kind]
    return (
        f"Task: predict {task.target!r} ({what}) from {len(task.features)} columns, {len(task.truth):,} rows, "
        f"by {task.metric.name}"
    )


def task_html(task: Task) -> str:
    """What is predicted from what, and what was noticed."""
    lines = [
        f"<b>Predict {escape(task.target)}</b> ({_kind_in_words(task)}) from {len(task.features)} columns, learning from "
        f"{len(task.truth):,} rows.",
        f"Models are compared by <b>{escape(task.metric.name)}</b>: {WORDS.get(task.metric.name, 'as defined')}.",
        _how_split(task),
        *(f"{_mark(check.level)} {escape(check.message)}" for check in task.checks),
    ]
    return _page([f"<p style='margin:4px 0'>{line}</p>" for line in lines if line] + [_what_the_target_holds(task)])


def _kind_in_words(task: Task) -> str:
    if task.kind == "binary":
        return f"is it {escape(str(task.classes[1]))} or {escape(str(task.classes[0]))}?"
    return f"one of {len(task.classes)} classes" if task.classes else "a number"


def _how_split(task: Task) -> str:
    named = {role: task.schema.named(role) for role in ("group", "time")}
    group, time = (escape(names[0]) if names else "" for names in named.values())
    if time:
        return f"Validation rows are always later than training rows, by {time}{' and of other ' + group if group else ''}."
    return f"Rows that share {group} are never split between training and validation." if group else ""


def _what_the_target_holds(task: Task) -> str:
    if not task.classes:
        low, middle, high = (f"{value:,.4g}" for value in np.quantile(task.truth, [0, 0.5, 1]))
        return _table(["target", "smallest", "median", "largest"], [[task.target, low, middle, high]])
    counts = [int((task.truth == label).sum()) for label in task.classes]
    order = sorted(range(len(counts)), key=lambda place: -counts[place])[:SHOWN]
    rows = [[task.classes[place], f"{counts[place]:,}", f"{counts[place] / len(task.truth):.1%}"] for place in order]
    if len(counts) > SHOWN:
        rest = sum(counts) - sum(counts[place] for place in order)
        rows.append([f"{len(counts) - SHOWN} further classes", f"{rest:,}", f"{rest / len(task.truth):.1%}"])
    return _table([task.target, "rows", "share"], rows)


def result_text(result: Result) -> str:
    """One line."""
    return f"Result: {_score_text(result.score)} from {len(result.trials)} trials in {result.seconds:.0f} s"


def result_html(result: Result) -> str:
    """How good and how sure, what was tried, and the leaderboard."""
    lines = [
        _how_good(result),
        _how_sure(result.score),
        _against_guessing(result),
        _what_was_tried(result),
        _simplest(result),
        *(
            f"On the held-back test file: <b>{_score_text(score)}</b>."
            for score in list(result.test_scores.values())[:1]
        ),
    ]
    return _page([f"<p style='margin:4px 0'>{line}</p>" for line in lines if line] + [_board(result)])


def _score_text(score: Score) -> str:
    interval = "" if score.low is None or score.high is None else f" ({number(score.low)} to {number(score.high)})"
    return f"{score.metric} {number(score.value)}{interval}"


def number(value: float) -> str:
    """A score with as many digits as say something."""
    if not np.isfinite(value):
        return "–"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:,.2f}" if abs(value) < 1000 else f"{value:,.0f}"


def _how_good(result: Result) -> str:
    metric = result.task.metric.name
    return f"<b>{escape(metric)} = {number(result.score.value)}</b>: {WORDS.get(metric, 'as defined')}."


def _how_sure(score: Score) -> str:
    if score.low is None or score.high is None:
        return f"It was measured on {score.rows or 0:,} rows the models had not learned from, too few for an interval."
    return (
        f"Other rows of the same kind would give between {number(score.low)} and {number(score.high)} in 95 of 100 cases; it "
        f"was measured on {score.rows or 0:,} rows the models had not learned from."
    )


def _against_guessing(result: Result) -> str:
    board = result.leaderboard.set_index("family")
    guess, metric = float(board.loc["baseline", "score"]), result.task.metric
    better = metric.loss(result.score.value) < metric.loss(guess)
    said = f"Without looking at any column one would get {number(guess)}"
    return f"{said}." if better else f"{_mark('warn')} {said}: <b>nothing useful was found in these columns</b>."


def _what_was_tried(result: Result) -> str:
    families = sorted({str(trial["family"]) for trial in result.trials})
    failed = sum(trial["state"] == "failed" for trial in result.trials)
    folds = "a part held out once" if len(result.folds) == 1 else f"{len(result.folds)} folds"
    tried = f"{len(result.trials)} models were tried in {result.seconds:.0f} s ({', '.join(families)}), each on {folds}"
    return f"{escape(tried)}{f'; {failed} of them failed' if failed else ''}. The ensemble joins the best."


def _simplest(result: Result) -> str:
    """Name the simplest of those that cannot be told apart from the best."""
    order = {"linear": 0, "extra_trees": 1}
    board = result.leaderboard
    tied = board[board["tied"] & ~board["family"].isin(["ensemble", "baseline"])]
    if tied.empty:
        return ""
    simplest = tied.iloc[int(np.argmin([order.get(family, 2) for family in tied["family"]]))]
    return f"{len(tied)} single models cannot be told apart from the best; the simplest of them is <b>{escape(simplest['model'])}</b>."


def _board(result: Result) -> str:
    board = result.leaderboard
    shown = board[(board["rank"] <= SHOWN) | board["family"].isin(["ensemble", "baseline"])]
    rows = [
        [
            row.rank,
            f"{row.model}{' ≈ best' if row.tied and row.rank > 1 else ''}",
            number(row.score),
            "" if np.isnan(row.low) else f"{number(row.low)} – {number(row.high)}",
            f"{row.weight:.2f}" if 0 < row.weight and row.family != "ensemble" else "",
            f"{row.seconds:.1f}",
        ]
        for row in shown.itertuples()
    ]
    return _table(["rank", "model", result.task.metric.name, "95 % interval", "weight", "seconds"], rows)


def _mark(level: str) -> str:
    return {"note": "ℹ", "warn": "⚠", "block": "⛔"}[level]


def _page(parts: Iterable[str]) -> str:
    return f"<div style='{STYLE}'>{''.join(parts)}</div>"


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    def line(tag: str, cells: Sequence[Any]) -> str:
        sides = [
            "left" if place == 0 or isinstance(cell, str) and not cell[:1].isdigit() else "right"
            for place, cell in enumerate(cells)
        ]
        return "".join(
            f"<{tag} style='{CELL}text-align:{side}'>{escape(str(cell))}</{tag}>"
            for side, cell in zip(sides, cells, strict=True)
        )

    body = "".join(f"<tr>{line('td', row)}</tr>" for row in rows)
    return f"<table style='border-collapse:collapse;margin:6px 0'><tr>{line('th', head)}</tr>{body}</table>"
