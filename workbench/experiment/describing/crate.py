"""A run described for other tools: RO-Crate 1.1 with the Process Run Crate 0.5 profile, as JSON-LD.

Written by hand: the profile builds on RO-Crate 1.1, and the ``rocrate`` library now writes a later version, which the
profile's validator refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from workbench.documents.experiment import Manifest, reference_of
from workbench.documents.files import read_json
from workbench.experiment.describing.entities import (
    Entity,
    author,
    descriptor,
    ended_as,
    format_of,
    is_on_the_web,
    left_out,
    license_,
    link,
    links,
    moment,
    origins,
    parts,
    software,
    values,
    write_graph,
)

PROFILE = {
    "@id": "https://w3id.org/ro/wfrun/process/0.5",
    "@type": "CreativeWork",
    "name": "Process Run Crate",
    "version": "0.5",
}
RESULTS = (
    "notebook.ipynb", "report.html", "scores.json", "leaderboard.csv", "importance.csv", "predictions.parquet",
    "trials.jsonl", "winner.ipynb", "model/", "outputs/",
)  # fmt: skip
ELSEWHERE = "It is no part of this folder. In an export that takes it along, its bytes are the file {}"


def write_crate(folder: Path, manifest: Manifest) -> None:
    """Write ``ro-crate-metadata.json`` for a run, from what lies in `folder`."""
    who, tool, terms, made_of = author(manifest), software(folder), license_(), origins(manifest)
    given = _given(folder)
    data = _tables(folder, manifest, given)
    asked = list(values((name, name, one["value"]) for name, one in given.items()))
    files, repository = parts(folder), _repository(folder)
    files = [_from(one, repository) if one["@id"] == "template.ipynb" else one for one in files]
    action = _action(manifest, files, [*data, *asked], who, tool)
    held = [*files, *(table for table in data if table["@type"] == "File")]
    root = {
        "@id": "./",
        "@type": "Dataset",
        "identifier": manifest["ref"],
        "name": f"Experiment {manifest['ref']}",
        "description": f"One run of the notebook template {manifest['template']!r}: {manifest['status']}"
        f"{left_out(manifest)}",
        "datePublished": moment(manifest["ended"] or manifest["started"]),
        "conformsTo": link(PROFILE),
        "license": link(terms),
        "author": link(who),
        "publisher": link(who),
        "mentions": link(action),
        **links("isBasedOn", made_of),
        **links("hasPart", held),
    }
    write_graph(
        folder, descriptor(), root, PROFILE, terms, who, tool, action, made_of, data, asked, files, repository or []
    )


def _action(manifest: Manifest, files: list[Entity], used: list[Entity], who: Entity, tool: Entity) -> Entity:
    by_id = {one["@id"]: one for one in files}
    ended = {"endTime": moment(manifest["ended"])} if manifest["ended"] else {}
    return {
        "@id": f"#run-{reference_of(manifest).version}",
        "@type": "CreateAction",
        "name": f"Run of {manifest['template']}",
        "description": "The template was executed with the parameters given, by papermill",
        "instrument": link(by_id.get("template.ipynb", tool)),
        **links("object", used),
        **links("result", [by_id[one] for one in RESULTS if one in by_id]),
        "agent": link(who),
        "startTime": moment(manifest["started"]),
        **ended,
        **ended_as(manifest["status"], manifest["reason"]),
    }


def _given(folder: Path) -> dict[str, Any]:
    file = folder / "parameters.json"
    return dict(read_json(file)["parameters"]) if file.exists() else {}


def _tables(folder: Path, manifest: Manifest, given: Mapping[str, Any]) -> list[Entity]:
    """Describe every table the run was given: by its address where the web has it, else by its digest."""
    kept = [one for one in manifest.get("objects", ()) if one.get("role") == "data"]
    if kept:
        tables = [_table(one, str(given.get(one.get("parameter"), {}).get("value") or ""), manifest) for one in kept]
        return list({table["@id"]: table for table in tables}.values())
    if manifest["data"]["digest"] is None:
        return []
    source = str(read_json(folder / "task.json").get("data", {}).get("source") or "data")
    name = source.replace("\\", "/").rpartition("/")[2]  # the file's name; its folders are the author's own business
    return [{"@id": "#data", "@type": "CreativeWork", "name": name, "identifier": manifest["data"]["digest"]}]


def _table(kept: Mapping[str, Any], source: str, manifest: Manifest) -> Entity:
    about = {
        "name": kept["name"],
        "identifier": kept["digest"],
        "encodingFormat": format_of(kept["name"]),
        "contentSize": str(kept["size"]),
    }
    if is_on_the_web(source):
        return {"@id": source, "@type": "File", **about, "sdDatePublished": moment(manifest["started"])}
    place = f"objects/{kept['digest'].replace(':', '/')}"
    mark = quote(kept.get("parameter") or kept["name"])
    return {"@id": f"#data-{mark}", "@type": "CreativeWork", **about, "description": ELSEWHERE.format(place)}


def _repository(folder: Path) -> Entity | None:
    """Describe the repository the template lies in; its changes that are not committed stay where they are."""
    file = folder / "environment" / "git.json"
    told = read_json(file) if file.exists() else {}
    if not told.get("commit"):
        return None
    changed = ", with changes that were not committed" if told.get("changed") else ""
    about = {"name": "The repository the template lies in", "description": f"At this commit{changed}"}
    remote = {"codeRepository": told["remote"]} if told.get("remote") else {}
    return {"@id": "#repository", "@type": "SoftwareSourceCode", **about, "version": told["commit"], **remote}


def _from(template: Entity, repository: Entity | None) -> Entity:
    return {**template, **links("isPartOf", [repository] if repository else [])}
