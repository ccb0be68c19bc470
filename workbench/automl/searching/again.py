"""Trials that are on record, fitted again as they were: to replay a search, or to take one up where it was killed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from workbench.automl.blending.ensemble import Deploy, best_of_each
from workbench.automl.families import Family
from workbench.automl.fitting.trial import Rounds, Trial
from workbench.automl.planning.clock import Clock
from workbench.automl.planning.planner import Plan
from workbench.automl.searching.exploring import KEPT
from workbench.automl.searching.studies import JOURNAL, beginning_of
from workbench.automl.searching.trying import Asked, Workplace, carry_out, completed, loss_of
from workbench.automl.task import Task
from workbench.documents import outbox
from workbench.documents.run_folder import RunFolder, here, is_alive
from workbench.errors import BadReference, UnknownName
from workbench.executor import Executor

REFIT_SHARE = 0.5  # of the time that is left: fitting known trials again may not take the place of new ones


def best_of(task: Task, log: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Pick the entries of the trials whose models a search would have kept, best first."""
    ranked = sorted(completed(log), key=lambda one: (loss_of(task, one), int(one["number"])))
    return [ranked[place] for place in best_of_each([str(one["family"]) for one in ranked], KEPT)]


def as_recorded(entries: Sequence[dict[str, Any]], families: Sequence[Family], clock: Clock) -> list[Asked]:
    """Ask for trials of a record once more.

    Raises
    ------
    UnknownName
        If one is of a family that the search was not given.
    """
    known = {family.name: family for family in families}
    for one in entries:
        if one["family"] not in known:
            raise UnknownName("model family", str(one["family"]), list(known))
    return [
        Asked(
            number=int(one["number"]),
            family=known[one["family"]],
            parameters=one["params"],
            seed=int(one["seed"]),
            clock=clock,
            again=Rounds(one["boosted"], one["rounds"]),
        )
        for one in entries
    ]


def refitted(workplace: Workplace, executor: Executor, entries: Sequence[Asked], clock: Clock) -> Iterator[Trial]:
    """Fit recorded trials again, while there is time.

    A fit that the clock cut, or that failed this time, is left out: what is not as recorded is not that trial. A
    member's fit on all rows, which is on record after those of the folds, is not part of its trial.
    """
    outcomes = executor.map(carry_out, entries, workplace)
    for asked, outcome in zip(entries, outcomes, strict=True):
        trial = outcome.trial
        if (
            trial is not None
            and asked.again is not None
            and list(trial.boosted) == list(asked.again.boosted)[: len(trial.boosted)]
        ):
            yield workplace.at_home(asked.family, replace(trial, cut=False))
        if clock.is_up():
            break


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is on record of a search that ended.

    Attributes
    ----------
    averaged
        The folds whose models each completed trial averaged as a member, by its number; the number after the last is
        that of a fit on all rows.
    whole
        Rounds of the fits on all rows, by number.
    """

    plan: Plan
    seed: int
    trials: list[dict[str, Any]]
    deploy: Deploy
    averaged: dict[int, list[int]]
    whole: dict[int, int]


def recorded(task: Task, document: str | Path | Mapping[str, Any]) -> Recorded:
    """Read the record of a search: a folder with ``task.json`` and ``trials.jsonl``, or what stands in them.

    Raises
    ------
    BadReference
        If there is no such record, or it is of other data or another target.
    """
    if isinstance(document, Mapping):
        said, trials, name = document, list(document.get("trials", [])), "record"
    else:
        name, folder = str(document), _outbox(Path(document))
        said, trials = outbox.read_task(folder), outbox.read_trials(folder)
    plan = said.get("plan")
    if not plan or not completed(trials):
        raise BadReference(name, "holds no record of a search", "Name the folder of an experiment.")
    other = [part for part, here, there in _identities(task, said) if here != there]
    if other:
        raise BadReference(
            name, f"is of a search with another {' and '.join(other)}", "Replay it on what it was made of."
        )
    fields = {part: plan.get(part) for part in ("folds", "learning_rate", "rounds", "rows", "drawn", "models")}
    folds = int(said["folds"]["number"])
    done = {int(one["number"]): one for one in completed(trials)}
    return Recorded(
        Plan(trials=len(trials), **fields),
        int(plan["seed"]),
        trials,
        plan.get("deploy", "full"),
        averaged={number: _averaged(one, folds) for number, one in done.items()},
        whole={number: int(one["boosted"][folds]) for number, one in done.items() if len(one["boosted"]) > folds},
    )


def _averaged(trial: Mapping[str, Any], folds: int) -> list[int]:
    """Tell the folds whose models a trial averaged; a record of before some were left out tells none."""
    if len(trial["boosted"]) > folds:
        return [folds]
    return list(trial.get("averaged", range(folds)))


def told_to_replay(task: Task) -> str | None:
    """Name the record that a run is to replay; None when it is to search, or the record is of another search of it."""
    folder = os.environ.get(outbox.REPLAY)
    try:
        return folder if folder and recorded(task, folder) else None
    except BadReference:
        return None


def _identities(task: Task, said: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Pairs of what is and what was, where the record tells."""
    data = said.get("data") or {}
    pairs = (
        ("table", task.dataset.digest, data.get("digest")),
        ("target", task.target, said.get("target")),
        ("metric", task.metric.name, said.get("metric")),
        ("choice of columns", task.features, said.get("features")),
    )
    return [pair for pair in pairs if pair[2] is not None]


