"""Real experiments, made by the command line: other tools read all of it, and MLflow predicts what we predict."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workbench.dataset import read_table
from workbench.documents.bundle import load_model

ROWS = 240
RUNS = {
    "binary": ("classification", "leaves", "-p", "positive=yes"),
    "multiclass": ("classification", "shop"),
    "regression": ("regression", "charges"),
}


def customers() -> pd.DataFrame:
    """A table with what MLflow and pandas stumble over: codes, blanks of every kind, dates, odd names."""
    random = np.random.default_rng(3)
    codes = random.choice(["01234", "04711", "00815", "10115"], ROWS)
    tenure = random.integers(0, 60, ROWS)
    shop = random.choice(["north", "south", "west"], ROWS)
    charges = np.round(20 + tenure * 0.7 + 15 * (codes == "01234") + random.normal(0, 4, ROWS), 2)
    told = pd.DataFrame(
        {
            "Postleitzahl (PLZ)": codes,
            "tenure": tenure,
            "visits": np.where(np.arange(ROWS) % 11 == 0, "", (tenure % 7).astype(str)),
            "joined": pd.date_range("2021-01-01", periods=ROWS, freq="D").strftime("%Y-%m-%d"),
            "größe": [["S", "M", "", "L"][row % 4] for row in range(ROWS)],
            "paid": random.choice(["True", "False"], ROWS),
            "shop": np.where(random.random(ROWS) < 0.8, np.where(tenure > 40, "north", shop), shop),
            "charges": charges,
        }
    )
    told["leaves"] = np.where(charges + random.normal(0, 6, ROWS) > 42, "yes", "no")
    return told


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The three runs, all at once; each has its table and experiment."""
    home = tmp_path_factory.mktemp("real")
    table = home / "some customers.csv"
    customers().to_csv(table, index=False)
    command = [sys.executable, "-m", "workbench", "run"]
    asked = ["-p", f"data={table}", "-p", "trials=2", "--json", "--store", str(home / "store")]
    processes = {
        name: subprocess.Popen([*command, template, "-p", f"target={target}", *more, *asked], stdout=subprocess.PIPE)
        for name, (template, target, *more) in RUNS.items()
    }
    told = {name: json.loads(process.communicate()[0]) for name, process in processes.items()}
    assert {name: one["status"] for name, one in told.items()} == dict.fromkeys(RUNS, "completed")
    return {name: Path(one["path"]) for name, one in told.items()} | {"table": table}


def of_runs(made: dict[str, Any], file: str = "") -> dict[str, str]:
    return {name: str(made[name] / file) for name in RUNS}


@pytest.mark.slow
def test_a_real_experiment_passes_every_validator(ask: Any, made: dict[str, Any], tmp_path: Path) -> None:
    question = {name: [folder, "process-run-crate"] for name, folder in of_runs(made).items()}
    crates = ask("crates", {"crates": question, "cache": str(tmp_path)})
    assert {name: told["REQUIRED"] for name, told in crates.items()} == {name: [] for name in RUNS}
    assert ask("bill", of_runs(made, "sbom.cdx.json")) == dict.fromkeys(RUNS)
    described = {name: [file, str(made["table"])] for name, file in of_runs(made, "data/croissant.json").items()}
    for told in ask("croissant", described).values():
        assert told["errors"] == []
        assert list(told["fields"]) == list(customers().columns)
        assert told["rows"][1]["tenure"] == customers()["tenure"][1]


@pytest.mark.slow
def test_mlflow_predicts_what_we_predict(ask: Any, made: dict[str, Any]) -> None:
    asked = {name: [folder, str(made["table"]), ["Postleitzahl (PLZ)"], []] for name, folder in models(made).items()}
    found = ask("mlflow", asked)
    rows = read_table(made["table"]).frame
    for name, folder in models(made).items():
        ours = load_model(Path(folder)).table(rows)
        theirs = pd.DataFrame(found[name]["predictions"])
        assert list(theirs.columns) == list(ours.columns)
        assert theirs["prediction"].tolist() == ours["prediction"].tolist(), name
        for column in ours.columns[1:]:
            assert np.array_equal(theirs[column], ours[column]), (name, column)
        assert found[name]["columns"]["Postleitzahl (PLZ)"] == ["string", True]
        assert found[name]["example"] == 2


@pytest.mark.slow
def test_mlflow_may_leave_out_what_was_missing_in_training_and_nothing_else(ask: Any, made: dict[str, Any]) -> None:
    folder, table, codes = models(made)["binary"], str(made["table"]), ["Postleitzahl (PLZ)"]
    optional = ["visits", "größe"]
    found = ask("mlflow", {"optional": [folder, table, codes, optional], "needed": [folder, table, codes, ["tenure"]]})
    assert {name for name, (_, needed) in found["optional"]["columns"].items() if not needed} == set(optional)
    rows = read_table(made["table"]).frame
    ours = load_model(Path(folder)).table(rows.assign(visits=None, größe=None))
    assert np.array_equal(found["optional"]["predictions"]["probability_yes"], ours["probability_yes"])
    assert "tenure" in found["needed"]["error"]


def models(made: dict[str, Any]) -> dict[str, str]:
    return of_runs(made, "model")
