"""Schedulability tests against results that are known, and against each other."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import pytest

from distributor.analysis.theory import (
    Answer,
    Costs,
    TheoryTask,
    judge,
    judge_modelled,
    response_bounds_ns,
)
from distributor.analysis.theory.bounds import within_hyperbolic, within_liu_layland
from distributor.analysis.theory.edf import demand_bound_ns, qpa
from distributor.analysis.theory.fixed import TooLong, worst_response
from distributor.analysis.theory.schedule import first_miss
from distributor.tasks.task import EDF


@dataclass(frozen=True)
class Given:
    """What a Task and a store's record of one have in common."""

    wcet_ns: int | None
    period_ns: int
    deadline_ns: int
    priority: int = EDF
    offset_ns: int = 0
    cores: int | None = None
    coreoffset: int = 0
    overrun: str = "late"
    name: str = "busy"


def fixed(*rows: tuple[int, int, int], offsets: tuple[int, ...] = ()) -> list[TheoryTask]:
    """Tasks of (WCET, period, deadline), the first one the highest."""
    return [
        TheoryTask(wcet, period, deadline, offsets[k] if offsets else 0, priority=k, place=k)
        for k, (wcet, period, deadline) in enumerate(rows)
    ]


def edf(*rows: tuple[int, int, int], offsets: tuple[int, ...] = ()) -> list[TheoryTask]:
    return [
        TheoryTask(wcet, period, deadline, offsets[k] if offsets else 0, place=k)
        for k, (wcet, period, deadline) in enumerate(rows)
    ]


def test_response_times_are_those_of_the_textbook() -> None:
    # Burns and Wellings' example: periods 80, 40, 20 with 40, 10, 5: 80, 15, 5.
    tasks = fixed((5, 20, 20), (10, 40, 40), (40, 80, 80))
    verdict = judge_modelled(tasks)
    assert verdict.answer is Answer.SCHEDULABLE
    assert verdict.test == "response-time analysis"
    assert verdict.responses_ns == (5, 15, 80)
    assert verdict.utilization == 1
    assert (verdict.liu_layland, verdict.hyperbolic) == (False, False)


def test_deadlines_beyond_the_period_are_searched_over_the_busy_period() -> None:
    # Lehoczky's example: the worst response of the second task is its fifth job's.
    tasks = fixed((26, 70, 70), (62, 100, 118))
    responses = [worst_response(tasks, task).response_ns for task in tasks]
    assert responses == [26, 118]
    verdict = judge_modelled(fixed((26, 70, 70), (62, 100, 117)))
    assert (verdict.answer, verdict.task_id) == (Answer.NOT_SCHEDULABLE, 1)
    assert verdict.job == 4
    assert verdict.responses_ns == (26, None)


def test_the_failing_task_and_its_job_are_named() -> None:
    verdict = judge([Given(30, 50, 50, priority=0), Given(30, 80, 80, priority=1)])
    assert verdict.answer is Answer.NOT_SCHEDULABLE
    assert (verdict.task_id, verdict.job) == (1, 0)
    assert verdict.reason == "job 0 of task 1 (busy) takes longer than its deadline of 80 ns"


def test_equal_priorities_are_served_in_the_order_of_release() -> None:
    one = TheoryTask(4, 10, 10, priority=1, place=0)
    other = TheoryTask(3, 20, 20, priority=1, place=1)
    # Each waits for the other once at most; as a higher priority it would interfere again.
    assert worst_response([one, other], one).response_ns == 7
    assert worst_response([one, other], other).response_ns == 7


def test_a_tie_that_never_occurs_does_not_fail_a_set() -> None:
    # Released 5 after the other, the second never waits for it.
    tasks = [
        TheoryTask(5, 10, 5, 0, priority=1, place=0),
        TheoryTask(5, 10, 5, 5, priority=1, place=1),
    ]
    verdict = judge_modelled(tasks)
    assert (verdict.answer, verdict.test) == (Answer.SCHEDULABLE, "exact schedule")


