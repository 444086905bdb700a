"""Simulated machines: sets a second, by how many jobs they have and how many machines there are."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks import Measured, measured
from benchmarks._machine import three_tasks
from distributor import Distributor, Task, TaskSet
from distributor.machines.simulated.description import described
from distributor.machines.simulated.schedule import simulate

#: Median milliseconds of a sealed machine for a set of one `hey` (docs/benchmarks.md).
SEALED_SETS_S = 1000 / 106


def main() -> Iterator[Measured]:
    small = TaskSet(Task("busy", arg1=1000, period_ms=10, priority=1))
    middle = three_tasks(0.1)
    assert middle.jobs == 35
    yield measured("simulated_start", _start_ms(), "ms")
    for machines in (1, 2):
        for name, taskset, count in (("1_job", small, 1000), ("35_jobs", middle, 150)):
            rate = count / _seconds(taskset, count * machines, machines) * machines
            name = f"simulated_sets_of_{name}_on_{machines}"
            yield measured(name, rate, "sets/s", SEALED_SETS_S)
    long = three_tasks(30)
    begun_s = time.perf_counter()
    simulate(described(long, 1), 1)
    yield measured("simulated_jobs", long.jobs / (time.perf_counter() - begun_s), "jobs/s")


def _start_ms() -> float:
    """From asking for a machine to its first verdict."""
    begun_s = time.perf_counter()
    with Distributor(clock="simulated") as distributor:
        distributor.add_job(TaskSet(Task("busy", arg1=1000, period_ms=10, priority=1)))
        distributor.wait()
        return (time.perf_counter() - begun_s) * 1e3


def _seconds(taskset: TaskSet, count: int, machines: int) -> float:
    """Seconds for so many sets, on machines that are up."""
    with Distributor(machines, clock="simulated") as distributor:
        distributor.add_job(taskset for _ in range(4 * machines))
        distributor.wait()
        begun_s = time.perf_counter()
        distributor.add_job(taskset for _ in range(count))
        distributor.wait()
        return time.perf_counter() - begun_s
