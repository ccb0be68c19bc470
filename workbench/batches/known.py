"""What a store knows of the runs of a plan: those done already, those under way, and how long such runs take."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field

from workbench.documents.experiment import REPRODUCTION, reference_of
from workbench.documents.run_folder import is_alive, under_way
from workbench.errors import BadArtifact
from workbench.experiment import Experiment, Store, load, summaries
from workbench.records import Reference

NO_WORK = ("batch", REPRODUCTION)  # the work of others
MISSING = ("cancelled", "killed")  # it did not come to an end of its own: it is still to be done


@dataclass(slots=True)
class Known:
    """What was found in one look through the store.

    Attributes
    ----------
    kept : dict of str to Experiment
        By fingerprint, the experiment that speaks for it: one that completed, else the last. Its manifest is a summary.
    seconds : float or None
        How long completed runs of the templates took, on average.
    """

    kept: dict[str, Experiment] = field(default_factory=dict)
    seconds: float | None = None


def known(store: Store, fingerprints: Collection[str], templates: Collection[str] = ()) -> Known:
    """Look through a store once, whatever it holds, for work of these fingerprints, and how long `templates` take."""
    found, walls = Known(), _Mean()
    for manifest in summaries(store):
        wall = manifest["resources"].get("wall")
        if manifest["kind"] in NO_WORK:
            continue
        if manifest["template"] in templates and manifest["status"] == "completed" and wall is not None:
            walls.add(wall)
        fingerprint = manifest["fingerprint"]
        if fingerprint in fingerprints:
            reference = reference_of(manifest)
            experiment = Experiment(reference, store.folder(reference), manifest)
            found.kept[fingerprint] = _speaks(found.kept.get(fingerprint), experiment)
    found.seconds = walls.value
    return found


def batch_of(store: Store, name: str, fingerprint: str, refs: Collection[str | None]) -> Experiment | None:
    """Find the last kept batch of one name that was of the same work and came to the same experiments."""
    for version in reversed(store.versions(name)):
        with suppress(BadArtifact):
            experiment = load(store.folder(Reference(name, version)))
            manifest = experiment.manifest
            if manifest["kind"] == "batch" and manifest["fingerprint"] == fingerprint:
                return experiment if manifest.get("children") == list(refs) else None
    return None


def under_way_elsewhere(store: Store, fingerprints: Collection[str]) -> int | None:
    """Find the process that runs one of these right now; None when nobody does."""
    for folder in under_way(store.running):
        with suppress(OSError, ValueError, TypeError):  # removed meanwhile, or damaged
            record = folder.read()
            if record.fingerprint in fingerprints and is_alive(record):
                return record.pid
    return None


def _speaks(one: Experiment | None, other: Experiment) -> Experiment:
    """Choose between two experiments of the same work."""
    if one is None:
        return other
    return max(one, other, key=lambda kept: (kept.status == "completed", kept.manifest["started"], kept.version))


class _Mean:
    def __init__(self) -> None:
        self.sum, self.number = 0.0, 0

    def add(self, value: float) -> None:
        self.sum, self.number = self.sum + value, self.number + 1

    @property
    def value(self) -> float | None:
        return self.sum / self.number if self.number else None
