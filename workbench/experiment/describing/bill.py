"""What the experiment was made with, for those who look after software: a bill of materials, CycloneDX 1.6.

Every package of the environment with its terms, Python, the workbench, the table by its digest, and the model with a
card that says what it is for and how well it does.
"""

from __future__ import annotations

import functools
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from workbench.documents.experiment import DIGEST, Manifest, reference_of
from workbench.documents.files import read_json, write_bytes
from workbench.experiment.describing.entities import moment

BILL = "sbom.cdx.json"
SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
Component = dict[str, Any]


def write_bill(folder: Path, manifest: Manifest) -> None:
    """Write ``sbom.cdx.json`` for what lies in `folder`: the same bytes for the same experiment."""
    reference = reference_of(manifest)
    workbench = _workbench(folder)
    document = {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, str(reference)).urn,
        "version": 1,
        "metadata": {
            "timestamp": moment(manifest["ended"] or manifest["started"]),
            "tools": {"components": [workbench]},
            "component": {"type": "application", "name": reference.name, "version": reference.version},
        },
        "components": [
            *_model(folder, manifest),
            *_table(manifest),
            workbench,
            *_packages(*((folder / "environment" / name).read_text() for name in ("python.json", "requirements.lock"))),
        ],
    }
    # It is for tools: without the spaces that people like it is two thirds as long.
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    write_bytes(folder / BILL, f"{text}\n".encode("utf-8", "backslashreplace"))


def _workbench(folder: Path) -> Component:
    ours = read_json(folder / "environment" / "workbench.json")
    version = {"version": ours["version"]} if ours["version"] else {}
    commit = [{"name": "commit", "value": ours["commit"]}] if ours["commit"] else []
    return {"type": "application", "name": ours["name"], **version, **({"properties": commit} if commit else {})}


@functools.lru_cache(maxsize=4)  # of a thousand runs of a batch, all but one find them here
def _packages(python: str, lock: str) -> list[Component]:
    told = json.loads(python)
    pinned = [line.split(" @ ", 1) for line in lock.splitlines()]
    addresses = {line[0]: line[1] for line in pinned if len(line) == 2}
    terms = told.get("licenses", {})
    platform = {"type": "platform", "name": told["implementation"], "version": told["python"]}
    libraries = [
        _library(name, version, addresses.get(name), terms.get(name)) for name, version in told["packages"].items()
    ]
    return [platform, *libraries]


def _library(name: str, version: str, address: str | None, terms: str | list[str] | None) -> Component:
    origin = f"?vcs_url={quote(address, safe='')}" if address else ""
    purl = f"pkg:pypi/{quote(name, safe='')}@{quote(version, safe='')}{origin}"
    told: Component = {"type": "library", "name": name, "version": version, "purl": purl}
    if isinstance(terms, str):
        return {**told, "licenses": [{"expression": terms}]}
    return {**told, "licenses": [{"license": {"name": one}} for one in terms]} if terms else told


def _table(manifest: Manifest) -> Iterator[Component]:
    digest = str(manifest["data"]["digest"])
    if DIGEST.fullmatch(digest):
        kept = next((one["name"] for one in manifest.get("objects", ()) if one["digest"] == digest), "table")
        mark = {"alg": "SHA-256", "content": digest.partition(":")[2]}
        yield {"type": "data", "bom-ref": "data", "name": kept, "hashes": [mark], "data": [{"type": "dataset"}]}


def _model(folder: Path, manifest: Manifest) -> Iterator[Component]:
    if not (folder / "model" / "MLmodel").is_file():
        return
    reference = reference_of(manifest)
    parameters: dict[str, Any] = {"approach": {"type": "supervised"}}
    parameters |= {"datasets": [{"ref": "data"}]} if any(_table(manifest)) else {}
    card = {"modelParameters": parameters, "quantitativeAnalysis": {"performanceMetrics": list(_metrics(manifest))}}
    named = {"name": reference.name, "version": reference.version, "description": "The fitted model in model/"}
    yield {"type": "machine-learning-model", "bom-ref": "model", **named, "modelCard": card}


def _metrics(manifest: Manifest) -> Iterator[dict[str, Any]]:
    told = manifest["scores"] if isinstance(manifest["scores"], dict) else {}  # a notebook may have written anything
    for name, score in ((name, score) for name, score in told.items() if isinstance(score, dict)):
        ends = {"lowerBound": score.get("low"), "upperBound": score.get("high")}
        interval = {end: str(value) for end, value in ends.items() if value is not None}
        metric = {"type": name, "value": str(score.get("value")), "slice": "rows that were not learned from"}
        yield {**metric, **({"confidenceInterval": interval} if interval else {})}
