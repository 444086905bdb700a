"""A store's columns tell what its objects tell, on every database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow
import pytest

from distributor.data.columns import job_batches, read_members
from distributor.data.read import read_jobs, read_tasksets
from distributor.session.result import TaskJob
from distributor.store.store import Store
from distributor.tasks.task import Task
from distributor.tasks.taskset import TaskSet
from tests.results import a_job, a_result, an_attempt, an_undecided_result

MADE = TaskSet(
    Task("busy", arg1=2000, period_ms=10, numberofjobs=3),
    Task("hey", period_ms=20, executiontime_ms=1, quota_mib=4),
    name='a "name", with; marks',
    origin={"generator": "uunifast", "seed": 7, "utilization": 0.25},
)


@pytest.fixture
def run_id(url: str) -> int:
    """A run of four sets, added in another order than that of their indexes."""
    jobs = (
        a_job(0, 0),
        replace(a_job(0, 1, response_ns=12_000_000), release_ns=None, exit_value=None),
        a_job(1, 0),
    )
    with Store.open(url) as store:
        other = store.begin_run("another run")
        store.add(other, an_attempt(0), a_result())
        run_id = store.begin_run("the run")
        store.add(run_id, an_attempt(1, taskset=MADE), replace(a_result(), jobs=jobs))
        store.add(run_id, an_attempt(0), a_result(jobs=1000))
        store.add(run_id, an_attempt(0, job=2), an_undecided_result())
        store.add(run_id, an_attempt(2), a_result(jobs=300))
    return run_id


def test_jobs_are_the_same_as_columns_and_as_objects(url: str, run_id: int) -> None:
    with Store.open(url, create=False) as store:
        expected = list(store.jobs(run_id))
        table = pyarrow.Table.from_batches(store.job_batches(run_id))
    assert len(table) == len(expected) == 1303
    for row, record in zip(table.to_pylist(), expected, strict=True):
        del row["taskset_id"]
        assert TaskJob(index=row.pop("job_index"), **row) == record.job


def test_some_sets_can_be_picked(url: str, run_id: int) -> None:
    with Store.open(url, create=False) as store:
        table = pyarrow.Table.from_batches(store.job_batches(run_id, batch=1, set_index=1))
        assert len(table) == 3
        assert len(pyarrow.Table.from_batches(store.task_batches(run_id, batch=2))) == 2
        nothing = pyarrow.Table.from_batches(store.job_batches(run_id, batch=9))
    assert len(nothing) == 0
    assert nothing.schema == table.schema


def test_tasks_and_sets_are_the_same_as_columns_and_as_objects(url: str, run_id: int) -> None:
    with Store.open(url, create=False) as store:
        sets = pyarrow.Table.from_batches(store.taskset_batches(run_id)).to_pylist()
        tasks = pyarrow.Table.from_batches(store.task_batches(run_id)).to_pylist()
        records = list(store.tasksets(run_id))
        of_sets = [task for record in records for task in store.tasks(record.id)]
    assert [(row["batch"], row["set_index"]) for row in sets] == [(1, 0), (1, 1), (1, 2), (2, 0)]
    for row, record in zip(sets, records, strict=True):
        told = None if row["origin"] is None else json.loads(row["origin"])
        assert (row["name"], told) == (record.name, record.origin)
        assert (row["verdict"], row["reason"]) == (record.verdict, record.reason)
        assert (row["digest"], row["host_s"]) == (record.digest, record.host_s)
    for row, task in zip(tasks, of_sets, strict=True):
        del row["taskset_id"]
        assert type(task)(**row) == task


def test_a_run_that_goes_on_is_read_as_it_was(
    url: str, run_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(url) as store:
        read_tasks = store.task_batches

        def write_and_read(*what: int, **which: Any) -> Iterator[pyarrow.RecordBatch]:
            store.add(run_id, an_attempt(7), a_result())
            return read_tasks(*what, **which)

        monkeypatch.setattr(store, "task_batches", write_and_read)
        members = read_members(store, run_id)
        assert members.tasksets["set_index"].to_pylist() == [0, 1, 2, 0]
        assert len(members.tasks) == 8
        assert sum(map(len, job_batches(store, members))) == 1303


def test_a_frame_has_every_job_and_its_figures(url: str, run_id: int) -> None:
    frame = read_jobs(url, run_id, batch=1, set_index=1)
    assert frame["task_name"].tolist() == ["busy", "busy", "hey"]
    # The second has no release: its response time counts from its start, 27 us later.
    assert frame["response_ns"].tolist() == [2_000_000, 11_973_000, 2_000_000]
    assert frame["lateness_ns"].tolist() == [-8_000_000, 1_973_000, -8_000_000]
    assert frame["tardiness_ns"].tolist() == [0, 1_973_000, 0]
    assert frame["missed"].tolist() == [False, True, False]
    assert frame["release_ns"].isna().tolist() == [False, True, False]
    assert frame["period_ns"].tolist() == [10_000_000, 10_000_000, 20_000_000]
    assert len(read_jobs(url, run_id)) == 1303


def test_a_frame_of_sets_tells_what_made_them(url: str, run_id: int) -> None:
    frame = read_tasksets(url, run_id)
    assert frame["origin.generator"].tolist()[1] == "uunifast"
    assert frame["origin.utilization"].tolist()[1] == 0.25
    # busy: 2 ms in 10 ms; hey: 1 ms in 20 ms. The pair's `hey` does not say what it needs.
    assert frame["utilization"].tolist()[1] == pytest.approx(0.25)
    assert frame["utilization"].isna().tolist() == [True, False, True, True]
    assert frame["scheduling"].tolist() == ["mixed", "EDF", "mixed", "mixed"]
    assert frame["verdict"].tolist()[3] == "undecided"
