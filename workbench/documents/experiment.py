"""The manifest of an experiment: what was run, how it ended, and the digest of every file.

Listing, resolving and verifying read this document alone. Fields this version does not know are kept. To change the
form: raise `FORMAT`, add a reader that lifts the older form, and freeze what is written now in ``tests/golden/store``.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import NoneType
from typing import Any

from workbench.documents.files import FORMAT, insist_on_format, write_json
from workbench.documents.outbox import score_of
from workbench.errors import BadArtifact
from workbench.records import Reference, Score

MANIFEST = "manifest.json"
REPRODUCTION = "reproduction"  # the kind of an experiment that makes another one again
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
VERSION = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}", re.ASCII)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
FILE_NAME = re.compile(r"(?!\.{1,2}$)[^/\\\x00-\x1f\x7f]{1,255}")
DEEPEST = 32  # levels; a run of a batch has its values three deep
LARGEST = 64 * 2**20  # bytes; a manifest of ten thousand files is about 2 MB

Manifest = dict[str, Any]
FIELDS: dict[str, tuple[type, ...]] = {
    "kind": (str,),
    "ref": (str,),
    "status": (str,),
    "reason": (str,),
    "started": (str,),
    "ended": (str, NoneType),
    "author": (str,),
    "template": (str,),
    "labels": (dict,),
    "cause": (dict,),
    "parents": (list,),
    "fingerprint": (str,),
    "data": (dict,),
    "metric": (str, NoneType),
    "scores": (dict,),
    "resources": (dict,),
    "objects": (list,),
    "files": (list,),
}


def new_version(now: datetime) -> str:
    """Make a version: when it began, in UTC, so that versions sort by time; and eight random hex digits."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> Manifest:
    """Write the manifest with its own digest, so that a changed manifest shows as well as a changed file."""
    document = {"format": FORMAT, **manifest}
    document["digest"] = seal(document)
    write_json(folder / MANIFEST, document)
    return document


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of the experiment in `folder`.

    Raises
    ------
    BadArtifact
        If there is none, it cannot be read, or a later version of the workbench wrote it.
    """
    try:
        with (folder / MANIFEST).open("rb") as file:
            content = file.read(LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise BadArtifact(
            str(folder), f"has no {MANIFEST}", "It is not an experiment, or only a part of one."
        ) from None
    except OSError as error:
        raise BadArtifact(str(folder), f"cannot be read: {error.strerror}") from error
    return parse_manifest(content, str(folder))


def parse_manifest(content: bytes, which: str) -> Manifest:
    """Judge the bytes of a manifest and give its fields in the newest form; `which` names it in errors."""
    if len(content) > LARGEST:
        raise BadArtifact(which, f"has a {MANIFEST} of more than {LARGEST // 2**20} MB")
    try:
        document = json.loads(content, parse_float=_number, parse_constant=_number)
    except (ValueError, RecursionError) as error:
        raise BadArtifact(which, f"has a damaged {MANIFEST} ({error})") from error
    if not isinstance(document, dict):
        raise BadArtifact(which, f"has a {MANIFEST} that is no JSON object")
    insist_on_format(document.get("format"), which, f"has a {MANIFEST}")
    if _is_deep(document):
        raise BadArtifact(which, f"has a {MANIFEST} that is nested as none is")
    manifest = READERS[document["format"]](document)
    if found := problems(manifest):
        raise BadArtifact(which, f"has a {MANIFEST} that is not whole: {'; '.join(found)}")
    return manifest


def problems(manifest: Manifest) -> list[str]:
    """Everything that is wrong with the fields of a manifest."""
    found = [
        f"{name} is {'missing' if name not in manifest else 'not ' + ' or '.join(kind.__name__ for kind in kinds)}"
        for name, kinds in FIELDS.items()
        if not isinstance(manifest.get(name, ...), kinds)
    ]
    if isinstance(ref := manifest.get("ref"), str) and not _is_reference(ref):
        found.append(f"ref {ref[:100]!r} is not a name and a version")
    if isinstance(files := manifest.get("files"), list) and not all(map(_is_entry, files)):
        found.append("files holds something that is not {name, digest, size}")
    if isinstance(objects := manifest.get("objects"), list) and not all(map(_is_object, objects)):
        found.append("objects holds something that is not {role, name, digest, size}")
    if isinstance(scores := manifest.get("scores"), dict) and not all(map(_is_score, scores.values())):
        found.append("scores holds something that is not {value, low, high, …}")
    whole = (name for name in INNER if isinstance(manifest.get(name, ...), FIELDS[name]))
    found.extend(f"{name} holds what it cannot" for name in whole if not INNER[name](manifest[name]))
    return found


def _is_reference(text: str) -> bool:
    reference = Reference.parse(text)
    return bool(NAME.fullmatch(reference.name) and VERSION.fullmatch(reference.version))


def _is_entry(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("name"), str)
        and isinstance(entry.get("size"), int)
        and isinstance(entry.get("digest"), str)
        and bool(DIGEST.fullmatch(entry["digest"]))
    )


def _is_object(entry: Any) -> bool:
    return _is_entry(entry) and isinstance(entry.get("role"), str) and bool(FILE_NAME.fullmatch(entry["name"]))


def _is_score(score: Any) -> bool:
    told = ("value", "low", "high", "optimism", "rows")
    return isinstance(score, dict) and "value" in score and all(_is_number(score.get(name)) for name in told)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | NoneType)


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _are_plain(labels: dict[str, Any]) -> bool:
    return all(isinstance(value, str | int | float | NoneType) for value in labels.values())


def _are_measured(resources: dict[str, Any]) -> bool:
    cost = resources.get("cost") or {"amount": 0, "currency": ""}
    priced = isinstance(cost, dict) and isinstance(cost.get("amount"), int | float)
    told = ("wall", "cpu", "peak_memory", "runs", "attempts")
    return priced and isinstance(cost.get("currency"), str) and all(_is_number(resources.get(name)) for name in told)


def _is_data(data: dict[str, Any]) -> bool:
    return isinstance(data.get("digest"), str | NoneType) and isinstance(data.get("rows"), int | NoneType)


def _is_time(text: str | None) -> bool:
    try:
        return not text or bool(datetime.fromisoformat(text))
    except ValueError:
        return False


INNER: dict[str, Callable[[Any], bool]] = {
    "started": _is_time,
    "ended": _is_time,
    "parents": _are_texts,
    "labels": _are_plain,
    "resources": _are_measured,
    "data": _is_data,
}


def _is_deep(value: Any, left: int = DEEPEST) -> bool:
    """Whether lists and objects lie in one another more than `left` times."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return left == 0 or any(_is_deep(one, left - 1) for one in inside if isinstance(one, dict | list))


def _number(text: str) -> float:
    """Read a number that can be written again: JSON has no word for one that is endless, or none at all."""
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text[:20]} is no number of JSON")
    return number


def reference_of(manifest: Manifest) -> Reference:
    """Give the name and version a manifest was written under."""
    return Reference.parse(str(manifest["ref"]))


def scores_of(manifest: Manifest) -> dict[str, Score]:
    """Give the scores summed up in a manifest, the one searched by first; one without a value is left out."""
    told = {metric: score for metric, score in manifest["scores"].items() if score["value"] is not None}
    return {name: score_of(name, told[name]) for name in sorted(told, key=lambda name: name != manifest["metric"])}


def seal(manifest: Mapping[str, Any]) -> str:
    """Digest a manifest's own fields, whatever their order and layout."""
    fields = {name: value for name, value in manifest.items() if name != "digest"}
    canonical = json.dumps(fields, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"


def is_intact(manifest: Manifest) -> bool:
    """Whether the manifest still holds what was written into it."""
    return manifest.get("digest") == seal(manifest)


def _read_v1(document: Manifest) -> Manifest:
    return document


READERS: dict[int, Callable[[Manifest], Manifest]] = {0: _read_v1, 1: _read_v1}
