"""The store: a plain folder of experiments, runs under way and models. No server, no database."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from workbench.documents.experiment import NAME, VERSION
from workbench.documents.leftovers import make
from workbench.errors import StoreError
from workbench.records import Reference

VARIABLE = "WORKBENCH_STORE"
DEFAULT = "workbench-store"


@dataclass(frozen=True, slots=True)
class Store:
    """The paths inside one store. Reading needs only that it exists; `create` makes it ready to be written to."""

    path: Path

    @property
    def experiments(self) -> Path:
        """``experiments/<name>/<version>/``, each immutable."""
        return self.path / "experiments"

    @property
    def running(self) -> Path:
        """Run folders of runs under way, and hidden folders of what is being put in place."""
        return self.path / "running"

    @property
    def models(self) -> Path:
        """``models/<name>/``: bundles and ledger."""
        return self.path / "models"

    def create(self) -> Store:
        """Make the store where it is missing, and make sure that it can be written to.

        Raises
        ------
        StoreError
            If it is a file, or cannot be made or written.
        """
        with translated(self):
            for folder in (self.experiments, self.running, self.models):
                folder.mkdir(parents=True, exist_ok=True)
            make(self.running, ".probe").rmdir()
        return self

    def folder(self, reference: Reference) -> Path:
        """Where an experiment is, or will be."""
        return self.experiments / reference.name / reference.version

    def names(self) -> list[str]:
        """Names that have experiments, in order."""
        return sorted(name for name in _folders_in(self, self.experiments) if NAME.fullmatch(name))

    def versions(self, name: str) -> list[str]:
        """Versions of one name, oldest first."""
        return sorted(version for version in _folders_in(self, self.experiments / name) if VERSION.fullmatch(version))


def store_at(path: Path | str | None, environ: Mapping[str, str]) -> Store:
    """Choose the store that was named, else the one of ``WORKBENCH_STORE``, else ``./workbench-store``."""
    return Store(Path(path or environ.get(VARIABLE) or DEFAULT).expanduser().absolute())


def _folders_in(store: Store, folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        if store.path.is_file():
            raise _error(store, NotADirectoryError(), "read") from None
        return []
    except OSError as error:
        raise _error(store, error, "read") from error


@contextmanager
def building(store: Store, purpose: str) -> Iterator[Path]:
    """Give a new hidden folder inside the store to build in; whatever is still there afterwards is removed.

    Of a store that was not there before nothing stays when the building fails.
    """
    with translated(store), ExitStack() as undo:
        if not store.path.exists():
            undo.callback(_remove_empty, store.running, store.path)
        store.running.mkdir(parents=True, exist_ok=True)
        part = make(store.running, f".{purpose}")
        try:
            yield part
        finally:
            shutil.rmtree(part, ignore_errors=True)
        undo.pop_all()


def _remove_empty(*folders: Path) -> None:
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


def put_in_place(store: Store, part: Path, reference: Reference) -> bool:
    """Rename a folder that is complete to where its experiment belongs; False when the store already holds one there.

    Renaming onto a folder with files in it fails, so the first of two writers wins and the other is told.
    """
    place = store.folder(reference)
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        part.rename(place)
    except OSError:
        if place.exists():
            return False
        raise
    return True


@contextmanager
def translated(store: Store, verb: str = "written") -> Iterator[None]:
    """Tell what the file system refused as one line about the store, which could not be `verb`."""
    try:
        yield
    except OSError as error:
        raise _error(store, error, verb) from error


def _error(store: Store, error: OSError, verb: str) -> StoreError:
    remedy = "Name another folder with --store or WORKBENCH_STORE."
    if isinstance(error, NotADirectoryError | FileExistsError):
        return StoreError(str(store.path), "is or lies under a file, not a folder", remedy)
    return StoreError(str(store.path), f"cannot be {verb}: {error.strerror or error}", remedy)
