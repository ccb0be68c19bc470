"""One run: template + parameters → executed notebook in a run folder. papermill enters the workbench here."""

from workbench.documents.run_folder import refused
from workbench.execution.kernel import kernel_spec
from workbench.execution.prepare import login, prepare
from workbench.execution.run import execute

__all__ = ["execute", "kernel_spec", "login", "prepare", "refused"]
