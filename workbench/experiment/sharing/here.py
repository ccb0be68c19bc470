"""A push to a folder on this machine: the store there takes experiments over as it would take them from any URL.

So they come whole, by one rename, and whoever works with that store meanwhile never sees a part of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from workbench.documents.experiment import MANIFEST
from workbench.experiment import objects
from workbench.experiment.kept import Experiment
from workbench.experiment.sharing.pull import pull
from workbench.experiment.sharing.push import objects_of, refuse_running
from workbench.experiment.sharing.remote import Heard, Moved, place_of
from workbench.experiment.store import Store
from workbench.experiment.verifying import insist_on_whole


class Here:
    """Experiments on this machine, seen as what lies at a URL."""

    workers = 1

    def __init__(self, experiments: Sequence[Experiment], roles: Iterable[str]) -> None:
        self.told = str(objects.home(experiments[0].path).path)
        self._files = {place_of(one.reference): _files(one) for one in experiments}
        self._objects = {piece.name: piece.file for one in experiments for piece in objects_of(one, roles)}

    def folders(self, name: str) -> list[str]:
        """Give the names of the folders in a folder."""
        above = [place.rpartition("/") for place in self._files]
        return sorted(leaf for parent, _, leaf in above if parent == name)

    def sizes(self, name: str) -> dict[str, int]:
        """Give the size of every file below a folder, by its name in it."""
        files = self._files.get(name, {})
        return {file: path.stat().st_size for file, path in files.items() if path.is_file()}

    def size(self, name: str) -> int | None:
        """Give the size of one file; None where there is none."""
        path = self._path(name)
        return path.stat().st_size if path is not None and path.is_file() else None

    def chunks(self, name: str) -> Iterator[bytes]:
        """Read a file piece by piece."""
        path = self._path(name)
        return iter(()) if path is None else objects.chunks_of(path)

    def _path(self, name: str) -> Path | None:
        place = "/".join(name.split("/")[:3])
        return self._objects.get(name) or self._files.get(place, {}).get(name[len(place) + 1 :])


def _files(experiment: Experiment) -> dict[str, Path]:
    names = [MANIFEST, *(one["name"] for one in experiment.manifest["files"])]
    return {name: experiment.path / name for name in names}


def push_here(experiments: Sequence[Experiment], store: Store, roles: Iterable[str], heard: Heard) -> Moved:
    """Bring experiments to a store on this machine, with their objects of some `roles`.

    Raises
    ------
    BadArtifact
        If one is not what was kept, or that store holds another one under the same reference.
    StoreError
        If that store cannot be written to.
    """
    refuse_running(experiments)
    for experiment in experiments:
        insist_on_whole(experiment)
    return pull(Here(experiments, list(roles)), [one.reference for one in experiments], store, heard)
