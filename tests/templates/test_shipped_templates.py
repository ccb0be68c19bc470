"""The shipped templates are programs people read, and run three ways: kept, by hand, and under plain papermill."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / "templates").glob("*.ipynb"))
COMMON = {"data", "target", "budget", "trials", "metric", "seed", "ignore", "group", "time", "id", "weight", "test"}
each = pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)


def outputs(notebook: nbformat.NotebookNode) -> list[dict[str, Any]]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def assert_progress_is_complete(found: list[dict[str, Any]]) -> None:
    """One display, written again in its place, and at its end."""
    (shown,) = [one["data"] for one in found if "<progress" in one.get("data", {}).get("text/html", "")]
    assert 'value="1.000"' in shown["text/html"]
    assert re.fullmatch(r"\d+ trials? in .*s\.", shown["text/plain"])


@each
def test_is_stored_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert outputs(notebook) == []
    assert all(cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")


@each
def test_has_a_sentence_above_each_code_cell_and_one_import(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    for above, cell in itertools.pairwise(cells):
        if cell.cell_type == "code":
            assert above.cell_type == "markdown", cell.source
            assert above.source.rstrip().endswith((".", ":")), above.source
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code" and not cell.metadata.get("tags"))
    assert [line for line in code.splitlines() if line.startswith(("import ", "from "))] == ["import workbench as wb"]
    assert max(len(cell.source.splitlines()) for cell in cells) <= 25


@each
def test_declares_the_common_parameters_typed_and_explained(path: Path) -> None:
    from workbench.template import find

    parameters = {one.name: one for one in find(str(path)).parameters}
    assert set(parameters) >= COMMON
    assert all(one.help for one in parameters.values())
    assert not any(one.required for one in parameters.values())


@each
@pytest.mark.slow
def test_runs_by_hand_with_its_defaults_in_under_a_minute(path: Path, tmp_path: Path) -> None:
    """As Run All in JupyterLab does: no run folder, no parameters, the notebook's own folder."""
    done = subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--output-dir", tmp_path, path],
        env={name: value for name, value in os.environ.items() if name != "WORKBENCH_RUN"},
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = outputs(nbformat.read(tmp_path / path.name, as_version=4))
    assert [one for one in found if one.output_type == "error"] == []
    assert sum("image/png" in one.get("data", {}) for one in found) >= 4
    assert "workbench run" in str(found[-1])  # it says how to run it so that it is kept
    assert_progress_is_complete(found)


@each
@pytest.mark.slow
def test_runs_under_plain_papermill(path: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "papermill", path, tmp_path / "out.ipynb", "-p", "trials", "2", "--no-progress-bar"],
        env={name: value for name, value in os.environ.items() if name != "WORKBENCH_RUN"},
        capture_output=True, text=True, timeout=180, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = outputs(nbformat.read(tmp_path / "out.ipynb", as_version=4))
    assert [one for one in found if one.output_type == "error"] == []
    assert_progress_is_complete(found)
