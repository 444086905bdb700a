"""How the cost of a run grows with its sets, machines, tasks and jobs.

``python -m benchmarks.growth FILE.svg`` measures, and draws what it has measured.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks import Measured, measured
from benchmarks.memory import measure
from distributor import Distributor, Task, TaskSet
from distributor.figures.style import SERIES, WIDE, save

SETS = (10, 100, 1000)
MACHINES = (1, 4, 16, 42)
TASKS = (1, 5, 20, 50)
JOBS = (1, 100, 1000, 10_000, 100_000)

Line = tuple[str, str, str, tuple[int, ...], Callable[[int], float]]


def lines() -> list[Line]:
    """What is varied, what is measured, its unit, the values, and what measures one."""
    return [
        ("sets", "a run of so many sets", "s", SETS, _sets_s),
        ("machines", "so many machines ready, network user", "s", MACHINES, _ready_s),
        ("tasks", "a set of so many tasks, one job each", "s", TASKS, _tasks_s),
        ("jobs", "a task of so many jobs", "s", JOBS, _jobs_s),
    ]


def main() -> Iterator[Measured]:
    for name, _, unit, values, cost in lines():
        for value in values:
            yield measured(f"growth_{name}_{value}", cost(value), unit)


def _run_s(tasksets: list[TaskSet], machines: int) -> float:
    with Distributor(machines, timeout=600) as distributor:
        begun_s = time.perf_counter()
        distributor.add_job(tasksets)
        distributor.wait()
        return time.perf_counter() - begun_s


def _sets_s(count: int) -> float:
    return _run_s([TaskSet(Task("hey", arg1=1, period_ms=100, priority=1))] * count, 2)


def _ready_s(count: int) -> float:
    return asyncio.run(measure(count))[0]


def _tasks_s(count: int) -> float:
    return _run_s([TaskSet(Task("idle", period_ms=100, priority=p) for p in range(count))], 1)


def _jobs_s(count: int) -> float:
    return _run_s([TaskSet(Task("idle", period_ms=1, priority=1, numberofjobs=count))], 1)


def draw(path: Path) -> None:
    """Measure, and draw a plot for each line, both axes by powers of ten."""
    found = []
    for name, title, unit, values, cost in lines():
        costs = [cost(value) for value in values]
        print(name, dict(zip(values, costs, strict=True)), flush=True)
        found.append((name, title, unit, values, costs))

    def drawing(plot: Figure) -> None:
        for place, (name, title, unit, values, costs) in enumerate(found):
            axes = plot.add_subplot(2, 2, place + 1)
            axes.loglog(values, costs, marker="o", color=SERIES[place])
            axes.set_title(title)
            axes.set_xlabel(name)
            axes.set_ylabel(unit)

    save(drawing, path, (WIDE, 5.4))


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
