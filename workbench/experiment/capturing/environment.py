"""What the run ran in: Python, platform, every package; the workbench itself apart, for models do not need it."""

from __future__ import annotations

import functools
import json
import os
import platform
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from workbench.documents.files import FORMAT, write_json

OURS = "notebook-workbench"
LOOKING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package; `origin` is what pip noted about one that did not come from an index (PEP 610)."""

    name: str
    version: str
    origin: dict[str, Any]


def write_environment(folder: Path) -> None:
    """Write ``python.json``, ``requirements.lock`` and ``workbench.json`` into `folder`."""
    folder.mkdir()
    installed = _installed()
    ours = installed.pop(OURS, None)
    versions = {name: package.version for name, package in installed.items()}
    write_json(folder / "python.json", _python() | {"packages": versions})
    (folder / "requirements.lock").write_text(
        "".join(f"{_pinned(one)}\n" for one in installed.values()), encoding="utf-8"
    )
    write_json(folder / "workbench.json", _workbench(ours))


def _python() -> dict[str, Any]:
    return {
        "format": FORMAT,
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "platform": platform.platform(),
        "machine": platform.machine(),
    }


def _installed() -> dict[str, Package]:
    with LOOKING:  # of several runs that end at once, one looks
        return dict(_looked_up(tuple(_states(sys.path))))


def _states(folders: list[str]) -> Iterator[tuple[str, int]]:
    """Give what changes when a package comes, goes or is installed anew: the folders of their metadata."""
    for folder in folders:
        with suppress(OSError), os.scandir(folder or ".") as entries:
            yield from ((e.path, e.stat().st_mtime_ns) for e in entries if e.name.endswith((".dist-info", ".egg-info")))


@functools.lru_cache(maxsize=1)  # it takes a third of a second: more than all else of a small run among many
def _looked_up(_: tuple[tuple[str, int], ...]) -> dict[str, Package]:
    found: dict[str, Package] = {}
    for distribution in distributions():
        told = distribution.metadata  # parsed anew at every look
        name = str(told["Name"] or "").lower().replace("_", "-")
        if name and name not in found:  # the first on the path is the one that is imported
            origin = json.loads(distribution.read_text("direct_url.json") or "{}")
            found[name] = Package(name, str(told["Version"]), origin)
    return dict(sorted(found.items()))


def _pinned(package: Package) -> str:
    if version_control := package.origin.get("vcs_info"):
        url = urlsplit(package.origin["url"])
        address = url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()  # never a token
        return f"{package.name} @ {version_control['vcs']}+{address}@{version_control['commit_id']}"
    return f"{package.name}=={package.version}"


def workbench_here() -> dict[str, Any]:
    """Tell of the workbench that runs here what ``workbench.json`` tells of the one that ran."""
    return _workbench(_installed().get(OURS))


def other_version(made: Mapping[str, Any], here: Mapping[str, Any]) -> tuple[str, str] | None:
    """Name the workbench that made something and the one that is here; None if they are the same as far as is told.

    Examples
    --------
    >>> other_version({"version": "0.1.0", "commit": "5d0d9cbcf1e0"}, {"version": "0.2.0", "commit": None})
    ('0.1.0 (commit 5d0d9cbc)', '0.2.0')
    >>> other_version({"version": "0.2.0"}, {"version": "0.2.0", "commit": None})
    """
    told = (name for name in ("version", "commit") if made.get(name) and here.get(name))
    if all(made[name] == here[name] for name in told):
        return None
    return _named(made), _named(here)


def _named(workbench: Mapping[str, Any]) -> str:
    commit = f" (commit {workbench['commit'][:8]})" if workbench.get("commit") else ""
    return f"{workbench.get('version') or 'of no version'}{commit}"


def _workbench(ours: Package | None) -> dict[str, Any]:
    commit, changed = _commit(Path(__file__).resolve().parents[3])
    if ours is not None and commit is None:
        commit = ours.origin.get("vcs_info", {}).get("commit_id")
    version = None if ours is None else ours.version
    return {"format": FORMAT, "name": OURS, "version": version, "commit": commit, "changed": changed}


@functools.cache  # the code of this process is the one it was started with
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
