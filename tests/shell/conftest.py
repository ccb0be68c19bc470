"""One real run of the classification template, shared by the tests that read what it left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory, churn: pd.DataFrame) -> Any:
    """Two experiments of three trials each in one store: ``kept.store``, ``kept.runs``, ``kept.csv``."""
    from types import SimpleNamespace

    from workbench import workflow

    folder: Path = tmp_path_factory.mktemp("with a space")
    csv = folder / "customers.csv"
    churn.to_csv(csv, index=False)
    store = folder / "store"
    runs = [
        workflow.run(
            "classification",
            {"data": str(csv), "target": "Churn", "trials": 3, "ignore": ignore},
            labels={"shop": "7"},
            store=store,
        )
        for ignore in ([], ["tenure"])
    ]
    return SimpleNamespace(store=store, runs=runs, csv=csv, folder=folder)
