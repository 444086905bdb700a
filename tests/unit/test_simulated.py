"""What a simulated machine computes, beside what theory proves and what the loader does."""

from __future__ import annotations

import pytest

from benchmarks._oracles import draw
from distributor import ConfigurationError, EventType, Task, TaskSet, Verdict
from distributor.analysis.theory import Answer, judge_modelled
from distributor.analysis.theory.model import total_utilization
from distributor.machines.simulated.description import JOBS_MAX, described, events, switches_of
from distributor.machines.simulated.kind import SimsoKind
from distributor.machines.simulated.schedule import SimulatedJob, SimulatedTask, simulate
from distributor.session.record import Record
from distributor.session.result import TaskJob
from distributor.tasks.task import EDF

EXIT = EventType.EXIT


def busy(work_us: int, **parameters: object) -> Task:
    return Task("busy", arg1=work_us, **{"period_ms": 10, "priority": 1, **parameters})


def ran(*tasks: Task, cpus: int = 1) -> tuple[Record, list[list[TaskJob]]]:
    """The record of a set, and each task's jobs."""
    taskset = TaskSet(tasks)
    record = Record(taskset)
    record.feed(events(simulate(described(taskset, cpus), cpus)))
    assert record.done
    return record, [[job for job in record.jobs if job.task_id == place]
                    for place in range(len(tasks))]  # fmt: skip


def ms(jobs: list[TaskJob]) -> list[tuple[float, float, float]]:
    """Release, start and completion of each."""
    return [
        ((job.release_ns or 0) / 1e6, job.start_ns / 1e6, job.completion_ns / 1e6) for job in jobs
    ]


def test_priorities_preempt_and_offsets_shift() -> None:
    record, (low, high) = ran(
        busy(5000, priority=2, period_ms=20, numberofjobs=2),
        busy(2000, priority=1, offset_ms=3, numberofjobs=2),
    )
    assert ms(low) == [(0, 0, 7), (20, 20, 25)]
    assert ms(high) == [(3, 3, 5), (13, 13, 15)]
    assert record.judge()[0] is Verdict.SCHEDULABLE


def test_deadlines_rule_above_all_priorities() -> None:
    _, (fixed, late, soon) = ran(
        busy(2000, priority=0, period_ms=30),
        busy(4000, priority=EDF, period_ms=30),
        busy(3000, priority=EDF, period_ms=20, offset_ms=1),
    )
    assert ms(soon) == [(1, 1, 4)]
    assert ms(late) == [(0, 0, 7)]
    assert ms(fixed) == [(0, 7, 9)]


def test_equal_priorities_take_their_turn_in_the_order_of_release() -> None:
    _, (first, second) = ran(
        busy(4000, numberofjobs=2),
        busy(7000, period_ms=20, offset_ms=1),
    )
    assert ms(second) == [(1, 4, 11)]
    assert ms(first) == [(0, 0, 4), (10, 11, 15)]


@pytest.mark.parametrize(
    ("overrun", "jobs"),
    [
        # As docs/protocol.md has it: a release that is passed over starts no job.
        ("kill", [(0, 6, 10, "EXIT_PERIOD"), (20, 26, 30, "EXIT_PERIOD"), (40, 40, 46, "EXIT")]),
        ("skip", [(0, 6, 18, "EXIT"), (20, 26, 32, "EXIT"), (40, 40, 46, "EXIT")]),
        ("late", [(0, 6, 18, "EXIT"), (10, 18, 30, "EXIT"), (20, 30, 36, "EXIT")]),
    ],
)
def test_overruns(overrun: str, jobs: list[tuple[int, int, int, str]]) -> None:
    record, (_, low) = ran(
        busy(6000, priority=0, numberofjobs=3), busy(6000, overrun=overrun, numberofjobs=3)
    )
    seen = [(*times, job.outcome) for times, job in zip(ms(low), low, strict=True)]
    assert seen == jobs
    assert record.judge()[0] is Verdict.MISSED


def test_a_job_is_killed_at_its_critical_time() -> None:
    _, (first, second) = ran(
        busy(6000, priority=0, period_ms=100, criticaltime_ms=6),
        busy(5000, criticaltime_ms=9, numberofjobs=2, offset_ms=1),
    )
    # One that ends at that very moment has made it.
    assert [(job.outcome, job.completion_ns) for job in first] == [(EXIT, 6_000_000)]
    assert [job.outcome for job in second] == [EventType.EXIT_CRITICAL, EXIT]
    assert [job.completion_ns for job in second] == [10_000_000, 16_000_000]
    assert second[0].exit_value == 137


def test_a_job_that_ends_at_its_next_release_has_made_it() -> None:
    record, (job, *_) = ran(busy(10_000, numberofjobs=3), busy(10, priority=2, period_ms=100))
    assert ms(job) == [(0, 0, 10), (10, 10, 20), (20, 20, 30)]
    assert record.judge()[0] is Verdict.SCHEDULABLE


def test_a_job_that_never_ran_is_told_of() -> None:
    _, (_, starved) = ran(busy(10_000, priority=0), busy(1000, numberofjobs=2))
    assert [job.outcome for job in starved] == [EventType.EXIT_PERIOD, EXIT]
    assert starved[0].start_ns == starved[0].completion_ns == 10_000_000


