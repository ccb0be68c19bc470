"""The page on experiments names every file in which values of the table stand."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from workbench import workflow

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "experiment.md"
MARKED = re.compile(rb"qq[a-z]+\d+")


def marked_table(rows: int = 240) -> pd.DataFrame:
    """A table whose every text can be found again, and whose target says nothing."""
    random = np.random.default_rng(0)
    words = random.choice(["fast", "slow", "late", "kind"], (rows, 6))
    return pd.DataFrame(
        {
            "person": [f"qqperson{row}" for row in range(rows)],
            "said": [f"{' '.join(line)} qqword{row}" for row, line in enumerate(words)],
            "street": [f"qqstreet{row // 4}" for row in range(rows)],
            "town": [f"qqtown{number}" for number in random.integers(0, 4, rows)],
            "amount": random.normal(size=rows).round(6),
            "left": random.choice(["yes", "no"], rows),
        }
    )


def held(path: Path) -> set[bytes]:
    """Find marked values in a file, or in the members of a zip; NumPy gives each letter of a text four bytes."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            parts = [packed.read(name).replace(b"\0", b"") for name in packed.namelist()]
    elif path.suffix == ".parquet":
        parts = [pd.read_parquet(path).to_csv().encode()]
    else:
        parts = [path.read_bytes()]
    return {value for part in parts for value in MARKED.findall(part)}


def test_files_that_hold_values_of_the_table_are_named(tmp_path: Path) -> None:
    marked_table().to_csv(tmp_path / "people.csv", index=False)
    values = {"data": str(tmp_path / "people.csv"), "target": "left", "trials": 3}
    folder = workflow.run("classification", values, store=tmp_path / "store").path

    holding = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and held(path)}

    section = PAGE.read_text().partition("## What of the data is in it")[2].partition("\n## ")[0]
    assert holding <= set(re.findall(r"`([\w./]+)`", section))
    assert {"report.html", "model/golden.json", "model/model.skops"} <= holding
