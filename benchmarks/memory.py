"""How much memory a machine takes of the host, pages that it shares counted by its part."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import mean

from benchmarks import Measured, measured
from distributor.machines.qemu import qemu_kind

GOAL_MIB = 40.0
MACHINES = 4


def main() -> Iterator[Measured]:
    yield measured("memory_per_machine", mean(asyncio.run(_measure())), "MiB", GOAL_MIB)


async def _measure() -> list[float]:
    kind = qemu_kind(network="user")
    machines = [kind.create_reachable(f"m{number}") for number in range(MACHINES)]
    try:
        async with asyncio.TaskGroup() as starts:
            for machine in machines:
                starts.create_task(machine.start())
        return [pss_mib(machine.pid) for machine in machines if machine.pid is not None]
    finally:
        for machine in machines:
            await machine.stop()
        kind.close()


def pss_mib(pid: int) -> float:
    """Proportional set size (proc(5), smaps_rollup)."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss: +(\d+) kB", text, re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024
