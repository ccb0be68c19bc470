"""Who runs next, and when nobody does: decided without a clock."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.batches import Known, Limits, Outcome, Planned, Queue, shared_out, thread_limits


def run(number: int, seconds: float | None = None) -> Planned:
    return Planned(number, f"farm-{number}", {"n": number}, {"n": str(number)}, {}, f"work {number}", seconds)


def kept(status: str) -> Any:
    manifest = {"resources": {"wall": 4.0}}
    return SimpleNamespace(
        status=status,
        reference=f"farm@{status}",
        reason="",
        metric=None,
        scores=dict,
        manifest=manifest,
        path=Path("/store") / status,
    )


def queue(number: int = 3, before: Mapping[int, str] | None = None, **more: Any) -> Queue:
    rerun = more.pop("rerun_failed", False)
    seconds, known = more.pop("seconds", None), more.pop("known_seconds", None)
    found = Known({f"work {at}": kept(status) for at, status in (before or {}).items()}, known)
    return Queue([run(at, seconds) for at in range(1, number + 1)], found, Limits(**more), rerun_failed=rerun)


def statuses(one: Queue) -> list[str]:
    return [outcome.status for outcome in one.outcomes()]


def test_runs_begin_in_the_order_of_the_plan() -> None:
    one = queue()
    assert [one.take(0).number for _ in range(3)] == [1, 2, 3]
    assert one.take(0) is None


@pytest.mark.parametrize(
    ("status", "again", "when_failed"),
    [
        ("completed", False, False),
        ("failed", False, True),
        ("timed_out", False, True),
        ("out_of_memory", False, True),
        ("cancelled", True, True),
        ("killed", True, True),
    ],
)
def test_what_did_not_come_to_an_end_of_its_own_is_run_again(status: str, again: bool, when_failed: bool) -> None:
    assert (queue(1, {1: status}).take(0) is not None) is again
    assert (queue(1, {1: status}, rerun_failed=True).take(0) is not None) is when_failed


def test_what_was_done_before_is_told_as_such() -> None:
    (outcome,) = queue(1, {1: "completed"}).outcomes()
    assert (outcome.status, outcome.before, outcome.ref, outcome.seconds) == ("completed", True, "farm@completed", 4.0)


def test_after_a_failure_the_others_go_on_or_none_begins() -> None:
    for on_failure, following in (("continue", 2), ("stop", None)):
        one = queue(on_failure=on_failure)
        first = one.take(0)
        one.end(Outcome(first, "failed"), 1.0)
        found = one.take(1)
        assert (found.number if found else None) == following


def test_when_a_failure_stops_the_batch_those_left_say_so() -> None:
    one = queue(on_failure="stop")
    one.end(Outcome(one.take(0), "failed"), 1.0)
    assert statuses(one) == ["failed", "left", "left"]
    assert one.outcomes()[1].reason == "Not begun: run 1 did not complete"


def test_no_run_begins_after_the_budget_of_all_or_when_its_own_is_longer_than_what_is_left() -> None:
    assert queue(budget=10.0).take(10.0) is None
    one = queue(budget=10.0, seconds=6.0)
    assert one.take(3.0).number == 1
    assert one.take(5.0) is None
    assert "shorter than the run's own" in one.outcomes()[1].reason


def test_counts_tell_where_the_batch_stands() -> None:
    one = queue(4, {4: "completed"})
    one.end(Outcome(one.take(0), "failed"), 1.0)
    one.take(0)
    assert one.counts() == {"completed": 1, "failed": 1, "running": 1, "waiting": 1}


def test_the_time_left_is_told_by_budgets_by_earlier_runs_and_then_by_those_of_this_batch() -> None:
    assert queue(4).seconds_left(2) is None
    assert queue(4, known_seconds=5.0).seconds_left(2) == 10.0
    assert queue(4, seconds=60.0).seconds_left(2) == 120.0
    one = queue(5, known_seconds=5.0)
    for _ in range(3):
        one.end(Outcome(one.take(0), "completed"), 1.0)
    assert one.seconds_left(2) == 1.0


@given(st.integers(1, 256), st.integers(1, 10_000), st.none() | st.integers(1, 1024))
def test_runs_at_a_time_and_their_threads_never_exceed_the_cores(cores: int, runs: int, asked: int | None) -> None:
    workers, threads = shared_out(cores, runs, asked)
    assert 1 <= workers <= min(runs, cores, asked or cores)
    assert threads >= 1
    assert workers * threads <= cores


def test_a_kernels_share_of_threads_reaches_every_library() -> None:
    limits = thread_limits(3)
    assert {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT"} <= set(limits)
    assert set(limits.values()) == {"3"}
