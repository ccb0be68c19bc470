"""Labels of any type, in any order, of any rarity: the score points the same way, and every class keeps its place."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from workbench.automl.search import search
from workbench.automl.task import task


@pytest.fixture
def told():
    """Three columns, and whether the answer is yes, which they tell something of."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(150, 3)).round(4), columns=list("abc"))
    return frame, (frame["a"] + random.normal(size=150) > 0.3).to_numpy()


LABELS = {
    "words": ("no", "yes"),
    "words in the other order": ("zero", "all"),
    "digits": (0, 1),
    "digits that do not begin at zero": (7, 3),
    "booleans": (False, True),
    "numbers": (0.5, 2.5),
}


@pytest.mark.parametrize("pair", LABELS.values(), ids=LABELS)
def test_the_type_and_order_of_labels_change_nothing(table, told, pair):
    frame, yes = told
    labels = np.where(yes, pair[1], pair[0])
    result = search(task(table(frame.assign(y=labels)), "y", positive=pair[1]), trials=1, families=["linear"])
    assert result.model.classes_ == list(pair)
    assert result.score.value > 0.6
    probability = result.predictions[f"probability_{pair[1]}"]
    truth = result.predictions["truth"] == pair[1]
    assert result.score.value == pytest.approx(roc_auc_score(truth, probability))
    assert set(result.model.predict(frame.astype(str)).tolist()) <= set(pair)


def test_looking_for_the_other_class_mirrors_the_probabilities(table, told):
    frame, yes = told
    dataset = table(frame.assign(y=np.where(yes, "b", "a")))
    one, other = (
        search(task(dataset, "y", positive=label), trials=1, families=["linear"]).predictions for label in "ab"
    )
    assert np.allclose(one["probability_a"], 1 - other["probability_b"], atol=1e-6)
    mirrored = roc_auc_score(one["truth"] == "a", one["probability_a"])
    assert mirrored == pytest.approx(roc_auc_score(other["truth"] == "b", other["probability_b"]), abs=1e-6)


@pytest.mark.parametrize(("metric", "rising"), [("roc_auc", False), ("log_loss", True), ("brier", True), ("f1", False)])
def test_the_best_is_first_whichever_way_a_metric_points(table, told, metric, rising):
    frame, yes = told
    made = task(table(frame.assign(y=np.where(yes, "yes", "no"))), "y", metric=metric)
    result = search(made, trials=3, families=["linear", "extra_trees"])
    singles = result.leaderboard[result.leaderboard["family"].isin(["linear", "extra_trees", "baseline"])]
    assert singles["score"].is_monotonic_increasing if rising else singles["score"].is_monotonic_decreasing
    assert result.score.higher_is_better is not rising


def test_probabilities_of_several_classes_stand_in_the_order_of_the_labels(table, told):
    frame, yes = told
    frame = frame.assign(y=np.select([yes, frame["b"] > 0.4], ["middle", "above"], "zero"))
    result = search(task(table(frame), "y"), trials=2, families=["linear"])
    columns = [f"probability_{label}" for label in result.model.classes_]
    assert result.model.classes_ == ["above", "middle", "zero"]
    expected = log_loss(result.predictions["truth"], result.predictions[columns].to_numpy())
    assert result.score.value == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("rare", [1, 2, 3])
def test_a_class_of_one_two_or_three_rows_is_handled(table, told, rare):
    frame, yes = told
    labels = np.where(yes, "yes", "no").astype(object)
    labels[:rare] = "rare"
    result = search(task(table(frame.assign(y=labels)), "y"), trials=2, families=["linear", "extra_trees"])
    said = result.model.predict_proba(frame.astype(str))
    assert result.model.classes_ == (["no", "rare", "yes"] if rare > 1 else ["no", "yes"])
    assert said.shape == (150, len(result.model.classes_))
    assert np.allclose(said.sum(axis=1), 1)


def test_few_positives_are_in_every_fold_and_their_probability_is_their_share(table):
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(600, 3)).round(4), columns=list("abc"))
    rank = (frame["a"] + random.normal(0, 0.7, 600)).rank()
    made = task(table(frame.assign(y=np.where(rank > 582, "fraud", "fine"))), "y", positive="fraud")
    result = search(made, trials=3)
    assert result.score.value > 0.8
    assert result.predictions.groupby("fold")["truth"].apply(lambda truth: (truth == "fraud").sum()).min() >= 3
    said = result.predictions["probability_fraud"].mean()
    assert 0.5 * 0.03 < said < 2 * 0.03
