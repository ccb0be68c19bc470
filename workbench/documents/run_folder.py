"""The run folder: where the runner and the kernel meet.

The runner makes the folder, writes ``run.json`` with the deadline, and names the folder to the kernel in the
environment variable ``WORKBENCH_RUN``. The kernel appends events, leaves what it found in ``outbox/``, writes its own
files to ``outputs/`` (its working directory), and hands an error over as ``error.json``. Neither imports the other.
"""

from __future__ import annotations

import functools
import json
import math
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from workbench.documents.files import FORMAT, read_json, write_json
from workbench.documents.lock import lock
from workbench.documents.process import boot_id, pid_namespace, process_started
from workbench.documents.redaction import Redactor, of_environment
from workbench.errors import WorkbenchError, as_document, from_document
from workbench.records import Reference

VARIABLE = "WORKBENCH_RUN"
HEARTBEAT_SECONDS = 10.0
SILENT_SECONDS = 120.0  # a runner on another host is taken for dead after this long without a heartbeat; clocks differ
NO_SECRETS = Redactor()
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class RunRecord:
    """``run.json``: who runs what, since when, until when, and why. Times are ISO 8601 in UTC.

    `ends` is the deadline again, in seconds of `time.monotonic`, which all processes of one boot share: the time of day
    may be set while a run goes on.
    `cause` and `parents` are what the experiment will say; `fingerprint` tells runs of the same work, see
    `workbench.experiment.fingerprint`; `price` is what an hour of the machine costs, and the run's share of it.
    `objects` are those of the store that its experiment will name; `git` is the state of its template's repository;
    `machine` what there was when it began: the ``cores`` it may use, and ``free_memory`` in bytes.
    """

    name: str
    version: str
    template: str
    started: str
    pid: int
    host: str
    deadline: str | None = None
    ends: float | None = None
    pid_started: float | None = None
    boot_id: str | None = None
    heartbeat: str | None = None
    author: str = ""
    labels: dict[str, str] | None = None
    cause: dict[str, Any] | None = None
    parents: list[str] | None = None
    fingerprint: str = ""
    price: dict[str, Any] | None = None
    objects: list[dict[str, Any]] | None = None
    git: dict[str, Any] | None = None
    machine: dict[str, Any] | None = None
    status: str = "running"
    reason: str = ""
    ended: str | None = None
    cell: int | None = None
    secrets: list[str] | None = None  # their names
    is_clean: bool = False  # of secrets: all its files
    left_out: dict[str, str] | None = None  # files that could not be cleaned, and why
    namespace: str | None = None
    memory: int | None = None
    kernel: dict[str, Any] | None = None
    attempts: int = 1
    resources: dict[str, Any] | None = None
    format: int = FORMAT

    @property
    def reference(self) -> Reference:
        """What its experiment is called."""
        return Reference(self.name, self.version)


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The paths inside one run folder, and the redactor that knows what must not be written into it."""

    path: Path
    redactor: Redactor = field(default=NO_SECRETS, compare=False)

    @property
    def record_file(self) -> Path:
        """``run.json``."""
        return self.path / "run.json"

    @property
    def template(self) -> Path:
        """The template as it was handed in."""
        return self.path / "template.ipynb"

    @property
    def notebook(self) -> Path:
        """The executed notebook."""
        return self.path / "notebook.ipynb"

    @property
    def parameters(self) -> Path:
        """Values, and where each came from."""
        return self.path / "parameters.json"

    @property
    def parameters_schema(self) -> Path:
        """The template's parameters as JSON Schema."""
        return self.path / "parameters.schema.json"

    @property
    def events(self) -> Path:
        """One JSON object a line: run, cell, trial, message, resources."""
        return self.path / "events.jsonl"

    @property
    def error(self) -> Path:
        """The error the kernel handed over."""
        return self.path / "error.json"

    @property
    def kernel_log(self) -> Path:
        """What the kernel's process itself wrote to stdout and stderr: the last words of one that crashed."""
        return self.path / "kernel.log"

    @property
    def outbox(self) -> Path:
        """What the notebook found: becomes the experiment."""
        return self.path / "outbox"

    @property
    def outputs(self) -> Path:
        """The kernel's working directory, kept with the experiment."""
        return self.path / "outputs"

    def read(self) -> RunRecord:
        """Read ``run.json``; fields of a later format are left out."""
        document = read_json(self.record_file)
        return RunRecord(**{name: document[name] for name in RunRecord.__slots__ if name in document})

    def write(self, record: RunRecord) -> None:
        """Write ``run.json``."""
        write_json(self.record_file, asdict(record))

    def update(self, **changes: Any) -> RunRecord:
        """Change fields of ``run.json``; fields of a later format are kept."""
        write_json(self.record_file, {**read_json(self.record_file), **self.redactor.document(changes)})
        return self.read()

    def seconds_left(self) -> float | None:
        """Seconds until the deadline of the whole run; None when it has none."""
        record = self.read()
        if record.deadline is None:
            return None
        if record.ends is not None and record.boot_id is not None and record.boot_id == boot_id():
            return record.ends - time.monotonic()
        return datetime.fromisoformat(record.deadline).timestamp() - time.time()

    def say(self, kind: str, **fields: Any) -> None:
        """Append one event. Appends in one write are atomic on POSIX, so runner and kernel may both speak."""
        event = {"time": datetime.now(UTC).isoformat(), "kind": kind, **self.redactor.document(fields)}
        line = json.dumps(_finite(event), allow_nan=False, default=_plain) + "\n"
        with self.events.open("ab", buffering=0) as file:
            file.write(line.encode())

    def heard(self) -> Iterator[dict[str, Any]]:
        """Every event so far; a line still being written is left for later."""
        yield from self.heard_from(0)[0]

    def heard_from(self, offset: int) -> tuple[list[dict[str, Any]], int]:
        """Events written after byte `offset`, and the offset to go on from."""
        if not self.events.exists():
            return [], offset
        with self.events.open("rb") as file:
            file.seek(offset)
            written = file.read()
        whole = written[: written.rfind(b"\n") + 1]
        events = [event for line in whole.splitlines() if (event := _event(line))]
        return [self.redactor.document(event) for event in events], offset + len(whole)


