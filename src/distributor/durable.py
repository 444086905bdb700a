"""A durable run: a run of a store that goes on after its program is gone.

The store holds where each job's sets come from and what was asked for; which sets have a
verdict says how far it is. Nothing else is kept, but what sets have cost that have none yet, so
that one that kills its machines cannot do so anew after each crash. The run is claimed as long
as its program lives: no other one can go on with it meanwhile (docs/durable.md).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from typing import Any, Self

from distributor.errors import ConfigurationError, StateError, StoreError
from distributor.jobs.job import Job, JobState, Past
from distributor.monitors.monitor import Attempt
from distributor.monitors.store import StoreMonitor
from distributor.session.result import Result
from distributor.store.batch import OPEN, PAUSED, BatchRecord, Setback
from distributor.store.record import RunRecord
from distributor.store.store import DEFAULT_STORE, Store
from distributor.tasks.source import Source, draw, is_program
from distributor.tasks.taskset import TaskSet

#: Option of a run that cannot go on: why not.
NOT_DURABLE = "not_durable"
#: Sets with a verdict, at the head and at the end of those that a program made, that are
#: compared with what the program makes now.
_COMPARED = 16
_STATES = {JobState.WAITING: OPEN, JobState.RUNNING: OPEN, JobState.PAUSED: PAUSED}


class DurableRun(StoreMonitor):
    """Keeps a run's jobs and their results; hand it to one distributor, or engine, as a monitor.

    ::

        run = DurableRun("results.db")
        with Distributor(2, monitors=[run]) as distributor:
            distributor.add_job(run.add(describe_file(Path("sets.py"))))
            distributor.wait()

    and in another program, when that one is gone::

        run = DurableRun.resume("results.db")
        with Distributor(2, monitors=[run]) as distributor:
            for job in run.unfinished():
                distributor.add_job(job)
            distributor.wait()

    The run is claimed as long as this lives. What the store does not take (a full disk) is owed:
    it is written before whatever comes next, or by :meth:`keep_owed`. A method takes as long as
    the store or a source does, and needs no event loop; calls must not overlap.

    :param store: as for :class:`StoreMonitor`, whose other parameters it has, too.
    :param run: number of a run that goes on with its own jobs; :meth:`resume` finds it.
    """

    def __init__(
        self, store: Store | str = DEFAULT_STORE, *, run: int | None = None, **about: Any
    ) -> None:
        super().__init__(store, run=run, **about)
        self._jobs: dict[int, Job] = {}
        self._setbacks: dict[tuple[int, int], Setback] = {}
        #: What could not be written when it came, the oldest first.
        self._owed: deque[Callable[[], None]] = deque()
        self._writing = threading.Lock()
        try:
            self._last = max(self._batches, self._store.batches.last(self._run_id))
        except BaseException:
            self._release()
            raise
        # Jobs of a run that goes on keep their numbers.
        self._batches = 0

    @classmethod
    def resume(cls, store: Store | str = DEFAULT_STORE, run: int | None = None) -> Self:
        """A run that goes on.

        :param run: its number; the last one with an unfinished job if None.
        :raise StoreError: there is none, or another program is at it.
        :raise StateError: that run has nothing left to run, or cannot go on.
        """
        opened = Store.open(store) if isinstance(store, str) else nullcontext(store)
        with opened as reader:
            record = find_unfinished(reader, run)
        return cls(store, run=record.id, options=record.options)

    @property
    def durable(self) -> bool:
        """Whether it has, or had, jobs that another program can go on with."""
        return self._last > 0

    def add(
        self,
        source: Source,
        tasksets: TaskSet | Iterable[TaskSet] | None = None,
        *,
        name: str = "",
        offset: int = 0,
        goal: Mapping[str, Any] | None = None,
        switches: int = 0,
        key: str = "",
    ) -> Job:
        """A job of these sets, kept; it is to be handed to the engine or to ``add_job``.

        :param source: see :mod:`distributor.tasks.source`.
        :param tasksets: what it gives, where that has been drawn already.
        :param name: what lists call it.
        :param offset: sets at its head to leave out.
        :param goal: of the admission control in the machine, if there is to be one.
        :param switches: how many switches of the processors to record of a set, at most.
        :param key: who handed it over knows it by, and it is kept with it.
        :raise ConfigurationError: the source cannot be drawn, or has no set.
        """
        number = self._last + 1
        given = draw(source) if tasksets is None else tasksets
        job = Job(given, number=number, offset=offset, goal=goal, switches=switches)
        self._store.batches.add(
            self._run_id,
            number,
            name=name,
            source=source,
            skipped=offset,
            options={
                "goal": None if goal is None else dict(goal),
                "switches": switches,
                **({"key": key} if key else {}),
            },
        )
        self._last = number
        self._jobs[number] = job
        return job

    def unfinished(self) -> list[Job]:
        """The jobs that are open or paused, each to run what has no verdict.

        One that turns out to have all its verdicts is marked as done, and left out.

        :raise ConfigurationError: a source is gone, or gives other sets than it did.
        """
        batches = self._store.batches.of_run(self._run_id, unfinished=True)
        jobs = [self._again(batch) for batch in batches]
        for job in jobs:
            self._jobs[job.number] = job
            if job.done:
                self.job_changed(job.number)
        return [job for job in jobs if not job.done]

    def batches(self) -> list[BatchRecord]:
        """Every job of the run, as the store has it."""
        return self._store.batches.of_run(self._run_id)

    def stopped(self, attempt: Attempt) -> None:
        key = attempt.job, attempt.index
        before = self._setbacks.get(key, Setback(0, 0, ()))
        if (attempt.tries, attempt.losses) != before[:2]:
            machines = (*before.machines, attempt.machine)
            self._setbacks[key] = Setback(attempt.tries, attempt.losses, machines)
            setback = self._setbacks[key]
            self._keep(lambda: self._store.batches.note_setback(self._run_id, *key, setback))
        super().stopped(attempt)

    def job_changed(self, job: int) -> None:
        if (known := self._jobs.get(job)) is not None:
            state = _STATES.get(known.state, known.state.value)
            if known.done:
                del self._jobs[job]
            told = self._run_id, job, state, str(known.error or "")
            self._keep(lambda: self._store.batches.set_state(*told))
        super().job_changed(job)

    @property
    def owes(self) -> bool:
        """Whether something could not be written yet."""
        return bool(self._owed)

    def keep_owed(self) -> None:
        """Write what could not be written when it came, in its order; from any thread.

        :raise StoreError: it still cannot be written.
        """
        with self._writing:
            while self._owed:
                self._owed[0]()
                self._owed.popleft()

    def close(self) -> None:
        try:
            if not self._closed:
                self.keep_owed()
        finally:
            super().close()

    def _add(self, attempt: Attempt, result: Result) -> None:
        self._setbacks.pop((attempt.job, attempt.index), None)
        add = super()._add
        self._keep(lambda: add(attempt, result))

    def _keep(self, write: Callable[[], None]) -> None:
        """Write it, after all that is owed; where that fails, it is owed as well."""
        self._owed.append(write)
        self.keep_owed()

    def _again(self, batch: BatchRecord) -> Job:
        decided = self._store.batches.decided(self._run_id, batch.batch)
        setbacks = self._store.batches.setbacks(self._run_id, batch.batch)
        for index, setback in setbacks.items():
            self._setbacks[batch.batch, index] = setback
        compared = _ends(decided, _COMPARED) if is_program(batch.source) else frozenset()

        def passed(index: int, taskset: TaskSet) -> None:
            if index in compared and not self._store.batches.same_tasks(
                self._run_id, batch.batch, index, taskset
            ):
                raise ConfigurationError(
                    f"{batch.source['path']} makes another task set there than it did before",
                    hint="give its generator a seed, and begin a new run",
                )

        job = Job(
            draw(batch.source),
            number=batch.batch,
            offset=batch.skipped,
            goal=batch.options.get("goal"),
            switches=batch.options.get("switches", 0),
            past=Past(decided, setbacks, passed),
        )
        if job.error is not None:
            raise job.error
        job.held = batch.state == PAUSED
        return job


def find_unfinished(
    store: Store, run: int | None = None, *, begun_by: str | None = None
) -> RunRecord:
    """A run with a job that is to go on; the last one without a number.

    :param begun_by: without a number, only runs whose option of this name says so.
    :raise StoreError: there is no such run.
    :raise StateError: that run has nothing left to run, or cannot go on.
    """
    unfinished = store.batches.unfinished_runs()
    if run is None:
        for number in reversed(unfinished):
            record = store.run(number)
            if begun_by is None or record.options.get("begun_by") == begun_by:
                return record
    record = store.run(run)
    why = record.options.get(NOT_DURABLE)
    if why is not None and record.ended_at is None:
        raise StateError(f"run {record.id} of {store.name} cannot go on: {why}")
    if run is None:
        raise StoreError(f"the store {store.name} has no unfinished run")
    if run in unfinished:
        return record
    if store.batches.last(run):
        raise StateError(f"run {run} of {store.name} is complete: nothing is left to run")
    raise StateError(
        f"run {run} of {store.name} cannot go on: where its task sets come from is not kept"
    )


def _ends(decided: list[range], count: int) -> frozenset[int]:
    """The first and the last so many of the indices."""
    head: list[int] = []
    for each in decided:
        head += each[: count - len(head)]
    tail: list[int] = []
    for each in reversed(decided):
        if len(tail) < count:
            tail += each[max(0, len(each) - count + len(tail)) :]
    return frozenset(head + tail)
