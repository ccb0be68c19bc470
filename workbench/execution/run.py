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

from workbench.documents.cleaning import clean as clean_up
from workbench.documents.files import read_json, write_json
from workbench.documents.run_folder import HEARTBEAT_SECONDS, RunFolder, RunRecord, this_process
from workbench.errors import StoreError
from workbench.execution.kernel import Kernel
from workbench.execution.last_words import LastWords
from workbench.execution.limits import Every, Limits, Tree, Usage, size
from workbench.execution.notebook import clean, drop_marks, introduce, save, settle, without_secrets
from workbench.execution.outputs import ENGINE, Outputs
from workbench.execution.pool import Kernels
from workbench.execution.prepare import start_over
from workbench.execution.retry import is_transient, pause_before
from workbench.execution.saving import Budget
from workbench.execution.spec import Spec, kernel_spec, preload
from workbench.execution.verdict import Evidence, Stop, Verdict, is_same_error, judge

TICK = 0.1  # seconds between two looks at a run
GRACE = 1.0  # seconds between asking a kernel to stop and killing it: with the second papermill needs, under three
PATIENCE = 15.0  # seconds to wait for the worker after its kernel was killed
LOOK_SECONDS = 1.0  # between two looks at what a run without a limit of memory takes
TELL_SECONDS = 5.0  # between two events that tell it
LAST_WORDS = 4096  # bytes of what a process that died had printed
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
    memory: int | None = None,
    retries: int = 0,
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
        Seconds for the whole run with all its attempts, and for each cell.
    memory : int, optional
        Bytes that the kernel and all processes it starts may hold in memory together.
    retries : int, optional
        How many times to begin anew, in an empty folder, after a failure that need not happen again: the kernel died
        at its start or was killed from outside, or a connection failed.
    on_event : callable, optional
        Called with each new event, in the caller's thread; the last ones before this returns.
    cancelled : callable, optional
        Asked ten times a second, in the caller's thread; once it gives a reason, the run ends as ``cancelled``.
    kernels : Kernels, optional
        Where to take a kernel from that has been started already; without, one is started now.

    Returns
    -------
    RunRecord
        With `status`, `reason` in one line, `cell` (the index in the notebook of the cell it ended in), `attempts`
        and `resources`.

    Raises
    ------
    BadTemplate
        If the notebook's kernel is not installed here.
    StoreError
        If the outcome cannot be written.
    """
    spec = kernel_spec(notebook, folder.read().template)
    env, limits, spent = kernel_env or {}, Limits(timeout, cell_timeout, memory), Spent()
    try:
        folder.update(**this_process(), heartbeat=_now(), memory=memory, secrets=list(folder.redactor.names))
        while True:
            kernel = _kernel(kernels, spec, notebook, env)
            try:
                run = _Run(folder, clean(notebook), kernel, limits, spent, on_event, cancelled or _never)
                with _signals(run):
                    run.watch(env)
                    if spent.attempts > retries or not run.is_worth_another():
                        return run.conclude()
            finally:
                kernel.discard()
    except OSError as error:
        raise StoreError(str(folder.path), f"cannot be written: {error.strerror or error}") from error


def _kernel(kernels: Kernels | None, spec: Spec, notebook: NotebookNode, env: Mapping[str, str]) -> Kernel:
    """Take a kernel that waits, or start one; to import ahead is worth while only for one that waits."""
    return Kernel(spec, (), env) if kernels is None else kernels.take(spec, preload(notebook, env), env)


class Spent:
    """What the attempts at one run have taken so far; `heard` is how many bytes of events were passed on."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.attempts = 1
        self.heard = 0
        self.cpu = 0.0
        self.peak = 0


