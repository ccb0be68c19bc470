from __future__ import annotations

import json
import sys

import pytest

from workbench.errors import BadTemplate, NoAnswer
from workbench.execution import execute, kernel_spec, prepare, worker
from workbench.execution import kernel as kernel_module
from workbench.execution.spec import PLOTS, at_start, preload


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a kernel among the user's own, where Jupyter looks first."""
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))

    def write(name, argv, language="python"):
        folder = tmp_path / "kernels" / name
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": name, "language": language}))

    return write


def wants(make, name, language="python"):
    notebook = make("1")
    notebook.metadata["kernelspec"] = {"name": name, "display_name": name, "language": language}
    return notebook


@pytest.mark.parametrize("name", ["python3", "python", "a-kernel-of-another-machine", ""])
def test_a_python_notebook_runs_in_this_python(make, name):
    assert kernel_spec(wants(make, name)).argv[0] == sys.executable


def test_a_notebook_without_metadata_runs_in_this_python(make):
    assert kernel_spec(make("1")).argv[0] == sys.executable


def test_a_python3_of_the_users_that_is_another_python_is_passed_over(make, install):
    install("python3", ["/bin/sh", "{connection_file}"])
    assert kernel_spec(wants(make, "python3")).argv[0] == sys.executable


def test_a_kernel_that_exists_is_used(make, install):
    install("team", ["/bin/sh", "{connection_file}"])
    assert kernel_spec(wants(make, "team")).argv == ("/bin/sh", "{connection_file}")


def test_a_kernel_whose_environment_was_deleted_is_none(make, install):
    install("team", ["/deleted/bin/python", "{connection_file}"])
    assert kernel_spec(wants(make, "team")).argv[0] == sys.executable


def test_a_notebook_in_a_language_not_installed_is_refused_before_anything_starts(make, running):
    notebook = wants(make, "ir", "R")
    folder = prepare(running, name="t", template=notebook, template_name="forecast")
    with pytest.raises(BadTemplate) as told:
        execute(folder, notebook)
    assert (
        str(told.value) == "The template 'forecast' wants the kernel 'ir' (R), which is not installed here. Install it."
    )


def test_a_kernel_that_cannot_start_is_told_with_its_last_words(make, install, running):
    install("team", [sys.executable, "-c", "import no_such_kernel"])
    notebook = wants(make, "team")
    folder = prepare(running, name="t", template=notebook)
    record = execute(folder, notebook)
    assert record.status == "killed"
    assert record.reason == "The kernel exited with code 1: ModuleNotFoundError: No module named 'no_such_kernel'"
    assert record.cell is None
    assert "Traceback" in folder.kernel_log.read_text()


def test_a_kernel_that_never_listens_is_told_with_what_to_do(make, install, running, monkeypatch):
    monkeypatch.setattr(worker, "START_SECONDS", 1)
    monkeypatch.setattr(kernel_module, "GOODBYE_SECONDS", 0.1)
    install("team", [sys.executable, "-c", "import time; time.sleep(600)"])
    notebook = wants(make, "team")
    record = execute(prepare(running, name="t", template=notebook), notebook)
    assert (record.status, record.reason) == ("failed", str(NoAnswer(1)))


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has no limit of address space")
def test_a_kernel_of_another_kind_has_the_same_limit_of_memory(make, install, running):
    install("team", [sys.executable, "-m", "ipykernel", "-f", "{connection_file}"])
    notebook = wants(make, "team")
    notebook.cells[0].source = "kept = bytearray(16 * 2**30)"
    record = execute(prepare(running, name="t", template=notebook), notebook, memory=300_000_000)
    assert record.status == "out_of_memory"
    assert record.reason.startswith("MemoryError; the run had taken ")


@pytest.mark.parametrize(("depth", "transport"), [(1, "ipc"), (90, "tcp")])
def test_sockets_are_used_where_their_path_is_not_too_long(make, run, short, monkeypatch, depth, transport):
    (folder := short / ("d" * depth)).mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setattr("workbench.execution.kernel._short_folder", lambda: folder)
    done = run(
        "import json; from ipykernel.connect import get_connection_file\n"
        "print(json.load(open(get_connection_file()))['transport'])"
    )
    assert (done.record.status, done.text) == ("completed", f"{transport}\n")
    assert not list(folder.iterdir())


def cells(*sources):
    return {"cells": [{"cell_type": "code", "source": source} for source in sources]}


@pytest.mark.parametrize(
    ("sources", "modules"),
    [
        (["import numpy as np, os", "%matplotlib inline\nfrom pandas import DataFrame"], ("numpy", "pandas")),
        (["from sklearn.svm import SVC\n!ls\nimport matplotlib.pyplot as plt"], ("sklearn.svm", "matplotlib.pyplot")),
        (["import mine, json, torch\nfrom . import numpy"], ()),
        (["import workbench as wb", "wb.read_table(data)"], ("workbench.dataset",)),
        (["from workbench import search, Table"], ("workbench.automl.search", "workbench.template.types", PLOTS)),
        (["this is no Python", "import numpy"], ("numpy",)),
        ([["import numpy\n", "1"]], ("numpy",)),
    ],
)
def test_of_what_a_notebook_imports_only_large_libraries_are_imported_ahead(sources, modules):
    assert preload(cells(*sources)) == modules


def test_nothing_is_imported_ahead_that_a_folder_of_the_users_has(tmp_path):
    (tmp_path / "numpy.py").touch()
    assert preload(cells("import pandas"), {"PYTHONPATH": str(tmp_path)}) == ()


@pytest.mark.parametrize(
    ("name", "early"),
    [("OMP_NUM_THREADS", True), ("TZ", True), ("PYTHONHASHSEED", True), ("PYTHONPATH", False), ("FARM", False)],
)
def test_variables_that_are_read_once_are_there_from_the_start(name, early):
    assert at_start({name: "1"}) == ({name: "1"} if early else {})
