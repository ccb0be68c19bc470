"""The runs of a batch on a Dask cluster, as the driver sees it."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections import deque
from collections.abc import Collection, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from workbench.documents.leftovers import make
from workbench.errors import NoCluster, WorkbenchError
from workbench.workflow.batching.errand import Delivery, Errand, carry_out, stop_runs
from workbench.workflow.batching.secrets import veiled
from workbench.workflow.batching.share import drop, get, share_for
from workbench.workflow.batching.work import TICK, Heard

if TYPE_CHECKING:
    from workbench.batches import Outcome, Plan, Planned
    from workbench.executor import DaskCluster
    from workbench.experiment import Store
    from workbench.records import Reference

GRACE = (
    20.0  # seconds for runs that are told to end: a kernel is gone after three, then its run is kept and handed over
)
MOST_KNOWN = 64  # digests that each worker is told: of tables that runs before have brought
log = logging.getLogger(__name__)


@contextmanager
def cluster(executor: DaskCluster, plan: Plan, store: Store, batch: Reference, share: str | None) -> Iterator[Cluster]:
    """Have runs carried out by the workers of a cluster; a `share` is the URL of a folder that all of us can write to.

    Whatever was made for handing experiments over is gone afterwards.
    """
    common = None if share is None else share_for(share, str(batch))
    mark = make(store.running, ".shared")
    try:
        yield Cluster(executor, plan, store, str(batch), mark, common)
    finally:
        shutil.rmtree(mark, ignore_errors=True)
        if common is not None:
            drop(common)


@dataclass(slots=True)
class Cluster:
    """Carries out runs on the workers of a Dask cluster: one at a time on each, with all its threads.

    A worker that sees the driver's store keeps its runs there. Another one keeps them for itself, and hands each over
    as an archive, which is taken in as one from a stranger would be.
    """

    executor: DaskCluster
    plan: Plan
    store: Store
    batch: str
    mark: Path
    share: str | None
    heard: Heard = field(default_factory=SimpleQueue)
    lost: str | None = None
    told: tuple[str, float] | None = None  # why the runs are to end, and when they were told
    known: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_KNOWN))

    @property
    def places(self) -> int:
        """How many runs at a time, just now: workers come and go."""
        present = max(1, self.executor.present)
        return min(self.plan.spec.workers or present, present)

    def expect(self, _waiting: int) -> None:
        """Prepare nothing: each worker starts its kernels itself."""

    def begin(self, planned: Planned) -> Future[Any]:
        """Hand a run to a worker."""
        template = self.plan.templates[planned.step.name]
        travels = replace(planned, parameters=veiled(planned.parameters, template, os.environ))
        content = template.path.read_bytes()
        told = (self.batch, self.mark, self.share, self.plan.spec.price, tuple(self.known))
        errand = Errand(travels, template.path, content, *told)
        self.heard.put((planned.number, {"kind": "step", "name": "on the cluster"}))
        try:
            return self.executor.submit(carry_out, errand)
        except NoCluster as error:
            self.lost = str(error)
            return _cancelled()

    def first(self, futures: Collection[Future[Any]]) -> Collection[Future[Any]]:
        """Give those that have ended; none after a moment."""
        try:
            if self.lost is None and not self._is_over():
                return self.executor.first(futures, TICK)
        except NoCluster as error:
            self.lost = str(error)
        for future in futures:
            future.cancel()
        return list(futures)

    def stop(self, reason: str) -> None:
        """Tell the runs under way to end. They are still waited for, so that they are kept."""
        if self.told is None and self.lost is None:
            self.told = reason, time.monotonic()
            self.executor.tell(stop_runs, self.batch, reason)

    def outcome(self, planned: Planned, future: Future[Any]) -> Outcome:
        """Say what became of a run that has ended, and take its experiment into the store."""
        from workbench.batches import Outcome

        try:
            return self._taken_in(planned, future.result())
        except CancelledError:
            return self._given_up(planned)
        except WorkbenchError as error:
            return Outcome(planned, "failed", reason=f"What was handed over could not be kept: {error}")
        except Exception as error:  # Dask's own: all workers that had it were lost, or cannot load it
            log.info("Run %d was lost.", planned.number, exc_info=True)
            return Outcome(planned, "killed", reason=str(error).partition(". ")[0] or type(error).__name__)

    def _is_over(self) -> bool:
        return self.told is not None and time.monotonic() - self.told[1] > GRACE

    def _given_up(self, planned: Planned) -> Outcome:
        from workbench.batches import Outcome

        if self.told is not None:
            return Outcome(planned, "cancelled", reason=self.told[0])
        gone = NoCluster(self.executor.address, "does not answer any more", "Start it, and run again.")
        self.lost = self.lost or str(gone)
        return Outcome(planned, "killed", reason=self.lost)

    def _taken_in(self, planned: Planned, done: Delivery) -> Outcome:
        from workbench.batches import Outcome, told_by
        from workbench.records import Reference

        if done.archive is not None:
            self.known.extend(digest for digest in _import(done.archive, self.store) if digest not in self.known)
        path = None
        if done.ref is not None:  # not looked up: a network folder may show what others put there only after a while
            path = self.store.folder(Reference.parse(done.ref))
        return Outcome(planned, **told_by(done), path=path)


def _import(archive: bytes | str, store: Store) -> list[str]:
    """Take an experiment in, and give the digests of the tables it was given that are kept here by now."""
    from workbench.experiment import import_, objects
    from workbench.experiment.store import building

    with building(store, "arrival") as part:
        file = part / "experiment.zip"
        if isinstance(archive, bytes):
            file.write_bytes(archive)
        else:
            get(archive, file)
        manifest = import_(file, store).experiment.manifest
    return [one["digest"] for one in objects.named(manifest, objects.DATA) if objects.is_kept(store, one)]


def _cancelled() -> Future[Any]:
    future: Future[Any] = Future()
    future.cancel()
    return future
