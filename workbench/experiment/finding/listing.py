"""What a store holds, newest first, or what of it was asked for: kept experiments and runs under way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, SupportsIndex, overload

from workbench.documents.experiment import Manifest, read_manifest
from workbench.documents.run_folder import RunRecord, is_alive, under_way
from workbench.errors import UnknownName
from workbench.experiment import notes
from workbench.experiment.finding.index import LONG, Found, Hear, Look, ask, blank
from workbench.experiment.finding.query import Condition, parse
from workbench.experiment.finding.schema import Row
from workbench.experiment.kept import Experiment
from workbench.experiment.store import Store
from workbench.pages.outcome import lines_html, lines_text
from workbench.records import Reference

NONE, NO_MATCH = "No experiments here yet.", "No experiment here matches."
SORTS = ("started", "score", "seconds")


class Summary(Manifest):
    """A manifest as a list tells it; what makes it long is read from the experiment's folder when it is asked for."""

    def __init__(self, known: Manifest, folder: Path) -> None:
        super().__init__(known)
        self._folder = folder

    def __missing__(self, field: str) -> Any:
        """Read what the list left out."""
        if field not in LONG:
            raise KeyError(field)
        whole = read_manifest(self._folder)
        self.update((one, whole[one]) for one in LONG if one in whole)
        return whole[field]

    def get(self, field: str, default: Any = None, /) -> Any:
        """Give a field, whether or not the list told it."""
        try:
            return self[field]
        except KeyError:
            return default


class Experiments(list[Experiment]):
    """Experiments as a list that a notebook shows as a table; a part of it is one, too.

    `total` is how many there are, where only the first of them were asked for; `none` is what an empty one says.
    """

    def __init__(self, found: Iterable[Experiment] = (), total: int | None = None, none: str = NONE) -> None:
        super().__init__(found)
        self.total = len(self) if total is None else total
        self.none = none

    @overload
    def __getitem__(self, place: SupportsIndex) -> Experiment: ...
    @overload
    def __getitem__(self, place: slice) -> Experiments: ...
    def __getitem__(self, place: SupportsIndex | slice) -> Experiment | Experiments:
        return Experiments(super().__getitem__(place)) if isinstance(place, slice) else super().__getitem__(place)

    def __repr__(self) -> str:
        return lines_text([one.line for one in self], self.none)

    def _repr_html_(self) -> str:
        return str(lines_html([one.line for one in self], self.none))


def experiments(
    store: Store,
    name: str | None = None,
    *,
    where: Sequence[str] = (),
    sort: str = "started",
    limit: int | None = None,
    hear: Hear | None = None,
) -> Experiments:
    """Everything in the store, or what of it was asked for: kept experiments and runs under way, newest first.

    One whose manifest cannot be read is listed with the status ``damaged`` and the reason. What makes a manifest long,
    its ``files`` and ``children``, is not read for a list, but when it is asked for.

    Parameters
    ----------
    name
        Of one name alone, or of all that a pattern such as ``farm-*`` stands for.
    where
        Filters that all hold: ``score>0.8``, ``tag=baseline``, ``since=7d``; see `workbench.experiment.finding.query`.
    sort
        ``started``, the newest first; ``score``, the best first, metric by metric; or ``seconds``, the longest first.
    limit
        The first so many of them.

    Raises
    ------
    BadFilter, UnknownName
        If a filter cannot be read, or asks for what there is not.
    """
    if sort not in SORTS:
        raise UnknownName("order", sort, SORTS)
    conditions = _conditions(name, where)
    runs = {row.reference: (row, path) for row, path in _under_way(store)}  # first: a run may be kept meanwhile

    def find(look: Look) -> tuple[list[Found], int]:
        return look.find(conditions, sort, limit)

    found, total = ask(store, find, runs=[row for row, _ in runs.values()], hear=hear)
    noted = set(notes.noted(store))
    tags = {one.reference: notes.read(store, one.reference).tags for one in found if one.reference in noted}
    paths = {one: path for one, (_, path) in runs.items() if not store.folder(one).exists()}
    return Experiments((_listed(store, one, paths, tags) for one in found), total, NO_MATCH if conditions else NONE)


def age(experiment: Experiment) -> tuple[str, str, str]:
    """Order experiments by their start: by the second in the version, then by the exact time."""
    second = experiment.version.partition("-")[0]
    return second, str(experiment.manifest["started"]), experiment.version


def _conditions(name: str | None, where: Sequence[str]) -> list[Condition]:
    now = datetime.now(UTC)
    named = [] if name is None else [Condition("name", "=", name.lower(), name)]
    return named + [parse(word, now) for word in ([where] if isinstance(where, str) else where)]


def _listed(
    store: Store, found: Found, paths: Mapping[Reference, Path], tags: Mapping[Reference, tuple[str, ...]]
) -> Experiment:
    reference, told = found.reference, tags.get(found.reference, ())
    if reference in paths:
        return Experiment(reference, paths[reference], {**found.manifest(), "files": []}, told)
    folder = store.folder(reference)
    return Experiment(reference, folder, Summary(found.manifest(), folder), told)


def _under_way(store: Store) -> Iterator[tuple[Row, Path]]:
    for folder in under_way(store.running):
        try:
            record = folder.read()
        except (OSError, ValueError, TypeError):  # removed meanwhile, or damaged
            continue
        yield Row(record.reference, None, _running(record)), folder.path


def _running(record: RunRecord) -> Manifest:
    alive = is_alive(replace(record, status="running"))  # one that has ended may still be on its way to being kept
    return blank(
        record.reference,
        status="running" if alive else "killed",
        reason="" if alive else "the process that ran it is gone, and what it left was never kept",
        started=record.started,
        author=record.author,
        template=record.template,
        labels=record.labels or {},
    )
