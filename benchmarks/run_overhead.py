"""What a run costs, beside papermill in the same minutes: time, and bytes written.

    python benchmarks/run_overhead.py [repeats]

Three measurements, each side by side and in turns, so that a busy machine slows both alike; the ratio is what counts.

- a notebook of one cell, in this process: papermill, and a run whose kernel had been started already (`Kernels`);
- the classification template, two trials, as commands: `papermill`, and `workbench run`, which also checks the request
  beforehand, renders the report and captures the experiment;
- bytes written of a notebook with 20 cells of 200 kB, as a multiple of the file that is left in the end.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import papermill
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook
from papermill.iorw import LocalHandler

from workbench.execution import Kernels, execute, kernel_spec, prepare
from workbench.execution import notebook as ours_written

TEMPLATE = Path(__file__).parents[1] / "templates" / "classification.ipynb"
PYTHON = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
WARM_SECONDS = 3.0  # for the next kernel to be ready: what a run before it would have taken


def main(repeats: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        _tell("one cell, warm", "s", *_one_cell(where, repeats))
        _tell("template, 2 trials", "s", *_template(where, repeats))
        _tell("bytes / final size", "x", *_bytes(where))


def _tell(name: str, unit: str, theirs: list[float], ours: list[float]) -> None:
    ratio = statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))
    told = "   ".join(
        f"{who} {statistics.median(figures):6.2f} {unit}" for who, figures in (("papermill", theirs), ("ours", ours))
    )
    print(f"{name:20} {told}   ratio {ratio:.2f}")


def _one_cell(where: Path, repeats: int) -> tuple[list[float], list[float]]:
    theirs, ours, notebook = [], [], _notebook("1 + 1")
    with Kernels(spare=1) as kernels:
        kernels.ready(kernel_spec(notebook))
        for _ in range(repeats):
            theirs.append(_seconds(lambda: _papermill(notebook, where)))
            time.sleep(WARM_SECONDS)
            prepared = prepare(where / "running", name="one", template=notebook)
            ours.append(_seconds(lambda prepared=prepared: execute(prepared, notebook, kernels=kernels)))
    return theirs, ours


def _template(where: Path, repeats: int) -> tuple[list[float], list[float]]:
    papermill = (sys.executable, "-m", "papermill", TEMPLATE, "out.ipynb", "-p", "trials", "2", "--no-progress-bar")
    workbench = (sys.executable, "-m", "workbench", "run", "classification", "-p", "trials=2")
    theirs, ours = [], []
    for _ in range(repeats):
        theirs.append(_seconds(lambda: _command(*papermill, where=where)))
        ours.append(_seconds(lambda: _command(*workbench, where=where)))
    return theirs, ours


def _bytes(where: Path) -> tuple[list[float], list[float]]:
    notebook = _notebook(*["print('x' * 200_000)"] * 20)
    with _counted(LocalHandler, "write", lambda _, text, __: len(text.encode())) as theirs:
        _papermill(notebook, where)
    prepared = prepare(where / "running", name="many", template=notebook)
    with _counted(ours_written, "write_bytes", lambda _, content: len(content)) as ours:
        execute(prepared, notebook)
    size = {"theirs": (where / "out.ipynb").stat().st_size, "ours": prepared.notebook.stat().st_size}
    return [sum(theirs) / size["theirs"]], [sum(ours) / size["ours"]]


@contextmanager
def _counted(owner: Any, name: str, size: Callable[..., int]) -> Iterator[list[int]]:
    """Note the size of everything that is written through one function."""
    write, sizes = getattr(owner, name), []

    def counted(*args: Any) -> Any:
        sizes.append(size(*args))
        return write(*args)

    setattr(owner, name, counted)
    try:
        yield sizes
    finally:
        setattr(owner, name, write)


def _notebook(*sources: str) -> NotebookNode:
    return new_notebook(cells=[new_code_cell(source) for source in sources], metadata=PYTHON)


def _papermill(notebook: NotebookNode, where: Path) -> None:
    papermill.execute_notebook(notebook, str(where / "out.ipynb"), progress_bar=False)


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _command(*parts: object, where: Path) -> None:
    subprocess.run([str(part) for part in parts], cwd=where, capture_output=True, check=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
