"""A machine without QEMU: the fake loader of loader.py, with a life and a death."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from distributor.errors import LaunchError, MachineLost
from distributor.machines.machine import MachineState
from distributor.session.result import Clock, MachineFacts
from tests.fakes.loader import ExtendedLoader, PlainLoader


class FakeMachine:
    """Passes the contract of :class:`distributor.Machine`."""

    def __init__(self, machine_id: str, loader: PlainLoader, *, launches: bool = True) -> None:
        self._id = machine_id
        self.loader = loader
        self.launches = launches
        self._state = MachineState.CREATED
        self._port = 0
        self._death: asyncio.Future[Exception] | None = None
        self.paused = 0
        self.work: float | None = 0.0

    @property
    def id(self) -> str:
        return self._id

    @property
    def state(self) -> MachineState:
        return self._state

    @property
    def facts(self) -> MachineFacts:
        return MachineFacts(machine=self._id, clock=Clock.VIRTUAL, qemu="none", accelerator="none")

    @property
    def holds(self) -> dict[str, Path]:
        return {}

    @property
    def work_per_guest_s(self) -> float:
        return 1.0

    async def start(self) -> None:
        self._state = MachineState.STARTING
        self._death = asyncio.get_running_loop().create_future()
        await asyncio.sleep(0)
        if not self.launches:
            raise LaunchError(f"{self._id} did not start", console="no bootable device")
        self._port = await self.loader.start()
        self._state = MachineState.READY

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._state in (MachineState.STOPPING, MachineState.DEAD):
            raise MachineLost(f"{self._id} is gone")
        return await asyncio.open_connection("127.0.0.1", self._port)

    async def pause(self) -> None:
        self.paused += 1
        self._state = MachineState.PAUSED

    async def resume(self) -> None:
        self._state = MachineState.READY

    async def died(self) -> Exception:
        assert self._death is not None
        return await asyncio.shield(self._death)

    def die(self, error: Exception | None = None) -> None:
        """As if its process had been killed."""
        assert self._death is not None
        if not self._death.done():
            self._death.set_result(error or MachineLost(f"{self._id} was killed", exit_code=-9))
        self._state = MachineState.DEAD
        self.loader.hang_up()

    def work_s(self) -> float | None:
        return self.work

    def console_tail(self, lines: int = 20) -> str:
        return "last words"

    async def stop(self) -> None:
        self._state = MachineState.DEAD
        await self.loader.stop()


class FakeKind:
    """Makes fake machines, and remembers them."""

    def __init__(
        self,
        make_loader: Callable[[], PlainLoader] = ExtendedLoader,
        launches: Callable[[str], bool] = lambda machine_id: True,
    ) -> None:
        self.made: dict[str, FakeMachine] = {}
        self.closed = False
        self._make_loader = make_loader
        self._launches = launches

    def create(self, machine_id: str) -> FakeMachine:
        machine = FakeMachine(machine_id, self._make_loader(), launches=self._launches(machine_id))
        self.made[machine_id] = machine
        return machine

    def close(self) -> None:
        self.closed = True
