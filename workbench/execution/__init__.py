"""One run: template + parameters → executed notebook in a run folder. papermill enters the workbench here.

What is here is found only when asked for: a kernel is to be on its way before papermill is imported.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from workbench.execution.late import load_late
from workbench.execution.prepare import login, prepare

if TYPE_CHECKING:
    from workbench.documents.run_folder import refused
    from workbench.execution.close import close
    from workbench.execution.pool import Kernels
    from workbench.execution.run import execute
    from workbench.execution.spec import kernel_spec, preload

__all__ = ["Kernels", "close", "execute", "kernel_spec", "login", "preload", "prepare", "refused"]

_FOUND_IN = {
    "Kernels": "workbench.execution.pool",
    "close": "workbench.execution.close",
    "execute": "workbench.execution.run",
    "kernel_spec": "workbench.execution.spec",
    "preload": "workbench.execution.spec",
    "refused": "workbench.documents.run_folder",
}

load_late("rfc3987_syntax", "is_valid_syntax")


def __getattr__(name: str) -> Any:
    if name not in _FOUND_IN:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_FOUND_IN[name]), name)
