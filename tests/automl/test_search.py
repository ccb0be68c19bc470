"""A search from table to result: what it finds, keeps, tells and promises."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.automl.families import LightGBM, Linear
from workbench.automl.fitting.encodings import Encodings
from workbench.automl.search import search
from workbench.automl.task import task
from workbench.dataset import read_table
from workbench.documents.run_folder import RunFolder, RunRecord
from workbench.errors import BadParameters, UnknownName, WorkbenchError
from workbench.metrics import METRICS

KINDS = ["binary", "multiclass", "regression"]


@pytest.mark.parametrize("kind", KINDS)
class TestResult:
    def test_what_can_be_learned_is_learned(self, results, kind):
        board = results(kind).leaderboard
        guess = board.loc[board["family"] == "baseline", "score"].iloc[0]
        score = results(kind).score
        assert score.low > guess if score.higher_is_better else score.high < guess

    def test_every_fitting_metric_is_scored_the_task_s_own_first(self, results, kind):
        scores = results(kind).scores
        assert next(iter(scores)) == results(kind).task.metric.name
        assert set(scores) == {name for name, metric in METRICS.items() if kind in metric.tasks}
        for name, score in scores.items():
            assert score.low <= score.value <= score.high, name
            assert score.rows == 160

    def test_the_leaderboard_ranks_ensemble_trials_and_baseline(self, results, kind):
        board, metric = results(kind).leaderboard, results(kind).task.metric
        assert list(board.columns) == [
            "rank", "model", "family", "score", "low", "high", "tied", "simplest", "weight", "seconds", "params",
        ]  # fmt: skip
        assert (
            board["score"].is_monotonic_decreasing
            if metric.higher_is_better
            else board["score"].is_monotonic_increasing
        )
        assert board["rank"].tolist() == list(range(1, len(board) + 1))
        assert board.loc[0, "tied"]
        tried = {trial["family"] for trial in results(kind).trials}
        assert {"ensemble", "baseline", *tried} == set(board["family"])
        assert board.loc[~board["family"].isin(["ensemble"]), "weight"].sum() == pytest.approx(1)

    def test_predictions_are_of_rows_a_fold_held_out(self, results, kind):
        result = results(kind)
        kept = result.predictions
        assert kept["row"].tolist() == list(range(160))
        for fold, (_, valid) in enumerate(result.folds.pairs):
            said = result.fold_models[fold].predict(result.task.frame.iloc[valid])
            assert len(said) == len(valid) == (kept["fold"] == fold).sum()
        assert kept["truth"].tolist() == result.task.truth.tolist()
        if result.task.classes:
            columns = [f"probability_{label}" for label in result.task.classes]
            assert np.allclose(kept[columns].sum(axis=1), 1)
            assert set(kept["prediction"]) <= set(result.task.classes)

    def test_the_model_takes_raw_rows(self, results, kind):
        result = results(kind)
        raw = result.task.dataset.frame
        before = raw.copy(deep=True)
        said = result.model.predict(raw)
        assert len(said) == 160
        assert result.model.classes_ == result.task.classes
        assert result.model.features_ == result.task.features
        pd.testing.assert_frame_equal(raw, before)

    def test_every_trial_is_on_record(self, results, kind):
        trials = results(kind).trials
        assert [trial["number"] for trial in trials] == [1, 2, 3, 4]
        assert {trial["state"] for trial in trials} == {"completed"}
        assert all(len(trial["rounds"]) == 5 + (trial["weight"] > 0) and not trial["cut"] for trial in trials)
        json.dumps(trials, allow_nan=False)

    def test_it_tells_how_good_and_how_sure(self, results, kind):
        page = results(kind)._repr_html_()
        assert "95 %" in page
        assert "guessing without looking" in page.lower()
        assert "after 4 trials in" in repr(results(kind))


class TestReplay:
    def test_a_number_of_trials_gives_the_same_to_the_bit(self, results, tmp_path, shop_table):
        frame, first = shop_table(), results("binary")
        frame.to_csv(tmp_path / "again.csv", index=False)
        made = task(read_table(str(tmp_path / "again.csv")), "bought", ignore=["worth", "grade"])
        again = search(made, trials=4)
        pd.testing.assert_frame_equal(again.predictions, first.predictions, check_exact=True)
        assert again.scores == first.scores
        raw = made.dataset.frame
        assert np.array_equal(again.model.predict_proba(raw), first.model.predict_proba(raw))

    def test_another_seed_gives_another_search(self, tmp_path, shop_table):
        shop_table(80).to_csv(tmp_path / "shop.csv", index=False)
        made = task(read_table(str(tmp_path / "shop.csv")), "bought", ignore=["worth", "grade"])
        one, other = (search(made, trials=2, families=["linear"], seed=seed) for seed in (0, 1))
        assert not np.array_equal(one.predictions["fold"], other.predictions["fold"])

    def test_after_the_portfolio_the_sampler_suggests(self, tmp_path, shop_table):
        shop_table(80).to_csv(tmp_path / "shop.csv", index=False)
        made = task(read_table(str(tmp_path / "shop.csv")), "bought", ignore=["worth", "grade"])
        own = type("Own", (Linear,), {"name": "own", "portfolio": lambda *_: [{"penalty": 0.001}, {"penalty": 0.03}]})()
        tried = [trial["params"]["penalty"] for trial in search(made, trials=5, families=[own]).trials]
        assert tried[:2] == [0.001, 0.03]
        assert len(set(tried)) == 5


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("rows", [120, 30_000])
def test_the_deadline_is_kept(table, rows):
    """A budget is the wall time of everything; the search leaves what comes after it some seconds."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(rows, 12)).round(4), columns=[f"x{i}" for i in range(12)])
    frame["y"] = np.where(frame["x0"] * frame["x1"] + random.normal(0, 0.5, rows) > 0, "yes", "no")
    made = task(table(frame), "y")
    object.__setattr__(made.dataset, "read_at", time.monotonic())  # reading such a table is not what is tried here
    result = search(made, budget="9s")
    assert time.monotonic() - made.dataset.read_at < 9
    assert result.deadline == made.dataset.read_at + 9
    assert result.score.low > 0.5


