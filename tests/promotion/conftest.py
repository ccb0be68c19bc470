"""Experiments as a run leaves them, made in a blink."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from workbench.documents import outbox
from workbench.documents.bundle import write_model
from workbench.documents.experiment import write_manifest
from workbench.documents.files import write_json
from workbench.experiment import Experiment, load
from workbench.experiment.capturing.capture import entries
from workbench.records import Check, Score

TASK = {
    "kind": "binary",
    "target": "Churn",
    "classes": ["No", "Yes"],
    "metric": "roc_auc",
    "rows": 240,
    "data": {
        "source": "/home/ana/secret place/customers.csv",
        "digest": "sha256:0",
        "rows": 240,
        "notes": ["As UTF-16."],
    },
}
SCORES = {"roc_auc": Score("roc_auc", 0.8, 0.75, 0.85), "log_loss": Score("log_loss", 0.5, higher_is_better=False)}


@pytest.fixture(scope="session")
def model(fitted: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with a linear model in it."""
    made = fitted("linear")
    folder = tmp_path_factory.mktemp("kept") / "model"
    write_model(folder, made.model, schema=made.schema, golden=made.raw)
    return folder


@pytest.fixture
def keep(fitted: Callable[..., Any], model: Path, tmp_path: Path) -> Callable[..., Experiment]:
    """Keep an experiment: ``keep(1, roc_auc=0.9)``."""
    features = fitted("linear").model.features_

    def kept(
        number: int = 1,
        *,
        metric: str = "roc_auc",
        status: str = "completed",
        checks: Sequence[Check] = (Check("duplicates", "warn", "2 rows stand twice."),),
        task: Mapping[str, Any] = TASK,
        data: str = "0",
        with_model: bool = True,
        **values: float,
    ) -> Experiment:
        ref = f"churn@20261121T1000{number:02d}Z-{number:08x}"
        folder = tmp_path / "store" / "experiments" / ref.replace("@", "/")
        folder.mkdir(parents=True)
        scores = SCORES | {name: Score(name, value, value - 0.05, value + 0.05) for name, value in values.items()}
        if with_model:
            shutil.copytree(model, folder / "model")
        outbox.write_scores(folder, metric, scores)
        outbox.write_checks(folder, checks)
        outbox.write_task(folder, {**task, "features": features})
        (folder / "data").mkdir()
        write_json(folder / "data" / "profile.json", {"format": 0, "columns": {}})
        manifest = {
            "kind": "run",
            "ref": ref,
            "status": status,
            "reason": "",
            "started": "2026-11-21T10:00:00+00:00",
            "ended": "2026-11-21T10:01:00+00:00",
            "author": "ana",
            "template": "classification",
            "labels": {},
            "cause": {"kind": "person"},
            "parents": [],
            "fingerprint": "",
            "data": {"digest": f"sha256:{data}", "rows": 240, "time_range": None},
            "metric": metric,
            "scores": {name: outbox.score_document(score) for name, score in scores.items()},
            "resources": {},
            "objects": [],
            "files": entries(folder),
        }
        write_manifest(folder, manifest)
        return load(folder)

    return kept


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """The store that `keep` keeps in."""
    return tmp_path / "store"
