"""What a newcomer meets: the wheel in a clean environment, and ``make demo`` in a fresh clone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).parent / "uv"


def run(*command: object, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=os.environ | env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def with_cache(command: str, *arguments: object, cwd: Path) -> str:
    """Install from what set-up has fetched already; from the network only if something is not there."""
    try:
        return run(UV, *command.split(), *arguments, cwd=cwd, UV_OFFLINE="1")
    except AssertionError:
        return run(UV, *command.split(), *arguments, cwd=cwd)


@pytest.mark.slow
def test_the_wheel_works_in_a_clean_environment(tmp_path: Path) -> None:
    with_cache("build --wheel --out-dir", tmp_path, ROOT, cwd=tmp_path)
    python = tmp_path / "env" / "bin" / "python"
    run(UV, "venv", "--python", sys.executable, tmp_path / "env", cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    with_cache("pip install --python", python, wheel, cwd=tmp_path)
    clean = {"PYTHONPATH": "", "PYTHONSAFEPATH": "1"}
    gallery = json.loads(run(python, "-m", "workbench", "templates", "--json", cwd=tmp_path, **clean))
    assert [one["name"] for one in gallery] == ["classification", "regression"]
    assert all(str(tmp_path / "env") in one["path"] for one in gallery)
    done = json.loads(
        run(tmp_path / "env/bin/workbench", "run", "regression", "-p", "trials=1", "--json", cwd=tmp_path, **clean)
    )
    assert done["status"] == "completed"


@pytest.mark.slow
def test_make_demo_walks_the_whole_line_in_a_fresh_clone(tmp_path: Path) -> None:
    clone = tmp_path / "a path with spaces"
    if (ROOT / ".git").exists():
        run("git", "clone", "--quiet", ROOT, clone, cwd=tmp_path)
    else:
        shutil.copytree(ROOT, clone, ignore=shutil.ignore_patterns(".venv", "workbench-*", ".*_cache"))
    path = f"{UV.parent}{os.pathsep}{os.environ['PATH']}"
    cache = os.environ.get("UV_CACHE_DIR", str(ROOT / ".venv" / "uv-cache"))
    told = run("make", "demo", cwd=clone, PATH=path, UV_CACHE_DIR=cache)
    assert "is live" in told
    assert "Next, try:" in told
    predictions = (clone / "workbench-demo" / "predictions.csv").read_text().splitlines()
    assert predictions[0].split(",") == ["diagnosis", "prediction", "probability_benign", "probability_malignant"]
    assert len(predictions) == 570
    again = run("make", "--dry-run", "demo", cwd=clone, PATH=path)
    assert "workbench demo" in again
    assert "install" not in again  # nothing is set up twice
