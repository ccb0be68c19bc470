"""What the run ran in: Python, platform, every package; the workbench itself apart, for models do not need it."""

from __future__ import annotations

import functools
import json
import os
import platform
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageMetadata, distributions
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from workbench.documents.files import FORMAT, write_json
from workbench.experiment.capturing.repository import state_of, without_user

OURS = "notebook-workbench"
LONGEST_TERMS = 80  # characters: some packages have the whole of their licence there
LOOKING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package; `origin` is what pip noted about one that did not come from an index (PEP 610).

    `terms` is what it may be used under: an SPDX expression (PEP 639), or, of older packages, what they call it.
    """

    name: str
    version: str
    origin: dict[str, Any]
    terms: str | list[str]


def write_environment(
    folder: Path, git: Mapping[str, Any] | None = None, machine: Mapping[str, Any] | None = None
) -> None:
    """Write ``python.json``, ``requirements.lock`` and ``workbench.json`` into `folder`.

    Of a template that lies in a repository, also ``git.json``: `git` is what it says. `machine` is what the run noted
    of it when it began.
    """
    folder.mkdir()
    installed = _installed()
    ours = installed.pop(OURS, None)
    versions = {name: package.version for name, package in installed.items()}
    terms = {name: package.terms for name, package in installed.items() if package.terms}
    origins = {name: _origin(package) for name, package in installed.items() if package.origin}
    about = {**_python(), **(machine or {})}
    write_json(folder / "python.json", about | {"packages": versions, "origins": origins, "licenses": terms})
    (folder / "requirements.lock").write_text(
        "".join(f"{_pinned(one)}\n" for one in installed.values()), encoding="utf-8"
    )
    write_json(folder / "workbench.json", _workbench(ours))
    if git is not None:
        write_json(folder / "git.json", {"format": FORMAT, **git})


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
        name = re.sub(r"[-_.]+", "-", str(told["Name"] or "")).lower()  # PEP 503
        if name and name not in found:  # the first on the path is the one that is imported
            origin = json.loads(distribution.read_text("direct_url.json") or "{}")
            found[name] = Package(name, str(told["Version"]), origin, _terms(told))
    return dict(sorted(found.items()))


def _terms(told: PackageMetadata) -> str | list[str]:
    expression, said = (str((told.get_all(name) or [""])[0]).strip() for name in ("License-Expression", "License"))
    if expression:
        return expression
    marks = [
        str(mark).split(" :: ")[-1] for mark in told.get_all("Classifier") or () if str(mark).startswith("License")
    ]
    written = [said] if 0 < len(said) <= LONGEST_TERMS and "\n" not in said and said != "UNKNOWN" else []
    return [mark for mark in marks if mark != "OSI Approved"] or written


def _pinned(package: Package) -> str:
    """Write the line that installs the very same: by version from an index, else from where it came (PEP 508)."""
    if not package.origin:
        return f"{package.name}=={package.version}"
    told = _origin(package)
    address = f"{told['vcs']}+{told['url']}@{told['commit']}" if "vcs" in told else told["url"]
    marks = {
        "subdirectory": package.origin.get("subdirectory"),
        "sha256": str(told.get("digest") or "").removeprefix("sha256:"),
    }
    fragment = "&".join(f"{name}={value}" for name, value in marks.items() if value)
    return f"{package.name} @ {address}{f'#{fragment}' if fragment else ''}"


def _origin(package: Package) -> dict[str, Any]:
    """Say where a package is from that no index gave: a repository, a file, a folder of this machine."""
    url = without_user(str(package.origin.get("url", "")))  # never a token
    if version_control := package.origin.get("vcs_info"):
        return {"url": url, "vcs": version_control["vcs"], "commit": version_control["commit_id"]}
    if "dir_info" in package.origin:
        state = state_of(Path(unquote(urlsplit(url).path)) / "pyproject.toml")
        commit, changed = (None, None) if state is None else (state.commit, bool(state.diff))
        editable = bool(package.origin["dir_info"].get("editable"))
        return {"url": url, "editable": editable, "commit": commit, "changed": changed}
    return {"url": url, "digest": _digest_of(package.origin.get("archive_info") or {})}


def _digest_of(archive: Mapping[str, Any]) -> str | None:
    """Give the digest that pip noted of a file: in ``hashes``, or in ``hash``, as it did before."""
    mark = (archive.get("hashes") or {}).get("sha256") or str(archive.get("hash") or "").partition("sha256=")[2]
    return f"sha256:{mark}" if mark else None


def environment_here() -> dict[str, Any]:
    """Tell of this Python what ``python.json`` tells of the one that ran: its version, and those of its packages."""
    versions = {name: package.version for name, package in _installed().items() if name != OURS}
    return _python() | {"packages": versions}


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
    told = {"format": FORMAT, "name": OURS, "version": version, "commit": commit, "changed": changed}
    return told | {"wheel": _wheel(ours)}


def _wheel(ours: Package | None) -> dict[str, Any] | None:
    """Name the file it was installed from, and its digest; None of a clone, or when an index gave it."""
    if ours is None or "archive_info" not in ours.origin:
        return None
    origin = _origin(ours)
    return {"name": unquote(origin["url"].rpartition("/")[2]), **origin}


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
