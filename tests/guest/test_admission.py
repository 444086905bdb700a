"""Admission control: what is admitted holds its deadlines, and no more is refused than must be."""

from __future__ import annotations

import math
import random
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from distributor.session.description import Goal, describe_goal
from tests.guest.plain_host import describe

NONE, FAIRNESS, UTILIZATION = range(3)
EDF = 128
#: C, T, D in milliseconds, and the priority.
Row = tuple[int, int, int, int]


def run(parsers: Path, *arguments: object, data: bytes) -> list[str]:
    done = subprocess.run(
        [str(parsers), *map(str, arguments)], input=data, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().splitlines()


def admitted(
    parsers: Path,
    rows: Sequence[Row],
    goal: int = FAIRNESS,
    cpus: int = 1,
    places: Sequence[tuple[int, int]] = (),
) -> list[int]:
    tasks = []
    for place, (c, t, d, priority) in enumerate(rows):
        task = {
            "pkg": "hey",
            "executiontime": c,
            "period": t,
            "deadline": d,
            "priority": priority,
        }
        if places:
            task["coreoffset"], task["cores"] = places[place]
        tasks.append(task)
    return [int(line) for line in run(parsers, "admit", goal, cpus, data=describe(tasks))]


def fits(rows: Sequence[Row]) -> bool:
    """Whether one processor holds all deadlines, found by running it, millisecond by
    millisecond, from the synchronous release on for a hyperperiod."""
    end = math.lcm(*(t for _, t, _, _ in rows))
    left, due = [0] * len(rows), [0] * len(rows)
    for now in range(end + 1):
        for place, (c, t, d, _) in enumerate(rows):
            if left[place] and due[place] <= now:
                return False
            if now % t == 0:
                left[place], due[place] = c, now + d
        # EDF tasks before all others, equal priorities by their place (the worst case of
        # the last is when all others go before it, so equal ones are not drawn).
        ready = [
            (rows[place][3] != EDF, due[place] if rows[place][3] == EDF else rows[place][3], place)
            for place in range(len(rows))
            if left[place]
        ]
        if ready:
            left[min(ready)[2]] -= 1
    return True


def first_come(rows: Sequence[Row]) -> list[int]:
    chosen: list[int] = []
    for place in range(len(rows)):
        if fits([rows[each] for each in [*chosen, place]]):
            chosen.append(place)
    return chosen


def draw(dice: random.Random, kind: str) -> list[Row]:
    rows: list[Row] = []
    priorities = dice.sample(range(100), 6)
    for place in range(dice.randrange(2, 6)):
        t = dice.choice([4, 5, 6, 8, 10, 12, 15, 20])
        d = dice.randrange(max(1, t // 2), t + 1)
        edf = kind == "edf" or (kind == "mixed" and dice.random() < 0.5)
        rows.append((dice.randrange(1, t // 2 + 1), t, d, EDF if edf else priorities[place]))
    return rows


@pytest.mark.parametrize("kind", ["fixed", "edf", "mixed"])
def test_on_one_processor_the_tests_are_exact(parsers: Path, kind: str) -> None:
    dice = random.Random(f"admission {kind}")
    refused = 0
    for _ in range(150):
        rows = draw(dice, kind)
        expected = first_come(rows)
        assert admitted(parsers, rows) == expected, rows
        refused += len(expected) < len(rows)
    assert 30 < refused < 150


def test_utilization_never_admits_less(parsers: Path) -> None:
    dice = random.Random(11)
    more = 0
    for _ in range(150):
        rows = draw(dice, "mixed")

        def load(chosen: list[int], rows: list[Row] = rows) -> float:
            return sum(rows[place][0] / rows[place][1] for place in chosen)

        fair, full = admitted(parsers, rows), admitted(parsers, rows, UTILIZATION)
        assert load(full) >= load(fair) - 1e-9
        assert fits([rows[place] for place in full])
        more += load(full) > load(fair) + 1e-9
    assert more > 10


def test_the_goals_differ_in_whom_they_take_first(parsers: Path) -> None:
    rows = [(2, 10, 10, EDF), (9, 10, 10, EDF)]
    assert admitted(parsers, rows, NONE) == [0, 1]
    assert admitted(parsers, rows, FAIRNESS) == [0]
    assert admitted(parsers, rows, UTILIZATION) == [1]


def test_a_full_processor_is_admitted(parsers: Path) -> None:
    assert admitted(parsers, [(1, 3, 3, EDF)] * 3) == [0, 1, 2]
    assert admitted(parsers, [(1, 3, 3, EDF)] * 4) == [0, 1, 2]


def test_a_task_without_executiontime_is_admitted_and_not_counted(parsers: Path) -> None:
    assert admitted(parsers, [(9, 10, 10, 1), (0, 10, 10, 0), (9, 10, 10, 2)]) == [0, 1]


def test_tasks_of_one_priority_wait_for_each_other(parsers: Path) -> None:
    assert admitted(parsers, [(2, 10, 4, 1), (2, 10, 4, 1), (1, 10, 9, 1)]) == [0, 1]


def test_processors_of_their_own_are_tested_apart(parsers: Path) -> None:
    rows = [(8, 10, 10, 1), (8, 10, 10, 2), (8, 10, 10, EDF), (2, 10, 10, EDF)]
    assert admitted(parsers, rows, cpus=2, places=[(0, 1), (1, 1), (0, 1), (1, 1)]) == [0, 1, 3]


@pytest.mark.parametrize("priorities", [(EDF,) * 4, (1, 2, 3, 4)])
def test_tasks_that_may_use_all_processors_use_them(
    parsers: Path, priorities: tuple[int, ...]
) -> None:
    rows = [(4, 10, 10, priority) for priority in priorities]
    assert admitted(parsers, rows) == [0, 1]
    assert len(admitted(parsers, rows, cpus=2)) >= 3
    # Dhall's effect: a long task behind m short ones.
    dhall = [(2, 10, 10, priorities[0]), (2, 10, 10, priorities[1]), (10, 11, 11, priorities[2])]
    assert admitted(parsers, dhall, cpus=2) == [0, 1]


def test_processors_that_overlap_are_tested_as_one(parsers: Path) -> None:
    rows = [(4, 10, 10, 1), (4, 10, 10, 2), (4, 10, 10, 3)]
    assert admitted(parsers, rows, cpus=3, places=[(0, 2), (1, 2), (2, 1)]) == [0, 1]


def test_no_set_takes_long(parsers: Path) -> None:
    dice = random.Random(3)
    rows = [
        (dice.randrange(1, 50), dice.randrange(3_000, 300_000_000), dice.randrange(2, 10**8), EDF)
        for _ in range(250)
    ]
    admitted(parsers, rows, UTILIZATION)
    huge = 10 * 365 * 24 * 3600 * 1000
    for priority in (EDF, 1):
        rows = [(huge, huge, huge, priority), (1, 1, 1, priority), (huge - 1, huge, 1, priority)]
        assert admitted(parsers, rows) == [0]
        assert len(admitted(parsers, rows, cpus=64)) <= 3


@pytest.mark.parametrize(
    ("goal", "number"), [(Goal.FAIRNESS, FAIRNESS), (Goal.UTILIZATION, UTILIZATION)]
)
def test_the_loader_reads_what_the_host_says(parsers: Path, goal: Goal, number: int) -> None:
    assert run(parsers, "goal", data=describe_goal(goal.parameters)) == [str(number)]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<optimize/>", "0"),
        ("<optimize><goal/><query_interval>1000</query_interval></optimize>", "0"),
        ("<optimize><goal><speed><apply>1</apply></speed></goal></optimize>", "0"),
        ("<optimize><goal><fairness><apply>0</apply></fairness></goal></optimize>", "0"),
        ("<taskset/>", "refused optimize: is not well formed"),
        ("<optimize><goal><fairness>", "refused optimize: "),
        ("", "refused optimize: "),
    ],
)
def test_any_other_document_does_no_harm(parsers: Path, text: str, answer: str) -> None:
    (line,) = run(parsers, "goal", data=text.encode())
    assert line.startswith(answer)


def test_ratios_are_exact_to_the_last_bit(parsers: Path) -> None:
    random.seed(5)
    edges = [1, 2, 3, 2**31, 2**32 - 1, 2**32, 2**62, 2**63 - 1, 2**63]
    rows = [tuple(random.choice(edges) for _ in range(4)) for _ in range(300)]
    rows += [
        tuple(random.randint(1, 2 ** random.randint(1, 63)) for _ in range(4)) for _ in range(300)
    ]
    # equal ratios of large numbers, and the same a unit apart
    for a, b, c, d in rows[:200]:
        rows += [(a // 4, b, a // 4, b), (a // 4 + 1, b, a // 4, b), (min(a, c), d, min(a, c), d)]
    data = "".join(f"{a} {b} {c} {d}\n" for a, b, c, d in rows).encode()
    for row, line in zip(rows, run(parsers, "ratio", data=data), strict=True):
        a, b, c, d = row
        below, above = (a << 32) // b, -((-a << 32) // b)
        if a // b >= 2**31:
            below = above = 2**64 - 1
        order = (a * d > c * b) - (a * d < c * b)
        assert line == f"{below} {above} {order}", row
