"""The executed notebook: made ready, saved, and at the end set right to say what happened.

papermill's own marks cannot be trusted after a dead kernel or a timeout: it then calls every cell completed, those
that never ran included. So the runner marks the cells itself, from its verdict.
"""

from __future__ import annotations

from itertools import groupby

import nbformat
from nbformat import NotebookNode
from nbformat.validator import normalize
from papermill import __version__ as VERSION  # noqa: N812 - a constant

from workbench.documents.files import write_bytes
from workbench.documents.run_folder import RunFolder
from workbench.execution.verdict import Verdict

ERROR_MARK = "papermill-error-cell-tag"  # two cells that papermill puts in on failure, which shift every index


def clean(notebook: NotebookNode) -> NotebookNode:
    """Copy a notebook as papermill needs it: in today's format, every cell with an id, nothing of an earlier run."""
    copy = normalize(nbformat.convert(notebook, 4))[1]
    copy.metadata.pop("widgets", None)
    copy.metadata.papermill = _noted(copy.metadata.get("papermill", {}).get("parameters", {}))
    drop_marks(copy)
    for cell in copy.cells:
        for left in ("papermill", "execution"):
            cell.metadata.pop(left, None)
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
    return copy


def _noted(parameters: NotebookNode) -> NotebookNode:
    """Note what papermill would before a run, and the values: they were bound before, so that it knows of none."""
    empty = NotebookNode()
    return NotebookNode(default_parameters=empty, parameters=parameters, environment_variables=empty, version=VERSION)


def save(folder: RunFolder, notebook: NotebookNode) -> None:
    """Write the executed notebook, without secrets."""
    put(folder, content_of(without_secrets(folder, notebook)))


def content_of(notebook: NotebookNode) -> bytes:
    """Give a notebook as it stands in its file."""
    # Without the check of its form that `nbformat.writes` adds, which takes a second for 20,000 outputs.
    return (nbformat.v4.writes(notebook) + "\n").encode("utf-8", "replace")


def put(folder: RunFolder, content: bytes) -> None:
    """Put the executed notebook in place in one rename; readers never see half of it."""
    write_bytes(folder.notebook, content)


def without_secrets(folder: RunFolder, notebook: NotebookNode) -> NotebookNode:
    """Copy a notebook as it may be written down; the one that runs keeps what its kernel has to be told."""
    return nbformat.from_dict(folder.redactor.notebook(notebook))


def introduce(notebook: NotebookNode) -> None:
    """Name the files of the run; papermill, handed a notebook in memory, puts the whole of it under `input_path`."""
    marks = notebook.metadata.setdefault("papermill", NotebookNode())
    marks.update(input_path="template.ipynb", output_path="notebook.ipynb")


def drop_marks(notebook: NotebookNode) -> None:
    """Take out the cells papermill put in on failure."""
    notebook.cells = [cell for cell in notebook.cells if ERROR_MARK not in cell.metadata.get("tags", [])]


def settle(notebook: NotebookNode, verdict: Verdict, reached: int) -> None:
    """Mark every cell as what became of it.

    Parameters
    ----------
    notebook : NotebookNode
        As papermill left it; changed in place.
    verdict : Verdict
        What became of the run.
    reached : int
        Index of the first cell that was not finished.
    """
    notebook.metadata.setdefault("papermill", NotebookNode())["exception"] = verdict.status != "completed" or None
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)
        marks = cell.metadata.setdefault("papermill", NotebookNode())
        if index == verdict.cell:
            marks.update(status="failed", exception=True)
        elif index >= reached:
            marks.update(status="pending", exception=None, start_time=None, end_time=None, duration=None)
        else:
            marks.update(status="completed", exception=False)
    if verdict.cell is not None and verdict.status != "failed":
        _tell(notebook.cells[verdict.cell], verdict)


def _joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Make one output of what was printed in one go; every flush arrives as an output of its own.

    Only at the end: while cells run, nbclient finds the displays it has to update by their position.
    """
    groups = [list(group) for _, group in groupby(outputs, key=lambda out: out.get("name") or id(out))]
    return [group[0] if "name" not in group[0] else _stream(group) for group in groups]


def _stream(parts: list[NotebookNode]) -> NotebookNode:
    text = "".join(part.text for part in parts)
    if "\r" in text:  # progress bars: of each line what a terminal would show
        text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return nbformat.v4.new_output("stream", name=parts[0].name, text=text)


def _tell(cell: NotebookNode, verdict: Verdict) -> None:
    """Let the cell say why it was cut short, where a reader looks for it."""
    if not any(output.output_type == "error" and "MemoryError" in output.ename for output in cell.outputs):
        why = nbformat.v4.new_output("error", ename=verdict.status, evalue=verdict.reason, traceback=[verdict.reason])
        cell.outputs.append(why)
