"""Environments built from a lock: from wheels made here, with no network, by uv and by pip."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from workbench.errors import BadEnvironment
from workbench.execution import locked
from workbench.execution.locked import build, cache_folder, read_lock

HERE = ".".join(map(str, sys.version_info[:3]))


def wheel(folder: Path, name: str, version: str) -> None:
    """Write a wheel of one module, which says its version."""
    about = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Dist: never-there\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    marks = {
        file: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        for file, text in files.items()
    }
    record = "".join(f"{file},sha256={mark},{len(files[file])}\n" for file, mark in marks.items())
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as packed:
        for file, text in {**files, f"{about}/RECORD": f"{record}{about}/RECORD,,\n"}.items():
            packed.writestr(file, text)


@pytest.fixture
def wheels(tmp_path, monkeypatch) -> Path:
    """Two versions of one package are all there is in the world."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for version in ("1.0", "2.0"):
        wheel(folder, "brick", version)
    for tool in ("UV", "PIP"):
        monkeypatch.setenv(f"{tool}_NO_INDEX", "1")
        monkeypatch.setenv(f"{tool}_FIND_LINKS", str(folder))
    return folder


@pytest.fixture(params=["uv", "pip"])
def tool(request, monkeypatch) -> str:
    if request.param == "pip":
        monkeypatch.setattr(locked, "_uv", lambda: None)
    elif locked._uv() is None:
        pytest.skip("uv is not here")
    return request.param


def version_in(python: Path) -> str:
    return subprocess.run([python, "-c", "import brick; print(brick.version)"], capture_output=True, text=True).stdout


def test_it_is_built_once_from_the_exact_lock(wheels, tool, tmp_path):
    told: list[str] = []
    wanted = read_lock("shop@1", HERE, "# a comment\nbrick==1.0\n")
    python = build(wanted, tmp_path / "cache", told.append)
    assert version_in(python).strip() == "1.0"  # and what it requires besides is no business of a lock
    assert told == [f"installing the 1 package it ran with, by {tool}; this is done once"]
    assert build(wanted, tmp_path / "cache", told.append) == python
    assert len(told) == 1
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [wanted.key]


def test_an_environment_whose_python_is_gone_is_built_again(wheels, tmp_path):
    wanted = read_lock("shop@1", HERE, "brick==1.0\n")
    build(wanted, tmp_path / "cache", lambda _: None).unlink()
    assert version_in(build(wanted, tmp_path / "cache", lambda _: None)).strip() == "1.0"
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [wanted.key]


def test_a_package_that_is_gone_is_named_and_nothing_is_left(wheels, tool, tmp_path):
    wanted = read_lock("shop@1", HERE, "brick==1.0\nmortar==3.1\n")
    with pytest.raises(BadEnvironment) as refused:
        build(wanted, tmp_path / "cache", lambda _: None)
    assert str(refused.value) == (
        "The environment of 'shop@1' cannot be built again: mortar==3.1 is not to be had any more. "
        "Run it with what is installed here: --here."
    )
    assert [*(tmp_path / "cache").iterdir()] == []


def test_a_python_that_is_not_here_is_named(wheels, tmp_path, monkeypatch):
    monkeypatch.setattr(locked, "_uv", lambda: None)
    with pytest.raises(BadEnvironment, match=r"needs Python 3\.2, which is not here"):
        build(read_lock("shop@1", "3.2.5", "brick==1.0\n"), tmp_path / "cache", lambda _: None)


def test_another_lock_or_python_is_another_environment():
    one = read_lock("a", "3.11.4", "brick==1.0\nmortar==3.1\n")
    assert one.key == read_lock("b", "3.11.9", "mortar==3.1\nbrick==1.0\n").key
    assert one.key != read_lock("a", "3.12.4", "brick==1.0\nmortar==3.1\n").key
    assert one.key != read_lock("a", "3.11.4", "brick==1.0\n").key


@pytest.mark.parametrize(
    "line",
    ["--index-url https://evil.example", "-e ../code", "-r more.txt", "brick", "brick==1.0 --hash=x", "./brick.whl"],
)
def test_a_lock_gives_an_installer_no_options(line):
    with pytest.raises(BadEnvironment, match="has a lock with a line that names no package"):
        read_lock("shop@1", HERE, f"brick==1.0\n{line}\n")


@pytest.mark.parametrize(
    "line",
    [
        "brick==1.0",
        "torch==2.3.0+cpu",
        "brick @ git+https://example.org/brick.git@5d0d9cbcf1e0",
        "brick @ https://example.org/brick-1.0-py3-none-any.whl#sha256=00",
        "brick @ file:///home/ada/brick",
    ],
)
def test_every_line_that_a_capture_writes_is_read(line):
    assert read_lock("shop@1", HERE, f"{line}\n").requirements == (line,)


def test_a_version_that_is_none_is_refused():
    with pytest.raises(BadEnvironment, match="names no version of Python but '--python'"):
        read_lock("shop@1", "--python", "")


def test_what_was_being_built_when_its_process_died_is_removed(wheels, tmp_path):
    cache = tmp_path / "cache"
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom workbench.documents.leftovers import make\n"
        "(make(Path(sys.argv[1]), '.building') / 'half').mkdir(); os._exit(1)"
    )
    cache.mkdir()
    subprocess.run([sys.executable, "-c", code, cache], check=False)
    assert len([*cache.iterdir()]) == 1
    python = build(read_lock("shop@1", HERE, "brick==2.0\n"), cache, lambda _: None)
    assert list(cache.iterdir()) == [python.parents[1]]


def test_the_cache_is_where_the_system_wants_it(tmp_path):
    assert cache_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "notebook-workbench" / "environments"
    assert cache_folder({}).is_relative_to(Path.home())


def test_a_cache_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadEnvironment, match="XDG_CACHE_HOME"):
        build(read_lock("shop@1", HERE, ""), tmp_path / "file" / "cache", lambda _: None)


def test_uv_is_found_beside_this_python(monkeypatch):
    beside = shutil.which("uv", path=str(Path(sys.executable).parent))
    monkeypatch.setenv("PATH", "/nowhere")
    assert locked._uv() == beside
