"""The gate decides in pure code, and says why."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.documents.bundle import Golden
from workbench.promotion.gate import Contender, beats_live, completed, golden, intact, no_blocking_check, same_question
from workbench.promotion.policy import Policy
from workbench.records import Check, Score

finite = st.floats(-1e6, 1e6)


def contender(
    value: float, metric: str = "roc_auc", *, higher: bool = True, name: str = "a", **fields: str
) -> Contender:
    return Contender(name, metric, {metric: Score(metric, value, higher_is_better=higher)}, **fields)


@given(a=finite, b=finite, higher=st.booleans())
def test_no_two_can_each_beat_the_other(a: float, b: float, higher: bool) -> None:
    one, other = contender(a, higher=higher), contender(b, higher=higher, name="b")
    assert not (beats_live(one, other, Policy()).passed and beats_live(other, one, Policy()).passed)


@given(value=finite, margin=st.floats(0, 1))
def test_nothing_beats_its_equal(value: float, margin: float) -> None:
    assert not beats_live(contender(value), contender(value, name="b"), Policy(margin=margin)).passed


@pytest.mark.parametrize(
    ("candidate", "live", "higher", "margin", "passed"),
    [
        (0.81, 0.80, True, 0.0, True),
        (0.79, 0.80, True, 0.0, False),
        (0.81, 0.80, True, 0.02, False),
        (0.83, 0.80, True, 0.02, True),
        (0.79, 0.80, True, -0.02, True),
        (1.9, 2.0, False, 0.0, True),
        (2.1, 2.0, False, 0.0, False),
        (float("nan"), 0.5, True, 0.0, False),
    ],
)
def test_better_by_more_than_the_margin_passes(
    candidate: float, live: float, higher: bool, margin: float, passed: bool
) -> None:
    verdict = beats_live(
        contender(candidate, higher=higher), contender(live, higher=higher, name="b"), Policy(margin=margin)
    )
    assert verdict.passed is passed
    assert f"{margin:+.4g}" in verdict.because


def test_where_nothing_is_live_a_score_is_enough() -> None:
    assert beats_live(contender(0.5), None, Policy()).passed
    assert not beats_live(contender(0.5), None, Policy(metric="rmse")).passed


def test_what_is_live_already_does_not_pass_again() -> None:
    verdict = beats_live(contender(0.5), contender(0.4), Policy())
    assert (verdict.passed, verdict.because) == (False, "a is live already")


def test_two_metrics_are_compared_only_on_one_that_a_policy_names() -> None:
    scores = {"roc_auc": Score("roc_auc", 0.8), "log_loss": Score("log_loss", 0.5, higher_is_better=False)}
    one, other = Contender("a", "roc_auc", scores), Contender("b", "log_loss", scores)
    assert "searched by roc_auc" in beats_live(one, other, Policy()).because
    better = replace(one, scores=scores | {"log_loss": Score("log_loss", 0.4, higher_is_better=False)})
    assert beats_live(better, other, Policy(metric="log_loss")).passed
    assert "no score for f1" in beats_live(one, other, Policy(metric="f1")).because


def test_scores_from_other_rows_are_said_to_be() -> None:
    one, other = contender(0.9, data="sha256:1"), contender(0.8, name="b", data="sha256:2")
    assert "different data" in beats_live(one, other, Policy()).because
    assert "different data" not in beats_live(one, replace(other, data="sha256:1"), Policy()).because


def test_another_question_is_another_model() -> None:
    one, other = contender(0.9, question="'Churn' (binary)"), contender(0.8, name="b", question="'Age' (regression)")
    assert not same_question(one, other).passed
    assert same_question(one, None).passed


def test_a_block_stops_and_a_policy_may_allow_it() -> None:
    checks = [Check("leak", "block", "The column 'ended' tells the target."), Check("gaps", "warn", "Blanks.")]
    stopped = no_blocking_check(checks)
    assert not stopped.passed
    assert "tells the target" in stopped.because
    assert no_blocking_check(checks, ["leak"]).passed
    assert no_blocking_check(checks[1:]).passed


@pytest.mark.parametrize(
    ("proof", "passed", "told"),
    [
        (Golden(5, 0.0), True, "last digit"),
        (Golden(5, 3e-16), True, "rounding"),
        (Golden(5, 1e-3), False, "not the model"),
        (None, False, "kept no model"),
    ],
)
def test_golden_predictions_must_hold(proof: Golden | None, passed: bool, told: str) -> None:
    verdict = golden(proof, "the experiment kept no model")
    assert verdict.passed is passed
    assert told in verdict.because


def test_a_run_must_have_completed_and_be_what_was_kept() -> None:
    assert completed("completed").passed
    assert not completed("timed_out").passed
    assert intact([]).passed
    assert "scores.json was changed" in intact(["scores.json was changed"]).because
