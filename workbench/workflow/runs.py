"""One run, from a template and values to an experiment."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.documents.leftovers import remove
from workbench.errors import WorkbenchError
from workbench.pages.live import shown_live
from workbench.pages.outcome import outcome_html, outcome_text
from workbench.pages.words import spent, took
from workbench.records import Check, Score
from workbench.workflow.inputs import Inputs, bound_in, kept_in, take_in
from workbench.workflow.keep import keep
from workbench.workflow.place import Where, store_of
from workbench.workflow.request import check_tables, fingerprint, values_of

if TYPE_CHECKING:
    from workbench.documents.run_folder import RunFolder
    from workbench.execution import Kernels
    from workbench.experiment import Experiment, Store
    from workbench.template import Template

Listener = Callable[[dict[str, Any]], None]
OTHER_WORK = "The table there, or a value of the environment (WORKBENCH_PARAM_…), is not the one that was planned with."


@dataclass(frozen=True, slots=True)
class Run:
    """How one run ended, and the experiment it became; `test` holds the scores on rows that were held back."""

    ref: str
    path: Path
    status: str
    reason: str
    metric: str | None
    scores: dict[str, Score]
    checks: list[Check]
    seconds: float
    test: dict[str, Score] = field(default_factory=dict)
    resources: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        wall = self.resources.get("wall")  # until the notebook's end, as lists and the report tell it
        seconds = self.seconds if wall is None else wall
        return outcome_text(self.ref, self.status, reason=self.reason, seconds=seconds, score=self.score)

    def _repr_html_(self) -> str:
        used = [f"{name} {fact}" for name, fact in spent(self.resources).items()]
        return str(
            outcome_html(
                self.ref,
                self.status,
                reason=self.reason,
                facts=[f"took {took(self.seconds, self.resources.get('wall'))}", *used],
                scores=self.scores,
                test=self.test,
                checks=self.checks,
                report=self.path / "report.html",
            )
        )

    @property
    def score(self) -> Score | None:
        """By its metric; None when it did not come to one."""
        return self.scores.get(self.metric or "")

    def as_document(self) -> dict[str, Any]:
        """Give what ``run --json`` prints."""
        return {
            "ref": self.ref,
            "path": str(self.path),
            "report": str(self.path / "report.html"),
            "status": self.status,
            "reason": self.reason,
            "metric": self.metric,
            "scores": {name: _nameless(score) for name, score in self.scores.items()},
            "test": {name: _nameless(score) for name, score in self.test.items()},
            "checks": [asdict(check) for check in self.checks],
            "seconds": round(self.seconds, 3),
            "resources": self.resources,
        }


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a run that is one of many is told besides its request.

    `cause` and `parents` go into its manifest, `environ` to its kernel, which is taken from `kernels`; once `cancelled`
    gives a reason, it ends. It has a `share` of the machine, and of its price. A run that goes on with the work of
    others is told its `fingerprint`. One that was planned elsewhere is refused when its own is not what was `planned`.
    """

    cause: Mapping[str, Any] | None = None
    parents: Sequence[str] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    cancelled: Callable[[], str | None] | None = None
    kernels: Kernels | None = None
    fingerprint: str | None = None
    planned: str | None = None
    share: float = 1.0


