"""Where work is carried out: in this process, or in the worker processes of a Dask cluster.

Callers see one small protocol. Functions and their arguments travel to a cluster by Dask's own serialisation, which
pickles: between processes of one user that trust each other, and never from a file.
"""

from __future__ import annotations

import platform
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from concurrent.futures import Executor as Pool
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from typing import Any, Protocol, TypeVar

from workbench.errors import NoCluster, WorkbenchError

R = TypeVar("R")
T = TypeVar("T")
CONNECT_SECONDS = 15.0
SENDINGS = 5  # tries to send a value, each while a worker is lost
LOOK_SECONDS = 5.0  # while waiting, the cluster is looked at so often
PATIENCE = 60.0  # a cluster may be without workers for so long: they restart, or a new machine is on its way
DECIDING = ("notebook-workbench", "numpy", "scikit-learn", "lightgbm", "catboost")  # whose versions decide results


class Executor(Protocol):
    """Carries out functions, some at a time."""

    @property
    def workers(self) -> int:
        """How many tasks at a time."""

    @property
    def threads(self) -> int:
        """How many threads each of them may use."""

    @property
    def cores(self) -> int:
        """How many there are for all of it."""

    def send(self, value: T) -> T:
        """Bring a value to where the work is done, once; what is returned stands for it as an argument of tasks."""

    def submit(self, function: Callable[..., R], *arguments: Any) -> Future[R]:
        """Have a function carried out."""

    def map(self, function: Callable[..., R], items: Sequence[T], *common: Any) -> Iterator[R]:
        """Carry out a function on what is common and each item; results come in the items' order."""

    def first(self, futures: Collection[Future[R]], seconds: float | None = None) -> set[Future[R]]:
        """Wait until one is done, and give all that are; none when `seconds` have passed before."""

    def close(self) -> None:
        """Drop what is under way, and let go."""


