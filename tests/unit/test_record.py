"""Events put together to jobs, and the verdict on them."""

from __future__ import annotations

import dataclasses

import pytest

from distributor import Event, EventType, Task, TaskSet, Verdict, WireError
from distributor.session.record import Record

MS = 10**6


def taskset(**parameters: object) -> TaskSet:
    return TaskSet([Task("hey", arg1=1, **{"period_ms": 10, "numberofjobs": 2, **parameters})])


def job(
    index: int,
    response_ms: float,
    outcome: EventType = EventType.EXIT,
    task_id: int = 0,
    value: int = 0,
) -> list[Event]:
    release_ns = index * 10 * MS
    return [
        Event(EventType.START, task_id, release_ns + 30_000, index, release_ns, exact=True),
        Event(
            outcome,
            task_id,
            release_ns + round(response_ms * MS),
            index,
            release_ns,
            value,
            exact=True,
        ),
    ]


def done(task_id: int = 0) -> Event:
    return Event(EventType.JOBS_DONE, task_id, 0, exact=True)


def judged(set_: TaskSet, *events: Event) -> tuple[Verdict, str]:
    record = Record(set_)
    record.feed(events)
    return record.judge()


def test_jobs_in_time_are_schedulable() -> None:
    verdict, reason = judged(taskset(), *job(0, 3), *job(1, 10), done())
    assert verdict is Verdict.SCHEDULABLE
    assert reason == "all 2 jobs met their deadlines"


def test_one_nanosecond_late_is_missed() -> None:
    verdict, reason = judged(taskset(), *job(0, 3), *job(1, 10.000001), done())
    assert verdict is Verdict.MISSED
    assert reason == "job 1 of task 0 (hey) responded after 10 ms, 1e-06 ms late"


def test_the_deadline_counts_not_the_period() -> None:
    assert judged(taskset(deadline_ms=2), *job(0, 3), *job(1, 1), done())[0] is Verdict.MISSED
    assert (
        judged(taskset(deadline_ms=25), *job(0, 20), *job(1, 24), done())[0] is Verdict.SCHEDULABLE
    )


@pytest.mark.parametrize("outcome", [EventType.EXIT_CRITICAL, EventType.EXIT_PERIOD])
def test_killed_for_time_is_missed(outcome: EventType) -> None:
    assert judged(taskset(), *job(0, 3, outcome), *job(1, 3), done())[0] is Verdict.MISSED


@pytest.mark.parametrize(
    "outcome", [EventType.EXIT_ERROR, EventType.OUT_OF_QUOTA, EventType.OUT_OF_CAPS]
)
def test_an_error_weighs_more_than_a_miss(outcome: EventType) -> None:
    verdict, reason = judged(taskset(), *job(0, 30), *job(1, 3, outcome, value=7), done())
    assert verdict is Verdict.FAILED
    assert reason.startswith("job 1 of task 0 (hey)")
    assert reason.endswith("exit value 7")


def test_stopped_from_outside_decides_nothing() -> None:
    verdict, _ = judged(taskset(), *job(0, 3, EventType.EXIT_EXTERNAL), done())
    assert verdict is Verdict.UNDECIDED


def test_an_unfinished_set_is_undecided() -> None:
    assert judged(taskset(), *job(0, 3))[0] is Verdict.UNDECIDED


@pytest.mark.parametrize("jobs", [0, 1])
def test_a_task_with_fewer_jobs_than_it_should_have_is_not_schedulable(jobs: int) -> None:
    told = [event for index in range(jobs) for event in job(index, 3)]
    assert judged(taskset(), *told, done()) == (
        Verdict.UNDECIDED,
        f"task 0 (hey) came to its end after {jobs} of 2 jobs",
    )
    # What is known to have gone wrong is not undone by it.
    assert judged(taskset(), *job(0, 30), done())[0] is Verdict.MISSED


def refused(task_id: int) -> Event:
    return Event(EventType.NOT_SCHEDULED, task_id, 0, exact=True)


