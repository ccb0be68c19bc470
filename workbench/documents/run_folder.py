"""The run folder: where the runner and the kernel meet.

The runner makes the folder, writes ``run.json`` with the deadline, and names the folder to the kernel in the
environment variable ``WORKBENCH_RUN``. The kernel appends events, leaves what it found in ``outbox/``, writes its own
files to ``outputs/`` (its working directory), and hands an error over as ``error.json``. Neither imports the other.
"""

from __future__ import annotations

import functools
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from workbench.documents.files import FORMAT, read_json, write_json
from workbench.errors import WorkbenchError, as_document, from_document

VARIABLE = "WORKBENCH_RUN"
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class RunRecord:
    """``run.json``: who runs what, since when, until when. Times are ISO 8601 in UTC."""

    name: str
    version: str
    template: str
    started: str
    pid: int
    host: str
    deadline: str | None = None
    pid_started: float | None = None
    boot_id: str | None = None
    heartbeat: str | None = None
    author: str = ""
    labels: dict[str, str] | None = None
    status: str = "running"
    reason: str = ""
    ended: str | None = None
    cell: int | None = None
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The paths inside one run folder."""

    path: Path

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
        """One JSON object a line: run, cell, trial, message."""
        return self.path / "events.jsonl"

    @property
    def error(self) -> Path:
        """The error the kernel handed over."""
        return self.path / "error.json"

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
        """Change fields of ``run.json``."""
        record = replace(self.read(), **changes)
        self.write(record)
        return record

    def seconds_left(self) -> float | None:
        """Seconds until the deadline of the whole run; None when it has none."""
        deadline = self.read().deadline
        return None if deadline is None else datetime.fromisoformat(deadline).timestamp() - time.time()

    def say(self, kind: str, **fields: Any) -> None:
        """Append one event. Appends of one short line are atomic on POSIX, so runner and kernel may both write."""
        line = json.dumps({"time": datetime.now(UTC).isoformat(), "kind": kind, **fields}, allow_nan=False, default=str)
        with self.events.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def heard(self) -> Iterator[dict[str, Any]]:
        """Every event so far; a line still being written is left for later."""
        if not self.events.exists():
            return
        for line in self.events.read_text(encoding="utf-8").splitlines(keepends=True):
            if line.endswith("\n"):
                yield json.loads(line)


def here() -> RunFolder | None:
    """The run folder this process works in, or None when a notebook runs by hand."""
    path = os.environ.get(VARIABLE)
    return RunFolder(Path(path)) if path else None


def read_error(folder: RunFolder) -> WorkbenchError | None:
    """The error the kernel handed over, built again."""
    return from_document(read_json(folder.error)) if folder.error.exists() else None


def handing_over_errors(verb: Callable[P, R]) -> Callable[P, R]:
    """Wrap a verb that notebooks call: its `WorkbenchError` is also left in the run folder for the runner."""

    @functools.wraps(verb)
    def told(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return verb(*args, **kwargs)
        except WorkbenchError as error:
            if (folder := here()) is not None:
                write_json(folder.error, {"format": FORMAT, **as_document(error)})
            raise

    return told
