"""A batch that is over becomes an experiment of its own kind: what was asked for, every run, and one page."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench.batches.plan import Plan
from workbench.batches.queue import Outcome
from workbench.batches.totals import totals
from workbench.documents import outbox
from workbench.documents.experiment import read_manifest, write_manifest
from workbench.documents.files import FORMAT, write_bytes, write_json
from workbench.errors import BadArtifact, StoreError
from workbench.experiment import Experiment, Store
from workbench.experiment.capturing.capture import entries
from workbench.experiment.capturing.environment import write_environment
from workbench.experiment.describing.describe import describe
from workbench.experiment.store import building, put_in_place
from workbench.records import Reference

BATCH, RUNS = "batch.json", "runs.csv"
Page = Callable[[Mapping[str, Any]], str]


def keep(
    store: Store,
    reference: Reference,
    plan: Plan,
    outcomes: Sequence[Outcome],
    *,
    facts: Mapping[str, Any],
    page: Page,
) -> Experiment:
    """Keep a batch that is over as an experiment of kind ``batch``.

    Parameters
    ----------
    store : Store
    reference : Reference
        Under which its runs already name it as their parent.
    plan : Plan
    outcomes : sequence of Outcome
        One for each run of the plan.
    facts : mapping
        ``status``, ``reason``, ``started``, ``ended``, ``author``, ``seconds``, ``workers``, ``threads``.
    page : callable
        Makes the report of the batch as a document.

    Raises
    ------
    StoreError
        If the store cannot be written, or holds this version already.
    """
    document = as_document(reference, plan, outcomes, facts)
    with building(store, "batch") as part:
        _copy_templates(plan, part)
        for run, outcome in zip(document["runs"], outcomes, strict=True):
            run |= _placed(outcome)
            run["report"] = run["ref"] and _take_report(store, run["ref"], part)
            run |= _times(store, run) | _measured_on(store, run)
        write_json(part / BATCH, {"format": FORMAT, **document})
        write_bytes(part / RUNS, _table(document["runs"]).encode())
        write_environment(part / "environment")
        (part / "report.html").write_text(page(document), encoding="utf-8")
        manifest = _manifest(reference, plan, outcomes, facts)
        describe(part, manifest)
        manifest = write_manifest(part, manifest | {"files": entries(part)})
        if not put_in_place(store, part, reference):
            raise StoreError(str(store.path), f"already holds {reference}", "Run it again.")
    return Experiment(reference, store.folder(reference), manifest)


def as_document(
    reference: Reference, plan: Plan, outcomes: Sequence[Outcome], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Describe a batch: what was asked for, and what became of every run."""
    return {
        "ref": str(reference),
        "name": plan.spec.name,
        "template": plan.template,
        "title": plan.title,
        **facts,
        "resources": totals(outcomes, facts["seconds"]),
        "common": plan.common,
        "runs": [outcome.as_document() for outcome in outcomes],
    }


def _copy_templates(plan: Plan, part: Path) -> None:
    """Copy the template, or those of the steps."""
    for step, template in plan.templates.items():
        to = part / "templates" / f"{step}.ipynb" if step else part / "template.ipynb"
        to.parent.mkdir(exist_ok=True)
        shutil.copyfile(template.path, to)


def _placed(outcome: Outcome) -> dict[str, Any]:
    """Say which step of the pipeline a run is of, and the numbers of the runs it goes on with."""
    return {"step": outcome.run.step.name, "needs": list(outcome.run.needs.values())}


def _times(store: Store, run: Mapping[str, Any]) -> dict[str, str]:
    if run["ref"] is None:
        return {}
    with suppress(BadArtifact):
        manifest = read_manifest(store.folder(Reference.parse(run["ref"])))
        return {name: manifest[name] for name in ("started", "ended") if manifest[name]}
    return {}


def _measured_on(store: Store, run: Mapping[str, Any]) -> dict[str, str]:
    """Say what the score of a run is of: its target, and the table by its content."""
    if run["score"] is None:
        return {}
    with suppress(BadArtifact):
        task = outbox.read_task(store.folder(Reference.parse(run["ref"])))
        told = {"target": task.get("target"), "data": (task.get("data") or {}).get("digest")}
        return {what: str(one) for what, one in told.items() if one is not None}
    return {}


def _take_report(store: Store, ref: str, part: Path) -> str | None:
    """Put a run's report among the batch's own files, so that its page leads there wherever it is taken."""
    report, here = store.folder(Reference.parse(ref)) / "report.html", f"runs/{ref}.html"
    (part / "runs").mkdir(exist_ok=True)
    try:
        (part / here).hardlink_to(report)  # neither ever changes; it takes no room
    except FileNotFoundError:
        return None
    except FileExistsError:
        return here
    except OSError:  # not every file system has links
        shutil.copyfile(report, part / here)
    return here


def _table(runs: Sequence[Mapping[str, Any]]) -> str:
    """Write every run as a row: what it is, what became of it, its labels and own parameters."""
    labels = list(dict.fromkeys(name for run in runs for name in run["labels"]))
    own = list(dict.fromkeys(name for run in runs for name in run["parameters"]))
    told = ("number", "name", "status", "ref", "reason", "metric")
    score = ("value", "low", "high")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [*(f"label {name}" for name in labels), *(f"parameter {name}" for name in own)]
    used = ("cpu", "peak_memory")
    writer.writerow([*told, *score, "seconds", *used, "cost", "currency", *names])
    for run in runs:
        scores, resources = run["score"] or {}, run["resources"] or {}
        paid = resources.get("cost") or {}
        writer.writerow(
            [
                *(run[name] for name in told),
                *(scores.get(name) for name in score),
                run["seconds"],
                *(resources.get(name) for name in used),
                *(paid.get(name) for name in ("amount", "currency")),
                *(run["labels"].get(name) for name in labels),
                *(run["parameters"].get(name) for name in own),
            ]
        )
    return text.getvalue()


def _manifest(
    reference: Reference, plan: Plan, outcomes: Sequence[Outcome], facts: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "kind": "batch",
        "ref": str(reference),
        "status": facts["status"],
        "reason": facts["reason"],
        "started": facts["started"],
        "ended": facts["ended"],
        "author": facts["author"],
        "template": plan.template,
        "labels": {},
        "cause": {"kind": "person"},
        "parents": [],
        "children": [outcome.ref for outcome in outcomes if outcome.ref is not None],
        "fingerprint": plan.fingerprint,
        "data": {"digest": None, "rows": None, "time_range": None},
        "metric": None,
        "scores": {},
        "resources": totals(outcomes, facts["seconds"]),
        "objects": [],
        "files": [],
    }
