"""The composition root: does what the queue decides, with machines, sessions and monitors.

Everything here runs in one event loop. The queue is told of events and answers with
actions; each machine lives in one task from its start to its end. Nothing else in the
package knows both the queue and the machines.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import assert_never

from distributor.attach.door import open_door
from distributor.attach.seen import Seen
from distributor.errors import (
    ConfigurationError,
    DistributorError,
    MachineError,
    StateError,
    StoreError,
)
from distributor.jobs.action import Action, Check, GiveUp, JobDone, PutBack, Run, Start, Stop
from distributor.jobs.job import Job, Ticket
from distributor.jobs.queue import Queue, QueueState
from distributor.life import CANARY, AnySession, Life, check
from distributor.machines.machine import (
    CountedKind,
    Machine,
    MachineKind,
    RestartableMachine,
)
from distributor.machines.noise import noise_of, observe
from distributor.monitors.fanout import Fanout
from distributor.monitors.monitor import Attempt, Monitor
from distributor.session.binary import Binaries
from distributor.session.event import Event
from distributor.session.record import Record
from distributor.session.result import MachineFacts, Result, Verdict
from distributor.tasks.task import Task
from distributor.tasks.taskset import TaskSet

log = logging.getLogger("distributor.engine")

_CONSOLE_LINES = 20


class Engine:
    """Runs jobs on machines of one kind.

    :meth:`run` is to be run as a task; every other method is called from the same loop.

    :param kind: makes the machines.
    :param find_binary: the file that holds a task's executable.
    :param maximum: how many machines there may be at once.
    :param set_tries: how many runs a set may spoil by its own doing.
    :param noisy_tries: how many times a set is run again whose run the host disturbed.
    :param timeout_s: how long a machine may be without progress, beyond what its set explains.
    :param monitors: watch every job.
    """

    def __init__(
        self,
        kind: MachineKind,
        *,
        find_binary: Callable[[Task], Path],
        maximum: int,
        set_tries: int,
        timeout_s: float,
        noisy_tries: int = 0,
        monitors: Sequence[Monitor] = (),
    ) -> None:
        self._kind = kind
        self._binaries = Binaries(find_binary)
        self._timeout_s = timeout_s
        self._monitors = tuple(monitors)
        self.queue = Queue(maximum, set_tries, noisy_tries)
        #: Every job that was added, in order.
        self.jobs: list[Job] = []
        self._watchers: dict[Job, Fanout] = {}
        self._lives: dict[str, Life] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._closing = asyncio.Event()
        self._changed = asyncio.Event()
        self._failure: StoreError | None = None
        #: Why the last machine that was started did not come up.
        self._no_start = ""

    # -- what the facade asks for ------------------------------------------------------

    def add(self, job: Job) -> None:
        """Take on a job."""
        self.jobs.append(job)
        own = () if job.monitor is None else (job.monitor,)
        self._watchers[job] = Fanout(*self._monitors, *own)
        self.do(self.queue.add(job))

    def job(self, number: int) -> Job:
        """A job by its number.

        :raise StateError: there is none of this number.
        """
        for job in self.jobs:
            if job.number == number:
                return job
        raise StateError(f"there is no job {number}")

    def cancel(self, number: int) -> None:
        """Run no more sets of a job; those that run are finished, and their verdicts kept.

        :raise StateError: there is no such job, or it has ended.
        """
        self._change(number, self.queue.cancel)

    def hold(self, number: int) -> None:
        """Begin no set of a job until :meth:`release`; those that run are finished.

        :raise StateError: there is no such job, or it has ended.
        """
        self._change(number, self.queue.hold)

    def release(self, number: int) -> None:
        """Go on with a job that was held.

        :raise StateError: there is no such job, or it has ended.
        """
        self._change(number, self.queue.release)

    def set_maximum(self, maximum: int) -> None:
        """Change how many machines there may be; those above it leave when their set has ended.

        :raise ConfigurationError: there cannot be so many of this kind.
        """
        if isinstance(self._kind, CountedKind):
            self._kind.check_number(maximum)
        self.do(self.queue.set_maximum(maximum))

    def kill(self, machine: str) -> None:
        """End a machine at once; its set comes back, and another machine takes its place.

        :raise StateError: there is no such machine.
        """
        self.do(self.queue.kill(machine))

    def go_on(self) -> None:
        """Run again after a :attr:`failure` that is mended."""
        self._failure = None
        self.do(self.queue.recover())

    def machines(self) -> list[tuple[Machine, Attempt | None]]:
        """The machines that exist, each with what it is running."""
        return [(life.machine, life.attempt) for life in self._lives.values()]

    @property
    def failure(self) -> StoreError | None:
        """Why results cannot be kept, if so: nothing is run any more."""
        return self._failure

    async def wait(self) -> None:
        """Until every set of every job has its verdict, and its machine is at rest.

        :raise DistributorError: the machines cannot be started, a job's source broke, or
            the store failed; whatever could still be finished has been.
        """
        while True:
            if self._failure is not None and not self._lives:
                raise self._failure
            if self.queue.state is QueueState.FAILED and not self._lives:
                assert self.queue.error is not None
                raise self.queue.error
            if self.queue.done and self._failure is None:
                for job in self.jobs:
                    if job.error is not None:
                        raise job.error
                return
            self._changed.clear()
            await self._changed.wait()

    def close(self) -> None:
        """End :meth:`run`: machines are stopped at once, sets that run are given back."""
        self._closing.set()

    # -- the loop ----------------------------------------------------------------------

    async def run(self) -> None:
        """Live until :meth:`close`; on the way out every machine is stopped and reaped."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                try:
                    async with open_door(self._seen):
                        await self._closing.wait()
                finally:
                    self.do(self.queue.kill_all())
        finally:
            self._tasks = None
            self._kind.close()
            own = [job.monitor for job in self.jobs if job.monitor is not None]
            # A monitor that watches several jobs is closed once.
            try:
                Fanout(*{id(each): each for each in [*self._monitors, *own]}.values()).close()
            except StoreError as error:
                log.error("%s", error)

    def do(self, actions: list[Action]) -> None:
        """Carry out what the queue decided."""
        for action in actions:
            match action:
                case Start(machine):
                    self._start(machine)
                case Stop(machine, hard=True):
                    self._lives[machine].break_off()
                case Stop(machine):
                    self._lives[machine].give(None)
                case Run(machine, ticket):
                    self._lives[machine].give(ticket)
                case Check(machine):
                    self._lives[machine].give(CANARY)
                case PutBack(machine, ticket):
                    attempt = self._attempt(machine, ticket)
                    self._notify(ticket, lambda m, a=attempt: m.stopped(a))  # type: ignore[misc]
                case GiveUp(machine, ticket, error):
                    self._give_up(machine, ticket, error)
                case JobDone(job):
                    self._tell(job, lambda m, j=job: m.job_changed(j.number))  # type: ignore[misc]
                case _:
                    assert_never(action)
        self._changed.set()

    def _change(self, number: int, change: Callable[[Job], list[Action]]) -> None:
        job = self.job(number)
        actions = change(job)
        self._tell(job, lambda monitor: monitor.job_changed(number))
        self.do(actions)

    def _start(self, name: str) -> None:
        assert self._tasks is not None, "machines are started only while run() is running"
        life = Life(self._kind.create(name))
        self._lives[name] = life
        life.task = self._tasks.create_task(self._live(name, life), name=f"machine {name}")

    def _seen(self) -> list[Seen]:
        now_s = time.monotonic()
        return [
            Seen(
                life.machine,
                now_s - life.begun_s,
                None if life.attempt is None else life.attempt.taskset.name,
                None if life.attempt is None else (life.attempt.job, life.attempt.index),
            )
            for life in self._lives.values()
        ]

    # -- a machine's life --------------------------------------------------------------

    async def _live(self, name: str, life: Life) -> None:
        error: DistributorError | None = None
        started = False
        try:
            await life.machine.start()
            started, self._no_start = True, ""
            session = life.session(self._binaries, self._timeout_s)
            await life.unless_it_dies(self._serve(name, life, session))
        except DistributorError as caught:
            error = caught
            # What lets no machine start lets many not start: said once.
            again = not started and str(caught) == self._no_start
            if not started:
                self._no_start = str(caught)
            level = logging.INFO if again else logging.WARNING
            log.log(level, "machine %s is given up: %s", name, caught)
            if isinstance(life.machine, RestartableMachine):
                life.machine.suspect(caught)
        finally:
            try:
                await life.machine.stop()
            finally:
                actions = self.queue.lost(name, error)
                self.do(actions)
                del self._lives[name]
                self._changed.set()

    async def _serve(self, name: str, life: Life, session: AnySession) -> None:
        async with session:
            self.do(self.queue.ready(name))
            while (ticket := await life.next()) is not None:
                if isinstance(ticket, TaskSet):
                    await check(session, name)
                    self.do(self.queue.checked(name))
                    continue
                life.attempt = self._attempt(name, ticket)
                try:
                    decided = await self._run_set(life, session, ticket, life.attempt)
                except ConfigurationError as refusal:
                    self.do(self.queue.refused(name, refusal))
                else:
                    self.do(self.queue.finished(name, doubtful=not decided))
                finally:
                    life.attempt = None

    async def _run_set(
        self, life: Life, session: AnySession, ticket: Ticket, attempt: Attempt
    ) -> bool:
        """Whether the machine can be believed: it came to a verdict, or was not to."""
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        self._notify(ticket, lambda monitor: monitor.started(attempt))

        def tell(events: Sequence[Event]) -> None:
            if self.queue.running(attempt.machine) is ticket:
                self._notify(ticket, lambda monitor: monitor.event(attempt, events))

        before = observe(life.machine)
        record = await session.run(ticket.taskset, tell, ticket.job.goal, ticket.job.switches)
        after = observe(life.machine)
        if self.queue.running(attempt.machine) is not ticket:
            return True  # it was given back a moment ago, and will be run elsewhere
        facts = dataclasses.replace(
            life.machine.facts, kernel=session.peer.kernel, loader=session.peer.loader
        )
        result = _result(record, ticket, facts, loop.time() - begun_s)
        if before is not None and after is not None:
            result = dataclasses.replace(result, noise=noise_of(before, after, record.late_ns))
        if result.noise is not None and (again := self.queue.disturbed(attempt.machine)):
            log.info("set %d of job %d is run again: %s", attempt.index, attempt.job, result.noise)
            self.do(again)
            return True
        if result.verdict is Verdict.UNDECIDED:
            self._notify(ticket, lambda monitor: monitor.bad(attempt, result))
            return False
        self._notify(ticket, lambda monitor: monitor.finished(attempt, result))
        return True

    # -- telling who watches -----------------------------------------------------------

    def _attempt(self, machine: str, ticket: Ticket) -> Attempt:
        return Attempt(
            taskset=ticket.taskset,
            job=ticket.job.number,
            index=ticket.index,
            number=len(ticket.machines),
            machine=machine,
            tries=ticket.tries,
            losses=ticket.losses,
        )

    def _give_up(self, name: str, ticket: Ticket, error: DistributorError) -> None:
        machine = self._lives[name].machine
        console = error.console if isinstance(error, MachineError) else ""
        result = Result(
            verdict=Verdict.UNDECIDED,
            reason=str(error),
            facts=machine.facts,
            console=console or machine.console_tail(_CONSOLE_LINES),
            machines=tuple(ticket.machines),
        )
        attempt = self._attempt(name, ticket)
        self._notify(ticket, lambda monitor: monitor.bad(attempt, result))
        self.do(self.queue.told(ticket.job))

    def _notify(self, ticket: Ticket, tell: Callable[[Monitor], None]) -> None:
        self._tell(ticket.job, tell)

    def _tell(self, job: Job, tell: Callable[[Monitor], None]) -> None:
        """Tell the monitors of all jobs and that of this one."""
        try:
            tell(self._watchers[job])
        except StoreError as error:
            # Going on would lose results: end the machines, and let wait() say so.
            if self._failure is None:
                self._failure = failure = error
                asyncio.get_running_loop().call_soon(lambda: self.do(self.queue.fail(failure)))


def _result(record: Record, ticket: Ticket, facts: MachineFacts, host_s: float) -> Result:
    verdict, reason = record.judge()
    jobs = record.jobs
    return Result(
        verdict=verdict,
        reason=reason,
        jobs=jobs,
        facts=facts,
        guest_ns=max((job.completion_ns for job in jobs), default=0),
        host_s=host_s,
        machines=tuple(ticket.machines),
        switches=record.switches,
        trace=record.trace,
    )
