"""Measurement held against theory, and a run against another one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas
import pytest

from distributor.analysis.agreement import compare_with_theory, theory_holds
from distributor.analysis.change import changed_sets, changed_tasks
from distributor.analysis.statistics import task_statistics
from distributor.data.read import RunFrames, read_run
from distributor.session.event import EventType
from distributor.session.result import TaskJob, Verdict
from distributor.store.store import Store
from distributor.tasks.task import Task
from distributor.tasks.taskset import TaskSet
from tests.results import MS, a_result, an_attempt

#: Theory: 2 ms and 2 + 7 = 9 ms in the worst case, with 1 ms to spare.
FITS = (Task("busy", arg1=2000, period_ms=10, priority=0),
        Task("busy", arg1=7000, period_ms=10, priority=1))  # fmt: skip
#: 11 ms of work in 10 ms, from the first job on.
TOO_MUCH = (FITS[0], Task("busy", arg1=9000, period_ms=10, priority=1))
NOT_KNOWN = (Task("hey", period_ms=10),)


def a_job(task_id: int, response_ns: int, outcome: EventType = EventType.EXIT) -> TaskJob:
    return TaskJob(task_id, 0, 0, 27_000, response_ns, outcome, 0, 10 * MS)


def frames_of(tmp_path: Path, *sets: tuple[tuple[Task, ...], Verdict, list[TaskJob]]) -> RunFrames:
    with Store.open(str(tmp_path / "results.db")) as store:
        run_id = store.begin_run("run")
        for index, (tasks, verdict, jobs) in enumerate(sets):
            result = replace(a_result(verdict), jobs=tuple(jobs))
            store.add(run_id, an_attempt(index, taskset=TaskSet(tasks)), result)
        return read_run(store, run_id)


def compared(frames: RunFrames) -> pandas.DataFrame:
    statistics = task_statistics(frames.jobs, frames.tasks)
    return compare_with_theory(frames.tasksets, statistics, frames.members)


def test_both_answers_stand_side_by_side(tmp_path: Path) -> None:
    ran = [a_job(0, 2 * MS), a_job(1, 9 * MS)]
    agreement = compared(
        frames_of(
            tmp_path,
            (FITS, Verdict.SCHEDULABLE, ran),
            (TOO_MUCH, Verdict.MISSED, [a_job(0, 2 * MS), a_job(1, 11 * MS)]),
            (NOT_KNOWN, Verdict.SCHEDULABLE, [a_job(0, MS)]),
            (FITS, Verdict.FAILED, ran),
            (FITS, Verdict.UNDECIDED, []),
        )
    )
    assert agreement["theory"].tolist() == [
        "schedulable", "not schedulable", "unknown", "schedulable", "schedulable",
    ]  # fmt: skip
    assert agreement["agrees"].tolist() == [True, True, pandas.NA, pandas.NA, pandas.NA]
    assert set(agreement["why"]) == {""}
    # The longest of 2/2 and 9/9.
    assert agreement["bound_used"].tolist()[0] == 1.0
    assert theory_holds(agreement).tolist() == [True, False, pandas.NA, True, True]


def test_a_miss_that_theory_knows_nothing_of_is_explained(tmp_path: Path) -> None:
    late = [a_job(0, 2 * MS), a_job(1, 10 * MS + 40_000)]
    (row,) = compared(frames_of(tmp_path, (FITS, Verdict.MISSED, late))).to_dict("records")
    assert row["agrees"] is False
    # Two jobs share the 1 ms to spare.
    assert row["why"].startswith("task 1 (busy) was late by 40.00 us; theory holds up to")
    bears_us = float(row["why"].partition("up to ")[2].split()[0])
    assert bears_us == pytest.approx(500, rel=0.03)
    assert row["bound_used"] == pytest.approx(10.04 / 9)


def test_a_miss_that_no_cost_explains_is_called_one(tmp_path: Path) -> None:
    light = (Task("busy", arg1=100, period_ms=10, priority=0),)
    late = [a_job(0, 30 * MS, EventType.EXIT_PERIOD)]
    (row,) = compared(frames_of(tmp_path, (light, Verdict.MISSED, late))).to_dict("records")
    assert "late by 20.00 ms" in row["why"]
    assert "took more than their WCET" in row["why"]


def test_a_set_that_held_against_theory_is_explained(tmp_path: Path) -> None:
    quick = [a_job(0, 2 * MS), a_job(1, 9 * MS)]
    (row,) = compared(frames_of(tmp_path, (TOO_MUCH, Verdict.SCHEDULABLE, quick))).to_dict(
        "records"
    )
    assert row["agrees"] is False
    assert row["why"].startswith("task 1 (busy) kept 1.000 ms to spare")


def test_runs_are_compared_set_by_set(tmp_path: Path) -> None:
    one = [a_job(0, 2 * MS), a_job(1, 8 * MS)]
    other = [a_job(0, 2 * MS), a_job(1, 10 * MS)]
    first = frames_of(
        tmp_path,
        (FITS, Verdict.SCHEDULABLE, one),
        (FITS, Verdict.SCHEDULABLE, one),
        (FITS, Verdict.MISSED, one),
    )
    second = frames_of(
        tmp_path, (FITS, Verdict.SCHEDULABLE, one), (FITS, Verdict.SCHEDULABLE, other)
    )
    sets = changed_sets(first.tasksets, second.tasksets)
    assert sets["same"].tolist() == [True, False, False]
    assert sets["verdict"].tolist() == ["schedulable", "schedulable", "missed"]
    assert pandas.isna(sets["verdict_other"].tolist()[2])
    tasks = changed_tasks(
        *(task_statistics(frames.jobs, frames.tasks) for frames in (first, second))
    )
    assert tasks["max_change"].tolist() == [0, 0, 0, 0.25]
    assert tasks["median_change"].tolist() == [0, 0, 0, 0.25]
