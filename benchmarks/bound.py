"""Response times in virtual time, held against exact analysis with the machine's costs added.

``python -m benchmarks.bound 1000`` runs so many random sets of fixed priorities, and prints
every task that exceeds its bound, and the tightest.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil

from benchmarks import Measured, measured
from distributor import Attempt, Distributor, Monitor, Result, Task, TaskSet
from distributor.analysis.theory import response_bounds_ns
from distributor.machines.host import machines_at_once
from distributor.machines.qemu import qemu_kind
from distributor.tasks.generate.tasksets import RandomTaskSets

SETS = 100
SEED = 2026
#: The job that the costs of others are measured on, and how many of which length it meets: as many
#: as have a process from a sealed machine's start, as tasks of many jobs have one throughout.
BURN_US = 50_000
OTHERS = 8
OTHER_US = 100


class _Kept(Monitor):
    """The results by index."""

    def __init__(self) -> None:
        self.results: dict[int, Result] = {}

    def finished(self, attempt: Attempt, result: Result) -> None:
        self.results[attempt.index] = result

    def bad(self, attempt: Attempt, result: Result) -> None:
        self.results[attempt.index] = result


@dataclass(frozen=True, slots=True)
class Held:
    """One task's greatest response time, and the bound that it was held against."""

    name: str
    measured_ns: int
    bound_ns: int

    @property
    def ratio(self) -> float:
        return self.measured_ns / self.bound_ns


def main(sets: int = SETS) -> Iterator[Measured]:
    release_ns, preemption_ns = costs()
    yield measured("cost_of_a_release", release_ns / 1e3, "us")
    yield measured("cost_of_a_preemption", preemption_ns / 1e3, "us")
    held = hold(sets, release_ns, preemption_ns)
    exceeding = [each for each in held if each.ratio > 1]
    yield measured("tasks_held_against_their_bound", len(held), "tasks")
    yield measured("tasks_above_their_bound", len(exceeding), "tasks")
    yield measured("tightest_response_to_bound", max(each.ratio for each in held), "")


def costs() -> tuple[int, int]:
    """What a job costs the tasks above it, and what it costs itself and those below.

    A long job is run alone, with others below it, and with others above it, which are
    released one shortly after the other: then nothing of what they cost is shared.
    """
    alone_ns, over_ns, under_ns = _longest([_meeting(), _meeting(9), _meeting(1)])
    release_ns = (over_ns - alone_ns) / OTHERS
    each_ns = (under_ns - alone_ns) / OTHERS - OTHER_US * 1000
    return ceil(release_ns), ceil(each_ns - release_ns)


def _meeting(priority: int | None = None) -> TaskSet:
    """A long job of priority 5, and all that others release while it runs."""
    others = [
        Task(
            "busy",
            arg1=OTHER_US,
            period_ms=900,
            offset_ms=0.5 + 0.5 * place,
            priority=priority,
        )
        for place in range(0 if priority is None else OTHERS)
    ]
    return TaskSet(Task("busy", arg1=BURN_US, period_ms=900, priority=5), *others)


def _longest(tasksets: Iterable[TaskSet]) -> list[int]:
    """The greatest response time of the first task of each."""
    return [
        max(job.response_ns for job in result.jobs if job.task_id == 0)
        for result in _run(list(tasksets))
    ]


def hold(sets: int, release_ns: int, preemption_ns: int) -> list[Held]:
    """Run random sets, and hold each task that has a bound within its period against it."""
    tasksets = list(
        RandomTaskSets(
            tasks=[2, 4, 6, 8],
            utilization=[0.4, 0.6, 0.8, 0.9],
            sets=-(-sets // 16),
            periods="log-uniform:5ms-100ms",
            duration_ms=200,
            seed=SEED,
        )
    )[:sets]
    held = []
    for taskset, result in zip(tasksets, _run(tasksets), strict=True):
        bounds = response_bounds_ns(
            taskset.tasks, release_ns=release_ns, preemption_ns=preemption_ns
        )
        for place, (task, bound_ns) in enumerate(zip(taskset, bounds, strict=True)):
            if bound_ns is None or bound_ns > task.period_ns:
                continue  # a job that is late is killed, and responds no more
            longest_ns = max(job.response_ns for job in result.jobs if job.task_id == place)
            held.append(Held(f"{taskset.name}, task {place}", longest_ns, bound_ns))
    return held


def _run(tasksets: list[TaskSet]) -> list[Result]:
    kept = _Kept()
    kind = qemu_kind()
    machines = machines_at_once("auto", cpus=kind.busy_cpus, memory_mib=kind.memory_mib)
    with Distributor(machines, monitors=[kept]) as distributor:
        distributor.add_job(tasksets)
        distributor.wait()
    return [kept.results[index] for index in range(len(tasksets))]


if __name__ == "__main__":
    found = costs()
    print(f"release {found[0]} ns, preemption {found[1]} ns")
    tasks = sorted(hold(int(sys.argv[1]), *found), key=lambda each: -each.ratio)
    for each in tasks[:1] + [each for each in tasks[1:] if each.ratio > 1]:
        print(f"{each.ratio:.4f} {each.name}: {each.measured_ns} ns of {each.bound_ns} ns")
    print(f"{sum(each.ratio <= 1 for each in tasks)} of {len(tasks)} tasks keep to their bounds")
