"""What drives a model, how good it is, and where it is wrong: in pictures and plain words."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.automl.blending.leaderboard import guessed
from workbench.automl.display import scores_html, scores_text
from workbench.automl.explaining.contributions import RowExplained, explained_rows
from workbench.automl.explaining.effects import effects
from workbench.automl.explaining.held_out import ROWS_PER_SECOND, pace
from workbench.automl.explaining.importance import importances
from workbench.automl.explaining.weak_spots import WeakSpot, judged_by, weak_spots
from workbench.automl.fitting.trial import as_predicted
from workbench.automl.pictures import performance_picture
from workbench.automl.result import Result
from workbench.dataset.years import are_years
from workbench.documents.run_folder import handing_over_errors
from workbench.metrics import METRICS, measure
from workbench.pages import explained
from workbench.pages.blocks import Said, Shown, join, paragraph
from workbench.pages.explained import Effect
from workbench.pages.intervals import Interval
from workbench.pages.picture import Picture
from workbench.pages.words import agree, alike, listing, metric_name, quoted, share

MOST_SECONDS, LEAST_SECONDS = 8.0, 1.0
RESERVE = 3.0  # seconds of the run for pictures, record and report
FOR_IMPORTANCE, FOR_EFFECTS, FOR_ROWS = 0.45, 0.2, 0.2  # shares of the time
MANY_COLUMNS = 300  # from which on rows are not explained when the run is late: to exchange so many takes a second


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was found out about a model.

    Attributes
    ----------
    importance : DataFrame
        feature, importance, low, high: what the score loses when the column is shuffled; the most important first.
    effects : tuple of Effect
        How the average prediction moves with the columns that matter most.
    weak_spots : tuple of WeakSpot
        Groups of rows that are predicted clearly worse than the others, by `judged_by`, the worst first.
    single_rows : tuple of RowExplained
        A few rows worth a look, and what each column did to their predictions.
    """

    result: Result
    importance: pd.DataFrame
    effects: tuple[Effect, ...]
    weak_spots: tuple[WeakSpot, ...]
    single_rows: tuple[RowExplained, ...] = ()

    def sentences(self) -> list[str]:
        """Say in plain words what drives the model, and which way."""
        return [text for text in (_drivers(self), *_directions(self), CAUTION) if text]

    def __repr__(self) -> str:
        return "\n".join(self.sentences())

    def _repr_html_(self) -> str:
        return str(join(paragraph(text) for text in self.sentences()))

    def scores(self) -> Shown:
        """Show every metric that fits, with its interval, beside what a guess scores."""
        guesses = _guesses(self.result)
        return Shown(scores_text(self.result, guesses), scores_html(self.result, guesses))

    def importance_picture(self) -> Picture | Said:
        """Draw what the score loses when each column is shuffled."""
        if not len(self.importance):
            return Said("There was no time left to measure what drives the model; a longer budget has it.")
        entries = [Interval(*row) for row in self.importance.itertuples(index=False)]
        return explained.importance(entries, metric=self.result.task.metric.name)

    def effects_picture(self) -> Picture | Said:
        """Draw how the average prediction moves with the columns that matter most."""
        if not self.effects:
            return Said(
                "There is no effect to draw: free text and names that are all rare have none, and neither has what "
                "there was no time to measure."
            )
        label = self.effects[0].label if len({effect.label for effect in self.effects}) == 1 else None
        return explained.effects(self.effects, predicted=f"average {_what_is_predicted(self.result, label)}")

    def rows(self) -> Shown | Said:
        """Tell of a few rows why they were predicted as they were."""
        if not self.single_rows:
            return Said(NO_ROWS)
        told = [_shared_out(self.result), *(row.sentence(self.result.task.target) for row in self.single_rows)]
        return Shown("\n".join(told), join(paragraph(text) for text in told))

    def rows_picture(self) -> Picture | Said:
        """Draw how each column moved the predictions of a few rows."""
        if not self.single_rows:
            return Said(NO_ROWS)
        target = self.result.task.target
        label = self.single_rows[0].label if len({row.label for row in self.single_rows}) == 1 else None
        return explained.contributions(
            [row.panel(target) for row in self.single_rows],
            moved=_what_is_predicted(self.result, label),
            alt=" ".join(row.sentence(target) for row in self.single_rows),
        )

    def performance_picture(self) -> Picture:
        """Draw how well the predictions fit the truth, on rows that were not learned from."""
        return performance_picture(self.result)

    def errors(self) -> Said:
        """Name the group of rows it does worst on."""
        return Said(_weakest(self) if self.weak_spots else NOWHERE)

    def errors_picture(self) -> Picture | Said:
        """Draw the groups of rows it does worst on."""
        if not self.weak_spots:
            return Said("There is no group to draw.")
        metric = judged_by(self.result.task)
        overall = self.result.scores[metric.name].value
        return explained.error_slices(
            self.weak_spots, overall, metric=metric.name, higher_is_better=metric.higher_is_better
        )


CAUTION = "This tells what the model uses, not what causes the outcome."
SHARED = "Of columns that tell the same, each by itself may seem to matter little."
NO_ROWS = "There was no time left to explain single rows; a longer budget has it."
NOWHERE = "No group of rows with enough of them to tell is predicted clearly worse than the others."