def test_several_processors_share_or_part() -> None:
    three = [busy(6000, priority=place) for place in range(3)]
    record, jobs = ran(*three, cpus=2)
    assert [ms(own) for own in jobs] == [[(0, 0, 6)], [(0, 0, 6)], [(0, 6, 10)]]
    apart = [busy(6000, priority=place, cores=1, coreoffset=place % 2) for place in range(2)]
    record, jobs = ran(*apart, cpus=2)
    assert record.judge()[0] is Verdict.SCHEDULABLE
    bound = [busy(6000, priority=place, cores=1, coreoffset=1) for place in range(2)]
    record, jobs = ran(*bound, cpus=2)
    assert [ms(own) for own in jobs] == [[(0, 0, 6)], [(0, 6, 10)]]


@pytest.mark.parametrize(
    "seed", [seed for seed in range(120) if total_utilization(draw(seed)[1]) <= 1]
)
def test_it_agrees_with_theory(seed: int) -> None:
    kind, tasks = draw(seed)
    verdict = judge_modelled(tasks)
    # To the end of the second hyperperiod (4 ms) after the last offset (8 ms at most).
    given = [
        SimulatedTask(task.wcet_ns, task.period_ns, task.deadline_ns, task.offset_ns,
                      task.priority, 16_000_000 // task.period_ns, None, "late", 0, 1)
        for task in tasks
    ]  # fmt: skip
    jobs = simulate(given, 1)
    late = [
        job
        for own, task in zip(jobs, tasks, strict=True)
        for job in own
        if job.end_ns - job.release_ns > task.deadline_ns
    ]
    assert (verdict.answer is Answer.SCHEDULABLE) == (not late)
    if not kind.edf and not kind.offsets and not late:
        longest = tuple(max(job.end_ns - job.release_ns for job in own) for own in jobs)
        assert longest == verdict.responses_ns


@pytest.mark.parametrize(
    ("task", "says"),
    [
        (Task("pi", arg1=1000), "task 0 \\(pi\\) has no known WCET"),
        (busy(1, cores=2, coreoffset=1), "wants processors 1 to 2, and this machine has 2"),
        (busy(1, numberofjobs=JOBS_MAX + 1), "a simulation takes 200000 at most"),
        (busy(1, period_ms=3_600_000, numberofjobs=10_000), "more than 104 days"),
    ],
)
def test_what_cannot_be_simulated_is_refused_by_name(task: Task, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        described(TaskSet(task), 2)


def test_events_are_those_of_a_loader() -> None:
    told = events([[SimulatedJob(0, 2, 4, EXIT)], [SimulatedJob(0, 0, 2, EXIT)]])
    assert [(each.type, each.task_id, each.time_ns) for each in told] == [
        ("START", 1, 0),
        ("START", 0, 2),
        ("EXIT", 1, 2),
        ("JOBS_DONE", 1, 2),
        ("EXIT", 0, 4),
        ("JOBS_DONE", 0, 4),
    ]
    assert all(each.exact for each in told)


def test_switches_tell_who_had_each_processor() -> None:
    given = described(
        TaskSet(busy(5000, priority=2, offset_ms=1), busy(2000, offset_ms=3, numberofjobs=2)), 1
    )
    jobs = simulate(given, 1)
    told, end = switches_of(jobs, 100)
    assert [(each.time_ns / 1e6, each.occupant, each.task_id, each.job_index) for each in told] == [
        (0, "idle", None, None),
        (1, "job", 0, 0),
        (3, "job", 1, 0),
        (5, "job", 0, 0),
        (8, "idle", None, None),
        (13, "job", 1, 1),
        (15, "idle", None, None),
    ]
    assert (end.count, end.trace) == (7, "complete")
    told, end = switches_of(jobs, 3)
    assert (len(told), end.count, end.trace) == (3, 3, "cut")


def test_switches_of_two_processors_are_apart() -> None:
    three = [busy(6000, priority=place, period_ms=20) for place in range(3)]
    told, _ = switches_of(simulate(described(TaskSet(three), 2), 2), 100)
    jobs = [each for each in told if each.task_id is not None]
    assert [(each.cpu, each.time_ns / 1e6, each.task_id) for each in jobs] == [
        (0, 0, 0),
        (0, 6, 2),
        (1, 0, 1),
    ]


def test_a_job_that_is_put_off_as_its_turn_comes_has_not_started() -> None:
    # As the first one ends, the second one's turn has come, and the third is released.
    _, (_, second, third) = ran(
        busy(5000, priority=0), busy(1000, priority=2), busy(2000, priority=1, offset_ms=5)
    )
    assert ms(third) == [(5, 5, 7)]
    assert ms(second) == [(0, 7, 8)]
    given = described(TaskSet(busy(5000, priority=0), busy(1000, priority=2),
                              busy(2000, priority=1, offset_ms=5)), 1)  # fmt: skip
    told, _ = switches_of(simulate(given, 1), 100)
    assert [each.task_id for each in told] == [0, 2, 1, None]


def test_options_of_other_machines_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="no option memory_mib"):
        SimsoKind(memory_mib=64)
    with pytest.raises(ConfigurationError, match="no network"):
        SimsoKind(network="user")
    with pytest.raises(ConfigurationError, match="1 to 64, not 0"):
        SimsoKind(cpus=0)
