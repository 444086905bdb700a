"""How fast a million jobs come out of a store: a data frame, files, the figures of a report."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from benchmarks import Measured, measured
from benchmarks.store import example
from distributor.analysis.statistics import set_statistics, task_statistics
from distributor.data.export import Format, export
from distributor.data.read import read_jobs, read_run
from distributor.monitors.monitor import Attempt
from distributor.monitors.store import StoreMonitor
from distributor.store.store import Store

#: Of 1,750 jobs each: a million and a few.
SETS = 572
REPEATS = 2


def main() -> Iterator[Measured]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "million.db"
        taskset, result = example()
        monitor = StoreMonitor(str(path))
        for index in range(SETS):
            monitor.finished(Attempt(taskset, 1, index, 1, "m1"), result)
        monitor.close()
        bare_s = _best(lambda: _read_bare(path))
        yield measured("data_frame_of_a_million_jobs", _best(lambda: _frame(path)), "s", bare_s)
        with Store.open(str(path), create=False) as store:
            for kind in Format:
                took_s = _best(partial(_export, store, folder / "out", kind))
                yield measured(f"export_of_a_million_jobs_{kind}", took_s, "s", bare_s)
            frames = read_run(store)
            took_s = _best(lambda: task_statistics(frames.jobs, frames.tasks))
            yield measured("task_statistics_of_a_million_jobs", took_s, "s")
            took_s = _best(lambda: set_statistics(frames.jobs, frames.tasksets))
            yield measured("set_statistics_of_a_million_jobs", took_s, "s")


def _best(action: Callable[[], object]) -> float:
    """The quickest of some repetitions, in seconds: what the machine can do when left alone."""
    times_s = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        action()
        times_s.append(time.perf_counter() - begin)
    return min(times_s)


def _read_bare(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert len(connection.execute("SELECT * FROM jobs").fetchall()) > 10**6


def _frame(path: Path) -> None:
    assert len(read_jobs(str(path))) > 10**6


def _export(store: Store, path: Path, kind: Format) -> None:
    export(store, store.run(), path, format=kind, replace=True)
