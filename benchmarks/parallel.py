"""How many sealed machines at once decide the most sets a second on this host."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median

from benchmarks import Measured, measured
from benchmarks._machine import three_tasks
from distributor import Distributor, Task, TaskSet
from distributor.machines.host import Host

ROUNDS = 2
#: Sets of each measurement, for each machine one more to warm up.
SETS = 16
GUEST_S = 0.2


def main() -> Iterator[Measured]:
    cores = Host.read().cores
    counts = sorted({1, cores, cores + 1, 2 * cores, 3 * cores})
    for name, taskset in {
        "hey": TaskSet(Task("hey", arg1=1)),
        "busy": three_tasks(GUEST_S),
    }.items():
        rates: dict[int, list[float]] = {count: [] for count in counts}
        # In turns, so that what else the host does meets all alike; the ratios are of a round.
        for turn in range(ROUNDS):
            for count in counts if turn % 2 == 0 else reversed(counts):
                rates[count].append(_sets_per_s(count, taskset))
        for count in counts:
            ratio = median(
                rate / base for rate, base in zip(rates[count], rates[cores], strict=True)
            )
            # The baseline is that of as many machines as cores, in the same rounds.
            rate = median(rates[count])
            yield measured(f"parallel_{name}_machines_{count}", rate, "sets/s", rate / ratio)


def _sets_per_s(machines: int, taskset: TaskSet) -> float:
    with Distributor(machines) as distributor:
        distributor.add_job(taskset for _ in range(2 * machines))
        distributor.wait()
        begun_s = time.perf_counter()
        distributor.add_job(taskset for _ in range(SETS))
        distributor.wait()
        return SETS / (time.perf_counter() - begun_s)
