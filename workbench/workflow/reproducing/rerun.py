"""The rerun itself: a command of its own, in a store of its own, whose events are passed on while it works."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.documents.outbox import REPLAY
from workbench.documents.run_folder import VARIABLE as OF_A_RUN
from workbench.documents.run_folder import under_way
from workbench.errors import WorkbenchError
from workbench.workflow.place import store_of
from workbench.workflow.reproducing.environment import Environment
from workbench.workflow.reproducing.given import Given

if TYPE_CHECKING:
    from workbench.experiment import Experiment, Store

Listener = Callable[[dict[str, Any]], None]
TICK = 0.1  # seconds between two looks at what it says
PATIENCE = 10.0  # seconds it is given to end its kernel
SAID = "workbench: "  # before a refusal
ENDS_WITH_US = """
import os, runpy, signal, threading

def end():
    os.read(0, 1)  # nothing is ever written there: this returns when whoever started it is gone, however that ended
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=end, daemon=True).start()
runpy.run_module("workbench", run_name="__main__", alter_sys=True)
"""


def rerun(
    then: Experiment,
    command: list[str],
    environment: Environment,
    folder: Path,
    *,
    replay: bool,
    on_event: Listener | None = None,
) -> tuple[Experiment, Store]:
    """Run a template once more, and give what was kept of it, in a store inside `folder`.

    Parameters
    ----------
    command
        What `command_for` says.
    replay
        Whether its search is to take the trials on record in place of new ones.

    Raises
    ------
    WorkbenchError
        If the run is refused, or does not begin.
    KeyboardInterrupt
        On Ctrl-C and its like, once the run is ended.
    """
    from workbench.experiment import experiments, load, store_at

    store = store_at(folder / "store", {})
    environ = _environ(environment, then.path if replay else None)
    with tempfile.TemporaryFile() as said:  # not in the store: its disk may be full, and that is to be told
        code = _watched(command, environ, said.fileno(), store, on_event)
        said.seek(0)
        told = said.read().decode("utf-8", "replace").strip()
    if found := experiments(store_of(store.path)):  # which also keeps a run whose runner was killed
        return load(found[0].path), store  # a list knows a part of each
    lines = told.splitlines() or [f"it ended with exit code {code} and said nothing"]
    if refusals := [line.removeprefix(SAID) for line in lines if line.startswith(SAID)]:
        raise WorkbenchError(refusals[-1].replace(str(store.path), str(folder.parents[1])))  # the store people know
    raise WorkbenchError(f"The run of {then.reference} could not be made again: {lines[-1]}")


def command_for(then: Experiment, given: Given, environment: Environment, folder: Path) -> list[str]:
    """Write down the values of a run, and give the command that runs it in a store inside `folder`."""
    values = folder / "values.json"
    values.touch(mode=0o600)
    values.write_text(json.dumps(given.values), encoding="utf-8")
    labels = [part for key, value in then.manifest["labels"].items() for part in ("--label", f"{key}={value}")]
    typed = [part for text in given.texts for part in ("-p", text)]
    safe = ["-P"] if environment.modules is not None else []  # nothing of the current folder is to be taken for ours
    kept = ["--name", then.name, *labels, "--store", str(folder / "store"), "--json"]
    run = [environment.python, *safe, "-c", ENDS_WITH_US, "run", str(given.template.path)]
    return [*run, "--params", str(values), *typed, *kept]


def _environ(environment: Environment, replay: Path | None) -> dict[str, str]:
    environ = {name: value for name, value in os.environ.items() if name not in (OF_A_RUN, REPLAY)}
    if environment.modules is not None:
        paths = [str(environment.modules), *filter(None, [os.environ.get("PYTHONPATH")])]
        environ = {name: value for name, value in environ.items() if name != "VIRTUAL_ENV"}
        environ |= {"PYTHONPATH": os.pathsep.join(paths), "PYTHONNOUSERSITE": "1"}
    return environ | ({} if replay is None else {REPLAY: str(replay)})


def _watched(command: list[str], environ: Mapping[str, str], said: int, store: Store, on_event: Listener | None) -> int:
    from workbench.execution.signals import signals_to

    stopped: list[int] = []
    with signals_to(stopped.append), _child(command, environ, said) as process:
        heard = _Heard(store, on_event)
        while process.poll() is None and not stopped:
            heard.pass_on()
            time.sleep(TICK)
        if stopped:
            raise KeyboardInterrupt
    return process.returncode


@contextmanager
def _child(command: list[str], environ: Mapping[str, str], said: int) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command that ends with this block at the latest, in a process group that Ctrl-C does not reach."""
    with subprocess.Popen(
        command,
        env=dict(environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=said,
        start_new_session=True,  # it is told once, by us, and ends its kernel in order
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(PATIENCE)
                process.kill()


class _Heard:
    """Passes on what a run in a store says, from the run it finds there first."""

    def __init__(self, store: Store, on_event: Listener | None) -> None:
        self.running, self.on_event, self.heard = store.running, on_event, 0

    def pass_on(self) -> None:
        """Pass on what is new."""
        if self.on_event is None:
            return
        with suppress(OSError):  # kept meanwhile
            for run in under_way(self.running)[:1]:
                events, self.heard = run.heard_from(self.heard)
                for event in events:
                    self.on_event(event)
