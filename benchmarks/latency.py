"""How long after its release a job first executes, in the guest, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from statistics import median

from benchmarks import Measured, measured
from benchmarks._machine import bench
from distributor.tasks.task import Task
from distributor.tasks.taskset import TaskSet

GOAL_US = 40.0
JOBS = 1000


def main() -> Iterator[Measured]:
    latencies_us = asyncio.run(measure())
    yield measured("start_latency_least", min(latencies_us), "us", GOAL_US)
    yield measured("start_latency_median", median(latencies_us), "us", GOAL_US)
    yield measured("start_latency_greatest", max(latencies_us), "us", GOAL_US)


async def measure() -> list[float]:
    async with bench() as one:
        record = await one.run(TaskSet(Task("idle", period_ms=1, priority=0, numberofjobs=JOBS)))
    return [(job.start_latency_ns or 0) / 1e3 for job in record.jobs]
