"""Capture: a run folder becomes an immutable experiment, in one rename, however the run ended."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from workbench.documents.cleaning import clean
from workbench.documents.experiment import MANIFEST, Manifest, write_manifest
from workbench.documents.files import digest
from workbench.documents.leftovers import remove
from workbench.documents.run_folder import RunFolder, RunRecord
from workbench.errors import StoreError
from workbench.experiment.capturing.cost import cost, read_price
from workbench.experiment.capturing.environment import write_environment
from workbench.experiment.describing.describe import describe
from workbench.experiment.kept import Experiment
from workbench.experiment.names import checked_name, clashes, problem_with
from workbench.experiment.store import Store, building, put_in_place
from workbench.records import Reference

PERSON = {"kind": "person"}
OURS = {
    MANIFEST,
    "ro-crate-metadata.json",
    "report.html",
    "environment",
    "outputs",
    "objects",
}  # no name for the outbox to use
Report = str | Callable[[Experiment], str]


def capture(folder: RunFolder, store: Store, *, report: Report | None = None) -> Experiment:
    """Keep a run that has ended as an experiment, and remove its run folder.

    Parameters
    ----------
    folder : RunFolder
        The run folder. Whatever a failed run left behind is kept.
    store : Store
        Where to keep it.
    report : str or callable, optional
        The report as HTML, or what makes it from the experiment (its folder is not in place yet).

    Raises
    ------
    StoreError
        If the store cannot be written, or already holds this version. The run folder is left as it was.
    """
    record = folder.read()
    reference = Reference(checked_name(record.name), record.version)
    with building(store, "capture") as part:
        left_out = {**(clean(folder).left_out or {}), **_copy(folder, part)}
        write_environment(part / "environment", record.git, record.machine)
        manifest = _manifest(record, part)
        if left_out:
            manifest["left_out"] = left_out
        if report is not None:
            html = report if isinstance(report, str) else report(Experiment(reference, part, manifest))
            (part / "report.html").write_text(html, encoding="utf-8")
        describe(part, manifest)
        manifest = write_manifest(part, manifest | {"files": entries(part)})
        if not put_in_place(store, part, reference):
            raise StoreError(str(store.path), f"already holds {reference}", "Run it again under a new version.")
    remove(folder.path)  # kept by now
    return Experiment(reference, store.folder(reference), manifest)


def _copy(folder: RunFolder, part: Path) -> dict[str, str]:
    """Copy what the run left; give what was left out and why, by name."""
    alone = (folder.template, folder.notebook, folder.parameters, folder.parameters_schema)
    told = (folder.error, folder.events, folder.kernel_log)
    wanted = {path.name: path for path in (*alone, *told) if path.is_file()}
    wanted |= {name: path for name, path in _walk(folder.outbox) if name.split("/")[0] not in OURS and _is_whole(name)}
    wanted |= {f"outputs/{name}": path for name, path in _walk(folder.outputs)}
    left_out = {name: problem for name in wanted if (problem := problem_with(name) or _oddity(wanted[name]))}
    kept = [name for name in sorted(wanted) if name not in left_out]
    left_out |= dict.fromkeys(clashes(kept), "another file's name differs from its name by case alone")
    for name in kept:
        if name not in left_out:
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(wanted[name], part / name)
    return {ascii(name)[1:-1]: why for name, why in left_out.items()}


def _is_whole(name: str) -> bool:
    """Tell a document from one that the kernel was just writing when it was killed (`files.writing`)."""
    return not any(part.startswith(".") for part in name.split("/"))


def _oddity(path: Path) -> str | None:
    if path.is_symlink() or not path.is_file():
        return "it is not a regular file"
    return None if os.access(path, os.R_OK) else "it cannot be read"


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    for parent, folders, files in os.walk(folder):
        here = Path(parent)
        links = [name for name in folders if (here / name).is_symlink()]
        folders[:] = [name for name in folders if name not in (*links, "__pycache__", ".ipynb_checkpoints")]
        for name in (*files, *links):
            yield (here / name).relative_to(folder).as_posix(), here / name


def entries(folder: Path) -> list[dict[str, Any]]:
    """Name, digest and size of every file in a folder but its manifest, in order of name."""
    named = sorted((name, path) for name, path in _walk_all(folder) if name != MANIFEST)
    return [{"name": name, "digest": digest(path), "size": path.stat().st_size} for name, path in named]


def _walk_all(folder: Path) -> Iterator[tuple[str, Path]]:
    for parent, _, files in os.walk(folder):
        for name in files:
            yield (Path(parent) / name).relative_to(folder).as_posix(), Path(parent) / name


def _manifest(record: RunRecord, part: Path) -> Manifest:
    task, scores = _read(part / "task.json"), _read(part / "scores.json")
    data = task.get("data", {})
    return {
        "kind": "run",
        "ref": str(record.reference),
        "status": record.status,
        "reason": record.reason,
        "started": record.started,
        "ended": record.ended,
        "author": record.author,
        "template": record.template,
        "labels": record.labels or {},
        "cause": record.cause or PERSON,
        "parents": record.parents or [],
        "fingerprint": record.fingerprint or fingerprint_of(part, data.get("digest")),
        "data": {"digest": data.get("digest"), "rows": data.get("rows"), "time_range": data.get("time_range")},
        "metric": scores.get("metric"),
        "scores": scores.get("scores", {}),
        "resources": _resources(record),
        "objects": record.objects or [],
        "files": [],
    }


def _read(path: Path) -> dict[str, Any]:
    """Read a document of the run; nothing when the run ended before it was written whole."""
    try:
        document = json.loads(path.read_bytes(), parse_constant=lambda _: None)  # NaN is no JSON
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _resources(record: RunRecord) -> dict[str, Any]:
    """Tell what the runner measured; the wall time counts from the command's start."""
    unknown, wall = {"cpu": None, "peak_memory": None}, _wall(record)
    spent = None if record.price is None or wall is None else _cost(record.price, wall)
    return {**unknown, **(record.resources or {}), "wall": wall, "cost": spent, "attempts": record.attempts}


def _cost(price: Mapping[str, Any], wall: float) -> dict[str, Any]:
    return cost(read_price(price["price"]), wall, price["share"])


def _wall(record: RunRecord) -> float | None:
    if record.ended is None:
        return None
    return (datetime.fromisoformat(record.ended) - datetime.fromisoformat(record.started)).total_seconds()


def fingerprint_of(folder: Path, data: str | None) -> str:
    """Fingerprint what lies in a run folder or an experiment."""
    template = folder / "template.ipynb"
    values = {name: one["value"] for name, one in _read(folder / "parameters.json").get("parameters", {}).items()}
    return fingerprint(template.read_bytes() if template.exists() else b"", values, data)


def fingerprint(template: bytes, values: Mapping[str, Any], data: str | Mapping[str, str] | None) -> str:
    """Tell runs of the same work: of one template, with the same values bound to it, on the same data.

    `data` is the digest of its table, or of several by the names of their parameters.
    """
    parts = [hashlib.sha256(template).hexdigest(), dict(values), data]
    canonical = json.dumps(parts, sort_keys=True, default=str)
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"
