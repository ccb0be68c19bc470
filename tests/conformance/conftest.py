"""The table of cases, and the runs it speaks of: each is run once, some at a time, when a test first asks for one."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output

AT_ONCE = 4
LONGEST = 300  # seconds for a run that hangs
TABLE: dict[str, Any] = tomllib.loads((Path(__file__).parent / "cases.toml").read_text(encoding="utf-8"))
SECTIONS = ("papermill", "nbclient", "own", "parameters")


@dataclass(frozen=True)
class Case:
    """One row of the table; cases.toml says what its fields mean."""

    section: str
    name: str
    proves: str
    by: str = ""
    status: str = "completed"
    reason: str = ""
    failed: int | None = None
    pending: tuple[int, ...] = ()
    shows: dict[str, list[str]] = field(default_factory=dict)
    cells: tuple[Any, ...] = ()
    kernel: dict[str, str] | None = None
    files: dict[str, str] = field(default_factory=dict)
    cell_timeout: float | None = None
    stale: bool = False
    widgets: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    papermill: dict[str, Any] | None = None
    why: str = ""

    @property
    def runs(self) -> bool:
        return not self.by and self.status != "refused"

    @property
    def in_papermill(self) -> dict[str, Any]:
        """What papermill raises, and which cells it marks failed and pending: the same as here if nothing is said."""
        if self.papermill is not None:
            return self.papermill
        told = {"raises": "PapermillExecutionError", "failed": self.failed} if self.failed else {}
        return told | ({"pending": list(self.pending)} if self.pending else {})


CASES = [Case(section, **row) for section in SECTIONS for row in TABLE[section]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    kinds: dict[str, Callable[[Case], bool]] = {
        "case": lambda case: not case.by,
        "executed": lambda case: case.runs,
        "compared": lambda case: not case.by,
        "elsewhere": lambda case: bool(case.by),
    }
    for name in kinds.keys() & set(metafunc.fixturenames):
        chosen = [case for case in CASES if kinds[name](case)]
        metafunc.parametrize(name, chosen, ids=[f"{case.section}-{case.name}" for case in chosen])


@pytest.fixture(scope="session")
def cases() -> list[Case]:
    return CASES


@pytest.fixture(scope="session")
def papermill_version() -> str:
    return str(TABLE["papermill_version"])


@pytest.fixture(scope="session")
def papermills() -> Path:
    """The folder of papermill's own notebooks."""
    return Path(str(resources.files("papermill"))) / "tests" / "notebooks"


@dataclass(frozen=True)
class Ended:
    """A run that is over: its folder, what was said while it ran, the notebook; or why it was refused."""

    status: str
    reason: str
    cell: int | None = None
    folder: Any = None
    template: bytes = b""
    told: tuple[dict[str, Any], ...] = ()

    @property
    def notebook(self) -> NotebookNode:
        return nbformat.read(self.folder.notebook, as_version=nbformat.NO_CONVERT)


@pytest.fixture
def make_notebook() -> Callable[..., NotebookNode]:
    return notebook_of


def notebook_of(
    *cells: str | dict[str, Any], kernel: dict[str, str] | None = None, stale: bool = False
) -> NotebookNode:
    """Make a notebook of sources, or of sources with tags; `stale`: with all that an earlier run leaves in one."""
    notebook = new_notebook()
    if kernel is not None:
        notebook.metadata.kernelspec = kernel
    for cell in cells:
        source, tags = (cell, []) if isinstance(cell, str) else (cell["source"], cell["tags"])
        notebook.cells.append(new_code_cell(source, metadata={"tags": tags} if tags else {}))
    if stale:
        notebook.metadata.widgets = {"application/vnd.jupyter.widget-state+json": {"state": {}, "version_major": 2}}
        notebook.metadata.papermill = {"exception": None, "duration": 1.0}
        for cell in notebook.cells:
            cell.update(execution_count=7, outputs=[new_output("stream", text="of an earlier run")])
            cell.metadata.papermill = {"status": "completed"}
            cell.metadata.execution = {"shell.execute_reply": "2020-01-01T00:00:00.000000Z"}
    return notebook


def source_of(case: Case, papermills: Path) -> Path | NotebookNode:
    if case.section == "papermill":
        return papermills / case.name
    return notebook_of(*case.cells, kernel=case.kernel, stale=case.stale)