@dataclass(frozen=True, slots=True)
class Kept:
    """A study that goes on: its journal, and what its search planned; None where it had hardly begun."""

    journal: Path | None
    plan: Plan | None = None


def beginning(task: Task, seed: int, plan: Plan) -> dict[str, Any]:
    """Say what the journal keeps of a search, to know it again."""
    data = {"data": {"digest": task.dataset.digest}, "target": task.target, "metric": task.metric.name}
    return {**data, "features": task.features, "seed": seed, "plan": asdict(plan)}


def taken_up(task: Task, seed: int, resume: str | Path) -> Kept:
    """Find the study of a search that was killed, and bring its journal to where this search writes.

    In a run that is the run's own folder. By hand the folder itself is gone on with; one that holds no journal begins
    one, and an experiment, which never changes, is copied from.

    Raises
    ------
    BadReference
        If the search still runs, or was of other data, another target or seed.
    """
    source = _outbox(Path(resume))
    known, run = source / JOURNAL, RunFolder(source.parent)
    if run.record_file.exists() and run != here() and is_alive(run.read()):
        raise BadReference(str(resume), "is of a search that still runs", "Wait for its end, or cancel it.")
    target = _place(source)
    if not known.exists():
        return Kept(target)
    whole = known.read_bytes()
    target.write_bytes(whole[: whole.rfind(b"\n") + 1])  # its process may have died within a line, or holding the lock
    target.with_name(f"{JOURNAL}.lock").unlink(missing_ok=True)
    said = beginning_of(target)
    if not said:
        return Kept(target)
    other = [part for part, now, then in [*_identities(task, said), ("seed", seed, said["seed"])] if now != then]
    if other:
        raise BadReference(str(resume), f"is of a search with another {' and '.join(other)}", "Resume it as it began.")
    return Kept(target, Plan(**said["plan"]))


def _place(source: Path) -> Path:
    """Where the journal goes on."""
    if (folder := here()) is not None:
        return folder.outbox / JOURNAL
    if (source / "manifest.json").exists():
        return Path(tempfile.mkdtemp(prefix="workbench-study-")) / JOURNAL
    source.mkdir(parents=True, exist_ok=True)
    return source / JOURNAL


def new_journal() -> Path | None:
    """Name the journal of a new search: in a run one for each search; none by hand."""
    if (folder := here()) is None:
        return None
    names = (folder.outbox / (JOURNAL if number == 1 else f"study-{number}.journal") for number in count(1))
    return next(name for name in names if not name.exists())


def _outbox(folder: Path) -> Path:
    """Of a run folder, what the kernel handed over; anything else is the place itself."""
    return folder / "outbox" if (folder / "outbox").is_dir() else folder
