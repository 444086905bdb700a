"""Task sets drawn at random: their distributions, held against independent ones."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from math import comb, factorial, fsum
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from simso.generator import task_generator as simso_generator

from distributor import ConfigurationError, RandomTaskSets, Task, TaskSet
from distributor.tasks.generate.deadline import parse_deadlines
from distributor.tasks.generate.draw import generator, shuffled
from distributor.tasks.generate.partition import partition
from distributor.tasks.generate.period import AUTOMOTIVE, parse_periods
from distributor.tasks.generate.priority import (
    audsley,
    deadline_monotonic,
    meets_its_deadline,
    rate_monotonic,
)
from distributor.tasks.generate.utilization import (
    convolutionalfixedsum,
    draw_utilizations,
    randfixedsum,
    uunifast,
    uunifast_discard,
)

#: A test that is true throws a right generator out once in a thousand seeds; ours are fixed.
LEAST_P = 0.001
DRAWS = 4000
MS = 10**6


def irwin_hall(count: int, x: float) -> float:
    """Probability that ``count`` uniform numbers add up to at most x (Irwin, Hall 1927)."""
    terms = ((-1) ** k * comb(count, k) * max(x - k, 0.0) ** count for k in range(count + 1))
    return fsum(terms) / factorial(count)


def capped_cdf(tasks: int, total: float) -> Any:
    """Of one of ``tasks`` numbers from 0 to 1, uniform over all that add up to a total."""
    whole = irwin_hall(tasks - 1, total) - irwin_hall(tasks - 1, total - 1)

    def cdf(values: Any) -> Any:
        return np.array(
            [
                (irwin_hall(tasks - 1, total) - irwin_hall(tasks - 1, total - x)) / whole
                for x in np.clip(values, 0, 1)
            ]
        )

    return cdf


def test_uunifast_is_uniform_over_the_simplex() -> None:
    rng = generator(1)
    drawn = np.array([uunifast(rng, 5, 0.8) for _ in range(DRAWS)])
    assert np.allclose(drawn.sum(axis=1), 0.8)
    for place in range(5):
        reference = stats.beta(1, 4, scale=0.8)
        assert stats.kstest(drawn[:, place], reference.cdf).pvalue > LEAST_P


@pytest.mark.parametrize(
    ("draw", "tasks", "total"),
    [
        (randfixedsum, 3, 0.7),
        (randfixedsum, 5, 2.4),
        (randfixedsum, 4, 1.0),
        (randfixedsum, 2, 1.7),
        (randfixedsum, 8, 6.5),
        (uunifast_discard, 3, 0.7),
        (uunifast_discard, 5, 2.4),
    ],
)
def test_capped_draws_are_uniform_over_all_that_the_cap_allows(
    draw: Any, tasks: int, total: float
) -> None:
    rng = generator(2, tasks)
    cap = 0.9
    drawn = np.array([draw(rng, tasks, total * cap, cap) for _ in range(DRAWS)])
    assert np.allclose(drawn.sum(axis=1), total * cap)
    assert drawn.min() >= 0
    assert drawn.max() <= cap
    for place in range(tasks):
        answer = stats.kstest(drawn[:, place] / cap, capped_cdf(tasks, total))
        assert answer.pvalue > LEAST_P, place


def test_randfixedsum_agrees_with_simso_in_more_than_one_dimension() -> None:
    np.random.seed(5)
    stafford: Any = simso_generator.StaffordRandFixedSum
    theirs = np.array(stafford(6, 2.5, DRAWS))
    rng = generator(3)
    ours = np.array([randfixedsum(rng, 6, 2.5) for _ in range(DRAWS)])
    measures: list[Callable[[Any], Any]] = [
        lambda drawn: drawn.max(axis=1),
        lambda drawn: drawn.min(axis=1),
        lambda drawn: drawn[:, 0] * drawn[:, 1],
        lambda drawn: drawn[:, 2] - drawn[:, 4],
    ]
    for measure in measures:
        assert stats.ks_2samp(measure(ours), measure(theirs)).pvalue > LEAST_P


def test_the_test_of_distributions_would_find_a_wrong_one() -> None:
    rng = random.Random(1)
    wrong = []
    for _ in range(DRAWS):
        shares = [rng.random() for _ in range(5)]
        wrong.append(0.8 * shares[0] / sum(shares))
    assert stats.kstest(wrong, stats.beta(1, 4, scale=0.8).cdf).pvalue < 1e-10


@pytest.mark.parametrize("caps", [[0.7, 0.4, 0.2], [0.9, 0.9, 0.3, 0.1]])
def test_unequal_caps_agree_with_throwing_away_what_they_forbid(caps: list[float]) -> None:
    rng = generator(4)
    draws = 1500
    ours = np.array([convolutionalfixedsum(rng, 1.0, caps) for _ in range(draws)])
    assert np.allclose(ours.sum(axis=1), 1.0, atol=1e-4)
    assert (ours <= np.array(caps)).all()
    theirs: list[list[float]] = []
    while len(theirs) < draws:
        drawn = uunifast(rng, len(caps), 1.0)
        if all(share <= cap for share, cap in zip(drawn, caps, strict=True)):
            theirs.append(drawn)
    for place in range(len(caps)):
        answer = stats.ks_2samp(ours[:, place], np.array(theirs)[:, place])
        assert answer.pvalue > LEAST_P, place


def test_the_users_own_random_numbers_are_left_alone() -> None:
    random.seed(7)
    expected = random.Random(7).random()
    caps = [0.4] * 17 + [0.05]
    drawn = convolutionalfixedsum(generator(1), 1.0, caps)
    assert random.random() == expected
    assert drawn == convolutionalfixedsum(generator(1), 1.0, caps)
    assert fsum(drawn) == pytest.approx(1.0, abs=1e-4)
    assert all(0 <= share <= cap for share, cap in zip(drawn, caps, strict=True))


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 40), st.floats(0.001, 1), st.floats(0.01, 1), st.integers(0, 2**64))
def test_randfixedsum_keeps_its_sum_and_its_cap(
    tasks: int, share: float, cap: float, seed: int
) -> None:
    total = tasks * cap * share
    drawn = randfixedsum(generator(seed), tasks, total, cap)
    assert len(drawn) == tasks
    assert fsum(drawn) == pytest.approx(total, rel=1e-6)
    assert all(0 <= each <= cap for each in drawn)


def test_many_tasks_do_not_run_out_of_numbers() -> None:
    rng = generator(6)
    drawn = np.array([randfixedsum(rng, 256, 100.0) for _ in range(20)])
    assert np.allclose(drawn.sum(axis=1), 100)
    # Of many numbers with a mean of 0.39, each is nearly a cut exponential one.
    assert 0.2 < np.median(drawn) < 0.4


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("uniform:10ms-100ms:1us", stats.uniform(10 * MS, 90 * MS)),
        ("log-uniform:10ms-1s:1us", stats.loguniform(10 * MS, 1000 * MS)),
    ],
)
def test_periods_follow_their_distribution(text: str, reference: Any) -> None:
    periods, rng = parse_periods(text), generator(8)
    drawn = [periods.draw(rng) for _ in range(DRAWS)]
    assert stats.kstest(drawn, reference.cdf).pvalue > LEAST_P
    assert all(period_ns % 1000 == 0 for period_ns in drawn)


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("uniform:1ms-5ms", dict.fromkeys(range(1, 6), 1)),
        ("harmonic:10ms-1s", dict.fromkeys([10, 20, 40, 80, 160, 320, 640], 1)),
        ("harmonic:10ms-1s:10", dict.fromkeys([10, 100, 1000], 1)),
        ("10ms, 25ms,60ms", dict.fromkeys([10, 25, 60], 1)),
        ("automotive", AUTOMOTIVE),
        # Emberson et al.: a period stands for all up to the next step.
        ("log-uniform:1ms-3ms", {1: np.log(2), 2: np.log(3 / 2), 3: np.log(4 / 3)}),
    ],
)
def test_stepped_periods_have_their_shares(text: str, shares: dict[int, float]) -> None:
    periods, rng = parse_periods(text), generator(9)
    drawn = Counter(periods.draw(rng) / MS for _ in range(DRAWS))
    assert drawn.keys() == set(shares)
    expected = [DRAWS * share / sum(shares.values()) for share in shares.values()]
    seen = [drawn[period_ms] for period_ms in shares]
    assert stats.chisquare(seen, expected).pvalue > LEAST_P
    assert str(parse_periods(str(periods))) == str(periods)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("gauss:1ms-2ms", "there are no periods 'gauss:1ms-2ms'"),
        ("uniform", "lack a range"),
        ("uniform:2ms-1ms", "ends before it begins"),
        ("uniform:1-2", "'1' is no span of time"),
        ("uniform:1ms-2ms:5ms", "no multiple of the step"),
        ("harmonic:1ms-2ms:1", "factor is a whole number from 2"),
        ("10ms,0ms", "'0ms' is no span"),
    ],
)
def test_wrong_periods_are_told(text: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        parse_periods(text)


def test_deadlines_lie_between_execution_time_and_period() -> None:
    assert parse_deadlines("implicit").draw(generator(1), 5 * MS, 30 * MS) == 30 * MS
    for text, low in (("constrained", 5), ("constrained:0.4", 15)):
        deadlines, rng = parse_deadlines(text), generator(10)
        drawn = [deadlines.draw(rng, 5 * MS, 30 * MS) for _ in range(DRAWS)]
        reference = stats.uniform(low * MS, (30 - low) * MS)
        assert stats.kstest(drawn, reference.cdf).pvalue > LEAST_P
    with pytest.raises(ConfigurationError, match="there are no deadlines 'constrained:2'"):
        parse_deadlines("constrained:2")


def busy(wcet_ms: float, period_ms: float, deadline_ms: float | None = None) -> Task:
    return Task(
        "busy",
        arg1=round(wcet_ms * 1000),
        period_ms=period_ms,
        deadline_ms=deadline_ms or period_ms,
    )


def test_monotonic_priorities_rank_by_period_and_by_deadline() -> None:
    tasks = [busy(1, 20, 5), busy(1, 10), busy(1, 30, 4), busy(1, 10)]
    assert rate_monotonic(tasks) == [2, 0, 3, 1]
    assert deadline_monotonic(tasks) == [1, 2, 0, 3]


def test_audsley_finds_what_deadline_monotonic_finds_and_nothing_where_there_is_none() -> None:
    found = 0
    for taskset in RandomTaskSets(
        tasks=4, utilization=[0.7, 0.9], sets=60, deadlines="constrained:0.5", seed=3
    ):
        tasks = list(taskset)
        order = sorted(range(4), key=deadline_monotonic(tasks).__getitem__)
        # Deadline-monotonic is optimal here (Leung, Whitehead 1982).
        holds = all(
            meets_its_deadline(tasks[place], [tasks[higher] for higher in order[:rank]])
            for rank, place in enumerate(order)
        )
        given = audsley(tasks, meets_its_deadline)
        assert (given is not None) == holds
        found += holds
        if given is not None:
            assert sorted(given) == [0, 1, 2, 3]
            for place, priority in enumerate(given):
                higher = [tasks[o] for o in range(4) if given[o] < priority]
                assert meets_its_deadline(tasks[place], higher)
    assert 10 < found < 110


def test_audsley_finds_an_assignment_that_no_monotonic_one_is() -> None:
    # A made-up test, which wants the task of 10 ms at the bottom.
    tasks = [busy(1, 10), busy(1, 20), busy(1, 30)]

    def only_so(task: Task, higher: Any) -> bool:
        return len(higher) < 2 or task is tasks[0]

    assert audsley(tasks, only_so) == [2, 0, 1]
    assert audsley(tasks, lambda task, higher: False) is None


@pytest.mark.parametrize(
    ("fit", "chosen"),
    [("first", [0, 0, 1, 1]), ("best", [0, 1, 1, 0]), ("worst", [0, 1, 1, 0])],
)
def test_tasks_go_where_the_heuristic_says(fit: str, chosen: list[int]) -> None:
    # By decreasing size: 0.6; 0.5; then 0.4 and 0.3.
    utilizations = {"first": [0.6, 0.4, 0.5, 0.3], "best": [0.6, 0.5, 0.45, 0.3]}.get(
        fit, [0.6, 0.5, 0.3, 0.2]
    )
    assert partition(utilizations, 2, fit) == (chosen, True)


def test_a_task_without_room_goes_to_the_emptiest_and_is_told() -> None:
    assert partition([0.9, 0.6, 0.5], 2, "first") == ([0, 1, 1], False)
    (taskset,) = RandomTaskSets(tasks=3, utilization=1.99, processors=2, seed=1)
    assert taskset.origin is not None
    assert taskset.origin["fits"] is False
    assert {task.cores for task in taskset} == {1}


GRID: dict[str, Any] = {"tasks": [2, 5], "utilization": [0.4, 0.8], "sets": 3, "seed": 11}


def test_a_grid_holds_sets_of_every_size_at_every_utilization() -> None:
    grid = RandomTaskSets(**GRID)
    drawn = list(grid)
    assert len(drawn) == len(grid) == 12
    assert [len(taskset) for taskset in drawn] == [2] * 6 + [5] * 6
    for taskset, total in zip(drawn, [0.4] * 3 + [0.8] * 3 + [0.4] * 3 + [0.8] * 3, strict=True):
        # busy counts whole microseconds.
        assert taskset.utilization == pytest.approx(total, abs=1e-3)
        for task in taskset:
            assert task.executiontime_ns is None
            # Jobs are released for one second, and no longer.
            assert (
                (task.numberofjobs - 1) * task.period_ns
                < 10**9
                <= task.numberofjobs * (task.period_ns)
            )
    assert drawn[7] == grid[7] == grid[-5]
    assert len({taskset.name for taskset in drawn}) == 12


def test_a_set_depends_on_its_own_place_alone() -> None:
    alone = RandomTaskSets(tasks=5, utilization=0.8, sets=3, seed=11)
    assert list(alone) == list(RandomTaskSets(**GRID))[9:]


def test_another_assignment_has_the_same_tasks() -> None:
    def bare(sets: RandomTaskSets) -> list[Any]:
        return [[(task.arg1, task.period_ns) for task in taskset] for taskset in sets]

    assert bare(RandomTaskSets(**GRID)) == bare(RandomTaskSets(**GRID, priorities="edf"))
    assert bare(RandomTaskSets(**GRID)) != bare(RandomTaskSets(**{**GRID, "seed": 12}))


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"method": "uunifast", "periods": "automotive", "deadlines": "constrained:0.5"},
        {
            "method": "convolutionalfixedsum",
            "tasks": 2,
            "caps": [0.7, 0.2],
            "priorities": "audsley",
        },
        {"processors": 2, "utilization": 1.5, "fit": "best", "priorities": "edf"},
    ],
)
def test_a_set_is_made_again_from_its_origin(more: dict[str, Any]) -> None:
    for taskset in RandomTaskSets(**{**GRID, **more}):
        assert taskset.origin is not None
        again = RandomTaskSets.again(taskset.origin)
        assert again == taskset
        assert again.origin == taskset.origin


def test_a_seed_that_nobody_gave_is_told() -> None:
    drawn = RandomTaskSets(tasks=3, utilization=0.5)
    other = RandomTaskSets(tasks=3, utilization=0.5)
    assert drawn.seed != other.seed
    (taskset,) = drawn
    assert taskset.origin is not None
    assert taskset.origin["seed"] == drawn.seed


def test_the_same_seed_draws_the_same_sets_on_every_host() -> None:
    """Numbers that were drawn once, on one host; a change of them changes users' data."""
    told = [
        (int(task.arg1), task.period_ns // 1000, task.deadline_ns // 1000)
        for task in RandomTaskSets(tasks=3, utilization=0.7, seed=2026, deadlines="constrained")[0]
    ]
    assert told == [(3597, 25000, 6293), (4924, 57000, 33993), (312834, 666000, 570866)]
    assert shuffled(generator(1, 2), "abcdef") == list("edabfc")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"tasks": 0}, "tasks is a whole number from 1 to 256, not 0"),
        ({"tasks": []}, "tasks has no value"),
        ({"utilization": -1}, "utilization is a number from 1e-06 to 1024, not -1"),
        ({"utilization": 3.0}, "2 tasks of at most 1 each do not come to a utilization of 3"),
        ({"utilization": 1.5, "method": "uunifast"}, "uunifast knows no cap"),
        ({"caps": [0.5, 0.6], "tasks": 2}, "randfixedsum knows one cap for all tasks"),
        ({"caps": [0.5, 0.6], "tasks": 5}, "there are 2 caps for 5 tasks"),
        ({"method": "drs"}, "method is randfixedsum, uunifast"),
        ({"priorities": "best"}, "priorities is rm, dm, audsley, edf, not 'best'"),
        ({"tasks": 98}, "98 tasks have no priority of their own each"),
        ({"seed": -1}, "seed is a whole number from 0"),
        ({"seed": 1.5}, "seed is a whole number from 0"),
        ({"duration_ms": 0}, "duration_ms is a number"),
        ({"periods": "10"}, "'10' is no span of time"),
    ],
)
def test_what_cannot_be_drawn_is_told_at_once(more: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        RandomTaskSets(**{**GRID, **more})


def test_discarding_gives_up() -> None:
    with pytest.raises(ConfigurationError, match="threw away 100000 vectors of 12 tasks"):
        draw_utilizations(generator(1), "uunifast-discard", 12, 11.9, [1.0])


def test_an_origin_of_something_else_is_told() -> None:
    made = TaskSet(Task("hey"), origin={"file": "x"})
    assert made.origin is not None
    with pytest.raises(ConfigurationError, match="of no set drawn here"):
        RandomTaskSets.again(made.origin)


def test_a_library_is_loaded_when_it_is_used() -> None:
    program = (
        "import sys, distributor\n"
        "assert not {'numpy', 'scipy', 'convolutionalfixedsum'} & sys.modules.keys()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