@pytest.mark.alone
def test_a_budget_that_is_over_still_gives_a_model(table, shop_table):
    dataset = table(shop_table(60))
    object.__setattr__(dataset, "read_at", time.monotonic() - 100)
    result = search(task(dataset, "bought", ignore=["worth", "grade"]), budget="5s")
    assert result.seconds < 8
    assert len(result.model.predict(dataset.frame)) == 60


def test_candidates_without_a_score_are_ranked_all_the_same(table, monkeypatch):
    """A short budget holds out one part only, and that may lack a class though the table as a whole was in order."""
    monkeypatch.setattr("workbench.automl.task.refuse_unmeasured", lambda *_: None)
    days = pd.date_range("2024-01-01", periods=40).astype(str)
    dataset = table(x=list(np.arange(40) % 7 * 1.5), day=days, y=["yes", "no"] * 2 + ["no"] * 36)
    result = search(task(dataset, "y", time="day"), trials=2, families=["linear"])
    assert result.leaderboard["score"].isna().all()
    assert result.leaderboard["rank"].tolist() == [1, 2, 3, 4]
    assert len(result.model.predict(dataset.frame)) == 40


class TestNature:
    """Groups, times, weights, rare classes."""

    def test_groups_stay_together_in_every_fold(self, table, shop_table):
        frame = shop_table(90).assign(customer=[f"c{number % 9}" for number in range(90)])
        result = search(
            task(table(frame), "bought", ignore=["worth", "grade"], group="customer"), trials=1, families=["linear"]
        )
        folds = result.predictions.groupby(result.task.groups)["fold"].nunique()
        assert set(folds) == {1}
        assert result.folds.kind == "group"

    def test_time_order_is_kept_and_the_final_model_knows_the_latest_rows(self, table, shop_table):
        frame = shop_table(90).assign(day=pd.date_range("2024-01-01", periods=90).astype(str))
        made = task(table(frame), "worth", kind="regression", ignore=["bought", "grade"], time="day")
        result = search(made, trials=2, families=["lightgbm", "linear"])
        assert all(made.times[train].max() < made.times[valid].min() for train, valid in result.folds.pairs)
        assert result.predictions["row"].min() == 15
        assert [len(bag.members) for bag in result.model.ensemble.bags] == [1] * len(result.model.ensemble.bags)

    def test_weights_change_what_is_learned(self, table):
        x = list(np.arange(60) % 2)
        y = ["yes" if value == (row < 30) else "no" for row, value in enumerate(x)]
        early = table(x=[f"v{value}" for value in x], z=list(np.arange(60.0)), w=[1.0] * 30 + [0.01] * 30, y=y)
        result = search(task(early, "y", weight="w", ignore="z"), trials=1, families=["linear"])
        assert result.model.predict(pd.DataFrame({"x": ["v1", "v0"]})).tolist() == ["yes", "no"]

    @pytest.mark.parametrize("unit", [1024.0, 2.0**-10, 2.0**1020])
    def test_the_unit_of_the_weights_changes_nothing(self, table, shop_table, unit):
        weight = np.arange(60) % 3 + 0.5
        one, other = (
            search(
                task(table(shop_table(60).assign(w=weight * scale)), "bought", ignore=["worth", "grade"], weight="w"),
                trials=2,
                families=["lightgbm", "linear"],
            )
            for scale in (1.0, unit)
        )
        pd.testing.assert_frame_equal(one.predictions, other.predictions)

    @pytest.mark.parametrize("rare", [2, 3])
    def test_a_class_of_few_rows_has_its_probability_in_place(self, table, shop_table, rare):
        frame = shop_table(80)
        frame.loc[: rare - 1, "bought"] = "stolen"
        result = search(task(table(frame), "bought", ignore=["worth", "grade"]), trials=3)
        assert result.model.classes_ == ["no", "stolen", "yes"]
        assert result.model.predict_proba(result.task.dataset.frame).shape == (80, 3)
        assert np.isfinite(result.score.value)

    def test_four_rows_are_enough_to_begin(self, table):
        result = search(task(table(x=[1.5, 2.5, 7.5, 8.5], y=["a", "a", "b", "b"]), "y"), trials=3)
        assert set(result.model.predict(result.task.dataset.frame)) <= {"a", "b"}

    def test_a_test_file_is_measured_once_at_the_end(self, table, shop_table):
        train, test = table(shop_table(100)), table(shop_table(50, seed=1))
        made = task(train, "worth", kind="regression", ignore=["bought", "grade"], test=test)
        result = search(made, trials=1, families=["linear"])
        assert set(result.test_scores) == set(result.scores)
        assert result.test_scores["rmse"].rows == 50
        assert "held back" in result._repr_html_()

    def test_a_test_file_is_measured_by_its_weights_and_groups(self, table, shop_table):
        customers = [f"c{number % 9}" for number in range(90)]
        train = shop_table(90).assign(customer=customers, w=[1.5, 2.5] * 45)
        held = shop_table(45, seed=1).assign(customer=customers[:45], w=[0.0] * 15 + [3.5] * 30)

        def measured(test, **parts):
            made = task(table(train), "worth", kind="regression", ignore=["bought", "grade"], test=table(test), **parts)
            return search(made, trials=1, families=["linear"]).test_scores["rmse"]

        parts = {"weight": "w", "group": "customer"}
        whole, counted = measured(held, **parts), measured(held.iloc[15:], **parts)
        assert whole.value == pytest.approx(counted.value)
        alone = measured(held.drop(columns="customer"), **parts)
        assert alone.value == whole.value
        assert (alone.low, alone.high) != (whole.low, whole.high)

    @pytest.mark.parametrize("metric", ["f1", "accuracy", "neg_log_loss", "average_precision", "balanced_accuracy"])
    def test_any_metric_can_be_the_one_that_decides(self, table, shop_table, metric):
        made = task(table(shop_table(60)), "bought", ignore=["worth", "grade"], metric=metric)
        result = search(made, trials=2, families=["linear"])
        assert result.score.metric == metric.removeprefix("neg_")


