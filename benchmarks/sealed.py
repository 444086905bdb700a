"""Sealed machines: what a fork and a task set on it cost, and how well runs repeat."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Iterator, Sequence
from statistics import median

from benchmarks import Measured, measured
from benchmarks._machine import TIMEOUT_S, three_tasks
from benchmarks.memory import pss_mib
from benchmarks.spread import busy_host
from distributor.machines.image import require_image
from distributor.machines.qemu import qemu_kind
from distributor.machines.qemu.sealed import SealedQemuMachine
from distributor.session.binary import Binaries, binary_finder
from distributor.session.record import Record
from distributor.session.result import digest
from distributor.session.sealed import SealedSession
from distributor.tasks.task import Task
from distributor.tasks.taskset import TaskSet

STARTS = 10
SETS = 30
REPETITIONS = 20
GUEST_S = 2.0
#: Milliseconds that the ancestor took for a set of no work, and the goals of the design.
ANCESTOR_MS = 3610.0
GOAL_READY_MS = 250.0
GOAL_RATE = 8.0
GOAL_MIB = 40.0


def main() -> Iterator[Measured]:
    starts_ms, memory_mib = asyncio.run(_starts())
    yield measured("sealed_machine_ready_median", median(starts_ms), "ms", GOAL_READY_MS)
    yield measured("sealed_memory_of_a_fork", memory_mib, "MiB", GOAL_MIB)
    hey = TaskSet(Task("hey", arg1=1, period_ms=100, priority=1))
    walls_s, _ = asyncio.run(_run([hey] * SETS))
    yield measured("sealed_set_of_hey_median", median(walls_s) * 1e3, "ms", ANCESTOR_MS)
    three = three_tasks(GUEST_S)
    before_s = _processor_s_of_children()
    asyncio.run(_run([three] * 3))
    # The starts of the forks included.
    work_s = _processor_s_of_children() - before_s
    yield measured("sealed_guest_s_per_core_s", 3 * GUEST_S / work_s, "", GOAL_RATE)
    short = three_tasks(0.2)
    _, quiet = asyncio.run(_run([short] * (REPETITIONS // 2)))
    with busy_host():
        _, loaded = asyncio.run(_run([short] * (REPETITIONS // 2)))
    digests = [digest(record.jobs) for record in (*quiet, *loaded)]
    agreeing = max(digests.count(each) for each in digests)
    yield measured("sealed_repetitions_that_agree", agreeing, "runs", REPETITIONS)


async def _starts() -> tuple[list[float], float]:
    """Milliseconds from asking for a machine to one that is ready, and a fork's memory."""
    kind = qemu_kind()
    await _one_set(kind.create_sealed("template"))  # boots the template, if there is none
    walls_ms = []
    memory_mib = 0.0
    for number in range(STARTS):
        machine = kind.create_sealed(f"m{number}")
        begun_s = time.perf_counter()
        try:
            await machine.start()
            walls_ms.append((time.perf_counter() - begun_s) * 1e3)
            if machine.next_pid is not None:
                memory_mib = pss_mib(machine.next_pid)
        finally:
            await machine.stop()
    await asyncio.to_thread(kind.close)
    return walls_ms, memory_mib


async def _one_set(machine: SealedQemuMachine) -> None:
    try:
        await machine.start()
    finally:
        await machine.stop()


def _processor_s_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


async def _run(tasksets: Sequence[TaskSet]) -> tuple[list[float], list[Record]]:
    """Seconds by the clock for each set, and its record."""
    kind = qemu_kind()
    machine = kind.create_sealed("bench")
    found = Binaries(binary_finder(require_image().tasks))
    walls_s, records = [], []
    try:
        await machine.start()
        async with SealedSession(machine, binaries=found, timeout_s=TIMEOUT_S) as session:
            for taskset in tasksets:
                begun_s = time.perf_counter()
                records.append(await session.run(taskset, lambda _: None))
                walls_s.append(time.perf_counter() - begun_s)
    finally:
        await machine.stop()
        await asyncio.to_thread(kind.close)
    return walls_s, records
