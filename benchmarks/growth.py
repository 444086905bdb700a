"""How the cost of a run grows with its sets, machines, tasks and jobs.

``python -m benchmarks.growth FILE.svg`` measures more of it, in half an hour, and draws that.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from math import ceil, floor, log10
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from benchmarks import Measured, measured
from benchmarks.memory import measure
from distributor import Distributor, Task, TaskSet
from distributor.figures.style import SERIES, WIDE, save


class Line(NamedTuple):
    """One thing that is varied.

    :param values: measured each time.
    :param more: measured for the plot alone.
    :param cost: seconds, of one value.
    """

    name: str
    title: str
    values: tuple[int, ...]
    more: tuple[int, ...]
    cost: Callable[[int], float]


Costs = list[tuple[Line, dict[int, float]]]


def main() -> Iterator[Measured]:
    _sets_s(1)  # boots the template, if there is none
    for line in LINES:
        for value in line.values:
            yield measured(f"growth_{line.name}_{value}", line.cost(value), "s")


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


#: What is varied, one after the other.
LINES = (
    Line("sets", "a run of so many sets, two machines", (10, 100, 1000), (10_000,), _sets_s),
    Line("machines", "so many machines ready, network user", (1, 4, 16, 42), (), _ready_s),
    Line("tasks", "a set of so many tasks, one job each", (1, 5, 20, 50), (), _tasks_s),
    Line("jobs", "a task of so many jobs", (1, 100, 1000, 10_000), (100_000,), _jobs_s),
)


def measure_all() -> Costs:
    """Measure every value of every line; shows each as it comes."""
    _sets_s(1)  # as above
    found: Costs = []
    for line in LINES:
        costs = {}
        for value in line.values + line.more:
            costs[value] = line.cost(value)
            print(f"{line.name} {value}: {costs[value]:.3g} s", flush=True)
        found.append((line, costs))
    return found


def draw(path: Path, found: Costs) -> None:
    """A plot for each line, both axes by powers of ten."""

    def drawing(plot: Figure) -> None:
        for place, (line, costs) in enumerate(found):
            axes = plot.add_subplot(2, 2, place + 1)
            axes.loglog(list(costs), list(costs.values()), marker="o", color=SERIES[place])
            low, high = min(costs.values()), max(costs.values())
            axes.set_ylim(10 ** floor(log10(low)), 10 ** ceil(log10(high)))
            axes.set_xticks(list(costs))
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_formatter(lambda value, _: f"{value:,g}")
                axis.set_minor_formatter(NullFormatter())
            axes.set_title(line.title)
            axes.set_xlabel(line.name)
            axes.set_ylabel("s")

    save(drawing, path, (WIDE, 5.4))


if __name__ == "__main__":
    draw(Path(sys.argv[1]), measure_all())
