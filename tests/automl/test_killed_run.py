"""A run that was killed outright is kept, and a search goes on with the trials it had."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench import workflow
from workbench.automl.search import search
from workbench.automl.task import task
from workbench.dataset import read_table
from workbench.documents.run_folder import RunFolder
from workbench.experiment import verify

TRIALS = 5


@pytest.fixture
def killed(tmp_path: Path, churn_csv: Path):
    """Run the command in a process of its own, and kill it outright once two of its trials are told."""
    store = tmp_path / "store"
    command = [sys.executable, "-m", "workbench", "run", "classification", "--store", str(store)]
    for value in (f"data={churn_csv}", "target=Churn", f"trials={TRIALS}"):
        command += ["-p", value]
    runner = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path)
    ends = time.monotonic() + 300
    try:
        while sum(event["kind"] == "trial" for event in heard(store)) < 2:
            assert runner.poll() is None
            assert time.monotonic() < ends
            time.sleep(0.02)
    finally:
        os.kill(runner.pid, signal.SIGKILL)
        runner.wait()
    return store


def heard(store: Path) -> list[dict]:
    folders = [path for path in (store / "running").glob("*") if not path.name.startswith(".")]
    return list(RunFolder(folders[0]).heard()) if folders else []


@pytest.mark.slow
def test_what_was_tried_before_it_was_killed_counts(killed: Path, churn_csv: Path) -> None:
    (experiment,) = workflow.experiments(store=killed)
    assert experiment.status == "killed"
    before = {file: file.read_bytes() for file in experiment.path.rglob("*") if file.is_file()}
    made = task(read_table(str(churn_csv)), "Churn")
    gone_on = search(made, trials=TRIALS, resume=experiment.path)
    assert [one["number"] for one in gone_on.trials] == list(range(1, TRIALS + 1))
    whole = search(made, trials=TRIALS)
    pd.testing.assert_frame_equal(gone_on.predictions, whole.predictions, check_exact=True)
    raw = made.dataset.frame
    assert np.array_equal(gone_on.model.predict_proba(raw), whole.model.predict_proba(raw))
    assert {file: file.read_bytes() for file in experiment.path.rglob("*") if file.is_file()} == before
    assert verify(experiment) == []
