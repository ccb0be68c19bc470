"""One attempt at a run: what its two threads know of it together.

The worker writes how far the notebook is, the watch why it is to stop. Each field has one writer.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from nbformat import NotebookNode

from workbench.documents.run_folder import RunFolder
from workbench.execution.kernel import Kernel
from workbench.execution.limits import Limits, Tree, Usage
from workbench.execution.outputs import Outputs
from workbench.execution.verdict import Stop


@dataclass(slots=True, eq=False)
class Attempt:
    """One attempt at a run, under way.

    Attributes
    ----------
    notebook : NotebookNode
        What is executed; once that begins, papermill's copy.
    outputs : Outputs
        What cells gave and the notebook does not hold yet.
    running, reached : int
        Index of the code cell under way, and of the first cell that is not finished.
    started : bool
        Whether any cell has begun.
    cell_began : float
        When the cell under way did, by the monotonic clock.
    tree : Tree or None
        What the kernel takes, once it has a process.
    unheard : str
        What the kernel said when it died.
    raised : BaseException or None
        What papermill raised.
    over : bool
        Whether the notebook has ended: what comes now changes nothing.
    asked, stop : Stop or None
        Why it is to stop, as was asked from outside, and what the watch acted on.
    """

    folder: RunFolder
    notebook: NotebookNode
    kernel: Kernel
    limits: Limits
    outputs: Outputs = field(default_factory=Outputs)
    running: int | None = None
    reached: int = 0
    started: bool = False
    cell_began: float = math.inf
    tree: Tree | None = None
    unheard: str = ""
    raised: BaseException | None = None
    over: bool = False
    asked: Stop | None = None
    stop: Stop | None = None

    def say_cell(self, state: str, index: int) -> None:
        """Tell what became of a cell."""
        self.folder.say("cell", index=index, total=len(self.notebook.cells), state=state)


@dataclass(slots=True)
class Spent:
    """What the attempts at one run have taken so far; `heard` is how many bytes of events were passed on."""

    began: float = field(default_factory=time.monotonic)
    attempts: int = 1
    heard: int = 0
    cpu: float = 0.0
    peak: int = 0

    def add(self, tree: Tree | None) -> None:
        """Add what an attempt took."""
        used = tree.usage if tree is not None else Usage()
        self.cpu, self.peak = self.cpu + used.cpu, max(self.peak, used.peak)


def utc_now() -> str:
    """Give the time as records have it."""
    return datetime.now(UTC).isoformat()
