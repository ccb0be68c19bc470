"""The fast evaluation of metrics agrees with their definition in `workbench.metrics`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.automl.problem.intervals import evaluator, is_tied, samples, scored, values
from workbench.metrics import METRICS, Metric, Predicted, measure


def predicted(kind: str, seed: int, rows: int = 60, *, weighted: bool = False) -> Predicted:
    random = np.random.default_rng(seed)
    weight = random.random(rows) if weighted else None
    if kind == "regression":
        return Predicted(random.normal(5, 1, rows).round(1), random.normal(5, 1, rows).round(1), weight=weight)
    classes = ["no", "yes"] if kind == "binary" else ["a", "b", "c", "d"]
    truth = np.array(classes)[random.integers(0, len(classes) - (kind != "binary"), rows)]  # no row is a "d"
    probability = random.dirichlet(np.ones(len(classes)), rows).round(1)  # rounded, so that there are ties
    return Predicted(truth, np.array(classes)[probability.argmax(axis=1)], probability, classes, weight)


CASES = [(metric, kind) for metric in METRICS.values() for kind in metric.tasks]


@pytest.mark.parametrize(("metric", "kind"), CASES, ids=lambda case: getattr(case, "name", case))
@given(seed=st.integers(0, 2**16), weighted=st.booleans())
@settings(max_examples=15, deadline=None)
def test_a_metric_evaluated_fast_is_the_metric(metric: Metric, kind, seed, weighted):
    said = predicted(kind, seed, weighted=weighted)
    assert evaluator(metric, said)(np.ones(60)) == pytest.approx(measure(metric, said), abs=1e-12)


@pytest.mark.parametrize(("metric", "kind"), CASES, ids=lambda case: getattr(case, "name", case))
@given(seed=st.integers(0, 2**16))
@settings(max_examples=10, deadline=None)
def test_a_row_that_counts_three_times_is_three_rows(metric: Metric, kind, seed):
    said = predicted(kind, seed)
    counts = np.random.default_rng(seed).integers(0, 4, 60)
    drawn = said.take(np.repeat(np.arange(60), counts))
    assert evaluator(metric, said)(counts.astype(float)) == pytest.approx(measure(metric, drawn), abs=1e-12)


def test_a_metric_not_known_here_is_measured_the_plain_way():
    own = Metric(
        "profit", True, ("binary",), "prediction", lambda truth, said, _classes, _weight: float((truth == said).sum())
    )
    said = predicted("binary", 0)
    assert evaluator(own, said)(np.full(60, 2.0)) == 2 * measure(own, said)


def test_rows_of_a_group_are_drawn_together():
    said = predicted("binary", 0)
    grouped = Predicted(said.truth, said.prediction, said.probability, said.classes, groups=np.arange(60) // 10)
    for counts in samples(grouped, seed=0)[:20]:
        assert all(len(set(counts[first : first + 10])) == 1 for first in range(0, 60, 10))


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    metric, inside = METRICS["accuracy"], 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        truth = np.array(["n", "y"])[random.integers(0, 2, 100)]
        said = np.where(random.random(100) < 0.7, truth, np.where(truth == "y", "n", "y"))
        guess = Predicted(truth, said, None, ["n", "y"])
        score = scored(metric, guess, values(metric, guess, samples(guess, seed=seed)))
        inside += score.low <= 0.7 <= score.high
    assert 50 <= inside <= 60


def test_only_what_the_rows_can_tell_apart_is_not_tied():
    metric, random = METRICS["rmse"], np.random.default_rng(0)
    truth = random.normal(size=400)
    good, close, bad = (Predicted(truth, truth + random.normal(0, noise, 400)) for noise in (1.0, 1.01, 1.5))
    counts = samples(good, seed=0)
    drawn = [values(metric, each, counts) for each in (good, close, bad)]
    assert is_tied(metric, drawn[0], drawn[1])
    assert not is_tied(metric, drawn[0], drawn[2])
