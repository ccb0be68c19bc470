"""Time that is promised is kept when the machine's clock is set meanwhile, and on other machines."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable

import pytest

from workbench.automl.families.linear import Linear
from workbench.automl.planning.clock import Clock, clock_for
from workbench.automl.search import search
from workbench.automl.task import task

HOUR = 3600.0


def set_by(monkeypatch: pytest.MonkeyPatch, by: float) -> None:
    """Let the time of day be another from now on."""
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + by)


class WhileItFits(Linear):
    """A family that has something done when the first of its models is made."""

    def __init__(self, something: Callable[[], None]) -> None:
        self.todo = [something]

    def build(self, parameters, setting, *, seed):
        while self.todo:
            self.todo.pop()()
        return super().build(parameters, setting, seed=seed)


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("by", [-60.0, HOUR])
def test_a_search_ends_in_time_when_the_time_of_day_is_set_meanwhile(table, shop_table, monkeypatch, by):
    dataset = table(shop_table(120))
    linear = WhileItFits(lambda: set_by(monkeypatch, by))
    result = search(task(dataset, "bought", ignore=["worth", "grade"]), budget="10s", families=[linear, "extra_trees"])
    assert not linear.todo
    assert time.monotonic() - dataset.read_at < 10
    assert 0 < result.seconds < 10
    assert len(result.trials) > 1


@pytest.mark.parametrize("by", [-HOUR, HOUR])
def test_a_run_s_deadline_does_not_move_with_the_time_of_day(tmp_path, table, monkeypatch, by):
    from workbench.execution import prepare

    template = tmp_path / "t.ipynb"
    template.write_text("{}")
    folder = prepare(tmp_path / "running", name="t", template=template, budget=100.0)
    monkeypatch.setenv("WORKBENCH_RUN", str(folder.path))
    dataset = table(x=[1.5, 2.5, 3.5])
    set_by(monkeypatch, by)
    assert 90 < folder.seconds_left() <= 100
    assert clock_for(dataset, "100s").left() == pytest.approx(folder.seconds_left() - 8, abs=1)
    folder.update(boot_id="another")  # whose seconds begin elsewhere: there is the time of day only
    assert folder.seconds_left() == pytest.approx(100 - by, abs=10)


def test_a_clock_that_is_sent_to_another_process_of_the_machine_stays_the_same(monkeypatch):
    sent = pickle.dumps(Clock(search_ends=50.0, run_ends=60.0, started=10.0))
    set_by(monkeypatch, HOUR)
    assert pickle.loads(sent) == Clock(search_ends=50.0, run_ends=60.0, started=10.0)


def test_a_clock_that_is_sent_to_another_machine_ends_there_at_the_same_time_of_day(monkeypatch):
    now, real = time.monotonic(), time.monotonic
    clock = Clock(search_ends=now + 50, run_ends=None, started=now - 10)
    sent = pickle.dumps(clock)
    monkeypatch.setattr("workbench.automl.planning.clock.boot_id", lambda: "another")
    monkeypatch.setattr(time, "monotonic", lambda: real() - 1000)
    there = pickle.loads(sent)
    assert there.search_ends - time.monotonic() == pytest.approx(clock.search_ends - real(), abs=0.5)
    assert time.monotonic() - there.started == pytest.approx(10, abs=0.5)
    assert there.run_ends is None
