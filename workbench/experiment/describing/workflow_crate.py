"""A batch described for other tools: RO-Crate 1.1 with the Provenance Run Crate 0.5 profile, as JSON-LD.

To the profile ``batch.json`` is a workflow, each template a tool, and each step of a pipeline a step; a batch of one
template has one step. What became of a run stands in an action of its own, which names its experiment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from workbench.documents.experiment import Manifest, reference_of
from workbench.documents.files import read_json
from workbench.experiment.describing.entities import (
    Entity,
    as_code,
    author,
    descriptor,
    ended_as,
    format_of,
    left_out,
    license_,
    link,
    links,
    moment,
    parts,
    software,
    values,
    write_graph,
)

WORKFLOW = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
PROFILES = [
    {"@id": f"https://w3id.org/ro/wfrun/{name.split()[0].lower()}/0.5", "name": name, "version": "0.5"}
    for name in ("Process Run Crate", "Workflow Run Crate", "Provenance Run Crate")
] + [{"@id": WORKFLOW, "name": "Workflow RO-Crate", "version": "1.0"}]
BIOSCHEMAS = {
    "@id": "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE",
    "@type": "CreativeWork",
    "name": "Bioschemas ComputationalWorkflow",
    "version": "1.0",
}
LANGUAGE = {
    "@id": "#batch-language",
    "@type": "ComputerLanguage",
    "name": "Batch of the workbench",
    "description": "A template, or templates that go on with each other's work, and the values of every run",
}
BATCH = "batch.json"
Run = Mapping[str, Any]


def write_workflow_crate(folder: Path, manifest: Manifest) -> None:
    """Write ``ro-crate-metadata.json`` for a batch, from what lies in `folder`."""
    batch = read_json(folder / BATCH)
    profiles = [{**profile, "@type": "CreativeWork"} for profile in PROFILES]
    who, engine, terms, files = author(manifest), software(folder), license_(), parts(folder)
    tools = _tools(folder, batch["runs"])
    steps = {name: _step(name, number, tools[name]) for number, name in enumerate(tools, start=1)}
    own = {name: mark for mark, name in enumerate(_own(batch["runs"]), start=1)}
    asked = list(values((str(mark), name, value) for (name, value), mark in own.items()))
    common = list(values((f"common-{name}", name, value) for name, value in batch.get("common", {}).items()))
    reports = {run["number"]: _report(run) for run in batch["runs"] if run.get("report")}
    runs = [_run(run, tools, own, reports, who) for run in batch["runs"]]
    controls = [_control(name, step, batch["runs"], runs) for name, step in steps.items()]
    whole = _whole(manifest, files, common, who)
    organised = _organised(manifest, engine, controls, whole, who)
    files = _with_parts(files, manifest, tools, steps, reports)
    root = {
        "@id": "./",
        "@type": "Dataset",
        "identifier": manifest["ref"],
        "name": f"Batch {manifest['ref']}",
        "description": f"{len(runs)} runs of the notebook template {manifest['template']!r}: {manifest['status']}"
        f"{left_out(manifest)}",
        "datePublished": moment(manifest["ended"] or manifest["started"]),
        **links("conformsTo", profiles),
        "license": link(terms),
        "author": link(who),
        "publisher": link(who),
        "mainEntity": {"@id": BATCH},
        **links("mentions", [whole, organised, *runs]),
        **links("hasPart", [one for one in files if "/" not in one["@id"].rstrip("/")]),
    }
    fixed = [descriptor(WORKFLOW), root, *profiles, BIOSCHEMAS, LANGUAGE, terms, who, engine]
    write_graph(folder, fixed, organised, controls, whole, runs, steps.values(), common, asked, files)


def _tools(folder: Path, runs: Iterable[Run]) -> dict[str, Entity]:
    """Describe the templates by the names of their steps, in the order they are first come to."""
    return {name: _tool(folder, name) for name in dict.fromkeys(_step_of(run) for run in runs)}


def _tool(folder: Path, name: str) -> Entity:
    place = f"templates/{name}.ipynb" if name else "template.ipynb"
    about = {"name": place.rpartition("/")[2], "description": "A template, without outputs"}
    if (folder / place).is_file():
        return as_code({"@id": quote(place), **about, "encodingFormat": format_of(place)}, folder / place)
    left_out = {"@type": "SoftwareSourceCode", "version": "unknown", "description": "A template that was left out"}
    return {"@id": f"#template-{quote(name or 'run')}", **about, **left_out}


def _step_of(run: Run) -> str:
    return str(run.get("step") or "")


def _step(name: str, number: int, tool: Entity) -> Entity:
    named = {"@id": f"#step-{quote(name or 'run')}", "@type": "HowToStep", "name": name or "run"}
    return {**named, "position": str(number), "workExample": link(tool)}


def _own(runs: Iterable[Run]) -> dict[tuple[str, str], None]:
    """List what single runs were given: a value that many share is told once."""
    return dict.fromkeys(pair for run in runs for pair in run["parameters"].items())


def _report(run: Run) -> Entity:
    place = str(run["report"])
    about = {"name": place.rpartition("/")[2], "description": f"The report of {run['ref']}"}
    return {"@id": quote(place, safe="/@"), "@type": "File", "encodingFormat": "text/html", **about}


def _run(
    run: Run,
    tools: Mapping[str, Entity],
    own: Mapping[tuple[str, str], int],
    reports: Mapping[int, Entity],
    who: Entity,
) -> Entity:
    given = [{"@id": f"#parameter-{own[pair]}"} for pair in run["parameters"].items()]
    needed = [reports[number] for number in run.get("needs", ()) if number in reports]
    times = {"startTime": run.get("started"), "endTime": run.get("ended")}
    return {
        "@id": f"#run-{run['number']}",
        "@type": "CreateAction",
        "name": run["name"],
        "description": "The template was executed with the parameters given, by papermill",
        **({"identifier": run["ref"]} if run["ref"] else {}),
        "instrument": link(tools[_step_of(run)]),
        **links("object", [*given, *needed]),
        **links("result", [reports[run["number"]]] if run["number"] in reports else []),
        "agent": link(who),
        **{name: moment(text) for name, text in times.items() if text},
        **ended_as(run["status"], run["reason"]),
    }


def _control(name: str, step: Entity, runs: Iterable[Run], actions: Iterable[Entity]) -> Entity:
    of_it = [action for run, action in zip(runs, actions, strict=True) if _step_of(run) == name]
    named = {"@id": f"#control-{quote(name or 'run')}", "@type": "ControlAction", "name": f"Orchestrate {step['name']}"}
    return {**named, "instrument": link(step), **links("object", of_it)}


def _whole(manifest: Manifest, files: Iterable[Entity], common: Iterable[Entity], who: Entity) -> Entity:
    told = [one for one in files if one["@id"] in ("report.html", "runs.csv", "runs/")]
    ended = {"endTime": moment(manifest["ended"])} if manifest["ended"] else {}
    return {
        "@id": f"#batch-{reference_of(manifest).version}",
        "@type": "CreateAction",
        "name": f"Batch of {manifest['template']}",
        "description": "Every run that was asked for was carried out, as far as nothing spoke against it",
        "instrument": {"@id": BATCH},
        **links("object", common),
        **links("result", told),
        "agent": link(who),
        "startTime": moment(manifest["started"]),
        **ended,
        **ended_as(manifest["status"], manifest["reason"]),
    }


def _organised(manifest: Manifest, engine: Entity, controls: list[Entity], whole: Entity, who: Entity) -> Entity:
    times: Entity = {name: whole[name] for name in ("startTime", "endTime") if name in whole}
    return {
        "@id": f"#organised-{reference_of(manifest).version}",
        "@type": "OrganizeAction",
        "name": f"Conducting of {manifest['ref']}",
        "instrument": link(engine),
        **links("object", controls),
        "result": link(whole),
        "agent": link(who),
        **times,
    }


def _with_parts(
    files: Iterable[Entity],
    manifest: Manifest,
    tools: Mapping[str, Entity],
    steps: Mapping[str, Entity],
    reports: Mapping[int, Entity],
) -> list[Entity]:
    """Say what the folders hold, and that ``batch.json`` is the workflow."""
    told = {one["@id"]: one for one in files}
    pages = list({page["@id"]: page for page in reports.values()}.values())
    deeper = [tool for tool in tools.values() if tool["@id"].startswith("templates/")]
    for folder, inside in (("runs/", pages), ("templates/", deeper)):
        if folder in told:
            told[folder] = {**told[folder], **links("hasPart", inside)}
    told[BATCH] = {
        **told[BATCH],
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
        "conformsTo": link(BIOSCHEMAS),
        "programmingLanguage": link(LANGUAGE),
        "version": manifest["fingerprint"],
        **links("hasPart", tools.values()),
        **links("step", steps.values()),
    }
    return [*told.values(), *(tool for tool in tools.values() if tool["@id"] not in told), *pages]
