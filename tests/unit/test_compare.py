"""Two runs held against each other."""

from __future__ import annotations

import dataclasses

from distributor import EventType, TaskJob
from distributor.analysis.compare import first_difference
from distributor.session.result import digest

JOBS = [
    TaskJob(task_id, index, index * 100, index * 100 + 7, index * 100 + 50, EventType.EXIT, 0, 90)
    for task_id in (0, 1)
    for index in range(3)
]


def changed(place: int, **fields: object) -> list[TaskJob]:
    jobs = list(JOBS)
    jobs[place] = dataclasses.replace(jobs[place], **fields)  # type: ignore[arg-type]
    return jobs


def test_equal_runs_do_not_part() -> None:
    assert first_difference(JOBS, list(reversed(JOBS))) == ""


def test_the_earliest_job_that_differs_is_named_with_its_gap() -> None:
    other = changed(5, completion_ns=251)
    other[1] = dataclasses.replace(other[1], start_ns=110)
    assert first_difference(JOBS, other) == ("job 1 of task 0 has another start: 107, 110 (+3 ns)")


def test_an_end_of_another_kind_is_a_difference() -> None:
    other = changed(4, outcome=EventType.EXIT_PERIOD)
    assert first_difference(JOBS, other) == (
        "job 1 of task 1 has another outcome: EXIT, EXIT_PERIOD"
    )


def test_a_job_that_ran_once_only_is_a_difference() -> None:
    assert first_difference(JOBS, JOBS[:-1]) == "job 2 of task 1 ran only in the first"
    assert first_difference(JOBS[:-1], JOBS) == "job 2 of task 1 ran only in the second"


def test_the_digest_changes_with_any_nanosecond() -> None:
    fields = ("release_ns", "start_ns", "completion_ns")
    others = [digest(changed(3, **{field: 1})) for field in fields]
    assert len({digest(JOBS), *others}) == 4
    assert digest([]) == ""
