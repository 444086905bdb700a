"""The growing search as a pure source: what it runs, whatever the order of the verdicts."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.errors import ConfigurationError, StateError
from distributor.jobs.growth import Growth, Members, members_of
from distributor.jobs.job import LATER
from distributor.tasks.task import Task
from distributor.tasks.taskset import TaskSet

Judge = Callable[[Members], bool]


def tasks(count: int) -> list[Task]:
    return [Task("busy", arg1=n) for n in range(count)]


def light(most: int) -> Judge:
    """Good are the sets whose places add up to little."""
    return lambda members: sum(members) <= most


def run(
    growth: Growth, judge: Judge, *, machines: int = 1, order: random.Random | None = None
) -> list[Members]:
    """Run a search on so many machines; sets end in any order. Gives the order of begin."""
    begun: list[Members] = []
    running: list[TaskSet] = []
    while True:
        drawn = next(growth, None) if len(running) < machines else LATER
        if isinstance(drawn, TaskSet):
            begun.append(members_of(drawn))
            running.append(drawn)
        elif running:
            place = order.randrange(len(running)) if order else 0
            taskset = running.pop(place)
            growth.decide(taskset, judge(members_of(taskset)))
        elif drawn is None:
            return begun


def by_hand(
    count: int, judge: Judge, rank: Callable[[Members], int], per_size: int, most: int | None
) -> tuple[set[Members], list[int]]:
    """The search as it is told to users: size after size, each waited for.

    Gives the sets that are run, and the number of candidates of each size that has one.
    """
    found: set[Members] = set()
    numbers: list[int] = []
    below: set[Members] = set()
    alone: list[int] = []
    for size in range(1, count + 1):
        candidates = (
            {(n,) for n in range(count)}
            if size == 1
            else {
                tuple(sorted((*members, n))) for members in below for n in alone if n not in members
            }
        )
        room = per_size if most is None else min(per_size, most - len(found))
        chosen = sorted(candidates, key=rank)[:room]
        found.update(chosen)
        numbers += [len(candidates)] if chosen else []
        below = {members for members in chosen if judge(members)}
        if size == 1:
            alone = [n for (n,) in below]
    return found, numbers


def test_sets_grow_from_good_sets_and_good_tasks() -> None:
    growth = Growth(tasks(4), seed=1, per_size=100)
    begun = run(growth, lambda members: 2 not in members and members != (0, 1))
    assert sorted(begun) == [(0,), (0, 1), (0, 1, 3), (0, 3), (1,), (1, 3), (2,), (3,)]
    assert growth.complete
    assert [(each.size, each.candidates, each.decided, each.good) for each in growth.sizes()] == [
        (1, None, 4, 3),
        (2, None, 3, 2),
        (3, None, 1, 1),
    ]
    assert [each.candidates for each in growth.sizes(candidates=True)] == [4, 3, 1]


def test_a_set_tells_where_it_is_from() -> None:
    taskset = next(Growth(tasks(1), seed="x", per_size=7))
    assert isinstance(taskset, TaskSet)
    assert taskset.origin == {
        "generator": "campaign",
        "seed": "x",
        "per_size": 7,
        "size": 1,
        "tasks": [0],
    }


@settings(max_examples=300, deadline=None)
@given(
    count=st.integers(1, 7),
    per_size=st.integers(1, 40),
    most=st.none() | st.integers(1, 60),
    machines=st.integers(1, 9),
    seed=st.integers(0, 99),
    bad=st.sets(st.integers(0, 2**7 - 1), max_size=40),
    chance=st.randoms(use_true_random=False),
)
def test_it_runs_the_same_sets_on_any_number_of_machines_in_any_order(
    count: int,
    per_size: int,
    most: int | None,
    machines: int,
    seed: int,
    bad: set[int],
    chance: random.Random,
) -> None:
    def judge(members: Members) -> bool:
        return sum(2**n for n in members) not in bad

    growth = Growth(tasks(count), seed=seed, per_size=per_size, most=most)
    begun = run(growth, judge, machines=machines, order=chance)
    assert len(begun) == len(set(begun))
    found, numbers = by_hand(count, judge, growth._rank, per_size, most)
    assert set(begun) == found
    assert [each.candidates for each in growth.sizes(candidates=True)] == numbers
    assert growth.complete

    # Interrupted anywhere, it goes on with what has not been run.
    known = {members: judge(members) for members in begun[: chance.randrange(len(begun) + 1)]}
    again = Growth(tasks(count), seed=seed, per_size=per_size, most=most, known=known)
    rest = run(again, judge, machines=machines, order=chance)
    assert not set(rest) & set(known)
    assert set(rest) | set(known) == set(begun)
    assert again.sizes(candidates=True) == growth.sizes(candidates=True)


def test_the_seed_draws_the_sample_and_all_candidates_have_the_same_chance() -> None:
    drawn: list[Members] = []
    for seed in range(400):
        growth = Growth(tasks(6), seed=seed, per_size=6, largest=2)
        drawn += [members for members in run(growth, light(99)) if len(members) == 2]
    counts = {pair: drawn.count(pair) for pair in itertools.combinations(range(6), 2)}
    # 400 draws of 6 from 15: 160 for each pair, with a standard deviation of 9.8.
    assert all(110 < count < 210 for count in counts.values())
    assert len(drawn) == 2400


def test_machines_stay_busy_at_the_end_of_a_size() -> None:
    growth = Growth(tasks(30), seed=1, per_size=30, largest=3)
    slow, *rest = (next(growth) for _ in range(30))
    for taskset in rest:
        assert isinstance(taskset, TaskSet)
        growth.decide(taskset, True)
    # One set of size 1 has no verdict yet; nearly all of size 2 are begun all the same.
    pairs = list(itertools.takewhile(lambda drawn: isinstance(drawn, TaskSet), growth))
    assert 25 <= len(pairs) < 30
    assert {len(pair) for pair in pairs if isinstance(pair, TaskSet)} == {2}
    assert isinstance(slow, TaskSet)
    growth.decide(slow, False)
    assert sum(isinstance(drawn, TaskSet) for drawn in itertools.islice(growth, 9)) == 30 - len(
        pairs
    )


def test_a_higher_bound_on_all_sets_runs_the_same_and_more() -> None:
    few = Growth(tasks(8), seed=3, per_size=20, most=25)
    many = Growth(tasks(8), seed=3, per_size=20, most=40)
    assert set(run(few, light(12))) < set(run(many, light(12)))
    assert few.cut
    assert not Growth(tasks(2), seed=3, per_size=20, most=40).cut


def test_stopped_it_waits_for_what_runs_and_begins_no_more() -> None:
    growth = Growth(tasks(3), seed=1, per_size=9)
    first = next(growth)
    assert isinstance(first, TaskSet)
    growth.stop()
    assert next(growth) is LATER
    growth.decide(first, True)
    assert next(growth, None) is None
    assert not growth.complete


def test_nothing_is_made_of_nothing() -> None:
    with pytest.raises(ConfigurationError, match="at least one task"):
        Growth([], seed=1, per_size=1)
    with pytest.raises(ConfigurationError, match="per_size is a whole number from 1 up, not 0"):
        Growth(tasks(1), seed=1, per_size=0)
    growth = Growth(tasks(1), seed=1, per_size=1)
    with pytest.raises(StateError, match="is not being run"):
        growth.decide(TaskSet(tasks(1), origin={"generator": "campaign", "tasks": [0]}), True)
    with pytest.raises(StateError, match="comes from no search"):
        growth.decide(TaskSet(tasks(1)), True)
