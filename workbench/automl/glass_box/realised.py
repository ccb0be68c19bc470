"""What a trial came to, told so that it can be fitted again: classes, arguments, rows, seed and rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator

if TYPE_CHECKING:
    from workbench.automl.families import Family
    from workbench.automl.fitting.trial import Trial
    from workbench.records import TableSchema

SHOWN = 3  # validated rows whose predictions are kept with each trial, for a later fit to be compared with


def realised(family: Family, trial: Trial | None) -> dict[str, Any]:
    """Describe a trial for its record.

    Returns
    -------
    dict
        style, encoder and learner ({class, arguments} each), stops_by_rows, most_rows, seed, boosted and rounds (one
        for each fold, then of the latest fit if there is one), weight (0 until an ensemble is chosen), shown (what was
        predicted of the first validated rows, by position among the rows that take part). Empty lists for a trial that
        did not end.
    """
    if trial is None:
        return {"seed": None, "boosted": [], "rounds": [], "weight": 0.0}
    rows = np.flatnonzero(~np.isnan(trial.predicted.reshape(len(trial.predicted), -1)[:, 0]))[:SHOWN]
    return {
        "style": family.style,
        "encoder": described(trial.members[0].encoder),
        "learner": described(trial.members[0].learner),
        "stops_by_rows": family.stops_by_rows,
        "most_rows": family.most_rows,
        "seed": trial.seed,
        "boosted": list(trial.boosted),
        "rounds": list(trial.rounds),
        "weight": 0.0,
        "shown": {"rows": rows.tolist(), "predicted": trial.predicted[rows].tolist()},
    }


def weighed(
    log: Sequence[Mapping[str, Any]], weights: Mapping[int, float], averaged: Mapping[int, Sequence[int]]
) -> list[dict[str, Any]]:
    """Note in the record of each trial, by its number, its weight in the ensemble, and whose models predict."""
    return [
        {
            **entry,
            "weight": float(weights.get(entry["number"], 0.0)),
            **({"averaged": list(averaged[entry["number"]])} if entry["number"] in averaged else {}),
        }
        for entry in log
    ]


def kinds_of(schema: TableSchema, features: Sequence[str]) -> dict[str, str]:
    """Tell an encoder the kinds of the columns; of the date that orders the rows only the calendar is learned."""
    columns = [schema[name] for name in features]
    return {column.name: "calendar" if column.role == "time" else str(column.kind) for column in columns}


def lean(trials: Sequence[Mapping[str, Any]], kinds: Mapping[str, str]) -> list[dict[str, Any]]:
    """Leave the columns' kinds out of the records of trials whose encoder was given those of the table."""
    return [_without(trial, kinds) for trial in trials]


def _without(trial: Mapping[str, Any], kinds: Mapping[str, str]) -> dict[str, Any]:
    encoder = trial.get("encoder")
    if encoder is None or encoder["arguments"].get("kinds") != kinds:
        return dict(trial)
    arguments = {name: value for name, value in encoder["arguments"].items() if name != "kinds"}
    return {**trial, "encoder": {**encoder, "arguments": arguments}}


def learned(part: Any) -> Any:
    """Describe a part of a model with what it learned; what is no estimator stands for itself."""
    if not isinstance(part, BaseEstimator):
        return part
    made = described(part)
    state = {name: value for name, value in vars(part).items() if name not in made["arguments"]}
    return {**made, "learned": {name: learned(value) for name, value in state.items()}}


def described(estimator: Any) -> dict[str, Any]:
    """Name an estimator's class and give what it was constructed with; nested estimators are described in turn."""
    kind = type(estimator)
    arguments = estimator.get_params(deep=False) if hasattr(estimator, "get_params") else vars(estimator)
    return {"class": f"{kind.__module__}.{kind.__qualname__}", "arguments": _told(arguments)}


def _told(value: Any) -> Any:
    """Tell a value in JSON's terms; what JSON has no word for is told as ``{"untold": its type}``."""
    if isinstance(value, BaseEstimator):
        return described(value)
    if isinstance(value, Mapping):
        return {str(name): _told(one) for name, one in value.items()}
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_told(one) for one in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return {"untold": type(value).__name__}
