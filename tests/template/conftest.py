from __future__ import annotations

import textwrap

import nbformat
import pytest

from workbench.template import read_parameters


@pytest.fixture(scope="session")
def notebook_of():
    """Make a small real notebook around the text of a parameters cell."""

    def make(cell: str | None, *, tail: str = "pass", tags: tuple[str, ...] = ("parameters",), **metadata):
        notebook = nbformat.v4.new_notebook(metadata=metadata)
        notebook.cells.append(nbformat.v4.new_markdown_cell("# A small notebook\n\nIt adds\nnumbers.\n\nMore."))
        if cell is not None:
            text = textwrap.dedent(cell).strip("\n")
            notebook.cells.append(nbformat.v4.new_code_cell(text, metadata={"tags": list(tags)}))
        notebook.cells.append(nbformat.v4.new_code_cell(tail))
        return notebook

    return make


@pytest.fixture(scope="session")
def parameters_of(notebook_of):
    """Read the parameters of a cell's text."""

    def read(cell: str):
        return read_parameters(notebook_of(cell))

    return read


@pytest.fixture(scope="session")
def run_cells():
    """Run the code cells of a notebook as a kernel would, one namespace for all; give the namespace."""

    def run(notebook) -> dict:
        namespace: dict = {}
        for cell in notebook.cells:
            if cell.cell_type == "code":
                exec(compile(cell.source, "<cell>", "exec"), namespace)
        return namespace

    return run
