from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from workbench.documents.run_folder import RunFolder, RunRecord


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call() -> None:
    """Let kernels be as they are elsewhere: where ipykernel sees this, it reads nothing of what a process prints."""
    os.environ.pop("PYTEST_CURRENT_TEST", None)


def notebook_of(*cells: str | NotebookNode) -> NotebookNode:
    return new_notebook(cells=[new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells])


@dataclass(frozen=True)
class Done:
    """A run that is over, and what it left behind."""

    folder: RunFolder
    record: RunRecord
    told: list[dict[str, Any]]

    @property
    def notebook(self) -> NotebookNode:
        return nbformat.read(self.folder.notebook, as_version=4)

    @property
    def cells(self) -> list[str]:
        return [cell.metadata.papermill.status for cell in self.notebook.cells]

    @property
    def text(self) -> str:
        outputs = [output for cell in self.notebook.cells for output in cell.get("outputs", [])]
        return "".join(output.get("text", "") for output in outputs)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of our own, in which every file of a kernel would be found."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        yield Path(folder)


@pytest.fixture
def make():
    return notebook_of


@pytest.fixture
def running(tmp_path: Path) -> Path:
    return tmp_path / "store" / "running"


@pytest.fixture
def run(running: Path):
    """Prepare and execute a notebook of these cells."""
    from workbench.execution import execute, prepare

    def run_cells(*cells: str | NotebookNode, at: Path = running, **options: Any) -> Done:
        notebook = notebook_of(*cells)
        folder = prepare(at, name="test", template=notebook)
        told: list[dict[str, Any]] = []
        record = execute(folder, notebook, **{"on_event": told.append, **options})
        return Done(folder, record, told)

    return run_cells
