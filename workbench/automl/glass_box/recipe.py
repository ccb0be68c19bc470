"""What goes into a notebook: of the winner as a run ends, or of any trial from the documents an experiment keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from workbench import estimators
from workbench.automl.glass_box.realised import learned
from workbench.errors import UnknownName, WorkbenchError
from workbench.records import TableSchema

PACKAGES = ("numpy", "pandas", "scikit-learn", "lightgbm", "catboost")
SOURCE = Path(estimators.__file__).parent
MADE_HERE = {"coercer", "ensemble", "classes"}  # the other arguments of the model are given as they were learned


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that a notebook needs to make a model again.

    Attributes
    ----------
    title
        What the model is.
    task
        The document ``task.json``.
    trials
        Records of the members, each with its weight.
    parts
        Arguments of the model beside coercer, ensemble and classes: estimators described with what they learned.
    golden : tuple of places and predictions, or None
        What the model predicted of some rows that take part, by place; None to compare with what the trial's record
        shows.
    packages
        Versions it was made with.
    code
        Where the modules of `workbench.estimators` are read from: the experiment's own copy, if there is one.
    note
        What a reader should know beforehand.
    """

    title: str
    task: Mapping[str, Any]
    schema: TableSchema
    trials: Sequence[Mapping[str, Any]]
    parts: Mapping[str, Any] = field(default_factory=dict)
    golden: tuple[Sequence[int], Sequence[Any]] | None = None
    packages: Mapping[str, str] = field(default_factory=dict)
    code: Path = SOURCE
    note: str = ""


def of_winner(
    task: Mapping[str, Any],
    schema: TableSchema,
    trials: Sequence[Mapping[str, Any]],
    model: Any,
    golden: Mapping[str, Any],
) -> Recipe:
    """Gather what makes a search's model.

    Parameters
    ----------
    task, schema, trials
        As they are written into the run.
    model : TabularModel
    golden
        The document ``golden.json`` of the model's folder.
    """
    members = sorted((trial for trial in trials if trial["weight"]), key=lambda trial: -float(trial["weight"]))
    parts = {name: learned(part) for name, part in model.get_params(deep=False).items() if name not in MADE_HERE}
    return Recipe(
        title=f"The model of {task['target']}",
        task=task,
        schema=schema,
        trials=members,
        parts={name: part for name, part in parts.items() if part is not None},
        golden=_golden(golden["predictions"], int(task["rows"])),
        packages=_versions(),
    )


def of_trial(
    task: Mapping[str, Any],
    schema: TableSchema,
    trials: Sequence[Mapping[str, Any]],
    number: int,
    *,
    packages: Mapping[str, str],
    code: Path | None = None,
    note: str = "",
) -> Recipe:
    """Gather what makes the model of one trial, from an experiment's documents.

    Raises
    ------
    UnknownName
        If there is no such trial.
    WorkbenchError
        If it was not completed, or was kept by a version that did not note how to fit it again.
    """
    known = {trial["number"]: trial for trial in trials}
    if number not in known:
        raise UnknownName("trial", str(number), [str(each) for each in known])
    trial = known[number]
    if trial["state"] != "completed":
        why = f": {trial['reason']}" if trial.get("reason") else ""
        raise WorkbenchError(f"The trial {number} was {trial['state']}{why}; only a completed one can be fitted again.")
    if "learner" not in trial or "plan" not in task:
        raise WorkbenchError(
            f"The trial {number} was kept without what it takes to fit it again; run the search again."
        )
    return Recipe(
        title=f"Trial {number} of the search for {task['target']}",
        task=task,
        schema=schema,
        trials=[{name: told for name, told in trial.items() if name != "averaged"} | {"weight": 1.0}],
        packages=packages,
        code=code or SOURCE,
        note=note,
    )


def _versions() -> dict[str, str]:
    """Tell the versions of the libraries that are here; CatBoost may not be."""
    found = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _golden(predictions: Mapping[str, Any], rows: int) -> tuple[list[int], list[Any]]:
    """Give the places of the golden rows among those that take part, and what was predicted of them."""
    names, told = list(predictions["columns"]), list(predictions["data"])
    probabilities = [place for place, name in enumerate(names) if str(name).startswith("probability_")]
    said = [
        [row[place] for place in probabilities] if probabilities else row[names.index("prediction")] for row in told
    ]
    return list(range(0, rows, max(1, -(-rows // len(told)))))[: len(told)], said
