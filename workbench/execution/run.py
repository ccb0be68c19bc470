"""One run: a kernel, the notebook's cells through papermill, a watch over both, and a true status at the end.

Two threads. The worker owns the kernel's connections and the notebook, and runs papermill in an event loop of its own.
The caller's thread keeps watch: it passes events on, notices limits and Ctrl-C, and writes the heartbeat. It stops a
run by ending the kernel, which papermill notices within a second.
"""

from __future__ import annotations

import asyncio
import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import papermill
from jupyter_core.utils import ensure_event_loop
from nbformat import NotebookNode

from workbench.documents.files import read_json, write_json
from workbench.documents.run_folder import HEARTBEAT_SECONDS, RunFolder, RunRecord, this_process
from workbench.errors import StoreError
from workbench.execution.kernel import Kernel
from workbench.execution.notebook import clean, drop_marks, introduce, save, settle
from workbench.execution.pool import Kernels
from workbench.execution.spec import Spec, kernel_spec, preload
from workbench.execution.verdict import Evidence, Stop, Verdict, is_same_error, judge

TICK = 0.1  # seconds between two looks at a run
GRACE = 1.0  # seconds between asking a kernel to stop and killing it: with the second papermill needs, under three
PATIENCE = 15.0  # seconds to wait for the worker after its kernel was killed
SAVE_SECONDS = 5.0  # at least so long between two saves of a notebook under way
START_SECONDS = 120  # for a kernel to answer; a busy machine takes a minute

Listener = Callable[[dict[str, Any]], None]
log = logging.getLogger(__name__)
logging.getLogger("papermill").addHandler(logging.NullHandler())  # it tells of every dead kernel on stderr; so do we


def execute(
    folder: RunFolder,
    notebook: NotebookNode,
    *,
    kernel_env: Mapping[str, str] | None = None,
    timeout: float | None = None,
    cell_timeout: float | None = None,
    on_event: Listener | None = None,
    cancelled: Callable[[], str | None] | None = None,
    kernels: Kernels | None = None,
) -> RunRecord:
    """Run a notebook in a prepared run folder, and say truly what became of it.

    The executed notebook is saved as it goes and set right at the end. Ctrl-C, SIGTERM and SIGHUP end the run as
    ``cancelled``: the kernel is gone within three seconds and the record is terminal. Neither the environment nor the
    working directory of this process is touched, so runs may share it, each in its thread.

    Parameters
    ----------
    folder : RunFolder
        As `prepare` made it.
    notebook : NotebookNode
        The template with its values bound; not changed.
    kernel_env : mapping, optional
        Environment variables for the kernel, beside those of this process and ``WORKBENCH_RUN``.
    timeout, cell_timeout : float, optional
        Seconds for the whole run, and for each cell.
    on_event : callable, optional
        Called with each new event, in the caller's thread; the last ones before this returns.
    cancelled : callable, optional
        Asked ten times a second, in the caller's thread; once it gives a reason, the run ends as ``cancelled``.
    kernels : Kernels, optional
        Where to take a kernel from that has been started already; without, one is started now.

    Returns
    -------
    RunRecord
        With `status`, `reason` in one line, and `cell`: the index in the notebook of the cell it ended in.

    Raises
    ------
    BadTemplate
        If the notebook's kernel is not installed here.
    StoreError
        If the outcome cannot be written.
    """
    spec = kernel_spec(notebook, folder.read().template)
    env = kernel_env or {}
    try:
        folder.update(**this_process(), heartbeat=_now())
        kernel = _kernel(kernels, spec, notebook, env)
        try:
            run = _Run(folder, clean(notebook), kernel, on_event)
            with _signals(run):
                run.watch(env, timeout, cell_timeout, cancelled or _never)
                return run.conclude()
        finally:
            kernel.discard()
    except OSError as error:
        raise StoreError(str(folder.path), f"cannot be written: {error.strerror or error}") from error


def _kernel(kernels: Kernels | None, spec: Spec, notebook: NotebookNode, env: Mapping[str, str]) -> Kernel:
    """Take a kernel that waits, or start one; to import ahead is worth while only for one that waits."""
    return Kernel(spec, (), env) if kernels is None else kernels.take(spec, preload(notebook, env), env)


