"""The scheduler's switches: who ran on which processor, from when on. Pure.

A loader tells them when it is asked to (docs/protocol.md); they come from a machine, so
every number in them is checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from distributor.errors import WireError

#: How many switches of a set are kept if nobody says otherwise, and at most.
SWITCHES_DEFAULT = 1 << 16
SWITCHES_MAX = 1 << 20

#: Most processors that a loader tells of, and the largest number in it.
_CPUS_MAX = 1024
_DIGITS_MAX = 19


class Occupant(StrEnum):
    """Who has a processor."""

    #: A job, named by its task and index.
    JOB = "job"
    #: Nobody.
    IDLE = "idle"
    #: The loader, and processes that it makes ready.
    LOADER = "loader"
    #: The kernel's threads, and any other process.
    KERNEL = "kernel"


class Trace(StrEnum):
    """Whether the switches of a set are all there."""

    COMPLETE = "complete"
    #: There were more than were asked for: they end early.
    CUT = "cut"
    #: The kernel wrote faster than the loader read: some are missing in between.
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Switch:
    """From ``time_ns`` after the set's time zero on, a processor belongs to somebody."""

    cpu: int
    time_ns: int
    occupant: Occupant
    #: Both None unless the occupant is a job.
    task_id: int | None = None
    job_index: int | None = None


@dataclass(frozen=True, slots=True)
class TraceEnd:
    """The loader's word that all switches are told, and how many."""

    count: int
    trace: Trace


_OTHERS = {"I": Occupant.IDLE, "L": Occupant.LOADER, "K": Occupant.KERNEL}


def parse_switches(cpu: str, text: str) -> Iterator[Switch]:
    """Read ``TIME WHO TIME WHO ...`` of one processor.

    :raise WireError: it is not of that form.
    """
    words = text.split()
    if len(words) % 2:
        raise WireError("the machine sent a switch of the processor without who got it")
    number = _number(cpu)
    if number >= _CPUS_MAX:
        raise WireError(f"the machine sent a switch of processor {number}")
    for time, who in zip(words[::2], words[1::2], strict=True):
        time_ns = -_number(time[1:]) if time.startswith("-") else _number(time)
        if who in _OTHERS:
            yield Switch(number, time_ns, _OTHERS[who])
        else:
            task_id, _, job = who.partition(".")
            yield Switch(number, time_ns, Occupant.JOB, _number(task_id), _number(job))


def parse_end(count: str, cut: str, lost: str) -> TraceEnd:
    """Read what ends the switches.

    :raise WireError: a number that is none.
    """
    if _number(lost):
        trace = Trace.LOST
    else:
        trace = Trace.CUT if _number(cut) else Trace.COMPLETE
    return TraceEnd(_number(count), trace)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MAX):
        raise WireError(f"the machine sent {text[:40]!r} in its switches, which is no number")
    number = int(text)
    if number > 2**61:
        raise WireError(f"the machine sent {text} in its switches, which is beyond any time")
    return number
