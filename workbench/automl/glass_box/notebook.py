"""The glass box itself: settings, sources and cells put together as a notebook."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench import estimators
from workbench.automl.glass_box import cells, reading
from workbench.automl.glass_box.expression import UNWRITTEN, classes_in
from workbench.automl.glass_box.recipe import Recipe
from workbench.automl.glass_box.source import FUTURE, Piece, part_of, pieces, sources_of, with_needed
from workbench.automl.problem import copies, labels, splits
from workbench.dataset import examples
from workbench.documents.files import write_bytes
from workbench.errors import WorkbenchError

OWN = estimators.__name__
ERRORS = '''"""What is wrong with a table."""


class BadColumn(ValueError):
    """A column that cannot play its part: which, what is wrong with it, and what to do."""
'''
ALWAYS = ("coerce", "ensemble", "model")
SHARED = (
    "import base64",
    "import hashlib",
    "import warnings",
    "from pathlib import Path",
    "from types import SimpleNamespace",
    "import numpy as np",
    "import pandas as pd",
    "from sklearn.exceptions import ConvergenceWarning",
    "from threadpoolctl import threadpool_limits",
)


def notebook(recipe: Recipe) -> dict[str, Any]:
    """Write a notebook that makes a model again from its data file, with no import of the workbench.

    Raises
    ------
    WorkbenchError
        If a part of the model was made in a way that cannot be written down.
    """
    own = _own_cells(recipe)
    found = _pieces(recipe, own)
    foreign = sorted(name for name in _classes(recipe) if not name.startswith(f"{OWN}."))
    imports = [*SHARED, *_foreign(foreign), *(line for piece in found for line in piece.imports)]
    told = [
        _text(_heading(recipe)),
        _code(_imports(imports)),
        _text("What the search settled. The columns' kinds and how their values are read were found in the data."),
        _code(own["settled"]),
    ]
    for piece in found:
        told += [_text(piece.about), _code(f"{FUTURE}\n\n\n{piece.code}")]
    for name, sentence in SENTENCES.items():
        if name in own:
            told += [_text(sentence), _code(own[name])]
    return _document(told)


SENTENCES = {
    "reading": "The file, every value as it stands there.",
    "rows": "The rows that have what is to be predicted, each column in its kind.",
    "folds": "The rows are split as they were in the search, by the same seed.",
    "trials": "The members of the model: how each turns columns into a matrix, and what learns from it. `boosted` and "
    "`rounds` are how many rounds were made, and how many it predicts by, in each fold; the search found them by early "
    "stopping, so they are given here. `averaged` are the folds whose models predict; the number after the last stands "
    "for all rows. This is the cell to change.",
    "fitting": "Each member is fitted on those folds, or on all rows.",
    "helpers": "Parts of the model that learned from predictions of rows held out are given as they were learned.",
    "model": "The model: raw rows in, as they stand in a file; the average of the members out.",
    "comparison": "How far its predictions are from those that were kept. `model.predict(rows)` predicts other rows, "
    "read as the file was.",
}


def _own_cells(recipe: Recipe) -> dict[str, str]:
    task, schema = recipe.task, recipe.schema
    # Experiments of before there was a bound tell none, and their own copy of the code knows none.
    least = task.get("least")
    model = cells.model(recipe.parts, measured=recipe.golden is None, least=least)
    if recipe.golden is None:
        comparison = cells.comparison_of_trial(recipe.trials[0]["shown"])
    else:
        comparison = cells.comparison_of_model(*recipe.golden, classes=bool(task["classes"]))
    return {
        "settled": cells.settled(task, schema),
        "reading": cells.reading(task, schema),
        "rows": cells.rows(task, schema),
        "folds": cells.folds(task["plan"]["check_share"]),
        "trials": cells.trials(_averaged(recipe)),
        "fitting": cells.FITTING,
        **({"helpers": cells.HELPERS} if "restored(" in model else {}),
        "model": model,
        "comparison": comparison,
    }


def _averaged(recipe: Recipe) -> list[dict[str, Any]]:
    """Say of each member which of its fits it averages: of some folds, of all, or the one on all rows."""
    number = int(recipe.task["folds"]["number"])
    # Of what was fitted on all rows besides, there is one more number of rounds than folds.
    return [
        {"averaged": [number] if len(trial["boosted"]) > number else list(range(number)), **trial}
        for trial in recipe.trials
    ]


def _pieces(recipe: Recipe, own: Mapping[str, str]) -> list[Piece]:
    """Gather the sources that are needed; those of our own cells' verbs first, so that they keep their names."""
    task = recipe.task
    sources = sources_of(recipe.code)
    reader = own["reading"].partition("raw = ")[2].partition("(")[0]
    sources |= {
        "errors": ERRORS,
        "reading": part_of(_source(reading), [reader]),
        "labels": part_of(_source(labels), ["read_known_labels" if task["classes"] else "read_numbers"]),
        "splits": part_of(
            _source(splits), ["split", "sampled", *(["held_apart"] if task["plan"]["check_share"] else [])]
        ),
        "copies": _source(copies),
    }
    wanted = [*ALWAYS, *(_module(name) for name in sorted(_classes(recipe)) if name.startswith(f"{OWN}."))]
    first = ["reading"]
    source = str(task["data"]["source"])
    if source.startswith(cells.EXAMPLE):
        maker = examples.EXAMPLES[source.removeprefix(cells.EXAMPLE)].__name__
        sources["examples"] = part_of(_source(examples), [maker]) + f"\n\nexample = {maker}\n"
        first.append("examples")
    apart = ["copies"] if cells.dealt_out(recipe.schema) else []
    order = with_needed([*first, "labels", "splits", *apart, *wanted], sources)
    given = {name for text in own.values() for name in _given(text)}
    return pieces(sources, order, given)


