"""Monitors watch task sets run. One is handed to a job, or to a whole distributor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from distributor.session.event import Event
from distributor.session.result import Result
from distributor.tasks.taskset import TaskSet


@dataclass(frozen=True, slots=True)
class Attempt:
    """One task set being run on one machine."""

    taskset: TaskSet
    #: Number of its job (the batch), from 1 in the order of add_job.
    job: int
    #: Index of the set in its job, from 0, the job's offset included.
    index: int
    #: Which try this is, from 1.
    number: int
    #: Id of the machine.
    machine: str
    #: Runs that the set has spoilt so far, and machines that were lost under it.
    tries: int = 0
    losses: int = 0


class Monitor:
    """Base of all monitors: override what is of interest.

    Called from the distributor's own thread, one call at a time; a call that takes
    long holds up the run. An exception is logged and never stops the run, save
    :class:`~distributor.errors.StoreError`, which does, since results would be lost.

    Scripts of earlier distributors override ``__taskset_start__(taskset)``,
    ``__taskset_event__(taskset, event)``, ``__taskset_finish__(taskset)``,
    ``__taskset_stop__(taskset)`` and ``__taskset_bad__(taskset, n)``; these are
    called where they exist.
    """

    def started(self, attempt: Attempt) -> None:
        """A machine begins with the set."""
        self._old("__taskset_start__", attempt.taskset)

    def event(self, attempt: Attempt, events: Sequence[Event]) -> None:
        """The loader told of events, in their order; at least one."""
        if getattr(self, "__taskset_event__", None) is not None:
            for each in events:
                self._old("__taskset_event__", attempt.taskset, each)

    def finished(self, attempt: Attempt, result: Result) -> None:
        """The set has its verdict: schedulable, missed or failed."""
        self._old("__taskset_finish__", attempt.taskset)

    def stopped(self, attempt: Attempt) -> None:
        """The machine was stopped or lost, or the host disturbed the run (real clock); the set
        is back in the queue."""
        self._old("__taskset_stop__", attempt.taskset)

    def bad(self, attempt: Attempt, result: Result) -> None:
        """The set was given up as undecided after its last try."""
        self._old("__taskset_bad__", attempt.taskset, attempt.number)

    def job_changed(self, job: int) -> None:
        """A job, by its number, was paused, goes on, was cancelled or has come to its end."""

    def close(self) -> None:
        """The distributor ends; write what is left."""

    def _old(self, name: str, *args: Any) -> None:
        hook = getattr(self, name, None)
        if hook is not None:
            hook(*args)
