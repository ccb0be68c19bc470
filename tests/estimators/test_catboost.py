"""CatBoost's trees behind the form all learners have: categories, stopping, storing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import skops.io

from workbench.estimators.catboost import CategoricalBoostedTrees

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(240, 4))
LEVELS = RANDOM.integers(0, 12, 240).astype(float)
LEVELS[::19] = np.nan
MIXED = np.column_stack([X[:, 0], LEVELS, X[:, 1:]])  # the codes stand among the numbers
LOSSES = {0: "RMSE", 2: "Logloss"}


def learner(classes: int, rounds: int = 30, patience: int = 30, **settings):
    fixed = {"loss_function": LOSSES.get(classes, "MultiClass"), "learning_rate": 0.3, "depth": 3, "random_seed": 1}
    return CategoricalBoostedTrees({**fixed, "thread_count": 1, **settings}, classes, rounds, patience)


def target(classes: int) -> np.ndarray:
    return X[:, 0] * 3 if not classes else np.digitize(X[:, 0], np.linspace(-0.7, 0.7, classes - 1))


def stored(model: CategoricalBoostedTrees) -> CategoricalBoostedTrees:
    data = skops.io.dumps(model)
    types = skops.io.get_untrusted_types(data=data)
    assert types == ["workbench.estimators.catboost.CategoricalBoostedTrees"]
    return skops.io.loads(data, trusted=types)


@pytest.mark.parametrize(
    ("classes", "grow"), [(0, "SymmetricTree"), (2, "SymmetricTree"), (3, "SymmetricTree"), (3, "Depthwise")]
)
class TestEach:
    def test_it_learns(self, classes, grow):
        y = target(classes)
        said = learner(classes, grow_policy=grow).fit(MIXED, y, categorical=[1]).predict(MIXED)
        if classes:
            assert said.shape == (240, classes)
            assert np.allclose(said.sum(axis=1), 1)
            assert (said.argmax(axis=1) == y).mean() > 0.9
        else:
            assert np.corrcoef(said, y)[0, 1] > 0.95

    def test_what_is_stored_predicts_the_same_to_the_last_digit(self, classes, grow):
        model = learner(classes, grow_policy=grow).fit(MIXED, target(classes), categorical=[1])
        model.settle(11)
        again = stored(model)
        assert np.array_equal(again.predict(MIXED), model.predict(MIXED))
        assert (again.rounds_, again.boosted_, again.cut_) == (11, 30, False)

    def test_a_row_alone_is_predicted_as_among_others(self, classes, grow):
        model = learner(classes, grow_policy=grow).fit(MIXED, target(classes), categorical=[1])
        alone = np.concatenate([model.predict(MIXED[[row]]) for row in range(30)])
        assert np.array_equal(alone, model.predict(MIXED[:30]))


@pytest.mark.parametrize("classes", [0, 2, 3])
class TestWhatIsLearnedFrom:
    def test_rows_of_no_weight_are_not_learned_from(self, classes):
        y, half = target(classes), np.arange(240) < 120
        y = np.where(half, y, y[::-1])
        said = learner(classes).fit(X, y, weight=half.astype(float)).predict(X[:120])
        right = (said.argmax(axis=1) == y[:120]).mean() if classes else np.corrcoef(said, y[:120])[0, 1]
        assert right > 0.9

    def test_threads_change_nothing(self, classes):
        one, two = (
            learner(classes, thread_count=threads).fit(MIXED, target(classes), categorical=[1]).predict(MIXED)
            for threads in (1, 2)
        )
        assert np.array_equal(one, two)

    def test_fits_side_by_side_are_those_made_alone(self, classes):
        halves = [np.arange(240) % 2 == part for part in (0, 1)]

        def fitted(rows):
            model = learner(classes).fit(MIXED[rows], target(classes)[rows], categorical=[1])
            return model.predict(MIXED)

        alone = [fitted(rows) for rows in halves]
        with ThreadPoolExecutor(2) as hands:
            together = list(hands.map(fitted, halves))
        assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))

    def test_two_fits_are_stored_as_the_same_bytes(self, classes):
        one, same = (learner(classes).fit(MIXED, target(classes), categorical=[1]).__getstate__() for _ in range(2))
        assert np.array_equal(one["model_"], same["model_"])

    def test_another_seed_is_another_model(self, classes):
        one, other = (
            learner(classes, random_seed=seed).fit(MIXED, target(classes), categorical=[1]).predict(MIXED)
            for seed in (1, 2)
        )
        assert not np.array_equal(one, other)


class TestCategories:
    def test_codes_are_levels_and_not_amounts(self):
        odd = np.where(np.isnan(LEVELS), 0, LEVELS % 2).astype(int)
        said = learner(2, depth=1, rounds=10).fit(LEVELS[:, None], odd, categorical=[0]).predict(LEVELS[:, None])
        assert (said.argmax(axis=1) == odd).all()
        as_amounts = learner(2, depth=1, rounds=10).fit(LEVELS[:, None], odd).predict(LEVELS[:, None])
        assert (as_amounts.argmax(axis=1) == odd).mean() < 0.9

    def test_a_missing_code_is_a_level_of_its_own(self):
        missing = np.isnan(LEVELS).astype(int)
        said = learner(2, depth=1).fit(LEVELS[:, None], missing, categorical=[0]).predict(LEVELS[:, None])
        assert (said.argmax(axis=1) == missing).all()

    def test_of_codes_never_seen_all_is_said_alike(self):
        model = learner(2).fit(MIXED, target(2), categorical=[1])
        rows = np.repeat(MIXED[:1], 3, axis=0)
        rows[:, 1] = [12, 57, 10_000]
        one, *others = model.predict(rows)
        assert all(np.array_equal(one, other) for other in others)

    @pytest.mark.parametrize("columns", [[0, 1, 2], [1], [0, 2]], ids=["both", "codes", "numbers"])
    def test_many_rows_are_handed_over_as_a_table_and_predicted_as_few(self, columns, monkeypatch):
        categorical = [columns.index(1)] if 1 in columns else []
        model = learner(3).fit(MIXED[:, columns], target(3), categorical=categorical)
        rows = MIXED[:, columns].copy()
        rows[::7] = np.nan
        rows[3::7] = 500
        few = model.predict(rows)
        monkeypatch.setattr("workbench.estimators.catboost.TABLE_FROM", 1)
        monkeypatch.setattr(model, "_features", None)
        assert np.array_equal(model.predict(rows), few)
        assert np.array_equal(model.predict(rows[::-1])[::-1], few)
        assert len(np.unique(few[:, 0])) > (5 if columns != [1] else 1)

    def test_columns_of_codes_only_are_enough(self):
        codes = np.column_stack([LEVELS, np.arange(240) % 3])
        said = learner(2).fit(codes, (np.arange(240) % 3 == 1).astype(int), categorical=[0, 1]).predict(codes)
        assert (said.argmax(axis=1) == (np.arange(240) % 3 == 1)).all()


class TestStopping:
    def test_it_stops_when_validation_rows_get_no_better(self):
        noise = RANDOM.integers(0, 2, 240)
        model = learner(2, rounds=500, patience=5).fit(X[:160], noise[:160], valid=(X[160:], noise[160:], None))
        assert model.rounds_ <= model.boosted_ < 100
        assert not model.cut_

    def test_rows_of_no_weight_have_no_say_in_when_to_stop(self):
        y, fooled = target(2), 1 - target(2)
        held = np.where(np.arange(80) < 40, y[160:], fooled[160:])
        weight = (np.arange(80) < 40).astype(float)
        model = learner(2, patience=5).fit(X[:160], y[:160], valid=(X[160:], held, weight))
        swayed = learner(2, patience=5).fit(X[:160], y[:160], valid=(X[160:], held, 1 - weight))
        assert swayed.rounds_ < 3 < model.rounds_

    def test_it_ends_when_time_is_up_with_the_rounds_there_are(self):
        looks = iter(range(100))
        model = learner(2, rounds=500).fit(X, target(2), out_of_time=lambda: next(looks) >= 6)
        assert (model.boosted_, model.rounds_, model.cut_) == (7, 7, True)
        assert np.array_equal(model.predict(X), learner(2, rounds=7).fit(X, target(2)).predict(X))

    @pytest.mark.parametrize("classes", [0, 2, 3])
    def test_it_is_fitted_again_by_the_number_of_rounds_it_came_to(self, classes):
        y = target(classes)
        model = learner(classes, patience=2, rounds=200)
        model.fit(MIXED[:160], y[:160], valid=(MIXED[160:], y[160:], None), categorical=[1])
        again = learner(classes, rounds=model.boosted_).fit(MIXED[:160], y[:160], categorical=[1])
        again.settle(model.rounds_)
        model.settle(model.rounds_)
        assert np.array_equal(again.predict(MIXED), model.predict(MIXED))

    def test_it_settles_for_the_rounds_it_is_told_as_far_as_it_has_them(self):
        model = learner(2).fit(X, target(2))
        full = model.predict(X)
        model.settle(5)
        assert np.array_equal(model.predict(X), learner(2, rounds=5).fit(X, target(2)).predict(X))
        model.settle(500)
        assert np.array_equal(model.predict(X), full)

    def test_only_the_rounds_it_settled_for_are_stored(self):
        model = learner(2, rounds=200).fit(X, target(2))
        whole = len(model.__getstate__()["model_"])
        model.settle(20)
        assert len(model.__getstate__()["model_"]) < whole / 2
        again = stored(model)
        again.settle(100)
        assert np.array_equal(again.predict(X), model.predict(X))

    def test_rows_made_ready_once_are_used_again(self):
        shared: dict = {}
        first = learner(2).fit(MIXED, target(2), categorical=[1], shared=shared).predict(MIXED)
        pools = shared["pools"]
        other = learner(2, depth=5).fit(MIXED, target(2), categorical=[1], shared=shared)
        assert shared["pools"] is pools
        alone = learner(2, depth=5).fit(MIXED, target(2), categorical=[1])
        assert np.array_equal(other.predict(MIXED), alone.predict(MIXED))
        again = learner(2).fit(MIXED, target(2), categorical=[1], shared=shared)
        assert np.array_equal(again.predict(MIXED), first)


class TestLittleToLearnFrom:
    def test_a_class_without_rows_keeps_its_place(self, capfd):
        y = np.where(target(3) == 1, 2, target(3))
        valid = X[:60], target(3)[:60], None
        said = learner(3).fit(X[60:], y[60:], valid=valid).predict(X)
        assert said.shape == (240, 3)
        assert said[:, 1].max() == 0
        assert (said.argmax(axis=1)[60:] == y[60:]).mean() > 0.9
        assert capfd.readouterr() == ("", "")

    def test_stopping_rows_of_unknown_classes_only_are_as_none(self):
        model = learner(3, rounds=12).fit(X, np.minimum(target(3), 1), valid=(X, np.full(240, 2), None))
        assert model.rounds_ == model.boosted_ == 12

    def test_one_class_is_certain(self):
        model = learner(3).fit(X, np.ones(240, dtype=int), valid=(X, target(3), None))
        assert np.array_equal(model.predict(X[:2]), [[0, 1, 0]] * 2)
        assert np.array_equal(stored(model).predict(X[:2]), [[0, 1, 0]] * 2)

    def test_a_number_that_never_varies_is_predicted(self):
        assert learner(0).fit(X, np.full(240, 5.5)).predict(X[:2]).tolist() == [5.5, 5.5]

    @pytest.mark.parametrize("value", [1.0, np.nan])
    def test_columns_that_never_vary_tell_the_average(self, value):
        weight = np.where(np.arange(240) < 60, 3.0, 1.0)
        same, y = np.full((240, 2), value), (np.arange(240) < 60).astype(int)
        assert learner(2).fit(same, y, weight=weight).predict(same[:1]).tolist() == [[0.5, 0.5]]
        assert learner(0).fit(same, y.astype(float), weight=weight).predict(same[:1]).tolist() == [0.5]

    @pytest.mark.parametrize("rows", [2, 4])
    def test_a_few_rows_are_enough(self, rows):
        said = learner(2).fit(X[:rows], np.arange(rows) % 2).predict(X[:rows])
        assert np.isfinite(said).all()

    @pytest.mark.parametrize("classes", [0, 3])
    def test_no_rows_are_predicted_as_none(self, classes, capfd):
        said = learner(classes).fit(X, target(classes)).predict(X[:0])
        assert said.shape == ((0, 3) if classes else (0,))
        assert capfd.readouterr() == ("", "")

    def test_gaps_and_numbers_beyond_reason_are_predicted(self):
        strange = X[:4].copy()
        strange[:, 0] = [np.nan, 1e30, -1e30, np.inf]
        assert np.isfinite(learner(2).fit(X, target(2)).predict(strange)).all()
