from __future__ import annotations

import pytest

from workbench.automl.families import ExtraTrees, LightGBM, Linear, Setting, shipped
from workbench.automl.planning.clock import Clock, clock_for, untimed
from workbench.automl.planning.planner import (
    MOST_PILOT_ROWS,
    PILOT_ROWS,
    Cost,
    Estimates,
    Turns,
    most_trials,
    pilot_rows,
    plan_by_clock,
    plan_by_size,
)

CHEAP = Cost(encoding=1e-6, round=1e-8)


class TestPlan:
    def test_more_time_never_makes_a_plan_less_careful(self):
        plans = [plan_by_clock(Cost(1e-5, 1e-6), 10_000, seconds, 2) for seconds in (5, 20, 60, 300, 3600)]
        rates = [plan.learning_rate for plan in plans]
        assert rates == sorted(rates, reverse=True)
        assert [plan.folds > 1 for plan in plans] == sorted(plan.folds > 1 for plan in plans)

    def test_a_table_too_large_to_encode_is_sampled(self):
        plan = plan_by_clock(Cost(encoding=1e-3, round=1e-6), 1_000_000, 60, 2)
        assert plan.folds == 1
        assert plan.rows == pytest.approx(9_000, rel=0.01)

    def test_few_rows_and_much_time_are_split_into_eight(self):
        assert plan_by_clock(CHEAP, 500, 60, 2).folds == 8

    def test_few_rows_allow_few_trials(self):
        assert most_trials(50) == most_trials(100) < most_trials(500) < most_trials(5_000) < most_trials(10**7) == 120

    def test_of_a_large_table_the_pilot_sees_more_where_there_is_time(self):
        assert pilot_rows(5_000, 60) == pilot_rows(1_000_000, 5) == PILOT_ROWS
        assert pilot_rows(100_000, 60) == 20_000
        assert pilot_rows(1_000_000, 30) == 30_000
        assert pilot_rows(1_000_000, 300) == pilot_rows(10_000_000, 3_000) == MOST_PILOT_ROWS

    def test_many_rows_are_expected_to_take_more_rounds(self):
        cost = Cost(encoding=0.0, round=1e-7)
        few, many = (plan_by_clock(cost, rows, 3_000, 2) for rows in (50_000, 200_000))
        assert few.learning_rate == many.learning_rate
        assert few.folds == many.folds
        assert many.seconds == pytest.approx(8 * few.seconds)

    def test_a_plan_for_trials_looks_at_nothing_but_the_size(self):
        assert plan_by_size(1_000, 7) == plan_by_size(1_000, 7)
        assert plan_by_size(1_000, 7).trials == 7
        assert [plan_by_size(rows, 1).folds for rows in (100, 50_000, 500_000)] == [5, 3, 1]


class TestTurns:
    def test_every_family_has_its_first_turn_before_any_has_its_second(self):
        families = [LightGBM(), ExtraTrees(), Linear()]
        turns = Turns(families, [2, 2, 1])
        names = [turns.next(lambda _: True).name for _ in range(5)]
        assert names == ["lightgbm", "extra_trees", "linear", "lightgbm", "extra_trees"]

    def test_a_family_that_learns_from_a_sample_waits_for_those_that_learn_from_all_rows(self):
        families = [ExtraTrees(), Linear(), LightGBM()]
        turns = Turns(families, [1, 1, 3], rows=200_000)
        assert [turns.next(lambda _: True).name for _ in range(5)] == ["lightgbm"] * 3 + ["extra_trees", "linear"]

    def test_after_the_portfolio_the_best_family_has_most_turns_and_each_has_some(self):
        families = [LightGBM(), ExtraTrees(), Linear()]
        turns = Turns(families, [0, 0, 0])
        for family, loss in zip(families, (0.3, 0.2, 0.1), strict=True):
            turns.saw(family, loss)
        names = [turns.next(lambda _: True).name for _ in range(24)]
        assert names.count("linear") > names.count("extra_trees") > names.count("lightgbm") > 0

    def test_what_cannot_be_afforded_is_passed_over_and_nothing_left_ends_the_search(self):
        families = [LightGBM(), ExtraTrees(), Linear()]
        turns = Turns(families, [1, 1, 1])
        assert turns.next(lambda family: family.name == "linear").name == "linear"
        assert turns.next(lambda _: False) is None

    def test_estimates_follow_what_was_seen(self):
        family, other = LightGBM(), Linear()
        estimates = Estimates([family, other], 10.0)
        assert estimates.of(family) == 10.0
        assert estimates.of(other) == 10.0 * other.cost
        estimates.saw(family, 2.0)
        estimates.saw(family, 4.0)
        assert estimates.of(family) == 3.0
        assert estimates.of(other) == 3.0 * other.cost


class TestClock:
    def test_a_share_of_the_time_ends_sooner_and_never_later(self):
        clock = Clock(search_ends=10.0, now=lambda: 4.0)
        assert clock.sooner(2.0).left() == 2.0
        assert clock.sooner(60.0).left() == 6.0

    def test_a_clock_without_moments_never_runs_out(self):
        clock = untimed()
        assert not clock.is_up()
        assert clock.sooner(1.0) is clock
        assert clock.left() == float("inf")

    def test_by_hand_the_clock_starts_when_the_table_is_read(self, table):
        dataset = table(x=[1.5, 2.5, 3.5])
        clock = clock_for(dataset, "100s")
        assert clock.run_ends == dataset.read_at + 100
        assert clock.search_ends == pytest.approx(dataset.read_at + 92)

    def test_a_search_that_comes_late_still_gets_a_moment(self, table):
        assert clock_for(table(x=[1.5, 2.5, 3.5]), "1s").left() > 1


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("rows", [20, 5_000, 500_000])
def test_every_search_space_holds_its_family_s_portfolio(kind, rows):
    import optuna

    setting = Setting(kind, "auto", {"binary": 2, "multiclass": 3, "regression": 0}[kind], rows, 10)
    for family in shipped():
        for parameters in family.portfolio(setting):
            assert family.suggest(optuna.trial.FixedTrial(parameters), setting) == parameters
