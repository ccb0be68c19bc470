"""The pictures of experiments that were ranked together: how they got there, what it took, what drives their models."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from workbench.pages.blocks import paragraph
from workbench.pages.changes import Spent, importance_changes, score_against_cost
from workbench.pages.embedded import embedded
from workbench.pages.intervals import Interval
from workbench.pages.learning import Search, learning_curves
from workbench.pages.parallel import Choice, differing, parallel_coordinates
from workbench.pages.picture import Picture
from workbench.pages.words import count, family_name, short

Row = Mapping[str, Any]
SEARCHES, COSTS, DRIVES = "How they got there", "What it took", "What drives the models"
CHOICES, TRIALS = "Parameters and scores", "Trials and scores"
SHADED = "the darker the better, the best in orange"
ENOUGH_CHOICES = 3  # experiments, or trials, from which on parallel axes say more than a table
ENOUGH_TRIALS = 5


def pictures(rows: Sequence[Row], *, only: Collection[str] = ()) -> list[Markup]:
    """Draw what is known of experiments ranked together, best first, or `only` some of it; of one alone nothing."""
    if len(rows) < 2:
        return []
    drawn = ((title, paint(rows)) for title, paint in PICTURES.items() if not only or title in only)
    return [
        block
        for title, picture in drawn
        if picture is not None
        for block in (Markup("<h3>{}</h3>").format(title), *_said(title, rows), embedded(picture))
    ]


def _said(title: str, rows: Sequence[Row]) -> list[Markup]:
    """Say what a reader of a picture must know."""
    if title == SEARCHES:
        text = "Of single models, trial by trial; the final score is of all that was made of them in the end."
    elif title == DRIVES and len(_alike(rows)) > 2:
        text = "How much worse the score gets when a column is shuffled, for the first few of them."
    elif title == TRIALS:
        family, trials = _commonest(rows)
        text = f"{count(len(trials), 'trial')} of {family_name(family)}: each line is one, {SHADED}."
    elif title == CHOICES:
        text = f"Each line is an experiment, {SHADED}."
    else:
        return []
    return [paragraph(text)]


def _upwards(row: Row) -> bool:
    return row.get("higher_is_better") is not False


def _alike(rows: Sequence[Row]) -> list[Row]:
    """Choose those that were searched by the metric they are ranked by: trials and columns are measured in that."""
    return [row for row in rows if row.get("searched_by", row.get("metric")) == rows[0].get("metric")]


def _learning(rows: Sequence[Row]) -> Picture | None:
    searched = [row for row in _alike(rows) if row.get("trials")]
    if len(searched) < 2:
        return None
    searches = [_search(row) for row in searched]
    return learning_curves(searches, metric=str(rows[0]["metric"]), higher_is_better=_upwards(rows[0]))


def _search(row: Row) -> Search:
    trials = row["trials"]
    elapsed = [trial.get("elapsed") for trial in trials]
    rising = None if None in elapsed else sorted(elapsed)  # trials that ran beside each other end in any order
    return Search(short(row["ref"]), [trial["number"] for trial in trials], [trial["best"] for trial in trials], rising)


def _cost(rows: Sequence[Row]) -> Picture | None:
    """Draw what all of them tell: money of one currency, else the time of processors, else time."""
    currencies = {(_cost_of(row) or {}).get("currency") for row in rows}
    spent: dict[str, Callable[[Row], float | None]] = {
        "CPU seconds": lambda row: (row.get("resources") or {}).get("cpu"),
        "seconds": lambda row: row.get("seconds"),
    }
    if len(currencies) == 1:
        spent = {str(*currencies): lambda row: (_cost_of(row) or {}).get("amount"), **spent}
    for unit, tell in spent.items():
        amounts = [tell(row) or 0.0 for row in rows]
        if all(tell(row) is not None for row in rows) and max(amounts) > 0:
            entries = [
                Spent(_interval(row), amount, _leads(row, rows)) for row, amount in zip(rows, amounts, strict=True)
            ]
            metric = str(rows[0]["metric"])
            return score_against_cost(entries, unit=unit, metric=metric, higher_is_better=_upwards(rows[0]))
    return None


def _cost_of(row: Row) -> Mapping[str, Any] | None:
    return (row.get("resources") or {}).get("cost")


def _interval(row: Row) -> Interval:
    return Interval(short(row["ref"]), row["value"], row.get("low"), row.get("high"))


def _leads(row: Row, rows: Sequence[Row]) -> bool:
    return row is rows[0] or bool((row.get("behind") or {}).get("tied"))


def _importance(rows: Sequence[Row]) -> Picture | None:
    told = {short(row["ref"]): _drivers(row) for row in _alike(rows) if row.get("importance")}
    return importance_changes(told, metric=str(rows[0]["metric"])) if len(told) > 1 else None


def _drivers(row: Row) -> list[Interval]:
    return [Interval(one["feature"], one["value"], one.get("low"), one.get("high")) for one in row["importance"]]


def _parameters(rows: Sequence[Row]) -> Picture | None:
    choices = [Choice(row.get("parameters") or {}, row["value"]) for row in rows]
    if len(choices) < ENOUGH_CHOICES or not differing(choices):
        return None
    metric = str(rows[0]["metric"])
    return parallel_coordinates(choices, what="experiment", metric=metric, higher_is_better=_upwards(rows[0]))


def _trials(rows: Sequence[Row]) -> Picture | None:
    family, trials = _commonest(rows)
    if len(trials) < ENOUGH_TRIALS or not differing(trials):
        return None
    what = f"{family_name(family)} trial"
    return parallel_coordinates(trials, what=what, metric=str(rows[0]["metric"]), higher_is_better=_upwards(rows[0]))


def _commonest(rows: Sequence[Row]) -> tuple[str, list[Choice]]:
    """Choose the family of models that was tried most often: others have parameters of their own."""
    families: dict[str, list[Choice]] = {}
    for trial in (trial for row in _alike(rows) for trial in row.get("trials") or ()):
        if math.isfinite(trial["score"]):
            families.setdefault(trial["family"], []).append(Choice(trial["parameters"], trial["score"]))
    return max(families.items(), key=lambda family: len(family[1]), default=("", []))


PICTURES: dict[str, Callable[[Sequence[Row]], Picture | None]] = {
    SEARCHES: _learning,
    COSTS: _cost,
    DRIVES: _importance,
    CHOICES: _parameters,
    TRIALS: _trials,
}
