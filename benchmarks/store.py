"""How fast results go into a store and come out of it, against the bare database driver."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from benchmarks import Measured, measured
from distributor.monitors.monitor import Attempt
from distributor.monitors.store import StoreMonitor
from distributor.session.event import EventType
from distributor.session.result import Clock, MachineFacts, Result, TaskJob, Verdict
from distributor.store.store import Store
from distributor.tasks.task import Task
from distributor.tasks.taskset import TaskSet

#: Sets of three tasks with 1,750 jobs: 5 s of periods of 5, 10 and 20 ms.
PERIODS_MS = (5, 10, 20)
HORIZON_MS = 5000
SETS = 100
SMALL_SETS = 500
REPEATS = 3


def main() -> Iterator[Measured]:
    taskset, result = example()
    jobs = SETS * len(result.jobs)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bare_s = _best(lambda n: _write_bare(folder / f"bare{n}.db", result.jobs))
        store_s = _best(lambda n: _write(folder / f"store{n}.db", taskset, result, SETS))
        yield measured("store_job_rows_written", jobs / store_s, "rows/s", jobs / bare_s)
        yield measured("store_set_of_1750_jobs", store_s / SETS * 1e3, "ms", bare_s / SETS * 1e3)

        single = Result(Verdict.SCHEDULABLE, "every job met its deadline", result.jobs[:1])
        one = TaskSet(Task("hey"))
        times_ms = _each_ms(folder / "small.db", one, single)
        yield measured("store_set_of_1_job_median", median(times_ms), "ms")
        yield measured("store_set_of_1_job_longest", max(times_ms), "ms")

        bare_s = _best(lambda _: _read_bare(folder / "bare0.db"))
        store_s = _best(lambda _: _read(folder / "store0.db"))
        yield measured("store_job_rows_read", jobs / store_s, "rows/s", jobs / bare_s)


def _best(action: Callable[[int], float]) -> float:
    """The quickest of some repetitions, in seconds: what the machine can do when left alone."""
    return min(action(number) for number in range(REPEATS))


def example() -> tuple[TaskSet, Result]:
    tasks = [
        Task("busy", arg1=1000, period_ms=period_ms, priority=place,
             numberofjobs=HORIZON_MS // period_ms)
        for place, period_ms in enumerate(PERIODS_MS)
    ]  # fmt: skip
    jobs = tuple(
        TaskJob(
            task_id=task_id,
            index=index,
            release_ns=index * task.period_ns,
            start_ns=index * task.period_ns + 27_120,
            completion_ns=index * task.period_ns + 1_027_120,
            outcome=EventType.EXIT,
            exit_value=0,
            deadline_ns=task.deadline_ns,
        )
        for task_id, task in enumerate(tasks)
        for index in range(task.numberofjobs)
    )
    facts = MachineFacts("m1", Clock.VIRTUAL, "6.1.0-rt", "distributor 0.1.0", "7.2.22", "tcg")
    return TaskSet(tasks), Result(Verdict.SCHEDULABLE, "every job met its deadline", jobs, facts)


def _write(path: Path, taskset: TaskSet, result: Result, sets: int) -> float:
    monitor = StoreMonitor(str(path))
    begin = time.perf_counter()
    for index in range(sets):
        monitor.finished(Attempt(taskset, 1, index, 1, "m1"), result)
    end = time.perf_counter()
    monitor.close()
    return end - begin


def _each_ms(path: Path, taskset: TaskSet, result: Result) -> list[float]:
    monitor = StoreMonitor(str(path))
    times_ms = []
    for index in range(SMALL_SETS):
        begin = time.perf_counter()
        monitor.finished(Attempt(taskset, 1, index, 1, "m1"), result)
        times_ms.append((time.perf_counter() - begin) * 1e3)
    monitor.close()
    return times_ms


def _read(path: Path) -> float:
    with Store.open(str(path), create=False) as store:
        begin = time.perf_counter()
        count = sum(1 for _ in store.jobs(store.run().id))
        end = time.perf_counter()
    assert count
    return end - begin


def _write_bare(path: Path, jobs: tuple[TaskJob, ...]) -> float:
    """The same rows with nothing between them and the driver."""
    rows = [
        (job.task_id, job.index, job.release_ns, job.start_ns, job.completion_ns,
         job.outcome.value, job.exit_value, job.deadline_ns)
        for job in jobs
    ]  # fmt: skip
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(
        "CREATE TABLE jobs (taskset, task, job, release, start, completion, outcome, exit, "
        "deadline, PRIMARY KEY (taskset, task, job)) WITHOUT ROWID"
    )
    begin = time.perf_counter()
    for taskset in range(SETS):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ((taskset, *row) for row in rows),
        )
        connection.execute("COMMIT")
    end = time.perf_counter()
    connection.close()
    return end - begin


def _read_bare(path: Path) -> float:
    connection = sqlite3.connect(path)
    begin = time.perf_counter()
    count = sum(1 for _ in connection.execute("SELECT * FROM jobs ORDER BY taskset, task, job"))
    end = time.perf_counter()
    connection.close()
    assert count
    return end - begin
