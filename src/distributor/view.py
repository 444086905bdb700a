"""What is told of jobs and machines to who asks from outside the engine's loop."""

from __future__ import annotations

from dataclasses import dataclass

from distributor.jobs.job import JobState
from distributor.jobs.queue import Health
from distributor.machines.machine import MachineState


@dataclass(frozen=True, slots=True)
class MachineView:
    """A machine as it was when asked for."""

    id: str
    state: MachineState
    #: Job number and index of the set that it runs; None when it runs none.
    running: tuple[int, int] | None
    health: Health = Health.GOOD


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as it was when asked for."""

    number: int
    #: Sets that have their verdict.
    decided: int
    #: Sets in all; None while the end of its source is not in sight.
    total: int | None
    done: bool
    state: JobState
