"""The program of a kernel's process: IPython behind sockets, with what its notebook will import imported already.

Run as a script, before anything is known of the run: the run's own directory, environment and limits come later, in
one request (`WaitingKernel.begin`). Nothing of the workbench is imported here unless it is to be preloaded.

With ``--fork`` this process becomes no kernel itself: it imports everything once, and forks a kernel from itself each
time the runner asks for one (`fork_server`).
"""

from __future__ import annotations

import atexit
import gc
import io
import json
import os
import select
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

sys.path.pop(0)  # this file's folder, whose modules are not to be found under their bare names

import zmq
from ipykernel.iostream import OutStream
from ipykernel.kernelapp import IPKernelApp

LARGEST_MESSAGE = 1_000_000  # characters of printed text, unless they are printed as one
LOOK_SECONDS = 0.5  # between two looks at whether the runner still lives
TRIES = 20  # to leave no folder behind
MOMENT = 0.005  # seconds in which a process that has said why it aborts is dead
LARGEST_READ = 65536  # bytes, which is what a pipe holds
LARGEST_REQUEST = 65536  # bytes of a path as JSON
ALONE_SECONDS = 1.0  # for threads that ended before a fork to be gone
LATER = ("ipykernel.debugger", "psutil")  # what every kernel imports once it has started
INLINE = "module://matplotlib_inline.backend_inline"  # what ipykernel has plots drawn by, if nothing else is said
ARROW = ("JE_ARROW_MALLOC_CONF", "background_thread:false")  # else pyarrow has a thread from its import on
FILES = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)  # that hold back what is written to them


class Stream(OutStream):
    """IPython's stdout or stderr, in messages of moderate size, and not so eager that last words are lost.

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

    def _watch_pipe_fd(self) -> None:
        """Show what code that is not Python's prints, a moment later than IPython would.

        C++ that is refused memory says so and aborts at once. What was read by then dies with this process; what is
        still in the pipe the runner hears (`last_words`).
        """
        with suppress(OSError):
            while self._fid is not None and self._should_watch:
                select.select([self._fid], [], [])
                time.sleep(MOMENT)
                said = os.read(self._fid, LARGEST_READ)
                if not said or not self._should_watch:
                    break
                os.write(self._original_stdstream_copy, said)
                self.write(said.decode(errors="replace"))


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


def end_with(gone: Callable[[], object], private: Path) -> None:
    """End this process and what it started as soon as the runner is no more (`gone` returns), however that ended."""
    gone()
    for _ in range(TRIES):  # the kernel may just be making its sockets there
        shutil.rmtree(private, ignore_errors=True)
        if not private.exists():
            break
        time.sleep(LOOK_SECONDS)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def until_orphaned(parent: int) -> None:
    """Return when the process that started this one is no more."""
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)


def preload(modules: Iterable[str]) -> None:
    """Import what the notebook will; one that cannot be imported is the notebook's to complain of."""
    for module in modules:
        with suppress(Exception):
            import_module(module)


def main(private: Path, gone: Callable[[], object], modules: Iterable[str]) -> None:
    """Serve one notebook."""
    threading.Thread(target=end_with, args=(gone, private), daemon=True).start()
    kernel = WaitingKernel.instance(parent_handle=os.getppid())  # else it tells a terminal how to connect
    # No history file: kernels that run at the same time lock each other out of its database.
    kernel.initialize(["-f", str(private / "kernel.json"), "--HistoryManager.hist_file=:memory:"])
    preload(modules)  # only now: before, matplotlib would not know that its plots are to be shown in the notebook
    kernel.start()
    leave(kernel)


def leave(kernel: WaitingKernel) -> NoReturn:
    """End this process as Python would, but for the steps in which one part of it waits for another.

    ipykernel ends its threads one after the other, and one that has something left to say waits for one that is gone,
    up to ten seconds. The interpreter, taken apart, waits for whatever its objects wait for. All of that ends with the
    process anyway; what `multiprocessing` forks ends in the same way.
    """
    atexit.unregister(kernel.close)
    atexit.unregister(kernel.iopub_thread.stop)
    threading._shutdown()  # type: ignore[attr-defined] # waits for threads and pools, as it does
    atexit._run_exitfuncs()  # the notebook's, then IPython's, which lets go of all that the notebook had
    gc.collect()
    write_out()
    os._exit(0)


def write_out() -> None:
    """Write what is left to be written to files that were never closed."""
    never_closed = [thing for thing in gc.get_objects() if type(thing) in FILES]
    for file in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__, *never_closed):
        with suppress(Exception):  # closed meanwhile, or a pipe that nobody reads
            file.flush()


