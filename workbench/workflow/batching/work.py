"""Who carries out the runs of a batch: the next that may begin goes to a carrier, and its end to the queue."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol

from workbench.errors import WorkbenchError
from workbench.workflow.batching.run import conditions_of, run_planned
from workbench.workflow.batching.stop import Stop
from workbench.workflow.runs import Conditions, Listener

if TYPE_CHECKING:
    from workbench.batches import Outcome, Plan, Planned, Queue
    from workbench.execution import Kernels
    from workbench.experiment import Store
    from workbench.records import Reference

TICK = 0.2  # seconds between two looks at what runs
Heard = SimpleQueue[tuple[int, dict[str, Any]]]
log = logging.getLogger(__name__)


class Carrier(Protocol):
    """Carries out planned runs, some at a time."""

    @property
    def places(self) -> int:
        """How many runs at a time, just now."""

    @property
    def heard(self) -> Heard:
        """What the runs under way say, each with its number."""

    @property
    def lost(self) -> str | None:
        """Why nothing can be carried out any more."""

    def expect(self, waiting: int, /) -> None:
        """Prepare for as many runs as are waiting."""

    def begin(self, planned: Planned) -> Future[Any]:
        """Have a run carried out."""

    def first(self, futures: Collection[Future[Any]]) -> Collection[Future[Any]]:
        """Give those that have ended; none after a moment."""

    def outcome(self, planned: Planned, future: Future[Any], /) -> Outcome:
        """Say what became of a run that has ended."""

    def stop(self, reason: str, /) -> None:
        """End the runs under way; asked for again and again until all have ended."""


@contextmanager
def threads(plan: Plan, store: Store, batch: Reference, size: tuple[int, int], stop: Stop) -> Iterator[Threads]:
    """Have runs carried out by threads of this process: so many at a time, so many threads for each kernel."""
    from workbench.execution import Kernels

    workers, each = size
    with Kernels() as kernels, ThreadPoolExecutor(workers, "batch") as pool:
        yield Threads(workers, pool, plan, store, conditions_of(str(batch), each, stop.reason, kernels), kernels)


class Threads:
    """Carries out runs in threads of this process, each with a kernel of its own."""

    lost = None

    def __init__(
        self,
        places: int,
        pool: ThreadPoolExecutor,
        plan: Plan,
        store: Store,
        conditions: Conditions,
        kernels: Kernels,
    ) -> None:
        self.places, self.pool, self.plan, self.store = places, pool, plan, store
        self.conditions, self.kernels = conditions, kernels
        self.heard: Heard = SimpleQueue()

    def expect(self, waiting: int) -> None:
        """Have the next kernels start while these runs go on."""
        self.kernels.spare = min(self.places, waiting)

    def begin(self, planned: Planned) -> Future[Outcome]:
        """Have a run carried out by the next thread."""
        return self.pool.submit(self._carry_out, planned)

    def first(self, futures: Collection[Future[Outcome]]) -> Collection[Future[Outcome]]:
        """Give those that have ended; none after a moment."""
        return wait(futures, TICK, FIRST_COMPLETED).done

    def outcome(self, _planned: Planned, future: Future[Outcome]) -> Outcome:
        """Say what became of a run."""
        return future.result()

    def stop(self, _reason: str) -> None:
        """Do nothing: the runs ask for themselves."""

    def _carry_out(self, planned: Planned) -> Outcome:
        from workbench.batches import Outcome, told_by

        template = self.plan.templates[planned.step.name].path
        try:
            done = run_planned(
                planned,
                template,
                self.store.path,
                self.conditions,
                price=self.plan.spec.price,
                on_event=lambda event: self.heard.put((planned.number, event)),
            )
        except WorkbenchError as error:  # since the plan was made its table has changed, or the disk is full
            return Outcome(planned, "refused", reason=str(error))
        except Exception as error:  # one run must not end the night's others
            log.exception("Run %d of the batch could not be conducted.", planned.number)
            return Outcome(planned, "failed", reason=f"{type(error).__name__}: {error}")
        return Outcome(planned, **told_by(done), path=done.path)


def conduct(queue: Queue, plan: Plan, carrier: Carrier, stop: Stop, started: float, say: Listener) -> None:
    """Have the runs of a queue carried out, until none may begin and all have ended."""
    under_way: dict[Future[Any], tuple[Planned, float]] = {}
    while True:
        if (reason := carrier.lost or stop.reason()) is not None:
            queue.close(reason)
            carrier.stop(reason)
        carrier.expect(len(queue.waiting))
        while len(under_way) < carrier.places and (planned := queue.take(time.time() - started)) is not None:
            under_way[carrier.begin(planned)] = (planned, time.monotonic())
            say({"kind": "began", "number": planned.number, "name": planned.name})
        if not under_way:
            break
        for future in carrier.first(under_way):
            planned, began = under_way.pop(future)
            outcome = carrier.outcome(planned, future)
            queue.end(outcome, time.monotonic() - began)
            say(_ended(outcome, queue, len(plan.runs), carrier.places))
        _pass_on(carrier.heard, say)


def _ended(outcome: Outcome, queue: Queue, total: int, workers: int) -> dict[str, Any]:
    told = {"counts": queue.counts(), "total": total, "left": queue.seconds_left(workers)}
    return {"kind": "ended", "run": outcome.as_document(), **told}


def _pass_on(heard: Heard, say: Listener) -> None:
    while True:
        try:
            number, event = heard.get_nowait()
        except Empty:
            return
        say({"kind": "heard", "number": number, "event": event})
