"""An experiment told without its data: a copy from which no value of its tables can be read.

Only what is known to hold none travels, some of it written anew; whatever else there is stays behind, and is named with
the reason. Names of columns and classes stay, and what people wrote themselves: code, parameters, labels.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from workbench.documents.experiment import FIELDS, Manifest, write_manifest
from workbench.documents.files import read_json, write_bytes, write_json
from workbench.errors import BadReference
from workbench.experiment.capturing.capture import entries
from workbench.experiment.describing.describe import describe
from workbench.experiment.kept import Experiment
from workbench.experiment.verifying import insist_on_whole

REPORT, REPLACED = "report.html", "it shows rows of the table; a page without any stands in its place"
MAY_QUOTE = "it may quote values of the table"
LEFT_OUT = {
    "model/": "a fitted model holds values of the table: levels, bounds, whole rows",
    "outputs/": "the notebook wrote it, and nobody knows what is in it",
    "runs/": "reports show rows of the table",
    "objects/": "it is the data",
    "predictions.parquet": "it holds what was true of every row",
    "notebook.ipynb": "its outputs show rows of the table; template and parameters tell the rest",
    "report.html": "it shows rows of the table",
    "winner.ipynb": "it tells how values are read, and what the model learned from them",
    "study.journal": "trials.jsonl tells the trials",
    "events.jsonl": MAY_QUOTE,
    "error.json": MAY_QUOTE,
    "kernel.log": MAY_QUOTE,
}
OTHERS, UNKNOWN = "other files", "nobody knows whether they hold values of the table"
TOLD_AGAIN = {"ro-crate-metadata.json", "data/croissant.json", "sbom.cdx.json"}  # by `describe`, from what is here
AS_THEY_ARE = {
    *("scores.json", "leaderboard.csv", "importance.csv", "parameters.schema.json"),
    *(f"environment/{name}" for name in ("python.json", "requirements.lock", "workbench.json", "git.json")),
}
HIDDEN = f"Left out, for {MAY_QUOTE}."
TASK = {"format", "kind", "target", "classes", "metric", "rows", "features", "folds", "plan", "seed", "seconds"}
TRIAL = {
    *("number", "family", "params", "state", "score", "fold_scores", "seconds", "cut", "style"),
    *("stops_by_rows", "most_rows", "seed", "boosted", "rounds", "weight"),
}
OF_A_TEMPLATE = {"kernelspec", "language_info", "workbench"}
QUERY = re.compile(r"(?<=://)([^#?]*)[#?].*", re.DOTALL)  # of an address: which rows of a database were asked for
Document = dict[str, Any]


def is_without_data(manifest: Manifest) -> bool:
    """Whether an experiment is a copy that was written without its data."""
    return "whole" in manifest


def without_data(
    experiment: Experiment, folder: Path, *, report: Callable[[Experiment], str] | None = None
) -> Experiment:
    """Write an experiment without its data into a new folder; one that is such a copy already is given as it is.

    The copy names the whole one by the digest of its manifest (``whole``), and what was left out with the reasons
    (``left_out``). The same experiment gives the same copy, to the byte, by the same version of the workbench. `report`
    makes a page of the copy, from what the copy tells: it stands in place of the report.

    Raises
    ------
    BadReference
        If it is still running.
    BadArtifact
        If it is not what was kept.
    """
    if experiment.status == "running":
        raise BadReference(str(experiment.reference), "is still running", "Share it when it has ended.")
    insist_on_whole(experiment)
    if is_without_data(experiment.manifest):
        return experiment
    folder.mkdir(parents=True)
    names = [entry["name"] for entry in experiment.manifest["files"]]
    left_out = [name for name in names if name not in TOLD_AGAIN and not _is_taken(name, experiment.path, folder)]
    left_out += ["objects/"] if experiment.manifest["objects"] else []
    manifest = _manifest(experiment.manifest, left_out)
    if report is not None:
        page = report(Experiment(experiment.reference, folder, manifest))
        write_bytes(folder / REPORT, page.encode(errors="replace"))
        if REPORT in names:
            manifest["left_out"][REPORT] = REPLACED
    describe(folder, manifest)
    manifest = write_manifest(folder, manifest | {"files": entries(folder)})
    return Experiment(experiment.reference, folder, manifest)


def _is_taken(name: str, source: Path, target: Path) -> bool:
    """Take a file over as it is or written anew, if it can be told without values of the table."""
    top, _, rest = name.partition("/")
    is_template = name == "template.ipynb" or (top == "templates" and rest.endswith(".ipynb"))
    write = _template if is_template else _copy if name in AS_THEY_ARE else WRITTEN_ANEW.get(name)
    if write is None:
        return False
    (target / name).parent.mkdir(parents=True, exist_ok=True)
    try:
        write(source / name, target / name)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):  # it was cut off, or is something else
        (target / name).unlink(missing_ok=True)
        return False
    return True


def _manifest(whole: Manifest, left_out: Iterable[str]) -> Manifest:
    """Tell of the copy what the manifest tells of the whole one, but for what may be a value."""
    tops = {f"{name.partition('/')[0]}/" if "/" in name else name for name in left_out}  # a name may be a value, too
    reasons = {top: LEFT_OUT[top] for top in sorted(tops) if top in LEFT_OUT}
    others = {OTHERS: UNKNOWN} if len(reasons) < len(tops) else {}
    return {
        **{name: whole[name] for name in (*FIELDS, "children") if name in whole},
        "reason": whole["reason"] and HIDDEN,
        "data": {**{name: whole["data"].get(name) for name in ("digest", "rows")}, "time_range": None},
        "objects": [],
        "files": [],
        "left_out": reasons | others,
        "whole": whole["digest"],
    }


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


def _template(source: Path, target: Path) -> None:
    """Copy a notebook without what it showed when it was saved: outputs, pictures, widgets."""
    notebook = read_json(source)
    about = {name: told for name, told in notebook["metadata"].items() if name in OF_A_TEMPLATE}
    told = {**notebook, "cells": [_emptied(cell) for cell in notebook["cells"]], "metadata": about}
    if told == notebook:
        _copy(source, target)
    else:
        write_bytes(target, (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode())


def _emptied(cell: Document) -> Document:
    kept = {name: part for name, part in cell.items() if name in ("id", "cell_type", "source")}
    tags = {name: told for name, told in cell["metadata"].items() if name == "tags"}
    return kept | {"metadata": tags} | ({"outputs": [], "execution_count": None} if "outputs" in cell else {})


def _rewritten(change: Callable[[Document], Document]) -> Callable[[Path, Path], None]:
    return lambda source, target: write_json(target, change(read_json(source)))


def _parameters(document: Document) -> Document:
    return {"format": document["format"], "parameters": _without_queries(document["parameters"])}


def _without_queries(value: Any) -> Any:
    """Cut what was asked of a database, and the like, off addresses."""
    if isinstance(value, str):
        return QUERY.sub(r"\1", value)
    if isinstance(value, Mapping):
        return {name: _without_queries(part) for name, part in value.items()}
    return [_without_queries(part) for part in value] if isinstance(value, list) else value


def _task(document: Document) -> Document:
    data = {name: document["data"].get(name) for name in ("source", "digest", "rows")}
    told = {name: document[name] for name in document if name in TASK}
    return told | {"data": {**_without_queries(data), "notes": [], "time_range": None}}


def _checks(document: Document) -> Document:
    found = [{"name": one["name"], "level": one["level"], "message": HIDDEN} for one in document["checks"]]
    columns = [list(one.get("columns", ())) for one in document["checks"]]
    told = [one | {"columns": names} for one, names in zip(found, columns, strict=True)]
    return {"format": document["format"], "checks": told}


def _schema(document: Document) -> Document:
    read = {name: told for name, told in document["read"].items() if name in ("format", "encoding", "delimiter")}
    kept = ("name", "kind", "role", "dtype", "distinct", "missing")
    told = ({name: one[name] for name in kept if name in one} for one in document["columns"])
    columns = [column | {"coercion": {}, "note": ""} for column in told]
    return {"format": document["format"], "read": read, "columns": columns}


def _profile(document: Document) -> Document:
    columns = {
        name: {"kind": one["kind"], "missing": one["missing"], **_number_of_levels(one)}
        for name, one in document["columns"].items()
    }
    return {"format": document["format"], "rows": document.get("rows"), "columns": columns}


def _number_of_levels(column: Document) -> dict[str, int]:
    return {"levels": len(column["values"])} if "values" in column else {}


def _trials(source: Path, target: Path) -> None:
    lines = [json.loads(line) for line in source.read_text(encoding="utf-8").split("\n") if line]
    told = ({name: part for name, part in trial.items() if name in TRIAL} for trial in lines)
    write_bytes(target, "".join(json.dumps(trial, ensure_ascii=False) + "\n" for trial in told).encode())


def _batch(document: Document) -> Document:
    runs = [_silent(run) | {"report": None} for run in document["runs"]]
    return _without_queries({**_silent(document), "runs": runs})


def _silent(told: Mapping[str, Any]) -> Document:
    return {**told, "reason": told.get("reason") and HIDDEN}


def _table_of_runs(source: Path, target: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(source.read_text(encoding="utf-8"))))
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys() if rows else (), lineterminator="\n")
    writer.writeheader()
    writer.writerows(_without_queries(_silent(row)) for row in rows)
    write_bytes(target, text.getvalue().encode())


WRITTEN_ANEW: dict[str, Callable[[Path, Path], None]] = {
    "parameters.json": _rewritten(_parameters),
    "task.json": _rewritten(_task),
    "checks.json": _rewritten(_checks),
    "data/schema.json": _rewritten(_schema),
    "data/profile.json": _rewritten(_profile),
    "trials.jsonl": _trials,
    "batch.json": _rewritten(_batch),
    "runs.csv": _table_of_runs,
}
