"""What the benchmarks on real machines share: a machine with an open session, and its sets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from distributor.machines.image import require_image
from distributor.machines.qemu import qemu_kind
from distributor.machines.qemu.machine import QemuMachine
from distributor.session.binary import Binaries, binary_finder
from distributor.session.record import Record
from distributor.session.result import Clock
from distributor.session.session import Session
from distributor.tasks.task import Task
from distributor.tasks.taskset import TaskSet

TIMEOUT_S = 40.0


class Bench:
    """A machine that is ready, and the talk with it."""

    def __init__(self, machine: QemuMachine, session: Session) -> None:
        self.machine = machine
        self._session = session

    async def run(self, taskset: TaskSet) -> Record:
        """Run one set to its end."""
        return await self._session.run(taskset, lambda _: None)

    async def work_s(self, taskset: TaskSet) -> float:
        """Processor seconds of QEMU's that a set takes, from its sending to its last event."""
        before_s = self.machine.work_s() or 0.0
        await self.run(taskset)
        return (self.machine.work_s() or 0.0) - before_s


@asynccontextmanager
async def bench(clock: Clock = Clock.VIRTUAL, name: str = "bench") -> AsyncIterator[Bench]:
    """One machine on the `user` network, started and stopped.

    :raise DistributorError: there is no image or no QEMU, or the machine does not come up.
    """
    kind = qemu_kind(clock=clock, network="user")
    machine = kind.create_reachable(name)
    find = binary_finder(require_image().tasks)
    try:
        await machine.start()
        async with Session(machine, binaries=Binaries(find), timeout_s=TIMEOUT_S) as session:
            yield Bench(machine, session)
    finally:
        await machine.stop()
        await asyncio.to_thread(kind.close)


def three_tasks(guest_s: float) -> TaskSet:
    """Periods of 5, 10 and 20 ms, 40 % load: 350 jobs a second."""
    return TaskSet(
        Task(
            "busy",
            arg1=burn_us,
            period_ms=period_ms,
            priority=place,
            numberofjobs=round(guest_s * 1000 / period_ms),
        )
        for place, (burn_us, period_ms) in enumerate(((1000, 5), (1000, 10), (2000, 20)))
    )