@handing_over_errors
def explain(result: Result, *, seconds: float | None = None) -> Explanation:
    """Find out what drives the model and where it is wrong, on rows it did not learn from.

    Parameters
    ----------
    seconds
        Time to spend; by default what the run's clock leaves, a few seconds at most. A search for a number of trials
        reads no clock, and so explains the same each time.
    """
    given = _seconds(result) if seconds is None else seconds
    rows = ROWS_PER_SECOND if given is None else pace(result)
    table = importances(result, None if given is None else FOR_IMPORTANCE * given, rows)
    ranked = [str(name) for name in table["feature"]]
    helpful = [name for name, low in zip(ranked, table["low"], strict=True) if low > 0] or ranked[:3]
    shown = effects(result, helpful, None if given is None else FOR_EFFECTS * given, rows)
    all_columns = ranked + [name for name in result.task.features if name not in ranked]
    late = given is not None and given <= LEAST_SECONDS and len(all_columns) > MANY_COLUMNS
    single = () if late else explained_rows(result, all_columns, None if given is None else FOR_ROWS * given, rows)
    return Explanation(result, table, shown, weak_spots(result, all_columns), single)


def _guesses(result: Result) -> dict[str, float]:
    """Measure a guess that knows no column by every metric, on the rows the scores are of."""
    rows = result.folds.validated
    said = as_predicted(result.task, guessed(result.task)[rows], rows)
    return {name: measure(METRICS[name], said) for name in result.scores}


def _seconds(result: Result) -> float | None:
    if result.deadline is None:
        return None
    return float(np.clip(result.deadline - time.monotonic() - RESERVE, LEAST_SECONDS, MOST_SECONDS))


def _drivers(found: Explanation) -> str:
    table, metric = found.importance, metric_name(found.result.task.metric.name)
    if not len(table):
        return ""
    sure = table[table["low"] > 0]
    if not len(sure):
        return (
            "No single column matters measurably: shuffling any one of them does not change the score for certain. "
            f"{SHARED}"
        )
    first = sure.iloc[0]
    cost, low, high = alike([first["importance"], first["low"], first["high"]], rounded=True)
    told = f"{first['feature']} matters most: shuffling it costs {cost} {metric} ({low} to {high})."
    if next_ones := [str(name) for name in sure["feature"].iloc[1:5]]:
        told += f" Then {agree(next_ones, 'comes', 'come')} {listing(next_ones)}."
    if idle := len(table) - len(sure):
        told += (
            f" {idle} of {len(table)} columns {'makes' if idle == 1 else 'make'} no difference that could be measured. "
            f"{SHARED}"
        )
    if unmeasured := len(found.result.task.features) - len(table):
        rest = "least promising column" if unmeasured == 1 else f"{unmeasured} least promising columns"
        told += f" There was no time to measure the {rest}."
    return told


def _directions(found: Explanation) -> list[str]:
    return [_direction(effect, found.result) for effect in found.effects[:3]]


def _direction(effect: Effect, result: Result) -> str:
    column, what = effect.column, f"average {_what_is_predicted(result, effect.label)}"
    said = np.asarray(effect.prediction)
    low, high = int(said.argmin()), int(said.argmax())
    if not isinstance(effect.at[0], str) and {low, high} == {0, len(said) - 1}:
        first, last = alike([said[0], said[-1]], rounded=True)
        way = "rises" if high else "falls"
        begin, end = _places(column, [effect.at[0], effect.at[-1]])
        return f"As {column} goes up from {begin} to {end}, the {what} {way} from {first} to {last}."
    least, most = alike([said[low], said[high]], rounded=True)
    at_least, at_most = _places(column, [effect.at[low], effect.at[high]])
    return f"The {what} is lowest ({least}) where {column} is {at_least}, and highest ({most}) where it is {at_most}."


def _places(column: str, at: list[Any]) -> list[str]:
    """Write two values of a column: names as they are, years without separators, numbers as precise as each other."""
    if isinstance(at[0], str):
        return [str(value) for value in at]
    if are_years(column, min(at), max(at)):
        return [f"{value:.0f}" for value in at]
    return alike([float(value) for value in at])


def _what_is_predicted(result: Result, label: Any = None) -> str:
    classes = result.task.classes
    if not classes:
        return f"predicted {result.task.target}"
    label = classes[1] if len(classes) == 2 else label
    return "probability of the class named" if label is None else f"probability of {quoted(label)}"


def _shared_out(result: Result) -> str:
    what = "prediction" if not result.task.classes else "probability"
    return (
        f"What sets a row's {what} apart from the average is shared out among its columns; the shares add up to the "
        "whole difference. The models behind it had not seen the row."
    )


def _weakest(found: Explanation) -> str:
    worst, metric = found.weak_spots[0], judged_by(found.result.task)
    overall = found.result.scores[metric.name].value
    if metric.name == "accuracy":
        return (
            f"It does worst where {worst.name}: wrong in {share(1 - worst.value)} of {worst.rows:,} rows, against "
            f"{share(1 - overall)} of all. Where the outcome is less clear-cut, any model is wrong more often."
        )
    inside, over_all = alike([worst.value, overall], rounded=True)
    told = (
        f"It does worst where {worst.name}: {metric_name(metric.name)} {inside} on {worst.rows:,} rows, against "
        f"{over_all} over all."
    )
    if worst.bias is None:
        return told
    way = "high" if worst.bias > 0 else "low"
    return f"{told} The predictions there are too {way} by {alike([abs(worst.bias), 0.0], rounded=True)[0]} on average."
