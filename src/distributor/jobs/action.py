"""What the queue decides, for the engine to do."""

from __future__ import annotations

from dataclasses import dataclass

from distributor.errors import DistributorError
from distributor.jobs.job import Job, Ticket


@dataclass(frozen=True, slots=True)
class Start:
    """Bring up a machine of this name."""

    machine: str


@dataclass(frozen=True, slots=True)
class Stop:
    """End this machine; at once, whatever it does, if ``hard``."""

    machine: str
    hard: bool


@dataclass(frozen=True, slots=True)
class Run:
    """Have this machine, which is idle, run this set."""

    machine: str
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Check:
    """Have this machine, which is idle, run the canary."""

    machine: str


@dataclass(frozen=True, slots=True)
class PutBack:
    """The set is in the queue again; tell who watches."""

    machine: str
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The set is undecided for good, for this reason; tell who watches."""

    machine: str
    ticket: Ticket
    error: DistributorError


@dataclass(frozen=True, slots=True)
class JobDone:
    """Every set of this job has its verdict."""

    job: Job


Action = Start | Stop | Run | Check | PutBack | GiveUp | JobDone
