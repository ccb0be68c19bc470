"""A run that has ended becomes an experiment, with its report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.documents.run_folder import RunFolder
    from workbench.experiment import Experiment, Store


def keep(folder: RunFolder, store: Store, title: str) -> Experiment:
    """Capture a run that has ended, with its report."""
    from workbench.experiment import capture

    return capture(folder, store, report=lambda experiment: page(experiment, title))


def page(experiment: Experiment, title: str, found: Sequence[str] = ()) -> str:
    """Make the report of an experiment from its notebook; it begins with what was `found` about it, in sentences."""
    from workbench.pages.report import report
    from workbench.pages.words import spent
    from workbench.template import load as read_notebook

    task, used = experiment.task(), experiment.manifest["resources"]
    target, source = (task["target"], task["data"]["source"]) if task else _asked(experiment)
    about = f"{title}: {target}" if target else title
    facts = {
        "status": experiment.status,
        "reason": experiment.reason,
        "score": experiment.score,
        "summary": [*found, *_summary(experiment)],
        "data": Path(source).name,
        "rows": task["rows"] if task else None,
        "started": experiment.manifest["started"],
        "seconds": used["wall"],
        **spent(used),
        "author": experiment.manifest["author"],
        "reference": str(experiment.reference),
    }
    notebook = read_notebook(experiment.notebook) if experiment.notebook.is_file() else {"cells": []}
    return report(notebook, title=about, facts=facts)


def _asked(experiment: Experiment) -> tuple[str, str]:
    """Read off its parameters what a run was to predict from what, when it ended before it said so itself."""
    given = experiment.parameters()
    values = (given.get(name, {}).get("value") for name in ("target", "data"))
    target, source = (value if isinstance(value, str) else "" for value in values)
    return target, source


def _summary(experiment: Experiment) -> list[str]:
    from workbench.documents.outbox import read_scores
    from workbench.pages.summary import Found, summary

    task, score = experiment.task(), experiment.score
    if not task or score is None:
        return []
    board = experiment.leaderboard()
    guess = dict(zip(board["family"], board["score"], strict=True)).get("baseline") if len(board) else None
    test = read_scores(experiment.path, test=True).get(score.metric)
    return summary(Found(task, score, guess, len(experiment.trials()), test))
