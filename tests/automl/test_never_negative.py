"""What was never negative is not predicted below zero, and the score is of what is served."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from workbench.automl.explaining.held_out import held_out, predictor
from workbench.automl.glass_box.recipe import of_trial
from workbench.automl.record import task_document
from workbench.automl.search import search
from workbench.automl.task import task
from workbench.dataset import read_table
from workbench.estimators.ensemble import Ensemble

FAMILIES = ["lightgbm"]


def bikes(rows: int = 240) -> pd.DataFrame:
    """Counts, most of them zero: trees that are added up go below."""
    random = np.random.default_rng(2)
    frame = pd.DataFrame(random.normal(size=(rows, 4)).round(3), columns=list("abcd"))
    worth = 9 * frame["a"] * frame["b"] + 4 * frame["c"] - 3 + random.normal(0, 2, rows)
    return frame.assign(count=np.maximum(worth, 0).round())


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """Search for a model of the counts, or of what lies so much lower: ``searched(lower=0)``."""

    def done(lower: int):
        path = tmp_path_factory.mktemp("bikes") / "bikes.csv"
        bikes().assign(count=lambda table: table["count"] - lower).to_csv(path, index=False)
        return search(task(read_table(str(path)), "count", kind="regression"), trials=1, families=FAMILIES)

    return done


@pytest.fixture(scope="module")
def result(searched):
    return searched(0)


def unbounded(result) -> np.ndarray:
    """What the folds' models say of the rows they had not seen, as it is."""
    said = np.empty(len(result.task.truth))
    for (_, valid), made in zip(result.folds.pairs, result.fold_models, strict=True):
        said[valid] = Ensemble(made.bags, made.weights).predict(result.task.frame.iloc[valid])
    return said


def test_no_prediction_lies_below_zero(result):
    rows, ensemble = result.task.dataset.frame, result.model.ensemble
    plain = Ensemble(ensemble.bags, ensemble.weights).predict(result.task.frame)
    assert plain.min() < -0.1
    assert np.array_equal(result.model.predict(rows), np.maximum(plain, 0))


def test_the_score_is_of_what_is_served(result):
    plain, truth = unbounded(result), result.task.truth
    assert plain.min() < -0.1
    said = result.predictions["prediction"].to_numpy()
    assert np.allclose(said, np.maximum(plain, 0), rtol=0, atol=1e-12)
    rmse = np.sqrt(np.mean((truth - np.maximum(plain, 0)) ** 2))
    assert result.score.value == pytest.approx(rmse)
    board = result.leaderboard.set_index("family")["score"]
    assert board["lightgbm"] == pytest.approx(rmse)
    assert result.trials[0]["score"] == pytest.approx(rmse)


def test_explanations_are_of_what_is_served(result):
    assert min(predictor(result, fold)(result.task.frame).min() for fold in range(len(result.folds))) == 0
    rows = held_out(result, 200)
    assert rows.predict(rows.columns).min() == 0


def test_a_replay_serves_the_same(result):
    document = json.loads(json.dumps({**task_document(result), "trials": result.trials}))
    again = search(result.task, replay=document, families=FAMILIES)
    rows = result.task.dataset.frame
    assert np.array_equal(again.model.predict(rows), result.model.predict(rows))
    assert np.array_equal(again.predictions["prediction"], result.predictions["prediction"])


def test_the_notebook_of_an_older_experiment_sets_no_bound(result):
    """Its own copy of the code knows none."""
    from workbench.automl.glass_box.notebook import notebook

    def model_cell(document) -> str:
        made = notebook(of_trial(document, result.task.schema, result.trials, 1, packages={}))
        return next(cell["source"] for cell in made["cells"] if "model = TabularModel" in cell["source"])

    document = task_document(result)
    assert "least=0.0" in model_cell(document)
    document.pop("least")
    assert "least" not in model_cell(document)


def test_where_the_target_has_values_below_zero_nothing_is_bounded(searched):
    result = searched(1)
    assert result.model.ensemble.least is None
    plain = unbounded(result)
    assert plain.min() < -1.1
    assert np.allclose(result.predictions["prediction"], plain, rtol=0, atol=1e-12)
