"""A run that has ended becomes an experiment, with its report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.documents.run_folder import RunFolder
    from workbench.experiment import Experiment, Store


def keep(folder: RunFolder, store: Store, title: str) -> Experiment:
    """Capture a run that has ended, with its report."""
    from workbench.experiment import capture

    return capture(folder, store, report=lambda experiment: _page(experiment, title))


def _page(experiment: Experiment, title: str) -> str:
    from workbench.pages.report import report
    from workbench.pages.words import spent
    from workbench.template import load as read_notebook

    task, used = experiment.task(), experiment.manifest["resources"]
    about = f"{title}: {task['target']}" if task else title
    facts = {
        "status": experiment.status,
        "reason": experiment.reason,
        "score": experiment.scores().get(experiment.metric or ""),
        "summary": _summary(experiment),
        "data": Path(task["data"]["source"]).name if task else None,
        "rows": task["rows"] if task else None,
        "started": experiment.manifest["started"],
        "seconds": used["wall"],
        **spent(used),
        "author": experiment.manifest["author"],
        "reference": str(experiment.reference),
    }
    notebook = read_notebook(experiment.notebook) if experiment.notebook.is_file() else {"cells": []}
    return report(notebook, title=about, facts=facts)


def _summary(experiment: Experiment) -> list[str]:
    from workbench.documents.outbox import read_scores
    from workbench.pages.summary import Found, summary

    task, score = experiment.task(), experiment.scores().get(experiment.metric or "")
    if not task or score is None:
        return []
    board = experiment.leaderboard()
    guess = dict(zip(board["family"], board["score"], strict=True)).get("baseline") if len(board) else None
    test = read_scores(experiment.path, test=True).get(score.metric)
    return summary(Found(task, score, guess, len(experiment.trials()), test))
