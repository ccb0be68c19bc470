"""The paired test of two sets of predictions of the same rows."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.automl.problem.intervals import values
from workbench.automl.problem.splits import split
from workbench.metrics import METRICS, Predicted, measure, paired, paired_difference, reliability, samples, score

AUC = METRICS["roc_auc"]
ROWS, SIGNAL, JUNK = 200, 3, 12


def cross_fitted(seed: int, *skips: int) -> tuple[list[Predicted], float]:
    """Two linear models of one table, equal but for the junk each learns from as well, and the share of their folds."""
    random = np.random.default_rng(seed)
    useful = random.normal(size=(ROWS, SIGNAL))
    truth = (useful.sum(axis=1) + random.normal(0, 2, ROWS) > 0).astype(float)
    folds = split(truth.astype(int), 5, seed=seed, classes=2)
    said = []
    for skip in skips:
        columns = np.column_stack([np.ones(ROWS), useful[:, skip:], random.normal(size=(ROWS, JUNK))])
        score = np.empty(ROWS)
        for train, valid in folds.pairs:
            score[valid] = columns[valid] @ np.linalg.lstsq(columns[train], truth[train])[0]
        said.append(Predicted(truth, score > 0.5, np.column_stack([1 - score, score]), [0.0, 1.0]))
    return said, folds.independent


def differ(seed: int, *skips: int) -> bool:
    said, share = cross_fitted(seed, *skips)
    _, low, high = paired_difference(AUC, *said, share=share)
    return low > 0 or high < 0


def test_of_two_equally_good_models_one_is_rarely_called_better():
    assert sum(differ(seed, 0, 0) for seed in range(40)) <= 2


def test_a_clear_difference_is_found():
    assert sum(differ(seed, 0, SIGNAL) for seed in range(8)) >= 7  # in one, the junk alone happens to rank well


def test_fewer_rows_drawn_make_the_interval_wider():
    said, share = cross_fitted(0, 0, 1)
    plain, corrected = (paired_difference(AUC, *said, share=each) for each in (1.0, share))
    assert plain[0] == corrected[0]
    assert (corrected[2] - corrected[1]) / (plain[2] - plain[1]) == pytest.approx(1.5, rel=0.1)


def test_better_is_positive_whichever_way_the_metric_points():
    (good, poor), _ = cross_fitted(0, 0, SIGNAL)
    for name in ("roc_auc", "brier"):
        assert paired_difference(METRICS[name], good, poor)[1] > 0
        assert paired_difference(METRICS[name], poor, good)[2] < 0


@pytest.mark.parametrize("groups", [None, np.array([7, None] * (ROWS // 2), dtype=object)])
def test_a_sample_has_the_share_of_rows_asked_for(groups):
    truth = np.zeros(ROWS)
    drawn = samples(Predicted(truth, truth, groups=groups), seed=0, share=0.5)
    assert {int(counts.sum()) for counts in drawn} == ({ROWS // 2} if groups is None else {ROWS})


def labelled(seed: int, classes: int, groups: bool) -> list[Predicted]:
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, ROWS)
    member = np.arange(ROWS) // 3 if groups else None
    weight = random.random(ROWS)
    said = []
    for skill in (3.0, 1.0):
        told = random.normal(size=(ROWS, classes))
        told[np.arange(ROWS), truth] += skill
        probability = np.exp(told) / np.exp(told).sum(axis=1, keepdims=True)
        rounded = probability.round(2) + 0.01  # so that some are equal
        said.append(Predicted(truth, rounded.argmax(axis=1), rounded, range(classes), weight, member))
    return said


@pytest.mark.parametrize("groups", [False, True], ids=["rows", "groups"])
@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if "binary" in metric.tasks])
def test_a_paired_test_measured_fast_gives_the_same_interval(name, classes, groups):
    one, other = labelled(1, classes, groups)
    slow, fast = (paired(METRICS[name], one, **how)(other, 0.6) for how in ({}, {"values": values}))
    assert fast == pytest.approx(slow, abs=1e-6)  # samples are counted in single precision
    assert fast[1] > 0


@pytest.mark.parametrize("name", ["rmse", "mae", "r2"])
@pytest.mark.parametrize("unit", [1e-200, 1e160])
def test_a_score_is_the_same_in_whatever_unit_the_target_is(name, unit):
    """Squares of such numbers overflow, or vanish."""
    random, metric = np.random.default_rng(0), METRICS[name]
    truth = random.normal(size=(2, 30_000))
    one, other = (Predicted(size * truth[0], size * truth.sum(axis=0)) for size in (1.0, unit))
    shown = 1.0 if name == "r2" else unit
    assert measure(metric, other) / shown == pytest.approx(measure(metric, one))
    drawn = samples(one, seed=0)[:40]
    assert values(metric, other, drawn) / shown == pytest.approx(values(metric, one, drawn))
    plain, scaled = score(metric, one, values(metric, one, drawn)), score(metric, other, values(metric, other, drawn))
    assert (scaled.low / shown, scaled.high / shown) == pytest.approx((plain.low, plain.high))


class TestReliability:
    """What was promised, set beside what happened."""

    def test_right_probabilities_are_off_by_about_what_chance_makes_them(self):
        random = np.random.default_rng(0)
        p = random.random(20_000)
        found = reliability(random.random(20_000) < p, p)
        assert found.rows.sum() == 20_000
        assert len(found.rows) == 10
        assert found.promised == pytest.approx(found.happened, abs=0.04)
        assert found.error < 2 * found.by_chance < 0.03

    def test_wrong_ones_are_off_by_how_wrong_they_are(self):
        hit = np.arange(1000) % 10 == 0
        assert reliability(hit, np.full(1000, 0.4)).error == pytest.approx(0.3)

    def test_what_is_said_of_a_rare_class_is_not_put_into_one_group(self):
        random = np.random.default_rng(0)
        p = random.beta(0.02, 1.0, 10_000)  # two of a hundred rows come true
        found = reliability(random.random(10_000) < p, p)
        assert len(found.rows) == 10
        assert (found.promised > 0.1).sum() >= 7
        assert found.rows.min() >= 20
        assert found.error < 2 * found.by_chance

    def test_certainties_stay_apart(self):
        hit = np.arange(1000) < 500
        found = reliability(hit, hit.astype(float))
        assert found.promised == pytest.approx([0.0, 1.0])
        assert found.error == 0.0

    def test_rows_count_by_their_weight(self):
        hit, p = np.arange(100) < 50, np.full(100, 0.5)
        weighed = reliability(hit, p, weight=np.where(hit, 3.0, 1.0))
        assert weighed.happened == pytest.approx([0.75])
        assert weighed.error == pytest.approx(0.25)
