"""What a reader wants to know before any table: what was done, how good it is, how sure we are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from workbench.pages.words import (
    alike,
    count,
    metric_name,
    quoted,
    score_interval,
    score_sentence,
    score_value,
    share,
    shorten,
)
from workbench.records import Score


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to, as far as it is known.

    Attributes
    ----------
    task : mapping
        As in an experiment's ``task.json``: ``target``, ``kind``, ``classes``, ``rows``, ``features``.
    score : Score
        Of the winner, by the metric of the search, on rows that were not learned from.
    guess : float or None
        What a guess scores that knows no column.
    models : int
        How many models were tried.
    test : Score or None
        Of the winner, on the held-back rows.
    """

    task: Mapping[str, Any]
    score: Score
    guess: float | None = None
    models: int = 0
    test: Score | None = None


def summary(found: Found) -> list[str]:
    """Say in a few plain sentences what was done, how good the outcome is against guessing, and how sure that is."""
    return [_what_was_done(found), _how_good(found), *_how_sure(found), *_on_test_rows(found)]


def _what_was_done(found: Found) -> str:
    task = found.task
    which = task.get("classes") or []
    target = shorten(task["target"])
    if len(which) == 2:
        target = f"{target} ({quoted(which[1])} or {quoted(which[0])})"
    elif which:
        target = f"which of {len(which)} classes of {target} a row belongs to"
    learned = f"learned from {count(task['rows'], 'row')} and {count(len(task['features']), 'column')}"
    tried = f"; {count(found.models, 'model was', 'models were')} tried" if found.models else ""
    return f"How to predict {target} was {learned}{tried}."


def _how_good(found: Found) -> str:
    score, guess = found.score, found.guess
    best = "The model has" if found.models == 1 else "Combined, the best of them have"
    told = f"{best} {metric_name(score.metric)} {score_value(score)}"
    if guess is None:
        return f"{told}."
    if score.low is None or score.high is None:
        beside = alike([guess, score.value])[0]
    else:
        beside = score_value(replace(score, value=guess))
    told = f"{told}, where guessing without looking at any column gives {beside}"
    if _may_be_a_guess(score, guess):
        return f"{told}: the two cannot be told apart, so these columns may say nothing of {found.task['target']}."
    if score.metric in ERRORS and guess > 0:
        told = f"{told}: errors are {share(1 - score.value / guess)} smaller"
    return f"{told}."


ERRORS = {"rmse", "mae", "mape"}


def _may_be_a_guess(score: Score, guess: float) -> bool:
    unsure = score.low if score.higher_is_better else score.high
    unsure = score.value if unsure is None else unsure
    return unsure <= guess if score.higher_is_better else unsure >= guess


def _how_sure(found: Found) -> list[str]:
    score = found.score
    rows = f"{count(score.rows, 'row')} the models" if score.rows else "rows the models"
    told = f"That was measured on {rows} had not learned from"
    if score.low is None or score.high is None:
        return [f"{told}."]
    between = score_interval(score).replace(" to ", " and ")
    return [f"{told}; on more rows of the same kind it lies between {between}, with 95 % confidence."]


def _on_test_rows(found: Found) -> list[str]:
    test = found.test
    if test is None:
        return []
    told = f"On the {count(test.rows or 0, 'row')} that were held back until the end it has"
    return [f"{told} {score_sentence(test)}{_as_expected(found.score, test)}."]


def _as_expected(score: Score, test: Score) -> str:
    """Set the last measurement beside the one that was promised."""
    if score.low is None or score.high is None or test.low is None or test.high is None:
        return ""
    if test.high >= score.low and test.low <= score.high:
        return ", which agrees with it"
    better = (test.value > score.value) == score.higher_is_better
    return f", clearly {'better' if better else 'worse'} than was measured before: those rows are of another kind"
