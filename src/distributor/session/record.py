"""Events of one task set, put together to jobs and judged. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from distributor.errors import WireError
from distributor.session.event import Event, EventType
from distributor.session.result import TaskJob, Verdict
from distributor.session.switch import Occupant, Switch, Trace, TraceEnd
from distributor.tasks.task import Task
from distributor.tasks.taskset import TaskSet

_KILLED_FOR_TIME = {
    EventType.EXIT_CRITICAL: "was killed at its critical time",
    EventType.EXIT_PERIOD: "was killed by its next release",
}
_BROKEN = {
    EventType.EXIT_ERROR: "ended in error",
    EventType.OUT_OF_QUOTA: "ran out of memory",
    EventType.OUT_OF_CAPS: "ran out of capabilities",
}


@dataclass(slots=True)
class _TaskRecord:
    """What is known of one task so far."""

    open: Event | None = None
    started: int = 0
    over: bool = False
    refused: bool = False


class Record:
    """Takes a set's events in and gives its jobs and its verdict.

    Every event is checked against the set, since it comes from a machine: an unknown
    task, a job too many or an end without a beginning is a :class:`WireError`.

    :param switches: how many switches of the processors were asked for, at most.
    """

    def __init__(self, taskset: TaskSet, *, switches: int = 0) -> None:
        self._taskset = taskset
        self._switches_max = switches
        self._switches: list[Switch] = []
        self._switched_ns: dict[int, int] = {}
        #: Whether the switches are all there; None where none were asked for, or not yet.
        self.trace: Trace | None = None
        self._tasks = [_TaskRecord() for _ in taskset]
        self._jobs: list[TaskJob] = []
        # A plain loader's stamps start anywhere: count from its first event.
        self._plain_zero_ns: int | None = None
        #: How late the loader's canary woke up at most; None while nothing was told.
        self.late_ns: int | None = None

    @property
    def done(self) -> bool:
        """Whether every task has come to its end, and all that was asked for is told."""
        return self._over and (self.trace is not None or self._switches_max == 0)

    @property
    def _over(self) -> bool:
        return all(task.over for task in self._tasks)

    @property
    def switches(self) -> tuple[Switch, ...]:
        """The switches so far, by processor and time."""
        return tuple(sorted(self._switches, key=lambda switch: switch.cpu))

    @property
    def jobs(self) -> tuple[TaskJob, ...]:
        """The jobs that have ended, by task and index."""
        return tuple(sorted(self._jobs, key=lambda job: (job.task_id, job.index)))

    def feed(self, events: Iterable[Event]) -> None:
        """Take in events in the order in which the machine told them.

        :raise WireError: an event that this set cannot have.
        """
        for event in events:
            self._feed(event)

    def feed_switches(self, switches: Iterable[Switch], end: TraceEnd | None) -> None:
        """Take in switches, each processor's in their order.

        :raise WireError: switches that this set cannot have, or that nobody asked for.
        """
        for switch in switches:
            self._check(switch)
            self._switches.append(switch)
            self._switched_ns[switch.cpu] = switch.time_ns
        if end is not None:
            if self._switches_max == 0 or end.count != len(self._switches):
                raise WireError(
                    f"the machine told {len(self._switches)} switches and says {end.count}"
                )
            self.trace = end.trace

    def _check(self, switch: Switch) -> None:
        if len(self._switches) >= self._switches_max or self.trace is not None:
            raise WireError(f"more than the {self._switches_max} switches that were asked for came")
        if switch.time_ns < self._switched_ns.get(switch.cpu, switch.time_ns):
            raise WireError(f"the switches of processor {switch.cpu} are not in their order")
        if switch.occupant is not Occupant.JOB:
            return
        if switch.task_id is None or not 0 <= switch.task_id < len(self._tasks):
            raise WireError(f"a switch names task {switch.task_id}, which the set does not have")
        jobs = self._taskset.tasks[switch.task_id].numberofjobs
        if switch.job_index is None or not 0 <= switch.job_index < jobs:
            raise WireError(f"a switch names job {switch.job_index} of {jobs} of a task")

    def _feed(self, event: Event) -> None:
        if not 0 <= event.task_id < len(self._tasks):
            raise WireError(f"an event names task {event.task_id}, which the set does not have")
        state = self._tasks[event.task_id]
        task = self._taskset.tasks[event.task_id]
        if state.over:
            raise WireError(f"an event of task {event.task_id} came after its end")
        if event.type is EventType.START:
            if state.open is not None or state.started >= task.numberofjobs:
                raise WireError(f"task {event.task_id} started a job too many")
            state.open = event
            state.started += 1
        elif event.type.ends_job:
            self._end(event, state, task)
        else:
            if state.open is not None:
                raise WireError(f"task {event.task_id} ended while a job of it ran")
            if event.type is EventType.NOT_SCHEDULED and state.started > 0:
                raise WireError(f"task {event.task_id} was refused after a job of it ran")
            state.over = True
            state.refused = event.type is EventType.NOT_SCHEDULED

    def _end(self, event: Event, state: _TaskRecord, task: Task) -> None:
        start = state.open
        if start is None:
            # A job whose binary cannot be executed ends without having started.
            if state.started >= task.numberofjobs:
                raise WireError(f"task {event.task_id} ended a job too many")
            start = event
            state.started += 1
        if event.time_ns < start.time_ns or event.exact != start.exact:
            raise WireError(f"a job of task {event.task_id} ended before it began")
        state.open = None
        if not event.exact and self._plain_zero_ns is None:
            self._plain_zero_ns = start.time_ns
        zero_ns = 0 if event.exact else self._plain_zero_ns or 0
        self._jobs.append(
            TaskJob(
                task_id=event.task_id,
                index=state.started - 1,
                release_ns=event.release_ns,
                start_ns=start.time_ns - zero_ns,
                completion_ns=event.time_ns - zero_ns,
                outcome=event.type,
                exit_value=event.exit_value,
                deadline_ns=task.deadline_ns,
            )
        )

    def judge(self) -> tuple[Verdict, str]:
        """Verdict and the sentence that says what decided it.

        An error weighs more than a missed deadline: its timing means nothing. Within
        one kind the earliest completion decides. A set that admission control did not
        take whole is not schedulable as it is: its deadlines count as missed.
        """
        if not self.done:
            return Verdict.UNDECIDED, "the machine did not finish the set"
        refused = self._refused()
        also = f"; {refused}" if refused else ""
        jobs = sorted(self._jobs, key=lambda job: job.completion_ns)
        for job in jobs:
            if job.outcome in _BROKEN:
                value = "" if job.exit_value is None else f", exit value {job.exit_value}"
                return Verdict.FAILED, f"{self._name(job)} {_BROKEN[job.outcome]}{value}"
        for job in jobs:
            if job.outcome is EventType.EXIT_EXTERNAL:
                return Verdict.UNDECIDED, f"{self._name(job)} was stopped from outside"
        for job in jobs:
            if job.outcome in _KILLED_FOR_TIME:
                return Verdict.MISSED, f"{self._name(job)} {_KILLED_FOR_TIME[job.outcome]}{also}"
            if job.lateness_ns > 0:
                return Verdict.MISSED, (
                    f"{self._name(job)} responded after {job.response_ns / 1e6:.6g} ms, "
                    f"{job.tardiness_ns / 1e6:.6g} ms late{also}"
                )
        for place, (state, task) in enumerate(zip(self._tasks, self._taskset, strict=True)):
            if state.started < task.numberofjobs and not state.refused:
                return Verdict.UNDECIDED, (
                    f"task {place} ({task.name}) came to its end after {state.started} of "
                    f"{task.numberofjobs} jobs"
                )
        if refused:
            return Verdict.MISSED, f"{refused}; all {len(jobs)} jobs of others met their deadlines"
        return Verdict.SCHEDULABLE, f"all {len(jobs)} jobs met their deadlines"

    def _refused(self) -> str:
        """Whom admission control refused, as the start of a sentence; "" for nobody."""
        places = [str(place) for place, state in enumerate(self._tasks) if state.refused]
        if not places:
            return ""
        named = ", ".join(places[:10]) + (" and others" if len(places) > 10 else "")
        return f"admission control refused task{'s' * (len(places) > 1)} {named}"

    def _name(self, job: TaskJob) -> str:
        return f"job {job.index} of task {job.task_id} ({self._taskset.tasks[job.task_id].name})"
