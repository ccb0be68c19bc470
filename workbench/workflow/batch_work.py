"""Who carries out the runs of a batch: the next that may begin goes to a worker, and its end to the queue."""

from __future__ import annotations

import logging
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.workflow.batch_stop import Stop
from workbench.workflow.runs import Conditions, Listener, run

if TYPE_CHECKING:
    from workbench.batches import Outcome, Plan, Planned, Queue
    from workbench.execution import Kernels
    from workbench.experiment import Store
    from workbench.records import Reference

TICK = 0.2  # seconds between two looks at what runs
log = logging.getLogger(__name__)


class Work:
    """What one worker does with one planned run; called in its thread."""

    def __init__(self, plan: Plan, store: Store, batch: Reference, threads: int, stop: Stop, kernels: Kernels) -> None:
        from workbench.batches import cores, thread_limits

        self.plan, self.store, self.stop = plan, store, stop
        self.heard: SimpleQueue[tuple[int, dict[str, Any]]] = SimpleQueue()
        self.conditions = Conditions(
            cause={"kind": "batch", "batch": str(batch)},
            parents=[str(batch)],
            environ=thread_limits(threads),
            cancelled=stop.reason,
            kernels=kernels,
            share=min(1.0, threads / cores()),
        )
        self.kernels = kernels

    def __call__(self, planned: Planned) -> Outcome:
        from workbench.batches import Outcome

        step = planned.step
        try:
            done = run(
                self.plan.templates[step.name].path,
                planned.parameters,
                name=planned.name,
                labels=planned.labels,
                timeout=step.timeout,
                memory_limit=step.memory,
                retries=step.retries,
                price=None if self.plan.spec.price is None else str(self.plan.spec.price),
                store=self.store.path,
                on_event=lambda event: self.heard.put((planned.number, event)),
                conditions=replace(self.conditions, fingerprint=planned.fingerprint),
            )
        except WorkbenchError as error:  # since the plan was made its table has changed, or the disk is full
            return Outcome(planned, "refused", reason=str(error))
        except Exception as error:  # one run must not end the night's others
            log.exception("Run %d of the batch could not be conducted.", planned.number)
            return Outcome(planned, "failed", reason=f"{type(error).__name__}: {error}")
        score = done.scores.get(done.metric or "")
        told = (done.status, done.ref, done.reason, done.metric, score, done.seconds)
        return Outcome(planned, *told, resources=done.resources, path=done.path)


def conduct(queue: Queue, plan: Plan, work: Work, workers: int, started: float, say: Listener) -> None:
    """Have the runs of a queue carried out by threads of this process, until none may begin and all have ended."""
    under_way: dict[Future[Outcome], tuple[Planned, float]] = {}
    with ThreadPoolExecutor(workers, "batch") as pool:
        while True:
            if (reason := work.stop.reason()) is not None:
                queue.close(reason)
            work.kernels.spare = min(workers, len(queue.waiting))  # the next one starts while this one works
            while len(under_way) < workers and (planned := queue.take(time.time() - started)) is not None:
                under_way[pool.submit(work, planned)] = (planned, time.monotonic())
                say({"kind": "began", "number": planned.number, "name": planned.name})
            if not under_way:
                break
            for ended in wait(under_way, TICK, FIRST_COMPLETED).done:
                _, began = under_way.pop(ended)
                queue.end(ended.result(), time.monotonic() - began)
                say(_ended(ended.result(), queue, len(plan.runs), workers))
            _pass_on(work.heard, say)


def _ended(outcome: Outcome, queue: Queue, total: int, workers: int) -> dict[str, Any]:
    told = {"counts": queue.counts(), "total": total, "left": queue.seconds_left(workers)}
    return {"kind": "ended", "run": outcome.as_document(), **told}


def _pass_on(heard: SimpleQueue[tuple[int, dict[str, Any]]], say: Listener) -> None:
    while True:
        try:
            number, event = heard.get_nowait()
        except Empty:
            return
        say({"kind": "heard", "number": number, "event": event})
