"""Probabilities mean what they say where one row in fifty is positive, and where there are twenty-six classes."""

from __future__ import annotations

import string
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from workbench.automl.blending.calibration import calibrated
from workbench.automl.problem.splits import split
from workbench.automl.search import search
from workbench.automl.task import Task, task
from workbench.dataset import read_table

LETTERS = list(string.ascii_lowercase)


def payments(rows: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Two in a hundred are fraud; the chance of each row is known."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(random.normal(size=(rows, 4)).round(4), columns=["amount", "hour", "age", "noise"])
    chance = 1 / (1 + np.exp(5.0 - 1.4 * frame["amount"] - 0.8 * frame["age"]))
    return frame.assign(y=np.where(random.random(rows) < chance, "fraud", "fine")), chance.to_numpy()


@pytest.fixture(scope="module")
def rare(tmp_path_factory):
    path = tmp_path_factory.mktemp("rare") / "payments.csv"
    payments(6_000, 0)[0].to_csv(path, index=False)
    made = task(read_table(str(path)), "y", positive="fraud")
    return search(made, trials=2, families=["extra_trees", "lightgbm"])


def test_of_rows_never_seen_as_many_are_positive_as_their_probabilities_say(rare):
    fresh, chance = payments(40_000, 1)
    said, fraud = rare.model.predict_proba(fresh.drop(columns="y"))[:, 1], (fresh["y"] == "fraud").to_numpy()
    assert 0.015 < fraud.mean() < 0.025
    assert said.mean() == pytest.approx(fraud.mean(), rel=0.2)
    likeliest = np.argsort(said)[-800:]  # the two in a hundred
    assert said[likeliest].mean() == pytest.approx(chance[likeliest].mean(), rel=0.35)
    assert said[np.argsort(said)[:24_000]].mean() < 0.01


def test_calibrating_rare_positives_does_not_make_new_rows_worse_told(rare):
    fresh, _ = payments(40_000, 2)
    rows, fraud = fresh.drop(columns="y"), fresh["y"] == "fraud"
    raw = rare.model.ensemble.predict(rare.model.coercer.transform(rows))[:, 1]
    told = rare.model.predict_proba(rows)[:, 1]
    assert log_loss(fraud, told) <= log_loss(fraud, np.clip(raw, 1e-7, 1)) * 1.002
    assert log_loss(fraud, told) < 0.92 * log_loss(fraud, np.full(len(rows), fraud.mean()))


@pytest.fixture(scope="module")
def letters(tmp_path_factory) -> Task:
    random = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("letters") / "letters.csv"
    pd.DataFrame({"x": random.normal(size=2_600).round(4), "y": LETTERS * 100}).to_csv(path, index=False)
    return task(read_table(str(path)), "y")


@pytest.mark.parametrize("sure", [2.5, 0.5], ids=["too sure", "too timid"])
def test_of_twenty_six_classes_probabilities_are_put_right(letters, sure):
    random = np.random.default_rng(3)
    scores = random.normal(0, 1.5, (2_600, 26))
    true = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    codes = np.minimum((true.cumsum(axis=1) < random.random(2_600)[:, None]).sum(axis=1), 25)
    said = np.exp(sure * scores)
    said = said / said.sum(axis=1, keepdims=True)
    one = replace(letters, truth=np.array(LETTERS)[codes])
    found = calibrated(one, split(codes, 5, seed=0, classes=26), said, seed=0)
    assert found.calibration.sharpness_ == pytest.approx(1 / sure, rel=0.15)
    assert not found.calibration.bias_.any()  # one for each of so many classes would be luck
    before, after, best = (log_loss(codes, each, labels=range(26)) for each in (said, found.predicted, true))
    assert after < before - 0.8 * (before - best)
    assert found.gain == pytest.approx(before - after, abs=1e-3)
    assert np.array_equal(found.predicted.argmax(axis=1), said.argmax(axis=1))


def test_a_search_among_twenty_six_classes_keeps_each_in_its_place(tmp_path):
    random = np.random.default_rng(1)
    centres = random.normal(0, 2, (26, 5))

    def written(rows: int) -> pd.DataFrame:
        codes = np.arange(rows) % 26
        frame = pd.DataFrame((centres[codes] + random.normal(0, 1, (rows, 5))).round(4), columns=list("pqrst"))
        return frame.assign(letter=np.array(LETTERS)[codes])

    table, fresh = written(780), written(520)
    table.to_csv(tmp_path / "letters.csv", index=False)
    result = search(
        task(read_table(str(tmp_path / "letters.csv")), "letter"), trials=2, families=["linear", "extra_trees"]
    )
    said = result.model.predict_proba(fresh.drop(columns="letter"))
    assert result.model.classes_ == LETTERS
    assert np.allclose(said.sum(axis=1), 1)
    told = log_loss(fresh["letter"], said, labels=LETTERS)
    assert told < 0.6 * np.log(26)
    assert result.score.low - 0.15 < told < result.score.high + 0.15