def _classes(recipe: Recipe) -> set[str]:
    return classes_in([*recipe.trials, dict(recipe.parts)])


def _module(name: str) -> str:
    return name.removeprefix(f"{OWN}.").split(".")[0]


def _foreign(names: Iterable[str]) -> list[str]:
    """Import classes that are not the workbench's: those of a family a user wrote."""
    statements = []
    for name in names:
        module, _, kind = name.rpartition(".")
        if module == "__main__" or "<locals>" in name:
            raise WorkbenchError(f"{UNWRITTEN}: {kind} was defined in a notebook, from which no other can import it.")
        statements.append(f"from {module} import {kind}")
    return statements


def _given(text: str) -> list[str]:
    """Names that a cell gives."""
    found = []
    for node in ast.parse(text).body:
        for each in ast.walk(node):
            if isinstance(each, ast.FunctionDef):
                found.append(each.name)
            elif (
                isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store) and not isinstance(node, ast.FunctionDef)
            ):
                found.append(each.id)
    return found


def _source(module: Any) -> str:
    return Path(module.__file__).read_text(encoding="utf-8")


def _imports(statements: Iterable[str]) -> str:
    """Join imports: plain ones first, then one line for each module that something is taken from."""
    plain: list[str] = []
    taken: dict[str, list[str]] = {}
    for statement in dict.fromkeys(statements):
        if statement.startswith("import "):
            plain.append(statement)
        else:
            module, _, name = statement.removeprefix("from ").partition(" import ")
            taken.setdefault(module, []).append(name)
    lines = [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(taken.items())]
    return "\n".join([*sorted(plain), *lines])


def _heading(recipe: Recipe) -> str:
    members = ", ".join(
        f"{trial['family']} {trial['number']} ({trial['weight'] or 1.0:.0%})" for trial in recipe.trials
    )
    wanted = ("numpy", "pandas", "scikit-learn", "lightgbm", "catboost")
    versions = ", ".join(f"{name} {recipe.packages[name]}" for name in wanted if name in recipe.packages)
    made = f" It was made with {versions}; other versions may predict a little differently." if versions else ""
    note = f"**{recipe.note}**\n\n" if recipe.note else ""
    return (
        f"# {recipe.title}\n\n{note}"
        "This notebook makes the model again from its data file, with the same rows, folds, seeds and rounds, and with "
        f"every class it is made of in plain sight. It needs no workbench.{made}\n\n"
        f"Members, and how much each counts: {members}."
    )


def _text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def _code(source: str) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}


def _document(told: Sequence[dict[str, Any]]) -> dict[str, Any]:
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {
        "cells": [{"id": f"cell-{number}", **cell} for number, cell in enumerate(told)],
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def write_notebook(file: Path, recipe: Recipe) -> None:
    """Write the notebook of a recipe as Jupyter does."""
    write_bytes(file, (json.dumps(notebook(recipe), indent=1, ensure_ascii=False) + "\n").encode())
