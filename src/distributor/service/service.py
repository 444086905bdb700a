"""The service: one engine, one run of a store, and those who watch, in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from distributor.analysis.table import printable
from distributor.durable import DurableRun
from distributor.engine import Engine
from distributor.errors import (
    ConfigurationError,
    DistributorError,
    NotThereError,
    StateError,
    StoreError,
)
from distributor.jobs.queue import QueueState
from distributor.machines.machine import Machine as RealMachine
from distributor.machines.machine import MachineKind, MachineState
from distributor.monitors.monitor import Attempt
from distributor.service.changes import BATCH_S, Changes, Event
from distributor.service.jobs import Jobs
from distributor.service.models import Machine, State
from distributor.service.settings import Settings
from distributor.service.stream import Stream
from distributor.service.tally import RatioTally
from distributor.service.watch import Watch, printable_text
from distributor.session.binary import binary_finder
from distributor.session.result import Verdict
from distributor.store.host import distributor_version
from distributor.store.store import Store

log = logging.getLogger("distributor.service")

#: How often it is tried to write what the store did not take.
RETRY_S = 2.0
#: Jobs that a snapshot holds; the others are asked for.
SNAPSHOT_JOBS = 100


class Service:
    """An async context manager; everything is called from the loop that it was entered in.

    Entered, it goes on with the jobs that its run has not finished.

    :param kind: makes the machines.
    :param run: of the store (:func:`.run.service_run`), which its owner closes.
    :param builtin: the image's executables by name.
    :raise ConfigurationError: when entered: a job's sets cannot be drawn any more.
    :raise StoreError: when entered: the store cannot be read.
    """

    def __init__(
        self,
        kind: MachineKind,
        run: DurableRun,
        settings: Settings,
        *,
        builtin: Mapping[str, Path] | None = None,
    ) -> None:
        self.settings = settings
        self.stream = Stream()
        self.started_at = datetime.now(UTC)
        self._version = distributor_version()
        self._run = run
        self._changes = Changes()
        self.watch = Watch(
            self._decided,
            lambda: None if run.owes else run.kept,
            self._changes.finished,
        )
        self.engine = Engine(
            kind,
            find_binary=binary_finder(builtin or {}),
            maximum=settings.maximum,
            set_tries=settings.set_tries,
            timeout_s=settings.timeout_s,
            noisy_tries=settings.noisy_tries,
            monitors=(run, self.watch),
        )
        self.ratio = RatioTally(run.store, run.run_id)
        self.jobs = Jobs(self.engine, run, open_max=settings.limits.jobs, cpus=settings.cpus)
        self._seen_s: dict[str, float] = {}
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        unfinished = self._run.unfinished()
        async with contextlib.AsyncExitStack() as stack:
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            tasks.create_task(self.engine.run(), name="engine")
            stack.callback(self.engine.close)
            telling = tasks.create_task(self._tell(), name="events")
            stack.callback(telling.cancel)
            mending = tasks.create_task(self._mend(), name="store")
            stack.callback(mending.cancel)
            stack.callback(self.stream.close)
            # The engine must be running before anything is added to it.
            await asyncio.sleep(0)
            self.watch.verdicts += self.jobs.go_on(unfinished)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

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
        """:raise ConfigurationError: it is more than allowed, or than there can be."""
        if maximum > self.settings.max_allowed:
            raise ConfigurationError(
                f"maximum is {maximum}, but at most {self.settings.max_allowed} are allowed",
                hint="start the service with a greater --max-allowed",
            )
        self.engine.set_maximum(maximum)

    def pause(self) -> None:
        """Machines end with their sets; nothing is begun until :meth:`resume`."""
        self.engine.do(self.engine.queue.shut_down())

    def resume(self) -> None:
        """Go on after :meth:`pause`, :meth:`kill` or a failure.

        :raise StateError: results still cannot be kept.
        """
        if self.engine.failure is not None:
            try:
                self._run.keep_owed()
            except StoreError as error:
                raise StateError(f"results cannot be kept: {_why_unkept(error)}") from None
            self._go_on()
        self.engine.do(self.engine.queue.resume())

    def kill(self) -> None:
        """Machines end at once, and their sets come back; nothing is begun until resumed."""
        self.engine.do(self.engine.queue.kill_all())

    # -- the whole ---------------------------------------------------------------------

    @property
    def store(self) -> Store:
        """Where results are kept."""
        return self._run.store

    @property
    def run(self) -> int:
        """Number of the run in the store."""
        return self._run.run_id

    def state(self) -> State:
        """The service as a whole."""
        queue = self.engine.queue
        state, error = queue.state, None
        if self.engine.failure is not None:
            # The queue is told of it a moment later.
            state, error = QueueState.FAILED, _why_unkept(self.engine.failure)
        elif queue.error is not None:
            error = _why_unstarted(queue.error)
        return State(
            version=self._version,
            state=state,
            error=error,
            maximum=queue.maximum,
            max_allowed=self.settings.max_allowed,
            clock=self.settings.clock,
            network=self.settings.network,
            cpus=self.settings.cpus,
            run=self.run,
            store=self.store.name,
            started_at=self.started_at,
            jobs_done=self.jobs.done_count,
            jobs_open=self.jobs.open_count,
            machines=len(queue.machines),
            verdicts={verdict: self.watch.verdicts[verdict] for verdict in Verdict},
            sets_per_s=round(self.jobs.rate.per_s(time.monotonic()), 3),
            load=os.getloadavg(),
            memory_free_mib=_memory_free_mib(),
        )

    def snapshot(self) -> Event:
        """What a stream of events begins with."""
        return Event(
            "snapshot",
            {
                "state": self.state(),
                "jobs": self.jobs.all()[-SNAPSHOT_JOBS:],
                "machines": self.machines(),
            },
        )

    # -- inside ------------------------------------------------------------------------

    async def _tell(self) -> None:
        """Tell those who listen, as long as the service lives."""
        while True:
            await asyncio.sleep(BATCH_S)
            events = self._changes.batch(
                time.monotonic(), self.state(), self.jobs.restless(), self.machines()
            )
            if events:
                self.stream.publish(events)

    async def _mend(self) -> None:
        """Go on by itself when the store takes again what it did not."""
        told: StoreError | None = None
        while True:
            await asyncio.sleep(RETRY_S)
            failure = self.engine.failure
            if failure is None:
                continue
            if failure is not told:
                log.error("machines are ended: %s", _why_unkept(failure))
                told = failure
            with contextlib.suppress(StoreError):
                await asyncio.to_thread(self._run.keep_owed)
                self._go_on()

    def _go_on(self) -> None:
        log.info("results are kept again: going on")
        self._changes.overlooked(self.watch.unkept)
        self.watch.unkept = 0
        self.engine.go_on()

    def _decided(self, job: int, verdict: Verdict) -> None:
        self.jobs.decided(job, verdict)

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
            health=self.engine.queue.health(machine.id),
            job=None if attempt is None else attempt.job,
            index=None if attempt is None else attempt.index,
            name=None if attempt is None else printable_text(attempt.taskset.name),
            uptime_s=round(now_s - self._seen_s[machine.id], 1),
            work_s=machine.work_s(),
            memory_mib=self.settings.memory_mib,
            address=getattr(machine, "address", None),
            sets=self.watch.sets[machine.id],
        )


def _why_unkept(error: StoreError) -> str:
    """Why results are not kept, and what to do."""
    return _with_way_out(error, "the service then goes on by itself")


def _why_unstarted(error: DistributorError) -> str:
    """Why no machine is started any more, and what to do."""
    return _with_way_out(error, "`distributor service resume` lets it try again")


def _with_way_out(error: DistributorError, way_out: str) -> str:
    hint = f"{error.hint}; {way_out}" if error.hint else way_out
    return f"{error.message} ({hint})"


def _memory_free_mib() -> int:
    with Path("/proc/meminfo").open() as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) // 1024
    return 0
