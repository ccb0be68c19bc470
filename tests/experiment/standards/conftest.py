"""Validators of other projects, each in an environment of its own: they want other versions of libraries than we do.

An environment is made once below this Python's own and used from then on. Without one, and without a package index to
make it from, its tests are skipped; where ``CI`` is set they fail.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[3]
UV = Path(sys.executable).parent / "uv"
HOME = Path(sys.prefix) / "validators"
MODEL = ("numpy", "pandas", "scikit-learn", "scipy", "skops", "lightgbm", "catboost")  # as a model's own requirements
TOOLS = {
    "crates": ["roc-validator==0.13.0", "rocrate==0.13.0"],  # the last with the context of RO-Crate 1.1 in it
    "croissant": ["mlcroissant==1.1.1", "pyarrow>=17"],
    "bill": ["cyclonedx-python-lib[json-validation]==11.12.0"],
    "signing": ["model-signing==1.1.1", "pyopenssl>=24"],  # which it imports and does not name
    "mlflow": ["mlflow-skinny==3.17.2", *(f"{name}=={importlib.metadata.version(name)}" for name in MODEL)],
}


@pytest.fixture(scope="session")
def ask() -> Callable[..., Any]:
    """Ask a validator: ``ask("croissant", {...})`` gives the JSON that ``ask/croissant.py`` answers."""

    def asked(tool: str, question: Any) -> Any:
        python = environment(tool)
        # Nothing of ours is on its path, and no validator talks to anyone.
        alone = {"PYTHONPATH": "", "PYTHONSAFEPATH": "1", "PYTHONWARNINGS": "ignore", "MLFLOW_DISABLE_TELEMETRY": "1"}
        script = HERE / "ask" / f"{tool}.py"
        done = subprocess.run(
            [python, script], input=json.dumps(question), env=os.environ | alone, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{tool}\n{done.stdout[-2000:]}\n{done.stderr[-5000:]}"
        return json.loads(done.stdout.splitlines()[-1])

    return asked


def environment(tool: str) -> Path:
    """Give the Python of a validator's environment; make it if there is none yet."""
    wanted = "\n".join([sys.version, *TOOLS[tool]])
    folder = HOME / f"{tool}-{hashlib.sha256(wanted.encode()).hexdigest()[:8]}"
    python, ready = folder / "bin" / "python", folder / "ready"
    with alone(HOME / f"{tool}.lock"):
        if not ready.exists():
            told = uv("venv", "--clear", "--python", sys.executable, folder) or install(python, TOOLS[tool])
            if told:
                (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{tool} cannot be installed: {told}")
            ready.touch()
    return python


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Let one process at a time do this; the lock of one that dies is free."""
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def install(python: Path, requirements: list[str]) -> str:
    """Install from what was fetched before, else from the package index; give what went wrong."""
    wanted = ("pip", "install", "--python", python, *requirements)
    return uv(*wanted, UV_OFFLINE="1") and uv(*wanted)


def uv(*words: object, **env: str) -> str:
    cache = {"UV_CACHE_DIR": str(ROOT / ".venv" / "uv-cache")} | os.environ
    done = subprocess.run([UV, *map(str, words)], env=cache | env, capture_output=True, text=True)
    return "" if done.returncode == 0 else (done.stderr.strip() or "uv failed").splitlines()[-1]
