"""What papermill needs of a kernel that runs already: jupyter_client's manager and client, made for just that one."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING, Any, cast

import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import Instance, Type

from workbench.errors import NoAnswer
from workbench.execution.fork_server import Process
from workbench.execution.spec import Spec

if TYPE_CHECKING:
    from subprocess import Popen

LOOK_SECONDS = 1.0
LISTEN_SECONDS = 0.2  # for one message, before looking whether the kernel still lives


class Manager(AsyncKernelManager):
    """A manager of just one spec, which remembers the client papermill opens and leaves open."""

    opened: Any = None
    first: str | None = None  # code to run before the kernel counts as ready

    def client(self, **kwargs: Any) -> Any:
        """Open a client that loses no message, however many there are (see `kernel_process.WaitingKernel`)."""
        self.opened = super().client(**kwargs)
        # A full queue at this end halts the kernel's sending, and drops nothing; the runner stays small meanwhile.
        self.opened.context.setsockopt(zmq.RCVHWM, 64)
        return self.opened

    def disconnect(self) -> None:
        """Close the client."""
        if self.opened is not None:
            self.opened.stop_channels()


class _OneSpec(KernelSpecManager):
    spec = Instance(KernelSpec)

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:  # noqa: ARG002 - there is only one
        return self.spec


class _Shell(AsyncZMQSocketChannel):
    """A channel that looks again every second for what has come.

    An output widget sends on the socket on which the word that its cell is done is waited for, and a socket tells of
    what has come but once, to whoever uses it next. On a busy machine such a cell was once waited for in vain.
    """

    async def get_msg(self, timeout: float | None = None) -> Any:  # type: ignore[override] # as in its parent
        """Give the next message; without a timeout, however long that takes."""
        while timeout is None:
            with suppress(Empty):
                return await super().get_msg(timeout=LOOK_SECONDS)
        return await super().get_msg(timeout=timeout)


class _Patient(AsyncKernelClient):
    shell_channel_class = Type(_Shell)

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait till the kernel answers; raises NoAnswer when it does not."""
        try:
            async with asyncio.timeout(timeout):
                await self._until_ready()
        except TimeoutError:
            raise NoAnswer(timeout or 0) from None

    async def _until_ready(self) -> None:
        await super().wait_for_ready()


class _Client(_Patient):
    """A client that is ready when the kernel has done the first request, and is heard."""

    parent: Any  # its manager

    async def _until_ready(self) -> None:
        """Hand the run over. Papermill's own way asks for the kernel's name and then waits for silence."""
        request = self.execute(self.parent.first, silent=True, store_history=False, allow_stdin=False)
        while (reply := await self._said(self.shell_channel))["parent_header"].get("msg_id") != request:
            pass
        if reply["content"]["status"] != "ok":
            raise RuntimeError(f"The kernel cannot take the run: {reply['content']['evalue']}")
        await self._said(self.iopub_channel)  # subscribed to: from here on nothing is missed

    async def _said(self, channel: Any) -> Any:
        while True:
            try:
                return await channel.get_msg(timeout=LISTEN_SECONDS)
            except Empty:
                if not await self.parent.is_alive():
                    raise RuntimeError("Kernel died before it took the run") from None
            if channel is self.iopub_channel:
                self.kernel_info()  # has it say something; kernels greet who subscribes only since ipykernel 7


def managed(spec: Spec, private: Path, *, sockets: bool) -> Manager:
    """Make the manager of a kernel that is to be started; its connection file is in a `private` folder."""
    manager = _manager(spec, spec.installed, private)
    if sockets:
        # Ports are picked, released and bound again: of many kernels started at once some die of it (papermill#511).
        manager.transport, manager.ip = "ipc", str(private / "k")
    return manager


def adopted(spec: Spec, private: Path, process: Process, first: str) -> Manager:
    """Make the manager of a kernel that was started already; `first` is the code it is to run first."""
    known = KernelSpec(argv=list(spec.argv), display_name="Python 3", language=spec.language)
    manager = _manager(spec, known, private, _Client)
    manager.load_connection_file()
    manager.first = first
    provisioner = LocalProvisioner(kernel_id=str(process.pid), kernel_spec=known, parent=manager)
    provisioner.process = cast("Popen[Any]", process)  # of which it asks no more than `Process` has
    provisioner.pid = provisioner.pgid = process.pid
    manager.provisioner = provisioner
    return manager


def _manager(
    spec: Spec, known: KernelSpec | None, private: Path, client: type[AsyncKernelClient] = _Patient
) -> Manager:
    return Manager(
        kernel_name=spec.name,
        kernel_spec_manager=_OneSpec(spec=known),
        connection_file=str(private / "kernel.json"),
        autorestart=False,
        client_factory=client,
    )
