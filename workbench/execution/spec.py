"""Which kernel a notebook needs: whose program, and what is to be imported in it beforehand. Light: no Jupyter."""

from __future__ import annotations

import ast
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import workbench
from workbench.errors import BadTemplate

if TYPE_CHECKING:
    from jupyter_client.kernelspec import KernelSpec

PROGRAM = Path(__file__).with_name("kernel_process.py")
PACKAGE = Path(workbench.__file__).parent
WELL_KNOWN = ("lightgbm", "matplotlib", "numpy", "pandas", "sklearn")  # large, and importing them changes nothing else
PLOTS = "matplotlib.pyplot"
MAGIC = re.compile(r"(?m)^\s*[%!].*$")
AT_START = re.compile(  # variables that the interpreter, the linker or a library reads once, at its start
    r"(OMP|GOMP|KMP|MKL|OPENBLAS|GOTO|BLIS|VECLIB|NUMEXPR|LOKY|JOBLIB|ARROW|CUDA|MPL|MALLOC|LD|DYLD|LC)_|PYTHON(?!PATH$)"
    r"|MPLBACKEND|MPLCONFIGDIR|IPYTHONDIR|(LANG|LANGUAGE|TZ|HOME|TMPDIR|PATH)$"
)


@dataclass(frozen=True, slots=True)
class Spec:
    """A kernel's program: this Python's own, or one that is `installed` here under a name."""

    argv: tuple[str, ...]
    name: str
    language: str
    installed: KernelSpec | None = field(default=None, compare=False)


def kernel_spec(notebook: Mapping[str, Any], template: str = "notebook") -> Spec:
    """Choose the kernel a notebook runs in.

    A kernel named by the notebook is used if it exists here. ``python3``, or a missing kernel of a Python notebook, is
    the Python that runs this program: a kernel of that name in the user's home often belongs to another Python, which
    has no workbench.

    Raises
    ------
    BadTemplate
        If the notebook is in another language and its kernel is not installed.
    """
    metadata = notebook.get("metadata", {})
    asked, known = (_mapping(metadata.get(key)) for key in ("kernelspec", "language_info"))
    name = str(asked.get("name") or "python3")
    language = str(known.get("name") or asked.get("language") or "python")
    if name in {"python", "python3"}:
        return _own_python()
    spec = _installed(name)
    if spec is not None:
        return spec
    if language.lower() in {"python", "ipython"}:
        return _own_python()
    raise BadTemplate(template, f"wants the kernel {name!r} ({language}), which is not installed here", "Install it.")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _installed(name: str) -> Spec | None:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    with suppress(NoSuchKernel):
        spec = KernelSpecManager().get_kernel_spec(name)
        if shutil.which(spec.argv[0]):  # the environment it was made for may be long deleted
            named = "python3" if spec.language == "python" else spec.display_name
            return Spec(tuple(spec.argv), named, spec.language, spec)
    return None


def _own_python() -> Spec:
    # Without frozen modules: debugpy would warn of them on stderr at every start.
    return Spec((sys.executable, "-Xfrozen_modules=off", str(PROGRAM)), "python3", "python")


def preload(notebook: Mapping[str, Any], env: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Name what a kernel can import before its notebook asks for it: the workbench's verbs it uses, large libraries.

    A user's own modules are never among them; and nothing is if one of the folders that come first for this notebook
    (``PYTHONPATH`` in `env`) has something of such a name.
    """
    if any(_shadows(Path(folder)) for folder in module_folders(env or {})):
        return ()
    found = [module for cell in notebook.get("cells", []) for module in _wanted(cell)]
    if any(module.startswith("workbench.automl.") for module in found):
        found.append(PLOTS)  # of every picture
    return tuple(dict.fromkeys(found))


def module_folders(env: Mapping[str, str]) -> list[str]:
    """List the folders of ``PYTHONPATH``."""
    return [entry for entry in env.get("PYTHONPATH", "").split(os.pathsep) if entry]


def _shadows(folder: Path) -> bool:
    names = ("workbench", *WELL_KNOWN) if folder.resolve() != PACKAGE.parent else WELL_KNOWN
    return any((folder / name).exists() or (folder / f"{name}.py").exists() for name in names)


def _wanted(cell: Mapping[str, Any]) -> Iterator[str]:
    if cell.get("cell_type") != "code":
        return
    text = cell.get("source", "")
    with suppress(SyntaxError, ValueError, RecursionError):  # the kernel will tell of it
        tree = ast.parse(MAGIC.sub("pass", text if isinstance(text, str) else "".join(text)))
        for node in ast.walk(tree):
            yield from _modules(node)


def _modules(node: ast.AST) -> Iterator[str]:
    found_in = workbench._FOUND_IN
    match node:
        case ast.Import(names=names):
            yield from (one.name for one in names if one.name.partition(".")[0] in WELL_KNOWN)
        case ast.ImportFrom(module="workbench", names=names):
            yield from (found_in[one.name] for one in names if one.name in found_in)
        case ast.ImportFrom(module=str(module), level=0) if module.partition(".")[0] in WELL_KNOWN:
            yield module
        case ast.Attribute(value=ast.Name(id="wb" | "workbench"), attr=verb) if verb in found_in:
            yield found_in[verb]


def at_start(env: Mapping[str, str]) -> dict[str, str]:
    """Pick the variables that a kernel's process must have from its start; the others can be set before its run."""
    return {name: value for name, value in env.items() if AT_START.match(name)}
