"""The notebook of a winner, or of any trial, makes the very model again: from the data file, without the workbench."""

import ast
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.automl.record import record
from workbench.automl.search import search
from workbench.automl.task import task
from workbench.dataset import read_table
from workbench.documents import outbox
from workbench.documents.bundle import load_model
from workbench.documents.run_folder import VARIABLE, RunFolder, RunRecord
from workbench.documents.table import read_schema

CLOSE = 1e-9
FORBIDDEN = ("workbench", "optuna", "skops", "papermill")
PLAY = '''
import json, sys
from importlib.abc import MetaPathFinder

class Forbidden(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in FORBIDDEN:
            raise ImportError(f"{name} is not to be imported")

FORBIDDEN = set(json.loads(sys.argv[2]))
sys.meta_path.insert(0, Forbidden())
import pandas as pd
played = {"__name__": "__main__"}
for cell in json.load(open(sys.argv[1]))["cells"]:
    if cell["cell_type"] == "code":
        exec(compile(cell["source"], cell["id"], "exec"), played)
model = played["model"]
rows = pd.read_pickle(sys.argv[3])
said = model.predict_proba(rows) if model.classes_ else model.predict(rows)
labels = model.predict(rows).tolist()
json.dump({"said": said.tolist(), "labels": labels}, open(sys.argv[4], "w"))
'''


def play(notebook: Path, fresh: pd.DataFrame) -> dict:
    """Run a notebook's cells in a process where the workbench cannot be imported, and predict fresh rows."""
    folder = notebook.parent
    rows, answer = folder / "fresh.pkl", folder / "answer.json"
    fresh.to_pickle(rows)
    arguments = [str(notebook), json.dumps(FORBIDDEN), str(rows), str(answer)]
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PLAY, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(answer.read_text()) | {"printed": done.stdout}


def largest(one: object, other: object) -> float:
    return float(np.abs(np.array(one, dtype=float) - np.array(other, dtype=float)).max())


def farm(rows: int = 150, seed: int = 0) -> pd.DataFrame:
    """A table with codes, gaps, levels, dates, prose, groups, times and weights."""
    random = np.random.default_rng(seed)
    size, wind = random.normal(10, 3, rows).round(3), random.gamma(2, 3, rows).round(2)
    code = random.choice(["01234", "00017", "1234", "0099"], rows)
    colour = random.choice(["red", "green", "blue"], rows)
    worth = 3 * size + wind + 6 * (code == "01234") + 4 * (colour == "red") + random.normal(0, 2, rows)
    days = pd.to_timedelta(np.sort(random.integers(0, 900, rows)), unit="D")
    frame = pd.DataFrame(
        {
            "code": code,
            "size": [f"{value:.3f}".replace(".", ",") for value in size],
            "wind": wind,
            "colour": colour,
            "when": (pd.Timestamp("2021-01-01") + days).strftime("%Y-%m-%d"),
            "town": [f"town {number}" for number in random.integers(0, 30, rows)],
            "farm": [f"F{number:02}" for number in random.integers(0, 12, rows)],
            "counts": random.integers(1, 4, rows),
            "worth": worth.round(2),
            "bought": np.where(worth > np.quantile(worth, 0.6), "yes", "no"),
            "grade": np.array(["low", "mid", "high"])[np.digitize(worth, np.quantile(worth, [0.4, 0.8]))],
        }
    )
    for place, name in enumerate(["code", "size", "wind", "colour", "town"]):
        frame[name] = frame[name].astype(object).mask(np.arange(rows) % 17 == place)
    for name in ("worth", "bought", "grade"):
        frame[name] = frame[name].astype(object).mask(np.arange(rows) % 41 == 7)
    return frame


def fresh(seed: int = 5) -> pd.DataFrame:
    """Rows never seen: gaps, unseen levels, unseen codes, columns in another order and one too many."""
    rows = farm(40, seed)
    rows.loc[0:3, "colour"] = ["violet", None, "RED", ""]
    rows.loc[2:5, "code"] = ["98765", "1234", "01234", None]
    rows.loc[4:6, "size"] = ["many", None, "1.000,5"]
    rows.loc[7, "when"] = None
    rows["extra"] = 1
    return rows[sorted(rows.columns, reverse=True)]


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Search in a run folder and record the result: ``kept(frame, target, …)`` gives result and outbox."""

    def done(frame, target, *, kind="classification", suffix=".csv", searched=None, **roles):
        file = tmp_path / f"farm{suffix}"
        frame.to_parquet(file) if suffix == ".parquet" else frame.to_csv(file, index=False, sep=";")
        folder = RunFolder(tmp_path / "run")
        folder.path.mkdir()
        folder.outbox.mkdir()
        folder.outputs.mkdir()
        folder.write(RunRecord("y", "20261121T183000Z-1f3ac09e", "t", "2026-11-21T18:30:00+00:00", 1, "here"))
        monkeypatch.setenv(VARIABLE, str(folder.path))
        others = [name for name in ("worth", "bought", "grade") if name != target]
        unused = [name for name in ("farm", "counts") if name not in roles.values()]
        made = task(read_table(str(file)), target, kind=kind, ignore=[*others, *unused], **roles)
        result = search(made, **(searched or {"trials": 3}))
        record(result)
        return result, folder.outbox

    return done


CASES = {
    "two classes": ("bought", "classification", {}),
    "several classes": ("grade", "classification", {}),
    "a number": ("worth", "regression", {}),
    "groups": ("bought", "classification", {"group": "farm"}),
    "times": ("worth", "regression", {"time": "when"}),
    "weights": ("worth", "regression", {"weight": "counts"}),
    "rows held back": ("bought", "classification", {"check_share": 0.2}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_winner_predicts_the_same_without_the_workbench(case, kept):
    target, kind, roles = CASES[case]
    result, outbox_folder = kept(farm(), target, kind=kind, **roles)
    again = play(outbox_folder / "winner.ipynb", fresh())
    stored = load_model(outbox_folder / "model")
    expected = stored.predict_proba(fresh()) if result.task.classes else stored.predict(fresh())
    assert largest(again["said"], expected) <= CLOSE
    assert again["labels"] == pytest.approx(stored.predict(fresh()).tolist())
    assert "difference from the predictions that were kept is" in again["printed"]
    assert float(again["printed"].split()[-1].rstrip(".")) <= CLOSE