class InProcess:
    """Threads of this process; with a single worker the calling thread itself, at once.

    Parameters
    ----------
    workers
        Tasks at a time.
    threads
        For each task.
    cores
        How many threads may be at work in all.
    """

    def __init__(self, workers: int = 1, threads: int = 1, cores: int | None = None) -> None:
        self.workers, self.threads = workers, threads
        self.cores = workers * threads if cores is None else cores
        self._pool: Pool | None = ThreadPoolExecutor(workers) if workers > 1 else None

    def send(self, value: T) -> T:
        """Give the value itself: nothing has to travel."""
        return value

    def submit(self, function: Callable[..., R], *arguments: Any) -> Future[R]:
        """Have a function carried out; by a single worker before this returns."""
        if self._pool is not None:
            return self._pool.submit(function, *arguments)
        done: Future[R] = Future()
        try:
            done.set_result(function(*arguments))
        except Exception as failure:
            done.set_exception(failure)
        return done

    def map(self, function: Callable[..., R], items: Sequence[T], *common: Any) -> Iterator[R]:
        """Carry out a function on each item, in order; a single worker begins an item when its result is asked for."""
        spread = map if self._pool is None else self._pool.map
        yield from spread(partial(function, *common), items)

    def first(self, futures: Collection[Future[R]], seconds: float | None = None) -> set[Future[R]]:
        """Wait until one is done, and give all that are."""
        return wait(futures, timeout=seconds, return_when=FIRST_COMPLETED).done

    def close(self) -> None:
        """Drop what has not begun, and wait for the rest."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


class DaskCluster:
    """The worker processes of a Dask cluster: one task at a time on each.

    The task of a worker that is lost is carried out by another; after its fourth worker it has failed.

    Parameters
    ----------
    address
        Of the scheduler: ``tcp://host:8786``.

    Attributes
    ----------
    present : int
        How many workers there are now. `workers` and `cores` say how many there were at the beginning.

    Raises
    ------
    WorkbenchError
        If dask.distributed is not installed.
    NoCluster
        If no scheduler answers, it has no workers, or those run another version of Python or the workbench.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._client = _connected(address)
        try:
            threads = [int(worker["nthreads"]) for worker in self._known().values()]
            if not threads:
                raise NoCluster(address, "has no workers", f"Start some: dask worker {address}")
            _refuse_other_versions(address, self._client)
        except BaseException:
            self._client.close()
            raise
        self.workers, self.threads, self.cores = len(threads), min(threads), sum(threads)
        self.present, self._looked, self._alone_since = self.workers, time.monotonic(), 0.0
        self._pool: Pool = self._client.get_executor(pure=False)
        self._sent: dict[int, tuple[Any, Any]] = {}

    def send(self, value: T) -> T:
        """Send a value to every worker; it is the value's stand-in only as an argument to `submit` and `map`."""
        there = self._scattered(value)
        self._sent[id(value)] = (value, there)
        return value

    def _scattered(self, value: Any) -> Any:
        """Send a value, and once more where a worker that had it is lost at that very moment."""
        for _ in range(SENDINGS):
            with suppress(OSError):
                (there,) = self._client.scatter([value], broadcast=True, hash=False)  # of a bare list: the items
                if self._client.who_has(there)[there.key]:
                    return there
            time.sleep(1.0)  # till the scheduler has noticed, too
        raise NoCluster(self.address, "loses its workers while they are sent something", "Look into their logs.")

    def submit(self, function: Callable[..., R], *arguments: Any) -> Future[R]:
        """Have a function carried out by a worker.

        Raises
        ------
        NoCluster
            If the scheduler is gone.
        """
        if self._client.status == "closed":
            raise self._gone()
        return self._pool.submit(function, *map(self._there, arguments))

    def map(self, function: Callable[..., R], items: Sequence[T], *common: Any) -> Iterator[R]:
        """Carry out a function on each item, in order; closing the iterator cancels what is left."""
        futures = [self.submit(function, *common, item) for item in items]
        try:
            for future in futures:
                while not future.done():
                    self.first([future])
                yield future.result()
        finally:
            for future in futures:
                future.cancel()

    def first(self, futures: Collection[Future[R]], seconds: float | None = None) -> set[Future[R]]:
        """Wait until one is done, and give all that are.

        Raises
        ------
        NoCluster
            If the cluster is without workers for a minute.
        """
        ends = None if seconds is None else time.monotonic() + seconds
        while True:
            rest = LOOK_SECONDS if ends is None else min(LOOK_SECONDS, ends - time.monotonic())
            self._look()
            done = wait(futures, timeout=max(rest, 0.0), return_when=FIRST_COMPLETED).done
            if done or (ends is not None and time.monotonic() >= ends):
                return done

    def tell(self, function: Callable[..., object], *arguments: Any) -> None:
        """Have a function carried out in every worker process at once, whatever it is busy with; without waiting."""

        def run() -> None:
            with suppress(Exception):  # of a worker that is lost meanwhile
                self._client.run(function, *arguments, on_error="ignore")

        threading.Thread(target=run, name="tell", daemon=True).start()

    def close(self) -> None:
        """Cancel what is under way, and disconnect."""
        self._pool.shutdown(wait=False)
        self._sent.clear()
        self._client.close()

    def _look(self) -> None:
        """Count the workers, every few seconds."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        if self._client.status == "closed":
            raise self._gone()
        self.present = len(self._known()) if self._client.status == "running" else 0
        if self.present:
            self._alone_since = 0.0
        elif not self._alone_since:
            self._alone_since = now
        elif now - self._alone_since > PATIENCE:
            raise NoCluster(self.address, "has lost all its workers", "Start some, and run again.")

    def _gone(self) -> NoCluster:
        return NoCluster(self.address, "does not answer any more", "Start it, and run again.")

    def _known(self) -> dict[str, Any]:
        return dict(self._client.scheduler_info(n_workers=-1)["workers"])

    def _there(self, argument: Any) -> Any:
        """Give what stands for an argument on the workers; sent again when all that held it were lost."""
        if id(argument) not in self._sent:
            return argument
        if self._sent[id(argument)][1].status in ("lost", "cancelled"):
            self.send(argument)
        return self._sent[id(argument)][1]


@dataclass(frozen=True, slots=True)
class Task:
    """The task of a cluster that a function is called in."""

    worker: str
    threads: int
    is_wanted: Callable[[], bool]


def this_task() -> Task:
    """Find the task that is carried out by the calling thread of a worker.

    ``is_wanted`` tells whether anybody waits for its result: nobody does when the task was cancelled, its client went
    away, however that happened, or the worker itself is closing.
    """
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def is_wanted() -> bool:
        known = worker.state.tasks.get(key)
        closes = worker.status.name in ("closing", "closed", "failed")
        return known is not None and known.state in ("executing", "long-running") and not closes

    return Task(str(worker.address), int(worker.state.nthreads), is_wanted)


def _connected(address: str) -> Any:
    try:
        from distributed import Client  # an extra: most searches need no cluster
    except ImportError as error:
        raise WorkbenchError(
            "A cluster needs dask.distributed: install it with pip install 'notebook-workbench[cluster]'."
        ) from error
    try:
        return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:  # nobody there in time; no address at all
        raise NoCluster(
            address,
            f"does not answer ({error or 'no answer in time'})",
            "Give the address that `dask scheduler` prints.",
        ) from error


def _refuse_other_versions(address: str, client: Any) -> None:
    """Pickles travel between equals only: the same Python, the same workbench."""
    ours, theirs = versions(), client.run(versions, on_error="return")
    for worker, found in theirs.items():
        if found != ours:
            told = f"cannot load the workbench ({found})" if isinstance(found, BaseException) else f"has {found}"
            raise NoCluster(
                address, f"has a worker that differs: {worker} {told}, and here is {ours}", "Install the same there."
            )


def versions() -> str:
    """Say which Python, workbench and dependencies that decide results run here."""
    minor = ".".join(platform.python_version_tuple()[:2])
    return ", ".join([f"Python {minor}", *(f"{name} {_version(name)}" for name in DECIDING)])


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
