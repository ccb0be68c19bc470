"""Whatever fits side by side, no more threads are at work than there are cores."""

from __future__ import annotations

import time
from threading import Lock

import pytest
from threadpoolctl import threadpool_info

from workbench.automl.families import ExtraTrees
from workbench.automl.fitting import trial as fitting
from workbench.automl.planning.planner import Plan
from workbench.automl.search import search
from workbench.automl.task import task

ALONE = type("Alone", (ExtraTrees,), {"name": "alone", "side_by_side": False})()  # its folds are fitted one by one
FAMILIES = ["lightgbm", ALONE, "extra_trees", "linear", "catboost", "network"]


class Watch:
    """Notes how many threads the fits that overlap were told to use, and how many linear algebra may take."""

    def __init__(self) -> None:
        self.now, self.most, self.blas, self.lock = 0, 0, set(), Lock()
        self.learn = fitting._learn

    def __call__(self, bench, job, learner, *others) -> None:
        threads = told(learner)
        with self.lock:
            self.now += threads
            self.most = max(self.most, self.now)
            self.blas |= {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
        try:
            time.sleep(0.05)  # whatever may overlap does
            self.learn(bench, job, learner, *others)
        finally:
            with self.lock:
                self.now -= threads


def told(learner: object) -> int:
    """How many threads a learner's library was told to use; one, where it knows of none."""
    settings = getattr(learner, "settings", {})
    names = ("num_threads", "thread_count")
    return next((int(settings[name]) for name in names if name in settings), int(getattr(learner, "threads", 1)))


@pytest.fixture
def watch(monkeypatch) -> Watch:
    watch = Watch()
    monkeypatch.setattr(fitting, "_learn", watch)
    monkeypatch.setattr("workbench.automl.families.network.ROUNDS", 3)
    return watch


@pytest.mark.parametrize("cores", [1, 2, 4])
@pytest.mark.parametrize("folds", [1, 3])
def test_threads_times_folds_are_no_more_than_the_cores(table, shop_table, monkeypatch, watch, cores, folds):
    monkeypatch.setattr("workbench.automl.search.cpu_count", lambda: cores)
    monkeypatch.setattr("workbench.automl.search.plan_by_size", lambda *_: Plan(folds, 0.3, 5, 6))
    made = task(table(shop_table(90)), "bought", ignore=["worth", "grade"])
    found = search(made, trials=6, families=FAMILIES)
    assert [one["state"] for one in found.trials] == ["completed"] * 6
    assert watch.most == (cores if folds == 1 else min(cores, folds))
    assert watch.blas <= {1}