def _finite(value: Any) -> Any:
    """JSON has no word for NaN and infinity, and a trial may well score them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else str(value)  # numpy's numbers


def _event(line: bytes) -> dict[str, Any] | None:
    """One line of ``events.jsonl``; None when it is damaged, as by a full disk: progress is no reason to fail."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def here() -> RunFolder | None:
    """Find the run folder this process works in; None when a notebook runs by hand."""
    path = os.environ.get(VARIABLE)
    return RunFolder(Path(path), of_environment(os.environ)) if path else None


def read_error(folder: RunFolder) -> WorkbenchError | None:
    """Build the error the kernel handed over again; None when there was none."""
    return from_document(read_json(folder.error)) if folder.error.exists() else None


def handing_over_errors(verb: Callable[P, R]) -> Callable[P, R]:
    """Wrap a verb that notebooks call: its `WorkbenchError` is also left in the run folder for the runner."""

    @functools.wraps(verb)
    def told(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return verb(*args, **kwargs)
        except WorkbenchError as error:
            if (folder := here()) is not None:
                write_json(folder.error, {"format": FORMAT, **folder.redactor.document(as_document(error))})
            raise

    return told


def refused(folder: RunFolder) -> WorkbenchError | None:
    """Tell whether the request was refused: the error the kernel handed over, if that came before its first trial."""
    tried = any(event.get("kind") == "trial" for event in folder.heard())
    return None if tried else read_error(folder)


def under_way(running: Path) -> list[RunFolder]:
    """List the run folders in a store's ``running/``, oldest first, whatever their status."""
    return [RunFolder(path.parent) for path in sorted(running.glob("[!.]*/run.json"))]


def find_stale(running: Path) -> list[RunFolder]:
    """Find the run folders that nobody works on any more: of dead runners, whether or not their runs had ended."""
    found = []
    for folder in under_way(running):
        with suppress(OSError, ValueError, TypeError):  # removed meanwhile, or damaged
            if death_of(folder.read()) is not None:
                found.append(folder)
    return found


@contextmanager
def claimed(folder: RunFolder) -> Iterator[bool]:
    """Claim a run folder that nobody works on any more, so that of several commands one alone takes care of it.

    Gives False when another has it, or had it: it is gone then. The system gives a claim up with its process.
    """
    try:
        file = os.open(folder.path / "claim", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except FileNotFoundError:
        yield False
        return
    try:
        yield lock(file) and folder.record_file.exists()
    finally:
        os.close(file)


def is_alive(record: RunRecord) -> bool:
    """Tell whether the runner that wrote `record` still works on it."""
    return record.status == "running" and death_of(record) is None


def death_of(record: RunRecord) -> str | None:
    """Say how it is known that the runner is dead, in a sentence; None when it lives, as far as can be known.

    On the runner's own host its process is looked up, and told from another that was given the same pid by its start
    time and the boot it belongs to. On other hosts, and in containers of this one, only the heartbeat can tell.
    """
    if not is_of_here(record):
        heard = datetime.fromisoformat(record.heartbeat or record.started)
        silent = time.time() - heard.timestamp()
        if silent < SILENT_SECONDS:
            return None
        return f"Nothing was heard for {silent:.0f} s of the process that ran it on {record.host}"
    if record.boot_id not in (None, boot_id()):
        return f"The machine {record.host} was started anew while it ran"
    started = process_started(record.pid)
    if started is not None and record.pid_started in (None, started):
        return None
    return f"The process that ran it ({record.pid} on {record.host}) is gone"


def is_of_here(record: RunRecord) -> bool:
    """Tell whether the pids of a record are those that this process sees: of this host, and no other container's."""
    return record.host == socket.gethostname() and record.namespace in (None, pid_namespace())
