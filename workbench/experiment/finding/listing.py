"""What a store holds, newest first, from manifests and run records alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, SupportsIndex, overload

from workbench.documents.experiment import FIELDS, Manifest
from workbench.documents.run_folder import RunRecord, is_alive, under_way
from workbench.errors import BadArtifact
from workbench.experiment.kept import Experiment, load
from workbench.experiment.store import Store
from workbench.pages.outcome import lines_html, lines_text
from workbench.records import Reference

NONE = "No experiments here yet."


class Experiments(list[Experiment]):
    """Experiments as a list that a notebook shows as a table; a part of it is one, too."""

    @overload
    def __getitem__(self, place: SupportsIndex) -> Experiment: ...
    @overload
    def __getitem__(self, place: slice) -> Experiments: ...
    def __getitem__(self, place: SupportsIndex | slice) -> Experiment | Experiments:
        return Experiments(super().__getitem__(place)) if isinstance(place, slice) else super().__getitem__(place)

    def __repr__(self) -> str:
        return lines_text([one.line for one in self], NONE)

    def _repr_html_(self) -> str:
        return str(lines_html([one.line for one in self], NONE))


def experiments(store: Store, name: str | None = None) -> Experiments:
    """Everything in the store, or under one name: kept experiments and runs under way, newest first.

    One whose manifest cannot be read is listed with the status ``damaged`` and the reason.
    """
    found = {str(run.reference): run for run in _under_way(store)}
    found |= {str(kept.reference): kept for kept in _kept(store)}  # read second: a run may be kept meanwhile
    wanted = [one for one in found.values() if name is None or one.name == name]
    return Experiments(sorted(wanted, key=age, reverse=True))


def age(experiment: Experiment) -> tuple[str, str, str]:
    """Order experiments by their start: by the second in the version, then by the exact time."""
    second = experiment.version.partition("-")[0]
    return second, str(experiment.manifest["started"]), experiment.version


def _kept(store: Store) -> Iterator[Experiment]:
    for name in store.names():
        for version in store.versions(name):
            yield _opened(store, Reference(name, version))


def _opened(store: Store, reference: Reference) -> Experiment:
    folder = store.folder(reference)
    try:
        manifest = load(folder).manifest
    except BadArtifact as error:
        manifest = _blank(reference, status="damaged", reason=str(error))
    return Experiment(reference, folder, manifest)


def _under_way(store: Store) -> Iterator[Experiment]:
    for folder in under_way(store.running):
        try:
            record = folder.read()
        except (OSError, ValueError, TypeError):  # removed meanwhile, or damaged
            continue
        yield Experiment(record.reference, folder.path, _running(record))


def _running(record: RunRecord) -> Manifest:
    alive = is_alive(replace(record, status="running"))  # one that has ended may still be on its way to being kept
    return _blank(
        record.reference,
        status="running" if alive else "killed",
        reason="" if alive else "the process that ran it is gone, and what it left was never kept",
        started=record.started,
        author=record.author,
        template=record.template,
        labels=record.labels or {},
    )


def _blank(reference: Reference, **known: Any) -> Manifest:
    """Make a manifest for what has none: every field empty but those that are known."""
    empty: Manifest = {field: kinds[-1]() for field, kinds in FIELDS.items()}
    return {**empty, "ref": str(reference), "started": _time_in(reference.version), **known}


def _time_in(version: str) -> str:
    day, time = version[:8], version[9:15]
    return f"{day[:4]}-{day[4:6]}-{day[6:]}T{time[:2]}:{time[2:4]}:{time[4:]}+00:00"
