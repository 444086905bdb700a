"""The Machine interface: a place that runs one task set at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from distributor.errors import DistributorError
from distributor.machines.printed import Printed
from distributor.session.event import Event
from distributor.session.result import MachineFacts
from distributor.session.rules import Rules
from distributor.session.switch import Switch, TraceEnd
from distributor.tasks.taskset import TaskSet


class MachineState(StrEnum):
    """Where a machine is in its life; it only ever moves downwards in this list,
    except between READY and PAUSED."""

    CREATED = "created"
    STARTING = "starting"
    READY = "ready"
    PAUSED = "paused"
    STOPPING = "stopping"
    DEAD = "dead"


class Machine(Protocol):
    """A place that runs task sets, one at a time.

    Owned by one task from :meth:`start` to :meth:`stop`, which must be called on every
    path, however far the start came. No method may be called twice at once.
    """

    @property
    def id(self) -> str:
        """Short name, unique in its fleet (``m3``)."""
        ...

    @property
    def state(self) -> MachineState: ...

    @property
    def facts(self) -> MachineFacts:
        """What it is; complete once it is READY (kernel and loader come from the session)."""
        ...

    async def start(self) -> None:
        """Bring the machine up until it can be given a task set.

        :raise LaunchError: its process did not come up.
        :raise BootError: its loader did not answer in time.
        :raise GuestFault: the guest gave up while it booted.
        """
        ...

    async def pause(self) -> None:
        """Make an idle machine cost nothing; a no-op where that cannot be done."""
        ...

    async def resume(self) -> None:
        """Undo :meth:`pause`."""
        ...

    async def died(self) -> Exception:
        """Wait until the machine is dead and say why (MachineLost or GuestFault).

        Cancelled by the owner when it is no longer of interest. Never returns
        for a machine that was stopped by :meth:`stop`.
        """
        ...

    def work_s(self) -> float | None:
        """Host processor seconds that the machine has used, None where unknown.

        The watchdog measures progress in them, so that a busy host costs no machine
        its life.
        """
        ...

    @property
    def work_per_guest_s(self) -> float:
        """At most how many host processor seconds one guest second costs; matters to
        the virtual clock alone."""
        ...

    def console_tail(self, lines: int = 20) -> str:
        """The last lines that the machine printed, cleaned of control characters."""
        ...

    async def stop(self) -> None:
        """End the machine: softly, then hard, then reaped. Idempotent; never raises
        for a machine that is dead already; completes even when cancelled."""
        ...


@runtime_checkable
class ReachableMachine(Machine, Protocol):
    """A machine whose loader is talked with over a connection."""

    @property
    def holds(self) -> Mapping[str, Path]:
        """The files whose content it has from its start, by their names on the wire."""
        ...

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection to the loader; the caller closes it.

        :raise MachineLost: the machine is gone.
        :raise SessionClosed: nobody answers.
        """
        ...


@runtime_checkable
class PrintingMachine(Machine, Protocol):
    """A machine whose console can be followed."""

    @property
    def printed(self) -> Printed: ...


@runtime_checkable
class EnteredMachine(Machine, Protocol):
    """A machine whose console takes what is typed.

    A sealed one does not: an interrupt that no other run has would make its run another one.
    """

    def enter(self, data: bytes) -> None:
        """Hand it what was typed. Never waits: what it does not take at once is lost."""
        ...


@runtime_checkable
class RuledMachine(Machine, Protocol):
    """A machine whose loader has rules that differ from ours."""

    @property
    def rules(self) -> Rules: ...


@runtime_checkable
class HostedMachine(Machine, Protocol):
    """A machine whose processors are threads of this host."""

    @property
    def threads(self) -> tuple[int, ...]:
        """Thread ids, one a processor; empty while it does not run."""
        ...


@runtime_checkable
class SealedMachine(Machine, Protocol):
    """A machine that is told everything at once, and then runs with nothing around it."""

    @property
    def holds(self) -> Mapping[str, Path]:
        """The files whose content it has from its start, by their names on the wire."""
        ...

    async def exchange(self, said: bytes, answer_max: int) -> bytes:
        """Begin from the same state each time, take in what is said to the loader, and
        return what it said by the time that it was done, which is at most so many bytes.

        :raise MachineLost: the machine is gone.
        :raise GuestFault: its guest gave up.
        :raise WireError: the loader refused what was said.
        :raise ConfigurationError: it is more than the machine takes.
        """
        ...


@runtime_checkable
class RestartableMachine(Machine, Protocol):
    """A machine that outlives its :meth:`stop`, and may have to be restarted after a fault."""

    def suspect(self, error: DistributorError) -> None:
        """Told before :meth:`stop` why its owner gives it up."""
        ...


class Simulation(NamedTuple):
    """What a machine computed of a set.

    :param events: of all jobs, in their order, to the end of each task.
    :param switches: of the processors, each one's in their order.
    :param end: whether those are all; None where none were asked for.
    """

    events: Sequence[Event]
    switches: Sequence[Switch] = ()
    end: TraceEnd | None = None


@runtime_checkable
class SimulatedMachine(Machine, Protocol):
    """A machine that executes nothing: it computes what a set would do."""

    async def simulate(self, taskset: TaskSet, switches: int = 0) -> Simulation:
        """What the set would do.

        :param switches: how many switches of the processors to tell, at most.
        :raise MachineLost: the machine is gone.
        :raise ConfigurationError: the set has something that is not simulated.
        """
        ...


class MachineKind(Protocol):
    """Makes machines of one kind."""

    def create(self, machine_id: str) -> Machine:
        """A machine in state CREATED; costs nothing until it is started."""
        ...

    def close(self) -> None:
        """Give back what its machines shared; called by the distributor that used it,
        when all of them are stopped. A later :meth:`create` makes it anew."""
        ...


@runtime_checkable
class CountedKind(MachineKind, Protocol):
    """A kind of which there may be only so many machines at once."""

    def check_number(self, machines: int) -> None:
        """:raise ConfigurationError: so many at once are more than there can be."""
        ...


@runtime_checkable
class BoundedKind(CountedKind, Protocol):
    """A kind of which there are only so many machines."""

    @property
    def machines_max(self) -> int:
        """How many there are."""
        ...
