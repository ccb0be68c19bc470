"""Many runs, from a spec to one experiment that holds them together."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import BadBatch
from workbench.pages.blocks import join
from workbench.pages.live import shown_live
from workbench.pages.outcome import Line, lines_html, lines_text, outcome_html, outcome_text
from workbench.pages.words import count, duration
from workbench.workflow.batching.kept import kept
from workbench.workflow.batching.plan import done_already, plan_of, spec_with
from workbench.workflow.batching.stop import Stop, stops
from workbench.workflow.batching.work import Carrier, conduct, threads
from workbench.workflow.place import Where, store_of
from workbench.workflow.runs import Listener

if TYPE_CHECKING:
    from workbench.batches import Outcome, Plan, Queue
    from workbench.executor import DaskCluster
    from workbench.experiment import Experiment, Store
    from workbench.records import Reference

NOTHING = "nothing ran"
Rerun = Literal["failed"] | None


@dataclass(frozen=True, slots=True)
class Batch:
    """How a batch ended, what became of each run, and the experiment it became."""

    ref: str
    path: Path
    name: str
    status: str
    reason: str
    outcomes: tuple[Outcome, ...]
    seconds: float

    def __repr__(self) -> str:
        return "\n".join([self._about(), lines_text([_line(one) for one in self._troubled()], "")]).rstrip()

    def _repr_html_(self) -> str:
        runs = [_line(one) for one in sorted(self.outcomes, key=lambda one: one.status == "completed")]
        return str(
            join(
                [
                    outcome_html(
                        self.ref,
                        self.status,
                        reason=self.reason,
                        facts=[f"took {duration(self.seconds)}" if self.ran else NOTHING, *_counted(self.counts)],
                        report=self.path / "report.html",
                    ),
                    lines_html(runs, "It has no runs.", "run"),
                ]
            )
        )

    def _about(self) -> str:
        told = outcome_text(self.ref, self.status, seconds=self.seconds if self.ran else None, reason=self.reason)
        facts = [*([] if self.ran else [NOTHING]), *_counted(self.counts)]
        return f"{told} ({', '.join(facts)})"

    def _troubled(self) -> list[Outcome]:
        return [one for one in self.outcomes if one.status != "completed"]

    @property
    def counts(self) -> dict[str, int]:
        """How many runs ended in which way."""
        return dict(Counter(outcome.status for outcome in self.outcomes))

    @property
    def ran(self) -> int:
        """How many runs were carried out, rather than found done."""
        return sum(outcome.ran for outcome in self.outcomes)

    def as_document(self) -> dict[str, Any]:
        """Give what ``batch --json`` prints."""
        from workbench.batches import remaining, totals

        return {
            "ref": self.ref,
            "path": str(self.path),
            "report": str(self.path / "report.html"),
            "name": self.name,
            "status": self.status,
            "reason": self.reason,
            "counts": self.counts,
            "ran": self.ran,
            "remaining": remaining(self.outcomes),
            "runs": [outcome.as_document() for outcome in self.outcomes],
            "seconds": round(self.seconds, 3),
            "resources": totals(self.outcomes, round(self.seconds, 3)),
        }


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a batch would do: its plan, what is done already, and how long the rest may take."""

    plan: Plan
    outcomes: tuple[Outcome, ...]
    workers: int
    threads: int
    seconds: float | None
    waiting: frozenset[int]

    def as_document(self) -> dict[str, Any]:
        """Give what ``batch --dry-run --json`` prints."""
        runs = [self._line(outcome) for outcome in self.outcomes]
        return {
            "name": self.plan.spec.name,
            "template": self.plan.template,
            "runs": runs,
            "counts": dict(Counter(run["state"] for run in runs)),
            "workers": self.workers,
            "threads": self.threads,
            "seconds": self.seconds,
        }

    def _state(self, outcome: Outcome) -> str:
        if outcome.run.number in self.waiting:
            return "to run after a failure" if outcome.run.step.when == "failed" else "to run"
        others = {"completed": "done already", "skipped": "not needed", "left": "not to be begun"}
        return others.get(outcome.status, f"{outcome.status} before")

    def _line(self, outcome: Outcome) -> dict[str, Any]:
        line = outcome.as_document()
        told = ("number", "name", "labels", "parameters", "fingerprint", "ref")
        after = [self.plan.runs[number - 1].name for number in outcome.run.needs.values()]
        return {name: line[name] for name in told} | {"after": after, "state": self._state(outcome)}