def fork_server(control: socket.socket, runner: int, early: int, modules: list[str]) -> None:
    """Import what kernels need, and fork one for each private folder that is named, until the runner is no more.

    A fork has one thread: what a library's others were doing is never done there. So a module that leaves a thread
    is imported by each kernel, with those after it: of `modules` only the first so many (`early`) are imported here,
    and this program begins anew with fewer when that was one too many.
    """
    watched = os.pidfd_open(runner)  # kernels see by it when the runner ends, whether this process lives or not
    os.environ.setdefault("MPLBACKEND", INLINE)  # read when matplotlib is imported
    os.environ.setdefault(*ARROW)
    preload(LATER)
    for count, module in enumerate(modules[:early]):
        preload([module])
        if not is_alone():
            begin_anew(count)
    if not is_alone():
        sys.exit("What a kernel itself imports has started threads")
    if os.environ.get(ARROW[0]) == ARROW[1]:
        del os.environ[ARROW[0]]
    sys.stdout.flush()  # else each kernel would print it
    gc.collect()
    gc.freeze()  # else the first collection in a kernel would copy all pages
    if (private := serve(control, runner)) is not None:
        main(private, partial(select.select, [watched], [], []), modules[early:])


def is_alone() -> bool:
    """Tell whether one thread is all there is to this process, once it has forked: OpenBLAS ends its own for that."""
    if len(os.listdir("/proc/self/task")) == 1:  # noqa: PTH208
        return True
    if (child := os.fork()) == 0:
        os._exit(0)
    os.waitpid(child, 0)
    end = time.monotonic() + ALONE_SECONDS
    while (threads := len(os.listdir("/proc/self/task"))) > 1 and time.monotonic() < end:  # noqa: PTH208
        time.sleep(0.01)
    return threads == 1


def begin_anew(early: int) -> None:
    """Begin this program again, with fewer modules that are imported before a fork."""
    program = sys.orig_argv.index("--fork")
    arguments = [*sys.orig_argv[: program + 3], str(early), *sys.orig_argv[program + 4 :]]
    os.execv(sys.executable, arguments)  # noqa: S606 - itself


def serve(control: socket.socket, runner: int) -> Path | None:
    """Fork on request, and tell how each kernel ended. In a kernel, give its folder; in this process None, at the end.

    One message each: asked for is a folder; told are the folder, the process and, when that has ended, its exit code.
    """
    kernels: dict[int, str] = {}
    signal.signal(signal.SIGCHLD, lambda *_: tell_ends(control, kernels))
    control.settimeout(LOOK_SECONDS)
    while os.getppid() == runner:
        with suppress(TimeoutError, ConnectionResetError):  # by a runner that was killed with something unread
            if not (request := control.recv(LARGEST_REQUEST)):
                break
            private = json.loads(request)
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # until it is known whose end is told
            if (pid := forked()) == 0:
                set_apart(private, control)
                return Path(private)
            if pid is None:
                tell(control, private, None, 1)
            else:
                kernels[pid] = private
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    control.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # takes such an error away
    with suppress(TimeoutError):
        while request := control.recv(LARGEST_REQUEST):
            shutil.rmtree(json.loads(request), ignore_errors=True)  # of a kernel that nobody will have
    return None


def forked() -> int | None:
    """Fork: 0 in the new process, its number in this one; None where there is no room for another."""
    try:
        return os.fork()
    except OSError:
        return None


def tell(control: socket.socket, private: str, pid: int | None, exit_code: int | None) -> None:
    """Tell the runner of one kernel."""
    with suppress(OSError):  # it is gone, or looks only at runs that have ended
        control.send(json.dumps([private, pid, exit_code]).encode())


def tell_ends(control: socket.socket, kernels: dict[int, str]) -> None:
    """Tell of each kernel that has ended how it did."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            tell(control, kernels.pop(ended[0]), ended[0], os.waitstatus_to_exitcode(ended[1]))


def set_apart(private: str, control: socket.socket) -> None:
    """Make of a fork a process of its own: its session, folder, log and random numbers."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    os.setsid()
    tell(control, private, os.getpid(), None)  # from here on its group can be ended
    control.close()
    os.chdir(private)
    with Path("kernel.log").open("ab") as log:
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
    if not Path("kernel.json").exists():
        os._exit(1)  # nobody wants it any more
    os.environ["IPYTHONDIR"] = str(Path(private, "ipython"))
    sys.argv[1:] = [private]
    if (numbers := sys.modules.get("numpy.random")) is not None:
        numbers.seed()  # Python's own generator does so by itself


if __name__ == "__main__":
    if sys.argv[1] == "--fork":
        fork_server(socket.socket(fileno=int(sys.argv[2])), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:])
    else:
        main(Path(sys.argv[1]), partial(until_orphaned, int(sys.argv[2])), sys.argv[3:])
