"""Many runs, from a spec to one experiment that holds them together."""

from __future__ import annotations

import json
import logging
import secrets
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import BadBatch, WorkbenchError
from workbench.workflow.inputs import take_in
from workbench.workflow.place import Where, store_of
from workbench.workflow.runs import ROLES, Conditions, Listener, _check, _parameters, fingerprint, run

if TYPE_CHECKING:
    from workbench.batches import Known, Outcome, Plan, Planned, Queue, Spec
    from workbench.execution import Kernels
    from workbench.experiment import Experiment, Store
    from workbench.records import Reference
    from workbench.template import Template, Values

TICK = 0.2  # seconds between two looks at what runs
Rerun = Literal["failed"] | None
log = logging.getLogger(__name__)


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

    @property
    def counts(self) -> dict[str, int]:
        """How many runs ended in which way."""
        return dict(Counter(outcome.status for outcome in self.outcomes))

    def as_document(self) -> dict[str, Any]:
        """Give what ``batch --json`` prints."""
        return {
            "ref": self.ref,
            "path": str(self.path),
            "report": str(self.path / "report.html"),
            "name": self.name,
            "status": self.status,
            "reason": self.reason,
            "counts": self.counts,
            "runs": [outcome.as_document() for outcome in self.outcomes],
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a batch would do: its plan, what is done already, and how long the rest may take."""

    plan: Plan
    outcomes: tuple[Outcome, ...]
    workers: int
    threads: int
    seconds: float | None

    def as_document(self) -> dict[str, Any]:
        """Give what ``batch --dry-run --json`` prints."""
        lines = [outcome.as_document() for outcome in self.outcomes]
        told = ("number", "name", "labels", "parameters", "fingerprint", "ref")
        runs = [{name: line[name] for name in told} | {"state": _state(line["status"])} for line in lines]
        return {
            "name": self.plan.spec.name,
            "template": self.plan.template.name,
            "runs": runs,
            "counts": dict(Counter(run["state"] for run in runs)),
            "workers": self.workers,
            "threads": self.threads,
            "seconds": self.seconds,
        }


def _state(status: str) -> str:
    return {"left": "to run", "completed": "done already"}.get(status, f"{status} before")


def batch(
    spec: str | Path | Mapping[str, Any],
    *,
    workers: int | None = None,
    rerun: Rerun = None,
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
        Runs at a time; wins over the spec's. Never more than there are cores, which the runs share.
    rerun : str, optional
        ``"failed"``: runs that failed before are run again.
    store : Path or str, optional
        Where experiments are kept; ``WORKBENCH_STORE``, else ``./workbench-store``.
    started : float, optional
        When the command started, in seconds since the epoch; the spec's budget counts from there.
    on_event : callable, optional
        Called with what happens, in this thread: ``checking``, ``planned``, ``began``, ``heard``, ``ended``.

    Raises
    ------
    WorkbenchError
        When the request is refused: nothing was started then.
    """
    from workbench.batches import Limits, Queue, batch_of, cores, shared_out, under_way_elsewhere
    from workbench.execution import Kernels

    started = time.time() if started is None else started
    say = on_event or (lambda _: None)
    plan = _plan(_spec(spec, workers), say)
    where = store_of(store).create()
    fingerprints = {one.fingerprint for one in plan.runs}
    if (process := under_way_elsewhere(where, fingerprints)) is not None:
        told = f"the process {process} runs some of it right now; wait for it, or stop it"
        raise BadBatch(plan.spec.which, [told])
    limits = Limits(plan.spec.on_failure, plan.spec.budget)
    queue = Queue(plan.runs, _known(plan, where), limits, rerun_failed=rerun == "failed")
    size = shared_out(cores(), max(1, len(queue.waiting)), plan.spec.workers)
    say(_planned(plan, queue, *size))
    same = batch_of(where, plan.spec.name, plan.fingerprint, [one.ref for one in queue.outcomes()])
    if same is not None and not queue.waiting:
        return _batch(same, plan, queue, time.time() - started)
    reference = _reference(plan.spec.name, started)
    with _stops(plan.spec.budget, started) as stop:
        with Kernels() as kernels:
            _conduct(queue, plan, _Work(plan, where, reference, size[1], stop, kernels), size[0], started, say)
        experiment = _kept(where, reference, plan, queue, stop, size, started)
    return _batch(experiment, plan, queue, time.time() - started)


def foresee(
    spec: str | Path | Mapping[str, Any],
    *,
    workers: int | None = None,
    rerun: Rerun = None,
    store: Where = None,
    on_event: Listener | None = None,
) -> Foreseen:
    """Plan a batch as `batch` would, check it whole, and start nothing.

    Raises
    ------
    WorkbenchError
        If `batch` would refuse it.
    """
    from workbench.batches import Queue, cores, shared_out

    plan = _plan(_spec(spec, workers), on_event or (lambda _: None))
    queue = Queue(plan.runs, _known(plan, store_of(store)), rerun_failed=rerun == "failed")
    size = shared_out(cores(), max(1, len(queue.waiting)), plan.spec.workers)
    return Foreseen(plan, tuple(queue.outcomes()), *size, queue.seconds_left(size[0]))


def _spec(spec: str | Path | Mapping[str, Any], workers: int | None) -> Spec:
    from workbench.batches import read_spec, spec_of

    found = spec_of(spec, folder=Path.cwd()) if isinstance(spec, Mapping) else read_spec(Path(spec))
    return found if workers is None else replace(found, workers=workers)


def _plan(spec: Spec, say: Listener) -> Plan:
    from workbench.batches import plan
    from workbench.template import find

    try:
        template = find(spec.template)
    except WorkbenchError as error:
        raise BadBatch(spec.which, [f"template: {str(error).rstrip('.')}"]) from error
    return plan(spec, template, _Checker(template, say))


class _Checker:
    """Checks values as a run would; what many runs have in common is looked at once."""

    def __init__(self, template: Template, say: Listener) -> None:
        self.template, self.say = template, say
        self.seen: dict[str, dict[str, str] | WorkbenchError] = {}
        self.done = 0

    def __call__(self, values: Values) -> str:
        self.done += 1
        self.say({"kind": "checking", "done": self.done})
        key = self._key(values.values)
        if key not in self.seen:
            self.seen[key] = self._look(values)
        found = self.seen[key]
        if isinstance(found, WorkbenchError):
            raise found
        return fingerprint(self.template, values.values, found)

    def _key(self, values: Mapping[str, Any]) -> str:
        """Take of the values what a check asks about: tables, columns and their roles."""
        from workbench.template import as_json
        from workbench.template.named import ColumnsType, ColumnType, TableType

        names = {*_parameters(self.template, TableType, ColumnType, ColumnsType), *ROLES, "target", "missing"}
        return json.dumps(as_json({name: values.get(name) for name in sorted(names)}))

    def _look(self, values: Values) -> dict[str, str] | WorkbenchError:
        try:
            return _check(self.template, values.values, take_in(self.template, values).fetched)
        except WorkbenchError as error:
            return error.with_traceback(None)  # frames would hold on to the table


def _known(plan: Plan, store: Store) -> Known:
    from workbench.batches import known

    return known(store, {one.fingerprint for one in plan.runs}, plan.template.name)


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
    from workbench.records import Reference

    return Reference(name, f"{datetime.fromtimestamp(started, UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}")


class _Stop:
    """Whether the batch is to end before its work is done, and why."""

    def __init__(self, budget: float | None, started: float) -> None:
        self.ends = None if budget is None else started + budget
        self.asked: str | None = None

    def reason(self) -> str | None:
        """Say why; None as long as it is to go on."""
        if self.asked is None and self.ends is not None and time.time() > self.ends:
            return "The batch's budget is used up"
        return self.asked


@contextmanager
def _stops(budget: float | None, started: float) -> Iterator[_Stop]:
    """Turn Ctrl-C, SIGTERM and SIGHUP into a wish, so that every run under way is ended and kept.

    The second Ctrl-C is as it always was. A program that has handlers of its own keeps them.
    """
    stop = _Stop(budget, started)
    before: dict[int, Any] = {}

    def ask(number: int, _frame: object) -> None:
        name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        if number == signal.SIGINT and stop.asked is not None:
            raise KeyboardInterrupt
        stop.asked = f"Cancelled by {name}"

    if threading.current_thread() is threading.main_thread():
        for caught in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(caught) in (signal.SIG_DFL, signal.default_int_handler):
                before[caught] = signal.signal(caught, ask)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Work:
    """What one worker does with one planned run; called in its thread."""

    def __init__(self, plan: Plan, store: Store, batch: Reference, threads: int, stop: _Stop, kernels: Kernels) -> None:
        from workbench.batches import thread_limits

        self.plan, self.store, self.stop = plan, store, stop
        self.heard: SimpleQueue[tuple[int, dict[str, Any]]] = SimpleQueue()
        self.conditions = Conditions(
            cause={"kind": "batch", "batch": str(batch)},
            parents=[str(batch)],
            environ=thread_limits(threads),
            cancelled=stop.reason,
            kernels=kernels,
        )
        self.kernels = kernels

    def __call__(self, planned: Planned) -> Outcome:
        from workbench.batches import Outcome

        spec = self.plan.spec
        try:
            done = run(
                self.plan.template.path,
                planned.parameters,
                name=planned.name,
                labels=planned.labels,
                timeout=spec.timeout,
                memory_limit=spec.memory,
                retries=spec.retries,
                store=self.store.path,
                on_event=lambda event: self.heard.put((planned.number, event)),
                conditions=self.conditions,
            )
        except WorkbenchError as error:  # since the plan was made its table has changed, or the disk is full
            return Outcome(planned, "refused", reason=str(error))
        except Exception as error:  # one run must not end the night's others
            log.exception("Run %d of the batch could not be conducted.", planned.number)
            return Outcome(planned, "failed", reason=f"{type(error).__name__}: {error}")
        score = done.scores.get(done.metric or "")
        return Outcome(planned, done.status, done.ref, done.reason, done.metric, score, done.seconds)


def _conduct(queue: Queue, plan: Plan, work: _Work, workers: int, started: float, say: Listener) -> None:
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


def _kept(
    store: Store, reference: Reference, plan: Plan, queue: Queue, stop: _Stop, size: tuple[int, int], started: float
) -> Experiment:
    from workbench.batches import keep
    from workbench.execution import login
    from workbench.pages.batch import batch_page

    outcomes, now = queue.outcomes(), time.time()
    status, reason = _verdict(outcomes, stop.reason())
    facts = {
        "status": status,
        "reason": reason,
        "started": datetime.fromtimestamp(started, UTC).isoformat(),
        "ended": datetime.fromtimestamp(now, UTC).isoformat(),
        "author": login(),
        "seconds": round(now - started, 3),
        "workers": size[0],
        "threads": size[1],
    }
    return keep(store, reference, plan, outcomes, facts=facts, page=batch_page)


def _verdict(outcomes: list[Outcome], stopped: str | None) -> tuple[str, str]:
    """Say how a batch ended, and why in one line."""
    told = Counter(outcome.status for outcome in outcomes)
    left = told["left"] + told["cancelled"]
    if stopped is not None and left:
        status = "cancelled" if stopped.startswith("Cancelled") else "timed_out"
        return (
            status,
            f"{stopped}, with {left:,} of {len(outcomes):,} runs not done: the same command goes on with them",
        )
    wrong = len(outcomes) - told["completed"] - told["left"]
    if wrong:
        more = f", and {told['left']:,} were not begun" if told["left"] else ""
        return "failed", f"{wrong:,} of {len(outcomes):,} runs did not complete{more}"
    if told["left"]:
        why = next(outcome.reason for outcome in outcomes if outcome.status == "left")
        return "timed_out", f"{told['left']:,} of {len(outcomes):,} runs were left out. {why}"
    return "completed", ""


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
