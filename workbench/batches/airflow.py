"""A plan as a DAG of Airflow: a task for each of its runs, in the order of its steps."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template as Text
from typing import Any

from workbench.batches.plan import Plan, Planned
from workbench.documents.redaction import CREDENTIALS
from workbench.errors import BadBatch
from workbench.pages.words import count
from workbench.template import as_json
from workbench.template.named import FROM_VARIABLE
from workbench.template.types import Secret

TRIGGERS = {"completed": "all_success", "failed": "one_failed", "always": "all_done"}
GRACE_SECONDS = 60.0  # after a run's own timeout, for it to be kept as timed out
JINJA = ("{{", "{%", "{#")
KERNEL = "python3"
DAG = Text('''\
"""The batch $name: $runs, each a task.

Written by `workbench batch --export airflow`; to be written again when the batch changes.
"""

from datetime import datetime, timedelta, timezone

from airflow import DAG
from airflow.providers.papermill.operators.papermill import PapermillOperator

SCHEDULE = None  # such as "0 2 * * *"
KERNEL = $kernel  # a Jupyter kernel whose Python has the workbench
NOTEBOOK = $notebook  # carries out one run, and fails when it does not complete
OUTPUTS = $outputs  # where those notebooks go; each run's own is kept in the store
COMMON = $common
TASKS = $tasks

with DAG(
    dag_id=$name_,
    schedule=SCHEDULE,
    start_date=datetime(2020, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_tasks=$workers,
    dagrun_timeout=$budget,
    tags=["workbench"],
) as dag:
    operators = {
        name: PapermillOperator(
            task_id=name,
            input_nb=NOTEBOOK,
            output_nb=OUTPUTS + "/{{ run_id }}-" + name + ".ipynb",
            kernel_name=KERNEL,
            parameters={**COMMON, **task["parameters"]},
            trigger_rule=task["trigger_rule"],
            retries=0,  # a run begins anew by itself after what need not happen again, and never else
            execution_timeout=None if task["timeout"] is None else timedelta(seconds=task["timeout"]),
        )
        for name, task in TASKS.items()
    }
    for name, task in TASKS.items():
        for earlier in task["after"]:
            operators[earlier] >> operators[name]
''')


def dag(plan: Plan, *, store: Path, notebook: Path, outputs: Path) -> str:
    """Write a plan as the source of a DAG file.

    Parameters
    ----------
    plan : Plan
    store : Path
        Where its runs are kept.
    notebook : Path
        What each task executes: it has one run carried out.
    outputs : Path
        An existing folder, where these notebooks go.

    Raises
    ------
    BadBatch
        If the file would hold a secret, or the batch asks for what a DAG cannot do.
    """
    spec = plan.spec
    problems = [f"{run.name}: {problem}" for run in plan.runs for problem in _secrets(run)]
    if spec.on_failure == "stop":
        problems.append("on_failure: a DAG goes on with other rows after a failure; leave it out")
    if problems:
        raise BadBatch(spec.which, problems)
    names = {run.number: f"{run.number}-{run.name}" for run in plan.runs}
    return DAG.substitute(
        name=spec.name,
        name_=repr(spec.name),
        runs=count(len(plan.runs), "run"),
        kernel=repr(KERNEL),
        notebook=repr(_literal(str(notebook))),
        outputs=repr(_literal(str(outputs))),
        common=_written({"store": _literal(str(store)), "dag_run": "{{ run_id }}"}),
        tasks=_written({names[run.number]: _task(plan, run, names) for run in plan.runs}),
        workers=spec.workers or 16,  # Airflow's own default
        budget="None" if spec.budget is None else f"timedelta(seconds={spec.budget!r})",
    )


def _task(plan: Plan, run: Planned, names: Mapping[int, str]) -> dict[str, Any]:
    step = run.step
    told = {
        "template": str(plan.templates[step.name].path),
        "parameters": as_json({name: _named(value) for name, value in run.parameters.items()}),
        "name": run.name,
        "labels": run.labels,
        "timeout": step.timeout,
        "memory": step.memory,
        "retries": step.retries,
        "price": None if plan.spec.price is None else str(plan.spec.price),
        "share": 1 / (plan.spec.workers or 1),
    }
    needs = {name: {"name": plan.runs[number - 1].name, "task": names[number]} for name, number in run.needs.items()}
    return {
        "parameters": {"task": names[run.number], "run": _literal(told), "needs": needs},
        "after": [names[number] for number in run.needs.values()],
        "trigger_rule": TRIGGERS[step.when],
        "timeout": None if step.timeout is None else step.timeout + GRACE_SECONDS,
    }


def _written(value: Any, depth: int = 0) -> str:
    """Write a value as Python, a line for each entry of a mapping."""
    if not isinstance(value, Mapping) or not value:
        return repr(value)
    pad = "    " * depth
    entries = "".join(f"{pad}    {name!r}: {_written(part, depth + 1)},\n" for name, part in value.items())
    return f"{{\n{entries}{pad}}}"


def _literal(value: Any) -> Any:
    """Write texts so that Airflow, which renders them with Jinja, comes to the same texts."""
    if isinstance(value, Mapping):
        return {name: _literal(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_literal(part) for part in value]
    if isinstance(value, str) and (value.endswith("\n") or any(mark in value for mark in JINJA)):
        return f"{{{{ {json.dumps(value, ensure_ascii=False)} }}}}"
    return value


def _named(value: Any) -> Any:
    """Name the environment variable of a secret; its value is not to be had there."""
    return f"{FROM_VARIABLE}{value.variable}" if isinstance(value, Secret) else value


def _secrets(run: Planned) -> Iterator[str]:
    for name, value in run.parameters.items():
        if isinstance(value, Secret) and value.variable is not None:
            continue
        if any(map(_is_secret, _parts(value))):
            yield f"the DAG file would show the secret {name!r}; give it as {FROM_VARIABLE}NAME"


def _is_secret(part: Any) -> bool:
    return isinstance(part, Secret) or (isinstance(part, str) and CREDENTIALS.search(part) is not None)


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping | list | tuple):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _parts(part)
    else:
        yield value
