"""Which set runs next, on which machine, and how many machines there are.

A pure state machine: every method is an event, every return value the list of actions
that follow from it. No I/O, no clock, no tasks; the engine does what the actions say.

A machine is in one of these states:

========  ===================  =========================================
state     it is                leaves by
========  ===================  =========================================
STARTING  coming up            ready → IDLE, lost → gone
IDLE      waiting for a set    Run → BUSY, Check → CHECKING, Stop → ENDING, lost → gone
BUSY      running a set        finished → IDLE or ENDING, lost → gone
CHECKING  running the canary   checked → IDLE or ENDING, lost → gone
ENDING    being stopped        lost → gone
========  ===================  =========================================

A BUSY machine that is one too many ends when its set has.

A set that comes back goes to the head of its job's line, if nobody but the user or the host
was the cause. One under which a machine was lost goes to the end of that line, so that sets
that kill machines do not keep the others waiting.

A machine has a health. It is good until there is a doubt: its last set was undecided though it
reported to the end, or :data:`DOUBT_AFTER` machines were lost under sets, one after the other.
Then it is unknown, and runs the canary, a set whose verdict is known, before any other. Passed,
the machine is good, and so is the host: it was the sets. Failed, the machine is bad, and replaced;
after :data:`SICK_MAX` in a row the queue gives up until resume, since a sick host would make set
after set undecided.

A job that is held gives no set; those of its sets that run go on. A cancelled one, too, gives
none any more: a set that runs is finished, and its verdict counts, since the machine would be
lost otherwise; one that comes back is dropped. It is done as soon as none of it runs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum

from distributor.errors import DistributorError, MachineError, StateError
from distributor.jobs.action import Action, Check, GiveUp, JobDone, PutBack, Run, Start, Stop
from distributor.jobs.job import Job, Ticket

#: Machines that may be lost under one set before it is given up as undecided. A set
#: that is only unlucky meets this once in a blue moon; one that kills its machines in
#: a way that looks like bad luck is stopped by it.
LOSSES_MAX = 10
#: Machines that may fail to start, one after the other, before the queue gives up. Those
#: that are lost while they start (``transient``) count to :data:`LOSSES_MAX` instead.
FAILED_STARTS_MAX = 3


#: Machines lost under sets, with no set finished in between, that put all in doubt: one is the
#: set's, or bad luck.
DOUBT_AFTER = 2
#: Machines that may fail the canary, one after the other, before the queue gives up.
SICK_MAX = 3


class QueueState(StrEnum):
    """What the queue is at."""

    #: Nothing to do.
    IDLE = "idle"
    #: Sets wait or run.
    RUNNING = "running"
    #: Held by shut_down_all_machines or kill_all_machines until resume.
    PAUSED = "paused"
    #: Machines cannot be started, or results not kept; see :attr:`Queue.error`.
    FAILED = "failed"


class Health(StrEnum):
    """Whether a machine can be believed."""

    GOOD = "good"
    #: In doubt until it has run the canary.
    UNKNOWN = "unknown"
    #: It failed the canary, and is about to be replaced.
    BAD = "bad"


class _Place(Enum):
    STARTING = 1
    IDLE = 2
    BUSY = 3
    CHECKING = 4
    ENDING = 5


@dataclass(slots=True)
class _Seat:
    place: _Place = _Place.STARTING
    ticket: Ticket | None = None
    health: Health = Health.GOOD


class Queue:
    """Jobs in order, machines up to a maximum.

    :param maximum: how many machines there may be at once, at least 1.
    :param set_tries: how many runs a set may spoil by its own doing.
    :param noisy_tries: how many times a set whose run the host disturbed is run again.
    """

    def __init__(self, maximum: int, set_tries: int, noisy_tries: int = 0) -> None:
        self._maximum = maximum
        self._set_tries = set_tries
        self._noisy_tries = noisy_tries
        self._jobs: deque[Job] = deque()
        self._seats: dict[str, _Seat] = {}
        self._paused = False
        self._failed_starts = self._lost_starts = 0
        # Machines lost under sets since one was finished; machines that failed the canary
        # since one passed.
        self._lost = self._sick = 0
        self._machines_made = 0
        #: Why the queue gave up, while it has.
        self.error: DistributorError | None = None

    # -- what it is at -----------------------------------------------------------------

    @property
    def maximum(self) -> int:
        """How many machines there may be at once."""
        return self._maximum

    @property
    def state(self) -> QueueState:
        """See :class:`QueueState`."""
        if self.error is not None:
            return QueueState.FAILED
        if self._paused:
            return QueueState.PAUSED
        return QueueState.RUNNING if self._jobs else QueueState.IDLE

    @property
    def machines(self) -> Sequence[str]:
        """Names of the machines that exist, in the order of their start."""
        return tuple(self._seats)

    def running(self, machine: str) -> Ticket | None:
        """The set that a machine has; None when it has none, or has had it taken away."""
        seat = self._seats.get(machine)
        return None if seat is None else seat.ticket

    def health(self, machine: str) -> Health:
        """Whether a machine can be believed; one that is gone cannot."""
        seat = self._seats.get(machine)
        return Health.BAD if seat is None else seat.health

    @property
    def done(self) -> bool:
        """Whether every set of every job has its verdict."""
        return not self._jobs

    # -- events from the user ----------------------------------------------------------

    def add(self, job: Job) -> list[Action]:
        """A job has come."""
        self._jobs.append(job)
        return self._settle()

    def cancel(self, job: Job) -> list[Action]:
        """No more sets of this job; those that run are finished.

        :raise StateError: it has ended already.
        """
        self._check(job, "cancelled")
        job.cancel()
        return self._end(job) + self._settle()

    def hold(self, job: Job) -> list[Action]:
        """No sets of this job until :meth:`release`; those that run go on. Idempotent.

        :raise StateError: it has ended already.
        """
        self._check(job, "held")
        job.held = True
        return self._settle()

    def release(self, job: Job) -> list[Action]:
        """Sets of this job are taken again. Idempotent.

        :raise StateError: it has ended already.
        """
        self._check(job, "released")
        job.held = False
        return self._settle()

    def set_maximum(self, maximum: int) -> list[Action]:
        """The maximum has changed; machines above it leave when their set has ended."""
        self._maximum = maximum
        return self._settle()

    def shut_down(self) -> list[Action]:
        """All machines leave when their set has ended; nothing starts until resume."""
        self._paused = True
        return self._settle()

    def kill_all(self) -> list[Action]:
        """All machines go at once, their sets come back; nothing starts until resume."""
        self._paused = True
        return self._kill_each()

    def fail(self, error: DistributorError) -> list[Action]:
        """All machines go at once, their sets come back; nothing starts until :meth:`recover`."""
        self.error = error
        return self._kill_each()

    def kill(self, machine: str) -> list[Action]:
        """This machine goes at once, its set comes back, and another machine takes its place.

        :raise StateError: there is no such machine.
        """
        self._seat(machine, *_Place)
        return self._kill(machine)

    def resume(self) -> list[Action]:
        """Go on after shut_down, kill_all or a failure."""
        self._paused = False
        return self.recover()

    def recover(self) -> list[Action]:
        """Go on after a failure; what is paused stays so."""
        self.error = None
        self._failed_starts = self._lost_starts = 0
        self._lost = self._sick = 0
        return self._settle()

    # -- events from machines ----------------------------------------------------------

    def ready(self, machine: str) -> list[Action]:
        """A machine has come up."""
        seat = self._seat(machine, _Place.STARTING, _Place.ENDING)
        if seat.place is _Place.STARTING:
            seat.place = _Place.IDLE
            self._failed_starts = self._lost_starts = 0
            if self._lost >= DOUBT_AFTER:
                seat.health = Health.UNKNOWN
        return self._settle()

    def checked(self, machine: str) -> list[Action]:
        """The canary on a machine ended as it has to; otherwise the machine is :meth:`lost`."""
        seat = self._seat(machine, _Place.CHECKING, _Place.ENDING)
        seat.health = Health.GOOD
        self._lost = self._sick = 0
        if seat.place is _Place.CHECKING:
            seat.place = _Place.IDLE
        return self._settle()

    def finished(self, machine: str, *, doubtful: bool = False) -> list[Action]:
        """The set on a machine has its verdict, and who watches has been told.

        :param doubtful: the verdict is none that the set can have come to by itself.
        """
        seat = self._seat(machine, _Place.BUSY, _Place.ENDING)
        actions: list[Action] = []
        if seat.ticket is not None:
            if doubtful:
                seat.health = Health.UNKNOWN
            else:
                self._lost = 0
            actions += self._decide(seat.ticket)
            actions += self._look(seat.ticket.job)
            seat.ticket = None
        if seat.place is _Place.BUSY:
            seat.place = _Place.IDLE
        return actions + self._settle()

    def disturbed(self, machine: str) -> list[Action]:
        """The set on a machine came to its end, but the host disturbed its run.

        It goes back, if it may be run again; without an action its result is to be kept.
        Either way the machine is then :meth:`finished`.
        """
        seat = self._seat(machine, _Place.BUSY, _Place.ENDING)
        if seat.ticket is None or seat.ticket.disturbed >= self._noisy_tries:
            return []
        seat.ticket.disturbed += 1
        return self._return(machine, seat)

    def lost(self, machine: str, error: DistributorError | None) -> list[Action]:
        """A machine is gone.

        :param error: why; None if it was stopped by us. Only ``error.transient`` is
            looked at: whether the set it ran pays with one of its tries.
        """
        seat = self._seat(machine, *_Place)
        actions: list[Action] = []
        if seat.place is _Place.STARTING and error is not None:
            self._failed_starts += not error.transient
            self._lost_starts += error.transient
            if self._failed_starts >= FAILED_STARTS_MAX or self._lost_starts >= LOSSES_MAX:
                self.error = error
        if seat.place is _Place.CHECKING and error is not None:
            seat.health = Health.BAD
            self._sick += 1
            if self._sick >= SICK_MAX:
                self.error = _sickness(error)
        if seat.ticket is not None and error is not None:
            self._lost += 1
        if seat.ticket is not None and error is not None and not error.transient:
            seat.ticket.tries += 1
            if seat.ticket.tries >= self._set_tries:
                actions += self._give_up(machine, seat, error)
        if seat.ticket is not None:
            actions += self._return(machine, seat, error)
        del self._seats[machine]
        return actions + self._settle()

    def refused(self, machine: str, error: DistributorError) -> list[Action]:
        """The set on a machine can be run nowhere; the machine is well."""
        seat = self._seat(machine, _Place.BUSY, _Place.ENDING)
        actions: list[Action] = []
        if seat.ticket is not None:
            actions += self._give_up(machine, seat, error)
        if seat.place is _Place.BUSY:
            seat.place = _Place.IDLE
        return actions + self._settle()

    def told(self, job: Job) -> list[Action]:
        """Who watches a job has been told that a set was given up."""
        return self._look(job) + self._settle()

    # -- inside ------------------------------------------------------------------------

    def _check(self, job: Job, verb: str) -> None:
        if job not in self._jobs or job.cancelled:
            raise StateError(f"job {job.number} is {job.state}: it cannot be {verb}")

    def _kill_each(self) -> list[Action]:
        return [action for machine in self._seats for action in self._kill(machine)]

    def _kill(self, machine: str) -> list[Action]:
        seat = self._seats[machine]
        if seat.place is _Place.ENDING:
            return []
        actions = self._return(machine, seat)
        seat.place = _Place.ENDING
        return [*actions, Stop(machine, hard=True)]

    def _seat(self, machine: str, *places: _Place) -> _Seat:
        seat = self._seats.get(machine)
        if seat is None or seat.place not in places:
            where = "gone" if seat is None else seat.place.name
            raise StateError(f"machine {machine} is {where}: it cannot report this")
        return seat

    def _give_up(self, machine: str, seat: _Seat, error: DistributorError) -> list[Action]:
        ticket, seat.ticket = seat.ticket, None
        assert ticket is not None
        return [GiveUp(machine, ticket, error), *self._decide(ticket)]

    def _return(
        self, machine: str, seat: _Seat, error: DistributorError | None = None
    ) -> list[Action]:
        ticket = seat.ticket
        if ticket is None:
            return []
        if error is not None and error.transient:
            ticket.losses += 1
            if ticket.losses >= LOSSES_MAX:
                return self._give_up(machine, seat, error)
        seat.ticket = None
        ticket.job.put_back(ticket, last=error is not None)
        return [PutBack(machine, ticket), *self._end(ticket.job)]

    def _decide(self, ticket: Ticket) -> list[Action]:
        ticket.job.decide()
        return self._end(ticket.job)

    def _look(self, job: Job) -> list[Action]:
        """A source that had no set yet may have one now, or none any more."""
        job.look()
        return self._end(job)

    def _end(self, job: Job) -> list[Action]:
        if not job.done or job not in self._jobs:
            return []
        self._jobs.remove(job)
        return [JobDone(job)]

    def _next(self) -> Ticket | None:
        """From the jobs in their order."""
        for job in self._jobs:
            ticket = job.take()
            if ticket is not None:
                return ticket
        return None

    def _waiting(self) -> int:
        """Sets that wait, counted only as far as another machine could matter."""
        count = 0
        for job in self._jobs:
            count += self._maximum if job.left is None else job.left
            if count >= self._maximum:
                break
        return min(count, self._maximum)

    def _settle(self) -> list[Action]:
        """Bring machines and sets together, and the number of machines to what it should be."""
        halted = self._paused or self.error is not None
        maximum = 0 if halted else self._maximum
        present = [name for name, seat in self._seats.items() if seat.place is not _Place.ENDING]
        # Those that work stay before those that do not; sorting keeps the order of start.
        present.sort(key=lambda name: self._seats[name].place is not _Place.BUSY)
        actions: list[Action] = []
        for name in present[maximum:]:
            seat = self._seats[name]
            if seat.place is not _Place.BUSY:
                actions.append(Stop(name, hard=seat.place is _Place.STARTING))
                seat.place = _Place.ENDING
        for name in present[:maximum]:
            seat = self._seats[name]
            if seat.place is _Place.IDLE and seat.health is not Health.GOOD:
                if self._waiting():
                    seat.place = _Place.CHECKING
                    actions.append(Check(name))
            elif seat.place is _Place.IDLE and (ticket := self._next()) is not None:
                seat.place, seat.ticket = _Place.BUSY, ticket
                ticket.machines.append(name)
                actions.append(Run(name, ticket))
        # Every seat counts here, ENDING ones too: they still use the host.
        room = maximum - len(self._seats)
        # Those that take a set as soon as they can.
        coming = (_Place.STARTING, _Place.CHECKING)
        starting = sum(seat.place in coming for seat in self._seats.values())
        for _ in range(min(room, self._waiting() - starting)):
            self._machines_made += 1
            name = f"m{self._machines_made}"
            self._seats[name] = _Seat()
            actions.append(Start(name))
        return actions


def _sickness(error: DistributorError) -> MachineError:
    return MachineError(
        f"{SICK_MAX} machines in a row failed a task set whose verdict is known; the last one: "
        f"{error.message}",
        hint="`distributor doctor` looks at this host; what has no verdict is kept",
        console=error.console if isinstance(error, MachineError) else "",
    )
