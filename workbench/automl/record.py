"""What a notebook found, handed to the run: the runner keeps it as an experiment."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.automl.checks import check
from workbench.automl.explain import Explanation
from workbench.automl.explaining.contributions import background
from workbench.automl.glass_box.notebook import write_notebook
from workbench.automl.glass_box.realised import kinds_of, lean
from workbench.automl.glass_box.recipe import of_winner
from workbench.automl.problem.labels import ordered_classes
from workbench.automl.promises import trust_document
from workbench.automl.result import Result
from workbench.automl.task import Task
from workbench.dataset import profile
from workbench.documents import outbox
from workbench.documents.bundle import write_model
from workbench.documents.files import read_json
from workbench.documents.run_folder import handing_over_errors, here
from workbench.documents.table import write_profile, write_schema
from workbench.documents.why import ROWS, write_background
from workbench.errors import StoreError, WorkbenchError
from workbench.metrics import AUTO
from workbench.pages.blocks import Said
from workbench.pages.words import score_sentence
from workbench.records import Check, ColumnSchema, TableSchema

MODEL, DATA = "model", "data"
WINNER = "winner.ipynb"


@handing_over_errors
def record(result: Result, checks: Iterable[Check] | None = None, explanation: Explanation | None = None) -> Said:
    """Hand over model, scores, predictions, checks and explanation, to be kept with the notebook.

    Parameters
    ----------
    result
        From `search`.
    checks
        From `check`; made here when they are left out, for a promotion asks for them.
    explanation
        From `explain`.

    Returns
    -------
    Said
        What was kept. By hand, without a run, nothing is: it then says how to run the notebook so that it is.

    Raises
    ------
    StoreError
        If the run folder cannot be written.
    """
    folder = here()
    if folder is None:
        return Said(
            f"Nothing was kept, as this notebook runs by hand. To keep it: {command(result.task, _searched(result))}"
        )
    found = [*(check(result.task) if checks is None else checks), *result.checks]
    try:
        _write(folder.outbox, result, found, explanation)
    except OSError as error:
        raise StoreError(
            str(folder.outbox), f"cannot be written ({error})", "Make room there, and run again."
        ) from error
    again = f" {WINNER} makes the model again without the workbench." if (folder.outbox / WINNER).exists() else ""
    return Said(f"Handed over to be kept as {folder.read().reference}: {score_sentence(result.score)}.{again}")


def command(task: Task, searched: Mapping[str, str] | None = None) -> str:
    """Say what to type to run the same as an experiment that is kept: all that is not as a template has it anyway."""
    template = "classification" if task.classes else "regression"
    values = {"data": _typed(task.dataset.source), "target": task.target, **_choices(task), **(searched or {})}
    return f"workbench run {template} " + " ".join(
        f"-p {shlex.quote(f'{name}={value}')}" for name, value in values.items()
    )


def _choices(task: Task) -> dict[str, str]:
    """Read off a task what was chosen for it."""
    own = task.dataset.schema
    ids = [name for name in task.schema.named("id") if own[name].role != "id"]  # the others are found again
    left_out = [*task.schema.named("ignore"), *ids[1:]]
    roles = {column.role: column.name for column in task.schema.columns if column.role in ("group", "time", "weight")}
    chosen = {
        "metric": task.metric.name if task.metric.name != AUTO[task.kind] else "",
        "ignore": _listed(left_out) if left_out else "",
        **{role: roles.get(role, "") for role in ("group", "time", "weight")},
        "id": ids[0] if ids else "",
        "positive": _positive(task),
        "cost_of_miss": f"{task.costs.miss:.12g}" if task.costs else "",
        "cost_of_false_alarm": f"{task.costs.false_alarm:.12g}" if task.costs else "",
        "test": _typed(task.test.source) if task.test and not task.check_share else "",
        "check_share": f"{task.check_share:.12g}" if task.check_share else "",
        "missing": ", ".join(own.read.get("missing", ())),
    }
    return {name: value for name, value in chosen.items() if value}


def _positive(task: Task) -> str:
    """Name the class that was looked for, unless it is the one that is found by its name."""
    return str(task.classes[1]) if task.classes and task.classes != ordered_classes(task.truth, task.target) else ""


def _searched(result: Result) -> dict[str, str]:
    """Read off a result how it was searched for; the clock of a search by hand started when the table was read."""
    if result.deadline is None:
        chosen = {"trials": str(len(result.trials))}
    else:
        chosen = {"budget": f"{result.deadline - result.task.dataset.read_at:.6g}s"}
    chosen |= {"deploy": result.deploy} if result.deploy != "full" else {}
    return chosen | ({"seed": str(result.seed)} if result.seed else {})


def _listed(names: list[str]) -> str:
    """Write names as a parameter takes them: with commas between, or as JSON when they hold some."""
    plain = ",".join(names)
    return (
        plain if all(re.fullmatch(r"[\w.-][\w. -]*", name) for name in names) else json.dumps(names, ensure_ascii=False)
    )


def _typed(source: str) -> str:
    """Name a file of the working folder as one would type it."""
    path = Path(source)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else source


def _write(folder: Path, result: Result, checks: Iterable[Check], explanation: Explanation | None) -> None:
    """Write the smallest and most wanted first: a run may be stopped at any moment."""
    task = result.task
    (folder / DATA).mkdir(parents=True, exist_ok=True)
    outbox.write_scores(folder, task.metric.name, result.scores, test=result.test_scores)
    described = task_document(result)
    trials = lean(result.trials, kinds_of(task.schema, task.features))
    outbox.write_task(folder, described)
    outbox.write_checks(folder, checks)
    outbox.write_leaderboard(folder, result.leaderboard)
    outbox.write_trials(folder, trials)
    outbox.write_predictions(folder, predictions(result))
    write_schema(folder / DATA / "schema.json", task.schema)
    write_model(folder / MODEL, result.model, schema=task.schema, golden=_raw(task), metadata=_metadata(result))
    write_background(folder / MODEL, result.model, background(result, ROWS))
    golden = read_json(folder / MODEL / "golden.json")
    with suppress(WorkbenchError):  # a family of the user's own may be of a kind that no notebook can import
        write_notebook(folder / WINNER, of_winner(described, task.schema, trials, result.model, golden))
    if explanation is not None:
        outbox.write_importance(folder, explanation.importance)
    spread = profile(task.dataset.frame, task.schema) | {"predictions": _spread(result)}
    write_profile(folder / DATA / "profile.json", spread)


def task_document(result: Result) -> dict[str, Any]:
    """Describe what was predicted from what, and how."""
    return {
        **_asked(result.task),
        "data": _data(result.task),
        "folds": {"number": len(result.folds), "kind": result.folds.kind},
        "plan": _plan(result),
        "seed": result.seed,
        "seconds": round(result.seconds, 3),
        "trust": trust_document(result),
    }


def _asked(task: Task) -> dict[str, Any]:
    return {
        "kind": task.kind,
        "target": task.target,
        "classes": task.classes,
        "least": task.least,
        "metric": task.metric.name,
        "rows": len(task.frame),
        "features": task.features,
    }


def _data(task: Task) -> dict[str, Any]:
    data = task.dataset
    return {
        "source": data.source,
        "digest": data.digest,
        "rows": len(data.frame),
        "notes": list(data.notes),
        "time_range": _time_range(task),
    }


def _plan(result: Result) -> dict[str, Any]:
    plan = result.plan
    return {
        **{name: getattr(plan, name) for name in ("folds", "learning_rate", "rounds", "rows", "drawn", "models")},
        "kind": result.folds.kind,
        "check_share": result.task.check_share,
        "deploy": result.deploy,
        "bagged": result.bagged,
        "seed": result.seed,
    }


def _time_range(task: Task) -> list[str] | None:
    if task.times is None:
        return None
    dates = task.times.dtype.kind == "M"
    return [str(end.astype("datetime64[s]") if dates else end) for end in (task.times.min(), task.times.max())]


def predictions(result: Result) -> pd.DataFrame:
    """Give the out-of-fold predictions, with the group and weight of each row where there are any: tests need them."""
    kept, rows = result.predictions.copy(), result.folds.validated
    for name, values in (("group", result.task.groups), ("weight", result.task.weight)):
        if values is not None:
            kept[name] = values[rows]
    return kept


def _spread(result: Result) -> dict[str, Any]:
    """How the predictions themselves are spread: when that moves in use, something has."""
    said = result.predictions.drop(columns=["row", "fold", "truth"])
    numbers = {name for name in said.columns if pd.api.types.is_float_dtype(said[name])}
    columns = (ColumnSchema(str(name), "number" if name in numbers else "category") for name in said.columns)
    return profile(said, TableSchema(tuple(columns)))["columns"]


def _raw(task: Task) -> pd.DataFrame:
    return task.dataset.frame.loc[task.frame.index]


def _metadata(result: Result) -> dict[str, Any]:
    score = result.score
    return {
        "target": result.task.target,
        "metric": score.metric,
        "score": score.value,
        "data": result.task.dataset.digest,
    }