class _Run:
    """A run under way."""

    def __init__(self, folder: RunFolder, notebook: NotebookNode, kernel: Kernel, on_event: Listener | None) -> None:
        self.folder, self.notebook, self.kernel, self.on_event = folder, notebook, kernel, on_event
        self.raised: BaseException | None = None
        self.running: int | None = None  # index of the code cell under way
        self.reached = 0  # index of the first cell that is not finished
        self.cell_began = math.inf
        self.asked: Stop | None = None  # from outside
        self.stop: Stop | None = None  # what the watch acted on
        self.over = False  # the notebook has ended
        self.heard = 0  # bytes of events passed on

    # The caller's thread.

    def watch(
        self,
        env: Mapping[str, str],
        timeout: float | None,
        cell_timeout: float | None,
        cancelled: Callable[[], str | None],
    ) -> None:
        """Run the notebook in a worker thread; return when it is over."""
        worker = threading.Thread(target=self._work, args=(env,), name=f"run {self.folder.path.name}", daemon=True)
        worker.start()
        self.folder.say("run", state="started", total=len(self.notebook.cells))
        began = beat = stopped = time.monotonic()
        while worker.is_alive():
            try:
                worker.join(TICK)
                now = time.monotonic()
                if self.stop is None and not self.over:
                    if self.asked is None and (reason := cancelled()) is not None:
                        self.asked = Stop("cancelled", reason)
                    self._stop_if_due(now - began, now - self.cell_began, timeout, cell_timeout)
                    stopped = now
                elif self.stop is not None and now - stopped > GRACE:
                    self.kernel.kill()
                    if now - stopped > PATIENCE:
                        break
                if now - beat > HEARTBEAT_SECONDS:
                    beat = now
                    self.folder.update(heartbeat=_now())
                self.pass_on_events()
            except KeyboardInterrupt:  # raised in a listener
                self.asked = Stop("cancelled", "Cancelled by Ctrl-C")
            except OSError as error:
                self.asked = Stop("failed", f"The run folder cannot be written: {error.strerror or error}")

    def _stop_if_due(self, run: float, cell: float, timeout: float | None, cell_timeout: float | None) -> None:
        self.stop = self.asked
        if self.stop is None and timeout is not None and run > timeout:
            self.stop = Stop("timed_out", f"The run took longer than its limit of {timeout:g} s")
        if self.stop is None and cell_timeout is not None and cell > cell_timeout:
            self.stop = Stop("timed_out", f"The cell took longer than its limit of {cell_timeout:g} s")
        if self.stop is not None:
            self.kernel.interrupt()

    def pass_on_events(self) -> None:
        if self.on_event is None:
            return
        events, self.heard = self.folder.heard_from(self.heard)
        try:
            for event in events:
                self.on_event(event)
        except Exception:
            log.exception("Showing the progress of a run failed; the run goes on without.")
            self.on_event = None

    def conclude(self) -> RunRecord:
        """Decide what became of the run and write it down: in the notebook, the events, the record."""
        drop_marks(self.notebook)
        handed_over = read_json(self.folder.error) if self.folder.error.exists() else None
        verdict = judge(self._evidence(handed_over))
        if verdict.status in ("completed", "failed"):
            self.folder.kernel_log.unlink(missing_ok=True)  # the notebook has it all
        settle(self.notebook, verdict, self.reached)
        save(self.folder, self.notebook)
        self._keep_error(handed_over, verdict)
        self._say_the_end(verdict)
        record = self.folder.update(**asdict(verdict), ended=_now(), heartbeat=_now())
        self.pass_on_events()
        return record

    def _evidence(self, handed_over: Mapping[str, Any] | None) -> Evidence:
        return Evidence(
            notebook=self.notebook,
            running=self.running,
            stop=self.stop,
            raised=self.raised,
            exit_code=self.kernel.exit_code,
            out_of_memory=self.kernel.out_of_memory,
            last_words=_last_line(self.folder.kernel_log),
            handed_over=handed_over,
        )

    def _keep_error(self, handed_over: Mapping[str, Any] | None, verdict: Verdict) -> None:
        if is_same_error(handed_over, verdict):
            write_json(self.folder.error, {**(handed_over or {}), "cell": verdict.cell})
        else:
            self.folder.error.unlink(missing_ok=True)  # the notebook caught it and went on

    def _say_the_end(self, verdict: Verdict) -> None:
        if self.running is not None:
            self._say_cell("completed" if verdict.status == "completed" else "failed", self.running)
        self.folder.say("run", state="ended", status=verdict.status, reason=verdict.reason)

    # The worker's thread.

    def _work(self, env: Mapping[str, str]) -> None:
        loop = ensure_event_loop()  # the one nbclient will use in this thread
        try:
            loop.run_until_complete(self.kernel.start(self.folder, env))
            self._run_papermill()
        except BaseException as error:  # whatever it is, the verdict is the caller's
            self.raised = error
        finally:
            self.over = True  # what comes now changes nothing
            hard = self.stop is not None or self.kernel.exit_code is not None
            with suppress(Exception):  # nothing that happens to a kernel at its end changes what the notebook did
                loop.run_until_complete(self.kernel.stop(now=hard))
            _close(loop)

    def _run_papermill(self) -> None:
        papermill.execute_notebook(
            self.notebook,
            None,  # papermill would write the whole file twice a cell, and not atomically
            kernel_name=self.kernel.name,
            km=self.kernel.manager,
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
        self.notebook = notebook  # papermill's copy: the one that gets the outputs
        introduce(notebook)
        save(self.folder, notebook)
        self._saving = asyncio.get_running_loop().create_task(self._keep_saving())

    async def _keep_saving(self) -> None:
        """Save while cells run. In the worker's loop, so that no message changes the notebook meanwhile."""
        saved, pause = self._progress(), SAVE_SECONDS
        while True:
            await asyncio.sleep(pause)
            if (progress := self._progress()) != saved:
                began = time.monotonic()
                with suppress(OSError):  # there may be room again; if not, the last save tells
                    save(self.folder, self.notebook)
                saved, pause = progress, max(SAVE_SECONDS, 20 * (time.monotonic() - began))

    def _progress(self) -> tuple[int, int, int]:
        outputs = self.notebook.cells[self.running].outputs if self.running is not None else []
        return self.reached, len(outputs), len(outputs[-1].get("text", "")) if outputs else 0

    def _cell_reached(self, cell: NotebookNode, cell_index: int) -> None:  # noqa: ARG002 - nbclient passes both by name
        if self.stop is not None:
            raise InterruptedError(self.stop.reason)  # the cell before it outlived the interrupt
        self.reached = cell_index + 1  # unless it is one to be executed: not text, empty, or tagged to be skipped

    def _cell_started(self, cell: NotebookNode, cell_index: int) -> None:  # noqa: ARG002
        self.running, self.reached, self.cell_began = cell_index, cell_index, time.monotonic()
        self._say_cell("started", cell_index)

    def _cell_executed(self, cell: NotebookNode, cell_index: int, execute_reply: Mapping[str, Any]) -> None:
        self.cell_began, self.reached = math.inf, cell_index + 1
        may_raise = "raises-exception" in cell.metadata.get("tags", [])
        if self.stop is None and (may_raise or execute_reply["content"]["status"] != "error"):
            self.running = None
            self._say_cell("completed", cell_index)  # of the other cells the verdict will tell

    def _say_cell(self, state: str, index: int) -> None:
        self.folder.say("cell", index=index, total=len(self.notebook.cells), state=state)


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _never() -> None:
    """Cancel nothing."""


def _last_line(file: Path) -> str:
    text = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")


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


@contextmanager
def _signals(run: _Run) -> Iterator[None]:
    """Turn Ctrl-C, SIGTERM and SIGHUP into a request, where they would otherwise end this process at any line.

    A program that has handlers of its own keeps them, and only the main thread may set any. A signal that came too
    late to change the run is sent again when its outcome is written.
    """
    before: dict[int, Any] = {}
    unanswered: set[int] = set()

    def ask(number: int, _frame: object) -> None:
        name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        unanswered.add(number)
        if number == signal.SIGINT and run.asked is not None and not run.over:
            raise KeyboardInterrupt  # the second one: a listener may hang
        run.asked = Stop("cancelled", f"Cancelled by {name}")

    if threading.current_thread() is threading.main_thread():
        for caught in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(caught) in (signal.SIG_DFL, signal.default_int_handler):
                before[caught] = signal.signal(caught, ask)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if run.stop is None or run.stop.status != "cancelled":
            for late in unanswered:
                signal.raise_signal(late)
