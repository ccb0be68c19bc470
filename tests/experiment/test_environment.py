"""What a run ran in is looked up once, and anew when a package comes or goes."""

from __future__ import annotations

from pathlib import Path

import pytest

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
