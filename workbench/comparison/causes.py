"""What was not the same when a run was made again, read off what is on record of both: the causes of any difference."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from workbench.comparison.alike import trials
from workbench.comparison.difference import CORES, Change, Difference, changes
from workbench.documents.files import read_json
from workbench.experiment import Experiment, objects
from workbench.pages.words import agree, count, listing

MATTER_MOST = ("scikit-learn", "lightgbm", "catboost", "numpy", "scipy", "pandas", "optuna", "pyarrow", "joblib")
ITSELF = "workbench "  # before its version and commit among what is told of an environment
NAMED = {"python": "python", CORES: "cores"}
MACHINE = ("implementation", "platform", "machine")
OF_MEMORY = ("rows", "drawn", "models")  # of the plan of a search
BECAUSE = {
    "workbench": "the workbench itself is another one",
    "machine": "the machine or its system is another one",
}
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that is not as it was: of which kind, in words, and name by name."""

    kind: str
    because: str
    changes: tuple[Change, ...] = ()

    def as_document(self) -> dict[str, Any]:
        """Give the cause as JSON."""
        return {"kind": self.kind, "because": self.because, "changes": [one.as_document() for one in self.changes]}


def causes(then: Experiment, now: Experiment, differs: Difference, *, replayed: bool) -> Iterator[Cause]:
    """Say what was not the same, the most likely to matter first.

    Parameters
    ----------
    differs
        What `diff` says of the two.
    replayed
        Whether the trials of the second are those of the first.
    """
    tables = _tables(then)
    one, other = (kept.manifest["data"].get("digest") for kept in (then, now))
    if one != other:
        yield Cause("data", "the table is not the same", changes({"content": one}, {"content": other}))
    if others := _other_tables(then, now, tables, besides=None if one == other else one):
        yield Cause("data", f"what was given as {listing([change.name for change in others])} is not the same", others)
    if differs.code:
        yield Cause("code", "the code of the template is not the same")
    if given := tuple(change for change in differs.parameters if change.name not in tables):
        named = listing([change.name for change in given])
        yield Cause("parameters", f"{named} {agree(given, 'has another value', 'have other values')}", given)
    yield from _environment(differs.environment)
    if not replayed:
        yield from _limits(then, now)


def _environment(found: Iterable[Change]) -> Iterator[Cause]:
    ordered = sorted(found, key=lambda change: (_place(change.name), change.name))
    for kind in ("library", "workbench", "python", "machine", "cores"):
        if of_kind := tuple(change for change in ordered if _kind(change.name) == kind):
            because = _cores(of_kind[0]) if kind == "cores" else BECAUSE.get(kind) or _versions(of_kind)
            yield Cause(kind, because, of_kind)


def _cores(change: Change) -> str:
    return f"it had {count(int(change.values['one']), 'core')} then, and {change.values['other']} now"


def _kind(name: str) -> str:
    if name in NAMED:
        return NAMED[name]
    return "machine" if name in MACHINE else "workbench" if name.startswith(ITSELF) else "library"


def _place(package: str) -> int:
    return MATTER_MOST.index(package) if package in MATTER_MOST else len(MATTER_MOST)


def _versions(found: tuple[Change, ...]) -> str:
    """Write upgrades: ``numpy 2.3.1 → 2.3.2``."""
    told = [f"{change.name} {_version(change)}" for change in found[:SHOWN]]
    more = [f"{len(found) - SHOWN:,} more"] if len(found) > SHOWN else []
    return listing([*told, *more], most=SHOWN + 1)


def _version(change: Change) -> str:
    if len(change.values) == 2:
        return f"{change.values['one']} → {change.values['other']}"
    return "is not here" if "one" in change.values else "was not there"


def _limits(then: Experiment, now: Experiment) -> Iterator[Cause]:
    """Say whether time or memory may have led to other trials: neither is the same twice."""
    tried = trials(then, now)
    if tried.equal == tried.total:
        return
    numbers = [len(kept.trials()) for kept in (then, now)]
    if (budget := time_limit(then)) is not None:
        told = "" if numbers[0] == numbers[1] else f": {count(numbers[0], 'trial')} then, {numbers[1]:,} now"
        yield Cause("clock", f"the search had {budget}, and what it does in a time depends on the machine{told}")
        return
    plans = (kept.task().get("plan") or {} for kept in (then, now))
    if planned := changes(*({name: plan.get(name) for name in OF_MEMORY} for plan in plans)):
        yield Cause("memory", "the search was planned otherwise, as with another amount of free memory", planned)


def time_limit(experiment: Experiment) -> str | None:
    """Give the budget an experiment's search had; None when it was for a number of trials, or is not known."""
    given = {name: one["value"] for name, one in experiment.parameters().items()}
    return None if given.get("trials") is not None or given.get("budget") is None else str(given["budget"])


def _other_tables(then: Experiment, now: Experiment, tables: set[str], besides: str | None) -> tuple[Change, ...]:
    """Find the tables that hold something else now, or are given to one of the two alone, `besides` one of a digest."""
    kept, known = (then, now), (_contents(then), _contents(now))
    told: list[dict[str, Any]] = [{}, {}]
    for name in sorted(tables):
        given = [bool(one.parameters().get(name, {}).get("value")) for one in kept]
        contents = [one.get(name) for one in known]
        if contents[0] != [besides] and (all(contents) or given[0] != given[1]):
            for side, content in zip(told, contents, strict=True):
                side |= {name: ", ".join(content)} if content else {}
    return changes(*told)


def _contents(experiment: Experiment) -> dict[str, list[str]]:
    """Give the digests of what the store keeps of the tables that were given, by parameter."""
    found: dict[str, list[str]] = {}
    for one in objects.named(experiment.manifest, objects.DATA):
        found.setdefault(str(one.get("parameter")), []).append(str(one["digest"]))
    return found


def _tables(experiment: Experiment) -> set[str]:
    """Name the parameters that are tables: the same rows under another path are no other table."""
    try:
        described = read_json(experiment.path / "parameters.schema.json").get("properties", {})
    except (OSError, ValueError, AttributeError, RecursionError):  # nothing was kept of it, or it is a stranger's
        return set()
    return {name for name, schema in described.items() if '"x-workbench": "table"' in json.dumps(schema)}
