"""The worker's thread of a run: the kernel is started, papermill executes the notebook, the kernel is ended.

It owns the kernel's connections and the notebook; everything happens in one event loop of its own.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import papermill
from jupyter_core.utils import ensure_event_loop
from nbformat import NotebookNode

from workbench.execution.attempt import Attempt
from workbench.execution.last_words import LastWords
from workbench.execution.limits import Tree
from workbench.execution.notebook import introduce, save
from workbench.execution.outputs import ENGINE
from workbench.execution.saving import Saves

SAVE_SECONDS = 5.0  # at least so long between two saves of a notebook under way
START_SECONDS = 120  # for a kernel to answer; a busy machine takes a minute

logging.getLogger("papermill").addHandler(logging.NullHandler())  # it tells of every dead kernel on stderr; so do we


class Worker:
    """Executes the notebook of one attempt, and writes down in it how far it is."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.ear: LastWords | None = None

    def work(self, env: Mapping[str, str]) -> None:
        """Start the kernel, execute the notebook, end the kernel; whatever goes wrong is left for the verdict."""
        attempt, kernel = self.attempt, self.attempt.kernel
        loop = ensure_event_loop()  # the one nbclient will use in this thread
        try:
            loop.run_until_complete(kernel.start(attempt.folder, env, attempt.limits.address_space))
            if kernel.process is not None:
                attempt.tree = Tree(kernel.process.pid)
                attempt.tree.look()
            self._run_papermill()
        except BaseException as error:  # whatever it is, the verdict is the caller's
            attempt.raised = error
        finally:
            attempt.over = True
            if attempt.tree is not None:
                attempt.tree.look(closely=True)
            hard = attempt.stop is not None or kernel.exit_code is not None
            self._close_ear()
            with suppress(Exception):  # nothing that happens to a kernel at its end changes what the notebook did
                loop.run_until_complete(kernel.stop(now=hard))
            _close(loop)

    def _run_papermill(self) -> None:
        papermill.execute_notebook(
            self.attempt.notebook,
            None,  # papermill would write the whole file twice a cell, and not atomically
            engine_name=ENGINE,
            kept=self.attempt.outputs,
            kernel_name=self.attempt.kernel.name,
            km=self.attempt.kernel.manager,
            progress_bar=False,
            start_timeout=START_SECONDS,
            raise_on_iopub_timeout=False,  # a cell that ran is not failed for outputs that come late
            iopub_timeout=600,  # a busy machine needs a while for 20,000 lines
            shell_timeout_interval=1,
            on_notebook_start=self._notebook_started,
            on_cell_start=self._cell_reached,
            on_cell_execute=self._cell_started,
            on_cell_executed=self._cell_executed,
        )

    def _notebook_started(self, notebook: NotebookNode) -> None:
        self.attempt.notebook = notebook  # papermill's copy: the one that gets the outputs
        introduce(notebook)
        save(self.attempt.folder, notebook)
        self._saving = asyncio.get_running_loop().create_task(self._keep_saving())

    async def _keep_saving(self) -> None:
        """Save while cells run. In this thread's loop, so that no message changes the notebook meanwhile."""
        saved, pause, saves = self._progress(), SAVE_SECONDS, Saves(self.attempt.folder)
        while True:
            await asyncio.sleep(pause)
            if (progress := self._progress()) != saved:
                began = time.monotonic()
                with suppress(OSError):  # there may be room again; if not, the last save tells
                    self.attempt.outputs.write()
                    if saves.save(self.attempt.notebook):
                        saved = progress
                pause = max(SAVE_SECONDS, 20 * (time.monotonic() - began))

    def _progress(self) -> tuple[int, int, int]:
        running = self.attempt.running
        outputs = self.attempt.notebook.cells[running].get("outputs", []) if running is not None else []
        return self.attempt.reached, len(outputs), len(outputs[-1].get("text", "")) if outputs else 0

    def _cell_reached(self, cell: NotebookNode, cell_index: int) -> None:  # noqa: ARG002 - nbclient passes both by name
        if self.attempt.stop is not None:
            raise InterruptedError(self.attempt.stop.reason)  # the cell before it outlived the interrupt
        self.attempt.reached = cell_index + 1  # unless it is one to be executed: not text, empty, or to be skipped

    def _cell_started(self, cell: NotebookNode, cell_index: int) -> None:  # noqa: ARG002 - as above
        attempt = self.attempt
        attempt.outputs.begin()
        if self.ear is None and attempt.kernel.process is not None:
            self.ear = LastWords(attempt.kernel.process.pid)
        attempt.running = attempt.reached = cell_index
        attempt.cell_began, attempt.started = time.monotonic(), True
        attempt.say_cell("started", cell_index)

    def _cell_executed(self, cell: NotebookNode, cell_index: int, execute_reply: Mapping[str, Any]) -> None:
        attempt = self.attempt
        attempt.cell_began, attempt.reached = math.inf, cell_index + 1
        if attempt.tree is not None:
            attempt.tree.look()  # a kernel that dies young has been looked at
        may_raise = "raises-exception" in cell.metadata.get("tags", [])
        if attempt.stop is None and (may_raise or execute_reply["content"]["status"] != "error"):
            attempt.running = None
            attempt.say_cell("completed", cell_index)  # of the other cells the verdict will tell

    def _close_ear(self) -> None:
        if self.ear is not None:
            self.attempt.unheard = self.ear.hear() if self.attempt.kernel.exit_code is not None else ""
            self.ear.close()


def _close(loop: asyncio.AbstractEventLoop) -> None:
    """End what papermill left in the loop of a run that was cut short, silently."""

    async def rest() -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await loop.shutdown_asyncgens()

    loop.run_until_complete(rest())
    loop.close()
