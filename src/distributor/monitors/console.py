"""A monitor that writes everything it is told of, one line each."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TextIO

from distributor.monitors.monitor import Attempt, Monitor
from distributor.session.event import Event
from distributor.session.result import Result


class ConsoleMonitor(Monitor):
    """Writes raw events, and what frames them, as lines of ``key=value``.

    ``batch`` is the number of the job that was added, ``job`` the index of a task's job.

    :param stream: where to; standard output if not given.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def started(self, attempt: Attempt) -> None:
        self._write(
            f"started {_who(attempt)} try={attempt.number} "
            f"tasks={len(attempt.taskset)} name={attempt.taskset.name!r}"
        )
        super().started(attempt)

    def event(self, attempt: Attempt, events: Sequence[Event]) -> None:
        who = _who(attempt)
        self._write("\n".join(f"event {who} {_what(event)}" for event in events))
        super().event(attempt, events)

    def finished(self, attempt: Attempt, result: Result) -> None:
        self._write(f"finished {_who(attempt)} {_outcome(result)}")
        super().finished(attempt, result)

    def stopped(self, attempt: Attempt) -> None:
        self._write(f"stopped {_who(attempt)}")
        super().stopped(attempt)

    def bad(self, attempt: Attempt, result: Result) -> None:
        self._write(f"bad {_who(attempt)} {_outcome(result)}")
        super().bad(attempt, result)

    def _write(self, text: str) -> None:
        stream = self._stream or sys.stdout
        stream.write(text + "\n")
        stream.flush()


def _who(attempt: Attempt) -> str:
    return f"batch={attempt.job} set={attempt.index} machine={attempt.machine}"


def _what(event: Event) -> str:
    parts = [f"task={event.task_id}", f"type={event.type}", f"time_ns={event.time_ns}"]
    for name, value in (
        ("job", event.job),
        ("release_ns", event.release_ns),
        ("exit", event.exit_value),
    ):
        if value is not None:
            parts.append(f"{name}={value}")
    return " ".join(parts)


def _outcome(result: Result) -> str:
    return (
        f"verdict={result.verdict} jobs={len(result.jobs)} guest_ns={result.guest_ns} "
        f"host_s={result.host_s:.3f} reason={result.reason!r}"
    ) + ("" if result.noise is None else f" noise={str(result.noise)!r}")
