"""Make the folder of one run, whole or not at all."""

from __future__ import annotations

import getpass
import math
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.documents.experiment import new_version
from workbench.documents.files import FORMAT, write_json
from workbench.documents.leftovers import make
from workbench.documents.process import this_process
from workbench.documents.run_folder import RunFolder, RunRecord
from workbench.errors import BadTemplate, StoreError

if TYPE_CHECKING:
    from nbformat import NotebookNode


def prepare(
    running: Path,
    *,
    name: str,
    template: Path | NotebookNode,
    template_name: str | None = None,
    values: Mapping[str, Any] | None = None,
    sources: Mapping[str, str] | None = None,
    schema: Mapping[str, Any] | None = None,
    budget: float | None = None,
    now: datetime | None = None,
    labels: Mapping[str, str] | None = None,
) -> RunFolder:
    """Make ``<running>/<version>/`` with all that is known before the kernel starts.

    Parameters
    ----------
    running : Path
        The store's ``running/``; made when it does not exist.
    name : str
        What the experiment will be called.
    template : Path or NotebookNode
        The notebook as it was handed in; a file is copied byte by byte.
    template_name : str, optional
        How the template was asked for; by default its file's name.
    values, sources : mapping, optional
        Each parameter's value, and where it came from (``-p``, a file, the template's default).
    schema : mapping, optional
        The template's parameters as JSON Schema.
    budget : float, optional
        Wall time of the whole run in seconds: the notebook plans against the deadline ``now + budget``.
    now : datetime, optional
        When the command started, in UTC.
    labels : mapping, optional
        The user's own ``farm=17``.

    Raises
    ------
    BadTemplate
        If the template cannot be read.
    StoreError
        If the folder cannot be written. Nothing is left behind then.
    """
    now = now or datetime.now(UTC)
    content = _content(template)
    record = RunRecord(
        name=name,
        version=new_version(now),
        template=template_name or (template.name if isinstance(template, Path) else "notebook"),
        started=now.isoformat(),
        **_until(now, budget),
        heartbeat=now.isoformat(),
        author=login(),
        labels=dict(labels or {}),
        **this_process(),
    )
    try:
        return _make(running.absolute(), record, content, _parameters(values or {}, sources or {}), schema or {})
    except OSError as error:
        raise StoreError(
            str(running.parent), f"cannot be written: {error.strerror or error}", "Name another with --store."
        ) from error


def _until(now: datetime, budget: float | None) -> dict[str, Any]:
    """Say when a run must end, by the time of day and by the machine's own time."""
    if budget is None:
        return {}
    deadline = now + timedelta(seconds=budget)
    return {"deadline": deadline.isoformat(), "ends": time.monotonic() + deadline.timestamp() - time.time()}


def start_over(folder: RunFolder) -> None:
    """Take away what an attempt left, for the next one; the events stay, which tell of all attempts."""
    for left in (folder.outputs, folder.outbox):
        shutil.rmtree(left)
        left.mkdir()
    for file in (folder.error, folder.kernel_log, folder.notebook, *folder.path.glob("changes-*")):
        file.unlink(missing_ok=True)


def _content(template: Path | NotebookNode) -> bytes:
    if not isinstance(template, Path):
        import nbformat

        return (nbformat.writes(template) + "\n").encode()
    try:
        return template.read_bytes()
    except OSError as error:
        raise BadTemplate(str(template), f"cannot be read: {error.strerror or error}") from error


def _make(
    running: Path, record: RunRecord, template: bytes, parameters: dict[str, Any], schema: Mapping[str, Any]
) -> RunFolder:
    running.mkdir(parents=True, exist_ok=True)
    part = RunFolder(make(running, ".making"))
    try:
        part.path.chmod(0o755)  # whatever the umask: a shared store is read by colleagues
        part.outputs.mkdir()
        part.outbox.mkdir()
        part.template.write_bytes(template)
        write_json(part.parameters, {"format": FORMAT, "parameters": parameters})
        write_json(part.parameters_schema, schema)
        part.write(record)
        return RunFolder(part.path.rename(running / record.version))
    except BaseException:
        shutil.rmtree(part.path, ignore_errors=True)
        raise


def _parameters(values: Mapping[str, Any], sources: Mapping[str, str]) -> dict[str, Any]:
    return {name: {"value": _plain(value), "source": sources.get(name, "default")} for name, value in values.items()}


def _plain(value: Any) -> Any:
    """Say a parameter's value in JSON, in the words in which it could be given again."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def login() -> str:
    """Name of the user who runs this; empty where there is none."""
    with suppress(KeyError, OSError, ImportError):
        return getpass.getuser()
    return ""
