"""A batch handed to Airflow: the DAG file, and what each of its tasks does when its turn comes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadArtifact, BadOutput, WorkbenchError
from workbench.workflow.batching.plan import Checker, plan_of, spec_with
from workbench.workflow.place import Where, store_of
from workbench.workflow.request import values_of
from workbench.workflow.runs import Conditions, Run, run

if TYPE_CHECKING:
    from workbench.experiment import Experiment, Store

NOTEBOOK = Path(__file__).with_name("scheduled_run.ipynb")


def export_airflow(
    spec: str | Path | Mapping[str, Any],
    file: Path | None = None,
    *,
    workers: int | None = None,
    store: Where = None,
) -> Path:
    """Write a batch as a DAG file of Airflow, whose tasks are PapermillOperators.

    Parameters
    ----------
    spec : str, Path or mapping
        As of `batch`, and checked like it.
    file : Path, optional
        Where the DAG goes; otherwise into the current folder, named after the batch. A folder for the notebooks of its
        tasks is made beside it.
    workers : int, optional
        Tasks at a time; wins over the spec's.
    store : Path or str, optional
        Where the runs will be kept.

    Raises
    ------
    BadBatch
        If the batch is refused, or a DAG cannot do what it asks for.
    BadOutput
        If the file cannot be written.
    """
    from workbench.batches.airflow import dag
    from workbench.documents.files import write_bytes

    plan = plan_of(spec_with(spec, workers, None), lambda _: None)
    file = Path(f"{plan.spec.name}.py") if file is None else Path(file)
    outputs = file.absolute().with_name(f"{file.stem}-notebooks")
    text = dag(plan, store=store_of(store).path.absolute(), notebook=NOTEBOOK, outputs=outputs)
    try:
        outputs.mkdir(exist_ok=True)
        write_bytes(file, text.encode())
    except OSError as error:
        raise BadOutput(str(file), f"cannot be written: {error.strerror or error}", "Name another file.") from error
    return file


def scheduled_run(
    asked: Mapping[str, Any], needs: Mapping[str, Mapping[str, str]], *, task: str, dag_run: str, store: Where = None
) -> Run:
    """Carry out one run of an exported batch, and keep it as the batch would.

    Parameters
    ----------
    asked : mapping
        Its ``template``, ``parameters``, ``name``, ``labels``, ``timeout``, ``memory``, ``retries``, ``price``, and its
        ``share`` of the machine.
    needs : mapping
        By the steps it goes on with, the ``name`` of the experiment and the ``task`` of each.
    task, dag_run : str
        Which task of which run of the DAG this is.
    store : Path or str, optional
        Where experiments are kept.

    Raises
    ------
    WorkbenchError
        If it is refused, or does not complete.
    """
    from workbench.batches.steps import fill, references

    where = store_of(store).create()
    earlier = {step: _kept(where, one["name"], one["task"], dag_run) for step, one in needs.items()}
    known = {step: _told(one) for step, one in earlier.items()}
    parameters = asked["parameters"]
    later = {name for name, value in parameters.items() if any(step in needs for step, _ in references(value))}
    done = run(
        asked["template"],
        parameters | {name: fill(parameters[name], known) for name in later},
        name=asked["name"],
        labels=asked["labels"],
        timeout=asked["timeout"],
        memory_limit=asked["memory"],
        retries=asked.get("retries", 0),  # in files of earlier versions the tasks have them
        price=asked["price"],
        store=where.path,
        conditions=Conditions(
            share=asked["share"],
            cause={"kind": "schedule", "scheduler": "airflow", "run": dag_run, "task": task},
            fingerprint=_fingerprint(asked["template"], parameters, later, earlier) if needs else None,
        ),
    )
    if done.status != "completed":
        why = done.reason.rstrip(".")
        raise WorkbenchError(f"The run {done.ref} ended as {done.status}: {why}. It is kept in {done.path}.")
    return done


def _fingerprint(
    name: str, parameters: Mapping[str, Any], later: Collection[str], earlier: Mapping[str, Experiment | None]
) -> str:
    """Tell the work of a run as the plan of the batch does, which does not know yet what earlier steps will leave."""
    from workbench.batches.steps import goes_on
    from workbench.template import find

    template = find(name)
    own = Checker(lambda _: None)(template, values_of(template, parameters), later)
    return goes_on(own, {step: one.manifest["fingerprint"] for step, one in earlier.items() if one is not None})


def _told(kept: Experiment | None) -> dict[str, str]:
    from workbench.batches.steps import told

    return told("not kept") if kept is None else told(kept.status, kept.reason, str(kept.reference), kept.path)


def _kept(store: Store, name: str, task: str, dag_run: str) -> Experiment | None:
    """Find what a task of this run of the DAG left; of several tries the last."""
    from workbench.experiment import load
    from workbench.records import Reference

    for version in reversed(store.versions(name)):
        with suppress(BadArtifact):
            experiment = load(store.folder(Reference(name, version)))
            cause = experiment.manifest["cause"]
            if (cause.get("run"), cause.get("task")) == (dag_run, task):
                return experiment
    return None
