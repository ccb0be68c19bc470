"""The environment a run was made in, built again from its lock: with uv where it is at hand, else with venv and pip.

One environment for each lock, in the user's cache. It is built under a hidden name and put in place by one rename, so
that it is there whole or not at all.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.documents.leftovers import make, sweep
from workbench.errors import BadEnvironment
from workbench.pages.words import count

HERE_INSTEAD = "Run it with what is installed here: --here."
PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.!+_-]*")
FROM_ELSEWHERE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]* @ (?:(?:git|hg|svn|bzr)\+)?[a-z]+://\S+")
PYTHON = re.compile(r"\d+\.\d+\.\d+\S*")
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Locked:
    """What an environment is made of: the version of Python, and a requirement for each package.

    `which` names the experiment in messages.
    """

    which: str
    python: str
    requirements: tuple[str, ...]

    @property
    def key(self) -> str:
        """Tell it from others: two with one key are the same environment."""
        told = "\n".join([self.minor, *sorted(self.requirements)])
        return hashlib.sha256(told.encode()).hexdigest()[:32]

    @property
    def minor(self) -> str:
        """The version of Python without its last number: packages are built for it."""
        return ".".join(self.python.split(".")[:2])

    def error(self, problem: str, remedy: str = HERE_INSTEAD) -> BadEnvironment:
        """Say that it cannot be had."""
        return BadEnvironment(self.which, problem, remedy)


def read_lock(which: str, python: str, text: str) -> Locked:
    """Read a lock: one line for each package, ``name==version`` or ``name @ git+https://…@commit``.

    Raises
    ------
    BadEnvironment
        If a line is something else: a lock may be a stranger's, and is to give an installer no options.
    """
    lines = tuple(line for raw in text.splitlines() if (line := raw.strip()) and not line.startswith("#"))
    found = Locked(which, python, lines)
    if not PYTHON.fullmatch(python):
        raise found.error(f"names no version of Python but {python[:40]!r}")
    if odd := [line for line in lines if not (PINNED.fullmatch(line) or FROM_ELSEWHERE.fullmatch(line))]:
        raise found.error(f"has a lock with a line that names no package: {odd[0][:80]!r}")
    return found


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Say where environments are kept: they may be deleted at any time, and are built again when they are needed."""
    home = environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "notebook-workbench" / "environments"


def build(locked: Locked, cache: Path, say: Say) -> Path:
    """Give the interpreter of the environment of a lock, which is built unless it is there already.

    Parameters
    ----------
    say : callable
        Told what is done when that takes a while.

    Raises
    ------
    BadEnvironment
        If its Python or one of its packages is not to be had, or the cache cannot be written. Nothing is left then.
    """
    place = cache / locked.key
    if not (place / "bin" / "python").exists():
        try:
            cache.mkdir(parents=True, exist_ok=True)
            sweep(cache)
            part = make(cache, ".building")
            try:
                _make(locked, part / "environment", say)
                _put_in_place(part / "environment", place)
            finally:
                shutil.rmtree(part, ignore_errors=True)
        except OSError as error:
            problem = f"cannot be built in {cache}: {error.strerror or error}"
            raise locked.error(problem, "Name another folder in XDG_CACHE_HOME.") from error
    return place / "bin" / "python"


def _put_in_place(made: Path, place: Path) -> None:
    python = place / "bin" / "python"
    if place.exists() and not python.exists():  # its Python was uninstalled, or a part of it cleaned away
        place.rename(made.with_name("broken"))
    try:
        made.rename(place)
    except OSError:
        if not python.exists():  # else another process was faster, with the same
            raise


def _make(locked: Locked, folder: Path, say: Say) -> None:
    uv = _uv()
    python = folder / "bin" / "python"
    lock = folder.with_name("requirements.lock")
    lock.write_text("".join(f"{line}\n" for line in locked.requirements), encoding="utf-8")
    tool = "pip" if uv is None else "uv"
    say(f"installing the {count(len(locked.requirements), 'package')} it ran with, by {tool}; this is done once")
    if uv is None:
        base = _python_here(locked)
        _run(locked, [base, "-m", "venv", folder])
        command: list[str | Path] = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    else:
        _uv_venv(locked, uv, folder)
        command = [uv, "pip", "install", "--python", python]
    if locked.requirements:
        _run(locked, [*command, "--no-deps", "--requirement", lock])


def _uv() -> str | None:
    """Find uv on the path, or beside this Python."""
    return shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))


def _uv_venv(locked: Locked, uv: str, folder: Path) -> None:
    """Make an empty environment: of the very version if it is here, else of its minor version, which uv may fetch."""
    command = [uv, "venv", "--relocatable", "--quiet"]
    for python in _pythons_here(locked):
        done = _tried([*command, "--no-python-downloads", "--python", python, folder])
        if done.returncode == 0:
            return
        shutil.rmtree(folder, ignore_errors=True)
    if _tried([*command, "--python", locked.minor, folder]).returncode:
        raise _no_python(locked)


def _pythons_here(locked: Locked) -> Iterator[str]:
    yield locked.python
    if _is_this_python(locked):
        yield sys.executable


def _python_here(locked: Locked) -> str:
    found = sys.executable if _is_this_python(locked) else shutil.which(f"python{locked.minor}")
    if found is None:
        raise _no_python(locked)
    return found


def _is_this_python(locked: Locked) -> bool:
    return locked.minor == ".".join(map(str, sys.version_info[:2]))


def _no_python(locked: Locked) -> BadEnvironment:
    remedy = "Install it, or uv, which fetches it; or run it with the Python that is here: --here."
    return locked.error(f"needs Python {locked.minor}, which is not here", remedy)


def _run(locked: Locked, command: Sequence[str | Path]) -> None:
    done = _tried(command)
    if done.returncode:
        raise locked.error(_problem(locked, f"{done.stdout}\n{done.stderr}"))


def _tried(command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    """Run a command in an environment of its own: what is active here, or on its path, is not to be taken for it."""
    hidden = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "UV_PROJECT_ENVIRONMENT", "PIP_USER")
    environ = {name: value for name, value in os.environ.items() if name not in hidden}
    try:
        return subprocess.run(
            [str(part) for part in command],
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        return subprocess.CompletedProcess([], 1, "", str(error))


def _problem(locked: Locked, said: str) -> str:
    """Say what an installer complains of: of which package, if it names one."""
    told = [line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", said).splitlines() if line.strip()]
    for line in reversed(told):
        for requirement in locked.requirements:
            if re.search(rf"(?<![\w.-]){re.escape(requirement)}(?!\.?[\w+-])", line):
                return f"cannot be built again: {requirement} is not to be had any more"
    return f"cannot be built again: {told[-1][:200].rstrip('.') if told else 'the installer failed'}"
