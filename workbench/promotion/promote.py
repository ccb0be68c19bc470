"""Promotion: candidate + policy → verdicts → bundle → ledger entry."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.documents.bundle import check_golden
from workbench.documents.bundle_manifest import read_bundle_manifest, write_bundle_manifest
from workbench.documents.experiment import new_version
from workbench.documents.ledger import Entry, append, bundle_folder, bundle_of, live, read_ledger
from workbench.documents.leftovers import make, sweep
from workbench.documents.mlflow import describe
from workbench.documents.outbox import score_document, score_of
from workbench.errors import BadArtifact, BadReference, StoreError
from workbench.experiment import Experiment, verify
from workbench.pages.outcome import promotion_html, promotion_text
from workbench.promotion.card import card, dockerfile
from workbench.promotion.gate import Contender, golden, intact, judge
from workbench.promotion.policy import Policy
from workbench.records import Verdict


@dataclass(frozen=True, slots=True)
class Promotion:
    """What became of one promotion; `path` is the bundle it made, None when the gate said no."""

    model: str
    experiment: str
    verdicts: tuple[Verdict, ...]
    passed: bool
    path: Path | None
    entry: Entry

    def __repr__(self) -> str:
        return promotion_text(self.model, self.verdicts, passed=self.passed)

    def _repr_html_(self) -> str:
        return str(promotion_html(self.model, self.verdicts, passed=self.passed))

    def as_document(self) -> dict[str, Any]:
        """Put it as JSON."""
        return {
            "model": self.model,
            "experiment": self.experiment,
            "passed": self.passed,
            "verdicts": [asdict(verdict) for verdict in self.verdicts],
            "version": self.entry.bundle or None,
            "path": None if self.path is None else str(self.path),
            "entry": self.entry.number,
        }


def promote(
    experiment: Experiment, model: str, store: Path, policy: Policy | None = None, *, author: str, now: datetime
) -> Promotion:
    """Judge an experiment's model; when it passes, package it and make it live. Both are written into the ledger.

    Parameters
    ----------
    experiment : Experiment
        The candidate.
    model : str
        Name of the model it becomes a version of.
    store : Path
        Where ``models/`` lies.
    policy : Policy, optional
        What it must show; by default, to be better than what is live on its own metric.
    author : str
        Who promotes.
    now : datetime
        When, aware.

    Raises
    ------
    BadReference
        If no model can have this name, or the experiment is still running.
    BadArtifact
        If the ledger or what is live is damaged.
    StoreError
        If the store cannot be written.
    """
    if experiment.status == "running":
        raise BadReference(str(experiment.reference), "is still running", "Promote it when it has ended.")
    policy = policy or Policy()
    read_ledger(store, model)  # a bad name or a damaged ledger is told before any work
    proofs = [intact(verify(experiment)), _proof(experiment.model)]
    while True:
        entries = read_ledger(store, model)
        verdicts = [
            *proofs,
            *judge(
                contender(experiment),
                _live(store, entries),
                checks=experiment.checks(),
                status=experiment.status,
                policy=policy,
            ),
        ]
        try:
            return _decide(experiment, model, store, entries, verdicts, author, now)
        except FileExistsError:  # another promotion was entered meanwhile: judge again, against what is live now
            continue


def contender(experiment: Experiment) -> Contender:
    """Describe an experiment to the gate."""
    task = experiment.task()
    data = experiment.manifest["data"].get("digest") or ""
    question = _question(task)
    return Contender(str(experiment.reference), experiment.metric or "", experiment.scores(), question, data)


def _question(task: dict[str, Any]) -> str:
    return f"{task.get('target', 'nothing known')!r} ({task.get('kind', 'unknown')})"


def _live(store: Path, entries: Sequence[Entry]) -> Contender | None:
    if (entry := live(entries)) is None:
        return None
    manifest = read_bundle_manifest(bundle_of(store, entry))
    scores = {name: score_of(name, told) for name, told in manifest["scores"].items()}
    data = manifest["data"].get("digest") or ""
    return Contender(manifest["experiment"]["ref"], manifest["metric"], scores, _question(manifest["task"]), data)


def _proof(folder: Path) -> Verdict:
    if not folder.is_dir():
        return golden(None, "the experiment kept no model")
    try:
        return golden(check_golden(folder))
    except BadArtifact as error:
        return golden(None, f"the model {error.problem}")


def _decide(
    experiment: Experiment,
    model: str,
    store: Path,
    entries: Sequence[Entry],
    verdicts: Sequence[Verdict],
    author: str,
    now: datetime,
) -> Promotion:
    ref, time = str(experiment.reference), now.astimezone(UTC).isoformat(timespec="seconds")
    entry = Entry(model, "refused", time, author, ref, tuple(verdicts))
    if not all(verdict.passed for verdict in verdicts):
        return Promotion(model, ref, entry.verdicts, False, None, append(store, entry, entries))
    version = new_version(now)
    place = bundle_folder(store, model, version)
    with _building(place, store) as part:
        digest = _fill(part, experiment, model, version, entry)
    entry = Entry(model, "live", time, author, ref, entry.verdicts, version, digest)
    try:
        return Promotion(model, ref, entry.verdicts, True, place, append(store, entry, entries))
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)  # no entry names it
        raise


@contextmanager
def _building(place: Path, store: Path) -> Iterator[Path]:
    """Give a temporary folder beside `place`; rename it there when the block ends without an error."""
    part = None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        sweep(place.parent)
        part = make(place.parent, ".bundle", 0o700)
        yield part
        part.chmod(0o755)
        part.rename(place)
    except OSError as error:
        raise StoreError(str(store), f"cannot be written: {error.strerror or error}") from error
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    """Copy a model folder; the first file that cannot be written ends it, and is told alone."""
    for path in sorted(source.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)


def _fill(folder: Path, experiment: Experiment, model: str, version: str, entry: Entry) -> str:
    """Put the bundle together and check it as it will be read; return the seal of its manifest."""
    _copy(experiment.model, folder)
    profile = experiment.path / "data" / "profile.json"
    if profile.is_file():
        shutil.copyfile(profile, folder / "profile.json")
    task = experiment.task()
    describe(folder, {"model": model, "version": version, "experiment": entry.experiment})
    (folder / "card.md").write_text(card(experiment, entry, version), encoding="utf-8")
    (folder / "Dockerfile").write_text(dockerfile(folder), encoding="utf-8")
    if not (verdict := _proof(folder)).passed:
        raise BadArtifact(str(folder), f"does not predict what the experiment's model does: {verdict.because}")
    fields = {
        "model": model,
        "version": version,
        "created": entry.time,
        "author": entry.author,
        "experiment": {"ref": entry.experiment, "digest": experiment.manifest.get("digest")},
        "metric": experiment.metric,
        "scores": {name: score_document(score) for name, score in experiment.scores().items()},
        "task": {name: task.get(name) for name in ("kind", "target", "classes", "features")},
        "data": dict(experiment.manifest["data"]),
        "verdicts": [asdict(verdict) for verdict in entry.verdicts],
    }
    return write_bundle_manifest(folder, fields)