@shown_live
def run(
    template: str | Path,
    parameters: Mapping[str, Any] | None = None,
    *,
    texts: Iterable[str] = (),
    file: Path | None = None,
    name: str | None = None,
    labels: Mapping[str, str] | None = None,
    timeout: str | float | None = None,
    cell_timeout: str | float | None = None,
    memory_limit: str | float | None = None,
    retries: int = 0,
    price: str | None = None,
    store: Where = None,
    started: float | None = None,
    on_event: Listener | None = None,
    conditions: Conditions | None = None,
    **more: Any,
) -> Run:
    """Run a template and keep what came of it as an experiment.

    Parameters
    ----------
    template : str or Path
        A name of the gallery, or the path of a notebook.
    parameters : mapping, optional
        Values by name; keyword arguments do the same: ``run("classification", data="a.csv", target="y")``.
    texts : iterable of str, optional
        Values as typed on a command line: ``name=value``.
    file : Path, optional
        A YAML, JSON or TOML file of values; `texts`, `parameters` and keywords win over it, and it wins over the
        environment's ``WORKBENCH_PARAM_<NAME>``.
    name : str, optional
        Name of the experiment; otherwise made of the target column's, else the data file's name.
    labels : mapping, optional
        The user's own words to find it by: ``{"farm": "17"}``.
    timeout, cell_timeout : str or float, optional
        Limits of the whole run and of each cell: ``"10m"``, or seconds.
    memory_limit : str or float, optional
        What the kernel and all its processes may hold in memory: ``"2GB"``, bytes, or ``"50%"`` of what is free. The
        templates' own parameter ``memory`` is something else: what the search plans to take.
    retries : int, optional
        How many times to begin anew when the kernel was killed from outside, did not start, or a connection failed.
    price : str, optional
        What an hour of this machine costs: ``"0.10 EUR/h"``; otherwise ``WORKBENCH_PRICE``. With a price the experiment
        says what the run cost: its wall time, from the command's start to the notebook's end.
    store : Path or str, optional
        Where experiments are kept; ``WORKBENCH_STORE``, else ``./workbench-store``.
    started : float, optional
        When the command started, in seconds since the epoch; the budget counts from there.
    on_event : callable, optional
        Called with each event of the run; without one a notebook shows how far the run is.
    conditions : Conditions, optional
        Of a run that is one of many.

    Raises
    ------
    WorkbenchError
        When the request is refused: before the first trial, and nothing is kept then.
    """
    from workbench.execution import execute, refused
    from workbench.template import find

    started = time.time() if started is None else started
    given = conditions or Conditions()
    say = on_event or (lambda _: None)
    say({"kind": "step", "name": "checking"})
    found = find(str(template))
    env = {**given.environ, **_modules_beside(found)}
    with _kernels(found, env, given) as kernels:
        values = values_of(found, {**(parameters or {}), **more}, texts=texts, file=file)
        limits, paid = _limits(timeout, cell_timeout, memory_limit, retries), _paid(price, given)
        inputs = take_in(found, values)
        name = _name(name, found, inputs.shown)
        work = _work(found, inputs, given)
        where = store_of(store).create()
        say({"kind": "step", "name": "starting"})
        kept = _kept_beside(found, inputs, where)
        folder, notebook = _prepared(found, inputs, name, where, labels, started)
        told = {"cause": given.cause, "parents": list(given.parents), "price": paid, "machine": _machine(env)}
        folder.update(**kept, **told, fingerprint=work)
        with _closing(folder, where, found):
            limits |= {"kernel_env": {**env, **inputs.environment}, "cancelled": given.cancelled}
            execute(folder, notebook, **limits, kernels=kernels, on_event=on_event)
    if (refusal := refused(folder)) is not None:
        remove(folder.path)
        raise refusal
    say({"kind": "step", "name": "report"})
    with _closing(folder, where, found, after=KeyboardInterrupt):  # the work is done: Ctrl-C must not lose it
        experiment = keep(folder, where, found.title)
    return _ended(experiment, time.time() - started)


def _limits(
    timeout: str | float | None, cell_timeout: str | float | None, memory: str | float | None, retries: int
) -> dict[str, Any]:
    """Read what a run may take, in seconds and bytes, and how often it may begin anew."""
    seconds = {"timeout": _limit(timeout, "timeout"), "cell_timeout": _limit(cell_timeout, "cell timeout")}
    return {**seconds, "memory": _memory(memory), "retries": retries}


def _work(template: Template, inputs: Inputs, given: Conditions) -> str:
    """Check the tables, and tell the work by its fingerprint; refuse another one than was planned."""
    values = inputs.values
    own = fingerprint(template, values.values, check_tables(template, values.values, inputs.taken))
    if given.planned not in (None, own) and not inputs.elsewhere:  # what is elsewhere may change at any time
        raise WorkbenchError(OTHER_WORK)
    return given.fingerprint or own


def _kept_beside(template: Template, inputs: Inputs, store: Store) -> dict[str, Any]:
    """Keep the tables, and the state of the template's repository, as they are now.

    Of a template of ours that is the repository somebody works in, as if it lay there.
    """
    from workbench.experiment import repository

    objects = kept_in(store, inputs)
    place = Path.cwd() / template.path.name if template.is_shipped else template.path
    git, changes = repository(place, store, inputs.redactor)
    return {"objects": [*objects, *changes], "git": git}


