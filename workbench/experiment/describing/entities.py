"""What every crate is made of: who, when, with what software, under which terms, and the files."""

from __future__ import annotations

import json
import math
import mimetypes
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from workbench.documents.experiment import MANIFEST, REPRODUCTION, Manifest
from workbench.documents.files import digest, read_json, write_json

CRATE = "ro-crate-metadata.json"
SPEC = "https://w3id.org/ro/crate/1.1"
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
    "report.html": "What came of it, as a page",
    "winner.ipynb": "A notebook that makes the model again, without the workbench",
    "parameters.json": "The values the template was given, and where each came from",
    "parameters.schema.json": "The template's parameters as JSON Schema",
    "task.json": "What was to be predicted from what",
    "scores.json": "Every metric with its interval, from out-of-fold predictions",
    "leaderboard.csv": "The candidates of the search",
    "predictions.parquet": "Out-of-fold predictions",
    "trials.jsonl": "Every trial of the search",
    "study.journal": "The studies of the search, as Optuna keeps them",
    "checks.json": "What was found about the data",
    "importance.csv": "What drives the model",
    "reproduction.json": "What came out equal when the experiment was made again, what differs, and why",
    "error.json": "The error that ended the run",
    "events.jsonl": "What happened, in order",
    "batch.json": "The batch: what was asked for, and what became of every run",
    "runs.csv": "Every run of the batch with its score, labels and parameters",
    "runs": "The reports of the batch's runs",
    "kernel.log": "What the kernel's process itself said",
    "sbom.cdx.json": "Every package of the environment, and the model, as a CycloneDX bill of materials",
    MANIFEST: "What was run, how it ended, and the digest of every file",
    "data": "The columns of the table, their profile, and the table described for others in Croissant",
    "environment": "Python, platform and the exact version of every package",
    "templates": "The templates of the steps, without outputs",
    "model": "The fitted model, in MLflow's layout",
    "outputs": "Files the notebook wrote",
}


def write_graph(folder: Path, *entities: Entity | Iterable[Entity]) -> None:
    """Write a crate of these entities; what is named twice is told once."""
    flat = [one for part in entities for one in ([part] if isinstance(part, dict) else part)]
    graph = list({entity["@id"]: entity for entity in flat}.values())
    write_json(folder / CRATE, {"@context": f"{SPEC}/context", "@graph": graph})


def link(entity: Entity) -> Entity:
    """Point to an entity."""
    return {"@id": entity["@id"]}


def links(field: str, entities: Iterable[Entity]) -> Entity:
    """Fill a field with its links: nothing for none, and one without a list around it, as the specification asks."""
    found = [link(entity) for entity in entities]
    return {field: found if len(found) > 1 else found[0]} if found else {}


def moment(text: str) -> str:
    """Write a time as the profiles want it: their pattern has room for three digits of a second."""
    return datetime.fromisoformat(text).isoformat(timespec="milliseconds")


def descriptor(*more: str) -> Entity:
    """Describe the metadata file itself; `more` names what it conforms to besides RO-Crate 1.1."""
    conforms = [{"@id": one} for one in (SPEC, *more)]
    about = {"conformsTo": conforms if more else conforms[0], "about": {"@id": "./"}}
    return {"@id": CRATE, "@type": "CreativeWork", **about}


def license_() -> Entity:
    """Say that nobody has said under which terms an experiment may be used."""
    stated = "Nobody has stated under which terms this experiment may be used: ask its author"
    return {"@id": "#license", "@type": "CreativeWork", "name": "No licence stated", "description": stated}


def author(manifest: Manifest) -> Entity:
    """Describe who ran it."""
    return {"@id": "#author", "@type": "Person", "name": manifest["author"] or "unknown"}


def software(folder: Path) -> Entity:
    """Describe the workbench that ran it."""
    ours = read_json(folder / "environment" / "workbench.json")
    version = ours["version"] or "unknown"
    commit = {"identifier": ours["commit"]} if ours["commit"] else {}
    return {"@id": "#workbench", "@type": "SoftwareApplication", "name": ours["name"], "version": version, **commit}


def ended_as(status: str, reason: str) -> Entity:
    """Say how an action ended: schema.org knows completed and failed."""
    if status == "completed":
        return {"actionStatus": "http://schema.org/CompletedActionStatus"}
    return {"actionStatus": "http://schema.org/FailedActionStatus", "error": reason or status}


def left_out(manifest: Manifest) -> str:
    """Say in a sentence what of an experiment is not there; nothing when all of it is."""
    missing = manifest.get("left_out") or {}
    return f". Left out: {'; '.join(f'{name} ({why})' for name, why in sorted(missing.items()))}" if missing else ""


def origins(manifest: Manifest) -> list[Entity]:
    """Name what it was made of: the whole experiment this is a part of, or the one that was made again."""
    told = []
    if whole := manifest.get("whole"):
        about = "The manifest of the whole experiment, of which this is what may be shown without its data"
        told.append({"@id": "#whole", "@type": "CreativeWork", "name": about, "identifier": str(whole)})
    if manifest["kind"] == REPRODUCTION:
        names = {"@type": "CreativeWork", "description": "The experiment that was made again"}
        told += [{"@id": f"#{quote(ref)}", **names, "name": ref, "identifier": ref} for ref in manifest["parents"]]
    return told


def parts(folder: Path) -> list[Entity]:
    """Describe the files and folders at the top; what lies deeper belongs to its folder, and the manifest has it.

    The manifest, which is written last, is counted as there.
    """
    here = [path for path in sorted(folder.iterdir()) if path.name not in (CRATE, MANIFEST)]
    described = [_folder(path) if path.is_dir() else file(path) for path in here]
    return [*described, {**_named(MANIFEST), "@type": "File", "encodingFormat": "application/json"}]


def _named(name: str) -> Entity:
    return {"@id": quote(name), "name": name, "description": ABOUT.get(name, "Written by the notebook")}


def _folder(path: Path) -> Entity:
    return {**_named(path.name), "@id": f"{quote(path.name)}/", "@type": "Dataset"}


def file(path: Path) -> Entity:
    """Describe a file at the top of the folder."""
    entity = {**_named(path.name), "@type": "File", "encodingFormat": format_of(path.name)}
    entity["contentSize"] = str(path.stat().st_size)
    return as_code(entity, path) if path.name == "template.ipynb" else entity


def as_code(entity: Entity, path: Path) -> Entity:
    """Describe a file as one that is run: its digest is its version."""
    return {**entity, "@type": ["File", "SoftwareSourceCode"], "version": digest(path)}


def format_of(name: str) -> str:
    """Tell the media type of a file by its name."""
    return FORMATS.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def is_on_the_web(source: str) -> bool:
    """Tell an address that anyone may open from one that asks for more, such as a signature, and from a path.

    Examples
    --------
    >>> [is_on_the_web(one) for one in ("https://example.org/a.csv", "https://example.org/a.csv?sig=1", "a.csv")]
    [True, False, False]
    """
    try:
        url = urlsplit(source)
    except ValueError:
        return False
    plain = not (url.query or url.fragment or "@" in url.netloc) and quote(source, safe=":/%") == source
    return url.scheme in ("http", "https") and bool(url.netloc) and plain


def values(given: Iterable[tuple[str, str, Any]]) -> Iterator[Entity]:
    """Describe values that something was given: each an id, a name and the value."""
    for mark, name, value in given:
        yield {"@id": f"#parameter-{quote(mark)}", "@type": "PropertyValue", "name": name, "value": _plain(value)}


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no such number
    return value if isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False)
