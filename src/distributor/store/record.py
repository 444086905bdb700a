"""What a store holds, as it is read back: one class for each table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from distributor.session.result import Clock, MachineFacts, Noise, TaskJob, Verdict
from distributor.session.switch import Trace
from distributor.tasks.task import Task, wcet_ns


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run: what was asked for, where, and when."""

    id: int
    started_at: datetime
    #: None while it goes on, and for ever where it was interrupted.
    ended_at: datetime | None
    #: The command line or script.
    command: str
    #: None where each set tells (:attr:`TaskSetRecord.facts`).
    clock: Clock | None
    #: Seed of the generators that drew its task sets.
    seed: str | None
    options: Mapping[str, Any]
    #: Version of Distributor.
    distributor: str
    qemu: str | None
    #: The controlling host: system, processor, memory (:mod:`distributor.store.host`).
    host: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TaskSetRecord:
    """One task set of a run, with its verdict."""

    id: int
    run_id: int
    #: Number of its job (the batch), from 1 in the order of add_job.
    batch: int
    #: Its index in the batch.
    set_index: int
    name: str
    #: What made the set (:attr:`~distributor.tasks.taskset.TaskSet.origin`).
    origin: Mapping[str, Any] | None
    #: What disturbed the run that decided it (real clock); None if nothing did.
    noise: Noise | None
    verdict: Verdict
    reason: str
    finished_at: datetime
    #: How many tries it took.
    attempts: int
    #: Machine of the last try, and of all in their order.
    machine: str
    machines: tuple[str, ...]
    #: None where no machine came to be known.
    facts: MachineFacts | None
    guest_ns: int
    host_s: float
    #: See :func:`distributor.session.result.digest`.
    digest: str
    console: str
    #: Whether its switches are kept, and whole (:meth:`~distributor.store.store.Store.switches`);
    #: None if they were not asked for.
    trace: Trace | None
    #: How many tasks it has (:meth:`~distributor.store.store.Store.tasks` has them).
    task_count: int


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """One task of a set; the fields are those of :class:`~distributor.tasks.task.Task`.

    It is no Task: its executable may be gone since.
    """

    task_id: int
    executable: str
    name: str
    arg1: str
    priority: int
    period_ns: int
    deadline_ns: int
    offset_ns: int
    numberofjobs: int
    executiontime_ns: int | None
    criticaltime_ns: int | None
    quota_bytes: int | None
    caps: int | None
    cores: int | None
    coreoffset: int
    overrun: str

    @property
    def wcet_ns(self) -> int | None:
        """Worst-case execution time, by the rule of :attr:`Task.wcet_ns`."""
        return wcet_ns(self.executable, self.arg1, self.executiontime_ns)

    def task(self) -> Task:
        """The task that was stored.

        :raise ConfigurationError: its executable is gone.
        """
        return Task(
            self.executable,
            arg1=self.arg1,
            priority=self.priority,
            period_ns=self.period_ns,
            deadline_ns=self.deadline_ns,
            offset_ns=self.offset_ns,
            numberofjobs=self.numberofjobs,
            executiontime_ns=self.executiontime_ns,
            criticaltime_ns=self.criticaltime_ns,
            quota_mib=None if self.quota_bytes is None else self.quota_bytes / 2**20,
            caps=self.caps,
            cores=self.cores,
            coreoffset=self.coreoffset,
            overrun=self.overrun,
        )


class JobRecord(NamedTuple):
    """One job, and the set that it is of."""

    batch: int
    set_index: int
    job: TaskJob
