"""The program of a kernel's process: IPython behind sockets, with what its notebook will import imported already.

Run as a script, before anything is known of the run: the run's own directory, environment and limits come later, in
one request (`WaitingKernel.begin`). Nothing of the workbench is imported here unless it is to be preloaded.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.pop(0)  # this file's folder, whose modules are not to be found under their bare names

import zmq
from ipykernel.iostream import OutStream
from ipykernel.kernelapp import IPKernelApp

LARGEST_MESSAGE = 1_000_000  # characters of printed text, unless they are printed as one
LOOK_SECONDS = 0.5  # between two looks at whether the runner still lives
TRIES = 20  # to leave no folder behind


class Stream(OutStream):
    """IPython's stdout or stderr, in messages of moderate size.

    IPython sends five times a second whatever was printed: of a cell that prints in earnest, hundreds of megabytes in
    one message, which the runner would have to hold at once only to cut them.
    """

    printed = 0  # characters since the last message, more or less: any thread may print

    def write(self, string: str) -> int:
        """Take text to be sent soon, or now when there is much of it."""
        super().write(string)
        self.printed += len(string)
        if self.printed > LARGEST_MESSAGE:
            self.printed = 0
            self.flush()
        return len(string)


class WaitingKernel(IPKernelApp):
    """ipykernel that sends all of its outputs and takes its run late."""

    shell: Any

    def init_iopub(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        """Set no limit to outputs waiting to be sent.

        By default those beyond a thousand are dropped without a word, here and at the other end: of 20,000 flushed
        lines 7,000 were lost, and the word that the cell is done may be, too.
        """
        context.setsockopt(zmq.SNDHWM, 0)
        super().init_iopub(context)

    def init_io(self) -> None:
        """Lead what is printed through streams of our own."""
        self.outstream_class = f"{__name__}.Stream"
        super().init_io()

    def init_poller(self) -> None:
        """Leave the watch over the parent to `end_with`, which leaves no files either."""

    def begin(
        self, folder: str, env: Mapping[str, str], path: Iterable[str], log: str, address_space: int | None
    ) -> None:
        """Take a run: its working directory, environment, places of modules, log, and limit of memory in bytes."""
        os.chdir(folder)
        self.shell.user_ns["_dh"][:] = [folder]
        os.environ.update(env)
        find_first(list(path))
        log_to(Path(log), Path(self.abs_connection_file).with_name("kernel.log"))
        if address_space is not None:
            import resource

            with suppress(ValueError, OSError):  # macOS refuses; the runner watches what is really in use anyway
                resource.setrlimit(resource.RLIMIT_AS, (address_space, resource.getrlimit(resource.RLIMIT_AS)[1]))


def find_first(path: list[str]) -> None:
    """Put folders at the head of ``sys.path``; what came from elsewhere under a name they have is imported anew."""
    sys.path[:] = [*path, *(entry for entry in sys.path if entry not in path)]
    for name in {name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names - {"__main__"}:
        if _is_elsewhere(name, path):
            for loaded in [module for module in sys.modules if module == name or module.startswith(f"{name}.")]:
                del sys.modules[loaded]


def _is_elsewhere(name: str, path: list[str]) -> bool:
    for entry in path:
        for candidate in (os.path.join(entry, name, "__init__.py"), os.path.join(entry, f"{name}.py")):  # noqa: PTH118 - of hundreds
            if os.path.isfile(candidate):  # noqa: PTH113
                return getattr(sys.modules.get(name), "__file__", None) != candidate
    return False


def log_to(log: Path, so_far: Path) -> None:
    """Let everything that goes to the file `so_far` go to `log`; ipykernel holds copies of stdout and stderr."""
    shutil.copyfile(so_far, log)
    old, new = so_far.stat(), os.open(log, os.O_WRONLY | os.O_APPEND)
    for descriptor in [int(entry.name) for entry in Path("/dev/fd").iterdir()]:
        with suppress(OSError):  # the one that listed them is closed by now
            if os.path.samestat(os.fstat(descriptor), old):
                os.dup2(new, descriptor, inheritable=descriptor in (1, 2))
    os.close(new)


def end_with(parent: int, private: Path) -> None:
    """End this process and what it started as soon as the runner is no more, however that ended."""
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    for _ in range(TRIES):  # the kernel may just be making its sockets there
        shutil.rmtree(private, ignore_errors=True)
        if not private.exists():
            break
        time.sleep(LOOK_SECONDS)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def preload(modules: Iterable[str]) -> None:
    """Import what the notebook will; one that cannot be imported is the notebook's to complain of."""
    for module in modules:
        with suppress(Exception):
            import_module(module)


def main(private: Path, parent: int, modules: Iterable[str]) -> None:
    """Serve one notebook."""
    threading.Thread(target=end_with, args=(parent, private), daemon=True).start()
    kernel = WaitingKernel.instance(parent_handle=parent)  # with a parent it does not tell a terminal how to connect
    # No history file: kernels that run at the same time lock each other out of its database.
    kernel.initialize(["-f", str(private / "kernel.json"), "--HistoryManager.hist_file=:memory:"])
    preload(modules)  # only now: before, matplotlib would not know that its plots are to be shown in the notebook
    kernel.start()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
