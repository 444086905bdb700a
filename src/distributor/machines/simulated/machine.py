"""A machine without a guest: a process of ours that computes what a set would do."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Sequence

from distributor.errors import GuestFault, LaunchError, MachineError, MachineLost, StateError
from distributor.machines.base import MachineBase
from distributor.machines.machine import MachineState, Simulation
from distributor.machines.process import Process, spawn
from distributor.machines.simulated.description import described, events, switches_of
from distributor.machines.simulated.worker import HEAD, decode_jobs, encode_set
from distributor.session.result import MachineFacts
from distributor.tasks.taskset import TaskSet


class SimsoMachine(MachineBase):
    """Implements :class:`~distributor.machines.machine.SimulatedMachine`, with simso.

    :param command: starts its process; the number of its socket is added.
    :param cpus: its processors.
    """

    def __init__(self, machine_id: str, command: Sequence[str], cpus: int, facts: MachineFacts):
        super().__init__(machine_id, facts)
        self._command = tuple(command)
        self._cpus = cpus
        self._process: Process | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    @property
    def pid(self) -> int | None:
        """Its process, None before there is one."""
        return None if self._process is None else self._process.pid

    @property
    def work_per_guest_s(self) -> float:
        """What a second costs depends on its jobs alone."""
        return 0.0

    def work_s(self) -> float | None:
        return None if self._process is None else self._process.work_s()

    def console_tail(self, lines: int = 20) -> str:
        return "" if self._process is None else self._process.complaint()

    async def start(self) -> None:
        """Start its process.

        :raise LaunchError: it cannot be started, or ended at once.
        :raise MachineLost: it was killed meanwhile.
        """
        self._begin()
        ours, its = socket.socketpair()
        try:
            with its:
                command = (*self._command, str(its.fileno()))
                self._process = await spawn(command, (its.fileno(),))
            self._reader, self._writer = await asyncio.open_connection(sock=ours)
        except BaseException:
            ours.close()
            raise
        try:
            await self._answer()
        except GuestFault as fault:
            raise LaunchError(
                fault.message,
                command=fault.command,
                exit_code=fault.exit_code,
                console=fault.console,
            ) from None
        self._state = MachineState.READY

    async def simulate(self, taskset: TaskSet, switches: int = 0) -> Simulation:
        """See :class:`~distributor.machines.machine.SimulatedMachine`."""
        if self._reader is None or self._writer is None:
            raise StateError(f"machine {self._id} is {self._state}: it is started first")
        self._writer.write(encode_set(described(taskset, self._cpus), self._cpus))
        # What the process cannot take any more, its end tells.
        with contextlib.suppress(OSError):
            await self._writer.drain()
        jobs = decode_jobs(await self._answer())
        if not switches:
            return Simulation(events(jobs))
        return Simulation(events(jobs), *switches_of(jobs, switches))

    async def _answer(self) -> bytes:
        """The next message of its process."""
        assert self._reader is not None
        try:
            (size,) = HEAD.unpack(await self._reader.readexactly(HEAD.size))
            return await self._reader.readexactly(size)
        except (asyncio.IncompleteReadError, OSError):
            raise await self.died() from None

    async def pause(self) -> None:
        """Nothing to do: a process that waits costs nothing."""

    async def resume(self) -> None:
        """Nothing to do."""

    async def died(self) -> MachineError:
        assert self._process is not None, "a machine is started first"
        code = await self._process.wait()
        said = self._process.complaint()
        kind = MachineLost if code < 0 else GuestFault
        return kind(
            f"the process of machine {self._id} ended with {code}" + (f": {said}" if said else ""),
            command=self._process.command,
            exit_code=code,
            console=said,
        )

    async def _end(self) -> None:
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()
        if self._process is not None:
            await self._process.end()
