"""A whole fleet: how soon it is ready, and how much memory each machine takes of the host."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import mean

from benchmarks import Measured, measured
from distributor.machines.machine import Machine
from distributor.machines.qemu import qemu_kind

GOAL_MIB = 40.0
GOAL_S = 12.0
MACHINES = 42


def main() -> Iterator[Measured]:
    ready_s, memory_mib = asyncio.run(measure(MACHINES))
    yield measured("fleet_of_42_ready", ready_s, "s", GOAL_S)
    yield measured("memory_per_machine", memory_mib, "MiB", GOAL_MIB)
    bridged_s, _ = asyncio.run(measure(MACHINES, network="bridge"))
    yield measured("fleet_of_42_ready_on_bridge", bridged_s, "s", ready_s)


async def measure(count: int, network: str = "user") -> tuple[float, float]:
    """Seconds until so many machines on a network are ready, and MiB of each.

    Each is paused when it is ready, as the engine does with those that have nothing to do.
    """
    kind = qemu_kind(network=network)
    machines = [kind.create_reachable(f"m{number}") for number in range(count)]
    try:
        # Boots the template, if there is none.
        first = kind.create_reachable("first")
        try:
            await first.start()
        finally:
            await first.stop()
        begun_s = time.perf_counter()
        async with asyncio.TaskGroup() as starts:
            for machine in machines:
                starts.create_task(_start(machine))
        ready_s = time.perf_counter() - begun_s
        # Pages that are shared count by each machine's part.
        return ready_s, mean(pss_mib(each.pid) for each in machines if each.pid is not None)
    finally:
        for machine in machines:
            await machine.stop()
        kind.close()


async def _start(machine: Machine) -> None:
    await machine.start()
    await machine.pause()


def pss_mib(pid: int) -> float:
    """Proportional set size (proc(5), smaps_rollup)."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss: +(\d+) kB", text, re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024
