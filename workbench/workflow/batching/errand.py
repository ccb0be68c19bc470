"""One run of a batch on a worker of a cluster: carried out there, and kept where the driver finds it."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.documents.leftovers import make
from workbench.errors import BadTable, StoreError, WorkbenchError
from workbench.executor import Task, this_task
from workbench.records import Score
from workbench.workflow.batching.run import conditions_of, run_planned
from workbench.workflow.batching.secrets import unveiled
from workbench.workflow.batching.share import put
from workbench.workflow.batching.turns import Turns
from workbench.workflow.place import store_of
from workbench.workflow.runs import Conditions

if TYPE_CHECKING:
    from workbench.batches import Planned
    from workbench.experiment import Price, Store

log = logging.getLogger(__name__)
_turns = Turns()  # a worker has one run at a time, which has all its threads
_stopped: dict[str, str] = {}  # why the runs of a batch are to end, by its reference


@dataclass(frozen=True, slots=True, repr=False)
class Errand:
    """One planned run, and all that its worker has to know.

    Dask writes the arguments of tasks to its logs, and there are secrets among the parameters: this shows none.

    Attributes
    ----------
    planned : Planned
    template : Path
        Where the driver has it.
    content : bytes
        What is in it.
    batch : str
        Reference of the batch.
    mark : Path
        A folder that the driver has made in its store: who can write into it has that store before him.
    share : str or None
        URL of a folder where experiments are handed over.
    price : Price or None
        What an hour of the worker's machine costs.
    known : tuple of str
        Digests of tables that the driver's store holds: they need not travel again.
    """

    planned: Planned
    template: Path
    content: bytes
    batch: str
    mark: Path
    share: str | None = None
    price: Price | None = None
    known: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<run {self.planned.number} of {self.batch}>"

    @property
    def store(self) -> Path:
        """Where the driver has its store."""
        return self.mark.parents[1]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of an errand; `archive` is the experiment as a zip, or its URL, unless it is in the store already."""

    status: str
    ref: str | None = None
    reason: str = ""
    metric: str | None = None
    score: Score | None = None
    seconds: float | None = None
    resources: dict[str, Any] = field(default_factory=dict)
    archive: bytes | str | None = field(default=None, repr=False)


def stop_runs(batch: str, reason: str) -> None:
    """Have the runs of a batch end that are under way in this process."""
    _stopped[batch] = reason


def carry_out(errand: Errand) -> Delivery:
    """Carry out one run of a batch; the task of a cluster. Whatever happens is told, nothing is raised."""
    task = this_task()

    def stopped() -> str | None:
        return _stopped.get(errand.batch) or (None if task.is_wanted() else "Cancelled: nobody waits for it any more")

    try:
        with _turns.next(stopped) as kernels, _folder() as folder:
            if kernels is None:
                return Delivery("cancelled", reason=stopped() or "")
            return _carried_out(errand, folder, conditions_of(errand.batch, _threads(task), stopped, kernels))
    except WorkbenchError as error:
        return Delivery("refused", reason=_told(error, task))
    except Exception as error:  # one run must not end the night's others
        log.exception("Run %d of %s could not be carried out.", errand.planned.number, errand.batch)
        return Delivery("failed", reason=f"On the worker {task.worker}: {type(error).__name__}: {error}")


def _threads(task: Task) -> int:
    from workbench.batches import cores

    return max(1, min(task.threads, cores()))


@contextmanager
def _folder() -> Iterator[Path]:
    """Give a folder of this run's own; should the process be killed, the next command on this machine removes it."""
    folder = make(Path(tempfile.gettempdir()), ".errand", 0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _told(error: WorkbenchError, task: Task) -> str:
    hint = " Tables have to lie where every worker finds them under the same path, or at a URL."
    return f"On the worker {task.worker}: {error}{hint if isinstance(error, BadTable) else ''}"


def _carried_out(errand: Errand, folder: Path, conditions: Conditions) -> Delivery:
    from workbench.batches import told_by

    begun = _begun_before(errand)
    if begun is None:
        _refuse_what_needs_the_store(errand)
    store = store_of(folder / "store" if begun is None else errand.store)
    if begun and (kept := _kept_before(errand, store)) is not None:
        return kept
    template = _template(errand, folder)
    planned = replace(errand.planned, parameters=unveiled(errand.planned.parameters))
    insisting = replace(conditions, planned=_work_of(planned))
    done = run_planned(planned, template, store.path, insisting, price=errand.price)
    archive = _packed(errand, done.path, folder) if begun is None else None
    return Delivery(**told_by(done), archive=archive)


def _refuse_what_needs_the_store(errand: Errand) -> None:
    from workbench.batches.steps import PATHS, references

    step = errand.planned.step
    if any(what in PATHS for _, what in references(step.parameters)):
        problem = f"is not seen here, and the step {step.name!r} reads what earlier steps left in it"
        remedy = "A pipeline on a cluster needs a store that every worker sees under the same path: --store DIR."
        raise StoreError(str(errand.store), problem, remedy)


def _work_of(planned: Planned) -> str | None:
    """Tell what this worker's own look at template, values and data must come to; None when that is not known."""
    return None if planned.needs else planned.fingerprint


def _begun_before(errand: Errand) -> bool | None:
    """Tell whether a worker has begun with this before, and was lost; None when the driver's store is not to be seen.

    A file in the driver's own folder answers both: it cannot be made where that folder is not, and only once.
    """
    try:
        (errand.mark / str(errand.planned.number)).touch(exist_ok=False)
    except FileExistsError:
        return True
    except OSError:
        return None
    return False


def _kept_before(errand: Errand, store: Store) -> Delivery | None:
    """Find what a worker has kept before it was lost, so that nothing is done twice."""
    from workbench.batches import known
    from workbench.batches.known import MISSING

    kept = known(store, {errand.planned.fingerprint}).kept.get(errand.planned.fingerprint)
    if kept is None or kept.status in MISSING or errand.batch not in kept.manifest["parents"]:
        return None
    used = kept.manifest["resources"]
    return Delivery(kept.status, str(kept.reference), kept.reason, kept.metric, kept.score, used.get("wall"), used)


def _template(errand: Errand, folder: Path) -> Path:
    """Take the template where the driver has it, with the modules beside it; else the copy that came along."""
    with suppress(OSError):
        if errand.template.read_bytes() == errand.content:
            return errand.template
    copy = folder / "template" / errand.template.name
    copy.parent.mkdir()
    copy.write_bytes(errand.content)
    return copy


def _packed(errand: Errand, experiment: Path, folder: Path) -> bytes | str:
    """Give a kept experiment as a zip, or the URL where that has been put."""
    from workbench.experiment import export, load, objects

    every = (objects.DATA, objects.CHANGES)  # it only comes home
    file = export(load(experiment), folder / "experiment.zip", roles=every, known=errand.known)
    if errand.share is not None:
        url = f"{errand.share}/{errand.planned.number}.zip"
        try:
            put(file, url)
        except Exception as error:  # of any file system; the work is done, and must not be lost by this
            log.warning("Run %d cannot be handed over by the share: %s", errand.planned.number, type(error).__name__)
        else:
            return url
    return file.read_bytes()