class _Run:
    """One attempt at a run, under way."""

    def __init__(
        self,
        folder: RunFolder,
        notebook: NotebookNode,
        kernel: Kernel,
        limits: Limits,
        spent: Spent,
        on_event: Listener | None,
        cancelled: Callable[[], str | None],
    ) -> None:
        self.folder, self.notebook, self.kernel, self.on_event = folder, notebook, kernel, on_event
        self.limits, self.spent, self.cancelled = limits, spent, cancelled
        self.outputs = Outputs()
        self.tree: Tree | None = None  # what the kernel takes
        self.ear: LastWords | None = None
        self.unheard = ""  # what the kernel said when it died
        self.raised: BaseException | None = None
        self.running: int | None = None  # index of the code cell under way
        self.reached = 0  # index of the first cell that is not finished
        self.started = False  # a cell has begun
        self.cell_began = math.inf
        self.asked: Stop | None = None  # from outside
        self.stop: Stop | None = None  # what the watch acted on
        self.over = False  # the notebook has ended
        self.stopped = math.inf  # when it was stopped
        self.is_kernel_known = False  # to the record
        self.beat, self.tell = Every(HEARTBEAT_SECONDS), Every(TELL_SECONDS)
        self.look = Every(TICK if limits.memory else LOOK_SECONDS)

    # The caller's thread.

    def watch(self, env: Mapping[str, str]) -> None:
        """Run the notebook in a worker thread; return when it is over."""
        worker = threading.Thread(target=self._work, args=(env,), name=f"run {self.folder.path.name}", daemon=True)
        worker.start()
        self.folder.say("run", state="started", total=len(self.notebook.cells), attempt=self.spent.attempts)
        while worker.is_alive():
            try:
                worker.join(TICK)
                if not self._goes_on(time.monotonic()):
                    break
                self._tell()
            except KeyboardInterrupt:  # raised in a listener
                self.asked = Stop("cancelled", "Cancelled by Ctrl-C")
            except OSError as error:
                self.asked = Stop("failed", f"The run folder cannot be written: {error.strerror or error}")

    def _goes_on(self, now: float) -> bool:
        """Stop what is to be stopped; False when even a kernel that was killed does not end the run."""
        if self.stop is None and not self.over:
            if self.look.is_due():
                self._look()
                self.look.rest(time.monotonic() - now)
            self._stop_if_due(now)
            self.stopped = now
        elif self.stop is not None and now - self.stopped > GRACE:
            self.kernel.kill()
            return now - self.stopped < PATIENCE
        return True

    def _tell(self) -> None:
        """Write down that the run goes on, and what it takes."""
        if self.tree is not None and not self.is_kernel_known:
            self.folder.update(kernel=self.tree.named)  # for who has to end it if this process cannot
            self.is_kernel_known = True
        if self.beat.is_due():
            self.folder.update(heartbeat=_now())
        if self.tell.is_due() and self.tree is not None and not self.over:
            used = self.tree.usage
            self.folder.say("resources", memory=used.memory, cpu=round(used.cpu, 3), peak_memory=used.peak)
        self.pass_on_events()

    def _look(self) -> None:
        """Measure what the kernel's processes take, and end them at once when that is too much."""
        if self.tree is None:
            return
        taken, allowed = self.tree.look().memory, self.limits.memory
        if allowed is not None and taken > allowed:
            told = f"The run took {size(taken)} of memory; its limit is {size(allowed)}"
            self.stop = Stop("out_of_memory", told)
            self.kernel.kill()  # to be asked first would give it time to take more

    def _stop_if_due(self, now: float) -> None:
        timeout, cell_timeout = self.limits.timeout, self.limits.cell_timeout
        if self.stop is not None:
            return
        self.stop = self.asked if self._is_asked_to_stop() else None
        if self.stop is None and timeout is not None and now - self.spent.began > timeout:
            self.stop = Stop("timed_out", f"The run took longer than its limit of {timeout:g} s")
        if self.stop is None and cell_timeout is not None and now - self.cell_began > cell_timeout:
            self.stop = Stop("timed_out", f"The cell took longer than its limit of {cell_timeout:g} s")
        if self.stop is not None:
            self.kernel.interrupt()

    def _is_asked_to_stop(self) -> bool:
        if self.asked is None and (reason := self.cancelled()) is not None:
            self.asked = Stop("cancelled", reason)
        return self.asked is not None

    def pass_on_events(self) -> None:
        if self.on_event is None:
            return
        events, self.spent.heard = self.folder.heard_from(self.spent.heard)
        try:
            for event in events:
                self.on_event(event)
        except Exception:
            log.exception("Showing the progress of a run failed; the run goes on without.")
            self.on_event = None

    def is_worth_another(self) -> bool:
        """Tell whether to try again; if so, the folder is empty again and the pause before has passed."""
        drop_marks(self.notebook)
        evidence = self._evidence()
        verdict, pause = judge(evidence), pause_before(self.spent.attempts + 1)
        if not is_transient(evidence, verdict) or pause > self._seconds_left():
            return False
        self.folder.say("run", state="retrying", reason=verdict.reason, attempt=self.spent.attempts, pause=pause)
        self._rest(pause)
        if self.asked is not None:
            self.stop = self.asked
            return False
        self._account()
        self.spent.attempts += 1
        start_over(self.folder)
        self.folder.update(heartbeat=_now(), attempts=self.spent.attempts, kernel=None)
        return True

    def _seconds_left(self) -> float:
        timeout, until_deadline = self.limits.timeout, self.folder.seconds_left()
        left = math.inf if timeout is None else timeout - (time.monotonic() - self.spent.began)
        return left if until_deadline is None else min(left, until_deadline)

    def _rest(self, seconds: float) -> None:
        self.pass_on_events()  # who hears of it may cancel
        end, beat = time.monotonic() + seconds, Every(HEARTBEAT_SECONDS)
        while time.monotonic() < end and not self._is_asked_to_stop():
            time.sleep(TICK)
            self.pass_on_events()
            if beat.is_due():
                self.folder.update(heartbeat=_now())

    def _account(self) -> None:
        """Add what this attempt took to what the run has."""
        used = self.tree.usage if self.tree is not None else Usage()
        self.spent.cpu, self.spent.peak = self.spent.cpu + used.cpu, max(self.spent.peak, used.peak)

    def conclude(self) -> RunRecord:
        """Decide what became of the run and write it down: in the notebook, the events, the record."""
        drop_marks(self.notebook)
        self.outputs.write()
        self.notebook = without_secrets(self.folder, self.notebook)
        evidence = self._evidence()
        verdict = judge(evidence)
        if verdict.status in ("completed", "failed"):
            self.folder.kernel_log.unlink(missing_ok=True)  # the notebook has it all
        settle(self.notebook, verdict, self.reached)
        save(self.folder, self.notebook)
        self._keep_error(evidence.handed_over, verdict)
        self._account()
        self._say_the_end(verdict)
        clean_up(self.folder)
        ended = datetime.now(UTC)
        record = self.folder.update(
            **asdict(verdict), ended=ended.isoformat(), heartbeat=ended.isoformat(), resources=self._resources(ended)
        )
        self.pass_on_events()
        return record

    def _resources(self, ended: datetime) -> dict[str, Any]:
        wall = ended - datetime.fromisoformat(self.folder.read().started)
        known = self.spent.peak > 0
        return {
            "wall": wall.total_seconds(),
            "cpu": round(self.spent.cpu, 3) if known else None,
            "peak_memory": self.spent.peak if known else None,
        }

    def _evidence(self) -> Evidence:
        return Evidence(
            notebook=self.notebook,
            running=self.running,
            stop=self.stop,
            raised=self.raised,
            exit_code=self.kernel.exit_code,
            out_of_memory=self.kernel.out_of_memory,
            last_words=self.folder.redactor.text(_last_line(_tail(self.folder.kernel_log))),
            printed=self._printed(),
            handed_over=self.folder.redactor.document(read_json(self.folder.error))
            if self.folder.error.exists()
            else None,
            started=self.started,
            taken=self.tree.usage.peak if self.tree is not None else 0,
            allowed=self.limits.memory,
        )

    def _printed(self) -> str:
        """Give the end of what the kernel's process wrote: to its own streams, and to stderr in its last cell."""
        outputs = self.notebook.cells[self.running].outputs if self.running is not None else []
        streams = [output.text[-LAST_WORDS:] for output in outputs[-3:] if output.get("name") == "stderr"]
        return "\n".join([_tail(self.folder.kernel_log), *streams, self.unheard])

    def _keep_error(self, handed_over: Mapping[str, Any] | None, verdict: Verdict) -> None:
        if is_same_error(handed_over, verdict):
            write_json(self.folder.error, {**(handed_over or {}), "cell": verdict.cell})
        else:
            self.folder.error.unlink(missing_ok=True)  # the notebook caught it and went on

    def _say_the_end(self, verdict: Verdict) -> None:
        if self.running is not None:
            self._say_cell("completed" if verdict.status == "completed" else "failed", self.running)
        self.folder.say("run", state="ended", status=verdict.status, reason=verdict.reason, cell=verdict.cell)

    # The worker's thread.

    def _work(self, env: Mapping[str, str]) -> None:
        loop = ensure_event_loop()  # the one nbclient will use in this thread
        try:
            loop.run_until_complete(self.kernel.start(self.folder, env, self.limits.address_space))
            if self.kernel.process is not None:
                self.tree = Tree(self.kernel.process.pid)
                self.tree.look()
            self._run_papermill()
        except BaseException as error:  # whatever it is, the verdict is the caller's
            self.raised = error
        finally:
            self.over = True  # what comes now changes nothing
            if self.tree is not None:
                self.tree.look(closely=True)
            hard = self.stop is not None or self.kernel.exit_code is not None
            if self.ear is not None:
                self.unheard = self.ear.hear() if self.kernel.exit_code is not None else ""
                self.ear.close()
            with suppress(Exception):  # nothing that happens to a kernel at its end changes what the notebook did
                loop.run_until_complete(self.kernel.stop(now=hard))
            _close(loop)

    def _run_papermill(self) -> None:
        papermill.execute_notebook(
            self.notebook,
            None,  # papermill would write the whole file twice a cell, and not atomically
            engine_name=ENGINE,
            kept=self.outputs,
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
        saved, pause, budget = self._progress(), SAVE_SECONDS, Budget()
        while True:
            await asyncio.sleep(pause)
            if (progress := self._progress()) != saved:
                began = time.monotonic()
                with suppress(OSError):  # there may be room again; if not, the last save tells
                    self.outputs.write()
                    if save(self.folder, self.notebook, budget):
                        saved = progress
                pause = max(SAVE_SECONDS, 20 * (time.monotonic() - began))

    def _progress(self) -> tuple[int, int, int]:
        outputs = self.notebook.cells[self.running].outputs if self.running is not None else []
        return self.reached, len(outputs), len(outputs[-1].get("text", "")) if outputs else 0

    def _cell_reached(self, cell: NotebookNode, cell_index: int) -> None:  # noqa: ARG002 - nbclient passes both by name
        if self.stop is not None:
            raise InterruptedError(self.stop.reason)  # the cell before it outlived the interrupt
        self.reached = cell_index + 1  # unless it is one to be executed: not text, empty, or tagged to be skipped

    def _cell_started(self, cell: NotebookNode, cell_index: int) -> None:  # noqa: ARG002
        self.outputs.begin()
        if self.ear is None and self.kernel.process is not None:
            self.ear = LastWords(self.kernel.process.pid)
        self.running, self.reached, self.cell_began, self.started = cell_index, cell_index, time.monotonic(), True
        self._say_cell("started", cell_index)

    def _cell_executed(self, cell: NotebookNode, cell_index: int, execute_reply: Mapping[str, Any]) -> None:
        self.cell_began, self.reached = math.inf, cell_index + 1
        if self.tree is not None:
            self.tree.look()  # a kernel that dies young has been looked at
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


def _tail(file: Path) -> str:
    """Give the end of a file; nothing when there is none."""
    if not file.exists():
        return ""
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - LAST_WORDS))
        return opened.read().decode(errors="replace")


def _last_line(text: str) -> str:
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
