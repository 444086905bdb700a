"""What a watcher is told, put together: the newest of each thing, a few times a second.

Pure: what there is goes in, what has changed since comes out. However much happens between two
batches, one holds no more than each job and each machine once, and :data:`SETS_MAX` sets.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from distributor.machines.machine import MachineState
from distributor.service.models import Job, Machine, Set, State

#: Time between two batches.
BATCH_S = 0.2
#: Sets that one batch holds; what comes beyond is counted.
SETS_MAX = 200
#: What always changes (loads, times) is told so often at most by itself.
REFRESH_S = 2.0

_RESTLESS_STATE = {"load", "memory_free_mib", "sets_per_s"}
_RESTLESS_MACHINE = {"uptime_s", "work_s"}


class Event(NamedTuple):
    """One event of the stream: its name, and what it tells."""

    name: str
    told: State | Job | Machine | list[Set] | dict[str, Any]


class Changes:
    """What has changed since the last :meth:`batch`."""

    def __init__(self) -> None:
        self._sets: list[Set] = []
        self._dropped = 0
        self._state: State | None = None
        self._jobs: dict[int, Job] = {}
        self._machines: dict[str, Machine] = {}
        self._refreshed_s = -REFRESH_S

    def finished(self, each: Set) -> None:
        """A set has its verdict."""
        if len(self._sets) < SETS_MAX:
            self._sets.append(each)
        else:
            self._dropped += 1

    def overlooked(self, sets: int) -> None:
        """So many sets have their verdict, and were not handed over."""
        self._dropped += sets

    def batch(
        self, now_s: float, state: State, jobs: Iterable[Job], machines: Iterable[Machine]
    ) -> list[Event]:
        """What to tell now.

        :param now_s: on any clock that only goes forward.
        :param jobs: those that may have changed; one that has ended is handed over once more.
        :param machines: all that there are; one that is missing is told of as dead.
        """
        refresh = now_s - self._refreshed_s >= REFRESH_S
        if refresh:
            self._refreshed_s = now_s
        events: list[Event] = []
        present = {job.number: job for job in jobs}
        events += [
            Event("job", job) for number, job in present.items() if self._jobs.get(number) != job
        ]
        self._jobs = present
        events += self._of_machines({each.id: each for each in machines}, refresh)
        if self._sets:
            events.append(Event("sets", self._sets))
        if self._dropped:
            events.append(Event("dropped", {"dropped": self._dropped}))
        self._sets, self._dropped = [], 0
        if _differ(self._state, state, set() if refresh else _RESTLESS_STATE):
            self._state = state
            events.append(Event("state", state))
        return events

    def _of_machines(self, present: dict[str, Machine], refresh: bool) -> list[Event]:
        events = [
            Event("machine", gone.model_copy(update=_GONE))
            for name, gone in self._machines.items()
            if name not in present
        ]
        for name, machine in present.items():
            before = self._machines.get(name)
            if _differ(before, machine, set() if refresh else _RESTLESS_MACHINE):
                events.append(Event("machine", machine))
            else:
                present[name] = before or machine  # still what was told
        self._machines = present
        return events


_GONE = {"state": MachineState.DEAD, "job": None, "index": None, "name": None}


def _differ(before: State | Machine | None, now: State | Machine, ignored: set[str]) -> bool:
    if before is None or before == now:
        return before is None
    one, other = dict(before), dict(now)
    return any(one[name] != other[name] for name in one if name not in ignored)
