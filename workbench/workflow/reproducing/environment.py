"""Where a run is made again: with what is installed here, or in the environment it ran in, built from its lock."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadEnvironment

if TYPE_CHECKING:
    from workbench.execution.locked import Locked
    from workbench.experiment import Experiment

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Environment:
    """An interpreter, and how it was come by.

    `kind` is ``here`` (asked for), ``same`` (what is installed here is what it ran with) or ``built``. `modules` is a
    folder with the workbench for an interpreter that has none. `note` says what is not as it should be.
    """

    kind: str
    python: str
    modules: Path | None = None
    note: str = ""

    def as_document(self) -> dict[str, Any]:
        """Give what is told of it."""
        return {"kind": self.kind, "note": self.note}


def environment_for(experiment: Experiment, *, here: bool, folder: Path, say: Say) -> Environment:
    """Choose where a run is made again, and build it if need be.

    Parameters
    ----------
    here
        With what is installed here, whatever it ran with.
    folder
        An empty folder of this reproduction alone.
    say
        Told what takes a while.

    Raises
    ------
    BadEnvironment
        If it cannot be built.
    """
    from workbench.execution.locked import build, cache_folder, read_lock

    then, note = experiment.environment(), _note(experiment)
    if here:
        return Environment("here", sys.executable, note=note)
    if not then.get("packages"):
        return Environment("here", sys.executable, note="What it ran with is not on record.")
    if is_installed_here(then):
        return Environment("same", sys.executable, note=note)
    which, lock = str(experiment.reference), experiment.path / "environment" / "requirements.lock"
    if not lock.is_file():
        raise BadEnvironment(which, "is not on record", "Run it with what is installed here: --here.")
    locked = read_lock(which, str(then.get("python")), lock.read_text(encoding="utf-8"))
    cache = cache_folder(os.environ)
    if (released := _released(experiment)) is not None:
        try:
            return Environment("built", str(build(_with(locked, released), cache, say)))
        except BadEnvironment as error:
            if released not in error.problem:
                raise
    return Environment("built", str(build(locked, cache, say)), _modules(folder), note)


def is_installed_here(then: dict[str, Any]) -> bool:
    """Whether this Python, but for its last number, and every package of a record are here; others may be, too."""
    from workbench.experiment.capturing.environment import environment_here

    now = environment_here()
    minor = (str(told.get("python")).split(".")[:2] for told in (then, now))
    same_python = len(set(map(tuple, minor))) == 1
    return same_python and all(now["packages"].get(name) == version for name, version in then["packages"].items())


def _released(experiment: Experiment) -> str | None:
    """Name the release of the workbench that ran, if it was one and another than this."""
    from workbench.experiment.capturing.environment import OURS, other_version, workbench_here

    made = experiment.workbench()
    if other_version(made, workbench_here()) is None or made.get("commit") or not made.get("version"):
        return None
    return f"{OURS}=={made['version']}"


def _with(locked: Locked, requirement: str) -> Locked:
    return replace(locked, requirements=(*locked.requirements, requirement))


def _note(experiment: Experiment) -> str:
    from workbench.experiment.capturing.environment import other_version, workbench_here

    if (versions := other_version(experiment.workbench(), workbench_here())) is None:
        return ""
    return f"It was made by workbench {versions[0]}, and made again by {versions[1]}."


def _modules(folder: Path) -> Path:
    """Copy the workbench that is here, with what tells its version, for an interpreter that has none."""
    import workbench
    from workbench.experiment.capturing.environment import OURS, workbench_here

    modules, told = folder / "modules", workbench_here()
    package, version = Path(workbench.__file__).parent, told["version"] or workbench.__version__
    try:
        shutil.copytree(package, modules / "workbench", ignore=shutil.ignore_patterns("__pycache__"))
    except shutil.Error as errors:  # it goes on after each, and names every file
        raise OSError(errors.args[0][0][2]) from errors
    about = modules / f"{OURS.replace('-', '_')}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {OURS}\nVersion: {version}\n", encoding="utf-8")
    if told["commit"]:
        origin = {"url": package.as_uri(), "vcs_info": {"vcs": "git", "commit_id": told["commit"]}}
        (about / "direct_url.json").write_text(json.dumps(origin), encoding="utf-8")
    return modules
