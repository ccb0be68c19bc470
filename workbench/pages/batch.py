"""Many runs as one page: those that did not complete first, then the others with their scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from workbench.pages.batch_cells import Run, columns, named, own, taken, used
from workbench.pages.batch_scores import scored
from workbench.pages.blocks import join, key_facts, table
from workbench.pages.heading import STATUS_WORDS
from workbench.pages.page import page
from workbench.pages.words import count, duration, moment, sentence, shorten, spent

# Tables of many columns may take the whole of a desktop's window; lines of text are no longer than elsewhere.
WIDE = "header.top > div, main > div, footer > p { max-width: 1180px; } main p { max-width: 860px; }"
STATUSES = STATUS_WORDS | {
    "left": ("other", "Not begun"),
    "refused": ("bad", "✕ Refused"),
    "skipped": ("other", "Not needed"),
}


def batch_page(batch: Mapping[str, Any]) -> str:
    """Make one self-contained HTML page of a batch.

    Parameters
    ----------
    batch : mapping
        ``name``, ``ref``, ``status``, ``reason``, ``title`` (of the template), ``started``, ``seconds``, ``author``,
        ``workers``, ``threads``, ``resources`` (see `workbench.batches.totals`), ``common`` (parameters of all runs)
        and ``runs``: mappings with ``number``, ``name``, ``labels``, ``parameters``, ``status``, ``ref``, ``reason``,
        ``metric``, ``score``, ``target`` and ``data`` (what the score is of), ``seconds``, ``resources``, ``before``
        and ``report``, where its own page lies, seen from this one.

    Returns
    -------
    str
        The page; it runs no script and loads nothing.
    """
    runs: Sequence[Run] = batch["runs"]
    failed = [run for run in runs if run["status"] not in ("completed", "left", "skipped")]
    left = [run for run in runs if run["status"] in ("left", "skipped")]
    completed = [run for run in runs if run["status"] == "completed"]
    body = [*_failed(failed), *_left(left), *scored(completed)]
    title = f"{batch['name']}: {count(len(runs), 'run')}"
    return page(title, header=_header(batch), body=join(body), style=WIDE)


def _header(batch: Mapping[str, Any]) -> Markup:
    runs = batch["runs"]
    kind, word = STATUSES.get(batch["status"], ("other", sentence(batch["status"])))
    before = sum(run["before"] for run in runs)
    told = Counter(run["status"] for run in runs)
    facts = {
        "Template": batch["title"],
        "Runs": ", ".join(f"{number:,} {_word(status).lower()}" for status, number in told.most_common()),
        "Done before": count(before, "run") if before else "",
        "When": moment(batch["started"]),
        "Took": duration(batch["seconds"]),
        **_sums(batch["resources"], runs),
        "At a time": f"{count(batch['workers'], 'run')} of {count(batch['threads'], 'thread')} each",
        "By": batch["author"],
        "Kept as": batch["ref"],
        **{name: shorten(value) for name, value in batch["common"].items()},
    }
    reason = Markup('<p class="reason">{}</p>').format(batch["reason"]) if batch["reason"] else Markup()
    parts = [
        Markup('<span class="status {}">{}</span>').format(kind, word),
        Markup("<h1>{}</h1>").format(batch["name"]),
        reason,
        key_facts({label: fact for label, fact in facts.items() if fact}),
    ]
    return join(part for part in parts if part)


def _word(status: str) -> str:
    return STATUSES.get(status, ("", sentence(status.replace("_", " "))))[1].lstrip("✓✕ ")


def _failed(runs: Sequence[Run]) -> list[Markup]:
    if not runs:
        return []
    names, took = columns(runs), used(runs)
    rows = [
        [*named(run), _word(run["status"]), run["reason"] or "–", *own(run, names), *taken(run, took)] for run in runs
    ]
    header = ["", "run", "what happened", "why", *names, *took]
    return [Markup("<h2>Did not complete</h2>"), table(header, rows, right=took)]


def _left(runs: Sequence[Run]) -> list[Markup]:
    if not runs:
        return []
    names = columns(runs)
    rows = [[*named(run), run["reason"] or "–", *own(run, names)] for run in runs]
    return [Markup("<h2>Not begun</h2>"), table(["", "run", "why", *names], rows)]


def _sums(resources: Mapping[str, Any], runs: Sequence[Run]) -> dict[str, str]:
    """Write what all runs took together, and of how many the cost is known when it is not of all."""
    sums = {sentence(name): fact for name, fact in spent(resources).items()}
    took, cost = resources["runs"], resources["cost"]
    priced = sum(bool(run["resources"]) for run in runs)
    if cost is not None and cost["runs"] < priced:
        sums["Cost"] += f" for {cost['runs']:,} of {count(priced, 'run')}"
    return ({} if took is None else {"All runs took": duration(took)}) | sums
