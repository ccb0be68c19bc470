"""The experiment described for other tools: RO-Crate 1.1 with the Process Run Crate 0.5 profile, as JSON-LD.

Written by hand: the profile builds on RO-Crate 1.1, and the ``rocrate`` library now writes a later version, which the
profile's validator refuses.
"""

from __future__ import annotations

import json
import mimetypes
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from workbench.documents.experiment import MANIFEST, Manifest, reference_of
from workbench.documents.files import digest, read_json, write_json

CRATE = "ro-crate-metadata.json"
SPEC = "https://w3id.org/ro/crate/1.1"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
FORMATS = {
    ".ipynb": "application/x-ipynb+json",
    ".jsonl": "application/jsonl",
    ".parquet": "application/vnd.apache.parquet",
    ".lock": "text/plain",
}
Entity = dict[str, Any]
ABOUT = {
    "template.ipynb": "The template the run started from, without outputs",
    "notebook.ipynb": "The executed notebook",
    "report.html": "The executed notebook as a page",
    "parameters.json": "The values the template was given, and where each came from",
    "parameters.schema.json": "The template's parameters as JSON Schema",
    "scores.json": "Every metric with its interval, from out-of-fold predictions",
    "leaderboard.csv": "The candidates of the search",
    "predictions.parquet": "Out-of-fold predictions",
    "trials.jsonl": "Every trial of the search",
    "checks.json": "What was found about the data",
    "importance.csv": "What drives the model",
    "error.json": "The error that ended the run",
    "events.jsonl": "What happened, in order",
    "batch.json": "The batch: what was asked for, and what became of every run",
    "runs.csv": "Every run of the batch with its score, labels and parameters",
    "runs": "The reports of the batch's runs",
    "kernel.log": "What the kernel's process itself said",
    MANIFEST: "What was run, how it ended, and the digest of every file",
    "data": "The columns of the table and their profile",
    "environment": "Python, platform and the exact version of every package",
    "templates": "The templates of the steps, without outputs",
    "model": "The fitted model, in MLflow's layout",
    "outputs": "Files the notebook wrote",
}


def write_crate(folder: Path, manifest: Manifest) -> None:
    """Write ``ro-crate-metadata.json`` for what lies in `folder`; the manifest, written last, is counted as there."""
    parts = _parts(folder)
    parameters = _parameters(folder)
    author, software, license_, profile = _author(manifest), _software(folder), _license(), _profile()
    data = _data(folder, manifest)
    action = _action(manifest, parts, [*([data] if data else []), *parameters], author, software)
    root = _root(manifest, parts, action, author, license_)
    graph = [_descriptor(), root, profile, license_, author, software, action, *([data] if data else [])]
    write_json(folder / CRATE, {"@context": f"{SPEC}/context", "@graph": [*graph, *parameters, *parts]})


def _link(entity: Entity) -> Entity:
    return {"@id": entity["@id"]}


def _links(field: str, entities: list[Entity]) -> Entity:
    """Fill a field with its links: nothing for none, and one without a list around it, as the specification asks."""
    links = [_link(entity) for entity in entities]
    return {field: links if len(links) > 1 else links[0]} if links else {}


def _time(text: str) -> str:
    return datetime.fromisoformat(text).isoformat(timespec="milliseconds")  # the profile's pattern has room for three


def _descriptor() -> Entity:
    about = {"conformsTo": {"@id": SPEC}, "about": {"@id": "./"}}
    return {"@id": CRATE, "@type": "CreativeWork", **about}


def _root(manifest: Manifest, parts: list[Entity], action: Entity, author: Entity, license_: Entity) -> Entity:
    return {
        "@id": "./",
        "@type": "Dataset",
        "identifier": manifest["ref"],
        "name": f"Experiment {manifest['ref']}",
        "description": f"One run of the notebook template {manifest['template']!r}: {manifest['status']}",
        "datePublished": _time(manifest["ended"] or manifest["started"]),
        "conformsTo": {"@id": PROFILE},
        "license": _link(license_),
        "author": _link(author),
        "publisher": _link(author),
        "mentions": _link(action),
        **_links("hasPart", parts),
    }


