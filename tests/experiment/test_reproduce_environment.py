"""Which interpreter a run is made again with, decided without building anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from workbench.experiment.capturing import environment as captured
from workbench.workflow.reproducing import environment as chosen


@pytest.fixture
def asked(keep, tmp_path, monkeypatch):
    """Ask for the environment of an experiment whose record is changed first."""
    built: list[Any] = []

    def build(locked, cache, say):
        built.append(locked)
        if any("notebook-workbench" in line for line in locked.requirements):
            raise locked.error("cannot be built again: notebook-workbench==0.0.1 is not to be had any more")
        return Path("/built/bin/python")

    monkeypatch.setattr("workbench.execution.locked.build", build)

    def ask(here: bool = False, workbench: dict[str, Any] | None = None, **changes: str):
        experiment = keep(1)
        folder = experiment.path / "environment"
        told = json.loads((folder / "python.json").read_text())
        packages = {**told["packages"], **changes.pop("packages", {})}
        (folder / "python.json").write_text(json.dumps({**told, **changes, "packages": packages}))
        if workbench is not None:
            ours = json.loads((folder / "workbench.json").read_text())
            (folder / "workbench.json").write_text(json.dumps({**ours, **workbench}))
        (tmp_path / "scratch").mkdir()
        found = chosen.environment_for(experiment, here=here, folder=tmp_path / "scratch", say=lambda _: None)
        return found, built

    return ask


def test_nothing_is_built_where_nothing_differs(asked):
    found, built = asked()
    assert (found.kind, found.python, found.modules, built) == ("same", sys.executable, None, [])


def test_another_last_number_of_python_is_no_reason_to_build(asked):
    found, _ = asked(python=f"{sys.version_info[0]}.{sys.version_info[1]}.99")
    assert found.kind == "same"


@pytest.mark.parametrize("changes", [{"python": "3.2.1"}, {"packages": {"numpy": "0.1"}}, {"packages": {"x": "1"}}])
def test_another_python_or_package_is_built(asked, changes):
    found, (locked,) = asked(**changes)
    assert (found.kind, found.python, found.note) == ("built", "/built/bin/python", "")
    assert locked.requirements
    code = "import workbench, importlib.metadata as m; print(workbench.__file__, m.version('notebook-workbench'))"
    environ = {**os.environ, "PYTHONPATH": str(found.modules)}
    said = subprocess.run([sys.executable, "-P", "-c", code], env=environ, capture_output=True, text=True)
    place, version = said.stdout.split()
    assert Path(place).is_relative_to(found.modules)
    assert version == captured.workbench_here()["version"]


def test_here_is_here_whatever_it_ran_with(asked):
    found, built = asked(here=True, packages={"numpy": "0.1"})
    assert (found.kind, built) == ("here", [])


def test_another_commit_of_the_workbench_is_said_and_gone_on_without(asked):
    found, built = asked(packages={"numpy": "0.1"}, workbench={"commit": "0" * 40})
    assert "made by workbench" in found.note
    assert "(commit 00000000)" in found.note
    assert len(built) == 1


def test_a_release_that_is_not_to_be_had_is_replaced_by_this_one_and_said(asked):
    found, built = asked(packages={"numpy": "0.1"}, workbench={"commit": None, "version": "0.0.1"})
    assert [locked.requirements[-1] == "notebook-workbench==0.0.1" for locked in built] == [True, False]
    assert "made by workbench 0.0.1" in found.note
