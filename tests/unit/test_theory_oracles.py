"""Schedulability tests held against programs that others wrote (benchmarks/_oracles.py)."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from benchmarks._oracles import KINDS, analysed, compare, differing, draw
from distributor.analysis.theory import Answer, TheoryTask, judge_modelled
from distributor.analysis.theory.fixed import worst_response
from distributor.analysis.theory.model import total_utilization
from distributor.analysis.theory.schedule import first_miss


@pytest.mark.parametrize("part", range(8))
def test_response_time_analysis_and_simso_say_the_same(part: int) -> None:
    # Each part has all four kinds: seeds differ by one.
    assert differing(range(part * 50, part * 50 + 50)) == {}


def test_a_wrong_answer_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison itself: an analysis that forgets a nanosecond of each job is caught."""
    sound = {seed: judge_modelled(draw(seed)[1]) for seed in range(0, 40, 4)}
    seed = next(each for each in sound if sound[each].answer is Answer.SCHEDULABLE)
    shortened = [replace(task, wcet_ns=task.wcet_ns - 1) for task in draw(seed)[1]]
    wrong = judge_modelled(shortened)
    monkeypatch.setattr("benchmarks._oracles.judge_modelled", lambda tasks: wrong)
    assert "simso: responses" in compare(seed)


@pytest.mark.parametrize("seed", range(100))
def test_equal_priorities_are_between_a_schedule_and_full_interference(seed: int) -> None:
    """No schedule of any phasing exceeds our bound, and it is no worse than what counts
    every job of an equal priority (as response-time-analysis does)."""
    rng = random.Random(seed)
    periods = [rng.choice((4, 5, 6, 8, 10, 12)) for _ in range(4)]
    tasks = [
        TheoryTask(rng.randint(1, max(1, period // 4)), period, 10**6, priority=rng.randint(0, 1),
                   place=place)
        for place, period in enumerate(periods)
    ]  # fmt: skip
    if total_utilization(tasks) > 1:
        pytest.skip("overloaded")
    bounds = [worst_response(tasks, task).response_ns for task in tasks]
    theirs = analysed(tasks)
    assert theirs is not None
    # Its tasks of like numbers are one to it: it then leaves them out.
    if len({(task.wcet_ns, task.period_ns, task.priority) for task in tasks}) == len(tasks):
        assert all(mine <= other for mine, other in zip(bounds, theirs, strict=True))
    for _ in range(20):
        phased = [
            TheoryTask(task.wcet_ns, task.period_ns, bound, rng.randrange(task.period_ns),
                       task.priority, place=task.place)
            for task, bound in zip(tasks, bounds, strict=True)
        ]  # fmt: skip
        assert first_miss(phased) is None


def test_every_kind_of_set_is_drawn() -> None:
    assert {draw(seed)[0] for seed in range(4)} == set(KINDS)