def test_offsets_can_save_a_set_that_would_fail_without() -> None:
    rows = ((2, 4, 2), (2, 4, 2))
    assert judge_modelled(fixed(*rows)).answer is Answer.NOT_SCHEDULABLE
    assert judge_modelled(fixed(*rows, offsets=(0, 2))).answer is Answer.SCHEDULABLE
    assert judge_modelled(edf(*rows)).answer is Answer.NOT_SCHEDULABLE
    assert judge_modelled(edf(*rows, offsets=(0, 2))).answer is Answer.SCHEDULABLE
    late = judge_modelled(edf(*rows, offsets=(0, 1)))
    assert (late.answer, late.test) == (Answer.NOT_SCHEDULABLE, "exact schedule")
    assert (late.task_id, late.job) == (1, 0)


def test_offsets_that_all_have_are_none() -> None:
    verdict = judge_modelled(fixed((2, 4, 2), (2, 4, 2), offsets=(7, 7)))
    assert (verdict.answer, verdict.test) == (Answer.NOT_SCHEDULABLE, "response-time analysis")


def test_a_hyperperiod_too_long_to_follow_leaves_it_open() -> None:
    rows = ((40, 100_003, 60), (40, 99_991, 60), (1, 7, 7))
    with pytest.raises(TooLong):
        first_miss(edf(*rows, offsets=(0, 50, 0)), jobs_max=1000)
    verdict = judge_modelled(edf(*rows, offsets=(0, 50_000, 0)))
    assert verdict.answer is Answer.UNKNOWN
    assert "too long" in verdict.reason


def test_demand_is_bounded_and_searched_backwards() -> None:
    tasks = edf((2, 5, 4), (3, 10, 7), (2, 20, 20))
    assert [demand_bound_ns(tasks, time) for time in (3, 4, 7, 9, 20)] == [0, 2, 5, 7, 16]
    assert qpa(tasks) is None
    tight = edf((2, 5, 2), (3, 10, 4))
    found = qpa(tight)
    assert found is not None
    assert (found.time_ns, found.demand_ns, found.task.place, found.job) == (4, 5, 1, 0)


def test_edf_holds_a_full_processor() -> None:
    assert judge_modelled(edf((1, 2, 2), (1, 3, 3), (1, 6, 6))).answer is Answer.SCHEDULABLE
    over = judge_modelled(edf((1, 2, 2), (1, 3, 3), (1, 5, 5)))
    assert (over.answer, over.test) == (Answer.NOT_SCHEDULABLE, "utilization")
    # 15 + 10 + 6 are due by 30; the last one released is the last one done.
    assert (over.task_id, over.job) == (0, 14)


def test_deadline_tasks_come_before_fixed_priorities() -> None:
    mixed = [Given(3, 10, 10), Given(4, 20, 9, priority=0)]
    verdict = judge(mixed)
    assert verdict.answer is Answer.SCHEDULABLE
    assert verdict.test == "processor demand (QPA) and response-time analysis"
    assert verdict.responses_ns == (None, 7)


@pytest.mark.parametrize(
    ("utilizations", "liu_layland", "hyperbolic"),
    [
        ((Fraction(1, 2), Fraction(1, 4)), True, True),
        ((Fraction(2, 3), Fraction(1, 5)), False, True),  # 5/3 * 6/5 is exactly 2
        ((Fraction(2, 3), Fraction(1, 4)), False, False),
    ],
)
def test_utilization_bounds(
    utilizations: tuple[Fraction, ...], liu_layland: bool, hyperbolic: bool
) -> None:
    tasks = fixed(*((round(600 * share), 600, 600) for share in utilizations))
    assert within_liu_layland(tasks) is liu_layland
    assert within_hyperbolic(tasks) is hyperbolic


def test_utilization_bounds_say_nothing_of_other_priorities() -> None:
    swapped = judge_modelled(fixed((1, 20, 20), (1, 10, 10)))
    assert (swapped.liu_layland, swapped.hyperbolic) == (None, None)
    short = judge_modelled(fixed((1, 20, 10)))
    assert short.liu_layland is None