class Broken(Linear):
    """A family whose every other fit fails."""

    name = "broken"

    def build(self, parameters, setting, *, seed):
        if parameters["penalty"] == 1e-3:
            raise ValueError("a matrix was not to its liking")
        return super().build(parameters, setting, seed=seed)


class TestFamilies:
    def test_a_family_of_one_s_own_takes_part(self, table, shop_table):
        own = type("Own", (Linear,), {"name": "own"})()
        result = search(task(table(shop_table(60)), "grade", ignore=["worth", "bought"]), trials=1, families=[own])
        assert result.trials[0]["family"] == "own"

    def test_a_trial_that_fails_is_on_record_and_the_search_goes_on(self, table, shop_table):
        made = task(table(shop_table(60)), "bought", ignore=["worth", "grade"])
        result = search(made, trials=2, families=[Broken()])
        states = {trial["state"]: trial["reason"] for trial in result.trials}
        assert states == {"failed": "ValueError: a matrix was not to its liking", "completed": ""}
        assert "1 of them failed" in result._repr_html_()

    def test_when_every_trial_fails_the_reason_is_told(self, table, shop_table, monkeypatch):
        monkeypatch.setattr(Broken, "portfolio", lambda *_: [{"penalty": 1e-3}])
        made = task(table(shop_table(60)), "bought", ignore=["worth", "grade"])
        with pytest.raises(WorkbenchError, match="No model could be fitted: a matrix was not to its liking"):
            search(made, trials=1, families=[Broken()])

    def test_an_unknown_family_is_refused(self, table, shop_table):
        with pytest.raises(UnknownName, match="Did you mean 'lightgbm'"):
            search(task(table(shop_table(60)), "bought"), trials=1, families=["lightgm"])


@pytest.mark.parametrize("trials", [0, -1, 1.5])
def test_trials_are_a_whole_number_above_zero(table, shop_table, trials):
    with pytest.raises(BadParameters, match="whole number above zero"):
        search(task(table(shop_table(60)), "bought"), trials=trials)


