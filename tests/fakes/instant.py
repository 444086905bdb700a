"""Machines of this process that decide every set in a moment, and compute nothing."""

from __future__ import annotations

import asyncio

from distributor.errors import MachineLost
from distributor.machines.machine import MachineState, Simulation
from distributor.session.event import Event, EventType
from distributor.session.result import Clock, MachineFacts
from distributor.tasks.taskset import TaskSet


class InstantKind:
    """Makes them.

    :param set_s: how long a machine is at a set.
    """

    def __init__(self, set_s: float = 0.02) -> None:
        self._set_s = set_s

    def create(self, machine_id: str) -> InstantMachine:
        return InstantMachine(machine_id, self._set_s)

    def close(self) -> None:
        pass


class InstantMachine:
    """Implements :class:`~distributor.machines.machine.SimulatedMachine`."""

    work_per_guest_s = 1.0

    def __init__(self, machine_id: str, set_s: float) -> None:
        self._set_s = set_s
        self.id = machine_id
        self.state = MachineState.CREATED
        self.facts = MachineFacts(machine=machine_id, clock=Clock.SIMULATED)

    async def start(self) -> None:
        self.state = MachineState.READY

    async def simulate(self, taskset: TaskSet, switches: int = 0) -> Simulation:
        await asyncio.sleep(self._set_s)
        return Simulation(
            [
                event
                for task_id, task in enumerate(taskset)
                for event in (
                    Event(EventType.START, task_id, task.offset_ns, 0, task.offset_ns, exact=True),
                    Event(
                        *(EventType.EXIT, task_id, task.offset_ns + 1, 0, task.offset_ns),
                        exit_value=0,
                        exact=True,
                    ),
                    Event(EventType.JOBS_DONE, task_id, task.offset_ns + 1, exact=True),
                )
            ]
        )

    async def pause(self) -> None:
        self.state = MachineState.PAUSED

    async def resume(self) -> None:
        self.state = MachineState.READY

    async def died(self) -> Exception:
        await asyncio.Event().wait()
        return MachineLost("never")

    def work_s(self) -> float | None:
        return 0.5

    def console_tail(self, lines: int = 20) -> str:
        return f"the console of {self.id}\nits last line"

    async def stop(self) -> None:
        self.state = MachineState.DEAD
