"""Between a task set and what is simulated of it, there and back."""

from __future__ import annotations

from collections.abc import Sequence

from distributor.errors import ConfigurationError
from distributor.machines.simulated.schedule import SimulatedJob, SimulatedTask
from distributor.session.event import Event, EventType
from distributor.session.switch import Occupant, Switch, Trace, TraceEnd
from distributor.tasks.task import Task
from distributor.tasks.taskset import TaskSet

#: Jobs of one set: simso keeps each with all that befell it, some 8 KiB.
JOBS_MAX = 200_000
#: Nanoseconds that a float holds exactly, 104 days: simso computes some moments so.
TIME_MAX_NS = 2**53
#: As the loader tells of a job that it killed: 128 + SIGKILL.
_KILLED = 137


def described(taskset: TaskSet, cpus: int) -> list[SimulatedTask]:
    """A set's tasks in numbers.

    :raise ConfigurationError: something of it cannot be simulated; the text says what.
    """
    if taskset.jobs > JOBS_MAX:
        raise ConfigurationError(
            f"the set has {taskset.jobs} jobs, and a simulation takes {JOBS_MAX} at most"
        )
    tasks = [_described(place, task, cpus) for place, task in enumerate(taskset)]
    work_ns = sum(task.wcet_ns * task.numberofjobs for task in tasks)
    if taskset.horizon_ns + work_ns > TIME_MAX_NS:
        raise ConfigurationError("the set takes more than 104 days, the most that is simulated")
    return tasks


def _described(place: int, task: Task, cpus: int) -> SimulatedTask:
    if task.wcet_ns is None:
        raise ConfigurationError(
            f"task {place} ({task.name}) has no known WCET, which a simulation needs",
            hint="give it an executiontime, or take busy",
        )
    behind = cpus if task.cores is None else task.coreoffset + task.cores
    if task.coreoffset >= cpus or behind > cpus:
        raise ConfigurationError(
            f"task {place} ({task.name}) wants processors {task.coreoffset} to "
            f"{max(task.coreoffset, behind - 1)}, and this machine has {cpus}"
        )
    return SimulatedTask(
        wcet_ns=task.wcet_ns,
        period_ns=task.period_ns,
        deadline_ns=task.deadline_ns,
        offset_ns=task.offset_ns,
        priority=task.priority,
        numberofjobs=task.numberofjobs,
        criticaltime_ns=task.criticaltime_ns,
        overrun=task.overrun,
        first_cpu=task.coreoffset,
        behind_cpu=behind,
    )


def events(jobs: Sequence[Sequence[SimulatedJob]]) -> list[Event]:
    """The events that a loader would tell of these jobs, in the order of their moments."""
    told = [event for place, own in enumerate(jobs) for event in _of_task(place, own)]
    # Stable: what happened to a task at one moment stays in its order.
    return sorted(told, key=lambda event: event.time_ns)


def _of_task(place: int, jobs: Sequence[SimulatedJob]) -> list[Event]:
    told = []
    for number, job in enumerate(jobs):
        outcome = EventType(job.outcome)
        if job.start_ns is not None:
            told.append(
                Event(EventType.START, place, job.start_ns, number, job.release_ns, exact=True)
            )
        told.append(
            Event(
                outcome,
                place,
                job.end_ns,
                number,
                job.release_ns,
                exit_value=0 if outcome is EventType.EXIT else _KILLED,
                exact=True,
            )
        )
    told.append(Event(EventType.JOBS_DONE, place, jobs[-1].end_ns, exact=True))
    return told


def switches_of(jobs: Sequence[Sequence[SimulatedJob]], most: int) -> tuple[list[Switch], TraceEnd]:
    """Who had each processor from when on, by processor and time.

    :param most: how many are told; the latest ones are left out.
    """
    runs = sorted(
        (cpu, start_ns, end_ns, place, number)
        for place, own in enumerate(jobs)
        for number, job in enumerate(own)
        for cpu, start_ns, end_ns in job.stretches
    )
    told: list[Switch] = []
    free_ns: dict[int, int] = {}
    for cpu, start_ns, end_ns, place, number in runs:
        if start_ns > free_ns.get(cpu, 0):
            told.append(Switch(cpu, free_ns.get(cpu, 0), Occupant.IDLE))
        told.append(Switch(cpu, start_ns, Occupant.JOB, place, number))
        free_ns[cpu] = end_ns
    told += [Switch(cpu, end_ns, Occupant.IDLE) for cpu, end_ns in free_ns.items()]
    kept = sorted(sorted(told, key=lambda each: each.time_ns)[:most], key=lambda each: each.cpu)
    trace = Trace.COMPLETE if len(kept) == len(told) else Trace.CUT
    return kept, TraceEnd(len(kept), trace)
