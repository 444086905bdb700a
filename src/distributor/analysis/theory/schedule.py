"""The schedule itself, exactly, until it repeats: what offsets and ties really do.

Every job takes its WCET. On one processor, with preemption and independent tasks, no
shorter job makes another one later, so a schedule without a miss is the proof of all.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from math import lcm

from distributor.analysis.theory.fixed import TooLong
from distributor.analysis.theory.model import TheoryTask

#: Jobs that a schedule is followed for.
JOBS_MAX = 200_000


@dataclass(frozen=True, slots=True)
class Miss:
    """A deadline that is missed, and none before it that its task's jobs had."""

    task: TheoryTask
    #: Index of the job in its task, from 0.
    job: int
    #: When it was due, counted as the offsets are.
    due_ns: int


def first_miss(tasks: Sequence[TheoryTask], jobs_max: int = JOBS_MAX) -> Miss | None:
    """A deadline that the tasks of one processor miss, None where there is none, ever.

    Jobs of equal standing (one priority, or one absolute deadline) run in the order of
    their releases, those of one moment in the order of the set. The schedule is followed
    from the last offset by one hyperperiod after the other until what is left to do at the
    end of one, and when it is due, is what it was at its beginning (after Leung and Merrill,
    Information Processing Letters 11(3), 1980): from there on it repeats.

    :raise TooLong: that takes more jobs than ``jobs_max``.
    """
    hyperperiod_ns = lcm(*(task.period_ns for task in tasks))
    mark_ns = max(task.offset_ns for task in tasks)
    releases = [(task.offset_ns, place, 0) for place, task in enumerate(tasks)]
    heapq.heapify(releases)
    # Jobs that are not done: their order, then due, place, job, and the time they still take.
    ready: list[tuple[tuple[int, int, int, int], int, int, int, int]] = []
    before: list[tuple[int, int, int]] | None = None
    now_ns = released = 0
    while True:
        if now_ns >= mark_ns:
            # What is released at the mark itself is not among them.
            left = sorted(
                (place, due_ns - mark_ns, left_ns) for _, due_ns, place, _, left_ns in ready
            )
            if left == before:
                return None
            before = left
            mark_ns += hyperperiod_ns
        while releases[0][0] <= now_ns:
            release_ns, place, job = releases[0]
            task = tasks[place]
            heapq.heapreplace(releases, (release_ns + task.period_ns, place, job + 1))
            due_ns = release_ns + task.deadline_ns
            order = (1, task.priority, release_ns, place)
            if task.edf:
                order = (0, due_ns, release_ns, place)
            heapq.heappush(ready, (order, due_ns, place, job, task.wcet_ns))
            released += 1
        if released > jobs_max:
            raise TooLong("the hyperperiod is too long to be followed")
        next_ns = min(releases[0][0], mark_ns)
        if not ready:
            now_ns = next_ns
            continue
        order, due_ns, place, job, left_ns = ready[0]
        end_ns = now_ns + left_ns
        if min(end_ns, next_ns) > due_ns:
            return Miss(tasks[place], job, due_ns)
        if end_ns <= next_ns:
            heapq.heappop(ready)
            now_ns = end_ns
        else:
            heapq.heapreplace(ready, (order, due_ns, place, job, end_ns - next_ns))
            now_ns = next_ns
