"""Who runs next, and when nobody does: decided without a clock."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.batches import Known, Limits, Outcome, Planned, Queue, Step, remaining, shared_out, thread_limits


def run(number: int, seconds: float | None = None) -> Planned:
    return Planned(number, f"farm-{number}", {"n": number}, {"n": str(number)}, {}, f"work {number}", seconds)


def kept(status: str) -> Any:
    manifest = {"resources": {"wall": 4.0}}
    return SimpleNamespace(
        status=status,
        reference=f"farm@{status}",
        reason="",
        metric=None,
        score=None,
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


def step(number: int, name: str, when: Any = "completed", parameters: Any = None, **needs: int) -> Planned:
    said = parameters or {}
    made = Step(name, after=tuple(needs), when=when, parameters=said)
    return Planned(number, f"farm-{name}", {"n": 1, **said}, {}, {}, f"work {number}", step=made, needs=needs)


def pipeline(before: Mapping[int, str] | None = None, *, rerun_failed: bool = False, **more: Any) -> Queue:
    """Prepare, train, report; tell when one of the first two failed; clean in any case."""
    runs = [
        step(1, "prepare"),
        step(2, "train", parameters={"data": "/{prepare.outputs}/a.csv"}, prepare=1),
        step(3, "tell", "failed", {"why": "{train.status}: {train.reason}"}, prepare=1, train=2),
        step(4, "report", train=2),
        step(5, "clean", "always", report=4),
    ]
    known = Known({f"work {at}": kept(status) for at, status in (before or {}).items()})
    return Queue(runs, known, Limits(**more), rerun_failed=rerun_failed)


def work(one: Queue, **became: str) -> list[str]:
    """Carry out what begins, one at a time: it completes, or becomes what is said; gives the names in their order."""
    names = []
    while (run := one.take(0)) is not None:
        names.append(run.step.name)
        one.end(Outcome(run, became.get(run.step.name, "completed"), reason="broken", path=Path("/store/it")), 1.0)
    return names


def test_steps_begin_when_those_they_need_have_ended() -> None:
    one = pipeline()
    first = one.take(0)
    assert one.take(0) is None
    one.end(Outcome(first, "completed", path=Path("/store/prepared")), 1.0)
    assert one.take(0).parameters == {"n": 1, "data": "/store/prepared/outputs/a.csv"}


@pytest.mark.parametrize(
    ("became", "begun", "ended"),
    [
        ({}, ["prepare", "train", "report", "clean"], ["completed", "completed", "skipped", "completed", "completed"]),
        ({"prepare": "failed"}, ["prepare", "tell", "clean"], ["failed", "left", "completed", "left", "completed"]),
        ({"train": "refused"}, ["prepare", "train", "tell", "clean"],
         ["completed", "refused", "completed", "left", "completed"]),
        ({"report": "timed_out"}, ["prepare", "train", "report", "clean"],
         ["completed", "completed", "skipped", "timed_out", "completed"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("on_failure", ["continue", "stop"])
def test_what_becomes_of_a_step_decides_about_those_after_it(
    became: dict[str, str], begun: list[str], ended: list[str], on_failure: str
) -> None:
    one = pipeline(on_failure=on_failure)
    assert work(one, **became) == begun
    assert statuses(one) == ended
    assert not one.waiting


def test_a_step_is_told_what_became_of_those_it_needs() -> None:
    one = pipeline()
    one.end(Outcome(one.take(0), "completed"), 1.0)
    one.end(Outcome(one.take(0), "out_of_memory", reason="It held {x.y} too much"), 1.0)
    assert one.take(0).parameters["why"] == "out_of_memory: It held {x.y} too much"


def test_what_is_there_for_a_failure_is_there_again_when_it_fails_again() -> None:
    before = {1: "failed", 3: "completed", 5: "completed"}
    assert work(pipeline(before)) == []
    assert work(pipeline(before, rerun_failed=True), prepare="failed") == ["prepare", "tell", "clean"]
    assert work(pipeline(before, rerun_failed=True)) == ["prepare", "train", "report", "clean"]


def test_after_a_kill_the_steps_that_were_done_are_not_done_again() -> None:
    assert work(pipeline({1: "completed", 2: "killed"})) == ["train", "report", "clean"]


def test_once_the_batch_is_closed_nothing_is_begun_for_failures_either() -> None:
    one = pipeline()
    first = one.take(0)
    one.close("Cancelled by Ctrl-C")
    one.end(Outcome(first, "cancelled"), 1.0)
    assert one.take(0) is None
    assert statuses(one) == ["cancelled", "left", "left", "left", "left"]


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


@pytest.mark.parametrize(
    ("before", "left", "failed", "after"),
    [
        ({}, 5, 0, 0),
        (dict.fromkeys((1, 2, 4, 5), "completed"), 0, 0, 0),
        ({1: "completed", 2: "killed"}, 4, 0, 0),
        ({1: "failed"}, 2, 1, 2),
        ({1: "failed", 3: "completed", 5: "completed"}, 0, 1, 2),
        ({1: "completed", 2: "completed", 4: "timed_out", 5: "completed"}, 0, 1, 0),
    ],
)
def test_what_is_still_to_be_done_is_told_by_what_does_it(
    before: dict[int, str], left: int, failed: int, after: int
) -> None:
    one = pipeline(before)
    assert remaining(one.outcomes()) == {"left": left, "failed": failed, "after": after}
    assert len(one.waiting) == left
    assert (len(pipeline(before, rerun_failed=True).waiting) > 0) is (left + failed > 0)


def test_what_was_refused_is_left_and_so_is_what_needs_it() -> None:
    one = pipeline({1: "completed"})
    work(one, train="refused")
    assert remaining(one.outcomes()) == {"left": 2, "failed": 0, "after": 0}