def test_a_task_without_a_wcet_leaves_it_open() -> None:
    verdict = judge([Given(1, 10, 10), Given(None, 10, 10, name="pi")])
    assert verdict.answer is Answer.UNKNOWN
    assert "task 1 (pi) has no known WCET" in verdict.reason


def test_a_job_that_its_next_release_kills_has_the_period_as_its_deadline() -> None:
    rows = [Given(26, 70, 70, 0), Given(62, 100, 118, 1)]
    assert judge(rows).answer is Answer.SCHEDULABLE
    killed = [rows[0], Given(62, 100, 118, 1, overrun="kill")]
    assert judge(killed).answer is Answer.NOT_SCHEDULABLE


def test_each_processor_has_its_own_tasks() -> None:
    rows = [
        Given(6, 10, 10, 0, cores=1, coreoffset=0),
        Given(6, 10, 10, 1, cores=1, coreoffset=1),
    ]
    verdict = judge(rows)
    assert verdict.answer is Answer.SCHEDULABLE
    assert verdict.responses_ns == (6, 6)
    assert verdict.utilization == Fraction(12, 10)
    assert verdict.liu_layland is None
    together = judge([Given(6, 10, 10, 0), Given(6, 10, 10, 1)])
    assert together.answer is Answer.NOT_SCHEDULABLE


def test_tasks_that_move_are_left_to_bounds() -> None:
    assert judge([Given(3, 10, 10)] * 4, cpus=2).test == "density bound of global EDF"
    assert judge([Given(9, 10, 10)] * 3, cpus=2).answer is Answer.NOT_SCHEDULABLE
    assert judge([Given(6, 10, 10, priority=1)] * 2, cpus=2).answer is Answer.UNKNOWN
    assert judge([Given(6, 10, 5)], cpus=2).answer is Answer.NOT_SCHEDULABLE
    # The last processor alone is left to a task that starts there.
    assert judge([Given(6, 10, 10, coreoffset=1)], cpus=2).test == "processor demand (QPA)"


def test_a_place_that_the_machine_does_not_have_is_told() -> None:
    verdict = judge([Given(1, 10, 10, cores=2, coreoffset=1)], cpus=2)
    assert verdict.answer is Answer.UNKNOWN
    assert "wants processors 1 to 2, and the machine has 2" in verdict.reason


def test_costs_are_charged_to_all_that_pay_them() -> None:
    rows = [Given(10, 100, 100, 0), Given(20, 200, 200, 1), Given(30, 400, 400, 2)]
    assert response_bounds_ns(rows) == (10, 30, 60)
    # The highest pays its own release and switch, and the releases of the two below it.
    bounds = response_bounds_ns(rows, release_ns=2, preemption_ns=1)
    assert bounds == (10 + 3 + 2 + 2, 30 + 6 + 2, 60 + 9)
    assert judge(rows, costs=Costs(release_ns=2)).answer is Answer.SCHEDULABLE
    assert judge(rows, costs=Costs(preemption_ns=100)).answer is Answer.UNKNOWN


def test_costs_count_for_deadline_tasks() -> None:
    rows = [Given(5, 10, 10), Given(4, 10, 10), Given(1, 1000, 1000, priority=3)]
    assert judge(rows[:2], costs=Costs(preemption_ns=0)).answer is Answer.SCHEDULABLE
    assert judge(rows[:2], costs=Costs(preemption_ns=1)).answer is Answer.UNKNOWN
    assert judge(rows, costs=Costs(release_ns=1)).answer is Answer.UNKNOWN


def test_there_is_no_bound_where_the_processor_is_overloaded() -> None:
    rows = [Given(6, 10, 10, 0), Given(6, 10, 10, 1), Given(1, 10, 10)]
    assert response_bounds_ns(rows) == (7, None, None)
    assert response_bounds_ns([Given(None, 10, 10, 0)]) == (None,)
