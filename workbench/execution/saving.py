"""What is written of a notebook while it runs, for who looks at it meanwhile, or finds it when its runner was killed.

papermill saves the whole of it twice a cell: of a notebook that ends with 4 MB of outputs it writes 89 MB. A small
notebook is saved whole every few seconds all the same. Of a large one only the cells that have changed are written,
each compressed, to a file beside it; whoever closes a run that was killed puts them back.
"""

from __future__ import annotations

import gzip
import json
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from workbench.documents.run_folder import RunFolder
from workbench.execution.notebook import content_of, put, without_secrets

FREE_BYTES = 500_000  # of all that is written before the last save
BYTES_A_SECOND = 1_000.0  # that come on top, for runs of hours
SHARE = 0.24  # of a large notebook's own size that comes on top for its cells: with the above and the last save, 1.5


class Budget:
    """Bytes that may be written while a notebook runs; `spent` is what was written so far."""

    def __init__(self, now: float | None = None) -> None:
        self.began = time.monotonic() if now is None else now
        self.spent = 0

    def allows(self, size: int, now: float | None = None, *, whole: int = 0) -> bool:
        """Tell whether so many bytes may be written now, of a notebook with `whole`; if so, they count as written."""
        elapsed = (time.monotonic() if now is None else now) - self.began
        if self.spent + size > FREE_BYTES + BYTES_A_SECOND * elapsed + SHARE * whole:
            return False
        self.spent += size
        return True


class Saves:
    """The saves of one notebook under way."""

    def __init__(self, folder: RunFolder, budget: Budget | None = None) -> None:
        self.folder, self.budget = folder, budget or Budget()
        self.changes = _changes_to(folder, folder.notebook.read_bytes() if folder.notebook.exists() else b"")
        self.written: dict[int, int] = {}  # of the cells that are written as they are, the hashes

    def save(self, notebook: NotebookNode) -> bool:
        """Write what may be written of a notebook; False when something of it is left for later."""
        told = without_secrets(self.folder, notebook)
        content, cells = content_of(told), [json.dumps(cell) for cell in told.cells]
        if not self.budget.allows(len(content)):
            left = [index for index, cell in enumerate(cells) if not self._is_written(index, cell, len(content))]
            return left == []
        put(self.folder, content)
        self.written = {index: hash(cell) for index, cell in enumerate(cells)}
        outdated, self.changes = self.changes, _changes_to(self.folder, content)
        outdated.unlink(missing_ok=True)
        return True

    def _is_written(self, index: int, cell: str, whole: int) -> bool:
        """Write a cell if it has changed and may be written."""
        if self.written.get(index) == hash(cell):
            return True
        line = gzip.compress(f"[{index}, {cell}]\n".encode(), 1)
        if not self.budget.allows(len(line), whole=whole):
            return False
        append(self.changes, line)
        self.written[index] = hash(cell)
        return True


def put_back(folder: RunFolder, notebook: NotebookNode) -> None:
    """Bring the notebook of a run that was killed, as it was last saved whole, up to the cells written since."""
    for index, cell in _read(_changes_to(folder, folder.notebook.read_bytes())):
        if index < len(notebook.cells):
            notebook.cells[index] = nbformat.from_dict(cell)


def append(file: Path, content: bytes) -> None:
    """Write behind what is in a file."""
    with file.open("ab", buffering=0) as opened:
        opened.write(content)


def _changes_to(folder: RunFolder, content: bytes) -> Path:
    """Name the file of what has changed since just this was saved."""
    return folder.path / f"changes-{zlib.crc32(content):08x}.jsonl.gz"


def _read(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read cells with their indices, up to where whoever wrote them was killed."""
    with suppress(OSError, EOFError, ValueError, zlib.error), gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            index, cell = json.loads(line)
            yield index, cell