@shown_live
def batch(
    spec: str | Path | Mapping[str, Any],
    *,
    workers: int | None = None,
    rerun: Rerun = None,
    cluster: str | None = None,
    share: str | None = None,
    price: str | None = None,
    store: Where = None,
    started: float | None = None,
    on_event: Listener | None = None,
) -> Batch:
    """Run a template many times, some runs at a time, and keep all of it as one experiment of kind ``batch``.

    Work that is kept already is not done again: the same template, parameters and data, under whatever name. So the
    same call again finishes what an interrupted one left.

    Parameters
    ----------
    spec : str, Path or mapping
        The file of a spec (YAML, JSON, TOML), or what it would hold; relative paths then start from here.
    workers : int, optional
        Runs at a time; wins over the spec's. Never more than there are cores, which the runs share; on a cluster never
        more than it has workers.
    rerun : str, optional
        ``"failed"``: runs that failed before are run again.
    cluster : str, optional
        Address of a Dask scheduler, ``tcp://host:8786``: its workers carry out the runs, one at a time each.
    share : str, optional
        URL of a folder that this process and the workers can write to, ``s3://bucket/folder``: for the experiments of
        workers that do not see the store. Without one they travel through the cluster.
    price : str, optional
        What an hour of the machine costs: ``"0.10 EUR/h"``; wins over the spec's. Each run has a share of it.
    store : Path or str, optional
        Where experiments are kept; ``WORKBENCH_STORE``, else ``./workbench-store``.
    started : float, optional
        When the command started, in seconds since the epoch; the spec's budget counts from there.
    on_event : callable, optional
        Called with what happens, in this thread: ``checking``, ``planned``, ``began``, ``heard``, ``ended``; without
        one a notebook shows how far the batch is.

    Raises
    ------
    WorkbenchError
        When the request is refused: nothing was started then.
    """
    from workbench.batches import Limits, Queue, batch_of

    started = time.time() if started is None else started
    say = on_event or (lambda _: None)
    plan = plan_of(spec_with(spec, workers, price), say)
    if share and not cluster:
        raise BadBatch(plan.spec.which, ["share: is for the workers of a cluster; name its address as well"])
    where = store_of(store).create()
    with _alone(plan, where), _workers(cluster) as executor:
        limits = Limits(plan.spec.on_failure, plan.spec.budget)
        queue = Queue(plan.runs, done_already(plan, where), limits, rerun_failed=rerun == "failed")
        size = _size(executor, len(queue.waiting), plan.spec.workers)
        say({**_planned(plan, queue, *size), "cluster": executor is not None})
        same = batch_of(where, plan.spec.name, plan.fingerprint, [one.ref for one in queue.outcomes() if one.ref])
        if same is not None and not queue.waiting:
            return _batch(same, plan, queue, time.time() - started)
        reference = _reference(plan.spec.name, started)
        with stops(plan.spec.budget, started) as stop:
            with _carrier(executor, share, plan, where, reference, size, stop) as carrier:
                conduct(queue, plan, carrier, stop, started, say)
            experiment = kept(where, reference, plan, queue, stop, size, started)
    return _batch(experiment, plan, queue, time.time() - started)


def foresee(
    spec: str | Path | Mapping[str, Any],
    *,
    workers: int | None = None,
    rerun: Rerun = None,
    cluster: str | None = None,
    price: str | None = None,
    store: Where = None,
    on_event: Listener | None = None,
) -> Foreseen:
    """Plan a batch as `batch` would, check it whole, and start nothing.

    Raises
    ------
    WorkbenchError
        If `batch` would refuse it.
    """
    from workbench.batches import Queue

    plan = plan_of(spec_with(spec, workers, price), on_event or (lambda _: None))
    queue = Queue(plan.runs, done_already(plan, store_of(store)), rerun_failed=rerun == "failed")
    with _workers(cluster) as executor:
        size = _size(executor, len(queue.waiting), plan.spec.workers)
    waiting = frozenset(queue.waiting)
    return Foreseen(plan, tuple(queue.outcomes()), *size, queue.seconds_left(size[0]), waiting)


def _counted(counts: Mapping[str, int]) -> list[str]:
    return [f"{count(number, 'run')} {status.replace('_', ' ')}" for status, number in counts.items()]


def _line(outcome: Outcome) -> Line:
    name = outcome.ref or outcome.run.name
    report = None if outcome.path is None else outcome.path / "report.html"
    return Line(name, outcome.status, outcome.reason, outcome.score, labels=outcome.run.labels, report=report)


def _workers(cluster: str | None) -> AbstractContextManager[DaskCluster | None]:
    """Connect to the workers of a cluster; without one the work is done here."""
    if not cluster:
        return nullcontext()
    from workbench.executor import DaskCluster

    return closing(DaskCluster(cluster))


def _size(executor: DaskCluster | None, runs: int, asked: int | None) -> tuple[int, int]:
    """Say how many runs at a time, and how many threads for each."""
    from workbench.batches import cores, shared_out

    if executor is None:
        return shared_out(cores(), max(1, runs), asked)
    return max(1, min(asked or executor.workers, executor.workers, runs)), executor.threads


def _carrier(
    executor: DaskCluster | None,
    share: str | None,
    plan: Plan,
    store: Store,
    batch: Reference,
    size: tuple[int, int],
    stop: Stop,
) -> AbstractContextManager[Carrier]:
    if executor is None:
        return threads(plan, store, batch, size, stop)
    from workbench.workflow.batching.cluster import cluster

    return cluster(executor, plan, store, batch, share)


@contextmanager
def _alone(plan: Plan, store: Store) -> Iterator[None]:
    """Do the works of a plan as nobody else does at the time, or refuse."""
    from workbench.batches import claimed, under_way_elsewhere

    fingerprints = {one.fingerprint for one in plan.runs}
    with claimed(store, fingerprints) as process:
        process = process or under_way_elsewhere(store, fingerprints)
        if process is not None:
            told = f"the process {process} runs some of it right now; wait for it, or stop it"
            raise BadBatch(plan.spec.which, [told])
        yield


def _planned(plan: Plan, queue: Queue, workers: int, threads: int) -> dict[str, Any]:
    return {
        "kind": "planned",
        "name": plan.spec.name,
        "total": len(plan.runs),
        "workers": workers,
        "asked": plan.spec.workers,
        "threads": threads,
        "counts": queue.counts(),
        "left": queue.seconds_left(workers),
    }


def _reference(name: str, started: float) -> Reference:
    from workbench.documents.experiment import new_version
    from workbench.records import Reference

    return Reference(name, new_version(datetime.fromtimestamp(started, UTC)))


def _batch(experiment: Experiment, plan: Plan, queue: Queue, seconds: float) -> Batch:
    return Batch(
        ref=str(experiment.reference),
        path=experiment.path,
        name=plan.spec.name,
        status=experiment.status,
        reason=experiment.reason,
        outcomes=tuple(queue.outcomes()),
        seconds=seconds,
    )
