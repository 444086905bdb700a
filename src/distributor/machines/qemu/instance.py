"""One running QEMU: its process, its monitor, its console, and how it came to its end."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import signal
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from distributor.errors import GuestFault, LaunchError, MachineError, MachineLost, QMPError
from distributor.machines.process import Process, spawn
from distributor.machines.qemu.command import MachineSpec, qemu_command
from distributor.machines.qemu.console import Console
from distributor.machines.qemu.monitor import Monitor
from distributor.machines.qemu.rights import environment, lend, limits_of, rights_of
from distributor.network.shared import SharedMemory

#: How long QEMU may take to heed `quit`, or to end when its monitor has, before signals.
_QUIT_S = 2.0


class Instance:
    """Made by :func:`launch`; its owner must :meth:`end` it.

    :param spec: what it runs, with the descriptors that it was given.
    """

    def __init__(
        self,
        spec: MachineSpec,
        process: Process,
        console: Console,
    ) -> None:
        self.spec = spec
        self.process = process
        self.console = console
        self.monitor = Monitor(spec.name)
        #: Why it died; never set for one that was ended by :meth:`end`.
        self.death: asyncio.Future[MachineError] = asyncio.get_running_loop().create_future()
        self._ending = False
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, monitor: socket.socket, console: socket.socket) -> None:
        """Begin to listen to it. Owns the two sockets from here on.

        :raise LaunchError: it ended, or did not answer.
        :raise MachineLost: it was killed.
        """
        self._run(self.console.read(console), "console")
        self._run(self._watch(), "death")
        try:
            await self.monitor.open(monitor)
        except QMPError as error:
            raise await self._launch_error(error) from error

    def cut_off(self, how: str) -> None:
        """Nobody will reach it any more: as good as dead."""
        if not self._ending and not self.death.done():
            lost = f"machine {self.spec.name} was cut off: {how}"
            self.death.set_result(self.error(MachineLost, lost))

    async def end(self) -> None:
        """End it: `quit`, then signals, then reaped. Not to be cancelled."""
        self._ending = True
        if self.process.exit_code is None:
            with contextlib.suppress(QMPError, TimeoutError):
                async with asyncio.timeout(_QUIT_S):
                    await self.monitor.ask("quit")
                    await self.process.wait()
        await self.process.end()
        await self.monitor.close()
        if self._tasks:
            # Its ends of the sockets are closed with it, so all read to their end.
            await asyncio.wait(self._tasks)

    async def _watch(self) -> None:
        """Wait for its end, and say whose fault it is."""
        code = await self.process.wait()
        if self._ending:
            return  # nobody's
        await self.monitor.close()  # what it said at last has been heard then
        if self.death.done():
            return  # it had been cut off before
        reason = self.monitor.guest_end()
        panic = self.console.find("Kernel panic")
        fault: type[MachineError]
        if reason or panic:
            fault, how = GuestFault, f"the guest of machine {self.spec.name} gave up"
            detail = panic or reason
        else:
            end = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
            fault, how = MachineLost, f"QEMU of machine {self.spec.name} {end}"
            detail = self.process.complaint()
        self.death.set_result(self.error(fault, f"{how}: {detail}" if detail else how))

    async def _launch_error(self, cause: QMPError) -> MachineError:
        """What to say of one that ended, or hangs, before it was heard."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_QUIT_S):
                await self.process.wait()
        code = self.process.exit_code
        killed = code == -signal.SIGKILL
        await self.process.end()
        ended = f"it was killed by {_signal_name(-code)}" if code is not None and code < 0 else ""
        detail = self.process.complaint() or ended or str(cause)
        return self.error(
            MachineLost if killed else LaunchError,
            f"QEMU did not start machine {self.spec.name}: {detail}",
        )

    def error(self, kind: type[MachineError], message: str, hint: str = "") -> MachineError:
        """An error that carries what is known of this instance."""
        return kind(
            message,
            hint=hint,
            command=self.process.command,
            exit_code=self.process.exit_code,
            console=self.console.tail(20),
        )

    def _run(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.append(asyncio.create_task(work, name=f"{name} of {self.spec.name}"))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time one
        return f"signal {number}"


async def launch(
    spec: MachineSpec,
    console: Path,
    own: Callable[[Instance], None],
    shared: SharedMemory | None = None,
) -> Instance:
    """Start QEMU and hear it on its monitor.

    :param console: the file that keeps what the guest prints.
    :param own: handed the instance as soon as there is a process to end, which is before
        anything can fail.
    :param shared: the memory that a machine of a template shares with us.
    :raise LaunchError: it did not come up.
    :raise MachineLost: it was killed meanwhile.
    """
    memory = spec.memory
    with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:

        def pair() -> tuple[socket.socket, int]:
            mine, its = socket.socketpair()
            ours.callback(mine.close)
            theirs.callback(its.close)
            return mine, its.fileno()

        monitor, monitor_end = pair()
        printed, console_end = pair()
        ends = [monitor_end, console_end, *spec.network.descriptors]
        spec = dataclasses.replace(spec, monitor=monitor_end, console=console_end)
        if memory is not None:
            assert shared is not None, "a machine of a template shares memory"
            ends += [shared.descriptor, *memory.held]
            memory = dataclasses.replace(memory, shared=shared.descriptor)
            spec = dataclasses.replace(spec, memory=memory)
        rights = rights_of(spec)
        lent = spec
        if rights.user is not None:
            lent, descriptors = lend(spec, theirs)
            ends += descriptors
        process = await spawn(
            qemu_command(lent),
            ends,
            rights.words(),
            limits=limits_of(spec, rights),
            environment=environment(os.environ),
        )
        ours.pop_all()
    instance = Instance(spec, process, Console(console))
    own(instance)
    await instance.open(monitor, printed)
    return instance
