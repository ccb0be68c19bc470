"""The reported score is true: nothing is learned from rows it is measured on, and luck is not sold as skill."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from workbench.automl.blending.ensemble import blend, parts
from workbench.automl.families import Setting, shipped
from workbench.automl.fitting.encodings import Encodings
from workbench.automl.fitting.trial import Bench, Trial, fit
from workbench.automl.planning.clock import untimed
from workbench.automl.problem.splits import folds_of, split
from workbench.automl.search import search
from workbench.automl.task import task
from workbench.estimators.encoder import TableEncoder
from workbench.estimators.ensemble import Bag


def noise(rows: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(random.normal(size=(rows, 5)).round(4), columns=list("abcde"))
    frame["kind"] = random.choice(list("uvwxyz"), rows)
    frame["y"] = random.choice(["no", "yes"], rows)
    frame["worth"] = random.normal(size=rows).round(4)
    return frame


@pytest.mark.parametrize("seed", [0, 1])
def test_where_there_is_nothing_to_learn_the_score_says_so(table, seed):
    result = search(task(table(noise(200, seed)), "y", ignore="worth"), trials=9, seed=seed)
    assert result.score.low <= 0.5 <= result.score.high
    assert result.leaderboard.loc[result.leaderboard["family"] == "baseline", "tied"].item()
    assert "cannot be told apart" in result._repr_html_()


@pytest.mark.parametrize("family", shipped(), ids=lambda family: family.name)
def test_with_one_part_held_out_a_family_sets_rows_aside_only_if_it_stops_by_them(table, monkeypatch, family):
    made = task(table(noise(100, 0)), "y", ignore="worth")
    encodings = Encodings(made, folds_of(made, 1, seed=0), seed=0, most_rows=None, most_bytes=1e6)
    setting = Setting("binary", "roc_auc", 2, rows=100, columns=6, rounds=5)
    learner = type(family.build(family.portfolio(setting)[0], setting, seed=0))
    learned, fit_one = [], learner.fit
    monkeypatch.setattr(
        learner,
        "fit",
        lambda self, matrix, target, **how: learned.append(target) or fit_one(self, matrix, target, **how),
    )
    fit(Bench(encodings, setting, untimed()), 1, family, family.portfolio(setting)[0], seed=0)
    assert [len(target) for target in learned] == [64 if family.stops_by_rows else 80]


@pytest.fixture
def visits(table):
    """A task of visits, several of each customer, one a day: ``visits(group="who")``, ``visits(time="day")``."""

    def made(**roles: str):
        random = np.random.default_rng(0)
        who = random.permutation(np.repeat([f"c{n}" for n in range(30)], 5))
        day = pd.date_range("2024-01-01", periods=150).astype(str)
        frame = noise(150, 0).assign(who=who, day=day)
        others = [name for name in ("who", "day") if name not in roles.values()]
        return task(table(frame), "y", ignore=["worth", *others], **roles)

    return made


def test_rows_to_stop_by_share_no_group_with_those_learned_from_or_measured_on(visits):
    made = visits(group="who")
    fold = Encodings(made, folds_of(made, 1, seed=0), seed=0, most_rows=None, most_bytes=0).fold("trees", 0)
    learned = np.delete(fold.train, fold.stop)
    parted = [set(made.groups[rows]) for rows in (learned, fold.train[fold.stop], fold.valid)]
    assert all(parted)
    assert len(set.union(*parted)) == sum(map(len, parted))


def test_rows_to_stop_by_are_later_than_those_learned_from_and_earlier_than_those_measured_on(visits):
    made = visits(time="day")
    fold = Encodings(made, folds_of(made, 1, seed=0), seed=0, most_rows=None, most_bytes=0).fold("trees", 0)
    learned, stop, measured = (
        made.times[rows] for rows in (np.delete(fold.train, fold.stop), fold.train[fold.stop], fold.valid)
    )
    assert learned.max() < stop.min()
    assert stop.max() < measured.min()


def test_parts_that_weights_are_cross_fitted_over_hold_whole_groups(visits):
    made = visits(group="who")
    folds = folds_of(made, 1, seed=0)
    part, groups = parts(made, folds, folds.validated, seed=0), made.groups[folds.validated]
    assert len(np.unique(part)) > 1
    assert all(len(np.unique(part[groups == group])) == 1 for group in np.unique(groups))


def test_a_number_that_is_noise_is_not_explained(table):
    result = search(task(table(noise(150, 2)), "worth", kind="regression", ignore="y"), trials=5)
    assert result.scores["r2"].low <= 0 <= result.scores["r2"].high + 0.05


def test_a_category_with_a_level_for_every_other_row_tells_nothing_by_itself(table):
    random = np.random.default_rng(0)
    frame = noise(400, 3)[["y"]].assign(code=[f"item {number}" for number in random.integers(0, 250, 400)])
    result = search(task(table(frame), "y"), trials=3)
    assert result.score.low <= 0.5 <= result.score.high


def test_everything_is_learned_within_the_training_rows_of_a_fold(table, shop_table, monkeypatch):
    """A canary in the encoder notes which rows it was fitted on: on all only when nothing is measured any more."""
    seen: list[frozenset[int]] = []
    original = TableEncoder.fit_transform

    def noted(self, frame, *others):
        seen.append(frozenset(frame.index))
        return original(self, frame, *others)

    monkeypatch.setattr(TableEncoder, "fit_transform", noted)
    result = search(task(table(shop_table(100)), "bought", ignore=["worth", "grade"]), trials=3)
    index = result.task.frame.index.to_numpy()
    last = seen.index(frozenset(index))
    assert set(seen[:last]) == {frozenset(index[train]) for train, _ in result.folds.pairs}
    assert set(seen[last:]) == {frozenset(index)}


def trial(number: int, predicted: np.ndarray) -> Trial:
    return Trial(number, "made up", {}, predicted, (), Bag([]), 0.0, (1,), cut=False)


class TestBlend:
    @pytest.fixture
    def made(self, table):
        random = np.random.default_rng(0)
        frame = pd.DataFrame({"x": random.normal(size=120).round(3), "worth": random.normal(size=120).round(3)})
        return task(table(frame), "worth", kind="regression")

    def test_of_many_lucky_guesses_the_optimism_is_measured(self, made):
        random = np.random.default_rng(1)
        folds = split(made.codes, 5, seed=0)
        guesses = [trial(number, random.normal(0, 0.3, 120)) for number in range(40)]
        chosen = blend(made, folds, guesses, seed=0)
        assert chosen.optimism > 0

    def test_what_only_errs_in_opposite_ways_is_better_together(self, made):
        error = np.random.default_rng(1).normal(size=120)
        folds = split(made.codes, 5, seed=0)
        opposite = [trial(0, made.truth + error), trial(1, made.truth - error), trial(2, made.truth + 5)]
        assert blend(made, folds, opposite, seed=0).weights.tolist() == [0.5, 0.5, 0.0]

    def test_the_right_one_alone_is_chosen_alone(self, made):
        folds = split(made.codes, 5, seed=0)
        one = blend(made, folds, [trial(0, made.truth + 1), trial(1, made.truth)], seed=0)
        assert one.weights.tolist() == [0.0, 1.0]
        assert one.optimism == 0
        assert np.array_equal(one.predicted, made.truth)

    def test_one_held_out_part_is_cross_fitted_over_parts_of_it(self, made):
        folds = split(made.codes, 1, seed=0)
        random = np.random.default_rng(1)
        held = np.where(folds.fold_of >= 0, random.normal(size=120), np.nan)
        chosen = blend(made, folds, [trial(0, held), trial(1, held + 0.1)], seed=0)
        assert np.isfinite(chosen.predicted[folds.validated]).all()
        assert np.isnan(np.delete(chosen.predicted, folds.validated)).all()
