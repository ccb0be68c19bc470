"""A search made again: for a number of trials, from its record where a clock ended it, and in an environment built."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pandas as pd
import pytest

from workbench import workflow
from workbench.documents.files import digest
from workbench.experiment import load

UV = Path(sys.executable).parent / "uv"


@pytest.fixture
def lost_csv(churn_csv, tmp_path):
    """Run a template on a table that is deleted then: ``lost_csv(trials=2)``."""

    def run(**parameters):
        asked = {"data": str(churn_csv), "target": "Churn", **parameters}
        done = workflow.run("classification", asked, store=tmp_path / "workbench-store")
        assert done.status == "completed", done.reason
        churn_csv.unlink()
        return load(done.path)

    return run


def reproduced(workbench, *arguments):
    said = workbench("reproduce", "churn", *arguments, "--json")
    assert said.code in (0, 3), said.err
    return said.code, json.loads(said.out)


@pytest.mark.slow
def test_a_search_for_a_number_of_trials_is_equal_to_the_last_bit(workbench, lost_csv):
    first = lost_csv(trials=2)
    code, told = reproduced(workbench, "--here")
    assert (code, told["equal"], told["replayed"]) == (0, True, False)
    assert told["predictions"]["equal"] == len(first.predictions())
    assert told["trials"] == {"total": 2, "equal": 2, "differ": []}
    assert told["model"] == {"total": 5, "equal": 5, "differ": []}
    now = load(Path(told["path"]))
    pd.testing.assert_frame_equal(now.predictions(), first.predictions(), check_exact=True)
    assert now.task()["data"]["source"] == first.task()["data"]["source"]
    assert digest(now.path / "predictions.parquet") == digest(first.path / "predictions.parquet")


@pytest.mark.slow
def test_a_search_that_a_clock_ended_is_equal_from_its_record(workbench, lost_csv):
    first = lost_csv(budget="10s")
    code, told = reproduced(workbench, "--here")
    assert (code, told["equal"], told["replayed"]) == (0, True, True), told["sentences"]
    assert [trial["number"] for trial in load(Path(told["path"])).trials()] == [
        trial["number"] for trial in first.trials()
    ]
    assert "The search is on record" in " ".join(told["sentences"])


@pytest.mark.long
def test_where_a_package_was_another_its_lock_is_installed_and_the_run_made_there(
    workbench, lost_csv, tmp_path, monkeypatch
):
    """In the record one package of no consequence is of a version that only a wheel made here has."""
    first = lost_csv(trials=1)
    folder = first.path / "environment"
    told = json.loads((folder / "python.json").read_text())
    was = told["packages"]["iniconfig"]
    told["packages"]["iniconfig"] = "99.0"
    (folder / "python.json").write_text(json.dumps(told))
    lock = (folder / "requirements.lock").read_text()
    (folder / "requirements.lock").write_text(lock.replace(f"iniconfig=={was}\n", "iniconfig==99.0\n"))
    (tmp_path / "wheels").mkdir()
    wheel(tmp_path / "wheels", "iniconfig", "99.0")
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("PATH", f"{UV.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    code, told = reproduced(workbench)
    assert (code, told["environment"]["kind"]) == (0, "built"), told["sentences"]
    now = load(Path(told["path"]))
    assert now.environment()["packages"]["iniconfig"] == "99.0"
    assert now.workbench()["version"] == first.workbench()["version"]
    assert now.workbench()["commit"] == first.workbench()["commit"]
    assert told["causes"] == []
    code, told = reproduced(workbench, "--here")
    assert code == 0
    assert {"library": f"iniconfig 99.0 → {was}"}.items() <= {
        one["kind"]: one["because"] for one in told["causes"]
    }.items()


def wheel(folder: Path, name: str, version: str) -> None:
    """Write a wheel that holds nothing."""
    import zipfile

    about = f"{name}-{version}.dist-info"
    files = {
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as packed:
        record = "".join(f"{file},,\n" for file in (*files, f"{about}/RECORD"))
        for file, text in {**files, f"{about}/RECORD": record}.items():
            packed.writestr(file, text)
