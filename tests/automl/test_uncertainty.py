"""Intervals and sets hold the truth as often as they say, on rows that nothing was learned from."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.automl.blending.uncertainty import _sets
from workbench.automl.search import search
from workbench.automl.task import task
from workbench.estimators.conformal import TAILS, PredictionIntervals, PredictionSets, tail_of

DRAWS = 150


def numbers(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw truths that are skewed, and further off where the prediction is larger."""
    predicted = random.gamma(2.0, 10.0, rows)
    return predicted * random.lognormal(-0.08, 0.4, rows), predicted


def probabilities(random: np.random.Generator, rows: int, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Draw truths, and what a model that is far too sure says of them."""
    scores = random.normal(0, 1, (rows, classes))
    true = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    codes = (true.cumsum(axis=1) > random.random(rows)[:, None]).argmax(axis=1)
    sure = np.exp(4 * scores)
    return codes, sure / sure.sum(axis=1, keepdims=True)


def rarely(random: np.random.Generator, rows: int, common: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draw truths of classes so common, and right probabilities by a column that hardly tells rare classes apart."""
    codes = random.choice(len(common), rows, p=common)
    column = codes + random.normal(0, 0.8, rows)
    likely = common * np.exp(-((column[:, None] - np.arange(len(common))) ** 2) / (2 * 0.8**2))
    return codes, likely / likely.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("rows", [60, 400])
@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_intervals_hold_the_truth_as_often_as_they_say(rows, coverage):
    """The finite-sample law: at least as often as asked, and no more than 2 / (rows + 1) above it, on average."""
    random, held = np.random.default_rng(0), []
    for _ in range(DRAWS):
        learned = PredictionIntervals().fit(*numbers(random, rows))
        truth, predicted = numbers(random, 200)
        low, high = learned.interval(predicted, coverage).T
        held.append(np.mean((low <= truth) & (truth <= high)))
    slack = 3 * np.std(held) / np.sqrt(DRAWS) + 0.005
    # Sizes are learned on the rows whose errors are measured in them, which of few rows costs a little.
    assert coverage - slack - 1 / rows <= np.mean(held) <= coverage + 2 / (rows + 1) + slack


@pytest.mark.parametrize("coverage", [0.7, 0.9, 0.95])
def test_sets_hold_the_truth_as_often_as_they_say_even_of_a_model_that_is_far_too_sure(coverage):
    random, held = np.random.default_rng(1), []
    for _ in range(DRAWS):
        codes, said = probabilities(random, 200)
        learned = PredictionSets().fit(said, codes)
        codes, said = probabilities(random, 200)
        held.append(learned.contains(said, coverage)[np.arange(200), codes].mean())
    slack = 3 * np.std(held) / np.sqrt(DRAWS) + 0.005
    # Each of four classes may be held more often by one in as many rows as it has, and one more.
    assert coverage - slack <= np.mean(held) <= coverage + 4 / 204 + slack


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_rows_of_each_class_are_covered_however_rare_it_is(coverage):
    """A limit of all rows together would be that of the common class, and hold the others far less often."""
    random, held, together = np.random.default_rng(9), [], []
    common = np.array([0.85, 0.1, 0.05])
    for _ in range(DRAWS):
        (codes, said), (new, told) = (rarely(random, rows, common) for rows in (1000, 3000))
        learned = PredictionSets().fit(said, codes)
        assert not learned.few(coverage).any()
        everyone = np.quantile(1 - said[np.arange(len(codes)), codes], coverage)
        for found, inside in ((held, learned.contains(told, coverage)), (together, 1 - told <= everyone)):
            found.append([inside[new == code, code].mean() for code in range(3)])
    slack = 3 * np.std(held, axis=0) / np.sqrt(DRAWS) + 0.005
    assert (np.mean(held, axis=0) >= coverage - slack).all()
    assert np.mean(together, axis=0).min() < coverage - 0.2


def test_a_class_of_too_few_rows_has_the_limit_of_all_rows_or_its_own_if_that_is_higher():
    random = np.random.default_rng(10)
    codes, said = rarely(random, 500, np.array([0.6, 0.4, 0.0]))
    fewest = 10  # 1 / (1 - 0.9) - 1, and one more because tails are known within 1 %
    for rows in (fewest - 1, fewest):
        rare = np.full((rows, 3), [0.5, 0.3, 0.2])
        learned = PredictionSets().fit(np.vstack([said, rare]), np.append(codes, np.full(rows, 2)))
        assert learned.few(0.9).tolist() == [False, False, rows < fewest]
        assert learned.contains(np.array([[0.5, 0.29, 0.21]]), 0.9)[0, 2]
        assert not learned.contains(np.array([[0.5, 0.49, 0.01]]), 0.9)[0, 2]
    unseen = PredictionSets().fit(said, codes)
    limit = unseen.limits_[tail_of(0.9, 1)]
    assert unseen.few(0.9).tolist() == [False, False, True]
    for rare, inside in ((1.001 - limit, True), (0.999 - limit, False)):
        assert unseen.contains(np.array([[1 - rare, 0.0, rare]]), 0.9)[0, 2] == inside


def test_a_class_whose_rows_weigh_nothing_is_one_of_too_few_rows():
    codes, said = rarely(np.random.default_rng(11), 400, np.array([0.5, 0.3, 0.2]))
    weight = np.where(codes == 2, 0.0, 1.0)
    assert PredictionSets().fit(said, codes, weight).few(0.9).tolist() == [False, False, True]


def test_a_class_in_too_few_groups_is_one_of_too_few_rows():
    codes, said = rarely(np.random.default_rng(12), 400, np.array([0.5, 0.3, 0.2]))
    groups = np.where(codes == 2, -1 - np.arange(400) % 5, np.arange(400))
    assert PredictionSets().fit(said, codes, None, groups).few(0.9).tolist() == [False, False, True]


def test_rows_of_a_new_group_are_covered_where_errors_are_shared_within_groups():
    """Rows of a group err together. Taken as rows they promise too much; groups count as one each."""
    random = np.random.default_rng(2)
    by_group, by_row = [], []
    for _ in range(DRAWS):
        groups = np.repeat(np.arange(42), random.integers(1, 30, 42))
        offset = random.normal(0, 1, 42)[groups]
        truth, predicted = offset + random.normal(0, 0.1, len(groups)), np.zeros(len(groups))
        known, new = groups < 30, groups >= 30
        for held, given_groups in ((by_group, groups[known]), (by_row, None)):
            learned = PredictionIntervals().fit(truth[known], predicted[known], None, given_groups)
            low, high = learned.interval(predicted[new], 0.9).T
            inside = (low <= truth[new]) & (truth[new] <= high)
            held.append(np.mean([inside[groups[new] == group].mean() for group in np.unique(groups[new])]))
    assert np.mean(by_group) >= 0.9 - 3 * np.std(by_group) / np.sqrt(DRAWS)
    assert np.mean(by_group) > np.mean(by_row)


def test_intervals_are_wider_where_errors_are_larger_and_hold_as_often_there():
    random = np.random.default_rng(3)
    learned = PredictionIntervals().fit(*numbers(random, 4000))
    truth, predicted = numbers(random, 4000)
    low, high = learned.interval(predicted, 0.9).T
    small, large = predicted < np.quantile(predicted, 0.3), predicted > np.quantile(predicted, 0.7)
    assert np.mean((high - low)[large]) > 2 * np.mean((high - low)[small])
    for part in (small, large):
        assert np.mean((low <= truth)[part] & (truth <= high)[part]) == pytest.approx(0.9, abs=0.035)


def test_what_was_never_negative_has_no_negative_ends():
    random = np.random.default_rng(4)
    learned = PredictionIntervals().fit(*numbers(random, 300))
    assert learned.interval(np.array([0.01, 1.0]), 0.99).min() >= 0
    truth, predicted = numbers(random, 300)
    assert PredictionIntervals().fit(truth - 50, predicted - 50).interval(np.array([-45.0]), 0.9)[0, 0] < 0


@settings(deadline=None, max_examples=30)
@given(st.floats(0.05, 0.97), st.floats(0.001, 0.02))
def test_who_wants_to_be_surer_gets_no_less(coverage, more):
    random = np.random.default_rng(5)
    learned, sets = PredictionIntervals().fit(*numbers(random, 300)), PredictionSets()
    codes, said = probabilities(random, 300)
    sets.fit(said, codes)
    one, other = (learned.interval(np.arange(1.0, 50.0), each) for each in (coverage, coverage + more))
    assert (other[:, 0] <= one[:, 0]).all()
    assert (other[:, 1] >= one[:, 1]).all()
    assert (sets.contains(said, coverage + more) >= sets.contains(said, coverage)).all()
    assert sets.contains(said, coverage).any(axis=1).all()


@pytest.mark.parametrize("coverage", [0.0, 1.0, 1.5, -0.1, float("nan"), 1 - TAILS[-1] / 2])
def test_a_coverage_that_is_none_is_refused(coverage):
    random = np.random.default_rng(6)
    with pytest.raises(ValueError, match=r"give a share such as 0\.9"):
        PredictionIntervals().fit(*numbers(random, 300)).interval(np.ones(1), coverage)


def test_few_rows_promise_no_more_than_they_can():
    random = np.random.default_rng(7)
    learned = PredictionIntervals().fit(*numbers(random, 50))
    assert np.isfinite(learned.interval(np.ones(1), 0.9)).all()
    with pytest.raises(ValueError, match=r"Too few rows were learned from to promise a coverage of 0\.99"):
        learned.interval(np.ones(1), 0.99)


def test_predictions_that_were_all_exact_have_intervals_of_no_width():
    exact = np.arange(60.0)
    assert PredictionIntervals().fit(exact, exact).interval(np.array([7.5]), 0.9).tolist() == [[7.5, 7.5]]


def test_rows_that_weigh_more_count_more():
    random = np.random.default_rng(8)
    truth = np.concatenate([random.normal(0, 1, 500), random.normal(0, 10, 500)])
    weight = np.repeat([1.0, 0.0], 500)
    weighed = PredictionIntervals().fit(truth, np.zeros(1000), weight).interval(np.zeros(1), 0.9)
    alone = PredictionIntervals().fit(truth[:500], np.zeros(500)).interval(np.zeros(1), 0.9)
    assert weighed == pytest.approx(alone, rel=0.02)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_a_search_measures_how_often_it_holds(results, kind):
    result = results(kind)
    assert result.coverage.asked == 0.9
    assert result.coverage.measured == pytest.approx(0.9, abs=0.08)
    raw = result.task.dataset.frame.loc[result.task.frame.index]
    if kind == "regression":
        ends = result.model.predict_interval(raw, 0.8)
        assert (ends[:, 0] <= ends[:, 1]).all()
        with pytest.raises(ValueError, match="predicts a number"):
            result.model.predict_set(raw)
    else:
        inside = result.model.predict_set(raw, 0.9)
        assert inside.shape == (len(raw), len(result.task.classes))
        assert inside[np.arange(len(raw)), result.model.predict_proba(raw).argmax(axis=1)].all()
        with pytest.raises(ValueError, match="predicts classes"):
            result.model.predict_interval(raw)


def test_too_few_rows_are_promised_nothing(table):
    frame = pd.DataFrame({"x": [1.5, 2, 4] * 10, "y": [3.5, 4, 8, 9, 1] * 6})
    result = search(task(table(frame), "y", kind="regression"), trials=1)
    assert result.coverage is None
    with pytest.raises(ValueError, match="made without intervals"):
        result.model.predict_interval(pd.DataFrame({"x": ["1"]}))


def test_labels_may_hold_anything_in_a_file_of_sets():
    from workbench.documents.bundle_loader import predictions

    class Model:
        classes_ = ('a "b"', "c; d")
        conformal = PredictionSets().fit(np.tile([0.6, 0.4], (100, 1)), np.tile([0, 1], 50))

        def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
            return np.tile([0.6, 0.4], (len(frame), 1))

    said = predictions(Model(), pd.DataFrame({"x": [1, 2]}), 0.9)
    assert [json.loads(each) for each in said["possible"]] == [['a "b"', "c; d"]] * 2


def test_a_class_of_a_few_rows_is_not_the_one_that_is_held_least():
    codes = np.array([0] * 100 + [1] * 100 + [2] * 3)
    inside = np.ones((203, 3), dtype=bool)
    inside[codes == 2, 2] = False
    inside[100:130, 1] = False
    made = SimpleNamespace(classes=["a", "b", "c"], codes=codes, weight=None, groups=None)
    found = _sets(made, np.arange(203), inside)
    assert (found.least_of, found.least) == ("b", 0.7)
    assert np.isnan(_sets(made, np.arange(190, 203), inside[190:]).least)
