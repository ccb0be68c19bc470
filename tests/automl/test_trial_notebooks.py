"""A trial of any family, taken away as a notebook, predicts rows it never saw as the search's model did."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workbench.automl.families import shipped
from workbench.automl.glass_box.notebook import write_notebook
from workbench.automl.glass_box.realised import kinds_of, lean
from workbench.automl.glass_box.recipe import of_trial
from workbench.automl.record import task_document
from workbench.automl.search import search
from workbench.automl.task import task
from workbench.dataset import read_table

CLOSE = 1e-9
TARGETS = {"bought": "classification", "worth": "regression"}
FAMILIES = [family.name for family in shipped()]
# All notebooks in one process, for to import the libraries takes longer than to run most of them.
PLAY = """
import json, sys
from importlib.abc import MetaPathFinder

class Forbidden(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("workbench", "optuna", "skops", "papermill"):
            raise ImportError(f"{name} is not to be imported")

sys.meta_path.insert(0, Forbidden())
import pandas as pd
rows, told = pd.read_pickle("rows.pkl"), {}
for file in sys.argv[1:]:
    played = {"__name__": "__main__"}
    for cell in json.load(open(file))["cells"]:
        if cell["cell_type"] == "code":
            exec(compile(cell["source"], cell["id"], "exec"), played)
    model = played["model"]
    said = model.predict_proba(rows) if model.classes_ else model.predict(rows)
    told[file] = {"said": said.tolist(), "apart": played["difference"]}
json.dump(told, open("told.json", "w"))
"""


def orders(rows: int, seed: int) -> pd.DataFrame:
    """Codes of digits, gaps in every column, levels, many names, dates and prose."""
    random = np.random.default_rng(seed)
    code = random.choice(["01234", "00017", "1234", "0099"], rows)
    colour, size = random.choice(["red", "green", "blue"], rows), random.normal(10, 3, rows).round(3)
    worth = 3 * size + 6 * (code == "01234") + 4 * (colour == "red") + random.normal(0, 2, rows)
    days = pd.to_timedelta(random.integers(0, 900, rows), unit="D")
    frame = pd.DataFrame(
        {
            "code": code,
            "size": size,
            "colour": colour,
            "when": (pd.Timestamp("2021-01-01") + days).strftime("%Y-%m-%d"),
            "town": [f"town {number}" for number in random.integers(0, 60, rows)],
            "note": random.choice(
                ["was late and came again", "never wrote a word to us", "paid at once, as ever"], rows
            ),
            "count": random.integers(0, 9, rows),
            "bought": np.where(worth > 34, "yes", "no"),
            "worth": worth.round(2),
        }
    )
    for place, name in enumerate(["code", "size", "colour", "when", "town", "note", "count"]):
        frame[name] = frame[name].astype(object).mask(np.arange(rows) % 19 == place)
    return frame


def strange() -> pd.DataFrame:
    """Rows never seen: as a file holds them, with levels, codes, words and numbers that are new, and nothing at all."""
    rows = orders(30, 7).astype("string")
    rows.loc[0:3, "colour"] = ["violet", "RED", "", None]
    rows.loc[2:5, "code"] = ["98765", "01234", "1234", None]
    rows.loc[4:7, "size"] = ["many", "1e300", "-5", None]
    rows.loc[6:8, "when"] = ["2050-12-31", "yesterday", None]
    rows.loc[8:9, "town"] = ["Atlantis", None]
    rows.loc[9:10, "note"] = ["xyzzy", None]
    rows.loc[11] = None
    return rows.drop(columns=list(TARGETS))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Search once with each family and target; run the notebook of its one trial; give what both say of new rows."""
    folder: Path = tmp_path_factory.mktemp("trials")
    orders(160, 0).to_csv(folder / "orders.csv", index=False)
    strange().to_pickle(folder / "rows.pkl")
    expected = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("WORKBENCH_RUN", raising=False)
        patched.setattr("workbench.automl.families.network.ROUNDS", 5)
        for target, kind in TARGETS.items():
            other = next(name for name in TARGETS if name != target)
            made = task(read_table(str(folder / "orders.csv")), target, kind=kind, ignore=other)
            for family in FAMILIES:
                result = search(made, trials=1, families=[family])
                told = json.loads(
                    json.dumps([task_document(result), lean(result.trials, kinds_of(made.schema, made.features))])
                )
                write_notebook(
                    folder / f"{family} {target}.ipynb", of_trial(told[0], made.schema, told[1], 1, packages={})
                )
                assert result.model.calibration is None
                said = result.model.predict_proba if made.classes else result.model.predict
                expected[f"{family} {target}.ipynb"] = said(strange())
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PLAY, *expected], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads((folder / "told.json").read_text())
    return {name: {**told[name], "expected": said} for name, said in expected.items()}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("family", FAMILIES)
def test_rows_never_seen_get_what_the_search_s_model_says_of_them(played, family, target):
    told = played[f"{family} {target}.ipynb"]
    said = np.array(told["said"])
    assert np.isfinite(said).all()
    assert len(np.unique(said.round(6), axis=0)) > 5  # it tells rows apart
    assert np.abs(said - told["expected"]).max() <= CLOSE * max(1.0, float(np.abs(told["expected"]).max()))
    assert told["apart"] <= CLOSE * 100
