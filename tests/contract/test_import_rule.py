"""Import leftwards, hand rightwards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ["numpy", "pandas", "sklearn", "lightgbm", "optuna", "papermill", "nbformat", "matplotlib", "skops", "rich"]


def loaded_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_the_import_contracts_hold() -> None:
    lint = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("statement", ["import workbench", "import workbench.cli", "import workbench.workflow"])
def test_the_front_door_imports_nothing_heavy(statement: str) -> None:
    assert loaded_by(statement).isdisjoint(HEAVY)


def test_serving_brings_neither_notebooks_nor_a_tuner() -> None:
    assert loaded_by("import workbench.serving").isdisjoint(["optuna", "papermill", "nbclient", "matplotlib"])


def test_every_name_of_the_front_door_is_found() -> None:
    import workbench as wb

    for name in wb.__all__:
        assert getattr(wb, name) is not None
