"""One run: a kernel, the notebook's cells through papermill, a watch over both, and a true status at the end.

Two threads share an `Attempt`: a `Worker` executes the notebook, and the caller's keeps `Watch`. When the notebook is
over the caller's thread concludes: it weighs the evidence and writes down what became of the run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

from nbformat import NotebookNode

from workbench.documents.process import this_process
from workbench.documents.run_folder import RunFolder, RunRecord
from workbench.errors import StoreError
from workbench.execution.attempt import Attempt, Spent, utc_now
from workbench.execution.conclude import conclude, evidence_of
from workbench.execution.kernel import Kernel
from workbench.execution.limits import Limits
from workbench.execution.notebook import clean, drop_marks
from workbench.execution.pool import Kernels
from workbench.execution.prepare import start_over
from workbench.execution.retry import is_transient, pause_before
from workbench.execution.spec import Spec, kernel_spec, preload
from workbench.execution.verdict import judge
from workbench.execution.watch import Listener, Watch, signals_stop


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
        folder.update(**this_process(), heartbeat=utc_now(), memory=memory, secrets=list(folder.redactor.names))
        while True:
            kernel = _kernel(kernels, spec, notebook, env)
            try:
                attempt = Attempt(folder, clean(notebook), kernel, limits)
                watch = Watch(attempt, spent, on_event, cancelled or _never)
                with signals_stop(attempt):
                    watch.keep(env)
                    if spent.attempts > retries or not _begins_anew(watch):
                        record = conclude(attempt, spent)
                        watch.pass_on_events()
                        return record
            finally:
                kernel.discard()
    except OSError as error:
        raise StoreError(str(folder.path), f"cannot be written: {error.strerror or error}") from error


def _kernel(kernels: Kernels | None, spec: Spec, notebook: NotebookNode, env: Mapping[str, str]) -> Kernel:
    """Take a kernel that waits, or start one; to import ahead is worth while only for one that waits."""
    return Kernel(spec, (), env) if kernels is None else kernels.take(spec, preload(notebook, env), env)


def _begins_anew(watch: Watch) -> bool:
    """Tell whether to try again; if so, the folder is empty again and the pause before has passed."""
    attempt, spent, folder = watch.attempt, watch.spent, watch.folder
    drop_marks(attempt.notebook)
    evidence = evidence_of(attempt)
    verdict, pause = judge(evidence), pause_before(spent.attempts + 1)
    if not is_transient(evidence, verdict) or pause > _seconds_left(watch):
        return False
    folder.say("run", state="retrying", reason=verdict.reason, attempt=spent.attempts, pause=pause)
    watch.rest(pause)
    if attempt.asked is not None:
        attempt.stop = attempt.asked
        return False
    spent.add(attempt.tree)
    spent.attempts += 1
    start_over(folder)
    folder.update(heartbeat=utc_now(), attempts=spent.attempts, kernel=None)
    return True


def _seconds_left(watch: Watch) -> float:
    timeout, until_deadline = watch.limits.timeout, watch.folder.seconds_left()
    left = math.inf if timeout is None else timeout - (time.monotonic() - watch.spent.began)
    return left if until_deadline is None else min(left, until_deadline)


def _never() -> None:
    """Cancel nothing."""
