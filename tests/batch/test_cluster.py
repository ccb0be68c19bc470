"""Many runs on a real Dask cluster of two worker processes: the same as here, whatever becomes of the workers."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from workbench.documents.process import process_started
from workbench.documents.run_folder import RunFolder, under_way

PARAMETERS = """
marks: str = ''
farm: str = 'none'
n: int = 1
seconds: float = 0.0
"""
CODE = """
import json, os, pathlib, time
with open(pathlib.Path(marks) / farm, "a") as file:
    file.write("x")
end = time.monotonic() + seconds
while time.monotonic() < end and not (pathlib.Path(marks).parent / "go").exists():
    time.sleep(0.02)
pathlib.Path("square.txt").write_text(str(n * n))
told = {"threads": os.environ["OMP_NUM_THREADS"], "runner": os.environ["WORKBENCH_RUN"]}
pathlib.Path(marks, "..", f"told-{farm}.json").write_text(json.dumps(told))
"""
TABLE = "from workbench import Table\ndata: Table = 'example:iris'"
COUNT = "import pathlib\npathlib.Path('rows.txt').write_text(pathlib.Path(data).read_text())"
SECRET = "from workbench import Secret\ntoken: Secret = Secret('')\nhome: Secret = Secret('env:FARM_KEY')"
REVEAL = """
import hashlib, pathlib
both = token.reveal() + home.reveal()
pathlib.Path("seen.txt").write_text(hashlib.sha256(both.encode()).hexdigest())
"""


@pytest.fixture
def farms(place: Any) -> Callable[..., Path]:
    """Write a spec of runs that may be told to take some seconds: ``farms(a=0, b=300)``."""
    place.template("work.ipynb", PARAMETERS, CODE)

    def write(**seconds: float) -> Path:
        runs = [{"farm": farm, "n": n, "seconds": float(s)} for n, (farm, s) in enumerate(seconds.items(), start=1)]
        return place.spec(template="work.ipynb", runs=runs, parameters={"marks": str(place.marks)})

    return write


@pytest.fixture
def no_common_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Have the workers look for the driver's sign where it is not, as they would without a common folder."""
    monkeypatch.setattr("workbench.workflow.batching.cluster.make", lambda *_: tmp_path / "unseen" / "running" / "sign")


def running(place: Any, number: int) -> list[RunFolder]:
    """Wait until so many runs work, and give their folders."""
    end = time.monotonic() + 120
    while len(list(place.marks.iterdir())) < number:
        assert time.monotonic() < end, "the runs do not begin"
        time.sleep(0.05)
    return under_way(place.store / "running")


def kernels_of(runs: list[RunFolder]) -> list[int]:
    """Look up the kernels' processes, which the runners write down a moment after the first cell has begun."""
    end = time.monotonic() + 60
    while any(run.read().kernel is None for run in runs):
        assert time.monotonic() < end, "a run has no kernel"
        time.sleep(0.05)
    return [run.read().kernel["pid"] for run in runs]


def outputs(done: Any, name: str = "square.txt") -> list[str]:
    return [(outcome.path / "outputs" / name).read_text() for outcome in done.outcomes]


def errands() -> set[str]:
    return {path.name for path in Path(tempfile.gettempdir()).glob(".errand-*")}


BEFORE = errands()  # of others who use this machine


def left_behind(place: Any) -> list[str]:
    found = [path.name for path in (place.store / "running").iterdir() if path.name != ".batches"]
    return found + sorted(errands() - BEFORE)


