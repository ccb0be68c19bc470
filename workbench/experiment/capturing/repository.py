"""The repository a template lies in: the commit a run began with, and what was changed and not committed.

Nothing is written there. Of the programs a repository can name only its filters are run, as by any ``git status``.
"""

from __future__ import annotations

import functools
import os
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from workbench.documents.redaction import Redactor, without_credentials
from workbench.experiment import objects
from workbench.experiment.objects import Entry
from workbench.experiment.store import Store

DIFF = "changes.diff"
LARGEST = 2**20  # bytes of changes that are kept
MOST_NAMES = 1000  # of files that are not tracked
SECONDS = 10  # for one answer of git
FRESH, SHARE = 1.0, 10  # a look serves for a second, or ten times as long as it took: runs of a batch begin at once
QUIET = ("-c", "core.fsmonitor=false")
AS_A_PATCH = (  # as `git apply` takes it, however somebody likes to see differences
    *("--binary", "--no-color", "--no-ext-diff", "--no-textconv"),
    *("--src-prefix=a/", "--dst-prefix=b/", "--unified=3", "--submodule=short"),
)
TREE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_NAMESPACE")  # as set in hooks of another one
LOOKING = threading.Lock()
_looks: dict[Path, tuple[float, State | None]] = {}


@dataclass(frozen=True, slots=True)
class State:
    """A repository as it was: `untracked` names what git does not know; `diff` is what tracked files differ by."""

    top: Path
    commit: str | None
    branch: str | None
    remote: str | None
    untracked: tuple[str, ...]
    diff: bytes

    def is_untracked(self, file: Path) -> bool:
        """Whether git does not know a file; of folders it does not know it names no files."""
        name = file.absolute().relative_to(self.top).as_posix()
        return any(name == one or (one.endswith("/") and name.startswith(one)) for one in self.untracked)


def repository(template: Path, store: Store, redactor: Redactor) -> tuple[dict[str, Any] | None, list[Entry]]:
    """Look up the repository a template lies in, and keep what was changed there and not committed.

    Parameters
    ----------
    template : Path
    store : Store
        Where the changes are kept, as an object; its own folder is none of them.
    redactor : Redactor
        Takes the run's secrets out of them.

    Returns
    -------
    tuple
        What ``environment/git.json`` says, None where there is no repository; and the entries of objects.
    """
    state = state_of(template)
    if state is None:
        return None, []
    changed = bool(state.diff) or state.is_untracked(template)
    told = {"commit": state.commit, "branch": state.branch, "remote": state.remote, "changed": changed}
    text = _told(state, store)
    if not text:
        return told, []
    content = redactor.text(text).encode("utf-8", "surrogateescape")
    return told, [{"role": objects.CHANGES, "name": DIFF, **objects.keep_bytes(store, content)}]


def state_of(file: Path) -> State | None:
    """Look at the repository that a file belongs to; None when it belongs to none, or git cannot be asked."""
    file = file.absolute()
    top = next((folder for folder in file.parents if (folder / ".git").exists()), None)
    if top is None or _is_ignored(top, file):
        return None
    with LOOKING:  # of several runs that begin at once, one looks
        began = time.monotonic()
        until, state = _looks.get(top, (0.0, None))
        if began >= until:
            state = _look(top)
            now = time.monotonic()
            _looks[top] = now + max(FRESH, SHARE * (now - began)), state
        return state


@functools.lru_cache(maxsize=1024)
def _is_ignored(top: Path, file: Path) -> bool:
    """Tell a file that git was told to leave alone, such as one of an environment inside the repository."""
    try:
        return subprocess.run(["git", "-C", top, "check-ignore", "-q", file], **_options()).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def _look(top: Path) -> State | None:
    try:
        asked = ["--porcelain=v2", "-z", "--branch", "--no-renames", "--untracked-files=normal"]
        lines = _git(top, "status", *asked).split("\0")
        told = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# branch."))
        commit = None if told["branch.oid"] == "(initial)" else told["branch.oid"]
        branch = None if told["branch.head"] == "(detached)" else told["branch.head"]
        untracked = tuple(line[2:] for line in lines if line.startswith("? "))
        is_changed = commit is not None and any(line and line[0] not in "#?!" for line in lines)
        return State(top, commit, branch, _remote(top), untracked, _diff(top) if is_changed else b"")
    except (OSError, subprocess.SubprocessError, KeyError):
        return None


def _remote(top: Path) -> str | None:
    """Say where the repository is shared, without user and password: ``origin``, else the first there is."""
    done = subprocess.run(["git", "-C", top, "config", "--get-regexp", r"^remote\..*\.url$"], **_options())
    urls = dict(line.split(" ", 1) for line in _text(done.stdout).splitlines() if " " in line)
    url = urls.get("remote.origin.url") or next(iter(urls.values()), None)
    return None if url is None else without_user(url)


def without_user(url: str) -> str:
    """Take user and password out of an address, and what signs it.

    >>> without_user("https://ada:hunter2@git.example/farm.git"), without_user("git@git.example:farm.git")
    ('https://git.example/farm.git', 'git@git.example:farm.git')
    """
    if "://" not in url:
        return url
    try:
        parts = urlsplit(url)
    except ValueError:  # no address anybody could go to
        return without_credentials(url)
    return without_credentials(parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl())


def _diff(top: Path) -> bytes:
    """Read what tracked files differ by, as a patch; no more of it than is kept."""
    words = ["git", "-C", str(top), *QUIET, "diff", "HEAD", *AS_A_PATCH]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment()) as process:
        assert process.stdout is not None
        patience = threading.Timer(SECONDS, process.kill)
        patience.start()
        try:
            return process.stdout.read(LARGEST + 1)
        finally:
            patience.cancel()
            process.kill()


def _told(state: State, store: Store) -> str:
    """Write the changes as a patch that git can apply, below the names of files that are not tracked."""
    names = [ascii(name)[1:-1] for name in state.untracked if state.top / name != store.path]
    if not names and not state.diff:
        return ""
    about = [f"Not committed when the run began, on {state.commit or 'no commit'}."]
    about += [f"Not tracked: {name}" for name in names[:MOST_NAMES]]
    about += [f"… and {len(names) - MOST_NAMES:,} more."] if len(names) > MOST_NAMES else []
    about += [f"Of the changes the first {LARGEST:,} bytes:"] if len(state.diff) > LARGEST else []
    return "".join(f"# {line}\n" for line in about) + state.diff[:LARGEST].decode("utf-8", "surrogateescape")


def _git(top: Path, *words: str) -> str:
    return _text(subprocess.run(["git", "-C", top, *QUIET, *words], check=True, **_options()).stdout)


def _text(output: bytes) -> str:
    return output.decode("utf-8", "backslashreplace")


def _options() -> dict[str, Any]:
    return {"capture_output": True, "timeout": SECONDS, "env": _environment()}


def _environment() -> Mapping[str, str]:
    """Ask git to take no locks and no other repository than the one it is asked about, and to speak English."""
    kept = {name: value for name, value in os.environ.items() if name not in TREE}
    return kept | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
