"""Verifying: whether every byte of an experiment is what was kept, and which file is not."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.documents.experiment import MANIFEST, Manifest, is_intact, read_manifest, reference_of
from workbench.documents.files import digest
from workbench.errors import BadArtifact
from workbench.experiment.kept import Experiment


def verify(experiment: Experiment) -> list[str]:
    """Compare an experiment's folder with its manifest; one sentence for each file that is extra, missing or changed.

    An empty list means that every byte is what was kept.
    """
    try:
        manifest = read_manifest(experiment.path)
    except BadArtifact as error:
        return [str(error)]
    found = _files_below(experiment.path)
    problems = compared(manifest, {name: path.stat().st_size for name, path in found.items() if path is not None})
    odd = [f"{name} is not a regular file" for name, path in found.items() if path is None]
    named = {entry["name"]: entry for entry in manifest["files"]}
    same_size = [name for name in named if (path := found.get(name)) and path.stat().st_size == named[name]["size"]]
    changed = [f"{name} was changed" for name in same_size if _digest(found[name]) != named[name]["digest"]]
    moved = [] if reference_of(manifest) == experiment.reference else [f"it was kept as {manifest['ref']}"]
    return sorted([*problems, *odd, *changed, *moved])


def _digest(path: Path | None) -> str:
    try:
        return "" if path is None else digest(path)
    except OSError:
        return ""


def _files_below(folder: Path) -> dict[str, Path | None]:
    """Every file by its name; None in place of the path for a link, a pipe, a device."""
    found: dict[str, Path | None] = {}
    for parent, folders, files in os.walk(folder):
        for name in (*files, *(one for one in folders if (Path(parent) / one).is_symlink())):
            path = Path(parent) / name
            found[path.relative_to(folder).as_posix()] = path if path.is_file() and not path.is_symlink() else None
    return found


def compared(manifest: Manifest, sizes: Mapping[str, int]) -> list[str]:
    """Say what is missing, extra, or of another size than a manifest says, and whether that itself was changed."""
    named: dict[str, Any] = {entry["name"]: entry for entry in manifest["files"]}
    missing = [f"{name} is missing" for name in named if name not in sizes]
    extra = [f"{name} is extra" for name in sizes if name not in named and name != MANIFEST]
    changed = [f"{name} was changed" for name in named if sizes.get(name, named[name]["size"]) != named[name]["size"]]
    sealed = [] if is_intact(manifest) else [f"{MANIFEST} was changed"]
    return [*missing, *extra, *changed, *sealed]
