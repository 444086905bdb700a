"""The three tables in which earlier distributors kept what their learning models were fed.

``TaskSet``, ``Task`` and ``Job``, in milliseconds. The columns and their order are those that
the readers of such files name (README of the MaLSAMi project's schedulability analysis; the
data generation of argos-research's taskgen): a set has at least four places for tasks, -1
where none is; equal tasks of several sets are one row; ``Exit_Value`` is the event's name.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import numpy
import pyarrow

from distributor.data.columns import job_batches, read_members
from distributor.session.result import Verdict
from distributor.store.record import RunRecord
from distributor.store.store import Store

#: Places for tasks that the readers of such files count on.
_PLACES = 4
_MS = 10**6
_MIB = 2**20

_TASK = """
CREATE TABLE Task (
    Task_ID INTEGER PRIMARY KEY, Priority INT, Deadline INT, Quota INT, CAPS INT, PKG TEXT,
    Arg INT, CORES INT, COREOFFSET INT, CRITICALTIME INT, Period INT, Number_of_Jobs INT,
    OFFSET INT
)
"""
_JOB = """
CREATE TABLE Job (
    Set_ID INTEGER REFERENCES TaskSet (Set_ID), Task_ID INTEGER REFERENCES Task (Task_ID),
    Job_ID INTEGER, Start_Date INT, End_Date INT, Exit_Value TEXT, TaskSet_Task_ID INT,
    TaskSet_Job_Number INT
)
"""
#: Made when the rows are there, which is quicker.
_JOB_KEY = "CREATE UNIQUE INDEX Job_Key ON Job (Task_ID, Set_ID, Job_ID)"


def write_three_tables(
    store: Store, run: RunRecord, path: Path, told: Callable[[int], object] = lambda rows: None
) -> int:
    """Write a run's decided sets into a new SQLite file; tells the number of its jobs.

    Times keep what they have below a millisecond, as fractions. An undecided set is neither a
    success nor a failure, and is left out.
    """
    members = read_members(store, run.id)
    sets = members.tasksets.to_pylist()
    decided = [row for row in sets if row["verdict"] != Verdict.UNDECIDED]
    set_ids = {row["id"]: place for place, row in enumerate(decided)}
    task_ids: dict[tuple[Any, ...], int] = {}
    of_sets: list[list[int]] = [[] for _ in decided]
    for task in members.tasks.to_pylist():
        if task["taskset_id"] in set_ids:
            key = task_ids.setdefault(_task_values(task), len(task_ids))
            of_sets[set_ids[task["taskset_id"]]].append(key)
    places = max(_PLACES, *map(len, of_sets)) if of_sets else _PLACES
    numbers = {(row["batch"], row["set_index"]): place for place, row in enumerate(decided)}
    jobs = 0
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        # The file takes its name when it is whole: nothing to go back to, nothing to wait for.
        file.execute("PRAGMA journal_mode = OFF")
        file.execute("PRAGMA synchronous = OFF")
        file.execute("BEGIN")
        columns = ", ".join(f"TASK{place + 1}_ID INTEGER" for place in range(places))
        file.execute(
            f"CREATE TABLE TaskSet (Set_ID INTEGER PRIMARY KEY, Successful INT, {columns})"
        )
        file.execute(_TASK)
        file.execute(_JOB)
        _insert(file, "Task", 13, ((key, *values) for values, key in task_ids.items()))
        rows = (
            (place, int(row["verdict"] == Verdict.SCHEDULABLE), *_padded(of_sets[place], places))
            for place, row in enumerate(decided)
        )
        _insert(file, "TaskSet", 2 + places, rows)
        for batch in job_batches(store, members):
            part = _job_rows(batch, numbers, of_sets, jobs)
            _insert(file, "Job", 8, part)
            jobs += len(part)
            told(len(part))
        file.execute(_JOB_KEY)
        file.execute("COMMIT")
    return jobs


def _job_rows(
    batch: pyarrow.RecordBatch,
    numbers: dict[tuple[int, int], int],
    of_sets: list[list[int]],
    first: int,
) -> list[tuple[Any, ...]]:
    whole = ("batch", "set_index", "task_id", "job_index")
    jobs, set_indexes, task_ids, indexes = (numpy.asarray(batch[name]).tolist() for name in whole)
    # The columns' type makes whole numbers of what has no fraction.
    starts, ends = ((numpy.asarray(batch[f"{name}_ns"]) / _MS).tolist()
                    for name in ("start", "completion"))  # fmt: skip
    places = [numbers.get(each) for each in zip(jobs, set_indexes, strict=True)]
    rows = zip(places, task_ids, starts, ends, batch["outcome"].to_pylist(), indexes, strict=True)
    keys = count(first)
    return [
        (place, of_sets[place][task_id], next(keys), start, end, outcome, task_id, index)
        for place, task_id, start, end, outcome, index in rows
        if place is not None
    ]


def _task_values(task: dict[str, Any]) -> tuple[Any, ...]:
    arg1 = task["arg1"]
    quota = task["quota_bytes"]
    return (
        task["priority"],
        _ms(task["deadline_ns"]),
        None if quota is None else _whole(quota / _MIB),
        task["caps"],
        task["name"],
        int(arg1) if arg1.isascii() and arg1.isdigit() and len(arg1) < 19 else arg1,
        task["cores"],
        task["coreoffset"],
        # 0 is "never" there, as on the wire.
        _ms(task["criticaltime_ns"] or 0),
        _ms(task["period_ns"]),
        task["numberofjobs"],
        _ms(task["offset_ns"]),
    )


def _ms(time_ns: int) -> int | float:
    return time_ns // _MS if time_ns % _MS == 0 else time_ns / _MS


def _whole(value: float) -> int | float:
    return int(value) if value.is_integer() else value


def _padded(task_ids: list[int], places: int) -> list[int]:
    return task_ids + [-1] * (places - len(task_ids))


def _insert(file: sqlite3.Connection, table: str, columns: int, rows: Any) -> None:
    file.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})", rows)
