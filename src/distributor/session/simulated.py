"""The talk with a simulated machine: it is handed a set, and tells what would happen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from distributor.errors import ConfigurationError, WireError
from distributor.machines.machine import SimulatedMachine
from distributor.session.event import Event
from distributor.session.peer import Peer
from distributor.session.record import Record
from distributor.tasks.taskset import TaskSet


class SimulatedSession:
    """Hands sets to a machine that computes them; nothing is on a wire, and no binary is sent.

    There is no watchdog: a computation comes to its end, and a process that dies is told of.

    :param machine: ready, and owned by the caller.
    """

    def __init__(self, machine: SimulatedMachine) -> None:
        self._machine = machine
        self.peer = Peer(loader=machine.facts.loader)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def run(
        self,
        taskset: TaskSet,
        tell: Callable[[Sequence[Event]], None],
        goal: Mapping[str, Any] | None = None,
        switches: int = 0,
    ) -> Record:
        """As :meth:`~distributor.session.session.Session.run`.

        :raise ConfigurationError: the set cannot be simulated, or a goal is given.
        """
        if goal is not None:
            raise ConfigurationError("a simulated machine has no admission control")
        simulation = await self._machine.simulate(taskset, switches)
        record = Record(taskset, switches=switches)
        record.feed(simulation.events)
        record.feed_switches(simulation.switches, simulation.end)
        tell(simulation.events)
        if not record.done:
            raise WireError(f"{self._machine.id} was done before its task set was")
        return record
