"""The verb: find what a run was given, build what it ran in, run it again, and say what is equal."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadReference
from workbench.pages.live import shown_live
from workbench.pages.words import listing
from workbench.workflow.place import Where, experiment_of, insist_on_data, store_of
from workbench.workflow.reproducing.environment import environment_for
from workbench.workflow.reproducing.given import Given, given_again
from workbench.workflow.reproducing.keep import keep
from workbench.workflow.reproducing.rerun import command_for, rerun

if TYPE_CHECKING:
    from workbench.comparison import Reproduction
    from workbench.experiment import Experiment, Store

Listener = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Reproduced:
    """A run that was made again: the experiment it became, and how that compares with the one it was made of.

    `environment` says where it ran: ``kind`` (here, same, built) and ``note``.
    """

    ref: str
    of: str
    path: Path
    status: str
    reason: str
    seconds: float
    environment: Mapping[str, Any]
    found: Reproduction

    @property
    def equal(self) -> bool:
        """Whether every score and prediction is equal to the last bit."""
        return self.found.equal

    def __repr__(self) -> str:
        note = f"{self.environment['note']}\n" if self.environment["note"] else ""
        return f"{self.ref}\n{note}{self.found!r}"

    def _repr_html_(self) -> str:
        return self.found._repr_html_()

    def as_document(self) -> dict[str, Any]:
        """Give what ``reproduce --json`` prints."""
        plain = {name: getattr(self, name) for name in ("ref", "of", "reason")}
        told = {"path": str(self.path), "report": str(self.path / "report.html"), "seconds": round(self.seconds, 3)}
        return {**plain, **told, "environment": dict(self.environment), **self.found.as_document()}


@shown_live
def reproduce(
    ref: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    here: bool = False,
    texts: Iterable[str] = (),
    store: Where = None,
    on_event: Listener | None = None,
    **more: Any,
) -> Reproduced:
    """Run a kept run again as it was, and say what is equal to the last bit, what differs, and what may be why.

    It runs with the packages of its lock, which are installed into an environment of their own where those here are
    others; on the tables the store has kept. What comes of it is kept as an experiment of kind ``reproduction``.

    Parameters
    ----------
    ref : str
        An experiment: a reference, the folder of one, or a zip. Its notebook is run.
    parameters : mapping, optional
        Values to give anew, also as keywords: its secrets, a table that is kept nowhere, or what is to be tried
        otherwise.
    here : bool, optional
        With what is installed here: would an upgrade change it?
    texts : iterable of str, optional
        Values as typed on a command line: ``name=value``.
    store : Path or str, optional
        Where it is found and kept; ``WORKBENCH_STORE``, else ``./workbench-store``.
    on_event : callable, optional
        Called with each event of the run.

    Raises
    ------
    WorkbenchError
        If what it was given or ran with is not to be had. Nothing is kept then.
    """
    from workbench.experiment import reading
    from workbench.experiment.store import translated

    started, where = time.monotonic(), store_of(store)
    say = on_event or (lambda _: None)
    then = _one_run(ref, experiment_of(ref, store))
    with _scratch(where) as folder:
        with reading(then), translated(where):  # a disk that fills while this is laid out
            values = {**(parameters or {}), **more}
            given = given_again(then, _stores(then, where), folder, texts=texts, parameters=values)
            environment = environment_for(
                then, here=here, folder=folder, say=lambda text: say({"kind": "step", "name": text, "long": True})
            )
            command = command_for(then, given, environment, folder)
            replay = is_to_replay(then, given)
        say({"kind": "step", "name": "starting"})
        made, scratch = rerun(then, command, environment, folder, replay=replay, on_event=on_event)
        say({"kind": "step", "name": "comparing it with the run as it was"})
        with reading(then):
            kept, found = keep(then, made, given, environment, where, scratch)
    return Reproduced(
        ref=str(kept.reference),
        of=str(then.reference),
        path=kept.path,
        status=kept.status,
        reason=kept.reason,
        seconds=time.monotonic() - started,
        environment=environment.as_document(),
        found=found,
    )


def is_to_replay(then: Experiment, given: Given) -> bool:
    """Whether the trials on record are to be fitted again: a search that a clock ended comes to others every time.

    A search for a number of trials is made again, which proves more; so is one that is given other values.
    """
    from workbench.comparison.causes import time_limit
    from workbench.template.named import SecretType, TableType

    free = set(given.template.named(SecretType, TableType))
    on_record = bool(then.task().get("plan")) and bool(then.trials())
    return on_record and time_limit(then) is not None and given.anew <= free


def _one_run(ref: str, experiment: Experiment) -> Experiment:
    if experiment.manifest["kind"] != "batch":
        return insist_on_data(experiment, "its table")
    from workbench.experiment import children

    runs = listing(list(map(str, children(experiment))))
    raise BadReference(ref, "is a batch", f"Reproduce its runs one by one: {runs}.")


def _stores(experiment: Experiment, store: Store) -> list[Store]:
    from workbench.experiment import objects

    return [store, objects.home(experiment.path)]


@contextmanager
def _scratch(store: Store) -> Iterator[Path]:
    """Give a hidden folder of the store; another command removes it should this process be killed."""
    from workbench.documents.leftovers import make
    from workbench.experiment.store import translated

    with translated(store):
        folder = make(store.create().running, ".reproduce", 0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
