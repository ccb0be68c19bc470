"""Why this row: a few predictions worth a look, and what each column did to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.automl.explaining.held_out import ROWS_PER_SECOND, predictor
from workbench.automl.explaining.values import writer
from workbench.automl.problem.splits import Array
from workbench.automl.result import Result
from workbench.estimators.contributions import contributions, spread
from workbench.pages.explained import Panel
from workbench.pages.intervals import Interval
from workbench.pages.words import alike, listing, quoted, shorten, with_sign

SECONDS_WITHOUT_CLOCK = 1.0  # a search that reads no clock is explained as if it had so long
LEAST_SAMPLES, MOST_SAMPLES = 8, 100  # rows to compare with
LEAST_PLAYERS, MOST_PLAYERS = 5, 30  # columns that are told apart; the least important others move together
SHOWN, SPOKEN = 7, 3
LISTED = 20  # rows of each kind are looked at closely
GOOD = 0.25  # of the rows are predicted well
SMALL = 0.05  # of the largest: not worth a word
TITLES = {
    "right": "Sure, and right",
    "wrong": "Sure, and wrong",
    "unsure": "Hardest to tell",
    "high": "High, and right",
    "low": "Low, and right",
    "off": "Furthest off",
}


@dataclass(frozen=True, slots=True)
class RowExplained:
    """One row that no model behind its prediction has seen, and how its columns moved the prediction.

    Attributes
    ----------
    row : int
        Its number in the file, from 0; people are told it as they count, from 1.
    why : str
        What makes it worth a look: a key of `TITLES`.
    label
        The class whose probability is explained; None for a regression.
    predicted, average : float
        Of this row, and of the rows it is compared with.
    columns : tuple of Interval
        What each column, with its value, moved the prediction by (95 % interval of the sampling), the most first;
        their values sum to `predicted` - `average`. The last may stand for many columns together.
    """

    row: int
    why: str
    truth: Any
    label: Any
    predicted: float
    average: float
    columns: tuple[Interval, ...]

    def title(self, target: str) -> str:
        """Say which row it is and what was true, and below it what was predicted."""
        if self.label is None:
            said, usual, truth = alike([self.predicted, self.average, float(self.truth)])
            what = "Predicted"
        else:
            said, usual = alike([self.predicted, self.average], rounded=True)
            what, truth = f"Predicted probability of {quoted(self.label)}", quoted(self.truth)
        where = f"{TITLES[self.why]}: row {self.row + 1:,}, where {shorten(target, 24)} is {truth}."
        return f"{where}\n{what}: {said}; average: {usual}."

    def sentence(self, target: str) -> str:
        """Say the same, and which columns moved it most, in plain words."""
        least = SMALL * max((abs(each.value) for each in self.columns), default=0.0)
        texts = alike([*(each.value for each in self.columns), 0.0], rounded=True)[:-1]
        told = []
        for verb, sign in sorted({"raised": 1, "lowered": -1}.items(), key=lambda side: -side[1] * self._way):
            some = [
                f"{each.name} ({text})"
                for each, text in zip(self.columns, _signed(self.columns, texts), strict=True)
                if sign * each.value > least
            ]
            told += [f"{verb} by {listing(some[:SPOKEN])}"] if some else []
        title = self.title(target).replace("\n", " ")
        return f"{title} It was {', and '.join(told) if told else 'moved by no column'}."

    @property
    def _way(self) -> int:
        return 1 if self.predicted >= self.average else -1

    def panel(self, target: str) -> Panel:
        """Give what a picture of it shows."""
        return Panel(self.title(target), self.columns)


def _signed(bars: Sequence[Interval], texts: Sequence[str]) -> list[str]:
    return [with_sign(bar.value, text) for bar, text in zip(bars, texts, strict=True)]


def explained_rows(
    result: Result, features: Sequence[str], seconds: float | None, pace: float = ROWS_PER_SECOND
) -> tuple[RowExplained, ...]:
    """Explain a sure hit, a sure miss and a row on the edge; of a regression two good predictions and the worst.

    Every row is predicted by models that have not seen it, and compared with rows that they have not seen either.

    Parameters
    ----------
    features
        All columns, the most important first.
    seconds
        Time to spend: with little of it, fewer orders are sampled and fewer columns told apart. None reads no clock.
    pace
        Rows that are predicted in a second.
    """
    picked = _picked(result)
    affordable = pace * (SECONDS_WITHOUT_CLOCK if seconds is None else seconds) / (2 * max(1, len(picked)))
    told_apart = int(np.clip(affordable / LEAST_SAMPLES, LEAST_PLAYERS, MOST_PLAYERS))
    apart, others = list(features[:told_apart]), list(features[told_apart:])
    samples = int(np.clip(affordable / (len(apart) + 1), LEAST_SAMPLES, MOST_SAMPLES))
    players = [[name] for name in apart] + ([others] if others else [])
    return tuple(_explained(result, why, place, players, samples) for why, place in picked.items())


def background(result: Result, most: int) -> pd.DataFrame:
    """Choose raw rows that stand for all: their average prediction is close to that of all validated rows."""
    said = _said(result)
    likeliest = said.argmax(axis=1) if len(result.task.classes) > 2 else np.zeros(len(said))
    some = spread(said.max(axis=1) + likeliest if said.shape[1] > 2 else said[:, -1], most)
    return result.task.dataset.frame.loc[result.task.frame.index[result.folds.validated[some]]]


def _explained(result: Result, why: str, place: int, players: list[list[str]], samples: int) -> RowExplained:
    task, kept = result.task, result.predictions
    fold, said = int(kept["fold"].iloc[place]), _said(result)
    output = int(said[place].argmax()) if len(task.classes) > 2 else said.shape[1] - 1
    unseen = np.flatnonzero(kept["fold"].to_numpy() == fold)
    usual = unseen[spread(said[unseen, output], samples)]
    frame = task.frame.iloc[result.folds.validated]
    row = frame.iloc[[place]]
    found = contributions(predictor(result, fold), row, frame.iloc[usual], players=players, seed=result.seed)
    moved, reach = found.values[0, :, output], 1.96 * np.nan_to_num(found.error[0, :, output])
    names = [_named(result, names, row) for names in players]
    ends = moved.tolist(), (moved - reach).tolist(), (moved + reach).tolist()
    bars = [Interval(*each) for each in zip(names, *ends, strict=True)]
    return RowExplained(
        int(kept["row"].iloc[place]),
        why,
        kept["truth"].iloc[place],
        task.classes[output] if task.classes else None,
        float(found.predicted[0, output]),
        float(found.average[output]),
        _gathered(bars, sum(map(len, players))),
    )


def _named(result: Result, names: list[str], row: pd.DataFrame) -> str:
    """Name a column with its value; several that were moved together have no name of their own."""
    if len(names) > 1:
        return ""
    write = writer(result.task.frame[names[0]], result.task.schema[names[0]].kind)
    return f"{shorten(names[0], 24)} = {write(row[names[0]].iloc[0])}"


def _gathered(bars: list[Interval], columns: int) -> tuple[Interval, ...]:
    """Keep the columns that moved most, the most first, and add up the others in one last bar."""
    ranked = sorted((bar for bar in bars if bar.name), key=lambda bar: -abs(bar.value))
    shown = ranked[:SHOWN]
    rest = [*ranked[SHOWN:], *(bar for bar in bars if not bar.name)]
    if not rest:
        return tuple(shown)
    value = float(sum(bar.value for bar in rest))
    left = columns - len(shown)
    return (*shown, Interval("the other column" if left == 1 else f"the other {left} columns", value))


def _said(result: Result) -> Array:
    """Cross-fitted predictions as they were kept: probabilities, or one column of numbers."""
    kept = result.predictions
    names = [f"probability_{label}" for label in result.task.classes] or ["prediction"]
    return kept[names].to_numpy(dtype=np.float64)


def _picked(result: Result) -> dict[str, int]:
    """Choose rows worth a look, as positions among the validated ones; what there is none of is left out.

    What was kept of a row comes from an ensemble weighed without the row's fold, what is explained from the one that is
    handed out. So the kept predictions make a short list, and those that are explained decide.
    """
    kept, said = result.predictions, _said(result)
    truth, good = kept["truth"].to_numpy(), 0.0
    if not result.task.classes:
        good = float(np.quantile(np.abs(truth - said[:, 0]), GOOD))
    listed = _worth(result, truth, said, good).values()
    some = np.unique(np.concatenate([np.argsort(-worth, kind="stable")[:LISTED] for worth in listed]))
    again = _predicted(result, some)
    picked: dict[str, int] = {}
    for why, worth in _worth(result, truth[some], again, good).items():
        place = int(some[worth.argmax()])
        if np.isfinite(worth.max()) and place not in picked.values():
            picked[why] = place
    return picked


def _predicted(result: Result, places: Array) -> Array:
    """Predict validated rows by the models of their folds, shape (n_rows, n_outputs)."""
    frame = result.task.frame.iloc[result.folds.validated[places]]
    folds = result.predictions["fold"].to_numpy()[places]
    said = np.empty((len(places), max(1, len(result.task.classes))))
    for fold in np.unique(folds):
        some = np.flatnonzero(folds == fold)
        said[some] = predictor(result, int(fold))(frame.iloc[some]).reshape(len(some), -1)
    return said


def _worth(result: Result, truth: Array, said: Array, good: float) -> dict[str, Array]:
    if not result.task.classes:
        return worth_of_numbers(truth, said[:, 0], good)
    return worth_of_classes(truth == result.model.labels(said), said, result.model.threshold_)


def worth_of_classes(right: Array, said: Array, threshold: float | None) -> dict[str, Array]:
    """Say how well each row shows a sure hit, a sure miss, and a hard case; minus infinity where it is none.

    Parameters
    ----------
    right : ndarray of bool, shape (n_rows,)
    said : ndarray, shape (n_rows, n_classes)
        Probabilities.
    threshold
        Of two classes, the probability above which a row is called the last.
    """
    if threshold is None:
        second, first = np.sort(said, axis=1)[:, -2:].T
        sure, hits, gap = first, right, first - second
    else:
        gap = np.abs(said[:, 1] - threshold)
        # Of two classes the last is of interest, and the other is often surely called of very many rows.
        sure, hits = gap, right & (said[:, 1] > threshold)
    hits = hits if hits.any() else right
    return {"right": np.where(hits, sure, -np.inf), "wrong": np.where(right, -np.inf, sure), "unsure": -gap}


def worth_of_numbers(truth: Array, said: Array, good: float) -> dict[str, Array]:
    """Say how well each row shows a high and a low prediction that is right to within `good`, and a bad one."""
    error = np.abs(truth - said)
    return {
        "high": np.where(error <= good, said, -np.inf),
        "low": np.where(error <= good, -said, -np.inf),
        "off": error,
    }
