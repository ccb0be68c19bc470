"""A large notebook under way: what of it is found when its runner was killed."""

from __future__ import annotations

import gzip
import subprocess
import sys
import time

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from workbench import workflow
from workbench.documents.redaction import Redactor
from workbench.documents.run_folder import RunFolder
from workbench.execution import prepare
from workbench.execution.notebook import save
from workbench.execution.saving import Budget, Saves, put_back
from workbench.experiment import verify

RUNNER = """
import sys
from pathlib import Path
from nbformat.v4 import new_code_cell, new_notebook
from workbench.execution import execute, prepare, worker
worker.SAVE_SECONDS = 0.1
notebook = new_notebook(cells=[new_code_cell(source) for source in sys.argv[2:]])
execute(prepare(Path(sys.argv[1]) / "running", name="t", template=notebook), notebook)
"""
PRINTS = "for number in range(20_000): print({}, 'of many lines', number)"
LARGE = "x" * 100_000
WAITS = "print('the last words', flush=True); open('ready', 'w').close(); import time; time.sleep(60)"


def printed(text):
    return [new_output("stream", name="stdout", text=text)]


def of(*texts):
    """A notebook that is large enough for its cells to be written."""
    shown = [*map(printed, texts), printed(LARGE)]
    return new_notebook(cells=[new_code_cell("1", id=f"n{at}", outputs=outs) for at, outs in enumerate(shown)])


def texts(notebook):
    return ["".join(output.get("text", "") for output in cell.outputs) for cell in notebook.cells]


def whole(folder):
    notebook = nbformat.read(folder.notebook, as_version=4)
    put_back(folder, notebook)
    return texts(notebook)


def found(folder):
    return whole(folder)[:-1]


@pytest.fixture
def folder(tmp_path):
    made = prepare(tmp_path, name="t", template=of("", "", ""))
    save(made, of("", "", ""))
    return made


def spent(bytes_written=500_000):
    budget = Budget()
    budget.spent = bytes_written
    return budget


def changes(folder):
    return list(folder.path.glob("changes-*"))


def test_a_large_notebook_under_way_is_found_as_it_was_when_its_runner_was_killed(tmp_path):
    sources = [PRINTS.format(number) for number in range(5)]
    runner = subprocess.Popen([sys.executable, "-c", RUNNER, str(tmp_path), *sources, WAITS])
    end = time.monotonic() + 120
    while not list(tmp_path.glob("running/*/outputs/ready")):
        assert time.monotonic() < end
        time.sleep(0.05)
    (run,) = (RunFolder(path) for path in (tmp_path / "running").iterdir())
    while whole(run)[-1] != "the last words\n":  # saved as soon as a busy machine comes to it
        assert time.monotonic() < end
        time.sleep(0.1)
    saved = run.notebook.stat().st_size
    runner.kill()
    runner.wait()
    (kept,) = workflow.experiments(store=tmp_path)
    *cells, last = texts(nbformat.read(kept.notebook, as_version=4))
    assert saved < 2_000_000 < kept.notebook.stat().st_size
    assert [text.splitlines()[-1] for text in cells] == [f"{number} of many lines 19999" for number in range(5)]
    assert last == "the last words\n"
    assert verify(kept) == []
    assert not list(kept.path.glob("changes-*"))


def test_only_cells_that_changed_are_written_again(folder):
    saves = Saves(folder, spent())
    assert saves.save(of("a", "b", ""))
    before = changes(folder)[0].stat().st_size
    assert saves.save(of("a", "b", "c"))
    assert changes(folder)[0].stat().st_size - before < 300
    assert found(folder) == ["a", "b", "c"]


def test_changes_are_of_the_notebook_they_were_written_after(folder):
    saves = Saves(folder, spent())
    assert saves.save(of("old", "", ""))
    (outdated,) = changes(folder)
    kept = outdated.read_bytes()
    saves.budget.spent = 0
    assert saves.save(of("new", "b", ""))  # whole
    assert changes(folder) == []
    outdated.write_bytes(kept)  # killed before it was removed
    assert found(folder) == ["new", "b", ""]


def test_what_was_being_written_when_the_runner_was_killed_is_left_out(folder):
    Saves(folder, spent()).save(of("a", "b", "c"))
    (file,) = changes(folder)
    file.write_bytes(file.read_bytes()[:-20])
    notebook = of("", "", "")
    notebook.cells[-1].outputs = []
    put_back(folder, notebook)
    assert texts(notebook) == ["a", "b", "c", ""]


def test_what_may_not_be_written_now_is_written_later(folder):
    saves = Saves(folder, spent(10**9))
    assert not saves.save(of("a", "b", "c"))
    assert found(folder) == ["", "", ""]
    saves.budget.spent = 500_000
    assert saves.save(of("a", "b", "c"))
    assert found(folder) == ["a", "b", "c"]


def test_no_secret_is_written_there_either(folder):
    hides = RunFolder(folder.path, Redactor({"token": "hunter2-s3cr3t"}))
    cells = of("the token is hunter2-s3cr3t", "", "")
    cells.cells[1].outputs = [*printed("hunter2"), new_output("display_data", data={}), *printed("-s3cr3t")]
    assert Saves(hides, spent()).save(cells)
    apart = gzip.decompress(changes(folder)[0].read_bytes()).decode()
    assert Saves(hides).save(cells)
    for written in (apart, folder.notebook.read_text()):
        assert "s3cr3t" not in written
        assert "the token is [secret:token]" in written
