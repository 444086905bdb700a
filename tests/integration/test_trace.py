"""Switches as real machines record them: they explain each job's response time."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from distributor import Distributor, Occupant, Result, Task, TaskSet, Trace, Verdict
from distributor.analysis.slices import Slice, slices
from tests.integration.conftest import Results

pytestmark = pytest.mark.integration

MS = 10**6
#: Of 1,000 ns clocked by the task itself, and what its start, end and preemption take.
COST_NS = 100_000

SET = TaskSet(
    [
        Task("busy", arg1=1000, period_ms=5, priority=0, numberofjobs=8),
        Task("busy", arg1=1000, period_ms=10, priority=1, numberofjobs=4),
        Task("busy", arg1=5000, period_ms=20, priority=2, numberofjobs=2),
    ]
)


def traced(distributor: Distributor, taskset: TaskSet, switches: int = 9999) -> Result:
    results = Results()
    job = distributor.add_job(taskset, results, switches=switches)
    assert distributor.wait(300)
    return results.found[job, 0]


def stretches(result: Result) -> dict[tuple[int, int], list[Slice]]:
    """The slices of each job."""
    found = defaultdict(list)
    for piece in slices(result.switches):
        if piece.task_id is not None and piece.job_index is not None:
            found[piece.task_id, piece.job_index].append(piece)
    return found


@pytest.mark.parametrize("network", ["none", "user"])
def test_switches_explain_the_response_times(network: str) -> None:
    with Distributor(network=network) as distributor:
        result = traced(distributor, SET)
        plain = traced(distributor, SET, switches=0)
    assert (result.verdict, result.trace) == (Verdict.SCHEDULABLE, Trace.COMPLETE)
    found = stretches(result)
    assert len(found) == len(result.jobs) == 14
    for job in result.jobs:
        own = found[job.task_id, job.index]
        assert own[0].begin_ns == job.start_ns
        assert own[-1].end_ns == job.completion_ns
        work_ns = SET.tasks[job.task_id].wcet_ns
        assert work_ns is not None
        assert work_ns <= sum(piece.length_ns for piece in own) < work_ns + COST_NS
    # 5 ms of work in the gaps of two others: both of its jobs are preempted.
    assert {len(found[2, index]) > 1 for index in (0, 1)} == {True}
    assert {len(found[0, index]) for index in range(8)} == {1}
    # What it costs to record them.
    assert (plain.trace, plain.switches) == (None, ())
    for with_, without in zip(result.jobs, plain.jobs, strict=True):
        assert abs(with_.response_ns - without.response_ns) < 20_000


def test_time_is_whole_and_idle_time_is_told() -> None:
    with Distributor() as distributor:
        result = traced(distributor, SET)
    pieces = list(slices(result.switches))
    assert pieces[0].begin_ns <= 0
    assert all(one.end_ns == other.begin_ns for one, other in pairwise(pieces))
    assert pieces[-1].end_ns >= max(job.completion_ns for job in result.jobs)
    idle_ns = sum(piece.length_ns for piece in pieces if piece.occupant is Occupant.IDLE)
    # 22 ms of work in the first 36 or so.
    assert 5 * MS < idle_ns + pieces[0].begin_ns < 20 * MS


def test_what_is_recorded_is_bounded() -> None:
    with Distributor() as distributor:
        result = traced(distributor, SET, switches=10)
    assert (result.verdict, result.trace) == (Verdict.SCHEDULABLE, Trace.CUT)
    assert len(result.switches) == 10


def test_a_long_set_loses_none() -> None:
    taskset = TaskSet([Task("idle", period_ms=1, priority=0, numberofjobs=3000)])
    with Distributor() as distributor:
        result = traced(distributor, taskset, switches=1 << 20)
    assert result.trace is Trace.COMPLETE
    assert len(stretches(result)) == 3000
    # Those that ran while the loader read what was recorded so far, too.
    assert max(job.response_ns for job in result.jobs) < 40_000


def test_the_same_each_time_when_sealed(tmp_path: Path) -> None:
    with Distributor() as distributor:
        one, other = traced(distributor, SET), traced(distributor, SET)
    assert one.switches == other.switches