class TestMemory:
    def test_what_is_no_amount_is_refused(self, table, shop_table):
        with pytest.raises(BadParameters, match="'much' is not an amount of memory"):
            search(task(table(shop_table(60)), "bought"), trials=1, memory="much")

    def test_the_result_does_not_depend_on_how_many_matrices_are_kept(self, table, shop_table, monkeypatch):
        made = task(table(shop_table(60)), "bought", ignore=["worth", "grade"])
        much = search(made, trials=2, families=["lightgbm"])
        original = Encodings.__init__
        monkeypatch.setattr(
            Encodings, "__init__", lambda self, *given, **named: original(self, *given, **named | {"most_bytes": 0})
        )
        little = search(made, trials=2, families=["lightgbm"])
        pd.testing.assert_frame_equal(much.predictions, little.predictions, check_exact=True)


class TestInARun:
    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
        folder = RunFolder(tmp_path / "run")
        folder.outbox.mkdir(parents=True)
        folder.write(RunRecord("shop", "v", "classification", "2026-01-01T00:00:00+00:00", 1, "here"))
        monkeypatch.setenv("WORKBENCH_RUN", str(folder.path))
        return folder

    def test_the_runner_hears_of_every_trial(self, folder, table, shop_table):
        families = ["lightgbm", "extra_trees", "linear"]
        search(task(table(shop_table(60)), "bought", ignore=["worth", "grade"]), trials=3, families=families)
        heard = list(folder.heard())
        kinds = [event["kind"] for event in heard]
        assert kinds[:8] == ["search", *["trying", "trial"] * 3, "finishing"]
        assert set(kinds[8:-1]) == {"finishing"}
        assert [event["state"] for event in (heard[0], heard[-1])] == ["started", "ended"]
        trying, trial = heard[5:7]
        assert {"number": 3, "done": 2, "planned": 3}.items() <= trying.items()
        assert trying["family"] == trial["family"]
        assert {"number": 3, "family": "linear", "metric": "roc_auc", "done": 3, "left": None}.items() <= trial.items()
        assert trial["best"] >= trial["score"] > 0
        chosen = len(kinds) - 10
        told = [(event["fitted"], event["chosen"]) for event in heard[7:-1]]
        assert told == [(None, None), *((done, chosen) for done in range(chosen + 1))]

    def test_the_studies_are_kept_in_a_journal_that_optuna_opens(self, folder, table, shop_table):
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        families = ["lightgbm", "extra_trees", "linear"]
        search(task(table(shop_table(60)), "bought", ignore=["worth", "grade"]), trials=3, families=families)
        storage = JournalStorage(JournalFileBackend(str(folder.outbox / "study.journal")))
        studies = optuna.get_all_study_summaries(storage)
        assert {study.study_name for study in studies} == {"lightgbm", "extra_trees", "linear"}

    def test_a_refusal_is_handed_to_the_runner(self, folder, table):
        with pytest.raises(WorkbenchError):
            task(table(x=[1.5, 2.5], y=["a", "a"]), "y")
        assert json.loads(folder.error.read_text())["type"] == "BadColumn"

    @pytest.mark.alone
    def test_the_run_s_deadline_is_the_search_s(self, folder, table, shop_table):
        folder.update(deadline="2020-01-01T00:00:00+00:00")
        result = search(task(table(shop_table(60)), "bought", ignore=["worth", "grade"]), budget="1h")
        assert result.seconds < 8


def test_by_hand_one_line_tells_what_is_tried_how_good_the_best_is_and_what_is_left(table, shop_table, monkeypatch):
    lines = []

    class Line:
        def __init__(self, data: dict[str, str]) -> None:
            assert data["text/plain"] == "The search begins."

        def update(self, data: dict[str, str], *, raw: bool) -> None:
            assert raw
            lines.append(data["text/plain"])

    monkeypatch.setattr("workbench.pages.live.opened", Line)
    made = task(table(shop_table(60)), "bought", ignore=["worth", "grade"])
    result = search(made, trials=2, families=["linear", "extra_trees"])
    assert lines[0] == "0 trials done · trying linear 1 · 2 planned"
    first = result.trials[0]["score"]
    assert lines[1:3] == [
        f"1 trial done · best ROC AUC {first:.4f} (linear) · 2 planned",
        f"1 trial done · best ROC AUC {first:.4f} (linear) · trying ExtraTrees 2 · 2 planned",
    ]
    assert lines[3].startswith("2 trials done · best ROC AUC")
    assert re.fullmatch(r"2 trials in \d+ s\.", lines[-1])


def test_boosting_patience_grows_as_the_learning_rate_falls():
    from workbench.automl.families import Setting

    fast, slow = (
        LightGBM().build({}, Setting("binary", "roc_auc", 2, 100, 2, learning_rate=rate), seed=0).patience
        for rate in (0.2, 0.02)
    )
    assert slow > fast
