"""How far single predictions can be trusted, in plain words: probabilities, the threshold, intervals and sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.automl.problem.splits import Array
from workbench.metrics import Reliability, reliability
from workbench.pages.words import alike, count, listing, metric_name, number, quoted, share

if TYPE_CHECKING:
    from workbench.automl.result import Result

BIASED = 0.3  # share of the mean error: by chance alone it is less from a hundred rows on
MEANS = ("rmse", "r2")  # metrics that ask for the mean: others are best served by predictions that miss it


def promises(result: Result) -> Iterator[str]:
    """Say what probabilities mean, from where on a row is called positive, and how far a prediction may be off."""
    if result.task.classes:
        yield _how_calibrated(result)
    if result.decision.called is not None:
        yield _how_decided(result)
    if result.coverage is not None:
        yield _how_covered(result)
    yield from _how_biased(result)


def trust_document(result: Result) -> dict[str, Any]:
    """Describe as JSON what `promises` says: calibration, threshold and costs, coverage; what there is not is null."""
    task, found, model = result.task, result.coverage, result.model
    calibration = None
    if result.calibrated is not None and model.calibration is not None:
        of = {"sharpness": model.calibration.sharpness_, "bias": model.calibration.bias_.tolist()}
        calibration = {**of, "gain": result.calibrated.gain}
    error = reliability_of(result) if task.classes else None
    names = ("asked", "measured", "size", "rows")
    return {
        "calibration": calibration,
        "calibration_error": None if error is None else {"value": error.error, "by_chance": error.by_chance},
        "threshold": model.threshold_,
        "cost_of_miss": None if task.costs is None else task.costs.miss,
        "cost_of_false_alarm": None if task.costs is None else task.costs.false_alarm,
        "cost": None if task.costs is None else costs(result)[0],
        "coverage": None if found is None else {name: getattr(found, name) for name in names},
    }


def certainties(result: Result) -> tuple[Array, Array]:
    """Give what was promised of each validated row, and whether it came true, each of shape (n_rows,).

    Of two classes the promise is the positive one's probability, of more that of the likeliest class.
    """
    task, rows = result.task, result.folds.validated
    probability = result.predictions[[f"probability_{label}" for label in task.classes]].to_numpy()
    if len(task.classes) == 2:
        return probability[:, 1], task.codes[rows] == 1
    return probability.max(axis=1), task.codes[rows] == probability.argmax(axis=1)


def reliability_of(result: Result) -> Reliability:
    """Compare the probabilities of rows that were not learned from with what happened."""
    promised, happened = certainties(result)
    weight = result.task.weight
    return reliability(happened, promised, weight=None if weight is None else weight[result.folds.validated])


def came_true(result: Result) -> str:
    """Say what it is that was promised."""
    return f"were {quoted(result.task.classes[1])}" if len(result.task.classes) == 2 else "were of the class named"


def _how_calibrated(result: Result) -> str:
    found, rows = reliability_of(result), count(len(result.predictions), "row")
    off, chance = (f"{100 * each:.1f}" for each in (found.error, found.by_chance))
    told = (
        f"Predicted probabilities are {off} percentage points from what happened, on average over groups of the {rows} "
        f"that were given about the same; chance alone would make that {chance}."
    )
    calibration = None if result.calibrated is None else result.calibrated.calibration
    if calibration is None or result.calibrated is None:
        return told
    how = "too sure" if calibration.sharpness_ < 1 else "not sure enough"
    gain = number(result.calibrated.gain, 2)
    return f"{told} The ensemble by itself was {how}; putting that right made its log loss {gain} better."


def _how_decided(result: Result) -> str:
    task, threshold = result.task, result.model.threshold_ or 0.5
    told = f"A row is called {quoted(task.classes[1])} when the probability of that is above {share(threshold)}"
    if task.costs is None:
        why = f"for {metric_name(task.metric.name)}" if result.decision.threshold != result.decision.plain else ""
        return f"{told}, chosen {why}." if why else f"{told}: no other threshold was surely better."
    cost, even = (100 * each for each in costs(result))
    paid, otherwise = alike([cost, even], rounded=True)
    stated = f"to miss one costs {number(task.costs.miss)} and a false alarm {number(task.costs.false_alarm)}"
    return (
        f"{told}, as {stated}. That costs {paid} in a hundred rows; calling the likelier class would cost {otherwise}."
    )


def costs(result: Result) -> tuple[float, float]:
    """Measure what mistakes cost for an average row, and what they would if the likeliest class were called."""
    task, rows = result.task, result.folds.validated
    assert task.costs is not None  # for mypy: asked only where they were stated
    probability, hit = certainties(result)
    weight = np.ones(len(rows)) if task.weight is None else task.weight[rows]
    called = result.predictions["prediction"].to_numpy() == task.classes[1]

    miss, false_alarm = task.costs.miss, task.costs.false_alarm

    def cost(called: Array) -> float:
        each = np.where(hit & ~called, miss, 0.0) + np.where(~hit & called, false_alarm, 0.0)
        return float(np.average(each, weights=weight))

    return cost(called), cost(probability > 0.5)


def _how_covered(result: Result) -> str:
    found = result.coverage
    assert found is not None  # for mypy: asked only where there is one
    rows, held, asked = count(found.rows, "row"), share(found.measured), share(found.asked)
    counted = ", each group counting the same," if result.task.groups is not None else ""
    if not result.task.classes:
        return (
            f"An interval that is to hold {asked} of the true values held {held} of {rows}{counted} that it was not "
            f"learned from; half of these intervals are narrower than {number(found.size)}."
        )
    told = (
        f"A set of classes that is to hold the true one {asked} of the time, whichever it is, did so for {held} of "
        f"{rows}{counted} that it was not learned from, with {found.size:.1f} classes on average."
    )
    if found.least < found.asked - 0.05:
        told += f" Of the rows whose class is {quoted(found.least_of)} it was {share(found.least)} only."
    if found.few:
        named = listing([quoted(label) for label in found.few])
        told += f" The rows of {named} are too few to be promised it by themselves."
    return told


def _how_biased(result: Result) -> Iterator[str]:
    """Say that the predictions of a regression are too high or too low over all, where that is no small matter."""
    task, rows = result.task, result.folds.validated
    if task.classes or task.metric.name not in MEANS:
        return
    truth, said = (result.predictions[name].to_numpy(dtype=float) for name in ("truth", "prediction"))
    weight = np.ones(len(rows)) if task.weight is None else task.weight[rows]
    bias = float(np.average(said - truth, weights=weight))
    if abs(bias) < BIASED * float(np.average(np.abs(said - truth), weights=weight)):
        return
    way = "high" if bias > 0 else "low"
    why = ": what comes later is not what came before" if result.folds.kind == "time" else ""
    yield f"The predictions are too {way} by {alike([abs(bias), 0.0], rounded=True)[0]} on average{why}."
