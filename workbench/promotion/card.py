"""The model card and the Dockerfile that lie in a bundle: what the model is, in plain words, and how to run it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from workbench.documents.bundle_loader import LOADER, package_of
from workbench.documents.ledger import Entry
from workbench.experiment import Experiment
from workbench.pages.words import measured
from workbench.records import Check, Score, Verdict

DOCKERFILE = """\
# Predicts a CSV file; build it here, then: docker run -v "$PWD:/data" IMAGE /data/rows.csv /data/predictions.csv
FROM python:{python}-slim
{system}WORKDIR /model
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
ENV PYTHONPATH=/model/code
ENTRYPOINT ["python", "-m", "{package}.{loader}"]
"""
# LightGBM's wheel leaves OpenMP to the system, and slim images have none.
OPENMP = "RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*\n"


def card(experiment: Experiment, entry: Entry, version: str) -> str:
    """Write the card of the bundle `version` that `entry` makes live."""
    task = experiment.task()
    parts = [
        f"# {entry.model}, version {version}",
        _purpose(task),
        "## How good it is",
        _scores(experiment.scores(), experiment.metric),
        "## The data it was fitted on",
        _data(task, experiment.manifest["data"]),
        "## What was noticed about the data",
        _checks(experiment.checks()),
        "## Limits",
        _limits(task),
        "## Why it was let through",
        _verdicts(entry.verdicts),
        "## Where it comes from",
        f"Experiment `{entry.experiment}`, promoted by {entry.author or 'an unnamed user'} on {entry.time}.",
    ]
    return "\n\n".join(parts) + "\n"


def dockerfile(folder: Path) -> str:
    """Write the Dockerfile of the bundle in `folder`."""
    requirements = (folder / "requirements.txt").read_text(encoding="utf-8")
    python = (folder / "python_env.yaml").read_text(encoding="utf-8").partition("python: ")[2].split()[0]
    return DOCKERFILE.format(
        python=".".join(python.strip("'\"").split(".")[:2]),
        system=OPENMP if "lightgbm" in requirements else "",
        package=package_of(folder).name,
        loader=LOADER,
    )


def _purpose(task: Mapping[str, Any]) -> str:
    target, columns = task.get("target", "?"), len(task.get("features") or ())
    classes = [f"`{label}`" for label in task.get("classes") or ()]
    if not classes:
        return f"Predicts the number in the column `{target}` from {columns} other columns."
    choice = f"{', '.join(classes[:-1])} or {classes[-1]}" if len(classes) <= 20 else f"one of {len(classes)} classes"
    return f"Predicts the column `{target}` ({choice}) from {columns} other columns, with a probability for each class."


def _scores(scores: Mapping[str, Score], chosen: str | None) -> str:
    if not scores:
        return "No score was kept."
    rows = [
        f"| {_bold(score, chosen)} | {measured(score.value)} | {_interval(score)} | {_way(score)} |"
        for score in scores.values()
    ]
    head = "Measured on rows the model was not fitted on. The metric it was chosen by is in bold.\n\n"
    return head + "\n".join(["| metric | value | 95 % interval | better is |", "|---|---|---|---|", *rows])


def _bold(score: Score, chosen: str | None) -> str:
    return f"**{score.metric}**" if score.metric == chosen else score.metric


def _interval(score: Score) -> str:
    return f"{measured(score.low)} to {measured(score.high)}" if None not in (score.low, score.high) else "not known"


def _way(score: Score) -> str:
    return "higher" if score.higher_is_better else "lower"


def _data(task: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    source = str(task.get("data", {}).get("source") or "a table")
    name = source if source.startswith("example:") else source.rstrip("/").rpartition("/")[2]
    rows = task.get("rows") or data.get("rows")
    notes = "\n".join(f"- {note}" for note in task.get("data", {}).get("notes", ()))
    columns = ", ".join(f"`{column}`" for column in task.get("features") or ())
    head = f"`{name}`, {rows:,} rows, digest `{data.get('digest')}`." if rows else f"`{name}`."
    return "\n\n".join(filter(None, [head, notes, f"Columns: {columns}."]))


def _checks(checks: Iterable[Check]) -> str:
    return "\n".join(f"- {check.level}: {check.message}" for check in checks) or "Nothing."


def _limits(task: Mapping[str, Any]) -> str:
    number = not task.get("classes")
    return "\n".join(
        [
            "- It knows only rows like those it was fitted on: other times, places or customers may look different.",
            "- It finds what goes together, not what causes what: changing a column need not change the outcome.",
            "- A prediction is one number; `--coverage 90%` (`predict_interval`) tells how far off it may be."
            if number
            else "- A probability is the share of such rows to expect, not a promise about one row.",
            "- Whether it treats groups of people fairly was not examined.",
        ]
    )


def _verdicts(verdicts: Iterable[Verdict]) -> str:
    return "\n".join(f"- {verdict.name}: {verdict.because}" for verdict in verdicts)
