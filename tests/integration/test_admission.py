"""Admission control in a real machine: who is refused does not run, and the others hold."""

from __future__ import annotations

import pytest

from distributor import Distributor, Result, Task, TaskSet, Verdict
from distributor.session.description import Goal
from tests.integration.conftest import Results

pytestmark = pytest.mark.integration

#: 95 % and 30 % of a processor: together too much.
SET = TaskSet(
    [
        Task("busy", arg1=2900, executiontime_ms=3, period_ms=10, priority=1, numberofjobs=4),
        Task("busy", arg1=9000, executiontime_ms=9.5, period_ms=10, priority=2, numberofjobs=4),
    ]
)


def run(distributor: Distributor, taskset: TaskSet, goal: Goal | None) -> Result:
    results = Results()
    goals = () if goal is None else (goal.parameters,)
    job = distributor.add_job(taskset, results, 0, *goals)
    assert distributor.wait(300)
    return results.found[job, 0]


@pytest.mark.parametrize("network", ["none", "user"])
def test_the_goal_says_who_runs_and_holds_for_its_job_alone(network: str) -> None:
    with Distributor(network=network) as distributor:
        fair = run(distributor, SET, Goal.FAIRNESS)
        full = run(distributor, SET, Goal.UTILIZATION)
        none = run(distributor, SET, None)
    assert (fair.verdict, fair.reason) == (
        Verdict.MISSED,
        "admission control refused task 1; all 4 jobs of others met their deadlines",
    )
    assert [job.task_id for job in fair.jobs] == [0] * 4
    assert full.reason.startswith("admission control refused task 0;")
    assert [job.task_id for job in full.jobs] == [1] * 4
    # Without it both run, and the second is killed by its own next release.
    assert none.verdict is Verdict.MISSED
    assert {job.task_id for job in none.jobs} == {0, 1}


def test_a_set_that_fits_is_admitted_whole() -> None:
    taskset = TaskSet(
        [
            Task("busy", arg1=1000, executiontime_ms=1.2, period_ms=5, numberofjobs=8),
            Task("busy", arg1=2000, executiontime_ms=2.2, period_ms=10, numberofjobs=4),
            Task("busy", arg1=2000, executiontime_ms=2.2, period_ms=20, priority=5),
            Task("hey", arg1=1, period_ms=20, priority=6),
        ]
    )
    with Distributor() as distributor:
        result = run(distributor, taskset, Goal.FAIRNESS)
    assert (result.verdict, len(result.jobs)) == (Verdict.SCHEDULABLE, 14)
