"""What a loader says of the jobs it runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class EventType(StrEnum):
    """The event types of the wire protocol (docs/protocol.md)."""

    START = "START"
    EXIT = "EXIT"
    EXIT_CRITICAL = "EXIT_CRITICAL"
    EXIT_EXTERNAL = "EXIT_EXTERNAL"
    EXIT_PERIOD = "EXIT_PERIOD"
    OUT_OF_CAPS = "OUT_OF_CAPS"
    OUT_OF_QUOTA = "OUT_OF_QUOTA"
    EXIT_ERROR = "EXIT_ERROR"
    NOT_SCHEDULED = "NOT_SCHEDULED"
    JOBS_DONE = "JOBS_DONE"

    @property
    def ends_job(self) -> bool:
        """Whether a job that had started is over with this event."""
        return self in _ENDS_JOB

    @property
    def ends_task(self) -> bool:
        """Whether no further event of the same task follows."""
        return self in (EventType.NOT_SCHEDULED, EventType.JOBS_DONE)


_ENDS_JOB = frozenset(
    {
        EventType.EXIT,
        EventType.EXIT_CRITICAL,
        EventType.EXIT_EXTERNAL,
        EventType.EXIT_PERIOD,
        EventType.OUT_OF_CAPS,
        EventType.OUT_OF_QUOTA,
        EventType.EXIT_ERROR,
    }
)


@dataclass(frozen=True, slots=True)
class Event:
    """One event of one task, in the order in which it happened.

    Times are nanoseconds of the machine's clock. A loader that sends the extension
    attributes counts them from the set's time zero; a plain loader counts milliseconds
    from a moment of its own, which appear here multiplied out and with ``exact`` false.
    """

    type: EventType
    task_id: int
    time_ns: int
    #: Index of the job in its task, from 0; None from a plain loader.
    job: int | None = None
    #: When the job was due, in nanoseconds after time zero; None from a plain loader.
    release_ns: int | None = None
    #: The child's exit value (128 + n for signal n), where the loader tells it.
    exit_value: int | None = None
    #: True where the loader stamped nanoseconds.
    exact: bool = False
