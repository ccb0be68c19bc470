"""What can be asked of kept experiments: which there are, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadReference, UnknownName
from workbench.workflow.place import Where, experiment_of, insist_on_data, store_of

if TYPE_CHECKING:
    from workbench.documents.note import Note
    from workbench.experiment import Experiment, Store
    from workbench.experiment.finding.listing import Experiments
    from workbench.records import Reference


def experiments(
    name: str | None = None,
    *,
    where: str | Sequence[str] = (),
    sort: str = "started",
    limit: int | None = None,
    store: Where = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Experiments:
    """List the experiments of a store, newest first; a run under way is listed as ``running``.

    Parameters
    ----------
    name
        Those of one name alone, or of all that a pattern such as ``farm-*`` stands for.
    where
        Filters that all hold, such as ``"score>0.8"``, ``"status=failed"``, ``"tag=baseline"``, ``"since=7d"``.
    sort
        ``started``, the newest first; ``score``, the best first; ``seconds``, the longest first.
    limit
        The first so many of them; ``total`` of the list says how many there are.
    on_progress
        Is told how many of how many manifests are read, the first time that a store holds very many.

    Raises
    ------
    WorkbenchError
        If a filter cannot be read, or asks for something that no experiment has.
    """
    from workbench.experiment import experiments

    words = [where] if isinstance(where, str) else where
    return experiments(store_of(store), name, where=words, sort=sort, limit=limit, hear=on_progress)


def note(ref: str, text: str, *, store: Where = None) -> Note:
    """Say something of an experiment, for all who look at it later."""
    from workbench.execution import login
    from workbench.experiment import notes

    place = store_of(store)
    (said,) = notes.add(place, _kept(ref, place), "note", text.strip(), author=login(), now=datetime.now(UTC))
    return said


def tag(ref: str, *tags: str, remove: bool = False, store: Where = None) -> list[str]:
    """Put tags on an experiment, or take them off; give those it bears now."""
    from workbench.execution import login
    from workbench.experiment import notes

    place = store_of(store)
    reference = _kept(ref, place)
    borne = notes.read(place, reference).tags
    if absent := next((one for one in tags if remove and one not in borne), None):
        raise UnknownName(f"tag of {reference}", absent, borne)
    changed = [one for one in dict.fromkeys(tags) if (one in borne) == remove]
    notes.add(place, reference, "untag" if remove else "tag", *changed, author=login(), now=datetime.now(UTC))
    return list(notes.read(place, reference).tags)


def show(ref: str, *, store: Where = None) -> dict[str, Any]:
    """Tell what is known of one experiment: scores, checks, parameters, data, and what was said of it."""
    from workbench.experiment import notes, reading, resolve

    place = store_of(store)
    experiment = resolve(ref, place)
    said = notes.read(place, experiment.reference)
    with reading(experiment):
        return {
            **experiment.as_document(),
            "tags": list(said.tags),
            "notes": [one.as_document() for one in said.notes],
            "damaged_notes": said.damaged,
            "author": experiment.manifest["author"],
            "ended": experiment.manifest["ended"],
            "data": experiment.manifest["data"],
            "objects": _objects(experiment),
            "git": experiment.git() or None,
            "left_out": experiment.manifest.get("left_out", {}),
            "resources": experiment.manifest["resources"],
            "parameters": experiment.parameters(),
            "checks": [asdict(check) for check in experiment.checks()],
            "path": str(experiment.path),
        }


def _objects(experiment: Experiment) -> list[dict[str, Any]]:
    """Tell what belongs to an experiment and lies beside it, such as its tables, and whether that is kept here."""
    from workbench.experiment import objects

    home = objects.home(experiment.path)
    return [{**entry, "kept": objects.is_kept(home, entry)} for entry in objects.named(experiment.manifest)]


def report(ref: str, *, store: Where = None) -> Path:
    """Find the page to open for an experiment: its report, or a copy that can do no harm.

    A zip is unpacked for as long as a command takes: a copy of its report lasts.
    """
    from workbench.experiment.showing import shown

    experiment = experiment_of(ref, store)
    if not experiment.report.is_file():
        insist_on_data(experiment, "its report")
        raise BadReference(ref, "has no report", f"See what is known of it with: workbench show {ref}")
    return shown(experiment, store_of(store), lasting=not Path(ref).is_file())


def _kept(ref: str, store: Store) -> Reference:
    """Find the experiment that something is to be said of: one that is in the store."""
    from workbench.experiment import resolve

    reference = resolve(ref, store).reference
    if not store.folder(reference).is_dir():
        raise BadReference(ref, f"is not in the store {store.path}, and notes are kept there", "Import it first.")
    return reference
