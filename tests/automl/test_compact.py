"""A small model: few members, one model each, little lost; and what costs much at prediction has to be worth it."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from workbench.automl.blending.effort import (
    DEEP,
    ENCODING,
    LEVEL,
    PROSE,
    Effort,
    effort_of,
    encoding_of,
    row_encoding_of,
    row_work_of,
    work_of,
)
from workbench.automl.blending.ensemble import allowed, without_the_dear
from workbench.automl.fitting import whole
from workbench.automl.fitting.trial import as_predicted, fit_whole
from workbench.automl.record import task_document
from workbench.automl.search import search
from workbench.automl.task import task
from workbench.dataset import read_table
from workbench.errors import BadParameters
from workbench.estimators.boosting import BoostedTrees
from workbench.estimators.encoder import TableEncoder
from workbench.estimators.target import LogTarget, PlainUnit
from workbench.metrics import METRICS, measure


@dataclass
class Tried:
    """What an effort is told of."""

    final: object


OTHERS = {"bought": ["worth", "grade"], "worth": ["bought", "grade"]}
FAMILIES = ["lightgbm", "extra_trees", "linear"]


def searched(folder, frame, target, deploy, **more):
    path = folder / "shop.csv"
    frame.to_csv(path, index=False)
    kind = "regression" if target == "worth" else "classification"
    made = task(read_table(str(path)), target, kind=kind, ignore=OTHERS[target], **more)
    return search(made, trials=4, families=FAMILIES, deploy=deploy)


@pytest.fixture(scope="module", params=["bought", "worth"])
def pair(request, tmp_path_factory, shop_table):
    """The same search for a full and a compact model."""
    return [
        searched(tmp_path_factory.mktemp(deploy), shop_table(160), request.param, deploy)
        for deploy in ("full", "compact")
    ]


def loss(result, weights) -> float:
    """Of an ensemble of these weights, on the rows no model of it had seen."""
    made, validated = result.task, result.folds.validated
    frame = made.frame
    said = np.concatenate(
        [ensemble.predict(frame.iloc[valid]) for (_, valid), ensemble in zip(result.folds.pairs, weights, strict=True)]
    )
    order = np.concatenate([valid for _, valid in result.folds.pairs])
    assert len(order) == len(validated)
    return made.metric.loss(measure(made.metric, as_predicted(made, said, order)))


class TestTheModel:
    def test_each_member_is_one_model_and_a_compact_one_has_fewer(self, pair):
        full, compact = pair
        for result in pair:
            assert {len(bag.members) for bag in result.model.ensemble.bags} == {1}
            assert not result.bagged
            assert all(check.name != "compact" for check in result.checks)
        assert len(compact.model.ensemble.bags) <= len(full.model.ensemble.bags)

    def test_models_of_one_style_share_an_encoder(self, pair):
        for result in pair:
            models = [bag.members[0] for bag in result.model.ensemble.bags]
            styles = [trial["style"] for trial in result.trials if trial["weight"]]
            assert len({id(model.encoder) for model in models}) == len(set(styles))

    def test_at_most_a_hundredth_of_the_loss_is_given(self, pair):
        full, compact = pair
        made = full.task
        assert loss(compact, compact.fold_models) <= allowed(made, loss(full, full.fold_models), 0.012)

    def test_members_learned_from_all_rows_with_the_rounds_of_the_folds(self, pair):
        for result in pair:
            kept = [trial for trial in result.trials if trial["weight"]]
            assert kept
            for trial in kept:
                assert trial["averaged"] == [5]
                assert len(trial["boosted"]) == len(trial["rounds"]) == 6
                usual = np.median(trial["rounds"][:5]) * (2 if trial["family"] == "extra_trees" else 1)
                assert usual * 0.9 <= trial["rounds"][5] <= usual * 1.25 + 1
            assert all(len(trial["boosted"]) == 5 for trial in result.trials if not trial["weight"])

    def test_the_score_is_of_rows_that_were_held_out(self, pair):
        """A model that learned from all rows would be flattered by them."""
        compact = pair[1]
        made, metric = compact.task, compact.task.metric
        raw = made.dataset.frame.loc[made.frame.index]
        said = compact.model.predict_proba(raw) if made.classes else compact.model.predict(raw)
        flattered = metric.loss(measure(metric, as_predicted(made, said, np.arange(len(raw)))))
        assert metric.loss(compact.score.value) > flattered

    def test_a_replay_makes_the_same_model(self, pair):
        for result in pair:
            document = json.loads(json.dumps({**task_document(result), "trials": result.trials}))
            again = search(result.task, replay=document, families=FAMILIES)
            raw = result.task.dataset.frame
            assert again.deploy == result.deploy
            assert np.array_equal(again.model.predict(raw), result.model.predict(raw))
            assert [trial["boosted"] for trial in again.trials] == [trial["boosted"] for trial in result.trials]


@pytest.mark.parametrize("deploy", ["full", "compact"])
@pytest.mark.usefixtures("bagged")
def test_without_time_the_bags_are_kept_and_of_a_compact_model_it_is_said(tmp_path, shop_table, monkeypatch, deploy):
    result = searched(tmp_path, shop_table(120), "bought", deploy)
    monkeypatch.undo()
    again = search(result.task, replay={**task_document(result), "trials": result.trials}, families=FAMILIES)
    for one, why in ((result, "There was no time to fit"), (again, "The search that is replayed did not fit")):
        assert one.bagged
        assert max(len(bag.members) for bag in one.model.ensemble.bags) > 1
        assert one.why_bagged.startswith(why)
        assert [check.message.startswith(why) for check in one.checks if check.name == "compact"] == (
            [True] if deploy == "compact" else []
        )
    raw = result.task.dataset.frame
    assert np.array_equal(again.model.predict_proba(raw), result.model.predict_proba(raw))


def test_a_member_whose_time_is_out_stays_the_average_of_its_folds(tmp_path, shop_table, monkeypatch):
    def cut(bench, family, parameters, **given):
        model = fit_whole(bench, family, parameters, **given)
        if family.name == "lightgbm":
            model.learner.cut_, model.learner.rounds_ = True, 0
        return model

    monkeypatch.setattr(whole, "fit_whole", cut)
    result = searched(tmp_path, shop_table(120), "bought", "full")
    told = {trial["family"]: trial["averaged"] for trial in result.trials if trial["weight"]}
    assert set(told.pop("lightgbm")) <= {0, 1, 2, 3, 4}
    assert told
    assert all(folds == [5] for folds in told.values())
    assert result.why_bagged.startswith("There was no time to fit LightGBM")


def test_a_library_that_refuses_is_not_called_a_lack_of_time(tmp_path, shop_table, monkeypatch):
    def refuse(*_given, **_named):
        raise ValueError("bins must be\nfewer than rows.")

    monkeypatch.setattr(whole, "fit_whole", refuse)
    result = searched(tmp_path, shop_table(120), "bought", "compact")
    assert result.bagged
    told = next(check.message for check in result.checks if check.name == "compact")
    assert "could not be fitted on all rows (ValueError: bins must be fewer than rows)." in told
    assert "no time" not in told


def test_there_are_two_ways_to_deploy(tmp_path, shop_table):
    with pytest.raises(BadParameters, match="deploy='tiny': give full or compact"):
        searched(tmp_path, shop_table(120), "bought", "tiny")


class TestEffort:
    def test_members_that_encode_alike_share_it(self):
        effort = Effort((10.0, 20.0, 5.0), ("trees", "trees", "linear"), {"trees": 100.0, "linear": 300.0})
        assert effort.of([0, 1]) == 130
        assert effort.of([0, 2]) == 415

    def test_a_wide_matrix_takes_more_and_prose_takes_most(self):
        table = pd.DataFrame(
            {
                "n": np.arange(60.0),
                "c": np.array(list("abcdef") * 10, dtype=object),
                "note": np.array([f"word{i % 7} and word{i % 5}" for i in range(60)], dtype=object),
            }
        )
        taken = {}
        for kinds in ({"n": "number"}, {"n": "number", "c": "category"}, {"n": "number", "note": "text"}):
            encoder = TableEncoder(kinds, "linear", 2)
            width = encoder.fit_transform(table, np.arange(60) % 2).shape[1]
            taken[width] = encoding_of(encoder, table[:1])
            assert taken[width] == ENCODING + width + (PROSE if "note" in kinds else 0)
        assert list(taken.values()) == sorted(taken.values())

    def test_what_models_take_is_told_by_what_they_are(self, fitted):
        known = fitted("lightgbm trees linear neighbours")
        made, row = known.model.ensemble, known.model.coercer.transform(known.raw[:1])
        lightgbm, forest, linear, neighbours = effort_of([Tried(bag) for bag in made.bags], row).work
        learner = made.bags[0].members[0].learner
        assert lightgbm == pytest.approx(learner.rounds_ * LEVEL * np.log2(31))
        small = BoostedTrees({**learner.settings, "num_leaves": 8})
        small.rounds_ = 10
        assert work_of(small) == pytest.approx(10 * LEVEL * 3)
        assert forest == 10 * DEEP
        assert linear < lightgbm
        assert linear < neighbours

    def test_of_a_row_alone_it_is_calls_that_take_long_not_trees(self, fitted):
        """So a compact model is rather one of many trees than two of few, and none that is slow to call."""

        known = fitted("lightgbm trees linear neighbours")
        made, row = known.model.ensemble, known.model.coercer.transform(known.raw[:1])
        alone = effort_of([Tried(bag) for bag in made.bags], row, alone=True)
        many = effort_of([Tried(bag) for bag in made.bags], row)
        assert alone.models == 1
        assert alone.encoders == many.encoders
        lightgbm, forest, linear, _ = alone.work
        assert linear < forest < lightgbm
        longer = BoostedTrees(made.bags[0].members[0].learner.settings)
        longer.rounds_ = 300
        assert row_work_of(longer) < 2 * lightgbm
        catboost = type("CategoricalBoostedTrees", (), {"rounds_": 1})()
        assert row_work_of(catboost) > row_work_of(longer)
        assert row_work_of(LogTarget(longer)) == row_work_of(PlainUnit(longer)) == row_work_of(longer)

    def test_a_row_alone_waits_for_words_more_than_for_columns(self):
        table = pd.DataFrame({"n": np.arange(60.0), "note": ["a word or two", "three more words", "none"] * 20})
        taken = []
        for kinds in ({"n": "number"}, {"n": "number", "note": "text"}):
            encoder = TableEncoder(kinds, "trees", 2)
            encoder.fit_transform(table, np.arange(60) % 2)
            taken.append(row_encoding_of(encoder, table[:1]))
        assert taken[1] > 3 * taken[0]

    def test_a_learner_of_a_logarithm_takes_what_the_one_inside_does(self, fitted):
        learner = fitted("trees", regression=True).model.ensemble.bags[0].members[0].learner
        assert work_of(LogTarget(learner)) == work_of(learner) == 10 * DEEP
        assert work_of(LogTarget(PlainUnit(learner))) == work_of(PlainUnit(learner)) == 10 * DEEP


class TestTheDear:
    truth = np.linspace(0, 1, 50)

    def left(self, stack, effort, limit, dear, enough=0.0):
        def mistaken(said):
            return float(np.abs(said - self.truth).mean())

        even = np.full(len(stack), 1 / len(stack))
        return without_the_dear(np.array(stack), even, effort, mistaken, limit, dear=dear, enough=enough)

    def test_a_dear_member_that_brings_nothing_goes(self):
        effort = Effort((1.0, 5000.0), ("trees", "trees"), {"trees": ENCODING})
        assert self.left([self.truth, self.truth], effort, 0.0, 0.1).tolist() == [1, 0]

    def test_a_dear_member_that_brings_much_stays(self):
        effort = Effort((1.0, 5000.0), ("trees", "trees"), {"trees": ENCODING})
        assert self.left([self.truth + 1, self.truth - 1], effort, 0.1, 0.1).tolist() == [0.5, 0.5]

    def test_a_cheap_member_stays_whatever_it_brings(self):
        effort = Effort((1000.0, 1000.0, 1.0), ("trees",) * 3, {"trees": ENCODING})
        kept = self.left([self.truth + 1, self.truth - 1, self.truth], effort, 0.0, 0.1)
        assert kept == pytest.approx([1 / 3] * 3)

    def test_members_go_until_the_effort_is_small_enough_and_no_longer(self):
        effort = Effort((3000.0, 2000.0, 1000.0), ("trees",) * 3, {"trees": ENCODING}, models=2)
        left = [self.left([self.truth] * 3, effort, 0.0, 0.0, enough) for enough in (20_000.0, 7_000.0, 3_000.0)]
        assert [np.flatnonzero(weights).tolist() for weights in left] == [[0, 1, 2], [1, 2], [2]]

    def test_what_may_be_lost_is_a_share_of_what_is_missing_to_the_best(self, results):
        made = results("binary").task
        assert made.metric == METRICS["roc_auc"]
        assert allowed(made, -0.9, 0.01) == pytest.approx(-0.899)
        regression = results("regression").task
        assert allowed(regression, 2.0, 0.01) == pytest.approx(2.02)


@pytest.mark.slow
@pytest.mark.parametrize("scaled_out", [False, True], ids=["here", "on a cluster"])
def test_by_the_clock_a_model_is_small_or_says_that_there_was_no_time_for_it(table, shop_table, request, scaled_out):
    address = request.getfixturevalue("dask_address") if scaled_out else ""
    made = task(table(shop_table(160)), "worth", kind="regression", ignore=OTHERS["worth"])
    result = search(made, budget="25s", families=["lightgbm", "linear"], deploy="compact", cluster=address)
    told = any(check.name == "compact" for check in result.checks)
    assert told == result.bagged
    assert result.bagged or {len(bag.members) for bag in result.model.ensemble.bags} == {1}
    assert np.isfinite(result.model.predict(made.dataset.frame)).all()
