"""The kernel of one run: started how, given its run how, stopped how, and what its death looked like.

A kernel of this Python is a process we start ourselves, at once and before Jupyter's libraries are even imported; it
imports what the notebook will and waits. Its run is handed to it in one silent request before the first cell. Other
kernels are started through jupyter_client when their run is known. Either is handed to papermill as ``km=``: only so do
the run's own environment, directory and streams reach it without touching those of this process, which may have other
runs in other threads.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.documents.leftovers import make, name_begins
from workbench.documents.run_folder import VARIABLE, RunFolder
from workbench.execution.fork_server import Forked, ForkServer, Process
from workbench.execution.spec import Spec, at_start, module_folders

if TYPE_CHECKING:
    from workbench.execution.manager import Manager

SOCKET_PATH_LIMIT = 100  # bytes: macOS allows 103 for a Unix socket, Linux 107
CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
POLL_SECONDS = 0.02
BIND_SECONDS = 60.0  # for a kernel to listen; after that, who connects waits for it
GOODBYE_SECONDS = 5.0  # for a kernel to end by itself once it was asked to


class Kernel:
    """One kernel process, from its start to the end of its process group. Signals may be sent from any thread.

    Parameters
    ----------
    spec : Spec
        Which program; one of this Python starts at once, any other when it is given its run.
    preload : iterable of str, optional
        Modules to import while it waits.
    env : mapping, optional
        The run's environment, as far as it is known. Only what a process must have from its start is used so early.
    server : ForkServer, optional
        Of this kind of kernel: who is asked for the process. Where it fails, the process is started directly.
    """

    def __init__(
        self,
        spec: Spec,
        preload: Iterable[str] = (),
        env: Mapping[str, str] | None = None,
        server: ForkServer | None = None,
    ) -> None:
        self.spec, self.preload, self.at_start = spec, tuple(preload), at_start(env or {})
        self.name = spec.name
        self.private = make(_short_folder(), "wb", 0o700)  # only we may connect
        self.sockets = len(os.fsencode(self.private)) < SOCKET_PATH_LIMIT - len("/k-5")
        self.manager: Manager | None = None
        self.process: Process | None = None
        self.log: Path | None = None  # of the run, once it has one
        self.oom_kills = _oom_kills()
        self._is_over = False
        if spec.installed is None:
            try:
                _write_connection(self.private, sockets=self.sockets)
                self.process = self._launch() if server is None else self._asked_of(server)
            except BaseException:
                shutil.rmtree(self.private, ignore_errors=True)
                raise

    def _asked_of(self, server: ForkServer) -> Process:
        try:
            return server.fork(self.private)
        except OSError:  # it is dead, or its ears are full
            return self._launch()

    def _launch(self) -> Process:
        with (self.private / "kernel.log").open("ab") as log:
            return subprocess.Popen(
                [*self.spec.argv, str(self.private), str(os.getpid()), *self.preload],
                cwd=self.private,
                env=self._env(self.at_start),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is for us; and it leads a group of its own
            )

    def _env(self, env: Mapping[str, str]) -> dict[str, str]:
        # Its own profile: no start-up files of this user, and no home directory needed.
        return {**inherited(), "IPYTHONDIR": str(self.private / "ipython"), **env}

    @property
    def is_alive(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and self.process.poll() is None

    async def start(self, folder: RunFolder, env: Mapping[str, str], address_space: int | None = None) -> None:
        """Give it its run: ``outputs/`` to work in, variables; what its process prints goes to ``kernel.log``.

        `address_space` is a limit in bytes for each of its processes.
        """
        env = {**env, VARIABLE: str(folder.path.absolute())}
        self.log, self.oom_kills = folder.kernel_log, _oom_kills()
        if self.spec.installed is not None:
            await self._start_installed(folder, env, address_space)
        elif self.process is not None:
            if isinstance(self.process, Forked) and not await self.process.begins():
                self.process = self._launch()
            await self._until_bound()
            from workbench.execution.manager import adopted

            first = _first_request(folder, env, address_space)
            self.manager = adopted(self.spec, self.private, self.process, first)

    async def _start_installed(self, folder: RunFolder, env: Mapping[str, str], address_space: int | None) -> None:
        from workbench.execution.manager import managed

        self.manager = managed(self.spec, self.private, sockets=self.sockets and self.spec.language == "python")
        with folder.kernel_log.open("ab") as log:
            await self.manager.start_kernel(cwd=str(folder.outputs), env=self._env(env), stdout=log, stderr=log)
        self.process = getattr(self.manager.provisioner, "process", None)  # other provisioners may have none
        if address_space is not None and self.process is not None:
            from workbench.execution.limits import confine

            confine(self.process.pid, address_space)

    async def _until_bound(self) -> None:
        """Wait till it listens: who connects too early tries again only after a tenth of a second."""
        end = time.monotonic() + BIND_SECONDS
        while self.is_alive and not _is_bound(self.private, sockets=self.sockets) and time.monotonic() < end:
            await asyncio.sleep(POLL_SECONDS)

    def interrupt(self) -> None:
        """Ask the running cell to end, as Ctrl-C does: its traceback then shows where it was."""
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        """End the kernel and what it started, now; also what went into a session of its own."""
        from workbench.execution.limits import GONE, descendants

        process = self._begun
        apart = descendants(process.pid) if process is not None and process.poll() is None else []
        self._signal(signal.SIGKILL)
        for one in apart:
            with suppress(*GONE):
                one.kill()

    @property
    def _begun(self) -> Process | None:
        """The process, unless it was only asked for."""
        return None if isinstance(self.process, Forked) and not self.process.has_begun else self.process

    def _signal(self, number: int) -> None:
        if self._begun is not None:
            with suppress(ProcessLookupError, PermissionError):  # macOS says EPERM of a group of zombies
                os.killpg(self._begun.pid, number)  # it leads its own group: started in a new session
        elif isinstance(self.process, Forked) and number == signal.SIGKILL:
            self.process.give_up()

    async def stop(self, *, now: bool) -> None:
        """Shut it down (`now`: without letting it say goodbye), close every connection, leave no process or file."""
        try:
            if self.manager is not None and self.process is not None:
                if not now:
                    await self._say_goodbye(self.manager, self.process)
                self.kill()
                await self.manager.cleanup_resources()
            if self.manager is not None:
                self.manager.disconnect()
        finally:
            self.discard()

    async def _say_goodbye(self, manager: Manager, process: Process) -> None:
        await manager.request_shutdown()  # `shutdown_kernel` would interrupt it first, which it logs as an error
        end = asyncio.get_running_loop().time() + GOODBYE_SECONDS
        while process.poll() is None and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(POLL_SECONDS)

    def discard(self) -> None:
        """End it at once, and take away its files; what it had printed stays in the log of its run, if it has one."""
        if self._is_over:
            return  # its number may be another process's by now
        self._is_over = True
        self.kill()
        if self.process is not None:
            with suppress(subprocess.TimeoutExpired):  # one that hangs in the system cannot be ended at all
                self.process.wait(GOODBYE_SECONDS)
        with suppress(OSError):
            if self.log is not None and not self.log.exists():
                shutil.copyfile(self.private / "kernel.log", self.log)
        shutil.rmtree(self.private, ignore_errors=True)

    @property
    def exit_code(self) -> int | None:
        """What the process ended with, negative for a signal; None while it lives."""
        return self.process.poll() if self.process is not None else None

    @property
    def out_of_memory(self) -> bool:
        """Whether it was killed while the operating system was killing for want of memory."""
        return self.exit_code == -signal.SIGKILL and _oom_kills() > self.oom_kills


def inherited() -> dict[str, str]:
    """Give the variables of this process that a kernel is to have."""
    # A server's "Agg" would silently leave every plot out of the report; the kernel's parent is this process.
    return {name: value for name, value in os.environ.items() if name not in ("MPLBACKEND", "JPY_PARENT_PID")}


def _write_connection(private: Path, *, sockets: bool) -> None:
    """Write where a kernel is to listen: at sockets in a folder of ours, else at ports that it picks and tells."""
    where: dict[str, Any] = {"transport": "ipc", "ip": str(private / "k")}
    if not sockets:
        where = {"transport": "tcp", "ip": "127.0.0.1"}
    ports = {f"{name}_port": number if sockets else 0 for number, name in enumerate(CHANNELS, 1)}
    key = {"key": secrets.token_hex(32), "signature_scheme": "hmac-sha256"}
    (private / "kernel.json").write_text(json.dumps({**where, **ports, **key}), encoding="utf-8")


def _is_bound(private: Path, *, sockets: bool) -> bool:
    """Tell whether a kernel listens at the last of its sockets, or has told the ports that it picked."""
    if sockets:
        return (private / f"k-{len(CHANNELS)}").exists()
    with suppress(ValueError):  # being written
        told = json.loads((private / "kernel.json").read_text(encoding="utf-8"))
        return all(told[f"{name}_port"] for name in CHANNELS)
    return False


def _first_request(folder: RunFolder, env: Mapping[str, str], address_space: int | None) -> str:
    """Write the code that gives a waiting kernel its run (`kernel_process.WaitingKernel.begin`)."""
    outputs, log = (str(path.absolute()) for path in (folder.outputs, folder.kernel_log))
    told = (outputs, dict(env), module_folders(env), log, address_space)
    return f"get_ipython().kernel.parent.begin(*{told!r})"


def _short_folder() -> Path:
    """Find a folder for sockets: the usual temporary one, unless its path is too long for a socket."""
    usual = Path(tempfile.gettempdir())
    too_long = len(os.fsencode(usual)) > SOCKET_PATH_LIMIT - len(f"/{name_begins('wb')}123/k-5")
    return Path("/tmp") if too_long and os.access("/tmp", os.W_OK) else usual  # noqa: S108 - a private one is made in it


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
