"""The jobs of a service: those that run, and those that its run had before."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import islice

from distributor.durable import DurableRun
from distributor.engine import Engine
from distributor.errors import ConfigurationError, NotThereError, StateError
from distributor.jobs.job import Job as QueuedJob
from distributor.service.document import draw_body
from distributor.service.ledger import Entry, Rate, told_record
from distributor.service.models import Job, Offer
from distributor.service.watch import printable_text
from distributor.session.result import Verdict
from distributor.store.newest import counts_by_batch
from distributor.tasks.source import Source
from distributor.tasks.taskset import TaskSet


class Jobs:
    """What was handed over, in the engine, in the store, and told.

    :param open_max: jobs that may be open at once.
    :param cpus: processors of each machine.
    """

    def __init__(self, engine: Engine, run: DurableRun, *, open_max: int, cpus: int) -> None:
        self._engine = engine
        self._run = run
        self._open_max = open_max
        self._cpus = cpus
        self._entries: dict[int, Entry] = {}
        #: Jobs that had ended before the service was started, as they are told.
        self._past: dict[int, Job] = {}
        #: Numbers of the jobs that may still change.
        self._restless: set[int] = set()
        #: Jobs by the keys of their clients.
        self._keys: dict[str, int] = {}
        self._adding = asyncio.Lock()
        self.rate = Rate(time.monotonic())

    def go_on(self, unfinished: Iterable[QueuedJob]) -> Counter[Verdict]:
        """Take on what the run has not finished, remember the rest.

        :return: all verdicts of the run so far.
        """
        going_on = {job.number: job for job in unfinished}
        counts = counts_by_batch(self._run.store, self._run.run_id)
        for batch in self._run.batches():
            verdicts = counts.get(batch.batch, Counter())
            if key := batch.options.get("key"):
                self._keys[key] = batch.batch
            if batch.batch in going_on:
                job = going_on[batch.batch]
                self._take(Entry(job, batch.name, batch.added_at, verdicts))
            else:
                self._past[batch.batch] = told_record(batch, verdicts)
        return sum(counts.values(), Counter())

    async def add(self, source: Source, offer: Offer) -> Job:
        """Take on a job; it is in the store when this returns.

        One with a key that is there already is told instead.

        :raise ConfigurationError: it holds no set, or one that does not fit the machines.
        :raise StateError: too many jobs are open.
        """
        async with self._adding:
            if offer.key in self._keys:
                return self.one(self._keys[offer.key])
            if len(self._restless) >= self._open_max:
                raise StateError(
                    f"{len(self._restless)} jobs are open, and no more are taken",
                    hint="wait for some of them, or cancel some",
                )
            # Many sets take long to be made; the machines are looked after meanwhile.
            job = await asyncio.to_thread(self._make, source, offer)
            entry = Entry(job, printable_text(offer.name), datetime.now(UTC))
            self._take(entry)
            if offer.key:
                self._keys[offer.key] = job.number
            return self._told(entry)

    def one(self, number: int) -> Job:
        """:raise NotThereError: there is none of that number."""
        past = self._past.get(number)
        return past if past is not None else self._told(self._entry(number))

    def all(self) -> list[Job]:
        """Every job, the newest last."""
        told = [*self._past.values(), *self._told_all(self._entries)]
        return sorted(told, key=lambda job: job.number)

    def cancel(self, number: int) -> Job:
        """No more sets of a job; those that run are finished.

        :raise NotThereError: there is none of that number.
        :raise StateError: it has ended.
        """
        return self._change(number, self._engine.cancel)

    def hold(self, number: int) -> Job:
        """No more sets of a job until :meth:`release`; errors are those of :meth:`cancel`."""
        return self._change(number, self._engine.hold)

    def release(self, number: int) -> Job:
        """Go on with a job that was held; errors are those of :meth:`cancel`."""
        return self._change(number, self._engine.release)

    def decided(self, number: int, verdict: Verdict) -> None:
        """A set of a job has its verdict."""
        self.rate.count(time.monotonic())
        if number in self._entries:
            self._entries[number].verdicts[verdict] += 1

    @property
    def open_count(self) -> int:
        """How many have not ended."""
        return sum(not self._entries[number].job.done for number in self._restless)

    @property
    def done_count(self) -> int:
        """How many have ended."""
        return len(self._past) + len(self._entries) - self.open_count

    def restless(self) -> list[Job]:
        """Those that may have changed since this was asked before."""
        numbers = sorted(self._restless)
        told = self._told_all(numbers)
        self._restless.difference_update(
            number for number in numbers if self._entries[number].job.done
        )
        return told

    def _make(self, source: Source, offer: Offer) -> QueuedJob:
        self._check(draw_body(source), offer.offset)
        return self._run.add(
            source,
            name=printable_text(offer.name),
            offset=offer.offset,
            goal=None if offer.admission is None else offer.admission.parameters,
            switches=offer.switches,
            key=offer.key,
        )

    def _take(self, entry: Entry) -> None:
        self._entries[entry.job.number] = entry
        self._restless.add(entry.job.number)
        self._engine.add(entry.job)

    def _change(self, number: int, change: Callable[[int], None]) -> Job:
        past = self._past.get(number)
        if past is not None:
            raise StateError(f"job {number} is {past.state}: there is nothing to change")
        entry = self._entry(number)
        change(number)
        return self._told(entry)

    def _entry(self, number: int) -> Entry:
        entry = self._entries.get(number)
        if entry is None:
            raise NotThereError(f"there is no job {number}")
        return entry

    def _told(self, entry: Entry) -> Job:
        return entry.told(self.rate.per_s(time.monotonic()))

    def _told_all(self, numbers: Iterable[int]) -> list[Job]:
        rate = self.rate.per_s(time.monotonic())
        return [self._entries[number].told(rate) for number in numbers]

    def _check(self, tasksets: Iterable[TaskSet], offset: int) -> None:
        """:raise ConfigurationError: the first set needs more processors than there are."""
        first = next(islice(iter(tasksets), offset, None), None)
        if first is None:
            return  # the job says so
        needed = max(task.coreoffset + (task.cores or 1) for task in first)
        if needed > self._cpus:
            raise ConfigurationError(
                f"the first task set needs {needed} processors, and the machines have {self._cpus}",
                hint=f"start the service with --cpus {needed}",
            )
