"""What the machine may do to a run: much to write, no room to write it, a kernel that will not start."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import nbformat
import pytest

from workbench.documents.run_folder import RunFolder, find_stale
from workbench.execution import execute, prepare, worker
from workbench.execution import notebook as notebook_module

RUNNER = """
import resource, sys
from pathlib import Path
from nbformat.v4 import new_code_cell, new_notebook
from workbench.errors import WorkbenchError
from workbench.execution import execute, prepare, worker
worker.SAVE_SECONDS = 0.1
largest, source = int(sys.argv[2]), sys.argv[3]
notebook = new_notebook(cells=[new_code_cell(source), new_code_cell("print('on')")])
try:
    folder = prepare(Path(sys.argv[1]) / "running", name="t", template=notebook)
    if largest:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    print(execute(folder, notebook, timeout=300).status)
except WorkbenchError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""
PRINTS_MUCH = "import resource\nfor number in range(40):\n    print(str(number) * 50_000)"
FILLS_THE_DISK = """
block = b"0" * 65536
try:
    with open("large.bin", "wb", buffering=0) as file:
        while file.write(block): pass
except OSError as error:
    print(type(error).__name__, error.strerror)
for number in range(40):
    print(str(number) * 50_000)
"""
THEN_COPIES = """
kept=$1; shift
"$@"; code=$?
rm -f "$0"/running/*/outputs/large.bin
cp -R "$0" "$kept"
exit $code
"""


@pytest.fixture(scope="session")
def own_disk(tmp_path_factory):
    """Run a command on a small disk of its own, mounted where nobody else sees it."""

    def on_disk(folder, options, *command):
        script = f'mount -t tmpfs -o {options} workbench "$0" && exec "$@"'
        return ["unshare", "--map-root-user", "--mount", "sh", "-c", script, str(folder), *command]

    probe = on_disk(tmp_path_factory.mktemp("disk"), "size=1m", "true")
    try:
        subprocess.run(probe, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this machine lets nobody mount a disk of one's own")
    return on_disk


def documents(store):
    """Read every document of the one run in a store: half of one cannot be read."""
    (folder,) = (RunFolder(path) for path in (store / "running").iterdir())
    assert [path for path in folder.path.rglob("*.json") if json.loads(path.read_text()) is None] == []
    if folder.notebook.exists():
        nbformat.validate(nbformat.read(folder.notebook, as_version=4))
    return folder


def test_a_notebook_larger_than_a_file_may_be_is_one_clear_line(tmp_path):
    command = [sys.executable, "-c", RUNNER, str(tmp_path), "1000000", PRINTS_MUCH]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (ended.returncode, ended.stdout) == (1, "")
    folder = documents(tmp_path)
    assert ended.stderr.splitlines()[-1] == f"StoreError: The store '{folder.path}' cannot be written: File too large."
    assert [stale.path for stale in find_stale(tmp_path / "running")] == [folder.path]


def test_a_full_disk_is_one_clear_line_and_no_half_document(tmp_path, own_disk):
    """The disk is gone when its last process is, so what it held is copied off it first."""
    (disk := tmp_path / "disk").mkdir()
    kept = tmp_path / "kept"
    runner = [sys.executable, "-c", RUNNER, str(disk), "0", FILLS_THE_DISK]
    command = own_disk(disk, "size=2m", "sh", "-c", THEN_COPIES, str(disk), str(kept), *runner)
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (ended.returncode, ended.stdout) == (1, "")
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("StoreError: The store ")
    assert last.endswith(" cannot be written: No space left on device.")
    folder = documents(kept)
    assert folder.read().status == "running"
    assert [stale.path for stale in find_stale(kept / "running")] == [folder.path]


def test_a_read_only_store_is_refused(tmp_path, own_disk):
    (tmp_path / "one.ipynb").write_text(nbformat.writes(nbformat.v4.new_notebook()))
    (disk := tmp_path / "disk").mkdir()
    run = [sys.executable, "-m", "workbench", "run", str(tmp_path / "one.ipynb"), "--store", str(disk)]
    ended = subprocess.run(own_disk(disk, "size=1m,ro", *run), capture_output=True, text=True, timeout=300)
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert str(disk) in line
    assert "cannot be written: Read-only file system" in line


def test_many_large_outputs_are_all_kept_and_seldom_written(make_notebook, tmp_path, monkeypatch):
    written = []

    def counted(path, content, *more, write=notebook_module.write_bytes):
        written.append((path.name, len(content)))
        return write(path, content, *more)

    monkeypatch.setattr(notebook_module, "write_bytes", counted)
    notebook = make_notebook(*(f"print('{number:03} ' * 12_500)" for number in range(200)))
    began = time.monotonic()
    folder = prepare(tmp_path, name="large", template=notebook)
    assert execute(folder, notebook, timeout=300).status == "completed"
    seconds = time.monotonic() - began

    outputs = [cell.outputs for cell in nbformat.read(folder.notebook, as_version=4).cells]
    assert [[output.text for output in shown] for shown in outputs] == [
        [f"{n:03} " * 12_500 + "\n"] for n in range(200)
    ]
    saves = [size for name, size in written if name == folder.notebook.name]
    assert saves[-1] == folder.notebook.stat().st_size
    assert len(saves) <= 2 + seconds / worker.SAVE_SECONDS  # papermill: 403


def test_a_kernel_that_cannot_start_is_told_in_its_own_words(make_notebook, tmp_path, monkeypatch):
    spec = tmp_path / "jupyter" / "kernels" / "broken" / "kernel.json"
    spec.parent.mkdir(parents=True)
    argv = [sys.executable, "-c", "import sys; sys.exit('no licence was found')"]
    spec.write_text(json.dumps({"argv": argv, "display_name": "Broken", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    named = {"name": "broken", "display_name": "Broken", "language": "python"}
    notebook = make_notebook("1", kernel=named)
    record = execute(prepare(tmp_path / "running", name="t", template=notebook), notebook)
    assert (record.status, record.cell) == ("killed", None)
    assert record.reason == "The kernel exited with code 1: no licence was found"
    (folder,) = (tmp_path / "running").iterdir()
    cells = nbformat.read(RunFolder(folder).notebook, as_version=4).cells
    assert [cell.metadata.papermill.status for cell in cells] == ["pending"]
