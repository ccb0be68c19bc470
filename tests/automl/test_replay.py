"""The same search again: with other workers, from its record, and after its process was killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from workbench.automl.families import Linear
from workbench.automl.fitting.trial import Bench, GivenUp, Trial, fit
from workbench.automl.planning.planner import Plan
from workbench.automl.record import record, task_document
from workbench.automl.result import Found
from workbench.automl.search import search
from workbench.automl.searching.again import best_of, told_to_replay
from workbench.automl.searching.exploring import with_trial
from workbench.automl.task import task
from workbench.documents import outbox
from workbench.documents.process import this_process
from workbench.documents.run_folder import RunFolder, RunRecord
from workbench.errors import BadReference, UnknownName
from workbench.estimators.ensemble import Bag, FoldModel
from workbench.executor import DaskCluster

FAMILIES = ["lightgbm", "extra_trees", "linear"]
OTHERS = ["worth", "grade"]


@pytest.fixture
def made(table, shop_table):
    return task(table(shop_table(120)), "bought", ignore=OTHERS)


@pytest.fixture(scope="module")
def reference(tmp_path_factory, shop_table):
    """One search of six trials: two rounds."""
    from workbench.dataset import read_table

    path = tmp_path_factory.mktemp("reference") / "shop.csv"
    shop_table(120).to_csv(path, index=False)
    return search(task(read_table(str(path)), "bought", ignore=OTHERS), trials=6, families=FAMILIES)


def agree(one, other) -> None:
    """Everything a reader could compare is the same to the bit."""
    pd.testing.assert_frame_equal(one.predictions, other.predictions, check_exact=True)
    assert one.scores == other.scores
    raw = one.task.dataset.frame
    assert np.array_equal(one.model.predict_proba(raw), other.model.predict_proba(raw))
    told = ("number", "family", "params", "state", "score", "fold_scores", "seed", "boosted", "rounds", "weight")
    assert [[trial[name] for name in told] for trial in one.trials] == [
        [trial[name] for name in told] for trial in other.trials
    ]


class TestWorkers:
    @pytest.mark.parametrize("cores", [1, 4])
    def test_the_number_of_cores_changes_nothing(self, made, reference, monkeypatch, cores):
        monkeypatch.setattr("workbench.automl.search.cpu_count", lambda: cores)
        agree(search(made, trials=6, families=FAMILIES), reference)

    def test_two_processes_of_a_cluster_find_the_same_as_this_one(self, made, reference, dask_address):
        agree(search(made, trials=6, families=FAMILIES, cluster=dask_address), reference)

    @pytest.mark.usefixtures("bagged")
    def test_models_that_came_from_a_cluster_share_encoders(self, made, monkeypatch, dask_address):
        monkeypatch.setattr("workbench.automl.blending.fewer.ENOUGH", float("inf"))
        result = search(made, trials=6, families=["lightgbm", "extra_trees"], cluster=dask_address)
        models = [member for bag in result.model.ensemble.bags for member in bag.members]
        styles = {trial["style"] for trial in result.trials if trial["weight"]}
        assert len({id(model.encoder) for model in models}) == 5 * len(styles) < len(models)

    @pytest.mark.alone
    def test_a_cluster_keeps_the_time(self, made, dask_address):
        object.__setattr__(made.dataset, "read_at", time.monotonic())
        result = search(made, budget="12s", families=["lightgbm", "linear"], cluster=dask_address)
        assert time.monotonic() - made.dataset.read_at < 12.5
        assert len(result.trials) > 2

    def test_a_worker_that_dies_costs_its_trial_a_second_try(self, made, reference, dask_address):
        def pid():
            import os

            return os.getpid()

        asked = DaskCluster(dask_address)
        victim = asked.submit(pid).result()
        asked.close()
        killer = subprocess.Popen(
            [sys.executable, "-c", f"import os, time; time.sleep(1.5); os.kill({victim}, {int(signal.SIGKILL)})"]
        )
        agree(search(made, trials=6, families=FAMILIES, cluster=dask_address), reference)
        assert killer.wait(30) == 0


class TestReplay:
    def test_a_record_gives_the_same_models(self, made, reference):
        document = json.loads(json.dumps({**task_document(reference), "trials": reference.trials}))
        agree(search(made, replay=document, families=FAMILIES), reference)

    def test_a_search_by_the_clock_is_replayed_exactly(self, made, tmp_path, monkeypatch):
        folder = run_folder(tmp_path, monkeypatch)
        object.__setattr__(made.dataset, "read_at", time.monotonic())
        first = search(made, budget="8s")
        record(first)
        monkeypatch.delenv("WORKBENCH_RUN")
        agree(search(made, replay=folder.path), first)

    @pytest.mark.parametrize("kind", ["time", "cut", "late"])
    def test_whatever_became_of_the_fits(self, table, shop_table, kind):
        """Rows in time order, fits ended by the clock, and hardly any time."""
        frame = shop_table(4000 if kind == "cut" else 90)
        frame["day"] = pd.date_range("2024-01-01", periods=len(frame), freq="h").astype(str)
        made = task(
            table(frame), "worth", kind="regression", ignore=["bought", "grade"], time="day" if kind == "time" else None
        )
        if kind == "time":
            first = search(made, trials=3)
        else:
            object.__setattr__(made.dataset, "read_at", time.monotonic() - (100 if kind == "late" else 2))
            first = search(made, budget="5s")
        again = search(made, replay={**task_document(first), "trials": first.trials})
        pd.testing.assert_frame_equal(again.predictions, first.predictions, check_exact=True)
        raw = made.dataset.frame
        assert np.array_equal(again.model.predict(raw), first.model.predict(raw))

    def test_the_trials_fitted_again_are_those_whose_models_were_kept(self, made):
        """A family whose best trial is not among the best of all has its place, too: the ensemble may stand on it."""
        tried = ["lightgbm", "lightgbm", "linear", "network"] * 10
        scores = np.random.default_rng(0).normal([0.9, 0.9, 0.7, 0.6] * 10, 0.02)
        found, log = Found([], None, Plan(5, 0.1, 500, len(tried)), [], None), []
        for number, (family, score) in enumerate(zip(tried, scores.tolist(), strict=True), start=1):
            found = with_trial(made, found, hollow(number, family, score))
            log.append({"number": number, "family": family, "state": "completed", "score": score})
        kept = [trial.number for trial in found.trials]
        assert {tried[number - 1] for number in kept} == set(tried)
        assert [one["number"] for one in best_of(made, log)] == kept

    def test_another_table_or_target_is_refused(self, table, shop_table, reference):
        document = {**task_document(reference), "trials": reference.trials}
        other = task(table(shop_table(60)), "grade", ignore=["worth", "bought"])
        with pytest.raises(BadReference, match="another table and target"):
            search(other, replay=document)

    def test_a_run_that_is_told_to_replays_the_search_on_record_and_no_other(
        self, made, reference, table, shop_table, tmp_path, monkeypatch
    ):
        outbox.write_task(tmp_path, task_document(reference))
        outbox.write_trials(tmp_path, reference.trials)
        assert told_to_replay(made) is None
        monkeypatch.setenv(outbox.REPLAY, str(tmp_path))
        agree(search(made, trials=1, families=FAMILIES), reference)
        assert told_to_replay(task(table(shop_table(60)), "grade", ignore=["worth", "bought"])) is None

    def test_a_folder_without_a_record_is_refused(self, made, tmp_path):
        with pytest.raises(BadReference, match="no record of a search"):
            search(made, replay=tmp_path)

    def test_a_family_of_one_s_own_must_be_given_again(self, made):
        own = type("Own", (Linear,), {"name": "own"})()
        first = search(made, trials=1, families=[own])
        document = {**task_document(first), "trials": first.trials}
        with pytest.raises(UnknownName, match="model family 'own'"):
            search(made, replay=document)
        agree(search(made, replay=document, families=[own]), first)


def hollow(number: int, family: str, value: float) -> Trial:
    """A trial that learned nothing."""
    models = [FoldModel(None, SimpleNamespace())]
    return Trial(number, family, {}, np.zeros(1), tuple(models), Bag(models), 0.0, (1,), False, value)


def run_folder(tmp_path: Path, monkeypatch) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.outbox.mkdir(parents=True)
    folder.write(RunRecord("shop", "v", "classification", "2026-01-01T00:00:00+00:00", 1, "here"))
    monkeypatch.setenv("WORKBENCH_RUN", str(folder.path))
    return folder


def studies_in(folder: Path) -> list[optuna.Study]:
    """As optuna-dashboard opens them."""
    storage = JournalStorage(JournalFileBackend(str(folder / "study.journal")))
    return [optuna.load_study(study_name=name, storage=storage) for name in optuna.get_all_study_names(storage)]


class TestResume:
    """A process is killed in the middle of a search, and another takes it up."""

    def killed(self, source: str, folder: Path, after: int) -> None:
        """Search in another process, and kill it once so many trials are done and one is under way."""
        self.killed_by(
            f"""
            import workbench.automl.searching.trying as trying
            tried = trying.tried

            def fatal(bench, asked):
                if asked.number > {after}:
                    os.kill(os.getpid(), signal.SIGKILL)
                return tried(bench, asked)

            trying.tried = fatal
            """,
            source,
            folder,
        )

    def killed_by(self, trap: str, source: str, folder: Path) -> None:
        """Search in another process, in which a trap was set that kills it."""
        script = f"""
            made = wb.task(wb.read_table({source!r}), "bought", ignore={OTHERS!r})
            wb.search(made, trials=6, families={FAMILIES!r}, resume={str(folder)!r})
        """
        lines = ["import os, signal, workbench as wb", *map(textwrap.dedent, (trap, script))]
        ended = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True)
        assert ended.returncode == -signal.SIGKILL, ended.stderr

    @pytest.mark.parametrize("after", [2, 4])
    def test_it_goes_on_to_what_it_would_have_found(self, made, reference, tmp_path, after):
        folder = tmp_path / "study"
        self.killed(made.dataset.source, folder, after)
        states = [trial.state for study in studies_in(folder) for trial in study.trials]
        assert states.count(TrialState.COMPLETE) + states.count(TrialState.PRUNED) == after
        assert TrialState.RUNNING in states
        agree(search(made, trials=6, families=FAMILIES, resume=folder), reference)
        assert not [t for s in studies_in(folder) for t in s.trials if t.state == TrialState.RUNNING]

    @pytest.mark.parametrize("fits", [3, 12])
    def test_of_a_trial_that_was_broken_off_between_its_folds_none_counts(self, made, reference, tmp_path, fits):
        folder = tmp_path / "study"
        trap = f"""
            import itertools
            import workbench.automl.fitting.trial as fitting
            learn, begun = fitting._learn, itertools.count(1)

            def fatal(*args):
                if next(begun) > {fits}:
                    os.kill(os.getpid(), signal.SIGKILL)
                return learn(*args)

            fitting._learn = fatal
        """
        self.killed_by(trap, made.dataset.source, folder)
        broken = [t for s in studies_in(folder) for t in s.trials if t.state == TrialState.RUNNING]
        assert broken
        assert all(trial.value is None and "entry" not in trial.user_attrs for trial in broken)
        agree(search(made, trials=6, families=FAMILIES, resume=folder), reference)

    def test_by_the_clock_what_died_has_failed_and_the_rest_is_there(self, made, tmp_path):
        folder = tmp_path / "study"
        self.killed(made.dataset.source, folder, 3)
        object.__setattr__(made.dataset, "read_at", time.monotonic())
        result = search(made, budget="20s", families=FAMILIES, resume=folder)
        numbers = [trial["number"] for trial in result.trials]
        assert numbers[:5] == [1, 2, 3, 4, 5]
        assert (result.trials[3]["state"], result.trials[3]["reason"]) == ("failed", "RuntimeError: its process died")
        assert {"lightgbm", "extra_trees", "linear"} <= set(result.leaderboard["family"])
        states = [trial.state for study in studies_in(folder) for trial in study.trials]
        assert TrialState.FAIL in states
        assert TrialState.RUNNING not in states

    def test_a_trial_that_two_processes_died_of_has_failed(self, made, tmp_path):
        folder = tmp_path / "study"
        self.killed(made.dataset.source, folder, 3)
        self.killed(made.dataset.source, folder, 3)
        result = search(made, trials=6, families=FAMILIES, resume=folder)
        assert [trial["state"] for trial in result.trials] == [*["completed"] * 3, "failed", *["completed"] * 2]

    def test_a_run_takes_over_the_study_of_another(self, made, tmp_path, monkeypatch):
        old = tmp_path / "study"
        self.killed(made.dataset.source, old, 3)
        before = (old / "study.journal").read_bytes()
        folder = run_folder(tmp_path, monkeypatch)
        assert len(search(made, trials=6, families=FAMILIES, resume=old).trials) == 6
        assert (old / "study.journal").read_bytes() == before
        assert sum(trial.state.is_finished() for study in studies_in(folder.outbox) for trial in study.trials) >= 6

    def test_another_seed_is_refused(self, made, tmp_path):
        search(made, trials=1, families=["linear"], resume=tmp_path)
        with pytest.raises(BadReference, match="another seed"):
            search(made, trials=2, families=["linear"], resume=tmp_path, seed=1)

    def test_a_search_that_still_runs_is_left_alone(self, made, tmp_path):
        folder = RunFolder(tmp_path / "run")
        folder.outbox.mkdir(parents=True)
        folder.write(RunRecord("shop", "v", "classification", "2026-01-01T00:00:00+00:00", **this_process()))
        with pytest.raises(BadReference, match="still runs"):
            search(made, trials=2, resume=folder.path)

    def test_a_second_search_of_a_run_has_a_study_of_its_own(self, made, tmp_path, monkeypatch):
        folder = run_folder(tmp_path, monkeypatch)
        for _ in range(2):
            search(made, trials=1, families=["linear"])
        assert {file.name for file in folder.outbox.glob("study*")} == {"study.journal", "study-2.journal"}


@pytest.mark.usefixtures("hears_interrupts")
class TestInterrupt:
    def interrupted(self, monkeypatch, at: int) -> None:
        from workbench.automl.searching import trying

        original = trying.tried

        def stopped(bench: Bench, asked):
            if asked.number >= at:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(5)
            return original(bench, asked)

        monkeypatch.setattr(trying, "tried", stopped)

    def test_the_best_so_far_is_kept_and_said_so(self, made, monkeypatch):
        self.interrupted(monkeypatch, 3)
        result = search(made, trials=6, families=FAMILIES)
        assert [trial["number"] for trial in result.trials] == [1, 2]
        assert [check.name for check in result.checks] == ["interrupted"]
        assert "2 models" in result.checks[0].message
        assert len(result.model.predict(made.dataset.frame)) == 120

    def test_an_interrupted_study_can_be_taken_up(self, made, reference, tmp_path, monkeypatch):
        with monkeypatch.context() as patched:
            self.interrupted(patched, 3)
            search(made, trials=6, families=FAMILIES, resume=tmp_path / "study")
        agree(search(made, trials=6, families=FAMILIES, resume=tmp_path / "study"), reference)

    def test_by_the_clock_the_pilot_is_there_before_the_first_trial(self, made, monkeypatch):
        object.__setattr__(made.dataset, "read_at", time.monotonic())
        self.interrupted(monkeypatch, 1)
        result = search(made, budget="60s")
        assert [trial["number"] for trial in result.trials] == [0]

    def test_with_nothing_to_keep_it_is_an_interrupt(self, made, monkeypatch):
        self.interrupted(monkeypatch, 1)
        with pytest.raises(KeyboardInterrupt):
            search(made, trials=3)

    def test_in_a_run_the_runner_asked_for_the_end(self, made, tmp_path, monkeypatch):
        run_folder(tmp_path, monkeypatch)
        self.interrupted(monkeypatch, 2)
        with pytest.raises(KeyboardInterrupt):
            search(made, trials=3)


class Hopeless(Linear):
    """Like the linear family, but parameters after the first round leave it knowing next to nothing."""

    name = "hopeless"

    def portfolio(self, setting):
        return [{"penalty": 1e-3 * number} for number in range(1, 5)] + [{"penalty": 1e6}]

    def suggest(self, trial, setting):
        return {"penalty": trial.suggest_float("penalty", 1e-6, 1e6, log=True)}


class TestPruning:
    def test_a_hopeless_trial_is_given_up_told_and_neither_ranked_nor_blended(self, table, shop_table, tmp_path):
        made = task(table(shop_table(120)), "bought", ignore=OTHERS, metric="log_loss")
        result = search(made, trials=5, families=[Hopeless()], resume=tmp_path / "study")
        assert [trial["state"] for trial in result.trials] == [*["completed"] * 4, "pruned"]
        given_up = result.trials[4]
        assert (given_up["score"], given_up["weight"]) == (None, 0)
        assert "Given up after 2 of 5 folds: their mean log_loss of 0." in given_up["reason"]
        assert "hopeless 5" not in set(result.leaderboard["model"])
        (study,) = studies_in(tmp_path / "study")
        (kept,) = study.get_trials(states=(TrialState.PRUNED,))
        assert kept.user_attrs["number"] == 5
        assert kept.value > max(trial["score"] for trial in result.trials[:4])

    def test_the_first_trial_of_a_family_is_finished_however_bad(self, table, shop_table):
        late = type("Late", (Hopeless,), {"name": "late", "portfolio": lambda *_: [{"penalty": 1e6}] * 2})()
        made = task(table(shop_table(120)), "bought", ignore=OTHERS, metric="log_loss")
        result = search(made, trials=4, families=["linear", late])
        assert [trial["state"] for trial in result.trials if trial["family"] == "late"] == ["completed"] * 2

    @pytest.mark.parametrize("workers", [1, 2, 4])
    def test_two_folds_decide_however_many_are_fitted_side_by_side(self, made, workers):
        from workbench.automl.families import LightGBM, Setting
        from workbench.automl.fitting.encodings import Encodings
        from workbench.automl.planning.clock import untimed
        from workbench.automl.problem.splits import folds_of

        encodings = Encodings(made, folds_of(made, 5, seed=0), seed=0, most_rows=None, most_bytes=1e9)
        setting = Setting("binary", "roc_auc", 2, 120, 6, rounds=20)
        bench = Bench(encodings, setting, untimed(), workers)
        parameters = LightGBM().portfolio(setting)[0]
        given_up = fit(bench, 1, LightGBM(), parameters, seed=1, limit=-0.999)
        assert isinstance(given_up, GivenUp)
        assert given_up.folds == 2
        assert fit(bench, 1, LightGBM(), parameters, seed=1, limit=given_up.loss) is not None
        assert not isinstance(fit(bench, 1, LightGBM(), parameters, seed=1, limit=given_up.loss), GivenUp)
