"""What may come between a search and its members' fits on all rows: an interrupt, little memory, another plan."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from itertools import count
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from workbench.automl import search as room
from workbench.automl.families import ExtraTrees, LightGBM, Linear, Setting
from workbench.automl.families.base import TREES
from workbench.automl.fitting import whole
from workbench.automl.fitting.encodings import Encodings
from workbench.automl.fitting.trial import Bench, fit, fit_whole
from workbench.automl.fitting.whole import OnAllRows, in_order, rounds_of, seconds_of
from workbench.automl.planning import memory
from workbench.automl.planning.clock import Clock
from workbench.automl.planning.memory import Room, room_for
from workbench.automl.planning.planner import Plan
from workbench.automl.problem.splits import folds_of
from workbench.automl.record import task_document
from workbench.automl.result import Found
from workbench.automl.search import search
from workbench.automl.searching.again import Kept
from workbench.automl.searching.pilot import Given
from workbench.automl.searching.workplaces import on_all_rows
from workbench.automl.task import task
from workbench.documents.process import this_process
from workbench.documents.run_folder import RunFolder, RunRecord
from workbench.errors import NoCluster
from workbench.executor import InProcess


class Left(Room):
    """A room that says how much is left of it."""

    def left(self):
        return self.limit


@pytest.fixture
def made(table, shop_table):
    return task(table(shop_table(120)), "bought", ignore=["worth", "grade"])


@pytest.mark.usefixtures("hears_interrupts")
class TestAnInterrupt:
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

    def explored(given, plan, clock, kept, executor, progress, seconds_kept):
        ends.append(clock.search_ends - seconds_kept)
        return Found([], None, plan, [], None), None

    monkeypatch.setattr(room, "_explored", explored)
    monkeypatch.setattr(room, "plan_by_clock", lambda *_given: Plan(today, 0.1, 100, 5))
    clock = Clock(search_ends=100.0, run_ends=110.0, now=lambda: 0.0)
    kept = Kept(None, None if began_with is None else Plan(began_with, 0.1, 100, 5))
    given = Given(made, [Linear()], 0, room_for(None))
    room._by_clock(given, clock, kept, InProcess(1, 2), None, "full")
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

    def twice(self, trials, worth):
        bench = replace(self.bench, clock=Clock(search_ends=time.monotonic() + 60))
        slow = [replace(trial, encoding=100.0) for trial in trials]
        told.extend(fit(replace(self, bench=bench), slow, worth))
        fit(self, trials, worth)
        told.extend(fit(replace(self, bench=bench), slow, worth))
        return fit(self, trials, worth)

    monkeypatch.setattr(OnAllRows, "fit", twice)
    assert not search(made, trials=1, families=["linear"]).bagged
    before, after = told
    assert before.startswith("There was no time")
    assert not isinstance(after, str)


class TestHowLongAFitTakes:
    @pytest.fixture
    def bench(self, made):
        """Five folds, fitted two at a time, by a clock on which every trial takes ten seconds."""
        ticks = count(0.0, 10.0)
        encodings = Encodings(made, folds_of(made, 5, seed=0), seed=0, most_rows=None, most_bytes=1e9)
        setting = Setting("binary", "roc_auc", 2, 120, 6, rounds=5)
        return Bench(encodings, setting, Clock(now=lambda: next(ticks)), workers=2)

    @pytest.mark.parametrize(("family", "turns"), [(Linear(), 5), (LightGBM(), 3)])
    def test_folds_that_were_fitted_one_after_the_other_took_a_fifth_each(self, bench, family, turns):
        parameters = family.portfolio(bench.setting)[0]
        assert fit(bench, 1, family, parameters, seed=1).fold_seconds == pytest.approx(10 / turns)

    @pytest.mark.parametrize(
        ("family", "rounds", "seconds"),
        [
            (Linear(), 100, 2.5),  # 1.25 times the rows
            (LightGBM(), 125, 1.25 * 2 * 125 / 160),  # and as many more rounds, but those after the best are not made
            (ExtraTrees(), 200, 2.5 * 2),
        ],
    )
    def test_rounds_and_rows_count_and_what_a_fold_made_in_vain_does_not(self, bench, family, rounds, seconds):
        made = 160 if family.stops_by_rows else 100
        trial = SimpleNamespace(rounds=(100,) * 5, boosted=(made,) * 5, fold_seconds=2.0)
        assert rounds_of(bench, family, trial, trees=1_000) == (rounds, 100 if family.name == "extra_trees" else rounds)
        assert seconds_of(bench, family, trial, rounds) == pytest.approx(seconds)

    def test_of_rows_that_are_not_learned_from_there_are_no_more(self, bench):
        few = type("Few", (ExtraTrees,), {"most_rows": 50})()
        trial = SimpleNamespace(rounds=(60,) * 5, boosted=(60,) * 5, fold_seconds=2.0)
        assert seconds_of(bench, few, trial, 60) == pytest.approx(2.0)


class TestOrder:
    def order(self, left: float, *members: tuple[str, float, float], alone: str = "") -> str:
        """Of members with a name, seconds and worth, where two are fitted at a time."""
        wanted = [
            SimpleNamespace(
                name=name,
                seconds=seconds,
                worth=worth,
                fit=SimpleNamespace(family=SimpleNamespace(side_by_side=name not in alone)),
                spends=lambda hands, seconds=seconds, name=name: seconds * (hands if name in alone else 1),
            )
            for name, seconds, worth in members
        ]
        return "".join(one.name for one in in_order(wanted, left, 2 * left, 2))

    def test_where_there_is_time_for_all_the_longest_is_first_so_that_none_is_left_alone_at_the_end(self):
        assert self.order(10.0, ("a", 1.0, 0.6), ("b", 8.0, 0.2), ("c", 3.0, 0.2)) == "bca"
        assert self.order(float("inf"), ("a", 1.0, 0.6), ("b", 8.0, 0.2)) == "ba"

    def test_where_there_is_not_those_are_first_that_bring_most_for_their_seconds(self):
        assert self.order(5.0, ("a", 4.0, 0.1), ("b", 4.0, 0.5), ("c", 5.0, 0.4)) == "cba"
        assert self.order(5.0, ("a", 9.0, 0.9), ("b", 1.0, 0.1)) == "ba"

    def test_a_fit_that_has_to_be_alone_takes_both_hands_and_comes_before_the_others(self):
        assert self.order(9.0, ("a", 5.0, 0.5), ("b", 2.0, 0.5), alone="b") == "ba"
        assert self.order(4.0, ("a", 3.0, 0.4), ("b", 3.0, 0.5), ("c", 3.0, 0.4), alone="b") == "acb"


class TestForests:
    def test_there_are_twice_the_trees_and_a_replay_makes_as_many(self, made, monkeypatch):
        first = search(made, trials=1, families=["extra_trees"])
        (trial,) = first.trials
        assert trial["boosted"] == trial["rounds"] == [TREES] * 5 + [2 * TREES]
        monkeypatch.setattr(whole, "MORE_TREES", 3)
        monkeypatch.setattr(room, "on_all_rows", lambda *_given: (1, TREES))
        again = search(made, replay={**task_document(first), "trials": first.trials}, families=["extra_trees"])
        assert again.trials[0]["boosted"] == trial["boosted"]
        raw = made.dataset.frame
        assert np.array_equal(again.model.predict_proba(raw), first.model.predict_proba(raw))

    @pytest.mark.parametrize("trees", [0, TREES])
    def test_there_are_no_more_than_memory_has_room_for_nor_fewer_than_in_a_fold(self, made, monkeypatch, trees):
        monkeypatch.setattr(room, "on_all_rows", lambda *_given: (1, trees))
        (trial,) = search(made, trials=1, families=["extra_trees"]).trials
        assert trial["rounds"] == [TREES] * 6

    def test_memory_for_twice_the_trees_is_that_of_twice_the_forests(self, made):
        plan, executor = Plan(5, 0.1, 100, 5), InProcess(1, 2)
        rooms = {limit: Given(made, [ExtraTrees()], 0, Left(limit, "some")) for limit in (50e9, 50e6)}
        assert on_all_rows(rooms[50e9], plan, executor) == (2, 2 * TREES)
        assert on_all_rows(rooms[50e6], plan, executor) == (1, 0)

    @pytest.mark.parametrize(("grown", "is_kept"), [(2 * TREES - 1, True), (TREES, True), (TREES - 1, False)])
    def test_one_that_the_clock_ended_is_kept_if_it_has_those_of_a_fold(self, made, monkeypatch, grown, is_kept):
        def cut(bench, family, parameters, *, seed, rounds):
            model = fit_whole(bench, family, parameters, seed=seed, rounds=grown)
            model.learner.cut_ = True
            return model

        monkeypatch.setattr(whole, "fit_whole", cut)
        result = search(made, trials=1, families=["extra_trees"])
        assert result.bagged != is_kept
        assert result.trials[0]["boosted"][5:] == ([grown] if is_kept else [])

    def test_where_time_is_short_for_all_there_are_those_of_a_fold(self, made, monkeypatch):
        fit, told = OnAllRows.fit, []

        def timed(self, trials, worth):
            trials = [replace(trial, fold_seconds=10.0) for trial in trials]
            for left in (24.0, 26.0):  # for 1.25 times the rows
                clock = Clock(search_ends=time.monotonic() + left)
                told.extend(fit(replace(self, bench=replace(self.bench, clock=clock)), trials, worth))
            return fit(self, trials, worth)

        monkeypatch.setattr(OnAllRows, "fit", timed)
        monkeypatch.setattr(room, "on_all_rows", lambda *_given: (1, 2 * TREES))
        search(made, trials=1, families=["extra_trees"])
        assert [trial.rounds[-1] for trial in told] == [TREES, 2 * TREES]


class TestOnACluster:
    def test_members_are_fitted_on_all_rows_by_the_workers(self, made, monkeypatch, dask_address):
        def not_here(*_given, **_named):
            raise AssertionError("in this process")

        monkeypatch.setattr(whole, "fit_whole", not_here)
        result = search(made, trials=3, families=["lightgbm", "extra_trees", "linear"], cluster=dask_address)
        assert not result.bagged, result.why_bagged
        assert {len(bag.members) for bag in result.model.ensemble.bags} == {1}

    def test_a_cluster_that_is_gone_by_then_leaves_the_models_of_the_folds(self, made, monkeypatch):
        fit = OnAllRows.fit

        def gone(*_given):
            raise NoCluster("tcp://there:8786", "does not answer any more", "Start it, and run again.")

        monkeypatch.setattr(OnAllRows, "fit", lambda self, *given: fit(replace(self, submit=gone), *given))
        result = search(made, trials=1, families=["linear"])
        assert "could not be fitted on all rows (" in result.why_bagged
        assert "does not answer any more" in result.why_bagged
        assert len(result.model.predict(made.dataset.frame)) == 120


@pytest.mark.parametrize("time_column", [None, "day"])
def test_no_time_is_kept_where_rows_in_time_order_were_fitted_on_all_already(
    table, shop_table, monkeypatch, time_column
):
    frame = shop_table(90)
    frame["day"] = pd.date_range("2024-01-01", periods=len(frame), freq="h").astype(str)
    made = task(table(frame), "worth", kind="regression", ignore=["bought", "grade"], time=time_column)
    kept = []

    def seen(*given):
        kept.append(given[-1])
        raise KeyboardInterrupt

    monkeypatch.setattr(room, "set_out", seen)
    with pytest.raises(KeyboardInterrupt):
        search(made, budget="20s", families=["linear"])
    assert (kept[0] > 0) == (time_column is None)