def _profile() -> Entity:
    return {"@id": PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}


def _license() -> Entity:
    stated = "Nobody has stated under which terms this experiment may be used: ask its author"
    return {"@id": "#license", "@type": "CreativeWork", "name": "No licence stated", "description": stated}


def _author(manifest: Manifest) -> Entity:
    return {"@id": "#author", "@type": "Person", "name": manifest["author"] or "unknown"}


def _software(folder: Path) -> Entity:
    ours = read_json(folder / "environment" / "workbench.json")
    version = ours["version"] or "unknown"
    commit = {"identifier": ours["commit"]} if ours["commit"] else {}
    return {"@id": "#workbench", "@type": "SoftwareApplication", "name": ours["name"], "version": version, **commit}


def _action(manifest: Manifest, parts: list[Entity], used: list[Entity], author: Entity, software: Entity) -> Entity:
    by_id = {part["@id"]: part for part in parts}
    template = by_id.get("template.ipynb", software)
    ids = ("notebook.ipynb", "report.html", "scores.json", "predictions.parquet", "model/", "outputs/")
    completed = manifest["status"] == "completed"
    action = {
        "@id": f"#run-{reference_of(manifest).version}",
        "@type": "CreateAction",
        "name": f"Run of {manifest['template']}",
        "description": "The template was executed with the parameters given, by papermill",
        "instrument": _link(template),
        **_links("object", used),
        **_links("result", [by_id[one] for one in ids if one in by_id]),
        "agent": _link(author),
        "startTime": _time(manifest["started"]),
        "actionStatus": f"http://schema.org/{'Completed' if completed else 'Failed'}ActionStatus",
    }
    ended = {"endTime": _time(manifest["ended"])} if manifest["ended"] else {}
    return action | ended | ({} if completed else {"error": manifest["reason"] or manifest["status"]})


def _data(folder: Path, manifest: Manifest) -> Entity | None:
    if manifest["data"]["digest"] is None:
        return None
    source = str(read_json(folder / "task.json").get("data", {}).get("source") or "data")
    name = source.replace("\\", "/").rpartition("/")[2]  # the file's name; its folders are the author's own business
    return {"@id": "#data", "@type": "CreativeWork", "name": name, "identifier": manifest["data"]["digest"]}


def _parameters(folder: Path) -> list[Entity]:
    file = folder / "parameters.json"
    given = read_json(file)["parameters"] if file.exists() else {}
    return [
        {"@id": f"#parameter-{quote(name)}", "@type": "PropertyValue", "name": name, "value": _plain(one["value"])}
        for name, one in given.items()
    ]


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False)


def _parts(folder: Path) -> list[Entity]:
    """Describe the files and folders at the top; what lies deeper belongs to its folder, and the manifest has it."""
    here = [path for path in sorted(folder.iterdir()) if path.name not in (CRATE, MANIFEST)]
    described = [_folder(path) if path.is_dir() else _file(path) for path in here]
    return [*described, {**_named(MANIFEST), "@type": "File", "encodingFormat": "application/json"}]


def _named(name: str) -> Entity:
    return {"@id": quote(name), "name": name, "description": ABOUT.get(name, "Written by the notebook")}


def _folder(path: Path) -> Entity:
    return {**_named(path.name), "@id": f"{quote(path.name)}/", "@type": "Dataset"}


def _file(path: Path) -> Entity:
    form = FORMATS.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    entity = {**_named(path.name), "@type": "File", "encodingFormat": form, "contentSize": str(path.stat().st_size)}
    if path.name == "template.ipynb":
        entity["@type"] = ["File", "SoftwareSourceCode"]
        entity["version"] = digest(path)
    return entity
