"""What a run ran in is looked up once, and anew when a package comes or goes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from workbench.experiment.capturing import environment

# The folder's fixture replaces `_installed` for all tests of it; here the real one is asked for.
from workbench.experiment.capturing.environment import _installed


def install(folder: Path, name: str, version: str) -> Path:
    told = folder / f"{name}-{version}.dist-info"
    told.mkdir()
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return told


def test_a_package_that_comes_changes_or_goes_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "windfall" not in _installed()
    first = install(tmp_path, "windfall", "1.0")
    assert _installed()["windfall"].version == "1.0"
    first.rename(tmp_path / "elsewhere")
    install(tmp_path, "windfall", "2.0")
    assert _installed()["windfall"].version == "2.0"


def test_what_is_changed_by_a_caller_stays_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = _installed()
    found.clear()
    assert _installed()


def pinned(folder: Path, monkeypatch: pytest.MonkeyPatch, **origin: Any) -> tuple[str, dict[str, Any]]:
    """Write the environment of one package that is from there: its line of the lock, and what is told of it."""
    one = environment.Package("windfall", "1.0", origin, [])
    monkeypatch.setattr(environment, "_installed", lambda: {"windfall": one})
    environment.write_environment(folder / "environment")
    told = json.loads((folder / "environment" / "python.json").read_text())
    return (folder / "environment" / "requirements.lock").read_text(), told["origins"].get("windfall", {})


def test_a_package_of_an_index_is_pinned_by_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pinned(tmp_path, monkeypatch) == ("windfall==1.0\n", {})


def test_a_package_of_a_repository_is_pinned_by_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"vcs": "git", "commit_id": "5d0d9cbc", "requested_revision": "main"}
    url = "https://ada:hunter2@git.example/farm.git"
    line, origin = pinned(tmp_path, monkeypatch, url=url, vcs_info=told, subdirectory="python")
    assert line == "windfall @ git+https://git.example/farm.git@5d0d9cbc#subdirectory=python\n"
    assert origin == {"url": "https://git.example/farm.git", "vcs": "git", "commit": "5d0d9cbc"}


@pytest.mark.parametrize("told", [{"hashes": {"sha256": "ab12"}}, {"hash": "sha256=ab12"}])
def test_a_package_of_a_file_is_pinned_by_its_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: dict[str, Any]
) -> None:
    line, origin = pinned(tmp_path, monkeypatch, url="file:///wheels/windfall-1.0.whl", archive_info=told)
    assert line == "windfall @ file:///wheels/windfall-1.0.whl#sha256=ab12\n"
    assert origin["digest"] == "sha256:ab12"


def test_of_a_package_in_a_folder_its_commit_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "wind fall"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("[project]\n")
    who = ["-c", "user.name=ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True).stdout
    line, origin = pinned(tmp_path, monkeypatch, url=folder.as_uri(), dir_info={"editable": True})
    assert line == f"windfall @ {folder.as_uri()}\n"
    assert origin == {"url": folder.as_uri(), "editable": True, "commit": head.strip(), "changed": False}


def test_the_wheel_the_workbench_is_from_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    origin = {"url": "file:///wheels/workbench-0.1.whl", "archive_info": {"hashes": {"sha256": "cd34"}}}
    one = environment.Package(environment.OURS, "0.1", origin, [])
    monkeypatch.setattr(environment, "_installed", lambda: {environment.OURS: one})
    told = environment.workbench_here()["wheel"]
    assert (told["name"], told["digest"]) == ("workbench-0.1.whl", "sha256:cd34")