PAIR = TaskSet([Task("hey", arg1=1, period_ms=10, numberofjobs=2), Task("pi", period_ms=10)])


def test_a_set_with_a_refused_task_is_missed_and_says_which() -> None:
    assert judged(PAIR, refused(1), *job(0, 3), *job(1, 3), done()) == (
        Verdict.MISSED,
        "admission control refused task 1; all 2 jobs of others met their deadlines",
    )
    assert judged(PAIR, refused(1), refused(0))[1].startswith(
        "admission control refused tasks 0, 1;"
    )


def test_what_happens_to_admitted_tasks_weighs_more_than_a_refusal() -> None:
    assert judged(PAIR, refused(1), *job(0, 3), *job(1, 20), done()) == (
        Verdict.MISSED,
        "job 1 of task 0 (hey) responded after 20 ms, 10 ms late; admission control refused task 1",
    )
    broken = job(1, 3, EventType.EXIT_ERROR, value=1)
    assert judged(PAIR, refused(1), *job(0, 3), *broken, done())[0] is Verdict.FAILED
    assert judged(PAIR, refused(1), *job(0, 3), done())[0] is Verdict.UNDECIDED


def test_a_task_is_not_refused_after_a_job() -> None:
    with pytest.raises(WireError, match="task 0 was refused after a job"):
        judged(PAIR, *job(0, 3), refused(0))


def test_the_record_is_done_when_every_task_is() -> None:
    record = Record(TaskSet([Task("hey", numberofjobs=1), Task("pi", arg1=9)]))
    seen = []
    for task_id in (0, 1):
        record.feed([*job(0, 1, task_id=task_id), done(task_id)])
        seen.append(record.done)
    assert seen == [False, True]
    assert [j.task_id for j in record.jobs] == [0, 1]


def test_jobs_carry_the_words_of_the_field() -> None:
    record = Record(taskset(deadline_ms=4))
    record.feed([*job(0, 3), *job(1, 5), done()])
    early, late = record.jobs
    assert early.start_latency_ns == 30_000
    assert (early.lateness_ns, early.tardiness_ns, early.met) == (-1 * MS, 0, True)
    assert (late.response_ns, late.tardiness_ns, late.met) == (5 * MS, 1 * MS, False)


def test_a_plain_loader_is_judged_by_start_and_end() -> None:
    record = Record(taskset())
    for start_ms, end_ms in ((1250, 1253), (1260, 1271)):
        record.feed(
            [
                Event(EventType.START, 0, start_ms * MS),
                Event(EventType.EXIT, 0, end_ms * MS),
            ]
        )
    record.feed([Event(EventType.JOBS_DONE, 0, 1271 * MS)])
    first, second = record.jobs
    assert (first.start_ns, first.release_ns, first.response_ns) == (0, None, 3 * MS)
    assert second.start_ns == 10 * MS
    assert record.judge()[0] is Verdict.MISSED


@pytest.mark.parametrize(
    "events",
    [
        [*job(0, 1, task_id=1)],
        [*job(0, 1, task_id=-1)],
        [*job(0, 1), *job(1, 1), *job(2, 1)],
        [job(0, 1)[0], job(1, 1)[0]],
        [job(0, 1)[0], done()],
        [*job(0, 1), done(), *job(1, 1)],
        [job(0, 1)[1]] * 3,
        [job(0, 1)[0], dataclasses.replace(job(0, 1)[1], time_ns=29_999)],
        [job(0, 1)[0], dataclasses.replace(job(0, 1)[1], exact=False)],
    ],
    ids=[
        "task 1",
        "task -1",
        "third job",
        "two at once",
        "end in job",
        "after end",
        "ends",
        "end before start",
        "two clocks",
    ],
)
def test_events_that_the_set_cannot_have_are_refused(events: list[Event]) -> None:
    with pytest.raises(WireError):
        Record(taskset()).feed(events)
