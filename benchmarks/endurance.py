"""Many sealed sets in one go: nothing grows, nothing is left, and it gets no slower.

``python -m benchmarks.endurance 10000`` runs so many.
"""

from __future__ import annotations

import os
import re
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import Measured, measured
from distributor import Attempt, Distributor, Monitor, Result, StoreMonitor, Task, TaskSet
from distributor.machines.host import machines_at_once
from distributor.machines.qemu import qemu_kind

SETS = 300
#: Parts of the run that are compared: the first and the last so many of the sets.
_PARTS = 5
_PROCESS = Path("/proc/self")


class _Clock(Monitor):
    """When each set was finished, and what the controller held a fifth of the way."""

    def __init__(self, sets: int) -> None:
        self._sets = sets
        self.times_s: list[float] = []
        #: Processor seconds of this process and of all machines, at the end of each set.
        self.works_s: list[float] = []
        self.early: tuple[float, int] = 0.0, 0
        self.digests: set[str] = set()

    def finished(self, attempt: Attempt, result: Result) -> None:
        self.digests.add(result.digest)
        self.times_s.append(time.perf_counter())
        self.works_s.append(_work_s())
        if len(self.times_s) == self._sets // _PARTS:
            self.early = holds()

    def bad(self, attempt: Attempt, result: Result) -> None:
        raise AssertionError(result.reason)


def holds() -> tuple[float, int]:
    """MiB of resident memory, and open descriptors of this process."""
    found = re.search(r"VmRSS:\s+(\d+) kB", (_PROCESS / "status").read_text())
    assert found is not None
    return int(found[1]) / 1024, len(os.listdir(_PROCESS / "fd"))


def _work_s() -> float:
    """Processor seconds of this process, and of those that it has ended."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _children() -> int:
    """Processes of ours, zombies included."""
    threads = (_PROCESS / "task").iterdir()
    return sum(len((thread / "children").read_text().split()) for thread in threads)


@contextmanager
def _temporary_files_in(folder: str) -> Iterator[None]:
    """What others leave in the usual folder meanwhile is not ours."""
    before = tempfile.tempdir
    tempfile.tempdir = folder
    try:
        yield
    finally:
        tempfile.tempdir = before


def main(sets: int = SETS) -> Iterator[Measured]:
    hey = TaskSet(Task("hey", arg1=1, period_ms=100, priority=1))
    clock = _Clock(sets)
    kind = qemu_kind()
    machines = machines_at_once("auto", cpus=kind.busy_cpus, memory_mib=kind.memory_mib)
    with Distributor() as distributor:  # boots the template, if there is none
        distributor.add_job(hey)
        distributor.wait()
    with tempfile.TemporaryDirectory() as folder, _temporary_files_in(folder):
        store = StoreMonitor(str(Path(folder) / "store.db"))
        with Distributor(machines, monitors=[store, clock]) as distributor:
            begun_s, begun_work_s = time.perf_counter(), _work_s()
            distributor.add_job(hey for _ in range(sets))
            distributor.wait()
            late = holds()
        left = [name for name in os.listdir(folder) if not name.startswith("store.db")]
    part = sets // _PARTS
    first_s = clock.times_s[part - 1] - begun_s
    last_s = clock.times_s[-1] - clock.times_s[-part - 1]
    first_work_s = (clock.works_s[part - 1] - begun_work_s) / part
    last_work_s = (clock.works_s[-1] - clock.works_s[-part - 1]) / part
    yield measured("endurance_sets", len(clock.times_s), "sets", sets)
    yield measured("endurance_rate", sets / (clock.times_s[-1] - begun_s), "sets/s")
    yield measured("endurance_rate_of_the_last_fifth", part / last_s, "sets/s", part / first_s)
    # The same, however busy the host is with other things.
    yield measured(
        "endurance_processor_time_of_a_set_in_the_last_fifth",
        last_work_s * 1e3,
        "ms",
        first_work_s * 1e3,
    )
    yield measured("endurance_memory", late[0], "MiB", clock.early[0])
    yield measured("endurance_descriptors", late[1], "", clock.early[1])
    yield measured("endurance_children_left", _children(), "")
    yield measured("endurance_files_left", len(left), "")
    yield measured("endurance_digests", len(clock.digests), "", 1)


if __name__ == "__main__":
    for line in main(int(sys.argv[1])):
        print(line)
