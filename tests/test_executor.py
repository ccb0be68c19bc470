"""Work carried out in this process and on a real Dask cluster of two worker processes: the same promises for both."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from workbench.errors import NoCluster, WorkbenchError
from workbench.executor import DaskCluster, Executor, InProcess


class ExecutorContract:
    def test_results_come_in_the_order_of_the_items(self, executor: Executor):
        def squared(item):
            time.sleep(item[0])
            return item[1] ** 2

        assert list(executor.map(squared, [(0.3, 2), (0.0, 3), (0.1, 4)])) == [4, 9, 16]

    def test_what_a_function_raises_is_raised_where_its_result_is_asked_for(self, executor: Executor):
        future = executor.submit(int, "no number")
        assert executor.first([future]) == {future}
        with pytest.raises(ValueError, match="no number"):
            future.result()

    def test_the_first_that_is_done_is_told_before_the_others(self, executor: Executor):
        quick, slow = executor.submit(abs, -5), executor.submit(time.sleep, 1.0)
        assert quick in executor.first([quick, slow])
        assert slow.result() is None

    def test_what_was_sent_arrives(self, executor: Executor):
        numbers = executor.send([1, 2, 3])
        assert [executor.submit(sum, numbers).result() for _ in range(3)] == [6, 6, 6]

    def test_threads_and_workers_are_no_more_than_cores(self, executor: Executor):
        assert executor.workers * executor.threads <= executor.cores


class TestInProcess(ExecutorContract):
    @pytest.fixture(params=[1, 2])
    def executor(self, request) -> Iterator[Executor]:
        made = InProcess(request.param)
        yield made
        made.close()

    def test_a_single_worker_begins_an_item_when_it_is_asked_for(self):
        begun: list[int] = []
        results = InProcess().map(lambda item: begun.append(item) or item, [1, 2, 3])
        assert next(results) == 1
        assert begun == [1]


class TestDaskCluster(ExecutorContract):
    @pytest.fixture
    def executor(self, dask_address) -> Iterator[Executor]:
        made = DaskCluster(dask_address)
        yield made
        made.close()

    def test_two_processes_work_at_a_time_and_neither_is_this_one(self, executor):
        def meet(_):
            time.sleep(0.5)
            return os.getpid()

        assert executor.workers == 2
        assert len({*executor.map(meet, [1, 2]), os.getpid()}) == 3

    def test_what_was_sent_is_the_same_object_for_every_task_of_a_process(self, executor):
        """So what a task prepares on it, the next one finds."""
        notes = executor.send([])

        def note(kept):
            kept.append(1)
            return os.getpid(), len(kept)

        counted: dict[int, list[int]] = {}
        for pid, count in (executor.submit(note, notes).result() for _ in range(4)):
            counted.setdefault(pid, []).append(count)
        assert all(counts == list(range(1, len(counts) + 1)) for counts in counted.values())

    def test_the_task_of_a_worker_that_is_killed_is_carried_out_by_another(self, executor, tmp_path: Path):
        def busy(folder):
            """Wait to be killed the first time, answer the second."""
            first = not list(folder.iterdir())
            (folder / str(os.getpid())).touch()
            time.sleep(60 if first else 0)
            return os.getpid()

        future = executor.submit(busy, tmp_path)
        while not list(tmp_path.iterdir()):
            time.sleep(0.05)
        victim = int(next(tmp_path.iterdir()).name)
        os.kill(victim, signal.SIGKILL)
        assert executor.first([future], 60) == {future}
        assert future.result() != victim

    def test_what_is_told_reaches_every_worker_while_it_works(self, executor, tmp_path: Path):
        def wait_to_be_told(folder):
            end = time.monotonic() + 60
            while not (folder / str(os.getpid())).exists() and time.monotonic() < end:
                time.sleep(0.05)
            return (folder / str(os.getpid())).exists()

        busy = [executor.submit(wait_to_be_told, tmp_path) for _ in range(2)]
        executor.tell(lambda: (tmp_path / str(os.getpid())).touch())
        assert [future.result() for future in busy] == [True, True]

    def test_a_task_knows_its_threads_and_when_nobody_waits_for_it_any_more(self, executor, tmp_path: Path):
        def wait(folder):
            from workbench.executor import this_task

            task = this_task()
            (folder / "begun").write_text(f"{task.worker} {task.threads}")
            while task.is_wanted():
                time.sleep(0.05)
            (folder / "ended").touch()

        future = executor.submit(wait, tmp_path)
        while not (tmp_path / "begun").exists():
            time.sleep(0.05)
        assert executor.first([future], 1.0) == set()
        assert (tmp_path / "begun").read_text().startswith("tcp://127.0.0.1:")
        assert (tmp_path / "begun").read_text().endswith(" 1")
        assert not (tmp_path / "ended").exists()
        future.cancel()
        while not (tmp_path / "ended").exists():
            time.sleep(0.05)

    def test_workers_are_counted_as_they_come_and_go(self, executor, dask_address, monkeypatch, tmp_path: Path):
        monkeypatch.setattr("workbench.executor.LOOK_SECONDS", 0.1)
        options = ["--host", "127.0.0.1", "--no-dashboard", "--no-nanny", "--local-directory", str(tmp_path)]
        with (tmp_path / "log").open("wb") as log:
            third = subprocess.Popen([sys.executable, "-m", "dask", "worker", dask_address, *options], stderr=log)
        while executor.present < 3:
            executor.first([executor.submit(time.sleep, 0.1)])
        third.terminate()
        while executor.present > 2:
            executor.first([executor.submit(time.sleep, 0.1)])
        third.wait()

    def test_waiting_ends_when_the_time_is_over(self, executor):
        future = executor.submit(time.sleep, 3)
        assert executor.first([future], 0.1) == set()
        assert executor.first([future]) == {future}


def test_an_address_nobody_answers_at_is_refused(monkeypatch):
    monkeypatch.setattr("workbench.executor.CONNECT_SECONDS", 0.5)
    with pytest.raises(NoCluster, match=r"cluster 'tcp://127.0.0.1:9' does not answer.*dask scheduler"):
        DaskCluster("tcp://127.0.0.1:9")


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(WorkbenchError, match=r"pip install 'notebook-workbench\[cluster\]'"):
        DaskCluster("tcp://127.0.0.1:8786")


def test_workers_with_other_versions_are_refused(monkeypatch, dask_address):
    monkeypatch.setattr("platform.python_version_tuple", lambda: ("9", "9", "0"))
    with pytest.raises(NoCluster, match="a worker that differs"):
        DaskCluster(dask_address)


@pytest.mark.parametrize("library", ["lightgbm", "catboost"])
def test_workers_with_another_library_that_decides_results_are_refused(monkeypatch, dask_address, library):
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "0.0" if name == library else real(name))
    with pytest.raises(NoCluster, match=f"{library} 0.0"):
        DaskCluster(dask_address)


@pytest.mark.parametrize(
    ("cores", "workers", "threads", "folds", "shared"),
    [(2, 1, 2, 5, (2, 1)), (8, 1, 8, 3, (3, 2)), (1, 1, 1, 5, (1, 1)), (4, 1, 4, 1, (1, 4)), (6, 2, 3, 8, (3, 1))],
)
def test_cores_are_shared_out_between_workers_folds_and_fits(cores, workers, threads, folds, shared):
    from workbench.automl.planning.planner import shared_out

    assert shared_out(cores, workers, threads, folds) == shared
    with pytest.raises(AssertionError, match=r"workers × \d folds"):
        shared_out(cores, workers + cores, threads, folds)
