"""The service: one engine, one run of a store, and those who watch, in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

from distributor.analysis.table import printable
from distributor.engine import Engine, binaries
from distributor.errors import ConfigurationError, NotThereError, StateError
from distributor.jobs.job import Job as QueuedJob
from distributor.machines.machine import Machine as RealMachine
from distributor.machines.machine import MachineKind, MachineState
from distributor.monitors.monitor import Attempt, Monitor
from distributor.monitors.store import StoreMonitor
from distributor.service.changes import BATCH_S, Changes, Event
from distributor.service.ledger import Entry
from distributor.service.limit import Limits
from distributor.service.models import Health, Job, Machine, Offer, State
from distributor.service.stream import Stream
from distributor.service.watch import Watch, printable_text
from distributor.session.result import Clock, Verdict
from distributor.store.host import distributor_version
from distributor.store.store import Store
from distributor.tasks.taskset import TaskSet

#: Jobs that a snapshot holds; the others are asked for.
SNAPSHOT_JOBS = 100


@dataclass(frozen=True, slots=True)
class Settings:
    """What a service is made with.

    :param maximum: machines at once, to begin with.
    :param options: of the machines, kept with the run.
    """

    store: str
    maximum: int
    max_allowed: int
    clock: Clock = Clock.VIRTUAL
    network: str = "auto"
    cpus: int = 1
    memory_mib: int = 0
    set_tries: int = 1
    noisy_tries: int = 0
    timeout_s: float = 40.0
    qemu: str | None = None
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    limits: Limits = field(default_factory=Limits)


class Service:
    """An async context manager; everything is called from the loop that it was entered in.

    :param kind: makes the machines.
    :param builtin: the image's executables by name.
    :param monitors: watch every job, beside the store.
    :raise StoreError: when entered: the store cannot be opened.
    """

    def __init__(
        self,
        kind: MachineKind,
        settings: Settings,
        *,
        builtin: Mapping[str, Path] | None = None,
        monitors: Iterable[Monitor] = (),
    ) -> None:
        self.settings = settings
        self.stream = Stream()
        self.started_at = datetime.now(UTC)
        self._version = distributor_version()
        self._keeper = StoreMonitor(
            settings.store,
            command="distributor service",
            clock=settings.clock,
            options={"cpus": settings.cpus, "network": settings.network, **settings.options},
            qemu=settings.qemu,
        )
        self._changes = Changes()
        self.watch = Watch(self._entries_get, lambda: self._keeper.kept, self._changes.finished)
        self.engine = Engine(
            kind,
            find_binary=binaries(builtin or {}),
            maximum=settings.maximum,
            set_tries=settings.set_tries,
            timeout_s=settings.timeout_s,
            noisy_tries=settings.noisy_tries,
            monitors=(self._keeper, *monitors, self.watch),
        )
        self._entries: dict[int, Entry] = {}
        #: Numbers of the jobs that may still change.
        self._restless: set[int] = set()
        self._seen_s: dict[str, float] = {}
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            tasks.create_task(self.engine.run(), name="engine")
            stack.callback(self.engine.close)
            telling = tasks.create_task(self._tell(), name="events")
            stack.callback(telling.cancel)
            stack.callback(self.stream.close)
            # The engine must be running before anything is added to it.
            await asyncio.sleep(0)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    # -- jobs --------------------------------------------------------------------------

    def add(self, tasksets: TaskSet | Iterable[TaskSet], offer: Offer) -> Job:
        """Take on a job.

        :raise ConfigurationError: it holds no set, or one that does not fit the machines.
        :raise StateError: too many jobs are open.
        """
        if len(self._restless) >= self.settings.limits.jobs:
            raise StateError(
                f"{len(self._restless)} jobs are open, and no more are taken",
                hint="wait for some of them, or cancel some",
            )
        if isinstance(tasksets, TaskSet):
            tasksets = [tasksets]
        self._check(tasksets, offer.offset)
        job = QueuedJob(
            tasksets,
            offset=offer.offset,
            number=len(self.engine.jobs) + 1,
            goal=None if offer.admission is None else offer.admission.parameters,
            switches=offer.switches,
        )
        entry = Entry(job, printable_text(offer.name), datetime.now(UTC))
        self._entries[job.number] = entry
        self._restless.add(job.number)
        self.engine.add(job)
        return self._told(entry)

    def job(self, number: int) -> Job:
        """:raise NotThereError: there is none of that number."""
        return self._told(self._entry(number))

    def jobs(self) -> list[Job]:
        """Every job, the newest last."""
        return self._told_all(self._entries)

    def cancel(self, number: int) -> Job:
        """No more sets of a job; those that run are finished.

        :raise NotThereError: there is none of that number.
        :raise StateError: it has ended.
        """
        entry = self._entry(number)
        self.engine.do(self.engine.queue.cancel(entry.job))
        return self._told(entry)

    def hold(self, number: int) -> Job:
        """No more sets of a job until :meth:`release`; errors are those of :meth:`cancel`."""
        entry = self._entry(number)
        self.engine.do(self.engine.queue.hold(entry.job))
        return self._told(entry)

    def release(self, number: int) -> Job:
        """Go on with a job that was held; errors are those of :meth:`cancel`."""
        entry = self._entry(number)
        self.engine.do(self.engine.queue.release(entry.job))
        return self._told(entry)

    # -- machines ----------------------------------------------------------------------

    def machines(self) -> list[Machine]:
        """The machines that there are."""
        now_s = time.monotonic()
        present = self.engine.machines()
        self._seen_s = {machine.id: self._seen_s.get(machine.id, now_s) for machine, _ in present}
        self.watch.forget_machines(self._seen_s)
        return [self._machine(machine, attempt, now_s) for machine, attempt in present]

    def console(self, name: str, lines: int) -> str:
        """What a machine printed last.

        :raise NotThereError: there is none of that name.
        """
        return self._real_machine(name).console_tail(lines)

    def kill_machine(self, name: str) -> Machine:
        """End a machine at once; its set comes back, and another machine takes its place.

        :raise NotThereError: there is none of that name.
        """
        found = next((each for each in self.machines() if each.id == name), None)
        if found is None:
            raise self._no_machine(name)
        self.engine.kill(name)
        return found.model_copy(update={"state": MachineState.STOPPING})

    def set_maximum(self, maximum: int) -> None:
        """:raise ConfigurationError: it is more than allowed."""
        if maximum > self.settings.max_allowed:
            raise ConfigurationError(
                f"maximum is {maximum}, but at most {self.settings.max_allowed} are allowed",
                hint="start the service with a greater --max-allowed",
            )
        self.engine.do(self.engine.queue.set_maximum(maximum))

    def pause(self) -> None:
        """Machines end with their sets; nothing is begun until :meth:`resume`."""
        self.engine.do(self.engine.queue.shut_down())

    def resume(self) -> None:
        """Go on after :meth:`pause`, :meth:`kill` or a failure."""
        self.engine.do(self.engine.queue.resume())

    def kill(self) -> None:
        """Machines end at once, and their sets come back; nothing is begun until resumed."""
        self.engine.do(self.engine.queue.kill_all())

    # -- the whole ---------------------------------------------------------------------

    @property
    def store(self) -> Store:
        """Where results are kept."""
        return self._keeper.store

    @property
    def run(self) -> int:
        """Number of the run in the store."""
        return self._keeper.run_id

    def state(self) -> State:
        """The service as a whole."""
        queue = self.engine.queue
        return State(
            version=self._version,
            state=queue.state,
            error=None if queue.error is None else str(queue.error),
            maximum=queue.maximum,
            max_allowed=self.settings.max_allowed,
            clock=self.settings.clock,
            network=self.settings.network,
            cpus=self.settings.cpus,
            run=self.run,
            store=self.store.name,
            started_at=self.started_at,
            jobs_done=len(self._entries) - len(self._restless),
            jobs_open=sum(not self._entries[number].job.done for number in self._restless),
            machines=len(queue.machines),
            verdicts={verdict: self.watch.verdicts[verdict] for verdict in Verdict},
            sets_per_s=round(self.watch.rate.per_s(time.monotonic()), 3),
            load=os.getloadavg(),
            memory_free_mib=_memory_free_mib(),
        )

    def snapshot(self) -> Event:
        """What a stream of events begins with."""
        newest = list(islice(reversed(self._entries), SNAPSHOT_JOBS))
        return Event(
            "snapshot",
            {
                "state": self.state(),
                "jobs": self._told_all(reversed(newest)),
                "machines": self.machines(),
            },
        )

    # -- inside ------------------------------------------------------------------------

    async def _tell(self) -> None:
        """Tell those who listen, as long as the service lives."""
        while True:
            await asyncio.sleep(BATCH_S)
            ended = [number for number in self._restless if self._entries[number].job.done]
            events = self._changes.batch(
                time.monotonic(),
                self.state(),
                self._told_all(sorted(self._restless)),
                self.machines(),
            )
            for number in ended:
                self._restless.discard(number)
                self._changes.forget(number)
            if events:
                self.stream.publish(events)

    def _entries_get(self, number: int) -> Entry | None:
        return self._entries.get(number)

    def _entry(self, number: int) -> Entry:
        entry = self._entries.get(number)
        if entry is None:
            raise NotThereError(f"there is no job {number}")
        return entry

    def _told(self, entry: Entry) -> Job:
        return entry.told(self.watch.rate.per_s(time.monotonic()))

    def _told_all(self, numbers: Iterable[int]) -> list[Job]:
        rate = self.watch.rate.per_s(time.monotonic())
        return [self._entries[number].told(rate) for number in numbers]

    def _real_machine(self, name: str) -> RealMachine:
        for machine, _ in self.engine.machines():
            if machine.id == name:
                return machine
        raise self._no_machine(name)

    def _no_machine(self, name: str) -> NotThereError:
        return NotThereError(f"there is no machine {printable(printable_text(name[:40]))}")

    def _machine(self, machine: RealMachine, attempt: Attempt | None, now_s: float) -> Machine:
        return Machine(
            id=machine.id,
            state=machine.state,
            health=Health.GOOD,
            job=None if attempt is None else attempt.job,
            index=None if attempt is None else attempt.index,
            name=None if attempt is None else printable_text(attempt.taskset.name),
            uptime_s=round(now_s - self._seen_s[machine.id], 1),
            work_s=machine.work_s(),
            memory_mib=self.settings.memory_mib,
            address=getattr(machine, "address", None),
            sets=self.watch.sets[machine.id],
        )

    def _check(self, tasksets: Iterable[TaskSet], offset: int) -> None:
        """:raise ConfigurationError: the first set needs more processors than there are."""
        first = next(islice(iter(tasksets), offset, None), None)
        if first is None:
            return  # the job says so
        needed = max(task.coreoffset + (task.cores or 1) for task in first)
        if needed > self.settings.cpus:
            raise ConfigurationError(
                f"the first task set needs {needed} processors, and the machines have "
                f"{self.settings.cpus}",
                hint=f"start the service with --cpus {needed}",
            )


def _memory_free_mib() -> int:
    with Path("/proc/meminfo").open() as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) // 1024
    return 0
