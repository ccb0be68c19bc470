"""A number is predicted through the command line: measured on a file that was held back, with how far it may be off."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd


def test_a_held_back_file_is_measured_and_predictions_come_with_their_range(
    workbench: Callable, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    table = pd.DataFrame({"size": random.normal(10, 3, 240).round(2), "kind": random.choice(list("abc"), 240)})
    table["price"] = (5 * table["size"] + 8 * (table["kind"] == "a") + random.normal(0, 2, 240)).round(2)
    known, held, written = (tmp_path / name for name in ("known.csv", "held.csv", "said.csv"))
    table[:180].to_csv(known, index=False)
    table[180:].to_csv(held, index=False)
    given = [f"data={known}", "target=price", f"test={held}", "trials=2"]
    run = workbench("run", "regression", *(part for one in given for part in ("-p", one)), "--json")
    assert run.code == 0, run.err
    kept = json.loads(run.out)
    test = json.loads((Path(kept["path"]) / "scores.json").read_text())["test"]["rmse"]
    assert test["rows"] == 60
    assert kept["test"]["rmse"] == test
    assert "On the 60 rows that were held back until the end" in (Path(kept["path"]) / "report.html").read_text()

    asked = workbench("predict", kept["ref"], str(held), "-o", str(written), "--coverage", "80%", "--keep", "price")
    assert asked.code == 0, asked.err
    said = pd.read_csv(written)
    assert list(said) == ["price", "prediction", "low", "high"]
    error = np.sqrt(((said["price"] - said["prediction"]) ** 2).mean())
    assert np.isclose(error, test["value"])
    assert 0.65 <= said["price"].between(said["low"], said["high"]).mean() <= 0.95
