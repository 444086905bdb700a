"""What a set's tasks would do on an ideal machine, by simso.

simso brings the clock, the processors and the way of a job through them. Ours are the
scheduler (that of docs/guest.md) and the releases (those of docs/protocol.md). simso counts
in cycles; a cycle is a nanosecond here, so that every number is whole.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from distributor.machines.simulated.library import simso
from distributor.session.event import EventType
from distributor.tasks.task import EDF, Overrun


@dataclass(frozen=True, slots=True)
class SimulatedTask:
    """A task as :class:`~distributor.tasks.task.Task` describes it, in numbers.

    :param first_cpu: the first processor that it may use.
    :param behind_cpu: the one behind the last that it may use.
    """

    wcet_ns: int
    period_ns: int
    deadline_ns: int
    offset_ns: int
    priority: int
    numberofjobs: int
    criticaltime_ns: int | None
    overrun: str
    first_cpu: int
    behind_cpu: int


class SimulatedJob(NamedTuple):
    """One job; times are nanoseconds after time zero."""

    release_ns: int
    #: None for one that was killed before it ran.
    start_ns: int | None
    end_ns: int
    outcome: str
    #: When it ran: processor, from when, till when.
    stretches: tuple[tuple[int, int, int], ...] = ()


def simulate(tasks: Sequence[SimulatedTask], cpus: int) -> list[list[SimulatedJob]]:
    """Each task's jobs, in order, on a machine of so many processors.

    Nothing but the tasks takes any time. Each job takes its WCET. A job that ends at the
    moment of its task's next release, or of its critical time, has made it.
    """
    ours = _ours()
    library = simso()
    configuration = library.Configuration()
    configuration.cycles_per_ms = 1
    configuration.duration = _horizon_ns(tasks)
    configuration.scheduler_info.clas = ours.scheduler
    for place, task in enumerate(tasks):
        configuration.add_task(
            f"t{place}",
            place,
            task_type=ours.task_type,
            period=task.period_ns,
            activation_date=task.offset_ns,
            wcet=task.wcet_ns,
            deadline=task.deadline_ns,
            data=task,
        )
    for number in range(cpus):
        configuration.add_processor(f"p{number}", number, speed=1)
    model = ours.model(configuration)
    model.run_model()
    return [[job.told() for job in task.jobs] for task in model.task_list]


def _horizon_ns(tasks: Sequence[SimulatedTask]) -> int:
    """By then every job has ended: all work done one after the other, behind all releases."""
    last_ns = max(task.offset_ns + task.numberofjobs * task.period_ns for task in tasks)
    work_ns = sum(task.wcet_ns * task.numberofjobs for task in tasks)
    return last_ns + work_ns + max(task.period_ns for task in tasks) + 1


class _Silent:
    """Stands where simso keeps a record of each thing that happens, which nobody reads here."""

    def observe(self, what: Any) -> None:
        """Forget it."""

    def log(self, text: str, kernel: bool = False) -> None:
        """Forget it."""


class _Ours(NamedTuple):
    model: Any
    scheduler: Any
    task_type: str


@functools.cache
def _ours() -> _Ours:
    """The classes that extend simso's, made once it is there."""
    library = simso()
    silent = _Silent()

    class OurJob(library.Job):  # type: ignore[misc, name-defined]
        """A job that knows when it was released, first ran, and was killed."""

        go_ns: int
        outcome = EventType.EXIT

        def __init__(self, task: Any, release_ns: int) -> None:
            super().__init__(task, task.name, None, monitor=silent, etm=task.sim.etm, sim=task.sim)
            self.release_ns = release_ns
            #: Processor, from when, till when.
            self.stretches: list[list[int]] = []

        def activate_job(self) -> Iterator[Any]:
            self.go_ns = self.sim.now()
            critical_ns = self.data.criticaltime_ns
            if critical_ns is not None:
                self.task.after(critical_ns, self, EventType.EXIT_CRITICAL)
            yield from super().activate_job()

        def _on_execute(self) -> None:
            cpu, now_ns = self.cpu.internal_id, self.sim.now()
            # simso takes a job off its processor to decide, even where it then goes on.
            if not self.stretches or [cpu, now_ns] != self.stretches[-1][::2]:
                self.stretches.append([cpu, now_ns, now_ns])
            super()._on_execute()

        def _on_stop_exec(self) -> None:
            if self._last_exec is not None:  # else it is killed while it waits
                self.stretches[-1][2] = self.sim.now()
            super()._on_stop_exec()

        def order(self) -> tuple[int, int, int, int]:
            """Whose turn it is: deadlines first, then priorities, each by what came first."""
            place = self.task.identifier
            if self.data.priority == EDF:
                return 0, self.release_ns + self.data.deadline_ns, self.go_ns, place
            return 1, self.data.priority, self.go_ns, place

        def told(self) -> SimulatedJob:
            # It can be put on a processor and taken off it at one moment.
            ran = tuple((cpu, start, end) for cpu, start, end in self.stretches if start < end)
            start_ns = ran[0][1] if ran else None
            return SimulatedJob(self.release_ns, start_ns, self.end_date, self.outcome, ran)

    class OurTask(library.GenericTask):  # type: ignore[misc, name-defined]
        """Releases jobs as the loader does, its overruns included."""

        def execute(self) -> Iterator[Any]:
            data = self.data
            yield library.hold, self, data.offset_ns
            while len(self.jobs) < data.numberofjobs:
                # Behind all that ends at this moment: it has made it.
                yield library.hold, self, 0
                release_ns = self.sim.now()
                if data.overrun == Overrun.LATE or not self.is_active():
                    self.release(release_ns)
                elif data.overrun == Overrun.KILL:
                    self.kill(self.job, EventType.EXIT_PERIOD)
                yield library.hold, self, data.period_ns
            if data.overrun == Overrun.KILL:
                # Releases go on until the last job has ended.
                yield library.hold, self, 0
                if self.is_active():
                    self.kill(self.job, EventType.EXIT_PERIOD)

        def release(self, release_ns: int) -> None:
            job = OurJob(self, release_ns)
            self.jobs.append(job)
            self._activations_fifo.append(job)
            if len(self._activations_fifo) == 1:
                self.job = job
                self.sim.activate(job, job.activate_job())

        def after(self, time_ns: int, job: Any, why: EventType) -> None:
            """Kill a job that is still running by then."""
            timer = library.Timer(self.sim, self._out_of_time, (job, why), time_ns, in_ms=False)
            timer.start()

        def _out_of_time(self, job: Any, why: EventType) -> None:
            # Its last instruction may be at this very moment.
            if job.is_active() and self.sim.etm.get_ret(job) > 0:
                self.kill(job, why)

        def kill(self, job: Any, why: EventType) -> None:
            job.outcome = why
            self.cancel(job)
            job.abort()

    class OurScheduler(library.Scheduler):  # type: ignore[misc, name-defined]
        """The jobs that come first run, each where it may, and where it was if it can."""

        def init(self) -> None:
            self.monitor = silent
            self.ready: list[Any] = []
            for task in self.task_list:
                task.cpu = self.processors[task.data.first_cpu]

        def on_activate(self, job: Any) -> None:
            # It may have been killed at the moment of its release.
            if job.is_active():
                self.ready.append(job)
            job.cpu.resched()

        def on_terminated(self, job: Any) -> None:
            if job in self.ready:
                self.ready.remove(job)
            job.cpu.resched()

        def schedule(self, cpu: Any) -> list[tuple[Any, Any]]:
            free = list(self.processors)
            chosen: dict[Any, Any] = {}
            # One that has just ended is among them until simso says so.
            ready = [job for job in self.ready if job.is_active()]
            for job in sorted(ready, key=OurJob.order):
                if not free:
                    break
                its = range(job.data.first_cpu, job.data.behind_cpu)
                allowed = [each for each in free if each.internal_id in its]
                if not allowed:
                    continue
                target = min(allowed, key=functools.partial(self._reluctance, job))
                chosen[target] = job
                free.remove(target)
            return [
                (chosen.get(each), each)
                for each in self.processors
                if chosen.get(each) is not each.running
            ]

        def _reluctance(self, job: Any, cpu: Any) -> tuple[int, tuple[int, ...]]:
            """Where it runs already, else where nothing does, else where the last one does."""
            if cpu.running is job:
                return 0, ()
            if cpu.running is None:
                return 1, ()
            return 2, tuple(-number for number in cpu.running.order())

    class OurModel(library.Model):  # type: ignore[misc, name-defined]
        """Runs without the statistics that simso makes of a run."""

        logger = silent

        def run_model(self) -> None:
            self.initialize()
            self.scheduler.init()
            for cpu in self.processors:
                cpu.monitor = silent
                self.activate(cpu, cpu.run())
            for task in self.task_list:
                self.activate(task, task.execute())
            self.simulate(until=self.duration)

    library.task_types[OurTask.__name__] = OurTask
    return _Ours(OurModel, OurScheduler, OurTask.__name__)
