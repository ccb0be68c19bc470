"""The kernel of one run: which one, started how, stopped how, and what its death looked like.

A kernel is started here and handed to papermill as ``km=``: only so do the run's own environment, directory and
streams reach it without touching those of this process, which may have other runs in other threads.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel
from jupyter_client.manager import AsyncKernelManager
from nbformat import NotebookNode
from traitlets import Instance

from workbench.documents.run_folder import VARIABLE, RunFolder
from workbench.errors import BadTemplate

# ipykernel with no limit to outputs waiting to be sent. By default those beyond a thousand are dropped without a word,
# here and at the other end: of 20,000 flushed lines 7,000 were lost, and the word that the cell is done may be, too.
PYTHON_KERNEL = """
import sys
sys.path.pop(0)  # the working directory, while the kernel itself is imported
import zmq
from ipykernel.kernelapp import IPKernelApp

class Kernel(IPKernelApp):
    def init_iopub(self, context):
        context.setsockopt(zmq.SNDHWM, 0)
        super().init_iopub(context)

Kernel.launch_instance()
"""
SOCKET_PATH_LIMIT = 100  # bytes: macOS allows 103 for a Unix socket, Linux 107


def kernel_spec(notebook: NotebookNode, template: str = "notebook") -> KernelSpec:
    """Choose the kernel a notebook runs in.

    A kernel named by the notebook is used if it exists here. ``python3``, or a missing kernel of a Python notebook, is
    the Python that runs this program: a kernel of that name in the user's home often belongs to another Python, which
    has no workbench.

    Raises
    ------
    BadTemplate
        If the notebook is in another language and its kernel is not installed.
    """
    asked = notebook.metadata.get("kernelspec", {})
    name = asked.get("name") or "python3"
    language = notebook.metadata.get("language_info", {}).get("name") or asked.get("language") or "python"
    if name in {"python", "python3"}:
        return _own_python()
    spec = _installed(name)
    if spec is not None:
        return spec
    if language.lower() in {"python", "ipython"}:
        return _own_python()
    raise BadTemplate(template, f"wants the kernel {name!r} ({language}), which is not installed here", "Install it.")


def _installed(name: str) -> KernelSpec | None:
    with suppress(NoSuchKernel):
        spec: KernelSpec = KernelSpecManager().get_kernel_spec(name)
        if shutil.which(spec.argv[0]):  # the environment it was made for may be long deleted
            return spec
    return None


def _own_python() -> KernelSpec:
    # No history file: kernels that run at the same time lock each other out of its database.
    options = ["-f", "{connection_file}", "--HistoryManager.hist_file=:memory:"]
    return KernelSpec(
        # Without frozen modules: debugpy would warn of them on stderr at every start.
        argv=[sys.executable, "-Xfrozen_modules=off", "-c", PYTHON_KERNEL, *options],
        display_name="Python 3",
        language="python",
    )


class Kernel:
    """One kernel process, from its start to the end of its process group. Signals may be sent from any thread."""

    def __init__(self, spec: KernelSpec) -> None:
        self.spec = spec
        self.name = "python3" if spec.language == "python" else spec.display_name
        self.private = Path(tempfile.mkdtemp(prefix="wb-", dir=_short_folder()))  # mode 0700: only we may connect
        self.manager = _manager(spec, self.name, self.private)
        self.process: subprocess.Popen[bytes] | None = None
        self.oom_kills = _oom_kills()

    async def start(self, folder: RunFolder, env: Mapping[str, str]) -> None:
        """Start it in the run's ``outputs/``; what the process itself prints goes to ``kernel.log``."""
        with folder.kernel_log.open("ab") as log:
            await self.manager.start_kernel(cwd=str(folder.outputs), env=self._env(folder, env), stdout=log, stderr=log)
        self.process = getattr(self.manager.provisioner, "process", None)  # other provisioners may have none

    def _env(self, folder: RunFolder, env: Mapping[str, str]) -> dict[str, str]:
        inherited = dict(os.environ)
        inherited.pop("MPLBACKEND", None)  # a server's "Agg" would silently leave every plot out of the report
        # Its own profile: no start-up files of this user, and no home directory needed.
        return {**inherited, "IPYTHONDIR": str(self.private / "ipython"), **env, VARIABLE: str(folder.path.absolute())}

    def interrupt(self) -> None:
        """Ask the running cell to end, as Ctrl-C does: its traceback then shows where it was."""
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        """End the kernel and what it started, now."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError, PermissionError):  # macOS says EPERM of a group of zombies
                os.killpg(self.process.pid, number)  # it leads its own group: started in a new session

    async def stop(self, *, now: bool) -> None:
        """Shut it down (`now`: without letting it say goodbye), close every connection, leave no process or file."""
        try:
            if self.process is not None:
                with suppress(RuntimeError):  # "No kernel is running": it died meanwhile
                    await (self.manager.shutdown_kernel(now=True) if now else self._say_goodbye())
                await self.manager.cleanup_resources()
            self.manager.disconnect()
        finally:
            self.kill()
            shutil.rmtree(self.private, ignore_errors=True)

    async def _say_goodbye(self) -> None:
        await self.manager.request_shutdown()  # `shutdown_kernel` would interrupt it first, which it logs as an error
        await self.manager.finish_shutdown()

    @property
    def exit_code(self) -> int | None:
        """What the process ended with, negative for a signal; None while it lives."""
        return self.process.poll() if self.process is not None else None

    @property
    def out_of_memory(self) -> bool:
        """Whether it was killed while the operating system was killing for want of memory."""
        return self.exit_code == -signal.SIGKILL and _oom_kills() > self.oom_kills


class _Manager(AsyncKernelManager):
    """A manager of just one spec, which remembers the client papermill opens and leaves open."""

    opened: Any = None

    def client(self, **kwargs: Any) -> Any:
        self.opened = super().client(**kwargs)
        self.opened.context.setsockopt(zmq.RCVHWM, 0)  # see PYTHON_KERNEL
        return self.opened

    def disconnect(self) -> None:
        if self.opened is not None:
            self.opened.stop_channels()


class _OneSpec(KernelSpecManager):
    spec = Instance(KernelSpec)

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:  # noqa: ARG002 - there is only one
        return self.spec


def _manager(spec: KernelSpec, name: str, private: Path) -> _Manager:
    manager = _Manager(
        kernel_name=name,
        kernel_spec_manager=_OneSpec(spec=spec),
        connection_file=str(private / "kernel.json"),
        autorestart=False,
    )
    if spec.language == "python" and len(os.fsencode(private)) < SOCKET_PATH_LIMIT - len("/k-5"):
        # Ports are picked, released and bound again: of many kernels started at once some die of it (papermill#511).
        manager.transport, manager.ip = "ipc", str(private / "k")
    return manager


def _short_folder() -> str | None:
    """Find a folder for sockets: None for the usual temporary one, unless its path is too long for a socket."""
    usual = tempfile.gettempdir()
    too_long = len(os.fsencode(usual)) > SOCKET_PATH_LIMIT - len("/wb-12345678/k-5")
    return "/tmp" if too_long and os.access("/tmp", os.W_OK) else None  # noqa: S108 - mkdtemp makes a private one in it


def _oom_kills() -> int:
    """How many processes of this control group (or of this machine) were killed for want of memory so far."""
    with suppress(OSError, ValueError):
        group = Path("/proc/self/cgroup").read_text().rpartition("::/")[2].strip()
        return _count(Path("/sys/fs/cgroup", group, "memory.events"))
    with suppress(OSError, ValueError):
        return _count(Path("/proc/vmstat"))
    return 0


def _count(counters: Path) -> int:
    return next(int(line.split()[1]) for line in counters.read_text().splitlines() if line.startswith("oom_kill "))
