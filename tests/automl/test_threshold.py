"""Labels are called by what mistakes cost, or by the metric; and no threshold is judged by the rows that chose it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score

from workbench.automl.blending.threshold import decision
from workbench.automl.fitting.trial import judged
from workbench.automl.problem.costs import Costs
from workbench.automl.problem.cuts import LOSSES, best_threshold, cost_of, loss_when_cut, plain_threshold
from workbench.automl.problem.splits import split
from workbench.automl.search import search
from workbench.automl.task import Task, task
from workbench.errors import BadParameters
from workbench.metrics import METRICS

probabilities = st.lists(
    st.tuples(st.integers(0, 20).map(lambda place: place / 20), st.booleans()), min_size=2, max_size=40
)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Task:
    from workbench.dataset import read_table

    path = tmp_path_factory.mktemp("threshold") / "rows.csv"
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"x": random.normal(size=2000).round(4), "y": random.choice(["no", "yes"], 2000)})
    frame.to_csv(path, index=False)
    return task(read_table(str(path)), "y")


def drawn(made: Task, seed: int, share: float = 0.2, **changes: object) -> tuple[Task, object, np.ndarray]:
    """Draw truths from known probabilities, which are what is predicted."""
    random = np.random.default_rng(seed)
    scores = random.normal(np.log(share / (1 - share)), 1.5, len(made.truth))
    p = 1 / (1 + np.exp(-scores))
    codes = (random.random(len(p)) < p).astype(int)
    one = replace(made, truth=np.array(["no", "yes"])[codes], **changes)
    return one, split(codes, 5, seed=0, classes=2), np.stack([1 - p, p], axis=1)


@settings(deadline=None)
@given(probabilities, st.sampled_from(["f1", "accuracy", "balanced_accuracy"]))
def test_no_other_threshold_is_better(rows, metric):
    p, hit = (np.array(column) for column in zip(*rows, strict=True))
    if hit.all() or not hit.any():
        return
    chosen = best_threshold(p, hit, np.ones(len(p)), LOSSES[metric], 0.5)
    measure, classes = METRICS[metric].function, [False, True]
    others = [measure(hit, p > threshold, classes, None) for threshold in np.linspace(0, 1, 41)]
    assert measure(hit, p > chosen, classes, None) == pytest.approx(max(others))


@settings(deadline=None)
@given(probabilities)
def test_of_equals_the_one_nearest_to_half_is_taken(rows):
    p, hit = (np.array(column) for column in zip(*rows, strict=True))
    loss = cost_of(Costs())
    if hit.all() or not hit.any() or ((p > 0.5) != hit).any():
        return
    assert best_threshold(p, hit, np.ones(len(p)), loss, 0.5) == 0.5


@pytest.mark.parametrize(("miss", "threshold"), [(1.0, 0.5), (9.0, 0.1), (1 / 3, 0.75)])
def test_right_probabilities_are_cut_where_the_costs_say(made, miss, threshold):
    assert plain_threshold(Costs(miss, 1.0)) == pytest.approx(threshold)
    one, folds, said = drawn(made, 0, costs=Costs(miss, 1.0))
    assert decision(one, folds, said, seed=0).threshold == pytest.approx(threshold, abs=0.12)


def test_wrong_probabilities_are_cut_where_it_is_cheapest(made):
    """A model that gives every row half of the probability it has misses most rows at the threshold of the costs."""
    one, folds, said = drawn(made, 1, share=0.5, costs=Costs(1.0, 1.0))
    half = np.stack([1 - said[:, 1] / 2, said[:, 1] / 2], axis=1)
    assert decision(one, folds, half, seed=0).threshold == pytest.approx(0.25, abs=0.06)


def test_a_rare_class_is_found_when_the_metric_asks_for_it(made):
    one, folds, said = drawn(made, 2, share=0.05, metric=METRICS["balanced_accuracy"])
    chosen = decision(one, folds, said, seed=0)
    truth, plain = one.codes[folds.validated], said[folds.validated, 1] > 0.5
    assert balanced_accuracy_score(truth, chosen.called) > balanced_accuracy_score(truth, plain) + 0.1
    assert chosen.threshold < 0.3


def test_what_scores_a_row_was_chosen_without_it(made):
    one, folds, said = drawn(made, 3, metric=METRICS["f1"])
    own = folds.fold_of[folds.validated] == 0
    other = one.truth.copy()
    mine = folds.pairs[0][1]
    other[mine] = np.where(other[mine] == "yes", "no", "yes")
    before, after = (decision(each, folds, said, seed=0) for each in (one, replace(one, truth=other)))
    assert np.array_equal(before.called[own], after.called[own])
    assert before.threshold != after.threshold


def test_on_noise_a_threshold_brings_nothing_and_none_is_claimed(made):
    """Chosen and measured on the same rows the best F1 of noise looks better than it is."""
    flattered, honest = [], []
    for seed in range(6):
        one, folds, _ = drawn(made, seed, share=0.3, metric=METRICS["accuracy"])
        noise = np.random.default_rng(100 + seed).random(len(one.truth)) * 0.2 + 0.4
        said = np.stack([1 - noise, noise], axis=1)
        chosen, truth = decision(one, folds, said, seed=0), one.codes[folds.validated]
        best = best_threshold(noise, truth == 1, np.ones(len(truth)), LOSSES["accuracy"], 0.5)
        flattered.append(((noise > best) == truth).mean())
        honest.append((chosen.called == truth).mean())
    assert np.mean(honest) <= np.mean(flattered)


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss", "average_precision", "brier"])
def test_without_costs_a_metric_of_probabilities_calls_the_likeliest(made, metric):
    one, folds, said = drawn(made, 0, metric=METRICS[metric])
    chosen = decision(one, folds, said, seed=0)
    assert chosen.threshold is None
    assert chosen.called is None


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"cost_of_miss": 0.0}, "cost_of_miss=0.0: give a number above zero"),
        ({"cost_of_false_alarm": float("nan")}, "cost_of_false_alarm=nan"),
        ({"cost_of_miss": -1, "cost_of_false_alarm": True}, "cost_of_false_alarm=True"),
    ],
)
def test_a_cost_that_is_none_is_refused(made, options, told):
    with pytest.raises(BadParameters, match=told):
        task(made.dataset, "y", **options)


def test_costs_are_for_two_classes(table):
    three = table(x=[1, 2, 3, 5, 8, 13] * 10, y=["a", "b", "c"] * 20)
    with pytest.raises(BadParameters, match="costs are for two classes; here one of 3 classes is predicted"):
        task(three, "y", cost_of_miss=2)
    with pytest.raises(BadParameters, match="here a number is predicted"):
        task(three, "x", kind="regression", cost_of_false_alarm=2)


def test_model_scores_and_predictions_agree_on_the_threshold(table):
    random = np.random.default_rng(0)
    x = random.normal(size=(500, 3)).round(3)
    frame = pd.DataFrame(x, columns=list("abc"))
    frame["left"] = np.where(random.random(500) < 1 / (1 + np.exp(2 - 2 * x[:, 0])), "yes", "no")
    result = search(task(table(frame), "left", cost_of_miss=5), trials=2)
    model, rows = result.model, frame.astype(str)
    assert model.threshold_ == result.decision.threshold < 0.4
    assert (
        model.predict(rows).tolist()
        == np.where(model.predict_proba(rows)[:, 1] > model.threshold_, "yes", "no").tolist()
    )
    called = result.predictions["prediction"] == "yes"
    assert called.tolist() == result.decision.called.tolist()
    assert result.scores["f1"].value == pytest.approx(f1_score(result.predictions["truth"] == "yes", called))


@pytest.fixture(scope="module")
def rare(tmp_path_factory) -> Task:
    """3,000 rows, 2 % of them positive, and none of them likely to be."""
    from workbench.dataset import read_table

    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(3000, 4)).round(4), columns=list("abcd"))
    chance = 1 / (1 + np.exp(4.9 - 1.5 * frame["a"]))
    frame["y"] = np.where(random.random(3000) < chance, "yes", "no")
    path = tmp_path_factory.mktemp("rare") / "rows.csv"
    frame.to_csv(path, index=False)
    return task(read_table(str(path)), "y", metric="f1")


def halves(probability: np.ndarray) -> np.ndarray:
    return np.stack([1 - probability, probability], axis=1)


@pytest.mark.parametrize("costs", [None, Costs(20.0, 1.0)])
@pytest.mark.parametrize("metric", ["f1", "balanced_accuracy"])
def test_the_search_tells_signal_from_noise_though_no_row_is_likely_positive(rare, metric, costs):
    one = replace(rare, metric=METRICS[metric], costs=costs)
    random, rows = np.random.default_rng(1), np.arange(len(rare.truth))
    signal = 0.4 / (1 + np.exp(-rare.frame["a"].to_numpy(dtype=float)))
    noise = 0.4 * random.random(len(rows))
    found, missed = (judged(one, halves(p), rows) for p in (signal, noise))
    assert found > missed + 0.05


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.sampled_from(["f1", "accuracy", "balanced_accuracy"]), st.booleans())
def test_a_model_is_judged_by_its_best_cut(made, seed, metric, weighted):
    random = np.random.default_rng(seed)
    weight = random.random(len(made.truth)) if weighted else None
    one, rows = replace(made, metric=METRICS[metric], weight=weight), np.arange(200)
    said = halves(random.random(200).round(1))
    measured, truth = METRICS[metric].function, made.truth[rows]
    cuts = [np.where(said[:, 1] > cut, "yes", "no") for cut in np.linspace(0, 1, 21) + 1e-9]
    heavy = None if weight is None else weight[rows]
    best = max(measured(truth, called, made.classes, heavy) for called in cuts)
    assert judged(one, said, rows) == pytest.approx(best)


def test_labels_called_by_costs_are_measured_as_they_are_called(rare):
    one, rows = replace(rare, costs=Costs(1.0, 1.0)), np.arange(len(rare.truth))
    p = np.where(rare.truth == "yes", 0.3, 0.1)
    p[np.flatnonzero(rare.truth == "no")[:200]] = 0.3  # to call them costs more than to miss the others
    assert judged(one, halves(p), rows) == 0.0
    assert judged(rare, halves(p), rows) > 0.3


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss"])
def test_metrics_of_probabilities_are_not_cut(rare, metric):
    assert loss_when_cut(replace(rare, metric=METRICS[metric]), np.arange(3000)) is None


def test_rows_of_one_class_are_judged_as_they_are(rare):
    rows = np.flatnonzero(rare.truth == "no")[:50]
    assert loss_when_cut(rare, rows) is None
    assert judged(replace(rare, metric=METRICS["accuracy"]), halves(np.full(50, 0.1)), rows) == 1.0


def test_a_search_by_f1_finds_the_signal_of_a_rare_class(rare):
    found = search(rare, trials=3, families=["lightgbm", "linear"])
    by_chance = 2 * 0.03 / 1.03  # of calling every row positive
    assert found.score.value > 2 * by_chance
    assert all(trial["score"] > by_chance for trial in found.trials)
    best = max(found.trials, key=lambda trial: trial["score"])
    assert best["weight"] > 0
