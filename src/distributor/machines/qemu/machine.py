"""A machine that QEMU runs: started, reached, paused, watched and ended."""

from __future__ import annotations

import asyncio
import dataclasses
import struct
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from distributor.errors import (
    MachineError,
    MachineLost,
    NetworkError,
    SessionClosed,
    StateError,
)
from distributor.machines.machine import MachineState
from distributor.machines.qemu.base import QemuBase
from distributor.machines.qemu.boot import BootLimits, boot, boot_error
from distributor.machines.qemu.command import MachineSpec
from distributor.machines.qemu.cores import Cores, Loan
from distributor.machines.qemu.instance import Instance, launch
from distributor.machines.qemu.template import Template
from distributor.network.line import Line, Network, Streams
from distributor.session.result import MachineFacts

_CONNECT_S = 60.0
#: The wire's AVAILABLE (docs/protocol.md), which the loader answers with itself.
_AVAILABLE = struct.pack("<I", 0x000AAAAA)


class QemuMachine(QemuBase):
    """Implements :class:`~distributor.machines.machine.ReachableMachine`.

    :param prepare: gives, when the machine starts, the template that it goes on from, or
        what it boots if there is to be none.
    :param console: the file that keeps what the machine prints; asked for when it starts.
    :param holds: the files that are in its image, by their names on the wire.
    :param network: gives it its line when it starts.
    :param cores: of the host, from which its processors get their own; None where it does not
        matter on which they run.
    """

    def __init__(
        self,
        machine_id: str,
        prepare: Callable[[], Awaitable[Template | MachineSpec]],
        console: Callable[[], Path],
        facts: MachineFacts,
        holds: Mapping[str, Path],
        limits: BootLimits,
        network: Network,
        cores: Cores | None = None,
    ) -> None:
        super().__init__(machine_id, console, facts, holds)
        self._prepare = prepare
        self._limits = limits
        self._network = network
        self._cores = cores
        self._loan: Loan | None = None
        self._threads: tuple[int, ...] = ()
        self._instance: Instance | None = None
        self._line: Line | None = None
        #: The connection on which the loader first answered, until somebody asks for one.
        self._greeted: Streams | None = None

    @property
    def instance(self) -> Instance | None:
        return self._instance

    @property
    def address(self) -> str | None:
        """Where its loader is reached, ``10.200.45.3:3001``; None while it is not up."""
        return str(self._line) if self._state in (MachineState.READY, MachineState.PAUSED) else None

    @property
    def threads(self) -> tuple[int, ...]:
        """See :class:`~distributor.machines.machine.HostedMachine`."""
        return self._threads

    @property
    def state(self) -> MachineState:
        if self._state is not MachineState.STOPPING and self._death() is not None:
            return MachineState.DEAD
        return self._state

    # -- up ------------------------------------------------------------------------------

    async def start(self) -> None:
        """Bring the machine up until its loader answers.

        :raise LaunchError: QEMU did not come up.
        :raise BootError: the loader did not answer within the limits.
        :raise GuestFault: the guest gave up while it booted.
        :raise MachineLost: QEMU was killed meanwhile, or its line broke.
        :raise NetworkError: there is no line to be had.
        """
        self._begin()
        # First: where it cannot be had, nobody wants to wait for a template.
        self._line = line = await self._network.line(self._id)
        origin = await self._prepare()
        if isinstance(origin, Template):
            self._take_facts(origin.spec)
            instance = await origin.serve(self._id, self._console(), self._own, line)
        else:
            self._take_facts(origin)
            spec = dataclasses.replace(origin, network=line)
            instance = await launch(spec, self._console(), self._own)
        line.watch(instance.cut_off)
        await boot(instance, self._greet(instance), self._limits)
        self._threads = await instance.monitor.threads()
        if self._cores is not None:
            self._loan = self._cores.lend(self._id, self._threads)
        self._state = MachineState.READY

    def _take_facts(self, spec: MachineSpec) -> None:
        self._facts = dataclasses.replace(self._facts, accelerator=spec.accelerator.value)

    def _own(self, instance: Instance) -> None:
        self._instance = instance
        instance.console.hear = self.printed.feed

    async def _greet(self, instance: Instance) -> None:
        """Connect once the loader says that it listens, and have it answer."""
        await instance.console.ready.wait()
        await self._ask(instance)

    async def _ask(self, instance: Instance) -> None:
        """Connect, and have the loader answer."""
        reader, writer = await self._reach(instance)
        try:
            writer.write(_AVAILABLE)
            answer = await reader.readexactly(len(_AVAILABLE))
            if answer != _AVAILABLE:
                raise boot_error(instance, f"properly, but with {answer.hex()}")
        except BaseException:
            writer.close()
            raise
        self._greeted = reader, writer

    def enter(self, data: bytes) -> None:
        """See :class:`~distributor.machines.machine.EnteredMachine`."""
        if self._instance is not None:
            self._instance.console.enter(data)

    async def _reach(self, instance: Instance) -> Streams:
        assert self._line is not None, "it has a line before it has an instance"
        return await self._line.connect(instance.monitor.ask_human)

    # -- while it runs -------------------------------------------------------------------

    async def connect(self) -> Streams:
        """The first time, the connection on which the loader has just answered."""
        self._raise_if_dead()
        up = self._state in (MachineState.READY, MachineState.PAUSED)
        if not up or self._instance is None:
            raise MachineLost(f"machine {self._id} is {self._state}")
        greeted, self._greeted = self._greeted, None
        if greeted is not None:
            return greeted
        try:
            async with asyncio.timeout(_CONNECT_S):
                return await self._reach(self._instance)
        except (OSError, TimeoutError, NetworkError) as error:
            self._raise_if_dead()
            raise SessionClosed(
                f"machine {self._id} cannot be reached on {self._line}: "
                f"{str(error) or 'time is up'}"
            ) from error

    async def pause(self) -> None:
        """Stop its processors.

        :raise QMPError: QEMU does not do it.
        """
        if self._state is MachineState.READY and self._instance is not None:
            await self._instance.monitor.ask("stop")
            self._state = MachineState.PAUSED

    async def resume(self) -> None:
        """Let its processors go on.

        :raise QMPError: QEMU does not do it.
        """
        if self._state is MachineState.PAUSED and self._instance is not None:
            await self._instance.monitor.ask("cont")
            self._state = MachineState.READY

    async def died(self) -> Exception:
        if self._instance is None:
            raise StateError(f"machine {self._id} has not been started")
        return await asyncio.shield(self._instance.death)

    def _death(self) -> MachineError | None:
        if self._instance is None or not self._instance.death.done():
            return None
        return self._instance.death.result()

    def _raise_if_dead(self) -> None:
        if (death := self._death()) is not None:
            raise death

    # -- down ----------------------------------------------------------------------------

    async def _end(self) -> None:
        if self._greeted is not None:
            self._greeted[1].close()
            self._greeted = None
        if self._instance is not None:
            await self._instance.end()
        if self._line is not None:
            self._line.close()
        if self._loan is not None:
            self._loan.end()
