"""References people type: a name, a name and part of a version, a folder, a zip."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

from workbench.documents.experiment import MANIFEST, NAME, read_manifest
from workbench.documents.leftovers import make
from workbench.errors import BadReference
from workbench.experiment.kept import Experiment, load
from workbench.experiment.matching import SHOWN, latest, matching
from workbench.experiment.sharing.share import import_
from workbench.experiment.sharing.together import import_batch, is_batch
from workbench.experiment.store import Store
from workbench.records import Reference


def resolve(text: str, store: Store) -> Experiment:
    """Find the one experiment a reference stands for.

    Parameters
    ----------
    text : str
        ``churn`` (the latest), ``churn@1f3a`` (the start of the hex part, or of the version), the whole reference,
        the folder of an experiment, or a zip one was exported to (checked, and read from a temporary folder).
    store : Store
        Where names are looked up.

    Raises
    ------
    BadReference
        If it matches none or several; the message names what there is.
    BadArtifact
        If what it names is damaged.
    """
    name, _, version = text.strip().partition("@")
    if text.startswith("model:"):
        raise BadReference(text, "names a model, and an experiment is needed here", "Name an experiment: churn@1f3a.")
    if versions := _versions(text, store):
        return _in_store(text, store, name.lower(), version.lower(), versions)
    if is_file(text, store):
        return _in_zip(Path(text).absolute())
    path = Path(text)
    if text.strip() and _is(Path.is_dir, path):
        return _in_folder(text, path)
    raise _none(text, name, store)


def is_file(text: str, store: Store) -> bool:
    """Whether a reference is the path of a file; what the store holds under that name comes first."""
    return not _versions(text, store) and _is(Path.is_file, Path(text))


def _versions(text: str, store: Store) -> list[str]:
    name = text.strip().partition("@")[0].lower()
    return store.versions(name) if NAME.fullmatch(name) else []


def _is(kind: Callable[[Path], bool], path: Path) -> bool:
    try:
        return kind(path)
    except OSError:  # a name too long for any file
        return False


def _in_store(text: str, store: Store, name: str, version: str, versions: list[str]) -> Experiment:
    def folder(one: str) -> Path:
        return store.folder(Reference(name, one))

    meant = (
        matching(text, name, version, versions) if version else latest(versions, lambda one: read_manifest(folder(one)))
    )
    assert meant is not None  # each of them was read
    return load(folder(meant))


def _none(text: str, name: str, store: Store) -> BadReference:
    if text.endswith(".zip") or os.sep in text:
        return BadReference(text, "is no file or folder", "Check the path.")
    names = store.names()
    if not names:
        return BadReference(text, f"matches nothing: the store {store.path} holds no experiments", "See --store.")
    near = get_close_matches(name.lower(), names, n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    known = ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
    return BadReference(text, "matches no experiment", f"{hint}The store holds: {known}.")


def _in_folder(text: str, path: Path) -> Experiment:
    if not (path / MANIFEST).is_file():
        raise BadReference(text, f"is a folder without a {MANIFEST}", "Name the folder of one experiment.")
    return load(path.absolute())


def _in_zip(file: Path) -> Experiment:
    folder = make(Path(tempfile.gettempdir()), "wb", 0o700)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    take = import_batch if is_batch(file) else import_
    return take(file, Store(folder)).experiment  # a small store of its own, where its objects are found, too
