"""The tasks of real-time theory: numbers alone, in whole nanoseconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Protocol

from distributor.tasks.task import EDF, Overrun


class AnalysedTask(Protocol):
    """What theory reads of a task; a Task has it, and a store's record of one."""

    @property
    def name(self) -> str: ...
    @property
    def priority(self) -> int: ...
    @property
    def period_ns(self) -> int: ...
    @property
    def deadline_ns(self) -> int: ...
    @property
    def offset_ns(self) -> int: ...
    @property
    def wcet_ns(self) -> int | None: ...
    @property
    def cores(self) -> int | None: ...
    @property
    def coreoffset(self) -> int: ...
    @property
    def overrun(self) -> str: ...


@dataclass(frozen=True, slots=True)
class TheoryTask:
    """A periodic task, preemptive and independent of the others.

    :param wcet_ns: worst-case execution time of a job.
    :param deadline_ns: relative; may be longer than the period.
    :param offset_ns: of the first release.
    :param priority: 0 (highest) to 127; 128 is earliest deadline first, above all others.
    :param processor: the one it is bound to; None where it may move.
    :param place: its place in its set.
    :param name: what a verdict calls it.
    """

    wcet_ns: int
    period_ns: int
    deadline_ns: int
    offset_ns: int = 0
    priority: int = EDF
    processor: int | None = 0
    place: int = 0
    name: str = ""

    @property
    def utilization(self) -> Fraction:
        """WCET over period."""
        return Fraction(self.wcet_ns, self.period_ns)

    @property
    def edf(self) -> bool:
        """Whether it is scheduled by its deadline."""
        return self.priority == EDF

    def __str__(self) -> str:
        return f"task {self.place} ({self.name})" if self.name else f"task {self.place}"


@dataclass(frozen=True, slots=True)
class Costs:
    """What the machine itself adds; both 0 is the textbook's machine.

    :param release_ns: processor time above every task that each job takes, whoever's job
        it is: the timer's interrupt and the loader, at its release and at its end.
    :param preemption_ns: what a job takes beside its WCET at its own level: the switch to
        it, and the switch back to what it preempted.
    """

    release_ns: int = 0
    preemption_ns: int = 0

    def __bool__(self) -> bool:
        return self.release_ns > 0 or self.preemption_ns > 0

    def of(self, tasks: Sequence[TheoryTask]) -> list[TheoryTask]:
        """The tasks, each job with what it costs."""
        more_ns = self.release_ns + self.preemption_ns
        return [replace(task, wcet_ns=task.wcet_ns + more_ns) for task in tasks]


#: The textbook's machine.
FREE = Costs()


class NotAnalysable(Exception):
    """Theory has no answer for a set; the text says why."""


def model(tasks: Sequence[AnalysedTask], cpus: int | None = None) -> list[TheoryTask]:
    """The tasks of a set as theory sees them.

    With ``overrun`` kill or skip, a job that is still running at its task's next release
    costs a job: the deadline that counts is the period, where it is the shorter one.

    :param cpus: processors of the machine; None for as many as the tasks' placement names.
    :raise NotAnalysable: a task has no WCET, or no place on such a machine.
    """
    if cpus is None:
        cpus = max((task.coreoffset + (task.cores or 1) for task in tasks), default=1)
    modelled = []
    for place, task in enumerate(tasks):
        if task.wcet_ns is None:
            raise NotAnalysable(
                f"task {place} ({task.name}) has no known WCET: give it an executiontime"
            )
        waits = task.overrun == Overrun.LATE
        modelled.append(
            TheoryTask(
                wcet_ns=task.wcet_ns,
                period_ns=task.period_ns,
                deadline_ns=task.deadline_ns if waits else min(task.deadline_ns, task.period_ns),
                offset_ns=task.offset_ns,
                priority=task.priority,
                processor=_processor(place, task, cpus),
                place=place,
                name=task.name,
            )
        )
    return modelled


def _processor(place: int, task: AnalysedTask, cpus: int) -> int | None:
    """As the loader places it: from ``coreoffset`` on, to the last one if ``cores`` is unset."""
    behind = cpus if task.cores is None else task.coreoffset + task.cores
    if task.coreoffset >= cpus or behind > cpus:
        raise NotAnalysable(
            f"task {place} ({task.name}) wants processors {task.coreoffset} to "
            f"{max(task.coreoffset, behind - 1)}, and the machine has {cpus}"
        )
    return task.coreoffset if behind - task.coreoffset == 1 else None


def total_utilization(tasks: Sequence[TheoryTask]) -> Fraction:
    """The sum of WCET over period."""
    return sum((task.utilization for task in tasks), Fraction(0))
