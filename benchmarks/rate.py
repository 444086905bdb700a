"""How many seconds of guest time one second of a host's processor makes, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from benchmarks import Measured, measured
from benchmarks._machine import bench, three_tasks
from distributor.tasks.task import Task
from distributor.tasks.taskset import TaskSet

GOAL_BUSY = 8.0
GOAL_IDLE = 60.0
BUSY_S = 5
IDLE_S = 60
IDLE_PERIOD_MS = 100


def main() -> Iterator[Measured]:
    busy_s, idle_s = asyncio.run(_measure())
    yield measured("rate_three_tasks", BUSY_S / busy_s, "guest s per core s", GOAL_BUSY)
    yield measured("rate_idle", IDLE_S / idle_s, "guest s per core s", GOAL_IDLE)


async def _measure() -> tuple[float, float]:
    """Processor seconds of QEMU's for either set."""
    idle = Task(
        "idle",
        period_ms=IDLE_PERIOD_MS,
        priority=0,
        numberofjobs=IDLE_S * 1000 // IDLE_PERIOD_MS,
    )
    async with bench() as one:
        await one.run(three_tasks(0.1))  # sends the binary
        return await one.work_s(three_tasks(BUSY_S)), await one.work_s(TaskSet(idle))
