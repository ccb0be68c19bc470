"""What every room's tests may use."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str


@pytest.fixture
def workbench(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """Run the command line in this process, in a folder of its own: ``workbench("list", "--json")``."""
    from workbench.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WORKBENCH_STORE", raising=False)

    def command(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["workbench", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capfd.readouterr()
        return Said(int(end.value.code or 0), out, err)

    return command


def churn_table(rows: int = 240, seed: int = 0) -> pd.DataFrame:
    """A small table with numbers, a category, a date as text, blanks, and a target that can be learned."""
    random = np.random.default_rng(seed)
    tenure = random.integers(0, 72, rows)
    contract = random.choice(["monthly", "yearly", "two years"], rows, p=[0.5, 0.3, 0.2])
    charges = np.round(random.normal(65, 25, rows).clip(18), 2)
    logit = 1.5 * (contract == "monthly") - 0.05 * tenure + 0.02 * charges - 1 + random.normal(0, 0.7, rows)
    return pd.DataFrame(
        {
            "customer": [f"C{7000 + 13 * i % 9973:05d}" for i in range(rows)],
            "tenure": tenure,
            "contract": contract,
            "charges": [" " if i % 29 == 0 else f"{value}" for i, value in enumerate(charges)],
            "joined": pd.date_range("2020-01-01", periods=rows, freq="37h").strftime("%d/%m/%Y"),
            "Churn": np.where(logit > 0, "Yes", "No"),
        }
    )


@pytest.fixture(scope="session")
def churn() -> pd.DataFrame:
    """The small churn table; copy before changing it."""
    return churn_table()


@pytest.fixture
def churn_csv(tmp_path: Path, churn: pd.DataFrame) -> Path:
    """The small churn table as a CSV file."""
    path = tmp_path / "customers.csv"
    churn.to_csv(path, index=False)
    return path
