"""What every QEMU machine has, reached or sealed: a name, facts, one QEMU at a time, an end."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path

from distributor.errors import StateError
from distributor.machines.machine import MachineState
from distributor.machines.printed import Printed
from distributor.machines.qemu.command import work_per_guest_s
from distributor.machines.qemu.instance import Instance, complete
from distributor.session.result import MachineFacts


class QemuBase(ABC):
    """The part of :class:`~distributor.machines.machine.Machine` that does not depend on
    how a task set reaches it.

    :param console: the file that keeps what the machine prints; asked for when it starts.
    :param holds: the files that are in its image, by their names on the wire.
    """

    def __init__(
        self,
        machine_id: str,
        console: Callable[[], Path],
        facts: MachineFacts,
        holds: Mapping[str, Path],
    ) -> None:
        self._id = machine_id
        self._holds = holds
        self._console = console
        self._facts = facts
        self._state = MachineState.CREATED
        self._ending: asyncio.Task[None] | None = None
        #: What it prints, whichever QEMU it is that runs.
        self.printed = Printed()

    @property
    def id(self) -> str:
        return self._id

    @property
    def state(self) -> MachineState:
        return self._state

    @property
    def facts(self) -> MachineFacts:
        return self._facts

    @property
    def holds(self) -> Mapping[str, Path]:
        return self._holds

    @property
    @abstractmethod
    def instance(self) -> Instance | None:
        """The QEMU that runs a set, or did so last; None before there is one."""

    @property
    def pid(self) -> int | None:
        """QEMU's process, None before there is one."""
        return None if self.instance is None else self.instance.process.pid

    @property
    def work_per_guest_s(self) -> float:
        return work_per_guest_s(0 if self.instance is None else self.instance.spec.shift)

    def work_s(self) -> float | None:
        return None if self.instance is None else self.instance.process.work_s()

    def console_tail(self, lines: int = 20) -> str:
        return "" if self.instance is None else self.instance.console.tail(lines)

    def _begin(self) -> None:
        if self._state is not MachineState.CREATED:
            raise StateError(f"machine {self._id} is {self._state}: it can be started once")
        self._state = MachineState.STARTING

    async def stop(self) -> None:
        """End the machine: `quit`, then signals, then reaped. Completes when cancelled."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._stop(), name=f"end of {self._id}")
        await complete(self._ending)

    async def _stop(self) -> None:
        self._state = MachineState.STOPPING
        await self._end()
        self.printed.end()
        self._state = MachineState.DEAD

    @abstractmethod
    async def _end(self) -> None:
        """End every QEMU of this machine, and what belongs to it. Not to be cancelled."""