def gone(pid: int, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while process_started(pid) is not None and time.monotonic() < end:
        time.sleep(0.05)
    return process_started(pid) is None


def wait_for_workers(address: str) -> None:
    from distributed import Client

    with Client(address, timeout=60, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=120)


def test_a_cluster_comes_to_the_same_and_what_is_done_is_done_everywhere(
    place: Any, farms: Callable, batch: Callable, dask_address: str, tmp_path: Path
) -> None:
    spec, heard = farms(a=0, b=0, c=0), []
    done = batch(spec, cluster=dask_address, on_event=heard.append)
    here = batch(spec, store=tmp_path / "other")

    assert (done.status, done.counts) == ("completed", {"completed": 3})
    assert outputs(done) == outputs(here) == ["1", "4", "9"]
    assert [one.run.fingerprint for one in done.outcomes] == [one.run.fingerprint for one in here.outcomes]
    assert place.children(done) == [one.ref for one in done.outcomes]
    assert all(one.manifest["parents"] == [done.ref] for one in place.kept())
    assert [event["kind"] for event in heard].count("began") == 3
    assert {event["event"]["name"] for event in heard if event["kind"] == "heard"} == {"on the cluster"}
    assert left_behind(place) == []

    told = batch(spec, store=place.store)  # without the cluster
    assert (told.ref, place.worked()) == (done.ref, {"a": 2, "b": 2, "c": 2})
    assert batch(spec, cluster=dask_address).ref == done.ref


def test_workers_have_one_run_each_with_the_threads_they_have(
    place: Any, farms: Callable, batch: Callable, dask_address: str
) -> None:
    thread = threading.Thread(target=batch, args=(farms(a=300, b=300, c=300),), kwargs={"cluster": dask_address})
    thread.start()
    runs = running(place, 2)
    time.sleep(1.0)
    assert len(list(place.marks.iterdir())) == 2
    assert len({run.read().pid for run in runs} - {os.getpid()}) == 2
    (place.folder / "go").touch()
    thread.join()
    assert json.loads((place.folder / "told-a.json").read_text())["threads"] == "1"


def test_the_run_of_a_worker_that_is_killed_is_done_by_another_and_stands_there_once(
    place: Any, farms: Callable, batch: Callable, dask_address: str
) -> None:
    ended: list[Any] = []
    spec = farms(a=300, b=300)
    thread = threading.Thread(target=lambda: ended.append(batch(spec, cluster=dask_address)))
    thread.start()
    victim = running(place, 2)[0].read()
    os.kill(victim.pid, signal.SIGKILL)
    while sum(place.worked().values()) < 3:
        time.sleep(0.05)
    (place.folder / "go").touch()
    thread.join()

    (done,) = ended
    assert done.counts == {"completed": 2}
    assert outputs(done) == ["1", "4"]
    assert sorted(place.worked().values()) == [1, 2]
    kept = {str(one.reference): one.status for one in place.kept()}
    assert sorted(kept.values()) == ["completed", "completed", "killed"]
    assert sorted(ref for ref, status in kept.items() if status == "completed") == sorted(place.children(done))
    assert f"{victim.name}@{victim.version}" in kept
    assert left_behind(place) == []
    wait_for_workers(dask_address)


@pytest.mark.parametrize("shared", [False, True])
def test_workers_without_the_store_hand_their_experiments_over(
    shared: bool, place: Any, farms: Callable, batch: Callable, dask_address: str, no_common_store: None, tmp_path: Path
) -> None:
    share = tmp_path / "share"
    how = {"share": share.as_uri()} if shared else {}
    done = batch(farms(a=0, b=0), cluster=dask_address, **how)
    assert (done.counts, outputs(done)) == ({"completed": 2}, ["1", "4"])
    runners = [Path(json.loads((place.folder / f"told-{farm}.json").read_text())["runner"]) for farm in "ab"]
    assert not any(runner.is_relative_to(place.store) for runner in runners)

    from workbench.experiment import load, verify

    assert [verify(load(outcome.path)) for outcome in done.outcomes] == [[], []]
    assert left_behind(place) == []
    assert not share.exists() or list(share.iterdir()) == []
    assert batch(farms(a=0, b=0)).ref == done.ref


def test_a_share_that_cannot_be_written_to_is_refused(
    place: Any, farms: Callable, workbench: Callable, dask_address: str
) -> None:
    (place.folder / "file").touch()
    url = f"file://{place.folder}/file/share"
    said = workbench("batch", farms(a=0), "--cluster", dask_address, "--share", url, "--store", place.store)
    assert (said.code, said.err.count("\n")) == (2, 2)  # how many runs there are, and the refusal
    assert "cannot be written to" in said.err
    assert place.worked() == {}


def test_a_share_is_for_clusters(place: Any, farms: Callable, workbench: Callable) -> None:
    said = workbench("batch", farms(a=0), "--share", "s3://farms", "--store", place.store)
    assert said.code == 2
    assert "share: is for the workers of a cluster" in said.err


def test_a_step_that_reads_files_of_earlier_ones_is_refused_by_a_worker_that_does_not_see_the_store(
    place: Any, batch: Callable, dask_address: str, no_common_store: None
) -> None:
    place.template("prepare.ipynb", "n: int = 1", "import pathlib\npathlib.Path('clean.csv').write_text(f'n\\n{n}\\n')")
    place.template("count.ipynb", TABLE, COUNT)
    train = {"template": "count.ipynb", "parameters": {"data": "{prepare.outputs}/clean.csv"}}
    steps = {"prepare": {"template": "prepare.ipynb"}, "train": train}
    done = batch(place.spec(template=None, steps=steps), cluster=dask_address)
    assert [outcome.status for outcome in done.outcomes] == ["completed", "refused"]
    reason = done.outcomes[1].reason
    assert reason.startswith("On the worker tcp://")
    assert "is not seen here, and the step 'train' reads what earlier steps left in it" in reason
    assert reason.endswith(
        "A pipeline on a cluster needs a store that every worker sees under the same path: --store DIR."
    )


def test_what_a_worker_had_kept_before_it_was_lost_is_not_done_again(place: Any, farms: Callable) -> None:
    from workbench.workflow.batching.errand import Errand, _carried_out
    from workbench.workflow.batching.plan import plan_of, spec_with
    from workbench.workflow.batching.run import conditions_of

    (planned,) = plan_of(spec_with(farms(a=0), None, None), lambda _: None).runs
    template, mark = place.folder / "work.ipynb", place.store / "running" / ".shared"
    mark.mkdir(parents=True)
    reference = "farms@20260101T000000Z-0123abcd"
    errand = Errand(planned, template, template.read_bytes(), reference, mark)
    one, other = (_carried_out(errand, place.folder, conditions_of(reference, 1, lambda: None)) for _ in range(2))
    assert (other.ref, other.status) == (one.ref, "completed")
    assert place.worked() == {"a": 1}


@pytest.mark.skipif(sys.platform != "linux", reason="a path that means something else to each process is Linux's own")
@pytest.mark.parametrize(("change", "told"), [("gone", "does not exist"), ("other", "not the one that was planned")])
def test_a_worker_that_does_not_see_the_table_says_so_in_one_line(
    change: str,
    told: str,
    place: Any,
    batch: Callable,
    dask_address: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    place.template("count.ipynb", TABLE, COUNT)
    name = f"farms-{tmp_path.name}.csv"
    place.table("x,y\n1,2\n3,4\n", name)
    monkeypatch.chdir(place.folder)
    if change == "other":
        for worker in folders_of_workers(dask_address):
            (worker / name).write_text("x,y\n5,6\n7,8\n")
    spec = place.spec(template="count.ipynb", runs=[{"data": f"/proc/self/cwd/{name}"}])
    (outcome,) = batch(spec, cluster=dask_address).outcomes
    assert outcome.status == "refused"
    assert outcome.reason.startswith("On the worker tcp://")
    assert told in outcome.reason
    assert "\n" not in outcome.reason


def folders_of_workers(address: str) -> set[Path]:
    from distributed import Client

    with Client(address, timeout=60, set_as_default=False) as client:
        return {Path(folder) for folder in client.run(os.getcwd).values()}


def test_a_template_that_only_the_driver_has_travels(
    place: Any, batch: Callable, dask_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.folder)
    place.template("work.ipynb", PARAMETERS, CODE)
    seen = "/proc/self/cwd/work.ipynb" if sys.platform == "linux" else str(place.folder / "work.ipynb")
    spec = place.spec(template=seen, runs=[{"n": 5, "marks": str(place.marks)}])
    done = batch(spec, cluster=dask_address)
    assert (done.counts, outputs(done)) == ({"completed": 1}, ["25"])


def test_secrets_reach_the_run_and_nothing_that_is_shown(
    place: Any, batch: Callable, dask_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.template("secret.ipynb", SECRET, REVEAL)
    monkeypatch.setenv("FARM_KEY", "harvest-moon")
    monkeypatch.setenv("FARM_TOKEN", "midnight-sun")
    shown: list[str] = []
    monkeypatch.setattr("workbench.executor.DaskCluster.submit", telling(shown))
    done = batch(place.spec(template="secret.ipynb", runs=[{"token": "@env:FARM_TOKEN"}]), cluster=dask_address)
    assert outputs(done, "seen.txt") == [hashlib.sha256(b"midnight-sunharvest-moon").hexdigest()]
    assert len(shown) == 1
    assert not any(word in text for text in [*shown, repr(done)] for word in ("harvest-moon", "midnight-sun"))


def telling(shown: list[str]) -> Callable[..., Any]:
    """Submit as ever, and note what Dask may write of it: the key and the arguments."""
    from workbench.executor import DaskCluster

    submit = DaskCluster.submit

    def told(self: DaskCluster, function: Any, *arguments: Any) -> Any:
        shown.append(f"{function!r} {arguments!r} {[str(one) for one in arguments]}")
        return submit(self, function, *arguments)

    return told


def test_ctrl_c_ends_what_runs_and_keeps_it(
    place: Any, farms: Callable, workbench: Callable, dask_address: str
) -> None:
    spec = farms(a=300, b=300, c=0)
    kernels: list[int] = []

    def interrupt() -> None:
        kernels.extend(kernels_of(running(place, 2)))
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    said = workbench("batch", spec, "--cluster", dask_address, "--store", place.store)
    assert said.code == 1, said.err
    again = ["workbench", "batch", str(spec), "--store", str(place.store), "--cluster", dask_address]
    assert f"To go on with what is left: {shlex.join(again)}\n" in said.out
    assert [run.status for run in place.kept()] == ["cancelled", "cancelled"]
    assert all("Cancelled by Ctrl-C" in run.reason for run in place.kept())
    assert place.kept("batch")[0].status == "cancelled"
    assert all(gone(pid, 0) for pid in kernels)
    assert left_behind(place) == []


def test_when_the_driver_is_killed_its_runs_end_too(
    place: Any, farms: Callable, batch: Callable, dask_address: str
) -> None:
    spec = farms(a=300, b=300)
    command = [sys.executable, "-m", "workbench", "batch", spec, "--cluster", dask_address, "--store", place.store]
    driver = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    kernels = kernels_of(running(place, 2))
    driver.kill()
    driver.wait()
    assert len(kernels) == 2
    assert all(gone(pid) for pid in kernels)
    while under_way(place.store / "running"):
        time.sleep(0.05)
    assert {run.status for run in place.kept()} == {"cancelled"}
    (place.folder / "go").touch()
    assert batch(spec, cluster=dask_address).counts == {"completed": 2}
    assert left_behind(place) == []


def test_a_worker_has_one_run_at_a_time_and_keeps_its_kernels_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.workflow.batching.turns import Turns

    monkeypatch.setattr("workbench.workflow.batching.turns.IDLE_SECONDS", 0.5)
    turns = Turns()
    with turns.next(lambda: None) as first, turns.next(lambda: "Cancelled") as meanwhile:
        assert meanwhile is None
        time.sleep(0.7)
    with turns.next(lambda: None) as second:
        assert second is first
    time.sleep(1.0)
    with turns.next(lambda: None) as third:
        assert third is not first


def test_a_dry_run_tells_how_many_workers_there_are(farms: Callable, workbench: Callable, dask_address: str) -> None:
    said = workbench("batch", farms(a=0, b=0, c=0), "--cluster", dask_address, "--dry-run", "--json")
    told = json.loads(said.out)
    assert (told["workers"], told["threads"]) == (2, 1)


def test_an_address_nobody_answers_at_is_one_line(
    place: Any, farms: Callable, workbench: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.executor.CONNECT_SECONDS", 0.5)
    said = workbench("batch", farms(a=0), "--cluster", "tcp://127.0.0.1:9", "--store", place.store)
    assert said.code == 2
    assert said.err.splitlines()[-1].startswith("workbench: The cluster 'tcp://127.0.0.1:9' does not answer")
    assert place.kept() == []


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes], subprocess.Popen[bytes]]]:
    """A scheduler with one worker, to be killed."""
    known = tmp_path / "scheduler.json"
    local = ["--host", "127.0.0.1", "--no-dashboard"]
    said = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    dask = [sys.executable, "-m", "dask"]
    one = ["--nthreads", "1", "--memory-limit", "0", "--no-nanny", "--death-timeout", "5"]
    scheduler = subprocess.Popen([*dask, "scheduler", *local, "--port", "0", "--scheduler-file", known], **said)
    while not known.exists():
        time.sleep(0.05)
    address = json.loads(known.read_text())["address"]
    worker = subprocess.Popen([*dask, "worker", address, *local, *one], **said)
    try:
        from distributed import Client

        with Client(address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(1, timeout=60)
        yield address, scheduler, worker
    finally:
        for process in (worker, scheduler):
            process.kill()
            process.wait()


def test_a_cluster_that_is_gone_ends_the_batch_and_the_same_spec_goes_on(
    place: Any, farms: Callable, batch: Callable, own_cluster: Any
) -> None:
    address, scheduler, worker = own_cluster
    kernels: list[int] = []

    def kill() -> None:
        kernels.extend(kernels_of(running(place, 1)))
        scheduler.kill()

    threading.Thread(target=kill, daemon=True).start()
    spec = farms(a=300, b=300)
    done = batch(spec, cluster=address)
    assert (done.status, done.counts) == ("failed", {"killed": 1, "left": 1})
    assert "does not answer any more" in done.outcomes[0].reason
    assert gone(kernels[0])
    worker.wait(30)
    (place.folder / "go").touch()
    assert batch(spec).counts == {"completed": 2}


def test_the_table_of_a_run_comes_along_from_a_worker_that_does_not_see_the_store(
    place: Any, batch: Callable, dask_address: str, no_common_store: None
) -> None:
    from workbench.experiment import Store, load, objects

    place.template("count.ipynb", f"{TABLE}\nn: int = 0", COUNT)
    table = place.folder / place.table("x,y\n1,2\n", "rows.csv")
    runs = [{"n": n, "data": str(table)} for n in range(3)]
    done = batch(place.spec(template="count.ipynb", runs=runs), cluster=dask_address)
    store = Store(place.store)
    named = [objects.named(load(outcome.path).manifest) for outcome in done.outcomes]
    assert [objects.place(store, one["digest"]).read_bytes() for (one,) in named] == [b"x,y\n1,2\n"] * 3
    assert left_behind(place) == []
