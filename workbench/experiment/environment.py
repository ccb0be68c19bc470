"""What the run ran in: Python, platform, every package; the workbench itself apart, for models do not need it."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from workbench.documents.files import FORMAT, write_json

OURS = "notebook-workbench"


def write_environment(folder: Path) -> None:
    """Write ``python.json``, ``requirements.lock`` and ``workbench.json`` into `folder`."""
    folder.mkdir()
    installed = _installed()
    ours = installed.pop(OURS, None)
    write_json(folder / "python.json", _python() | {"packages": {name: d.version for name, d in installed.items()}})
    lines = (_pinned(name, distribution) for name, distribution in installed.items())
    (folder / "requirements.lock").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    write_json(folder / "workbench.json", _workbench(ours))


def _python() -> dict[str, Any]:
    return {
        "format": FORMAT,
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "platform": platform.platform(),
        "machine": platform.machine(),
    }


def _installed() -> dict[str, Distribution]:
    found: dict[str, Distribution] = {}
    for distribution in distributions():
        name = str(distribution.metadata["Name"] or "").lower().replace("_", "-")
        if name:
            found.setdefault(name, distribution)  # the first on the path is the one that is imported
    return dict(sorted(found.items()))


def _pinned(name: str, distribution: Distribution) -> str:
    origin = _origin(distribution)
    if "vcs_info" in origin:
        url = urlsplit(origin["url"])
        address = url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()  # never a token
        return f"{name} @ {origin['vcs_info']['vcs']}+{address}@{origin['vcs_info']['commit_id']}"
    return f"{name}=={distribution.version}"


def _origin(distribution: Distribution) -> dict[str, Any]:
    return json.loads(distribution.read_text("direct_url.json") or "{}")


def _workbench(ours: Distribution | None) -> dict[str, Any]:
    commit, changed = _commit(Path(__file__).resolve().parents[2])
    if ours is not None and commit is None:
        commit = _origin(ours).get("vcs_info", {}).get("commit_id")
    version = ours.version if ours is not None else None
    return {"format": FORMAT, "name": OURS, "version": version, "commit": commit, "changed": changed}


def _commit(source: Path) -> tuple[str | None, bool | None]:
    """Find the commit of a clone, and whether its files differ from it; None and None for an installed wheel."""
    if not (source / ".git").exists():
        return None, None
    try:
        commit, changes = (
            subprocess.run(["git", "-C", source, *words], capture_output=True, text=True, timeout=10, check=True).stdout
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        )
    except (OSError, subprocess.SubprocessError):
        return None, None
    return commit.strip(), bool(changes.strip())
