"""How far response times of one and the same set lie apart, on an idle host and a loaded one."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from benchmarks import Measured, measured
from benchmarks._machine import Bench, bench, three_tasks
from distributor.session.record import Record
from distributor.session.result import Clock

GOAL_US = 1.0
GUEST_S = 0.5
REPETITIONS = 20
#: In real time, for comparison; each takes its guest time and more.
REPETITIONS_REAL = 5


def main() -> Iterator[Measured]:
    virtual = asyncio.run(_measure(Clock.VIRTUAL, REPETITIONS))
    real = asyncio.run(_measure(Clock.REAL, REPETITIONS_REAL))
    for name, (records, baseline) in {
        "idle": (virtual[0], real[0]),
        "loaded": (virtual[1], real[1]),
    }.items():
        spreads_us, real_us = _spreads_us(records), _spreads_us(baseline)
        yield measured(f"spread_{name}_median", median(spreads_us), "us", median(real_us))
        yield measured(f"spread_{name}_greatest", max(spreads_us), "us", max(real_us))
    spreads_us = _spreads_us(virtual[0] + virtual[1])
    yield measured("spread_all_median", median(spreads_us), "us", GOAL_US)
    yield measured("spread_all_greatest", max(spreads_us), "us", GOAL_US)
    verdicts = {record.judge()[0] for record in virtual[0] + virtual[1]}
    yield measured("spread_verdicts", len(verdicts), "kinds", 1)


async def _measure(clock: Clock, repetitions: int) -> tuple[list[Record], list[Record]]:
    """Records of an idle host, and of one with a busy loop on every core."""
    async with bench(clock) as one:
        await one.run(three_tasks(0.1))  # sends the binary
        idle = await _repeat(one, repetitions)
        with busy_host():
            return idle, await _repeat(one, repetitions)


async def _repeat(one: Bench, repetitions: int) -> list[Record]:
    return [await one.run(three_tasks(GUEST_S)) for _ in range(repetitions)]


def _spreads_us(records: list[Record]) -> list[float]:
    """For each job of the set, its longest response less its shortest."""
    each = zip(*(record.jobs for record in records), strict=True)
    responses = ([job.response_ns for job in jobs] for jobs in each)
    return [(max(times_ns) - min(times_ns)) / 1e3 for times_ns in responses]


@contextmanager
def busy_host() -> Iterator[None]:
    """Two endless loops for each core of the host."""
    loops = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(2 * (os.cpu_count() or 1))
    ]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
