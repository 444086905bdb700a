"""How long a machine takes from being asked for until its loader answers."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator
from statistics import median

from benchmarks import Measured, measured
from distributor.machines.qemu import qemu_kind
from distributor.machines.qemu.facts import qemu_facts
from distributor.session.result import Clock

STARTS = 7
COLD_STARTS = 2


def main() -> Iterator[Measured]:
    floor_s = median(version_s() for _ in range(STARTS))
    yield measured("start_qemu_version", floor_s * 1e3, "ms")
    for clock in (Clock.VIRTUAL, Clock.REAL):
        cold_s, _ = asyncio.run(_measure(clock, COLD_STARTS, cold=True))
        wall_s, work_s = asyncio.run(_measure(clock, STARTS, cold=False))
        yield measured(f"start_{clock}_median", wall_s * 1e3, "ms", cold_s * 1e3)
        yield measured(f"start_{clock}_processor_time_median", work_s * 1e3, "ms")


def version_s() -> float:
    """The least that any start of QEMU takes."""
    begun_s = time.perf_counter()
    subprocess.run([qemu_facts().path, "--version"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun_s


async def _measure(clock: Clock, starts: int, *, cold: bool) -> tuple[float, float]:
    """Medians by the clock and of QEMU's processor time, in seconds.

    The first start, which may have to boot the template, does not count.
    """
    kind = qemu_kind(clock=clock, network="user", cold=cold)
    walls_s, works_s = [], []
    try:
        for number in range(starts + 1):
            machine = kind.create_reachable(f"m{number}")
            begun_s = time.perf_counter()
            try:
                await machine.start()
                walls_s.append(time.perf_counter() - begun_s)
                works_s.append(machine.work_s() or 0.0)
            finally:
                await machine.stop()
    finally:
        kind.close()
    return median(walls_s[1:]), median(works_s[1:])
