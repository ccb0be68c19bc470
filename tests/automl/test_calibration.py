"""Probabilities are calibrated where that makes them truer on rows it was not learned on, and left alone else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.automl.blending.calibration import calibrated
from workbench.automl.problem.splits import Folds, split
from workbench.automl.search import search
from workbench.automl.task import Task, task
from workbench.estimators.calibration import FLATTEST, SHARPEST, TemperatureScaling
from workbench.metrics import METRICS, Predicted, measure

ROWS = 1500


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Task:
    """A task of so many rows, of which only the truth will be replaced."""
    from workbench.dataset import read_table

    path = tmp_path_factory.mktemp("calibration") / "rows.csv"
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"x": random.normal(size=ROWS).round(4), "y": random.choice(["a", "b", "c"], ROWS)})
    frame.to_csv(path, index=False)
    return task(read_table(str(path)), "y")


def drawn(made: Task, classes: int, seed: int, temperature: float = 1.0) -> tuple[Task, Folds, np.ndarray]:
    """Draw truths from known probabilities, and give what a model too sure by `temperature` would say of them."""
    random = np.random.default_rng(seed)
    scores = random.normal(0, 1.5, (ROWS, classes))
    true = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    codes = (true.cumsum(axis=1) > random.random(ROWS)[:, None]).argmax(axis=1)
    said = np.exp(scores * temperature)
    names = list("abcdefghijklmnopqrstuvwxyz")[:classes]
    one = replace(made, truth=np.array(names)[codes], classes=names, kind="binary" if classes == 2 else "multiclass")
    return one, split(codes, 5, seed=0, classes=classes), said / said.sum(axis=1, keepdims=True)


def log_loss(made: Task, probability: np.ndarray) -> float:
    said = np.array(made.classes)[probability.argmax(axis=1)]
    return measure(METRICS["log_loss"], Predicted(made.truth, said, probability, made.classes))


@pytest.mark.parametrize("classes", [2, 3, 12])
@pytest.mark.parametrize(("temperature", "sharpness"), [(2.0, 0.5), (0.5, 2.0)])
def test_probabilities_too_sure_or_too_timid_are_put_right(made, classes, temperature, sharpness):
    one, folds, said = drawn(made, classes, 1, temperature)
    found = calibrated(one, folds, said, seed=0)
    assert found.calibration.sharpness_ == pytest.approx(sharpness, rel=0.2)
    assert log_loss(one, said) - log_loss(one, found.predicted) == pytest.approx(found.gain, abs=1e-6)
    assert found.gain > 0.02
    assert np.allclose(found.predicted.sum(axis=1), 1)
    assert found.calibration.transform(said).shape == said.shape


@pytest.mark.parametrize("classes", [2, 5])
def test_probabilities_that_are_right_are_hardly_ever_touched(made, classes):
    touched = [calibrated(*drawn(made, classes, seed), seed=0).calibration is not None for seed in range(10)]
    assert sum(touched) <= 1


def test_a_class_that_is_named_too_often_gets_a_bias(made):
    one, folds, said = drawn(made, 3, 2)
    leaning = said * [3.0, 1.0, 1.0]
    found = calibrated(one, folds, leaning / leaning.sum(axis=1, keepdims=True), seed=0)
    assert found.calibration.bias_[1:] - found.calibration.bias_[0] == pytest.approx(np.log([3, 3]), abs=0.3)
    assert found.gain > 0.02


def test_each_row_is_calibrated_by_what_the_others_taught(made):
    """A row's own truth has no say in what is made of its probabilities."""
    one, folds, said = drawn(made, 2, 3, 2.0)
    row = int(folds.pairs[0][1][0])
    other = one.truth.copy()
    other[row] = "b" if other[row] == "a" else "a"
    before, after = (calibrated(each, folds, said, seed=0) for each in (one, replace(one, truth=other)))
    own = folds.fold_of == 0
    assert np.array_equal(before.predicted[own], after.predicted[own])
    assert not np.array_equal(before.predicted[~own], after.predicted[~own])


def test_too_few_rows_are_left_alone(made):
    one, _, said = drawn(made, 2, 4, 3.0)
    few = replace(one, frame=one.frame.iloc[:300], truth=one.truth[:300])
    folds = split(few.codes, 5, seed=0, classes=2)
    found = calibrated(few, folds, said[:300], seed=0)
    assert found.calibration is None
    assert np.array_equal(found.predicted, said[:300])


def test_rows_of_few_groups_prove_little(made):
    """The same rows with the same gain are not enough when they come from a handful of groups that err together."""
    one, folds, said = drawn(made, 2, 5, 1.4)
    assert calibrated(one, folds, said, seed=0).calibration is not None
    order = np.argsort(said[np.arange(ROWS), one.codes])  # the best and the worst told stand in groups of their own
    groups = np.empty(ROWS, dtype=int)
    groups[order] = np.arange(ROWS) * 8 // ROWS
    assert calibrated(replace(one, groups=groups), folds, said, seed=0).calibration is None


def test_rows_all_told_apart_are_not_called_certain(made):
    one, folds, _ = drawn(made, 2, 6)
    said = np.where(one.codes[:, None] == np.arange(2), 0.9, 0.1)
    found = calibrated(one, folds, said, seed=0)
    assert 0.99 < found.calibration.transform(said).max(axis=1).min() < 1 - 1 / (4 * ROWS)


@pytest.mark.parametrize(("right", "sharpness"), [(0.5, FLATTEST), (1.0, SHARPEST)], ids=["coin tosses", "all right"])
def test_probabilities_are_not_bent_without_bound(right, sharpness):
    """What would make certain of a few lucky rows, or nothing of what the model knows, is cut off."""
    random = np.random.default_rng(0)
    codes = random.integers(0, 2, 400)
    called = np.where(random.random(400) < right, codes, 1 - codes)
    sure = 0.51 if right == 1 else 0.999
    said = np.where(called[:, None] == np.arange(2), sure, 1 - sure)
    assert TemperatureScaling().fit(said, codes).sharpness_ == pytest.approx(sharpness)


def test_what_is_reported_is_what_was_calibrated(table):
    """Members that are too sure (trees grown to the end) are put right, in the model, its scores and predictions."""
    random = np.random.default_rng(0)
    x = random.normal(size=(1200, 3)).round(3)
    frame = pd.DataFrame(x, columns=list("abc"))
    frame["y"] = np.where(random.random(1200) < 1 / (1 + np.exp(-x[:, 0])), "yes", "no")
    result = search(task(table(frame), "y", metric="log_loss"), trials=1)
    sure = replace(result.task, metric=METRICS["log_loss"])
    kept = result.predictions[["probability_no", "probability_yes"]].to_numpy()
    assert log_loss(sure, kept) == pytest.approx(result.scores["log_loss"].value)
    assert result.calibrated.predicted[result.folds.validated] == pytest.approx(kept)
    raw = result.model.ensemble.predict(result.model.coercer.transform(frame.astype(str)))
    told = result.model.predict_proba(frame.astype(str))
    calibration = result.model.calibration
    assert told == pytest.approx(raw if calibration is None else calibration.transform(raw))
