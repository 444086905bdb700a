"""What a task set costs beside its own time, on a machine that is up: sets of one `hey`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median

from benchmarks import Measured, measured
from distributor import Attempt, Distributor, Monitor, Result, Task, TaskSet

GOAL_MS = 30.0
#: Of the tool that came before, measured on the same machine.
ANCESTOR_MS = 3610.0
SETS = 50
#: The first sets send the binary and find caches cold.
WARM_UP = 3


class _Watch(Monitor):
    def __init__(self) -> None:
        self.ends_s: list[float] = []
        self.guest_ms: list[float] = []

    def finished(self, attempt: Attempt, result: Result) -> None:
        self.ends_s.append(time.perf_counter())
        self.guest_ms.append(result.guest_ns / 1e6)


def main() -> Iterator[Measured]:
    watch = _Watch()
    with Distributor(network="user") as distributor:
        one = TaskSet(Task("hey", arg1=1))
        distributor.add_job((one for _ in range(WARM_UP + SETS)), watch)
        distributor.wait()
    overheads_ms = [
        (end_s - begin_s) * 1e3 - guest_ms
        for begin_s, end_s, guest_ms in zip(
            watch.ends_s[WARM_UP - 1 :],
            watch.ends_s[WARM_UP:],
            watch.guest_ms[WARM_UP:],
            strict=False,
        )
    ]
    assert len(overheads_ms) == SETS
    yield measured("overhead_median", median(overheads_ms), "ms", GOAL_MS)
    yield measured("overhead_median_to_ancestor", median(overheads_ms), "ms", ANCESTOR_MS)
    yield measured("overhead_longest", max(overheads_ms), "ms", GOAL_MS)