@contextmanager
def _closing(
    folder: RunFolder, store: Store, template: Template, after: type[BaseException] = BaseException
) -> Iterator[None]:
    """Close a run that is interrupted."""
    try:
        yield
    except after:
        _close(folder, store, template)
        raise


@contextmanager
def _kernels(template: Template, env: Mapping[str, str], given: Conditions) -> Iterator[Kernels]:
    """Have a kernel start while the request is checked; of one that is refused, or ends otherwise, none is left."""
    from workbench.execution import Kernels, kernel_spec, preload
    from workbench.template import load as read_notebook

    if given.kernels is not None:
        yield given.kernels
        return
    with Kernels() as kernels:
        notebook = read_notebook(template.path)
        kernels.ready(kernel_spec(notebook, template.name), preload(notebook, env), env)
        yield kernels


def _limit(text: str | float | None, name: str) -> float | None:
    from workbench.template import seconds

    return None if text is None else seconds(text, name)


def _machine(env: Mapping[str, str]) -> dict[str, int | None]:
    """Note what a run may use of the machine: the cores that it or its kernel's environment is given, and memory."""
    from workbench.batches.cores import ASKED, cores
    from workbench.documents.machine import free

    try:
        usable = min(cores(), int(env.get(ASKED, cores())))
    except ValueError:  # no number stands there: that is for a search to say
        usable = None
    return {"cores": usable, "free_memory": int(free())}


def _memory(text: str | float | None) -> int | None:
    if text is None:
        return None
    from workbench.documents.machine import free
    from workbench.template import memory_bytes

    return memory_bytes(text, of=free())


def _paid(price: str | None, given: Conditions) -> dict[str, Any] | None:
    from workbench.experiment import price_of

    found = price_of(price, environ=os.environ)
    return None if found is None else {"price": str(found), "share": given.share}


def _name(name: str | None, template: Template, values: Mapping[str, Any]) -> str:
    from workbench.experiment import checked_name, slug

    if name is not None:
        return checked_name(name)
    data = values.get("data")
    return slug(str(values.get("target") or (Path(str(data)).stem if data else template.name)))


def _prepared(
    template: Template, inputs: Inputs, name: str, store: Store, labels: Mapping[str, str] | None, started: float
) -> tuple[RunFolder, Any]:
    """Make the run folder, and the notebook with its values."""
    from workbench.execution import prepare
    from workbench.template import bind, json_schema, seconds
    from workbench.template import load as read_notebook

    values, redactor = inputs.values, inputs.redactor
    budget = values.values.get("budget") if values.values.get("trials") is None else None
    folder = prepare(
        store.running,
        name=name,
        template=template.path,
        template_name=template.name,
        values=inputs.shown,
        sources=values.sources,
        schema=json_schema(template.parameters),
        budget=None if budget is None else seconds(budget),
        now=datetime.fromtimestamp(started, UTC),
        labels=redactor.document(dict(labels or {})),
    )
    folder = replace(folder, redactor=redactor)
    return folder, bind(read_notebook(template.path), bound_in(inputs, folder, store))


def _close(folder: RunFolder, store: Store, template: Template) -> None:
    """Keep a run that had ended before it was interrupted; leave nothing of one that had not begun or was refused."""
    from workbench.documents.run_folder import refused

    if not folder.record_file.exists():
        return  # kept already
    if folder.read().status == "running" or refused(folder) is not None:
        remove(folder.path)
    else:
        keep(folder, store, template.title)


def _modules_beside(template: Template) -> dict[str, str]:
    """Let a notebook import what lies beside its template, as it could in Jupyter."""
    beside = [str(template.path.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(beside)}


def _ended(experiment: Experiment, seconds: float) -> Run:
    from workbench.documents.outbox import read_scores

    return Run(
        ref=str(experiment.reference),
        path=experiment.path,
        status=experiment.status,
        reason=experiment.reason,
        metric=experiment.metric,
        scores=experiment.scores(),
        checks=experiment.checks(),
        seconds=seconds,
        test=read_scores(experiment.path, test=True),
        resources=experiment.manifest["resources"],
    )


def _nameless(score: Score) -> dict[str, Any]:
    return {name: value for name, value in asdict(score).items() if name != "metric"}
