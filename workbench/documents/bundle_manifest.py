"""The manifest of a bundle: where the model comes from, how good it was found, and the digest of every file.

Light: reading it imports neither pandas nor skops.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.documents.experiment import MANIFEST, seal
from workbench.documents.files import FORMAT, digest, insist_on_format, read_json, write_json
from workbench.errors import BadArtifact

FIELDS = (
    "model",
    "version",
    "created",
    "author",
    "experiment",
    "metric",
    "scores",
    "task",
    "data",
    "verdicts",
    "files",
)


def write_bundle_manifest(folder: Path, fields: Mapping[str, Any]) -> str:
    """Write the manifest over every file in `folder`; return its seal."""
    files = [{"name": n, "digest": digest(p), "size": p.stat().st_size} for n, p in sorted(_files(folder).items())]
    document = {"format": FORMAT, **fields, "files": files}
    write_json(folder / MANIFEST, document | {"digest": seal(document)})
    return seal(document)


def read_bundle_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a bundle.

    Raises
    ------
    BadArtifact
        If there is none, or it is not what was written.
    """
    try:
        document = read_json(folder / MANIFEST)
    except (OSError, ValueError, RecursionError) as error:
        raise BadArtifact(str(folder), f"has no {MANIFEST} that can be read ({error})") from error
    if not isinstance(document, dict):
        raise BadArtifact(str(folder), f"has a {MANIFEST} that is no JSON object")
    insist_on_format(document.get("format"), str(folder), f"has a {MANIFEST}")
    if not set(FIELDS) <= set(document):
        raise BadArtifact(str(folder), f"is no bundle, by its {MANIFEST}", "Name a folder below models/*/bundles.")
    if document.get("digest") != seal(document):
        raise BadArtifact(str(folder), f"has a {MANIFEST} that was changed after it was written")
    return document


def verify_bundle(folder: Path) -> dict[str, Any]:
    """Check that every file of a bundle is what it was when it was built; return its manifest.

    Raises
    ------
    BadArtifact
        Naming what is missing, extra or changed.
    """
    manifest = read_bundle_manifest(folder)
    known = {entry["name"]: entry for entry in manifest["files"]}
    found = _files(folder)
    problems = [f"{name} is missing" for name in sorted(known.keys() - found.keys())]
    problems += [f"{name} is extra" for name in sorted(found.keys() - known.keys())]
    problems += [f"{name} was changed" for name in sorted(known.keys() & found.keys()) if _differs(found, known, name)]
    if problems:
        raise BadArtifact(str(folder), f"is not what was promoted: {', '.join(problems)}")
    return manifest


def _differs(found: Mapping[str, Path], known: Mapping[str, Mapping[str, Any]], name: str) -> bool:
    return found[name].stat().st_size != known[name]["size"] or digest(found[name]) != known[name]["digest"]


def _files(folder: Path) -> dict[str, Path]:
    """Every file but the manifest, by its path in the bundle; Python's own caches come and go."""
    paths = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    named = {path.relative_to(folder).as_posix(): path for path in paths if "__pycache__" not in path.parts}
    named.pop(MANIFEST, None)
    return named
