"""What became of a task set: its jobs, and the verdict they add up to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from distributor.session.event import EventType
from distributor.session.switch import Switch, Trace


class Clock(StrEnum):
    """What a machine's nanoseconds count; every record names it."""

    #: Instructions executed by the emulated processor (QEMU icount).
    VIRTUAL = "virtual"
    #: The host's time.
    REAL = "real"
    #: Nanoseconds of a simulation: nothing was executed.
    SIMULATED = "simulated"


class Verdict(StrEnum):
    """Whether a task set holds its deadlines."""

    #: Every job ended by itself, with 0, within its deadline.
    SCHEDULABLE = "schedulable"
    #: A deadline was missed, or a job was killed for time.
    MISSED = "missed"
    #: A job ended in error or ran out of what it was granted.
    FAILED = "failed"
    #: No machine could finish the set.
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class TaskJob:
    """One run of one task (a *job* of real-time theory).

    All times are nanoseconds after the set's time zero. ``release_ns`` is None where
    the loader did not say (a plain loader).
    """

    task_id: int
    #: Index among the jobs of its task, from 0.
    index: int
    release_ns: int | None
    start_ns: int
    completion_ns: int
    outcome: EventType
    exit_value: int | None
    #: Relative deadline that the job was judged by.
    deadline_ns: int

    @property
    def response_ns(self) -> int:
        """Completion minus release (minus start, where the release is not known)."""
        return self.completion_ns - (self.start_ns if self.release_ns is None else self.release_ns)

    @property
    def start_latency_ns(self) -> int | None:
        """Start minus release."""
        return None if self.release_ns is None else self.start_ns - self.release_ns

    @property
    def lateness_ns(self) -> int:
        """Response time minus relative deadline; negative when early."""
        return self.response_ns - self.deadline_ns

    @property
    def tardiness_ns(self) -> int:
        """How late the job was; 0 when it was in time."""
        return max(0, self.lateness_ns)

    @property
    def met(self) -> bool:
        """Whether it ended by itself, with 0, within its deadline."""
        return self.outcome is EventType.EXIT and self.lateness_ns <= 0


def digest(jobs: Iterable[TaskJob]) -> str:
    """Fingerprint of a run: equal where every job of every task was the same to the
    nanosecond, in what it did and how it ended; "" for no job.

    SHA-256 over one line of numbers for each job, its first 32 hexadecimal digits.
    """
    lines = [
        f"{job.task_id} {job.index} {job.release_ns} {job.start_ns} {job.completion_ns} "
        f"{job.outcome} {job.exit_value}\n"
        for job in jobs
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:32] if lines else ""


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """What a result was made on; empty strings where a foreign machine does not say."""

    machine: str
    clock: Clock
    kernel: str = ""
    loader: str = ""
    qemu: str = ""
    accelerator: str = ""
    #: Debian's name of its processors' architecture.
    architecture: str = ""


@dataclass(frozen=True, slots=True)
class Noise:
    """That the host disturbed a run in real time, and what shows it.

    What this host could not tell is None. The thresholds are those of
    :mod:`distributor.machines.noise`.
    """

    #: What was beyond its threshold, at least one sentence.
    reasons: tuple[str, ...]
    #: How long the host was observed.
    took_s: float
    #: How late the loader's canary woke up at most.
    late_ns: int | None = None
    #: How long a processor of the machine waited for a core of the host, the greatest.
    waited_s: float | None = None
    #: How much of one of the host's cores was taken by a hypervisor below, the greatest.
    stolen_s: float | None = None
    #: Share of the time in which some process of the host waited for a core.
    pressure: float | None = None

    def __str__(self) -> str:
        return ", ".join(self.reasons)


@dataclass(frozen=True, slots=True)
class Result:
    """A finished (or given up) task set.

    ``jobs`` are ordered by task, then index.
    """

    verdict: Verdict
    #: One sentence: which task's which job decided it, or why nothing could.
    reason: str
    jobs: tuple[TaskJob, ...] = ()
    facts: MachineFacts | None = None
    #: Guest time from time zero to the last completion.
    guest_ns: int = 0
    #: Host time from assignment to the last event.
    host_s: float = 0.0
    #: Last lines of the machine's console, for an undecided set.
    console: str = ""
    #: Machines that took it on, in order, this one included.
    machines: tuple[str, ...] = field(default=())
    #: Who ran on which processor, by processor and time, where that was asked for.
    switches: tuple[Switch, ...] = ()
    #: Whether the switches are all there; None where none were asked for.
    trace: Trace | None = None
    #: What disturbed the run, real clock alone; None if nothing did.
    noise: Noise | None = None

    @property
    def digest(self) -> str:
        """See :func:`digest`; the same for each run of a set on a sealed machine."""
        return digest(self.jobs)
