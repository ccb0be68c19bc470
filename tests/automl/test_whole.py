"""What may come between a search and its members' fits on all rows: an interrupt, little memory, another plan."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace

import numpy as np
import pytest

from workbench.automl import search as room
from workbench.automl.families.linear import Linear
from workbench.automl.fitting import whole
from workbench.automl.fitting.whole import OnAllRows
from workbench.automl.planning import memory
from workbench.automl.planning.clock import Clock
from workbench.automl.planning.memory import room_for
from workbench.automl.planning.planner import Plan
from workbench.automl.record import task_document
from workbench.automl.result import Found
from workbench.automl.search import search
from workbench.automl.searching.again import Kept
from workbench.automl.searching.pilot import Given
from workbench.automl.task import task
from workbench.documents.process import this_process
from workbench.documents.run_folder import RunFolder, RunRecord
from workbench.executor import InProcess


@pytest.fixture
def made(table, shop_table):
    return task(table(shop_table(120)), "bought", ignore=["worth", "grade"])


class TestAnInterrupt:
    @pytest.fixture(autouse=True)
    def heard(self):
        """A shell that starts tests in the background has them ignore interrupts."""
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
        signal.signal(signal.SIGINT, before)

    @pytest.fixture
    def interrupted(self, monkeypatch):
        """Have the first fit on all rows interrupted."""

        def stopped(*_given, **_named):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)

        monkeypatch.setattr(whole, "fit_whole", stopped)

    @pytest.mark.parametrize("family", ["linear", "extra_trees"])
    @pytest.mark.usefixtures("interrupted")
    def test_by_hand_leaves_the_best_that_was_found(self, made, family):
        result = search(made, trials=2, families=[family])
        assert result.interrupted
        assert result.why_bagged.startswith("The search was interrupted before it fitted")
        assert max(len(bag.members) for bag in result.model.ensemble.bags) > 1
        assert np.isfinite(result.score.value)

    @pytest.mark.usefixtures("interrupted")
    def test_in_a_run_the_runner_asked_for_the_end(self, made, tmp_path, monkeypatch):
        folder = RunFolder(tmp_path / "run")
        folder.outbox.mkdir(parents=True)
        folder.write(RunRecord("shop", "v", "classification", "2026-01-01T00:00:00+00:00", **this_process()))
        monkeypatch.setenv("WORKBENCH_RUN", str(folder.path))
        with pytest.raises(KeyboardInterrupt):
            search(made, trials=1, families=["linear"])

    def test_of_a_replay_leaves_no_other_model_in_its_place(self, made, interrupted_later):
        first = search(made, trials=1, families=["linear"])
        interrupted_later()
        with pytest.raises(KeyboardInterrupt):
            search(made, replay={**task_document(first), "trials": first.trials}, families=["linear"])

    @pytest.fixture
    def interrupted_later(self, request):
        return lambda: request.getfixturevalue("interrupted")


def test_a_search_that_ended_is_not_refused_for_the_memory_its_models_took(made, monkeypatch):
    free, taken = memory.resident, []
    monkeypatch.setattr(memory, "resident", lambda: free() + sum(taken))

    class Greedy(Linear):
        def build(self, parameters, setting, *, seed):
            taken.append(1e15)
            return super().build(parameters, setting, seed=seed)

    result = search(made, trials=1, families=[Greedy()])
    assert not result.bagged
    assert len(result.model.predict(made.dataset.frame)) == 120


@pytest.mark.parametrize(("began_with", "today", "is_kept"), [(5, 1, True), (1, 5, False), (None, 5, True)])
def test_a_search_keeps_time_for_them_by_the_folds_it_has(made, monkeypatch, began_with, today, is_kept):
    ends = []

    def explored(given, plan, clock, kept, executor, threads=None, seconds_kept=0.0):
        ends.append(clock.search_ends - seconds_kept)
        return Found([], None, plan, [], None)

    monkeypatch.setattr(room, "_explored", explored)
    monkeypatch.setattr(room, "plan_by_clock", lambda *_given: Plan(today, 0.1, 100, 5))
    clock = Clock(search_ends=100.0, run_ends=110.0, now=lambda: 0.0)
    kept = Kept(None, None if began_with is None else Plan(began_with, 0.1, 100, 5))
    given = Given(made, [Linear()], 0, room_for(None))
    room._by_clock(given, clock, kept, InProcess(1, 2), "full")
    least = 100 * (1 - room.LONGEST_FINISH)
    assert ends[0] <= 100 * (1 - whole.SHARE) + 1e-9 if is_kept else ends[0] >= least


def test_a_network_keeps_the_weights_it_predicts_by_alone(made):
    (bag,) = search(made, trials=1, families=["network"]).model.ensemble.bags
    (model,) = bag.members
    assert list(model.learner._checkpoints) == [model.learner.rounds_]


def test_a_replay_averages_the_folds_that_were_averaged_then(made):
    """Of what was kept before members were fitted on all rows, or when another effort was called slow."""
    first = search(made, trials=2, families=["linear", "extra_trees"])
    before = [
        {**trial, **{part: trial[part][:5] for part in ("boosted", "rounds")}, "averaged": [0, 2]}
        for trial in first.trials
    ]
    again = search(made, replay={**task_document(first), "trials": before}, families=["linear", "extra_trees"])
    assert {tuple(trial["averaged"]) for trial in again.trials if trial["weight"]} == {(0, 2)}
    assert {len(bag.members) for bag in again.model.ensemble.bags} == {2}


def test_what_encoding_takes_counts_until_the_style_is_encoded(made, monkeypatch):
    fit, told = OnAllRows.fit, []

    def twice(self, trials):
        bench = replace(self.bench, clock=Clock(search_ends=time.monotonic() + 60))
        slow = [replace(trial, encoding=100.0) for trial in trials]
        told.extend(fit(replace(self, bench=bench), slow))
        fit(self, trials)
        told.extend(fit(replace(self, bench=bench), slow))
        return fit(self, trials)

    monkeypatch.setattr(OnAllRows, "fit", twice)
    assert not search(made, trials=1, families=["linear"]).bagged
    before, after = told
    assert before.startswith("There was no time")
    assert not isinstance(after, str)