@pytest.fixture(scope="session")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield pool
        pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="session")
def ended(
    request: pytest.FixtureRequest, pool: ThreadPoolExecutor, tmp_path_factory: pytest.TempPathFactory, papermills: Path
) -> Callable[[Case], Ended]:
    """How a case ended; all cases that are asked for are under way from the first on, the slowest ahead."""
    home = tmp_path_factory.mktemp("runs")
    wanted = _asked_for(request, "case", "executed")
    runs = {name: pool.submit(_run, case, home / str(number), papermills) for number, (name, case) in wanted}
    return lambda case: runs[case.section, case.name].result()


@pytest.fixture(scope="session")
def papermill_ended(
    request: pytest.FixtureRequest, pool: ThreadPoolExecutor, tmp_path_factory: pytest.TempPathFactory, papermills: Path
) -> Callable[[Case], dict[str, Any]]:
    """What papermill made of a case: what it raised, and its marks."""
    home = tmp_path_factory.mktemp("papermill")
    wanted = _asked_for(request, "compared")
    runs = {name: pool.submit(_papermill, case, home / str(number), papermills) for number, (name, case) in wanted}
    return lambda case: runs[case.section, case.name].result()


def _asked_for(request: pytest.FixtureRequest, *arguments: str) -> Iterator[tuple[int, tuple[tuple[str, str], Case]]]:
    """Give the cases of the tests that were chosen, numbered: one test alone then costs one run."""
    chosen = {}
    for item in request.session.items:
        for argument in arguments:
            case = getattr(item, "callspec", None) and item.callspec.params.get(argument)
            if isinstance(case, Case):
                chosen[case.section, case.name] = case
    slowest_first = sorted(chosen.items(), key=lambda one: "gcs" not in one[0][1])
    return zip(itertools.count(), slowest_first, strict=False)


def _run(case: Case, home: Path, papermills: Path) -> Ended:
    from workbench.errors import WorkbenchError
    from workbench.execution import execute, prepare

    source = source_of(case, papermills)
    notebook = nbformat.read(source, as_version=nbformat.NO_CONVERT) if isinstance(source, Path) else source
    folder = prepare(home / "running", name="case", template=source, template_name=case.name)
    _write(case.files, folder.outputs)
    told: list[dict[str, Any]] = []
    template = folder.template.read_bytes()
    try:
        limits = {"timeout": LONGEST, "cell_timeout": case.cell_timeout}
        record = execute(folder, notebook, on_event=told.append, **limits)
    except WorkbenchError as error:
        return Ended("refused", str(error), folder=folder, template=template)
    return Ended(record.status, record.reason, record.cell, folder, template, tuple(told))


def _write(files: dict[str, str], folder: Path) -> None:
    for name, content in files.items():
        (folder / name).write_text(content)


def _papermill(case: Case, home: Path, papermills: Path) -> dict[str, Any]:
    import papermill

    home.mkdir()
    _write(case.files, home)
    source, output = source_of(case, papermills), home / "output.ipynb"
    if not isinstance(source, Path):  # which it would refuse without
        source.metadata.setdefault("kernelspec", {"name": "python3", "display_name": "Python 3", "language": "python"})
    raised = ""
    try:
        # Not `cwd`, which would move this whole process.
        here = {"metadata": {"path": str(home)}}
        limit = case.cell_timeout or LONGEST
        papermill.execute_notebook(source, output, progress_bar=False, resources=here, execution_timeout=limit)
    except Exception as error:
        raised = type(error).__name__
    found: dict[str, Any] = {"raises": raised} if raised else {}
    return found | (_marks(nbformat.read(output, as_version=4)) if output.exists() else {})


def _marks(notebook: NotebookNode) -> dict[str, Any]:
    """Which cells are marked failed and pending, without the two that papermill puts in."""
    cells = [cell for cell in notebook.cells if "papermill-error-cell-tag" not in cell.metadata.get("tags", [])]
    marks = {number: cell.metadata.papermill.status for number, cell in enumerate(cells, 1)}
    failed = [number for number, mark in marks.items() if mark == "failed"]
    pending = [number for number, mark in marks.items() if mark == "pending"]
    return ({"failed": failed[0]} if failed else {}) | ({"pending": pending} if pending else {})


@pytest.fixture(scope="session")
def marks() -> Callable[[NotebookNode], dict[str, Any]]:
    return _marks
