"""What every machine of ours has: a name, facts, one life from its start to its end."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

from distributor.errors import StateError
from distributor.machines.machine import MachineState
from distributor.session.result import MachineFacts


class MachineBase(ABC):
    """The part of :class:`~distributor.machines.machine.Machine` that does not depend on
    what the machine is."""

    def __init__(self, machine_id: str, facts: MachineFacts) -> None:
        self._id = machine_id
        self._facts = facts
        self._state = MachineState.CREATED
        self._ending: asyncio.Task[None] | None = None

    @property
    def id(self) -> str:
        return self._id

    @property
    def state(self) -> MachineState:
        return self._state

    @property
    def facts(self) -> MachineFacts:
        return self._facts

    def _begin(self) -> None:
        if self._state is not MachineState.CREATED:
            raise StateError(f"machine {self._id} is {self._state}: it can be started once")
        self._state = MachineState.STARTING

    async def stop(self) -> None:
        """End the machine: softly, then hard, then reaped. Completes when cancelled."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._stop(), name=f"end of {self._id}")
        await complete(self._ending)

    async def _stop(self) -> None:
        self._state = MachineState.STOPPING
        await self._end()
        self._state = MachineState.DEAD

    @abstractmethod
    async def _end(self) -> None:
        """End all that belongs to this machine. Not to be cancelled."""


async def complete(ending: asyncio.Task[None]) -> None:
    """Wait for a task whatever happens; a cancellation meanwhile is raised afterwards."""
    cancelled: asyncio.CancelledError | None = None
    while not ending.done():
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError as error:
            cancelled = error
    ending.result()
    if cancelled is not None:
        raise cancelled
