"""A machine as it looks to who looks in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from distributor.machines.machine import Machine

_NAME_MAX = 200


@dataclass(frozen=True, slots=True)
class Seen:
    """A machine and what it is doing.

    :param uptime_s: since the distributor began to start it.
    :param taskset: name of the set that it runs, None if it runs none.
    :param running: that set's job and index.
    """

    machine: Machine
    uptime_s: float
    taskset: str | None = None
    running: tuple[int, int] | None = None

    def describe(self) -> dict[str, Any]:
        """The same as JSON. Address and process are told of machines that have one."""
        job, index = self.running or (None, None)
        return {
            "machine": self.machine.id,
            "state": str(self.machine.state),
            "taskset": None if self.taskset is None else self.taskset[:_NAME_MAX],
            "job": job,
            "index": index,
            "uptime_s": round(self.uptime_s, 1),
            "address": getattr(self.machine, "address", None),
            "process": getattr(self.machine, "pid", None),
        }
